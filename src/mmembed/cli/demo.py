"""The whole line on the sample data: what a newcomer sees first."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from mmembed.cli.tables import TableError, read_table

Say = Callable[[str], None]
_QUERIES = (("鸟", "image"), ("水果", "image"), ("交通工具", "image"), ("musical instrument", "video"))
_LABELS = {
    "animals": "动物",
    "clothes": "衣服",
    "food": "食物",
    "hobbies": "乐器",
    "household": "家居用品",
    "plants": "植物",
    "space": "太空星球",
    "vehicles": "交通工具",
}


def run_demo(data: Path | None, output: Path, *, say: Say) -> None:
    """Embed, search, label, cluster, map and report on the sample data with the local model.

    Parameters
    ----------
    data : Path or None
        Folder that holds ``demo.csv``; looked for beside the package and in the current folder if None.
    output : Path
        Where the page is written.
    say : callable
        Prints one line.

    Raises
    ------
    TableError
        If there is no sample data.
    """
    started = time.perf_counter()
    folder = _folder(data)
    df = read_table(folder / "demo.csv")
    say(
        f"{len(df)} rows: {df['text_zh'].notna().sum()} captions in Chinese and English, "
        f"{df['image'].notna().sum()} photographs, {df['video'].notna().sum()} clips. Model: local, no key, no network."
    )
    df = df.mmembed.embed({"text_zh": "text", "image": "image", "video": "video"}, model="local", root=folder)
    say(f"Embedded in {time.perf_counter() - started:.0f} s (kept in the cache: the next run starts there).\n")
    _show_searches(df, say)
    _show_labels(df, say)
    df = df.mmembed.cluster("image_vector", text="text_zh").mmembed.project("image_vector")
    df = df.mmembed.outliers("image_vector")
    _show_clusters(df, say)
    report = df.mmembed.report(
        "image_vector",
        text=["text_zh", "text_en"],
        image="image",
        video="video",
        title="mmembed 示例报告",
        breakdown="category",
        root=folder,
    )
    path = report.save(output)
    say(
        f"Done in {time.perf_counter() - started:.0f} s. Open {path} in a browser: "
        "hover over the map, click a cluster, search for 花."
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


def _show_searches(df: pd.DataFrame, say: Say) -> None:
    for query, column in _QUERIES:
        hits = df.mmembed.search(query, f"{column}_vector", k=5)
        found = "  ".join(f"{row.text_zh} {row.similarity:.2f}" for row in hits.itertuples())
        say(f"Search {query!r} over the {column}s:  {found}")
    say("")


def _show_labels(df: pd.DataFrame, say: Say) -> None:
    # One kind of content throughout: its mean and the words' mean are removed, so that only differences count.
    labelled = df.assign(kind="photograph").mmembed.classify("image_vector", labels=_LABELS, kinds="kind")
    right = (labelled["label"] == labelled["category"]).mean()
    most = df["category"].value_counts(normalize=True).iloc[0]
    say(
        f"Labels from words alone ({'、'.join(_LABELS.values())}): {right:.0%} of the photographs right; "
        f"always guessing the commonest would be {most:.0%}.\n"
    )


def _show_clusters(df: pd.DataFrame, say: Say) -> None:
    clustered = df[df["cluster"].notna()]
    table = pd.DataFrame(
        {
            "rows": clustered.groupby("cluster").size(),
            "name": clustered.groupby("cluster")["cluster_name"].first(),
            "nearest the middle": clustered.sort_values("cluster_score", ascending=False)
            .groupby("cluster")["text_zh"]
            .agg(lambda texts: "、".join(texts.head(3))),
        }
    )
    say(f"Clusters of the photographs:\n{table.to_string()}\n")
