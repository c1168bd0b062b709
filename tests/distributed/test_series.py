"""The accessor of vector columns in Dask frames."""

from __future__ import annotations

import dask
import numpy as np
import pandas as pd
import pytest

from distributed_tables import cut, table
from mmembed.accessor.series import SeriesAccessor
from mmembed.distributed import DaskSeriesAccessor
from mmembed.distributed.frame import ABSENT_OF_SERIES
from mmembed.errors import SpaceMismatchError, VectorError
from mmembed.vectors import Vector, VectorDtype

DF = table(30)
DDF = cut(DF, 4, 5, 5, 20)


def verbs(accessor):
    return {name for name in dir(accessor) if not name.startswith("_")}


def test_every_verb_has_a_twin_or_a_stated_absence():
    """A name is there or listed with a reason, never both."""
    there = verbs(DaskSeriesAccessor)
    assert there | set(ABSENT_OF_SERIES) == verbs(SeriesAccessor)
    assert not there & set(ABSENT_OF_SERIES)
    for name in ABSENT_OF_SERIES:
        with pytest.raises(AttributeError, match=f"{name!r} does not work on a Dask Series"):
            getattr(DDF["v"].mmembed, name)
    with pytest.raises(AttributeError, match=r"has no 'normalise'.*Did you mean 'normalize'"):
        _ = DDF["v"].mmembed.normalise


def test_dimension_and_space_are_known_without_computing():
    """They are in the type."""
    assert (DDF["v"].mmembed.dimension, DDF["v"].mmembed.space) == (8, "toy")
    assert repr(DDF["v"].mmembed) == "<mmembed accessor of a column of vector[8, toy] in 5 partitions>"


CALLS = {
    "similarity": lambda series: series.mmembed.similarity(np.ones(8)),
    "normalize": lambda series: series.mmembed.normalize(),
    "truncate": lambda series: series.mmembed.truncate(3),
    "as_vectors": lambda series: series.mmembed.as_vectors("toy"),
    "compact": lambda series: series.astype("vector[8, toy, float16]").mmembed.normalize(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_columns_are_those_of_pandas(call):
    """Values, labels, name and the type that was promised."""
    made = call(DDF["v"])
    with dask.config.set(scheduler="synchronous"):
        found = made.compute()
    expected = call(DF["v"])
    assert made.dtype == found.dtype == expected.dtype
    pd.testing.assert_series_equal(found, expected)


def test_lists_become_vectors(tmp_path):
    """Those of a Parquet file that knows no vector type; the first one tells the dimension, missing ones stay so."""
    import dask.dataframe as dd

    for number, cells in enumerate([[None], [None, [1.0, 2.0]], [[3.0, 4.0], None]]):
        pd.DataFrame({"v": pd.Series(cells, dtype=object)}).to_parquet(tmp_path / f"{number}.parquet")
    with dask.config.set(scheduler="synchronous"):
        made = dd.read_parquet(tmp_path)["v"].mmembed.as_vectors("toy")
        assert made.dtype == VectorDtype(2, "toy")
        found = made.compute()
    assert found.isna().tolist() == [True, True, False, False, True]
    np.testing.assert_array_equal(found.mmembed.to_matrix()[2:4], [[1, 2], [3, 4]])
    with pytest.raises(VectorError, match="Dask also makes texts of lists"):
        dd.from_pandas(pd.DataFrame({"v": [[1.0, 2.0]]}), npartitions=1)["v"].mmembed.as_vectors()


def test_errors_are_those_of_pandas():
    """Before anything is computed."""
    with pytest.raises(ValueError, match="dimension=9 is not between 1 and the column's 8"):
        DDF["v"].mmembed.truncate(9)
    with pytest.raises(SpaceMismatchError, match="'other'"):
        DDF["v"].mmembed.similarity(Vector(np.ones(8), space="other"))
    with pytest.raises(VectorError, match="holds no vectors"):
        DDF["text"].mmembed.normalize()
