"""Which rows of a matrix are equal: what lets equal vectors be treated alike."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmembed.arrays import row_chunks

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, FloatVector, Positions


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
