"""Rows of a plain matrix: which are equal, in which order they sort, what they hash to, and how long they are.

Lengths are measured once for as long as the memory of a large matrix is unchanged, since measuring reads the whole
matrix, which is what one search costs. They belong to the memory, not to an array or a frame: views find them, and they
are forgotten with the memory. No stale length is returned: a vector array says when it writes, and one number of every
row is compared at each use, since memory that a caller shares may change without notice.
"""

from __future__ import annotations

import hashlib
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.arrays import BoolVector, FloatMatrix, row_chunks

if TYPE_CHECKING:
    from mmembed.arrays import FloatVector, Positions


Matrix = npt.NDArray[np.floating[Any]]

_BLOCK_BYTES = 1 << 22


def row_codes(matrix: Matrix, mask: BoolVector) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give each distinct row a number, in the order of first appearance.

    Returns
    -------
    codes : numpy.ndarray, shape (n,), int64
        Equal rows have equal codes; a row under the mask has −1.
    first : numpy.ndarray, int64
        Position of the first row of each code.
    """
    seen: dict[bytes, int] = {}
    codes = np.full(len(matrix), -1, dtype=np.int64)
    first: list[int] = []
    for position, row in _row_bytes(matrix, mask):
        code = seen.setdefault(row, len(seen))
        if code == len(first):
            first.append(position)
        codes[position] = code
    return codes, np.array(first, dtype=np.int64)


def row_hashes(matrix: Matrix, mask: BoolVector, key: bytes) -> npt.NDArray[np.uint64]:
    """Return a 64-bit hash of each row ``(n,)``; rows under the mask hash alike."""
    hashes = np.zeros(len(matrix), dtype=np.uint64)
    for position, row in _row_bytes(matrix, mask):
        hashes[position] = int.from_bytes(hashlib.blake2b(row, digest_size=8, key=key[:64]).digest(), "little")
    return hashes


def row_ranks(matrix: Matrix) -> npt.NDArray[np.int64]:
    """Return the dense rank of each row in lexicographic order of its numbers, shape ``(n,)``.

    NaN rows rank somewhere; the caller masks them.
    """
    if not len(matrix):
        return np.zeros(0, dtype=np.int64)
    bits = np.ascontiguousarray(matrix + np.float32(0), dtype=np.float32).view(np.uint32)
    # Flipping all bits of negatives and the sign bit of the others makes unsigned order equal float order.
    ordered = np.where(bits >> 31 != 0, ~bits, bits | np.uint32(1 << 31)).astype(">u4")
    rows = np.ascontiguousarray(ordered).view(np.dtype((np.void, ordered.shape[1] * 4))).reshape(-1)
    _, ranks = np.unique(rows, return_inverse=True)
    return ranks.astype(np.int64)


def _row_bytes(matrix: Matrix, mask: BoolVector) -> Iterator[tuple[int, bytes]]:
    """Yield position and bytes of each row that is there, block by block so that memory stays bounded."""
    block = max(1, _BLOCK_BYTES // max(1, matrix.shape[1] * matrix.itemsize))
    for start in range(0, len(matrix), block):
        # Adding zero turns -0.0 into 0.0, which are equal numbers with different bytes.
        rows = matrix[start : start + block] + matrix.dtype.type(0)
        for offset in np.flatnonzero(~mask[start : start + block]):
            yield start + int(offset), rows[offset].tobytes()


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


def equal_row_groups(matrix: FloatMatrix) -> Positions:
    """Return one number for each row, the same for equal rows.

    The numbers run from 0 without a gap, in an order that depends on the values alone and not on where the rows stand.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, d)

    Returns
    -------
    numpy.ndarray of int, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> groups = equal_row_groups(np.array([[1, 2], [0, 5], [1, 2]], dtype="float32"))
    >>> bool(groups[0] == groups[2]), bool(groups[0] == groups[1])
    (True, False)
    """
    if matrix.shape[0] == 0 or matrix.shape[1] == 0:
        return np.zeros(len(matrix), dtype=np.int64)
    _, first, groups = np.unique(_row_hashes(matrix), return_index=True, return_inverse=True)
    groups = groups.astype(np.int64).reshape(-1)
    if len(first) < len(matrix) and not _all_equal_to(matrix, first[groups]):
        return _groups_by_sorting(matrix)
    return groups


def row_digest(row: FloatVector) -> bytes:
    """Return 16 bytes that are the same for equal rows, and differ otherwise but for one chance in 10^38."""
    return blake2b((row + np.float32(0)).tobytes(), digest_size=16).digest()


def row_priorities(matrix: FloatMatrix) -> npt.NDArray[np.uint64]:
    """Return a number for each row that says nothing of what it holds, equal for equal rows.

    The rows with the least numbers are a random sample of the different rows of a table, the same in whatever order and
    parts the table is read.
    """
    mixed = _row_hashes(matrix)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # the end of splitmix64
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _row_hashes(matrix: FloatMatrix) -> npt.NDArray[np.uint64]:
    """Return a 64-bit number for each row, equal for equal rows and hardly ever for others.

    The multilinear hash of the rows' 32-bit words (Lemire and Kaser, "Strongly universal string hashing is fast", 2014)
    with fixed weights: some ten times faster than sorting whole rows.
    """
    hashes = np.empty(len(matrix), dtype=np.uint64)
    weights = _weights(matrix.shape[1])
    for rows in row_chunks(*matrix.shape):
        # Adding zero turns -0.0 into 0.0: the two are equal, but their bits are not.
        words = np.ascontiguousarray(matrix[rows] + np.float32(0), dtype=np.float32).view(np.uint32)
        hashes[rows] = words.astype(np.uint64) @ weights
    return hashes


@cache
def _weights(dimension: int) -> npt.NDArray[np.uint64]:
    return np.random.default_rng(0).integers(1, 2**64, size=dimension, dtype=np.uint64) | np.uint64(1)


def _all_equal_to(matrix: FloatMatrix, twins: Positions) -> bool:
    """Return whether each row equals the row named for it."""
    unlike = np.flatnonzero(twins != np.arange(len(matrix)))
    return all(
        np.array_equal(matrix[unlike[pairs]], matrix[twins[unlike[pairs]]], equal_nan=True)
        for pairs in row_chunks(len(unlike), matrix.shape[1])
    )


def _groups_by_sorting(matrix: FloatMatrix) -> Positions:
    """Return the groups where two different rows have one hash."""
    values = np.ascontiguousarray(matrix + np.float32(0))
    rows = values.view(np.dtype((np.void, values.itemsize * values.shape[1]))).ravel()
    _, groups = np.unique(rows, return_inverse=True)
    return groups.astype(np.int64)
