"""Reading and writing the rows of a vector array by position: items, slices, take, shift."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.extensions import ExtensionArray
from pandas.api.indexers import check_array_indexer

from mmembed.arrays import BoolVector
from mmembed.frames import is_missing
from mmembed.vectors.lengths import forget_lengths
from mmembed.vectors.scalar import Vector
from mmembed.vectors.storage import StoredRows

# ruff: noqa: SLF001  rows move between the matrices of two arrays of one class


class IndexedRows(StoredRows):
    """The half of a vector array that reads and writes rows. Slices are views; the rest is one numpy copy."""

    def _cell(self, position: int) -> Any:
        if self._mask[position]:
            return self._dtype.na_value
        return Vector._of_row(self._matrix[position], self._dtype.space)

    def __iter__(self) -> Iterator[Any]:
        for position in range(len(self)):
            yield self._cell(position)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, tuple):
            item = _only_axis(item)
        item = check_array_indexer(cast("Any", self), item)
        if isinstance(item, int | np.integer):
            return self._cell(int(item))
        part = self._simple_new(self._matrix[item], self._mask[item], self._dtype)
        if self._readonly and isinstance(item, slice):
            part._readonly = True
        return part

    def __setitem__(self, key: Any, value: Any) -> None:
        if self._readonly:
            raise ValueError("Cannot modify read-only array")
        key = check_array_indexer(cast("Any", self), key)
        if is_missing(value):
            numbers, missing = np.float32(np.nan), np.True_
        else:
            numbers, missing = self._rows_to_write(value, one=isinstance(key, int | np.integer))
        self._own_memory()
        # The mask is the smaller check: it raises before anything is written if the lengths differ.
        self._mask[key] = missing
        self._matrix[key] = numbers
        forget_lengths(self._matrix)

    def _rows_to_write(self, value: Any, *, one: bool) -> tuple[Any, Any]:
        """Return a value as numbers and mask in this array's storage; ``one`` row, or as many as the key names."""
        if isinstance(value, pd.Series | pd.Index):
            value = value.array
        if isinstance(value, Vector):
            value, one = [value], True
        elif not isinstance(value, Sequence | np.ndarray | ExtensionArray) or isinstance(value, str | bytes):
            raise TypeError(f"A vector column holds vectors or missing values; got {type(value).__name__}.")
        elif one and _is_row(value):
            value = [value]
        rows = self._from_sequence(value, dtype=self._dtype)
        if not one:
            return rows._matrix, rows._mask
        if len(rows) != 1:
            raise ValueError(f"One row takes one vector; got {len(rows)}.")
        return rows._matrix[0], rows._mask[0]

    def _own_memory(self) -> None:
        """Copy memory that may not be written, such as that of an Arrow buffer, before the first write."""
        if not self._matrix.flags.writeable:
            self._matrix = self._matrix.copy()
        if not self._mask.flags.writeable:
            self._mask = self._mask.copy()

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> Self:
        """Return the rows at positions; with ``allow_fill``, −1 gives a missing row (or ``fill_value``)."""
        positions = np.asarray(indices, dtype=np.intp)
        if not len(self) and positions.size and not (allow_fill and positions.max() < 0):
            raise IndexError("cannot do a non-empty take from an empty axes.")
        if not allow_fill:
            return self._simple_new(self._matrix.take(positions, axis=0), self._mask.take(positions), self._dtype)
        if positions.size and positions.min() < -1:
            raise ValueError("With allow_fill=True, positions are −1 (fill) or a row number.")
        if positions.size and positions.max() >= len(self):
            raise IndexError(f"Position {positions.max()} is out of bounds for {len(self)} rows.")
        filled = positions == -1
        numbers, missing = np.float32(np.nan), np.True_
        if filled.any() and not is_missing(fill_value):
            numbers, missing = self._rows_to_write(fill_value, one=True)
        return self._take_and_fill(positions, filled, numbers, missing)

    def _take_and_fill(self, positions: npt.NDArray[np.intp], filled: BoolVector, numbers: Any, missing: Any) -> Self:
        if len(self):
            # −1 reads the last row, overwritten below: cheaper than a second pass over the rows that stay.
            matrix, mask = self._matrix.take(positions, axis=0), self._mask.take(positions)
        else:
            matrix = np.empty((len(positions), self.dimension), dtype=self._matrix.dtype)
            mask = np.empty(len(positions), dtype=bool)
        matrix[filled], mask[filled] = numbers, missing
        return self._simple_new(matrix, mask, self._dtype)

    def shift(self, periods: int = 1, fill_value: object = None) -> Self:
        """Return the rows moved by some places; the places left free are missing, or hold ``fill_value``."""
        positions = np.arange(len(self)) - periods
        positions[(positions < 0) | (positions >= len(self))] = -1
        return self.take(positions, allow_fill=True, fill_value=fill_value)

    def view(self, dtype: Any = None) -> Self:
        """Return an array on the same memory."""
        if dtype is not None:
            raise NotImplementedError(f"A vector column has no view as {dtype!r}; use .astype().")
        return cast("Self", self[:])


def _only_axis(item: tuple[Any, ...]) -> Any:
    """Take the one real index out of a tuple such as ``(..., slice)``, which pandas uses."""
    rest = [one for one in item if one is not Ellipsis]
    if len(rest) > 1:
        raise IndexError("too many indices for array")
    return rest[0] if rest else slice(None)


def _is_row(value: Any) -> bool:
    """Return whether a list-like is one vector written as numbers, rather than a list of vectors."""
    return len(value) > 0 and not isinstance(value, StoredRows) and np.ndim(value[0]) == 0 and not is_missing(value[0])
