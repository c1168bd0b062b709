"""Vector columns of Dask frames: their type before anything is computed, their rows by number, columns side by side.

Dask is told of sample rows to try a function on, of the scalar, and of the weight in memory. All else that Dask does
with a column (shuffling, Parquet, pickling without copies, hashing) goes by pandas' extension interface.
"""

from __future__ import annotations

from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
from dask.dataframe.extensions import make_array_nonempty, make_scalar
from dask.sizeof import sizeof

from mmembed.errors import VectorError
from mmembed.vectors import Vector, VectorArray, VectorDtype, as_vector_array, check_comparable


def vector_dtype(series: Any) -> VectorDtype:
    """Return the type of a vector column of a Dask DataFrame.

    A column of lists does not say how long they are: its first vector is computed.

    Raises
    ------
    TypeError
        If it is no Dask Series.
    VectorError
        If it holds no vectors.
    """
    if not isinstance(series, dd.Series):
        raise TypeError(
            f"vectors is a {type(series).__name__}; expected a column of a Dask DataFrame, such as ddf['v']. "
            "For pandas there are the functions of mmembed itself."
        )
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


VECTOR = "vector"


def side_by_side(vectors: Any, **others: Any) -> Any:
    """Return a Dask DataFrame of a vector column, called ``vector``, and others under their keywords.

    Parameters
    ----------
    vectors : dask Series, a vector column
    **others : dask Series or None
        Of as many partitions and rows; None is left out.

    Raises
    ------
    TypeError
        If something is no Dask Series.
    VectorError
        If the first is no vector column.
    ValueError
        If the numbers of partitions differ; when it is computed, if the numbers of rows differ.
    """
    dtype = vector_dtype(vectors)
    return align({VECTOR: vectors, **{name: series for name, series in others.items() if series is not None}}, dtype)


def check_partitions(ddf: Any, computed: Any, *, what: str) -> None:
    """Raise if a frame cannot be the one that a result was computed for; ``what`` says which that was.

    Raises
    ------
    ValueError
        If it has other partitions.
    """
    if ddf.npartitions != computed.npartitions:
        raise ValueError(
            f"The frame has {ddf.npartitions} partitions, but {what} {computed.npartitions}. "
            "Give the frame whose vectors were used."
        )


def align(named: dict[str, Any], dtype: VectorDtype | None = None) -> Any:
    """Return a Dask DataFrame of columns under other names.

    Parameters
    ----------
    named : dict of str to dask Series
    dtype : VectorDtype, optional
        Of the first column, if it holds vectors.
    """
    n_partitions = next(iter(named.values())).npartitions
    for name, series in named.items():
        if not isinstance(series, dd.Series):
            raise TypeError(
                f"{name} is a {type(series).__name__}; expected a column of a Dask DataFrame, such as ddf[{name!r}]."
            )
        if series.npartitions != n_partitions:
            raise ValueError(
                f"{name} has {series.npartitions} partitions and {next(iter(named))} has {n_partitions}. "
                "Give columns of one frame."
            )
    options: dict[str, Any] = {"names": tuple(named), "dtype": dtype}
    meta = _put_side_by_side(*(series._meta for series in named.values()), **options)  # noqa: SLF001 - Dask's own word
    # Of one frame, rows have its index and its divisions; else they belong together by place alone.
    divisions = {series.divisions for series in named.values()}
    return dd.map_partitions(
        _put_side_by_side, *named.values(), **options, meta=meta, clear_divisions=len(divisions) > 1
    )


def vectors_of(part: pd.DataFrame) -> VectorArray:
    """Return the vectors of a partition."""
    array: VectorArray = part[VECTOR].array
    return array


def _put_side_by_side(*columns: pd.Series, names: tuple[str, ...], dtype: VectorDtype | None) -> pd.DataFrame:
    rows = len(columns[0])
    for name, column in zip(names, columns, strict=True):
        if len(column) != rows:
            raise ValueError(
                f"{name} has {len(column)} values for {rows} rows of a partition; columns of one frame fit."
            )
    cells = {name: column.array for name, column in zip(names, columns, strict=True)}
    if dtype is not None:
        cells[names[0]] = vectors_in(columns[0], dtype)
    return pd.DataFrame(cells, index=columns[0].index)


__all__: list[str] = []


@make_array_nonempty.register(VectorDtype)
def _example_rows(dtype: VectorDtype) -> VectorArray:
    """Return two unlike vectors, on which Dask tries what a function gives."""
    matrix = np.ones((2, dtype.dimension), dtype=np.float32)
    matrix[1, ::2] = -1.0
    return VectorArray.from_matrix(matrix, space=dtype.space).astype(dtype)  # type: ignore[no-any-return]


@make_scalar.register(VectorDtype)
def _example_vector(dtype: VectorDtype) -> Vector:
    return _example_rows(dtype)[0]  # type: ignore[no-any-return]


@sizeof.register(VectorArray)
def _bytes_in_memory(array: VectorArray) -> int:
    """Return the bytes of the rows: Dask spills by it."""
    return int(array.nbytes)
