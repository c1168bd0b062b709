"""Rows are said to be like no others only where even the nearest row is far, and each outlier shows how near it is."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mmembed import find_outliers
from mmembed.analysis.finding.outliers import nearest_cosines
from mmembed.report import build_report
from mmembed.report.findings import far_rows
from mmembed.vectors import VectorArray

ODD = ["哈哈哈哈", "asdfgh", "今天天气真好"]


def messages(*, copies=False, n_odd=3):
    """Return 240 rows in four groups, three rows in directions of their own, and a pair beside a dense group."""
    random = np.random.default_rng(3)
    group = np.repeat(np.arange(4), 60)
    rows = np.eye(24)[group] + random.normal(size=(240, 24)) * 0.12
    odd = np.eye(24)[10 : 10 + n_odd] + random.normal(size=(n_odd, 24)) * 0.05
    pair = np.eye(24)[0] + 0.55 * np.eye(24)[20] + random.normal(size=(2, 24)) * 0.03
    parts, texts = [rows, odd, pair], [f"message {row}" for row in range(240)] + ODD[:n_odd] + ["pair a", "pair b"]
    if copies:
        parts, texts = [*parts, odd], [*texts, *ODD[:n_odd]]
    vectors = VectorArray.from_matrix(np.concatenate(parts).astype(np.float32), space="toy")
    return pd.DataFrame({"title": texts, "v": vectors, "cluster": 0, "map_x": 0.0, "map_y": 0.0})


def nearest_of(df):
    units = np.array(df["v"].array.matrix, dtype=np.float64)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -1)
    return cosines.max(axis=1)


def report(df, language="en", **options):
    made = df.mmembed.report("v", text="title", language=language, duplicates=False, **options)
    facts = json.loads(made.to_json())
    found = [one for one in facts["findings"] if one["kind"] == "outliers"]
    return made, facts, found


def test_the_cosine_with_the_nearest_row_counts_copies():
    """It is that of all pairs; a row whose copy is in the table is not far from it, whatever else is."""
    df = messages(copies=True)
    expected = nearest_of(df)
    np.testing.assert_allclose(nearest_cosines(df["v"]), expected, atol=1e-5)
    np.testing.assert_allclose(find_outliers(df["v"]).closeness, expected, atol=1e-5)
    blank = VectorArray.from_matrix(np.eye(3, dtype=np.float32), mask=np.array([False, True, False]))
    assert np.isnan(nearest_cosines(pd.Series(blank))[1])
    assert np.isnan(nearest_cosines(pd.Series(blank[:1]))).all()


def test_far_rows_are_those_far_by_the_tables_own_distances():
    """Rows without a near one, the farthest first; none where rows are alike, all unlike, copies or hardly any."""
    df = messages()
    nearest = nearest_of(df)
    assert sorted(far_rows(nearest)) == [240, 241, 242]
    assert nearest[far_rows(nearest)].tolist() == sorted(nearest[240:243])
    assert far_rows(nearest_of(messages(copies=True))) == []
    spread = np.random.default_rng(0).normal(size=(300, 64))
    spread /= np.linalg.norm(spread, axis=1, keepdims=True)
    cosines = spread @ spread.T - 2 * np.eye(300)
    assert far_rows(cosines.max(axis=1)) == []
    assert far_rows(np.ones(50)) == []
    assert far_rows(np.full(4, np.nan)) == []


@pytest.mark.parametrize("as_column", [False, True], ids=["found by the report", "a column"])
def test_the_sentence_names_rows_whose_nearest_row_is_far(as_column):
    """A pair with a high score beside a dense group is none of them; the figures are those of the table."""
    df = messages()
    nearest = nearest_of(df)
    made, facts, (found,) = report(df.mmembed.outliers("v") if as_column else df)
    most, middle = f"{nearest[240:243].max():.2f}", f"{np.median(nearest):.2f}"
    names = [df["title"][row] for row in np.argsort(nearest)[:3]]
    assert found["text"]["en"] == (
        f"3 rows are unlike all others: the cosine with the nearest row is {most} at most, where the median "
        f"of the table is {middle}. They are “{names[0]}”, “{names[1]}”, “{names[2]}”."
    )
    assert found["text"]["zh"] == (
        f"3 行与其他行都不相似：与最近一行的余弦至多 {most}，全表中位数为 {middle}。"
        f"它们是「{names[0]}」、「{names[1]}」、「{names[2]}」。"
    )
    assert found["figures"]["rows"] == 3
    assert found["figures"]["nearest_at_most"] == pytest.approx(nearest[240:243].max(), abs=1e-5)
    assert found["figures"]["median"] == pytest.approx(np.median(nearest), abs=1e-5)
    assert "pair" not in "".join(found["text"].values())
    assert found["text"]["en"] in made.to_markdown()
    listed = facts["outliers"]
    assert [one["score"] for one in listed] == sorted((one["score"] for one in listed), reverse=True)
    assert {one["position"] for one in listed if one["far"]} == {240, 241, 242}
    for one in listed:
        assert one["nearest"] == pytest.approx(nearest[one["position"]], abs=1e-5)


@pytest.mark.parametrize(
    ("language", "aside", "apart", "hint"),
    [
        ("zh", "最近一行 {near}", "与其他行都不相似", "先列连最近一行也远的，再按离群分数"),
        (
            "en",
            "nearest {near}",
            "unlike all others",
            "first those that even the nearest row is far from, then by score",
        ),
    ],
)
def test_each_outlier_shows_how_near_its_nearest_row_is(language, aside, apart, hint):
    """Page and Markdown: rows that are far from all others first, and only they are called so."""
    df = messages()
    nearest = nearest_of(df)
    made, _, _ = report(df, language)
    rows = made._contents.outliers
    assert {one.row for one in rows[:3]} == {240, 241, 242}
    assert [apart in one.note for one in rows] == [True] * 3 + [False] * 9
    for one in rows:
        assert aside.format(near=f"{nearest[one.row]:.2f}") in one.note
        assert one.note in made.html()
        assert one.note.replace("~", "\\~") in made.to_markdown()
    assert hint in made.html()
    assert hint in made.to_markdown()


def test_no_row_is_unlike_all_others_for_its_score_alone():
    """A high score beside a dense group gives no sentence where each row has one near it."""
    _, _, found = report(messages(n_odd=0))
    assert found == []


@pytest.mark.parametrize("count", [1, 2])
def test_scores_alone_say_that_they_are_high(count):
    """Where no vectors tell what is near, the sentence is of scores."""
    random = np.random.default_rng(1)
    scores = random.uniform(0.95, 1.05, 400)
    scores[7 : 7 + count] = 4.0
    df = pd.DataFrame({"text": [f"thing {row}" for row in range(400)], "cluster": 0, "map_x": 0.0, "map_y": 0.0})
    made = build_report(df.assign(outlier_score=scores), text="text", language="zh")
    (found,) = [one for one in json.loads(made.to_json())["findings"] if one["kind"] == "outliers"]
    assert found["text"]["zh"].startswith(f"{count} 行的离群分数远高于其他行")
    assert "unlike all others" not in found["text"]["en"]
    assert "“thing 7”" in found["text"]["en"]
    assert "不相似" not in made._contents.outliers[0].note
    assert all(one["nearest"] is None for one in json.loads(made.to_json())["outliers"])


def test_one_row_that_is_far_is_told_in_the_singular():
    """One row is one."""
    df = messages(n_odd=1)
    nearest = nearest_of(df)
    own, middle = f"{nearest[240]:.2f}", f"{np.median(nearest):.2f}"
    (found,) = report(df)[2]
    assert found["text"]["en"] == (
        f"1 row is unlike all others: “{ODD[0]}”. Its cosine with the nearest row is {own}, where the median "
        f"of the table is {middle}."
    )
    assert found["text"]["zh"] == (
        f"1 行与其他行都不相似：「{ODD[0]}」，与最近一行的余弦为 {own}，全表中位数为 {middle}。"
    )
