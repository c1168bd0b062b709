"""The demo: the main steps on the sample data, told in the reader's language. What a newcomer sees first."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd

import mmembed
from mmembed.cli.tables import TableError, read_table
from mmembed.cli.terminal import text_table

Say = Callable[[str], None]
Language = Literal["zh", "en"]

_QUERIES = {
    "en": (("bird", "image"), ("flower", "image"), ("something red", "image"), ("musical instrument", "video")),
    "zh": (("鸟", "image"), ("花", "image"), ("红色", "image"), ("乐器", "video")),
}
_LIKE = 100  # a photograph of a plumber's wrench: more like this

_LABELS = {
    "en": {
        "animals": "animal",
        "clothes": "clothing",
        "food": "food",
        "hobbies": "musical instrument",
        "household": "household item",
        "plants": "plant",
        "space": "outer space",
        "vehicles": "vehicle",
    },
    "zh": {
        "animals": "动物",
        "clothes": "衣服",
        "food": "食物",
        "hobbies": "乐器",
        "household": "家居用品",
        "plants": "植物",
        "space": "太空星球",
        "vehicles": "交通工具",
    },
}

_WORDS = {
    "en": {
        "start": (
            "{rows} rows: captions in English and Chinese, {images} photographs, {videos} clips.\n"
            "Model: local, without a key and without the network. The first run takes about half a minute "
            "(longer on a busy machine)."
        ),
        "embedded": "Embedded in {seconds:.0f} s. They are kept in the cache: the next run takes about ten seconds.\n",
        "image": "Photographs found by “{query}”:  {found}",
        "video": "Clips found by “{query}”:  {found}",
        "like": "Photographs like that of the {query}:  {found}\n",
        "labels": (
            "Labels without training, from the words {words}:\n"
            "  {right:.0%} of the photographs get the right one; always saying the commonest would get {most:.0%}.\n"
        ),
        "clusters": (
            "Groups of caption and photograph together; nobody said how many there are. Rows that fit no group\n"
            "are “noise” here and “unassigned” on the page:"
        ),
        "rows": "rows",
        "name": "name",
        "typical": "typical rows",
        "limits": (
            "The local model cannot see actions, numbers of things, style, or text in pictures: asked for “{query}”,\n"
            "it answers “{answer}”. A model of the API sees more.\n"
        ),
        "unseen": "a running dog",
        "done": (
            "Done in {seconds:.0f} s. Open this page in a browser:\n  {path}\n"
            "Point at a dot, click on the name of a group, search for “flower”.\n"
            "Near duplicates, outliers and labels to check are further down."
        ),
        "title": "mmembed demo",
        "join": ", ",
    },
    "zh": {
        "start": (
            "{rows} 行：中英文说明、{images} 张照片、{videos} 段短片。\n"
            "模型：local，不需要密钥，也不联网。第一次运行约半分钟，机器忙时会久一些。"
        ),
        "embedded": "向量化用了 {seconds:.0f} 秒。向量存在缓存里，下次约十秒。\n",
        "image": "用“{query}”找照片：{found}",
        "video": "用“{query}”找短片：{found}",
        "like": "找和“{query}”这张照片相似的照片：{found}\n",
        "labels": (
            "不用训练，只凭类别词（{words}）分类：\n  {right:.0%} 的照片分对了；全归为最多的一类，只对 {most:.0%}。\n"
        ),
        "clusters": "按说明和照片一起分组，组数自动定；“噪声”是哪一组都不像的行，报告里叫“未归类”：",
        "rows": "行数",
        "name": "名字",
        "typical": "代表",
        "limits": (
            "本地模型看不见动作、数量、风格和图里的文字：用“{query}”去找，找到的是“{answer}”。\n"
            "要看得更多，请用 API 的模型。\n"
        ),
        "unseen": "奔跑的狗",
        "done": (
            "用时 {seconds:.0f} 秒。请用浏览器打开：\n  {path}\n"
            "把光标停在点上看图，点一个主题名，搜“花”；往下翻有近似重复、离群的行和可疑标签。"
        ),
        "title": "mmembed 示例报告",
        "join": "、",
    },
}


def language_of(environment: Mapping[str, str]) -> Language:
    """Return the reader's language by the variables of the locale: Chinese where they say so, else English.

    Parameters
    ----------
    environment : mapping
        Such as ``os.environ``.

    Examples
    --------
    >>> language_of({"LANG": "zh_CN.UTF-8"})
    'zh'
    >>> language_of({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"})
    'en'
    """
    named = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return "zh" if named.lower().startswith("zh") else "en"


def run_demo(data: Path | None, output: Path, *, language: Literal["auto", "zh", "en"] = "auto", say: Say) -> None:
    """Embed, search, label, group, map and report on the sample data with the local model.

    Parameters
    ----------
    data : Path or None
        Folder that holds ``demo.csv``; looked for beside the package and in the current folder if None.
    output : Path
        Where the page is written.
    language : {"auto", "zh", "en"}
        Language of what is said and of the page; that of the locale by default.
    say : callable
        Prints one line.

    Raises
    ------
    TableError
        If there is no sample data.
    """
    started = time.perf_counter()
    told = language_of(os.environ) if language == "auto" else language
    words, text = _WORDS[told], f"text_{told}"
    folder = _folder(data)
    df = read_table(folder / "demo.csv")
    say(words["start"].format(rows=len(df), images=df["image"].notna().sum(), videos=df["video"].notna().sum()))
    df = df.mmembed.embed({"image": "image", "video": "video"}, model="local", root=folder)
    df = df.assign(caption=df["text_en"] + " " + df["text_zh"])
    df = df.mmembed.fuse(text="caption", image="image", model="local", root=folder)
    say(words["embedded"].format(seconds=time.perf_counter() - started))

    _show_searches(df, told, say)
    _show_labels(df, told, say)
    df = df.mmembed.cluster("fused_vector", text=text).mmembed.project("fused_vector")
    _show_clusters(df, told, say)
    missed = df.mmembed.search(words["unseen"], "image_vector", k=1)[text].iloc[0]
    say(words["limits"].format(query=words["unseen"], answer=missed))

    path = _report(df, folder, told).save(output)
    say(words["done"].format(seconds=time.perf_counter() - started, path=path.resolve()))


def _report(df: pd.DataFrame, folder: Path, language: Language) -> Any:
    other = "en" if language == "zh" else "zh"
    df = df.mmembed.outliers("fused_vector")
    return df.mmembed.report(
        "fused_vector",
        text=[f"text_{language}", f"text_{other}"],
        image="image",
        video="video",
        title=_WORDS[language]["title"],
        language=language,
        breakdown="category",
        duplicates=mmembed.find_duplicates(df["image_vector"]),
        label_issues=mmembed.fit_classifier(df["fused_vector"], df["category"]),
        root=folder,
    )


def _folder(data: Path | None) -> Path:
    candidates = [data] if data is not None else [Path(__file__).parents[3] / "data", Path("data")]
    for folder in candidates:
        if (folder / "demo.csv").is_file():
            return folder
    tried = ", ".join(str(folder) for folder in candidates)
    raise TableError(
        f"There is no demo.csv in {tried}. The sample data is not part of the installed package: run the demo in a "
        "clone of the repository, or give the clone's data folder with --data. A table of your own needs neither: "
        "mmembed embed table.csv --column title --modality text --model local -o out.parquet"
    )


def _show_searches(df: pd.DataFrame, language: Language, say: Say) -> None:
    words, text = _WORDS[language], f"text_{language}"
    for query, column in _QUERIES[language]:
        hits = df.mmembed.search(query, f"{column}_vector", k=3)
        say(words[column].format(query=query, found=words["join"].join(hits[text])))
    hits = df.mmembed.search(df.iloc[_LIKE], "image_vector", k=4)
    say(words["like"].format(query=df[text].iloc[_LIKE], found=words["join"].join(hits[text])))


def _show_labels(df: pd.DataFrame, language: Language, say: Say) -> None:
    # One kind of content throughout: its mean and the words' mean are removed, so that only differences count.
    words, labels = _WORDS[language], _LABELS[language]
    labelled = df.assign(kind="photograph").mmembed.classify("image_vector", labels=labels, kinds="kind")
    right = (labelled["label"] == labelled["category"]).mean()
    most = df["category"].value_counts(normalize=True).iloc[0]
    say(words["labels"].format(words=words["join"].join(labels.values()), right=right, most=most))


def _show_clusters(df: pd.DataFrame, language: Language, say: Say) -> None:
    words = _WORDS[language]
    clustered = df[df["cluster"].notna()].sort_values("cluster_score", ascending=False)
    groups = clustered.groupby("cluster")
    table = pd.DataFrame(
        {
            words["rows"]: groups.size(),
            words["name"]: groups["cluster_name"].first(),
            words["typical"]: groups[f"text_{language}"].agg(
                lambda texts: words["join"].join(map(_cut, texts.head(3)))
            ),
        }
    )
    say(f"{words['clusters']}\n{text_table(table)}\n")


def _cut(text: str, most: int = 24) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
