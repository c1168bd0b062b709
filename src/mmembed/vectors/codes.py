"""Which rows of a matrix are equal, in which order they sort, and what they hash to: kernels on plain arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.arrays import BoolVector

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
