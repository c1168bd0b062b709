"""Vectors in Arrow and Parquet: plain fixed-size lists of float32.

Space and storage travel in the dtype's text, which pandas writes into the file's metadata and reads back. An Arrow
extension type would say it too, but Polars then shows an extension column where its users need a plain one.
A process that has not imported mmembed cannot read that text: there ``pandas.read_parquet`` says "data type not
understood", as for every extension type, while Arrow, Polars and DuckDB read plain vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from mmembed.arrays import BoolVector, FloatMatrix
from mmembed.errors import DimensionMismatchError, VectorError
from mmembed.vectors.conversion import matrix_from_numbers
from mmembed.vectors.scalar import as_float32

# Up to release 25 Arrow cannot read missing fixed-size lists back from Parquet, and up to 24 not even write them.
_FIXED_SIZE_MAY_MISS = int(pa.__version__.split(".")[0]) >= 26


def arrow_in(values: Any) -> pa.Array | pa.ChunkedArray | None:
    """Return the Arrow array that the values are, or that lies behind a column of pandas or Polars; else None."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(getattr(values, "dtype", None), pd.ArrowDtype):
        return pa.chunked_array(values.__arrow_array__())
    if hasattr(values, "__arrow_c_stream__") and not hasattr(values, "columns"):
        return pa.chunked_array(values)  # a Series of Polars and its kin; what has columns is a table
    return None


def arrow_from_matrix(
    matrix: npt.NDArray[Any], mask: BoolVector, *, fixed_size_may_miss: bool = _FIXED_SIZE_MAY_MISS
) -> pa.Array:
    """Return ``(n, d)`` rows as an Arrow array of fixed-size lists, without a copy of contiguous numbers.

    The lists hold float32 or float16, whichever the matrix does.

    Where rows are missing and ``fixed_size_may_miss`` is False, the lists are of variable size, so that a Parquet file
    of them can be written and read.
    """
    missing = pa.array(mask) if mask.any() else None
    if missing is None or fixed_size_may_miss:
        flat = pa.array(np.ascontiguousarray(matrix).reshape(-1), from_pandas=False)
        return pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1], mask=missing)
    offsets = np.concatenate([[0], np.cumsum(~mask)]) * matrix.shape[1]
    numbers = pa.array(matrix[~mask].reshape(-1), from_pandas=False)
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), numbers, mask=missing)


def matrix_from_arrow(
    array: pa.Array | pa.ChunkedArray, dimension: int | None = None
) -> tuple[FloatMatrix, BoolVector]:
    """Return the matrix ``(n, d)`` and the mask of missing rows of an Arrow array of number lists.

    Lists of any Arrow list type are read. Nothing is copied where one chunk of float32 without missing rows is given.

    Parameters
    ----------
    array : pyarrow.Array or pyarrow.ChunkedArray
        Lists of numbers, or an extension array on top of them.
    dimension : int, optional
        The length each list must have; taken from the first list if not given.

    Raises
    ------
    DimensionMismatchError
        If a list has another length.
    VectorError
        If the values are not lists of finite numbers, or the length is unknown because every row is missing.
    """
    chunks = [_lists_in(chunk) for chunk in (array.chunks if isinstance(array, pa.ChunkedArray) else [array])]
    if dimension is None:
        dimension = _dimension_of(array.type, chunks)
    if len(chunks) == 1 and not chunks[0].null_count:
        numbers = _numbers_of(chunks[0], dimension, first_row=0)
        return matrix_from_numbers(numbers.reshape(-1, dimension))
    matrix = np.full((sum(map(len, chunks)), dimension), np.nan, dtype=np.float32)
    mask = np.zeros(len(matrix), dtype=bool)
    start = 0
    for chunk in chunks:
        part = slice(start, start + len(chunk))
        mask[part] = chunk.is_null().to_numpy(zero_copy_only=False)
        matrix[part][~mask[part]] = _numbers_of(chunk, dimension, first_row=start).reshape(-1, dimension)
        start = part.stop
    return matrix_from_numbers(matrix, mask)


def _lists_in(chunk: pa.Array) -> pa.Array:
    """Return an Arrow array as lists of numbers, or refuse it."""
    lists = chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk
    kind = lists.type
    if pa.types.is_null(kind):
        return lists.cast(pa.list_(pa.float32()))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        numbers = kind.value_type
        if pa.types.is_floating(numbers) or pa.types.is_integer(numbers) or pa.types.is_decimal(numbers):
            return lists
    raise VectorError(f"An Arrow column of {kind} holds no vectors; expected lists of numbers.")


def _dimension_of(kind: pa.DataType, chunks: list[pa.Array]) -> int:
    storage = kind.storage_type if isinstance(kind, pa.ExtensionType) else kind
    if pa.types.is_fixed_size_list(storage):
        return int(storage.list_size)
    for chunk in chunks:
        if chunk.null_count < len(chunk):
            return int(_lengths(chunk)[~chunk.is_null().to_numpy(zero_copy_only=False)][0])
    raise VectorError(
        "The column holds no vector, so its dimension is unknown. Give a VectorDtype, or drop the column."
    )


def _numbers_of(chunk: pa.Array, dimension: int, *, first_row: int) -> npt.NDArray[np.float32]:
    """Return the numbers of the rows that are there, end to end, after a check that each row has d of them."""
    lengths = _lengths(chunk)
    wrong = np.flatnonzero((lengths != dimension) & ~chunk.is_null().to_numpy(zero_copy_only=False))
    if wrong.size:
        raise DimensionMismatchError(
            f"Row {first_row + wrong[0]} has dimension {lengths[wrong[0]]}; expected {dimension}, as in the other rows."
        )
    # flatten() honours the slice offset, which .values ignores, but leaves missing rows out: the caller puts them back.
    flat = chunk.flatten()
    if flat.null_count:
        at = int(np.flatnonzero(flat.is_null().to_numpy(zero_copy_only=False))[0])
        row = first_row + int(np.searchsorted(lengths.cumsum(), at, side="right"))
        raise VectorError(f"Row {row} lacks a number; expected lists of finite numbers, or a missing list.")
    return as_float32(flat.to_numpy(zero_copy_only=False))


def _lengths(chunk: pa.Array) -> npt.NDArray[np.int64]:
    """Return how many numbers each row holds, 0 where it is missing, shape ``(n,)``."""
    import pyarrow.compute as pc

    lengths = pc.list_value_length(chunk)
    # Some releases of Arrow give the fixed size for a missing row too.
    made = pc.if_else(chunk.is_null(), pa.scalar(0, lengths.type), lengths).to_numpy(zero_copy_only=False)
    return np.asarray(made, dtype=np.int64)
