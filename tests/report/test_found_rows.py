"""Near duplicates, outliers and doubted labels that a report finds by itself, and how it is told not to."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from mmembed.vectors import VectorArray


@pytest.fixture
def df():
    """Return 120 rows in three tight groups with ten copies, one row far from all, and two wrong labels."""
    random = np.random.default_rng(3)
    code = np.arange(120) % 3
    rows = np.eye(3, 24)[code] * 2 + random.normal(0, 0.3, (120, 24))
    rows[110:], code[110:] = rows[:10], code[:10]
    rows[50] = np.eye(24)[23] * 2
    kind = np.array(["red", "green", "blue"], dtype=object)[code]
    kind[[30, 31]] = kind[[31, 30]]
    return pd.DataFrame(
        {
            "v": VectorArray.from_matrix(rows.astype(np.float32)),
            "text": [f"row {row}" for row in range(120)],
            "kind": kind,
            "cluster": code,
            "map_x": rows[:, 0],
            "map_y": rows[:, 1],
        }
    )


def facts(df, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return json.loads(df.mmembed.report("v", text="text", **options).to_json())


def test_what_is_cheap_is_found_by_itself(df):
    """Copies, the odd row and both wrong labels are on the page, with notes of how they were found."""
    before = list(df.columns)
    report = df.mmembed.report("v", text="text", breakdown="kind", language="en")
    found = json.loads(report.to_json())
    assert sorted(map(tuple, found["duplicates"])) == [(row, row + 110) for row in range(10)]
    assert found["outliers"][0]["position"] == 50
    assert {one["position"] for one in found["label_issues"]} == {30, 31}
    assert {"copies", "labels", "outliers"} <= {one["kind"] for one in found["findings"]}
    for note in ("Near duplicates were found for this report", "“kind” was predicted right for 9"):
        assert note in report.html()
    assert list(df.columns) == before


def test_each_can_be_switched_off(df):
    """False leaves a section out; without a breakdown there are no labels to doubt."""
    found = facts(df, breakdown="kind", duplicates=False, outliers=False, label_issues=False)
    assert [found[name] for name in ("duplicates", "outliers", "label_issues")] == [None, None, None]
    found = facts(df)
    assert found["label_issues"] is None
    assert found["duplicates"]


def test_what_was_found_before_is_taken(df):
    """A frame's own columns are not replaced by what the report would find."""
    found = facts(df.assign(duplicate_group=[0, 0, *range(1, 119)], outlier_score=np.arange(120.0)))
    assert found["duplicates"] == [[0, 1]]
    first = found["outliers"][0]
    assert (first["position"], first["score"]) == (119, 119.0)


@pytest.mark.parametrize(
    "column",
    [
        np.random.default_rng(0).normal(size=120),
        [f"name {row}" for row in range(120)],
        ["the same"] * 120,
        np.random.default_rng(0).choice(["heads", "tails"], 120),
        [["red", "blue"]] * 120,
    ],
    ids=["quantities", "names", "one value", "chance", "lists"],
)
def test_a_column_that_vectors_do_not_tell_apart_has_no_doubtful_values(df, column):
    """Quantities, names, one value and what has nothing to do with the vectors accuse nobody, and warn of nothing."""
    assert facts(df.assign(kind=list(column)), breakdown="kind")["label_issues"] is None
