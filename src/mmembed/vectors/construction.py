"""From whatever people have to a checked matrix and a mask: the one place where numbers become vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.errors import DimensionMismatchError, VectorError
from mmembed.vectors.dtype import VectorDtype
from mmembed.vectors.scalar import Vector
from mmembed.vectors.space import check_comparable

FloatMatrix = npt.NDArray[np.float32]
BoolVector = npt.NDArray[np.bool_]


def matrix_from_numbers(values: npt.ArrayLike, mask: npt.ArrayLike | None) -> tuple[FloatMatrix, BoolVector]:
    """Check a matrix ``(n, d)`` and return it as contiguous float32 with its mask; copies only where it must.

    Raises
    ------
    VectorError
        If the shape or the type is wrong, or a row is NaN or infinite in part.
    """
    try:
        matrix = np.ascontiguousarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise VectorError(f"{type(values).__name__} is not a matrix of numbers: {error}.") from error
    if matrix.ndim != 2 or matrix.shape[1] < 1:
        raise VectorError(f"Vectors come as a matrix of shape (n, d) with d ≥ 1; got shape {np.shape(values)}.")
    missing = np.zeros(len(matrix), dtype=bool) if mask is None else np.array(mask, dtype=bool)
    if missing.shape != (len(matrix),):
        raise VectorError(f"The mask has shape {missing.shape}; expected ({len(matrix)},), one value a row.")
    if missing.any() and not np.isnan(matrix[missing]).all():
        matrix = matrix.copy() if np.shares_memory(matrix, values) else matrix  # type: ignore[arg-type]
        matrix[missing] = np.nan
    return matrix, missing | _missing_rows(matrix, missing)


def _missing_rows(matrix: FloatMatrix, known: BoolVector) -> BoolVector:
    """Return True for rows of NaN alone; refuse rows that are not finite in part."""
    with np.errstate(all="ignore"):
        # One pass: a sum is finite only if every number is; only otherwise (or after an overflow) look closer.
        suspects = ~np.isfinite(matrix.sum(axis=1)) & ~known
    if not suspects.any():
        return suspects
    empty = np.zeros(len(matrix), dtype=bool)
    for position in np.flatnonzero(suspects):
        finite = np.isfinite(matrix[position])
        if np.isnan(matrix[position]).all():
            empty[position] = True
        elif not finite.all():
            raise VectorError(
                f"Row {position} holds {int((~finite).sum())} numbers that are NaN or infinite. "
                "A vector holds finite numbers; a missing vector is a row of NaN or a missing cell."
            )
    return empty


def matrix_from_cells(
    cells: Sequence[Any], wanted: VectorDtype | None = None
) -> tuple[FloatMatrix, BoolVector, VectorDtype]:
    """Return matrix, mask and dtype of cells that are Vector, array, list or missing.

    Raises
    ------
    DimensionMismatchError
        If two cells have two lengths.
    SpaceMismatchError
        If two cells come from two spaces.
    VectorError
        If a cell is something else, or no cell tells the dimension.
    """
    mask = np.fromiter((is_missing(cell) for cell in cells), dtype=bool, count=len(cells))
    present = np.flatnonzero(~mask)
    dtype = wanted or _dtype_of(cells, present)
    matrix = np.full((len(cells), dtype.dimension), np.nan, dtype=np.float32)
    for position in present:
        matrix[position] = _row(cells[position], int(position), dtype)
    return (*matrix_from_numbers(matrix, mask), dtype)


def _dtype_of(cells: Sequence[Any], present: npt.NDArray[np.intp]) -> VectorDtype:
    if not present.size:
        raise VectorError("No cell holds a vector, so the dimension is unknown. Give dtype=VectorDtype(dimension).")
    first = cells[present[0]]
    if not isinstance(first, Vector):
        return VectorDtype(len(_numbers(first, int(present[0]))))
    spaces = (cells[position].space for position in present if isinstance(cells[position], Vector))
    return VectorDtype(first.dimension, next((space for space in spaces if space is not None), None))


def _row(cell: Any, position: int, dtype: VectorDtype) -> npt.NDArray[Any]:
    if isinstance(cell, Vector):
        check_comparable(dtype, cell)
        return np.asarray(cell)
    numbers = _numbers(cell, position)
    if len(numbers) != dtype.dimension:
        raise DimensionMismatchError(
            f"Row {position} holds {len(numbers)} numbers; expected {dtype.dimension}, as in the other rows."
        )
    return numbers


def _numbers(cell: Any, position: int) -> npt.NDArray[Any]:
    expected = "expected a vector: an array or a list of numbers"
    if not hasattr(cell, "__len__") or isinstance(cell, str | bytes | dict | set):
        # A TypeError, since pandas tells by it that a value does not fit the column.
        raise TypeError(f"Row {position} holds {type(cell).__name__}; {expected}.")
    try:
        numbers = np.asarray(cell, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise VectorError(f"Row {position} holds {type(cell).__name__} that is not numbers; {expected}.") from error
    if numbers.ndim != 1 or not numbers.size:
        raise VectorError(f"Row {position} has shape {numbers.shape}; {expected}, shape (d,).")
    return numbers


def is_missing(cell: object) -> bool:
    """Return whether a cell is one of the ways to write that nothing is there."""
    return cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and cell != cell)
