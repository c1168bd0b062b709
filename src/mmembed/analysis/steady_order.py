"""An order of rows for random draws that does not depend on the last digits of a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, Positions


def steady_order(rows: FloatMatrix) -> Positions:
    """Return an order of rows that depends on their values alone and hardly changes with the last digits of them.

    It is that of the places on one fixed line: where two rows change places, their values were next to equal.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(1).normal(size=(50, 8)).astype("float32")
    >>> bool((steady_order(rows) == steady_order(rows * np.float32(1.0001))).all())
    True
    """
    direction = np.random.default_rng(0).normal(size=(rows.shape[1], 1)).astype(rows.dtype)
    return np.argsort((rows @ direction).ravel(), kind="stable")
