"""Vector columns of Dask frames, by partition: their type before anything is computed, and their rows by number."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmembed.errors import VectorError
from mmembed.frames import column_of
from mmembed.vectors import VectorArray, VectorDtype, as_vector_array, check_comparable

if TYPE_CHECKING:
    import dask.dataframe as dd


def column_dtype(ddf: dd.DataFrame, column: Hashable) -> VectorDtype:
    """Return the type of a vector column.

    A column of lists does not say how long they are: its first vector is computed.

    Raises
    ------
    ColumnNotFoundError
        If there is no such column.
    VectorError
        If it holds no vectors.
    """
    return series_dtype(ddf[column_of(ddf._meta, column).name])  # noqa: SLF001  Dask has no other name for it


def series_dtype(series: dd.Series) -> VectorDtype:
    """Return the type of a vector column; see :func:`column_dtype`."""
    if isinstance(series.dtype, VectorDtype):
        return series.dtype
    if isinstance(series.dtype, pd.StringDtype) or pd.api.types.is_numeric_dtype(series.dtype):
        raise VectorError(
            f"The column {series.name!r} holds no vectors, but {series.dtype}. Make them with "
            "ddf.mmembed.embed(column, modality). Dask also makes texts of lists of numbers: make the column a vector "
            "column in pandas first, with series.mmembed.as_vectors(), or read it from Parquet."
        )
    for position in range(series.npartitions):
        first = series.partitions[position].map_partitions(_first_present, meta=series._meta).compute()  # noqa: SLF001
        if len(first):
            return as_vector_array(first).dtype
    raise VectorError(f"No row of the column {series.name!r} has a vector, so its dimension is not known.")


def vectors_in(cells: pd.Series, dtype: VectorDtype) -> VectorArray:
    """Return the vectors of a column's part, which may be empty or without any vector.

    Raises
    ------
    DimensionMismatchError
        If they are of another length than the column's first one.
    """
    if isinstance(cells.dtype, VectorDtype):
        return as_vector_array(cells)
    if cells.isna().all():
        return no_vectors(dtype, len(cells))
    array = as_vector_array(cells, space=dtype.space)
    check_comparable(dtype, array)
    return array


def no_vectors(dtype: VectorDtype, n_rows: int = 0) -> VectorArray:
    """Return an array of missing rows."""
    matrix = np.full((n_rows, dtype.dimension), np.nan, dtype=np.float32)
    return VectorArray.from_matrix(matrix, space=dtype.space)


def _first_present(part: pd.Series) -> pd.Series:
    return part.dropna().head(1)
