"""Sentences of the page say what was found and no more, in Chinese and in English."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mmembed.report import build_report
from mmembed.vectors import VectorArray

LANGUAGES = ("zh", "en")


@pytest.fixture
def told(goods):
    """Return a function that gives page and Markdown of the goods in a language."""

    def build(language, df=goods, **options):
        report = build_report(df, text="title", language=language, **options)
        return report.html(), report.to_markdown()

    return build


@pytest.mark.parametrize(
    ("language", "sentence"), [("zh", "没有发现可疑标签。"), ("en", "No label looks doubtful.")], ids=LANGUAGES
)
def test_no_doubtful_label_is_said_to_be_none(told, language, sentence):
    """Nought rows contradict nothing."""
    none = pd.DataFrame({"position": [], "given": [], "suggested": []})
    for shown in told(language, label_issues=none):
        assert sentence in shown
        assert "→" not in shown.split(sentence)[1][:40]


@pytest.mark.parametrize(
    ("language", "sentence"), [("zh", "没有一行有离群分数。"), ("en", "No row has a score.")], ids=LANGUAGES
)
def test_no_outlier_is_said_to_be_none(told, goods, language, sentence):
    """A column of scores without one lists none."""
    for shown in told(language, goods.assign(outlier_score=np.nan)):
        assert sentence in shown


@pytest.mark.parametrize(
    ("language", "told_of_two"), [("zh", "- 2 行相近："), ("en", "- 2 rows alike: ")], ids=LANGUAGES
)
def test_a_group_of_copies_says_what_its_number_counts(told, goods, language, told_of_two):
    """Markdown counts rows as the page does."""
    page, markdown = told(language, goods.assign(duplicate_group=[1, 1, *range(2, 24)]))
    assert markdown.count(told_of_two) == 1
    assert told_of_two.strip("- :：") in page


@pytest.mark.parametrize(("language", "note"), [("zh", "%（2 行）"), ("en", "% (2 rows)")], ids=LANGUAGES)
def test_what_stands_beside_a_figure_is_in_brackets(told, language, note):
    """Markdown has no small print, so that brackets part a figure from what explains it."""
    assert f"{note} |" in told(language)[1]


def dated(goods, step, times):
    df = pd.concat([goods] * times)
    return df.assign(day=pd.date_range("2024-01-01", periods=len(df), freq=step))


@pytest.mark.parametrize(
    ("language", "few", "many"),
    [
        (
            "zh",
            "随时间变化（按日）：2024-01-01 至 2024-01-08，依次 1、0、1、1、1、1、0、1 行",
            "，每期 {low} 至 {high} 行",
        ),
        (
            "en",
            "Over time, by day: 2024-01-01 to 2024-01-08, 1, 0, 1, 1, 1, 1, 0, 1 rows",
            ", {low} to {high} rows each",
        ),
    ],
    ids=LANGUAGES,
)
def test_a_trend_has_numbers(goods, language, few, many):
    """Each period's rows where they are few, else the fewest and the most; the page's picture says the same."""
    options = {"text": "title", "date": "day", "language": language}
    week = dated(goods, "8h", 1)
    report = build_report(week, **options)
    counts = [one["rows"] for one in json.loads(report.to_json())["clusters"][0]["trend"]]
    separator = "、" if language == "zh" else ", "
    line = few.replace(separator.join("10111101"), separator.join(map(str, counts)))
    assert f"{line}\n" in report.to_markdown()
    assert line.split("：" if language == "zh" else ": ")[1] in report.html()
    months = build_report(dated(goods, "5D", 5), **options)
    counts = [one["rows"] for one in json.loads(months.to_json())["clusters"][0]["trend"]]
    assert len(counts) > 14
    assert many.format(low=min(counts), high=max(counts)) in months.to_markdown()


def kinds(purity, kinds=4, values=4):
    """Return a table whose topics have one value each, but for a share of the rows."""
    code = np.repeat(np.arange(kinds), 100)
    value = np.where(np.arange(400) % 100 < 100 * purity, code, (code + 1) % kinds) % values
    return pd.DataFrame(
        {
            "title": [f"thing {row}" for row in range(400)], "cluster": code, "map_x": code * 1.0, "map_y": 0.0,
            "mood": [f"mood {one}" for one in value],
        }
    )  # fmt: skip


AGREEMENT = {
    "all": (kinds(1), "主题与「mood」一一对应：100% 的行", "The topics match “mood” one to one: 100% of the rows"),
    "nearly": (kinds(0.97), "几乎一一对应：97% 的行", "match “mood” almost one to one: 97% of the rows"),
    "some": (kinds(0.88), "主题与「mood」大体一致：88% 的行", "The topics follow “mood”: 88% of the rows"),
    "several topics of a value": (
        kinds(0.97, values=2),
        "每个主题几乎只有一个「mood」：97% 的行",
        "Each topic has nearly one “mood” only: 97% of the rows",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("df", "zh", "en"), AGREEMENT.values(), ids=AGREEMENT)
def test_agreement_is_worded_by_how_strong_it_is(df, zh, en):
    """Topics and values match one to one only where no two topics have one value."""
    report = build_report(df, text="title", breakdown="mood", language="zh")
    (one,) = [one for one in json.loads(report.to_json())["findings"] if one["kind"] == "agreement"]
    assert zh in one["text"]["zh"]
    assert en in one["text"]["en"]
    low = df["mood"].value_counts(normalize=True).iloc[0]
    assert (f"（全表最常见的值只占 {low:.0%}）" if low < 0.5 else f"（全表最常见的值占 {low:.0%}）") in one["text"][
        "zh"
    ]
    assert ("only" if low < 0.5 else "value of all has 50%") in one["text"]["en"].split("(")[1]
    assert one["text"]["zh"] in report.html()
    assert one["text"]["zh"] in report.to_markdown()


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("zh", "近似重复由本报告直接比对内容得出；单凭向量相似度区分不了。"),
        ("en", "compared as such; similarity of vectors alone does not tell them apart."),
    ],
    ids=LANGUAGES,
)
def test_the_note_on_copies_says_how_they_were_found(language, sentence):
    """Contents were compared, because similarity does not part copies from others."""
    names = ["lamp", "boots", "radio", "chair", "tent", "dress"]
    texts = [f"{name} of kind {row}, made in {2000 + row}" for row in range(20) for name in names]
    texts += [f"{text}!" for text in texts[:5]]
    rows = np.random.default_rng(0).normal(size=(len(texts), 16)).astype(np.float32)
    df = pd.DataFrame(
        {"title": texts, "title_vector": VectorArray.from_matrix(rows), "cluster": 0, "map_x": 0.0, "map_y": 0.0}
    )
    assert sentence in df.mmembed.report("title_vector", text="title", language=language).html()
