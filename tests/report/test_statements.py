"""Findings in sentences: what stands out is told in both languages with the right figures, and nothing else is."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from mmembed.report import build_report
from mmembed.report.statements import MOST_STATEMENTS, isolated
from mmembed.vectors import VectorArray


def table(rows=1200, topics=4, seed=0):
    """Return a table with clusters and a map, a category and a date that have nothing to do with them."""
    random = np.random.default_rng(seed)
    code = np.repeat(np.arange(topics), rows // topics)
    return pd.DataFrame(
        {
            "text": [f"thing {row}" for row in range(len(code))],
            "cluster": code,
            "cluster_name": [f"kind {one}" for one in code],
            "map_x": code * 5.0 + random.normal(size=len(code)),
            "map_y": random.normal(size=len(code)),
            "mood": random.choice(["good", "bad"], len(code)),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 700, len(code)), unit="D"),
        }
    )


def findings(df, **options):
    return json.loads(build_report(df, text="text", **options).to_json())["findings"]


def by_kind(df, **options):
    found = findings(df, **options)
    return {kind: [one for one in found if one["kind"] == kind] for kind in {one["kind"] for one in found}}


def test_without_structure_only_the_size_is_told():
    """Categories and dates at random give no sentence."""
    found = findings(table(), breakdown="mood", date="day")
    assert [one["kind"] for one in found] == ["size"]
    assert found[0]["text"] == {
        "zh": "1,200 行分成 4 个主题，最大的是「kind 0」，300 行（25%）。",
        "en": "1,200 rows fall into 4 topics. The largest is “kind 0”, with 300 rows (25%).",
    }


def test_a_topic_that_differs_is_told_with_its_share_and_that_of_all():
    """The sentence has the figures of the frame, and leads to the card of the topic."""
    df = table(3600, 12)
    df.loc[df.index[df["cluster"] == 2][:270], "mood"] = "bad"
    inside, whole = (df["mood"][rows].eq("bad").mean() for rows in (df["cluster"] == 2, slice(None)))
    (one,) = by_kind(df, breakdown="mood")["deviation"]
    assert one["target"] == "cluster-2"
    assert (one["figures"]["share"], one["figures"]["whole"]) == (pytest.approx(inside), pytest.approx(whole))
    assert one["text"]["en"] == (
        f"“kind 2” (300 rows): “mood” is “bad” in {inside:.0%}, against {whole:.0%} of all rows."
    )
    assert one["text"]["zh"] == (
        f"「kind 2」（300 行）中，「mood」为「bad」的占 {inside:.0%}，全部行中占 {whole:.0%}。"
    )


def test_rows_in_no_topic_count_to_the_whole():
    """What all rows are like is not what the rows in topics are like."""
    df = table().assign(cluster_name="one")
    df["mood"] = np.where(df["cluster"] == 0, "bad", "good")
    df["cluster"] = np.where(df["cluster"] >= 2, -1, df["cluster"])
    told = by_kind(df, breakdown="mood")
    assert told["unassigned"][0]["figures"] == {"rows": 600, "share": 0.5}
    assert told["agreement"][0]["figures"]["share"] == 1.0


def test_a_column_that_topics_follow_is_told_once():
    """One sentence stands for the same one of each topic."""
    df = table()
    told = by_kind(df.assign(mood=[f"mood {one}" for one in df["cluster"]]), breakdown="mood")
    assert "deviation" not in told
    assert "100% of the rows have the commonest value of their topic" in told["agreement"][0]["text"]["en"]
    assert "has only 25%" in told["agreement"][0]["text"]["en"]


def test_topics_that_grow_and_shrink_are_told_from_when():
    """Shares before and since are those of the halves of the rows."""
    df = table()
    late = df["cluster"] == 1
    df.loc[late, "day"] = pd.Timestamp("2025-06-01")
    told = by_kind(df, date="day")["trend"]
    grown = next(one for one in told if one["figures"]["topic"] == "kind 1")
    since = pd.Timestamp(grown["figures"]["from"])
    for figure, rows in (("before", df["day"] < since), ("since", df["day"] >= since)):
        assert grown["figures"][figure] == pytest.approx(late[rows].mean())
    assert "has become more frequent" in grown["text"]["en"]
    assert "越来越多" in grown["text"]["zh"]


def test_copies_outliers_and_labels_are_counted():
    """A copy is a row beyond the first of its group; a single score far above all others is an outlier."""
    df = table()
    groups = pd.array([pd.NA] * len(df), dtype="Int64")
    groups[:30] = np.repeat(np.arange(10), 3)
    scores = np.random.default_rng(1).uniform(0.95, 1.05, len(df))
    scores[7] = 4.0
    issues = pd.DataFrame({"position": [3, 4], "given": ["a", "b"], "suggested": ["b", "a"]})
    told = by_kind(df.assign(duplicate_group=groups, outlier_score=scores), label_issues=issues)
    assert told["copies"][0]["figures"] == {"rows": 20, "groups": 10}
    assert told["copies"][0]["target"] == "duplicates"
    assert told["outliers"][0]["text"]["en"] == "1 row has an outlier score far above all others: “thing 7”."
    pictures = df.drop(columns="text").assign(
        outlier_score=scores, photo=[f"album/{row}.png" for row in range(len(df))]
    )
    named = json.loads(build_report(pictures, image="photo").to_json())["findings"]
    assert "1 row has an outlier score far above all others: “7.png”." in [one["text"]["en"] for one in named]
    assert told["labels"][0]["text"]["zh"] == "2 行的「标签」可疑：与它们相似的行大多是另一个值。"


def test_scores_of_one_shape_have_no_outlier():
    """The highest of a thousand normal scores is no finding."""
    scores = np.exp(np.random.default_rng(0).normal(0, 0.05, 1000))
    assert isolated(list(enumerate(sorted(scores.tolist(), reverse=True)))) == 0
    assert isolated([]) == 0


def test_unstable_topics_are_told_where_this_process_made_them():
    """The record of the fit is found by the labels; a frame with other labels has none."""
    random = np.random.default_rng(0)
    df = pd.DataFrame({"v": VectorArray.from_matrix(random.normal(size=(300, 8)))})
    made = df.mmembed.cluster("v", "kmeans", n_clusters=12).mmembed.project("v", method="pca")
    made = made.assign(text="x")
    told = by_kind(made)
    assert told["unstable"][0]["figures"]["topics"]
    page = build_report(made, vector="v", language="en").html()
    assert "Stability" in page
    assert "grouped into topics by the method kmeans (n_clusters=12)." in page
    shorter = made.iloc[:-1]
    assert "unstable" not in by_kind(shorter)
    assert "Stability" not in build_report(shorter, vector="v", language="en").html()


def test_there_are_seven_sentences_at_most_and_each_leads_somewhere():
    """Many findings give way to each other; every link on the page has its place."""
    df = table(4800, 12)
    random = np.random.default_rng(2)
    df["mood"] = np.where(random.uniform(size=len(df)) < df["cluster"] / 11, "good", "bad")
    df.loc[df["cluster"] % 2 == 0, "day"] += pd.Timedelta(days=400)
    df["duplicate_group"] = np.repeat(np.arange(len(df) // 2), 2)
    df["cluster"] = df["cluster"].where(random.uniform(size=len(df)) < 0.8, -1)
    report = build_report(df, text="text", breakdown="mood", date="day", language="en")
    page, found = report.html(), json.loads(report.to_json())["findings"]
    assert len(found) == MOST_STATEMENTS
    assert {"size", "unassigned", "deviation", "trend", "copies"} == {one["kind"] for one in found}
    links = re.findall(r'<li><a href="#([^"]+)"', page)
    assert links == [one["target"] for one in found]
    assert all(f'id="{link}"' in page for link in links)
    markdown = report.to_markdown()
    assert all(one["text"]["en"].split(":")[0].replace("“", "“") in markdown for one in found)


def test_a_table_without_topics_has_no_findings():
    """Nothing is said where there is nothing to say."""
    df = table().assign(cluster=pd.NA)
    assert findings(df) == []
    assert 'class="findings"' not in build_report(df, text="text").html()
