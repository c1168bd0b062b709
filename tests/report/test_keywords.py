"""Keywords of a card fit its name: the name's own terms come first."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mmembed.report import build_report

ZH = {
    "质量 · 漏水 · 拉链坏": [
        "拉链坏了，质量太差",
        "水杯漏水，能退钱吗",
        "跟图片两样，能退钱吗",
        "漏水，破了个洞",
        "破了个洞，能退钱吗",
        "跟图片两样，破了个洞",
    ],
    "发票": ["发票抬头写错了", "怎么开发票", "发票还在审核", "要纸质发票", "发票抬头是公司", "公司要报销发票"],
}
EN = {
    "zip · leaks": [
        "the zip is broken",
        "bottle leaks, refund",
        "unlike the photo, refund",
        "it leaks, a hole",
        "a hole, refund",
        "hole, photo",
    ],
    "invoice": [
        "invoice has a wrong name",
        "how to get an invoice",
        "invoice pending",
        "paper invoice",
        "company invoice",
        "invoice for tax",
    ],
}


def table(texts):
    named = [(name, text) for name, rows in texts.items() for text in rows * 3]
    code = pd.factorize(pd.Series([name for name, _ in named]))[0]
    return pd.DataFrame(
        {
            "title": [text for _, text in named], "cluster_name": [name for name, _ in named], "cluster": code,
            "map_x": code + np.linspace(0, 0.1, len(code)), "map_y": 0.0,
        }
    )  # fmt: skip


@pytest.mark.parametrize(("texts", "language"), [(ZH, "zh"), (EN, "en")], ids=["zh", "en"])
def test_the_terms_of_a_name_are_the_first_keywords(texts, language):
    """Each part of the name that stands in a text leads, once, and the list is no longer than before."""
    report = build_report(table(texts), text="title", language=language)
    separator, colon = ("、", "关键词：") if language == "zh" else (", ", "Keywords: ")
    for one in json.loads(report.to_json())["clusters"]:
        parts = one["name"].split(" · ")
        assert one["keywords"][: len(parts)] == parts
        assert len(set(one["keywords"])) == len(one["keywords"]) <= 6
        assert f"{colon}{separator.join(one['keywords'])}\n" in report.to_markdown()
    chips = report.html()
    assert not any(f'<li dir="auto">{part}</li>' in chips for name in texts for part in name.split(" · "))


def test_a_part_of_a_name_that_stands_in_no_text_is_no_keyword():
    """A word of a vocabulary, of the caller, or a piece of another word is not what the texts say."""
    df = table(EN)
    df["cluster_name"] = df["cluster"].map({0: "mixed · hol · goods", 1: "<b>invoice</b> · paper"})
    found = [one["keywords"] for one in json.loads(build_report(df, text="title").to_json())["clusters"]]
    words = {word for keywords in found for word in keywords}
    assert not words & {"mixed", "hol", "goods", "<b>invoice</b>"}
    assert "paper" in (found[0][0], found[1][0])
