"""Search on Dask gives the answer of pandas, however the rows are cut."""

from __future__ import annotations

import dask
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributed_tables import cut, same, table
from mmembed.errors import ColumnNotFoundError, ModalityError, SpaceMismatchError, VectorError
from mmembed.vectors import Vector

DF = table()
QUERY = np.random.default_rng(1).normal(size=8).astype("f4")
MANY = [Vector(one) for one in np.random.default_rng(2).normal(size=(3, 8)).astype("f4")]

OPTIONS = {
    "plain": {},
    "one hit": {"k": 1},
    "more than there are": {"k": 100},
    "many": {"query": MANY, "k": 4},
    "a row": {"query": DF.iloc[20]},
    "a row whose label is repeated": {"query": DF.iloc[-2]},
    "where": {"where": lambda df: df["price"] < 50},
    "where by the whole": {"where": lambda df: df["price"] < df["price"].mean()},
    "where nothing": {"where": lambda df: df["price"] < 0},
    "minus": {"minus": MANY[:2]},
    "diverse": {"diverse": 0.4, "k": 6},
    "diverse and minus and where": {"diverse": 0.4, "minus": MANY[0], "where": lambda df: df["row"] % 2 == 0, "k": 3},
}


@pytest.fixture(scope="module", autouse=True)
def in_this_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_hits_order_and_numbers_are_those_of_pandas(options):
    """All options that are exact, over partitions of unlike sizes."""
    options = {"query": QUERY, "column": "v", "k": 7, **options}
    found = cut(DF, 1, 20, 21, 45).mmembed.search(**options)
    assert found.npartitions == 1
    assert list(found.columns) == list(DF.mmembed.search(**options).columns)
    same(found, DF.mmembed.search(**options), check_exact=True)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=12), st.integers(1, 70), st.booleans())
def test_the_answer_does_not_depend_on_how_rows_are_cut(bounds, k, many):
    """Empty partitions, partitions without vectors, repeated labels, unknown divisions; ties are in row order."""
    query = MANY if many else QUERY
    same(cut(DF, *bounds).mmembed.search(query, "v", k), DF.mmembed.search(query, "v", k), check_exact=True)


@pytest.mark.parametrize(
    "query", ["red dress", "红色连衣裙", "nothing like it", "where is it", "我的 red 裙子", ["blue coat", "裙"]]
)
@pytest.mark.parametrize("diverse", [None, 0.5])
def test_keywords_are_counted_over_all_partitions(query, diverse, local_table):
    """BM25 rests on the counts of the whole table, so the scores are those of pandas to the last digit."""
    options = {"k": 5, "hybrid": "text", "diverse": diverse}
    expected = local_table.mmembed.search(query, "text_vector", **options)
    same(cut(local_table, 3, 3, 30).mmembed.search(query, "text_vector", **options), expected, check_exact=True)


@pytest.fixture(scope="module")
def local_table(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMEMBED_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield DF[["row", "text"]].mmembed.embed("text", "text", model="local")


@pytest.mark.parametrize("kinds", [None, "kind"])
@pytest.mark.parametrize("options", [{}, {"minus": MANY[0]}, {"diverse": 0.3}], ids=["plain", "minus", "diverse"])
def test_calibration_is_learned_from_all_partitions(kinds, options):
    """Means, random pairs and so similarities and percentiles are those of pandas but for rounding."""
    options = {"k": 9, "calibrate": "caption", "kinds": kinds, **options}
    found = cut(DF, 0, 10, 33).mmembed.search(QUERY, "v", **options)
    same(found, DF.mmembed.search(QUERY, "v", **options), rtol=1e-5, atol=1e-6)


def test_two_processes_and_parquet_give_the_same(cluster, tmp_path):
    """The rows are found by the workers, from files."""
    import dask.dataframe as dd

    cut(DF.reset_index(), 10, 30).to_parquet(tmp_path / "table")
    with cluster.as_current():
        ddf = dd.read_parquet(tmp_path / "table")
        for options in ({"k": 5}, {"k": 5, "where": lambda df: df["price"] > 30, "diverse": 0.2}):
            found = ddf.mmembed.search(QUERY, "v", **options)
            same(
                found.compute().reset_index(drop=True),
                DF.reset_index().mmembed.search(QUERY, "v", **options).reset_index(drop=True),
            )


def test_a_column_of_lists_is_searched(tmp_path):
    """Its first vector tells the dimension; partitions without any vector are no obstacle."""
    import dask.dataframe as dd

    lists = DF[["row"]].reset_index(drop=True)
    matrix = DF["v"].mmembed.to_matrix()
    lists["v"] = [None if np.isnan(row).any() else row.tolist() for row in matrix]
    lists = pd.concat([lists.iloc[4:5], lists.iloc[17:18], lists], ignore_index=True)
    for number, (start, end) in enumerate([(0, 1), (1, 2), (2, 30), (30, 62)]):
        lists.iloc[start:end].to_parquet(tmp_path / f"{number}.parquet")
    found = dd.read_parquet(tmp_path).mmembed.search(QUERY, "v", 5).compute()
    assert found["row"].tolist() == lists.mmembed.search(QUERY, "v", 5)["row"].tolist()
    with pytest.raises(VectorError, match="No row of the column 'v' has a vector"):
        dd.read_parquet([tmp_path / "0.parquet", tmp_path / "1.parquet"]).mmembed.search(QUERY, "v")


WRONG = {
    "no such column": ({"column": "captions"}, ColumnNotFoundError, "Column 'captions' is not.*mean 'caption'"),
    "no vectors": ({"column": "price"}, VectorError, "'price' holds no vectors"),
    "k": ({"k": 0}, ValueError, "k=0 asks for no row"),
    "diverse": ({"diverse": 2}, ValueError, "diverse=2"),
    "space": ({"query": Vector(QUERY, space="other")}, SpaceMismatchError, "'toy'"),
    "zero": ({"query": np.zeros(8, "f4")}, VectorError, "zero vector"),
    "words of a vector": ({"hybrid": "text"}, ModalityError, "hybrid='text'"),
    "kinds alone": ({"kinds": "kind"}, ValueError, "needs calibrate="),
    "index": ({"index": object()}, ValueError, "Leave index out"),
    "mask of pandas": ({"where": DF["price"] < 3}, TypeError, "no Dask Series"),
    "mask of text": ({"where": "price < 3"}, TypeError, "is no mask"),
    "lazy query": ({"query": cut(DF, 3)["v"]}, TypeError, "Compute it first"),
}


@pytest.mark.parametrize(("options", "error", "message"), WRONG.values(), ids=WRONG)
def test_errors_come_before_anything_is_computed(options, error, message):
    """The errors of pandas, and what Dask cannot do."""

    def refuse(*_arguments, **_options):
        raise AssertionError("Something was computed.")

    with dask.config.set(scheduler=refuse), pytest.raises(error, match=message):
        cut(DF, 10).mmembed.search(**{"query": QUERY, "column": "v", **options})


def test_a_mask_of_other_rows_is_refused():
    """By the number of partitions at once, by the labels when it is computed."""
    ddf = cut(DF, 10)
    with pytest.raises(ValueError, match="other partitions"):
        ddf.mmembed.search(QUERY, "v", where=cut(DF, 10, 20)["price"] < 50)
    with pytest.raises(ValueError, match="other index labels"):
        ddf.mmembed.search(QUERY, "v", where=cut(DF.iloc[::-1], 10)["price"] < 50).compute()
