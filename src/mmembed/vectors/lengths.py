"""The lengths of the rows of a matrix, measured once for as long as the memory of a large matrix lives unchanged.

Measuring them reads the whole matrix, which is what one search costs. They belong to the memory, not to an array or a
frame: views find them, and they are forgotten with the memory. Nothing stale is handed out: a vector array says when
it writes, and one number of every row is compared at each use, since memory that a caller shares may change unsaid.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.arrays import FloatMatrix

Lengths = npt.NDArray[np.float64]

_FEWEST_NUMBERS = 1 << 20  # a smaller matrix is measured in a millisecond, so its lengths are not kept

_MOST_KEPT = 16

_CHUNK_NUMBERS = 1 << 16  # a float64 working copy of half a megabyte stays near the processor


def row_lengths(matrix: FloatMatrix) -> Lengths:
    """Return the Euclidean length of each row, computed in float64 so that no float32 value over- or underflows.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, d), float32

    Returns
    -------
    numpy.ndarray, shape (n,), float64
        Read-only; NaN for a row of NaN.

    Examples
    --------
    >>> row_lengths(np.array([[3, 4], [0, 0]], dtype="float32")).tolist()
    [5.0, 0.0]
    """
    return _measured(matrix) if matrix.size < _FEWEST_NUMBERS else _STORE.lengths(matrix)


def forget_lengths(matrix: npt.NDArray[Any]) -> None:
    """Forget the lengths of all rows in the memory of this matrix, since it was written to."""
    _STORE.forget(matrix)


def _measured(matrix: FloatMatrix) -> Lengths:
    lengths = np.empty(len(matrix))
    step = max(1, _CHUNK_NUMBERS // max(1, matrix.shape[1]))
    for start in range(0, len(matrix), step):
        chunk = matrix[start : start + step].astype(np.float64)
        np.multiply(chunk, chunk, out=chunk)
        np.sqrt(chunk.sum(axis=1), out=lengths[start : start + step])
    lengths.setflags(write=False)
    return lengths


@dataclass(frozen=True)
class _Kept:
    owner: weakref.ref[npt.NDArray[Any]]
    lengths: Lengths
    column: int
    numbers: npt.NDArray[Any]

    def is_of(self, matrix: FloatMatrix, owner: npt.NDArray[Any]) -> bool:
        return self.owner() is owner and np.array_equal(_bits(matrix, self.column), self.numbers)


class _LengthStore:
    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[Any, ...], _Kept] = OrderedDict()
        self._lock = Lock()
        self._writes = 0

    def lengths(self, matrix: FloatMatrix) -> Lengths:
        owner = _owner(matrix)
        key = (id(owner), matrix.__array_interface__["data"][0], matrix.shape, matrix.strides)
        with self._lock:
            kept, writes = self._kept.get(key), self._writes
        if kept is not None and kept.is_of(matrix, owner):
            return kept.lengths
        column = int(np.random.default_rng().integers(matrix.shape[1]))
        numbers = _bits(matrix, column).copy()
        lengths = _measured(matrix)
        with self._lock:
            if writes == self._writes:  # else a writer may have come between
                self._kept[key] = _Kept(weakref.ref(owner, self._drop_dead), lengths, column, numbers)
                self._kept.move_to_end(key)
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return lengths

    def forget(self, matrix: npt.NDArray[Any]) -> None:
        owner = id(_owner(matrix))
        with self._lock:
            self._writes += 1
            for key in [key for key in self._kept if key[0] == owner]:
                del self._kept[key]

    def _drop_dead(self, _: object) -> None:
        # Called by the garbage collector, perhaps in a thread that holds the lock: never wait here.
        if self._lock.acquire(blocking=False):
            try:
                for key in [key for key, kept in self._kept.items() if kept.owner() is None]:
                    del self._kept[key]
            finally:
                self._lock.release()

    def __len__(self) -> int:
        return len(self._kept)


def _owner(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the array that owns the memory, or the last one before memory that is not numpy's."""
    while isinstance(matrix.base, np.ndarray):
        matrix = matrix.base
    return matrix


def _bits(matrix: FloatMatrix, column: int) -> npt.NDArray[np.uint32]:
    return matrix.view(np.uint32)[:, column]


_STORE = _LengthStore(_MOST_KEPT)
