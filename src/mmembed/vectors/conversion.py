"""From whatever people have to a checked matrix and a mask: the one place where numbers become vectors."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mmembed.arrays import BoolVector, FloatMatrix
from mmembed.errors import DimensionMismatchError, VectorError
from mmembed.frames import is_missing
from mmembed.vectors.scalar import InSpace, Vector, as_float32, check_comparable

_EXPECTED = "expected a vector: an array or a list of numbers"

_ROWS_AT_ONCE = 4096


def matrix_from_numbers(values: npt.ArrayLike, mask: npt.ArrayLike | None = None) -> tuple[FloatMatrix, BoolVector]:
    """Check a matrix ``(n, d)`` and return it as contiguous float32 with its mask; copies only where it must.

    Raises
    ------
    VectorError
        If the shape or the type is wrong, or a row is NaN or infinite in part.
    """
    try:
        matrix = np.ascontiguousarray(as_float32(values))
    except (TypeError, ValueError) as error:
        raise VectorError(f"{type(values).__name__} is not a matrix of numbers: {error}.") from error
    if matrix.ndim != 2 or matrix.shape[1] < 1:
        raise VectorError(f"Vectors come as a matrix of shape (n, d) with d ≥ 1; got shape {np.shape(values)}.")
    missing = np.zeros(len(matrix), dtype=bool) if mask is None else np.array(mask, dtype=bool)
    if missing.shape != (len(matrix),):
        raise VectorError(f"The mask has shape {missing.shape}; expected ({len(matrix)},), one value a row.")
    if missing.any() and not np.isnan(matrix[missing]).all():
        is_shared = matrix is values or matrix.base is not None
        matrix = matrix.copy() if is_shared else matrix
        matrix[missing] = np.nan
    return matrix, missing | _missing_rows(matrix, missing)


def _missing_rows(matrix: FloatMatrix, known: BoolVector) -> BoolVector:
    """Return True for rows of NaN alone; refuse rows that are not finite in part."""
    with np.errstate(all="ignore"):
        # One pass: a sum is finite only if every number is; only otherwise (or after an overflow) look closer.
        suspects: BoolVector = ~np.isfinite(matrix.sum(axis=1)) & ~known
    empty = np.zeros(len(matrix), dtype=bool)
    positions = np.flatnonzero(suspects)
    for start in range(0, len(positions), _ROWS_AT_ONCE):
        block = positions[start : start + _ROWS_AT_ONCE]
        rows = matrix[block]
        empty[block] = np.isnan(rows).all(axis=1)
        wrong = np.flatnonzero(~np.isfinite(rows).all(axis=1) & ~empty[block])
        if wrong.size:
            count = int((~np.isfinite(rows[wrong[0]])).sum())
            raise VectorError(
                f"Row {block[wrong[0]]} is NaN, infinite or beyond float32 in {count} of {matrix.shape[1]} numbers. "
                "A vector holds finite numbers; a missing vector is a row of NaN or a missing cell."
            )
    return empty


class Space(NamedTuple):
    """What cells are, as far as they tell: the length of the vectors, and the space that one of them names."""

    dimension: int
    space: str | None = None


def matrix_from_cells(cells: Sequence[Any], wanted: InSpace | None = None) -> tuple[FloatMatrix, BoolVector, InSpace]:
    """Return matrix, mask and space of cells that are Vector, array, list, a list written as text, or missing.

    Raises
    ------
    DimensionMismatchError
        If two cells have two lengths.
    SpaceMismatchError
        If two cells come from two spaces.
    VectorError
        If a cell holds something else than finite numbers, or no cell tells the dimension.
    TypeError
        If a cell is no list of any kind.
    """
    mask = np.fromiter((is_missing(cell) for cell in cells), dtype=bool, count=len(cells))
    present: list[int] = np.flatnonzero(~mask).tolist()
    kind = wanted or _space_of(cells, present)
    matrix = np.empty((len(cells), kind.dimension), dtype=np.float32)
    matrix[mask] = np.nan
    shape = (kind.dimension,)
    # A list of floats is packed straight into its row: half the time of an array made of it.
    packer, memory, row_bytes = struct.Struct(f"{kind.dimension}f"), matrix.data, matrix.itemsize * kind.dimension
    for position in present:
        cell = cells[position]
        if isinstance(cell, list | tuple):
            try:
                packer.pack_into(memory, position * row_bytes, *cell)
            except (struct.error, OverflowError, TypeError):
                matrix[position] = _row(cell, position, kind)
        elif type(cell) is np.ndarray and cell.dtype == np.float32 and cell.shape == shape:
            matrix[position] = cell
        else:
            matrix[position] = _row(cell, position, kind)
    return (*matrix_from_numbers(matrix, mask), kind)


def stored(matrix: FloatMatrix, storage: np.dtype[Any], *, copy: bool = False) -> npt.NDArray[Any]:
    """Return a matrix as it is kept in memory, in float32 or float16.

    Raises
    ------
    VectorError
        If a number is too large for float16.
    """
    with np.errstate(over="ignore"):
        made = matrix.astype(storage, copy=copy)
    if made.itemsize < matrix.itemsize and np.isinf(made).any():
        position = int(np.flatnonzero(np.isinf(made).any(axis=1))[0])
        largest = np.abs(matrix[position]).max()
        raise VectorError(
            f"Row {position} holds {largest:g}; storage 'float16' ends at 65504. "
            "Keep float32, or normalise first: series.mmembed.normalize()."
        )
    return made


def numbers_in_text(text: str) -> list[float]:
    """Read numbers in brackets, parted by commas or blanks: what ``str(vector)``, JSON and numpy write.

    Raises
    ------
    VectorError
        If the text is no list of numbers.

    Examples
    --------
    >>> numbers_in_text("[0.5, -1]")
    [0.5, -1.0]
    >>> numbers_in_text("[0.5 -1.]")
    [0.5, -1.0]
    """
    inside = text.strip().removeprefix("[").removesuffix("]")
    try:
        return [float(number) for number in (inside.split(",") if "," in inside else inside.split())]
    except ValueError as error:
        raise VectorError(
            f"{text[:40]!r} is not a vector; expected numbers in brackets, as in '[0.1, 0.2]'."
        ) from error


def _space_of(cells: Sequence[Any], present: list[int]) -> Space:
    if not present:
        raise VectorError("No cell holds a vector, so the dimension is unknown. Give dtype=VectorDtype(dimension).")
    first = cells[present[0]]
    dimension = first.dimension if isinstance(first, Vector) else len(_numbers(first, present[0]))
    spaces = (cells[position].space for position in present if isinstance(cells[position], Vector))
    return Space(dimension, next((space for space in spaces if space is not None), None))


def _row(cell: Any, position: int, kind: InSpace) -> npt.NDArray[np.float32]:
    if isinstance(cell, Vector):
        check_comparable(kind, cell)
        return np.asarray(cell)
    numbers = _numbers(cell, position)
    if len(numbers) != kind.dimension:
        raise DimensionMismatchError(
            f"Row {position} has dimension {len(numbers)}; expected {kind.dimension}, as in the other rows."
        )
    return numbers


def _numbers(cell: Any, position: int) -> npt.NDArray[np.float32]:
    if isinstance(cell, str) and cell.lstrip()[:1] == "[":
        return as_float32(numbers_in_text(cell))
    if not hasattr(cell, "__len__") or isinstance(cell, str | bytes | dict | set):
        # A TypeError, since pandas tells by it that a value does not fit the column.
        raise TypeError(f"Row {position} holds {type(cell).__name__}; {_EXPECTED}.")
    try:
        numbers = as_float32(cell)
    except (TypeError, ValueError) as error:
        raise VectorError(f"Row {position} holds {type(cell).__name__} that is not numbers; {_EXPECTED}.") from error
    if numbers.ndim != 1 or not numbers.size:
        raise VectorError(f"Row {position} has shape {numbers.shape}; {_EXPECTED}, shape (d,).")
    return numbers
