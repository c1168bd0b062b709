"""Joins on Dask are those of pandas, however the rows of both frames are cut."""

from __future__ import annotations

import dask
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mmembed.distributed  # noqa: F401  registers the accessor
from distributed_tables import cut, same, table
from mmembed.errors import ColumnNotFoundError, DimensionMismatchError, SpaceMismatchError
from mmembed.vectors import VectorArray

LEFT, RIGHT = table(50, seed=1), table(40, seed=2)[["row", "text", "v"]]
RIGHT = pd.concat([RIGHT, LEFT.loc[LEFT["v"].notna(), ["row", "text", "v"]].iloc[::6]])

OPTIONS = {
    "nearest": {},
    "three": {"k": 3},
    "more than there are": {"k": 60},
    "threshold": {"k": 2, "threshold": 0.9},
    "nothing": {"threshold": 1.0, "k": 1, "suffixes": ("_a", "_b")},
    "one to one": {"k": 4, "one_to_one": True},
    "one to one within": {"k": 50, "one_to_one": True, "threshold": 0.7},
}


@pytest.fixture(scope="module", autouse=True)
def in_this_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("kind", ["dask", "pandas"])
def test_pairs_order_and_numbers_are_those_of_pandas(options, kind):
    """With a Dask frame and with a pandas one; equal rows are taken in row order."""
    right = RIGHT if kind == "pandas" else cut(RIGHT, 3, 3, 25)
    found = cut(LEFT, 1, 20, 45).mmembed.join(right, "v", **options)
    assert found.npartitions == 4
    same(found, LEFT.mmembed.join(RIGHT, "v", **options), check_exact=True)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.integers(0, 50), max_size=5), st.lists(st.integers(0, 46), max_size=5), st.integers(1, 6), st.booleans()
)
def test_the_pairs_do_not_depend_on_how_rows_are_cut(left, right, k, one_to_one):
    """Empty partitions, partitions without vectors, repeated labels, unknown divisions."""
    found = cut(LEFT, *left).mmembed.join(cut(RIGHT, *right), "v", k=k, one_to_one=one_to_one)
    same(found, LEFT.mmembed.join(RIGHT, "v", k=k, one_to_one=one_to_one), check_exact=True)


def test_nothing_is_computed_before_it_is_asked_for_and_divisions_stay():
    """The plan is lazy; labels stay in the ranges that Dask knows."""

    def refuse(*_arguments, **_options):
        raise AssertionError("Something was computed.")

    ddf = dask.dataframe.from_pandas(LEFT.reset_index(drop=True), npartitions=3)
    with dask.config.set(scheduler=refuse):
        found = ddf.mmembed.join(cut(RIGHT, 10), "v", k=2, one_to_one=True)
    assert found.divisions == ddf.divisions
    assert len(found) == len(LEFT.mmembed.join(RIGHT, "v", k=2, one_to_one=True))


def test_a_large_pandas_frame_is_sent_once(cluster, monkeypatch):
    """It does not travel with the plan, of whose size Dask would warn, and its slices are compared one by one."""
    monkeypatch.setattr("mmembed.distributed.partitions.MOST_IN_A_PLAN", 10)
    monkeypatch.setattr("mmembed.distributed.join._ROWS_OF_A_SLICE", 20)
    with cluster.as_current():
        same(cut(LEFT, 20).mmembed.join(RIGHT, "v", k=2), LEFT.mmembed.join(RIGHT, "v", k=2), check_exact=True)


WRONG = {
    "left column": ({"left_on": "w", "right_on": "v"}, ColumnNotFoundError, "Column 'w'"),
    "right column": ({"right_on": "w"}, ColumnNotFoundError, "Column 'w'"),
    "k": ({"k": 0}, ValueError, "k=0 asks for no partner"),
    "threshold": ({"threshold": 2}, ValueError, "threshold=2 is not a cosine"),
    "suffixes": ({"suffixes": ("", "")}, ValueError, "do not differ"),
    "no frame": ({"other": [1]}, TypeError, "other is a list"),
    "space": (
        {"other": RIGHT.assign(v=VectorArray.from_matrix(RIGHT["v"].mmembed.to_matrix(), space="other"))},
        SpaceMismatchError,
        "'other'",
    ),
    "dimension": (
        {"other": cut(RIGHT.assign(v=RIGHT["v"].mmembed.truncate(3)), 5)},
        DimensionMismatchError,
        "dimension 3",
    ),
}


@pytest.mark.parametrize(("options", "error", "message"), WRONG.values(), ids=WRONG)
def test_errors_are_those_of_pandas_and_come_early(options, error, message):
    """When the join is asked for, not when it is computed."""
    with pytest.raises(error, match=message):
        cut(LEFT, 10).mmembed.join(**{"other": cut(RIGHT, 9), "left_on": "v", **options})
