"""Vectors in Arrow and Parquet: plain fixed-size lists of float32.

Space and storage travel in the dtype's text, which pandas writes into the file's metadata and reads back. An Arrow
extension type would say it too, but Polars then shows an extension column where its users need a plain one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mmembed.errors import DimensionMismatchError, VectorError

FloatMatrix = npt.NDArray[np.float32]
BoolVector = npt.NDArray[np.bool_]


def arrow_from_matrix(matrix: FloatMatrix, mask: BoolVector) -> pa.FixedSizeListArray:
    """Return ``(n, d)`` rows as an Arrow array of fixed-size float32 lists; the numbers are not copied if contiguous."""
    flat = pa.array(np.ascontiguousarray(matrix, dtype=np.float32).reshape(-1), from_pandas=False)
    missing = pa.array(mask) if mask.any() else None
    return pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1], mask=missing)


def matrix_from_arrow(array: pa.Array | pa.ChunkedArray, dimension: int | None = None) -> tuple[FloatMatrix, BoolVector]:
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
        If the values are not lists of numbers, or the length is unknown because every row is missing.
    """
    chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    chunks = [chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk for chunk in chunks]
    if dimension is None:
        dimension = _dimension_of(array.type, chunks)
    parts = [_matrix_of_chunk(chunk, dimension) for chunk in chunks if len(chunk)]
    if not parts:
        return np.empty((0, dimension), dtype=np.float32), np.zeros(0, dtype=bool)
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([matrix for matrix, _ in parts]), np.concatenate([mask for _, mask in parts])


def _dimension_of(arrow_type: pa.DataType, chunks: list[pa.Array]) -> int:
    storage = arrow_type.storage_type if isinstance(arrow_type, pa.ExtensionType) else arrow_type
    if pa.types.is_fixed_size_list(storage):
        return int(storage.list_size)
    for chunk in chunks:
        for cell in chunk:
            if cell.is_valid:
                return len(cell.as_py())
    raise VectorError("The column holds no vector, so its dimension is unknown. Give a VectorDtype, or drop the column.")


def _matrix_of_chunk(chunk: pa.Array, dimension: int) -> tuple[FloatMatrix, BoolVector]:
    if not (pa.types.is_list(chunk.type) or pa.types.is_large_list(chunk.type) or _is_fixed(chunk)):
        raise VectorError(f"An Arrow column of {chunk.type} holds no vectors; expected lists of numbers.")
    mask = chunk.is_null().to_numpy(zero_copy_only=False)
    # flatten() honours the slice offset (unlike .values) but leaves missing rows out, so rows are put back by the mask.
    flat = chunk.flatten()
    if flat.null_count:
        raise VectorError("A vector holds a missing number; expected lists of finite numbers, or a missing list.")
    try:
        numbers = flat.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid as error:
        raise VectorError(f"An Arrow column of {chunk.type} holds no vectors; expected lists of numbers.") from error
    if not _is_fixed(chunk) or chunk.type.list_size != dimension:
        _check_lengths(chunk, mask, dimension)
    if not mask.any():
        return numbers.reshape(-1, dimension), mask
    matrix = np.full((len(chunk), dimension), np.nan, dtype=np.float32)
    matrix[~mask] = numbers.reshape(-1, dimension)
    return matrix, mask


def _is_fixed(chunk: pa.Array) -> bool:
    return bool(pa.types.is_fixed_size_list(chunk.type))


def _check_lengths(chunk: pa.Array, mask: BoolVector, dimension: int) -> None:
    import pyarrow.compute as pc

    lengths: npt.NDArray[Any] = pc.list_value_length(chunk).fill_null(dimension).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero((lengths != dimension) & ~mask)
    if wrong.size:
        raise DimensionMismatchError(
            f"Row {wrong[0]} holds {lengths[wrong[0]]} numbers; expected {dimension}, as in the other rows."
        )
