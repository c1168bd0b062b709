"""More rows are asked for than there are: the answer is all rows, in a moment and without the memory for the rest."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest

import mmembed
from mmembed.vectors import VectorArray

N_ROWS = 60
INDEXES = {}  # one for each table: two of the same rows may find others
ENOUGH = 20_000_000  # bytes


def index_of(df):
    if id(df) not in INDEXES:
        INDEXES[id(df)] = df, mmembed.build_index(df["v"])
    return INDEXES[id(df)][1]


FOR_K = {
    "search": lambda df, k: df.mmembed.search(df["v"].iloc[0], "v", k=k),
    "search of many": lambda df, k: df.mmembed.search(df["v"].iloc[:3], "v", k=k),
    "search with minus": lambda df, k: df.mmembed.search(df["v"].iloc[0], "v", k=k, minus=df["v"].iloc[9]),
    "diverse search": lambda df, k: df.mmembed.search(df["v"].iloc[0], "v", k=k, diverse=0.3),
    "search of some": lambda df, k: df.mmembed.search(df["v"].iloc[0], "v", k=k, where=df["n"] < 20),
    "keywords": lambda df, k: mmembed.search(np.ones(8), df["v"], k, keywords=np.ones((1, N_ROWS))).add_to(df),
    "index": lambda df, k: index_of(df).search(np.ones(8), df["v"], k).add_to(df),
    "join": lambda df, k: df.mmembed.join(df, "v", k=k),
    "one to one": lambda df, k: df.mmembed.join(df, "v", k=k, one_to_one=True),
    "outliers": lambda df, k: df.mmembed.outliers("v", k=k),
    "neighbors": lambda df, k: pd.DataFrame(mmembed.neighbors(df["v"], k).indices[:, :N_ROWS]),
}


@pytest.fixture
def df():
    """Return a small table of vectors."""
    matrix = np.random.default_rng(0).standard_normal((N_ROWS, 8)).astype(np.float32)
    return pd.DataFrame({"v": VectorArray.from_matrix(matrix), "n": range(N_ROWS)})


@pytest.mark.parametrize("verb", FOR_K)
@pytest.mark.parametrize("k", [10**9, 10**30, np.int64(2**62), 1e9])
def test_any_number_of_rows_may_be_asked_for(df, verb, k):
    """The answer is that of as many as there are, and takes the memory of that."""
    expected = FOR_K[verb](df, N_ROWS)
    tracemalloc.start()
    try:
        found = FOR_K[verb](df, k)
        assert tracemalloc.get_traced_memory()[1] < ENOUGH
    finally:
        tracemalloc.stop()
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("k", [2.5, True, "5", None, [3], float("nan"), float("inf")])
@pytest.mark.parametrize("verb", ["search", "join", "index", "neighbors"])
def test_what_is_no_number_of_rows_is_refused_by_name(df, verb, k):
    """The message names the argument and what was given, and says what is expected."""
    with pytest.raises(TypeError, match=r"k=.* is no whole number\. Give a k of at least 1\."):
        FOR_K[verb](df, k)


def test_an_empty_table_answers_with_nothing(df):
    """No row is found where there is none, however many are asked for."""
    assert FOR_K["search"](df.assign(v=df["v"]), 3).shape[0] == 3
    assert len(df.iloc[:0].mmembed.search(np.ones(8), "v", k=10**9)) == 0
