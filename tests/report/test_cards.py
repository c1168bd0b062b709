"""The figures of a cluster are computed once: page, Markdown, JSON, summary and bars say the same of it."""

from __future__ import annotations

import json
import operator
import re
from functools import reduce

import numpy as np
import pandas as pd
import pytest

from mmembed.analysis import fit_clusters
from mmembed.analysis.tallies.totals import CountedColumns, count_table
from mmembed.figures import plot_clusters
from mmembed.report import build_report
from mmembed.report.words import Words
from mmembed.vectors import VectorArray

FORMS = {
    "as they are": {},
    "with kinds": {"kinds": True},
    "with noise assigned": {"assign_noise": True},
}


def groups(*, kinds=False, assign_noise=False):
    """Return a frame with vectors, and its clusters; with kinds, texts and pictures lie far apart."""
    random = np.random.default_rng(0)
    group, kind = np.repeat(np.arange(3), 40), np.tile(["text", "image"], 60)
    rows = random.normal(scale=0.25, size=(120, 8)) + np.eye(8)[group]
    if kinds:
        rows[:, 7] += np.where(kind == "text", 3, -3)
    if assign_noise:
        rows = np.concatenate([rows, -rows[:40].mean(axis=0, keepdims=True)])
    df = pd.DataFrame({"v": VectorArray.from_matrix(rows.astype(np.float32), space="toy"), "map_x": rows[:, 0]})
    df = df.assign(map_y=rows[:, 1], title=[f"thing {row}" for row in range(len(df))])
    options = {"kinds": kind} if kinds else {}
    return df, fit_clusters(df["v"], n_clusters=3, assign_noise=assign_noise, **options)


def cohesions(df, **options):
    """Return the cohesion of each cluster by the JSON, by the page and by the bars."""
    report = build_report(df, vector="v", text="title", language="en", **options)
    facts = {one["id"]: one["cohesion"] for one in json.loads(report.to_json())["clusters"]}
    wording = Words("en")("cohesion", score=r"(-?\d\.\d\d)")
    on_page, in_text = (re.findall(wording, text) for text in (report.html(), report.to_markdown()))
    bars = plot_clusters(df, "v").data[0].marker.color.tolist()
    return facts, [float(one) for one in on_page], [float(one) for one in in_text], bars


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_cohesion_is_one_number_everywhere(form):
    """Summary, page, Markdown, JSON and bars agree, whatever the clusters were fitted to."""
    df, clusters = groups(**form)
    facts, on_page, in_text, bars = cohesions(clusters.add_to(df))
    expected = clusters.summary().query("cluster >= 0").set_index("cluster")["cohesion"]
    assert len(expected) == 3
    for label, cohesion in expected.items():
        assert facts[label] == pytest.approx(cohesion, abs=1e-6)
    ranked = [expected[label] for label in facts]
    assert bars == pytest.approx(ranked, abs=1e-6)
    assert on_page == in_text == [round(one, 2) for one in ranked]


def test_labels_without_scores_have_the_cohesion_of_their_vectors():
    """Scores that a frame has lost are the cosines with the centroids, and their mean comes back from the vectors."""
    df, clusters = groups()
    with_scores = cohesions(clusters.add_to(df))
    without = cohesions(clusters.add_to(df).drop(columns="cluster_score"))
    assert without[0] == pytest.approx(with_scores[0], abs=1e-5)
    assert without[3] == pytest.approx(with_scores[3], abs=1e-5)
    assert without[1:3] == with_scores[1:3]


def test_without_scores_and_vectors_nobody_can_say(goods):
    """A group that has neither has no cohesion, in no form of the report."""
    report = build_report(goods.drop(columns="cluster_score"), text="title", language="en")
    assert [one["cohesion"] for one in json.loads(report.to_json())["clusters"]] == [None] * 3
    assert Words("en")("cohesion", score="") not in report.html()


def test_rows_that_were_counted_before_are_not_counted_again(goods):
    """The figures of a whole table, of which the frame is a sample, are those of all forms of the report."""
    df = goods.assign(when=pd.date_range("2024-01-01", periods=24, freq="30D"))
    counted = CountedColumns(None, "cluster", "cluster_name", "cluster_score", breakdown="shop", date="when")
    table = count_table(pd.concat([df] * 5), counted)
    options = {"text": "title", "breakdown": "shop", "date": "when", "language": "en"}
    alone = build_report(df, **options)
    report = build_report(df, whole=table, positions=np.arange(24), **options)
    for one, other in zip(
        json.loads(report.to_json())["clusters"], json.loads(alone.to_json())["clusters"], strict=True
    ):
        assert (one["size"], one["share"]) == (5 * other["size"], other["share"])
        assert one["cohesion"] == pytest.approx(other["cohesion"])
        assert one["breakdown"] == {name: 5 * count for name, count in other["breakdown"].items()}
        assert one["trend"] == [{**step, "rows": 5 * step["rows"]} for step in other["trend"]]
        for text in (report.html(), report.to_markdown()):
            assert f"{one['size']} rows · {100 * one['share']:.1f}%" in text
            assert "57.1%" in text
            assert "2024-01 to 2025-11" in text


@pytest.mark.parametrize("rows", [0, 1, 2, 24])
def test_the_figures_of_a_table_are_those_of_its_parts(goods, rows):
    """Counting a frame at once, or in two parts, gives the same figures, with or without a vector column."""
    df = goods.assign(v=VectorArray.from_matrix(np.ones((24, 3), dtype=np.float32), mask=np.arange(24) == 3))
    for vector in (None, "v"):
        counted = CountedColumns(vector, "cluster", "cluster_name", "cluster_score", breakdown="shop")
        once, parts = (
            count_table(df, counted),
            [count_table(df.iloc[:rows], counted), count_table(df.iloc[rows:], counted)],
        )
        added = reduce(operator.add, parts)
        assert (added.rows, added.without_vector, added.noise, added.missing) == (
            once.rows,
            once.without_vector,
            once.noise,
            once.missing,
        )
        assert once.without_vector == 1
        for key, figures in once.groups.items():
            assert added.of(key).cohesion == pytest.approx(figures.cohesion)
            assert added.of(key).size == figures.size
