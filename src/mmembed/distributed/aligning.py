"""The columns that a fit reads, side by side under fixed names."""

from __future__ import annotations

from typing import Any

import dask.dataframe as dd
import pandas as pd

from mmembed.distributed.columns import series_dtype, vectors_in
from mmembed.vectors import VectorArray, VectorDtype

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
    meta = _beside(*(series._meta for series in named.values()), **options)  # noqa: SLF001 - Dask's own word
    return dd.map_partitions(_beside, *named.values(), **options, meta=meta, clear_divisions=True)


def vector_dtype(vectors: Any) -> VectorDtype:
    """Return the type of a vector column of a Dask DataFrame; of a column of lists the first vector is computed.

    Raises
    ------
    TypeError
        If it is no Dask Series.
    VectorError
        If it holds no vectors.
    """
    if not isinstance(vectors, dd.Series):
        raise TypeError(
            f"vectors is a {type(vectors).__name__}; expected a column of a Dask DataFrame, such as ddf['v']. "
            "For pandas there are the functions of mmembed itself."
        )
    return series_dtype(vectors)


def vectors_of(part: pd.DataFrame) -> VectorArray:
    """Return the vectors of a partition."""
    array: VectorArray = part[VECTOR].array
    return array


def _beside(*columns: pd.Series, names: tuple[str, ...], dtype: VectorDtype | None) -> pd.DataFrame:
    rows = len(columns[0])
    for name, column in zip(names, columns, strict=True):
        if len(column) != rows:
            raise ValueError(
                f"{name} has {len(column)} values for {rows} rows of a partition; columns of one frame fit."
            )
    cells = {name: column.array for name, column in zip(names, columns, strict=True)}
    if dtype is not None:
        cells[names[0]] = vectors_in(columns[0], dtype)
    return pd.DataFrame(cells)
