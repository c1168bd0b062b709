"""Vector columns in Dask: meta, moving, files, pickling."""

from __future__ import annotations

import pickle

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from dask.base import tokenize
from dask.sizeof import sizeof

import mmembed.distributed  # noqa: F401  registers vector columns
from mmembed.vectors import VectorArray, VectorDtype

DTYPE = VectorDtype(16, "space-a")


@pytest.fixture
def df():
    """Return 200 rows, the fourth without a vector."""
    matrix = np.random.default_rng(0).normal(size=(200, 16)).astype("float32")
    mask = np.arange(200) == 3
    names = [f"row {i:03}" for i in range(200)]
    group = np.arange(200) % 7
    return pd.DataFrame(
        {"name": names, "group": group, "v": VectorArray.from_matrix(matrix, space="space-a", mask=mask)}
    )


@pytest.fixture
def ddf(df):
    """Return the rows in four partitions."""
    return dd.from_pandas(df, npartitions=4)


def same(left, right):
    """Compare two frames row by row, by name, in any order of rows; Dask has its own type for texts."""
    left, right = (one.astype({"name": "object"}).sort_values("name", ignore_index=True) for one in (left, right))
    pd.testing.assert_frame_equal(left, right)


def test_meta_and_example_rows_have_the_dtype(ddf):
    """Dask knows the column's type without computing, and can make rows of it."""
    assert ddf.dtypes["v"] == DTYPE
    assert ddf._meta_nonempty["v"].dtype == DTYPE
    assert not ddf._meta_nonempty["v"].isna().any()


MOVES = {
    "compute": lambda ddf: ddf,
    "shuffle": lambda ddf: ddf.shuffle("group"),
    "shuffle by the vectors": lambda ddf: ddf.shuffle("v"),
    "set_index": lambda ddf: ddf.set_index("name").reset_index(),
    "sort": lambda ddf: ddf.sort_values("name"),
    "fewer partitions": lambda ddf: ddf.repartition(npartitions=2),
    "more partitions": lambda ddf: ddf.repartition(npartitions=9),
    "merge": lambda ddf: ddf[["name", "group"]].merge(ddf[["name", "v"]], on="name"),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_moving_rows_keeps_their_vectors(df, ddf, move):
    """Whatever moves rows between partitions, each keeps its vector, its type and its missing mark."""
    same(move(ddf).compute()[list(df.columns)], df)


@pytest.mark.parametrize("move", ["shuffle", "set_index", "merge"])
def test_moving_rows_between_processes_keeps_their_vectors(df, ddf, move, cluster):
    """The cluster's own shuffle, which goes through Arrow and disk, gives the same rows."""
    with cluster.as_current():
        same(MOVES[move](ddf).compute()[list(df.columns)], df)


def test_half_precision_and_missing_rows(df, ddf):
    """Compact storage, dropping and counting missing rows work partition by partition."""
    compact = ddf.astype({"v": "vector[16, space-a, float16]"})
    same(compact.compute(), df.astype({"v": "vector[16, space-a, float16]"}))
    assert len(ddf.dropna(subset=["v"])) == 199
    assert ddf["v"].isna().sum().compute() == 1


@pytest.mark.parametrize("partitions", [1, 4])
def test_parquet_gives_the_column_back(df, ddf, tmp_path, partitions):
    """Files written by Dask give the vector type back in Dask and in pandas; those of pandas in Dask."""
    ddf.repartition(npartitions=partitions).to_parquet(tmp_path / "by_dask")
    again = dd.read_parquet(tmp_path / "by_dask")
    assert again.dtypes["v"] == DTYPE
    same(again.compute(), df)
    same(pd.read_parquet(tmp_path / "by_dask"), df)
    df.to_parquet(tmp_path / "by_pandas.parquet")
    same(dd.read_parquet(tmp_path / "by_pandas.parquet").compute(), df)
    assert dd.read_parquet(tmp_path / "by_dask", columns=["v"]).compute().dtypes["v"] == DTYPE


def test_parquet_is_read_by_workers_that_never_imported_the_package(df, ddf, tmp_path, cluster):
    """The plan itself brings the type to a worker."""
    ddf.to_parquet(tmp_path / "table")
    with cluster.as_current():
        same(dd.read_parquet(tmp_path / "table").compute(), df)


def test_pickling_copies_no_vectors(df):
    """With protocol 5 the matrix and the mask leave as buffers, so that spilling and sending copy nothing."""
    array, buffers = df["v"].array, []
    stream = pickle.dumps(array, protocol=5, buffer_callback=buffers.append)
    assert len(stream) < 1000
    assert sum(buffer.raw().nbytes for buffer in buffers) == array.matrix.nbytes + len(array)
    again = pickle.loads(stream, buffers=buffers)
    assert np.shares_memory(again.matrix, array.matrix)


def test_weight_and_token(df):
    """A column weighs its bytes, and equal columns have equal tokens, in this process and the next."""
    array = df["v"].array
    assert sizeof(array) == array.nbytes
    assert sizeof(df) > array.nbytes
    assert tokenize(array) == tokenize(array.copy())
    assert tokenize(array) != tokenize(array[::-1])
