"""Cosine similarity of rows: unit rows for fast products, and cosines that depend on nothing but the two rows.

A zero row has cosine 0 with everything; a missing (NaN) row has cosine NaN.
"""

from __future__ import annotations

import numpy as np

from mmembed.arrays import FloatMatrix, FloatVector, Positions, row_chunks
from mmembed.vectors.rows import Lengths, row_lengths


def unit_rows(matrix: FloatMatrix) -> FloatMatrix:
    """Return a copy whose rows have length 1; zero rows stay zero and missing rows stay NaN.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, d)
        Left alone.

    Examples
    --------
    >>> import numpy as np
    >>> unit_rows(np.array([[3, 4], [0, 0]], dtype="float32")).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    units = np.empty(matrix.shape, dtype=np.float32)
    for rows in row_chunks(*matrix.shape):
        chunk = matrix[rows].astype(np.float64)
        lengths = np.sqrt((chunk * chunk).sum(axis=1, keepdims=True))
        lengths[lengths == 0] = 1
        units[rows] = chunk / lengths
    return units


def pair_cosines(
    left: FloatMatrix,
    right: FloatMatrix,
    left_rows: Positions,
    right_rows: Positions,
    *,
    left_lengths: Lengths | None = None,
    right_lengths: Lengths | None = None,
) -> FloatVector:
    """Return the cosine of each pair of rows.

    Every cosine is summed in float64 in one fixed order. So equal rows have equal cosines wherever they stand, which
    a matrix product does not promise, and ``cosine(a, b)`` is ``cosine(b, a)``.

    Parameters
    ----------
    left, right : numpy.ndarray, shape (n, d) and (m, d)
        Matrices that hold the rows.
    left_rows, right_rows : numpy.ndarray of int, shape (p,)
        Positions of the two rows of each pair.
    left_lengths, right_lengths : numpy.ndarray, shape (n,) and (m,), optional
        What ``row_lengths`` gives for the matrices, where it is known.

    Returns
    -------
    numpy.ndarray, shape (p,), float32
    """
    lengths = _lengths_of(left, left_rows, left_lengths) * _lengths_of(right, right_rows, right_lengths)
    lengths[lengths == 0] = 1
    cosines = np.empty(len(left_rows), dtype=np.float32)
    for pairs in row_chunks(len(left_rows), left.shape[1]):
        products = left[left_rows[pairs]].astype(np.float64)
        products *= right[right_rows[pairs]]
        cosines[pairs] = np.clip(products.sum(axis=1) / lengths[pairs], -1, 1)
    return cosines


def _lengths_of(matrix: FloatMatrix, rows: Positions, lengths: Lengths | None) -> Lengths:
    """Return the length of the row of each pair, each row being measured once."""
    if lengths is not None:
        return lengths[rows]
    unique, inverse = np.unique(rows, return_inverse=True)
    return row_lengths(matrix[unique])[inverse]
