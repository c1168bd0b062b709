"""Which rows of a matrix are equal: what lets equal vectors be treated alike."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mmembed.analysis.cosine import FloatMatrix, FloatVector, Positions


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
    # Adding zero turns -0.0 into 0.0: the two are equal, but their bytes are not.
    values = np.ascontiguousarray(matrix + np.float32(0))
    rows = values.view(np.dtype((np.void, values.itemsize * values.shape[1]))).ravel()
    _, groups = np.unique(rows, return_inverse=True)
    return groups.astype(np.int64)


def row_digest(row: FloatVector) -> bytes:
    """Return 16 bytes that are the same for equal rows, and differ otherwise but for one chance in 10^38."""
    return blake2b((row + np.float32(0)).tobytes(), digest_size=16).digest()
