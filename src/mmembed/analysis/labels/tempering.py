"""The temperature under which scores are probabilities.

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", 2017.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# Where every row is right, ever colder would be ever better.
_LEAST, _MOST = 0.02, 5.0
_MOST_STEPS = 20
_CLOSE = 1e-4


def best_temperature(
    scores: npt.NDArray[Any],
    codes: npt.NDArray[np.intp],
    weights: npt.NDArray[np.float64] | None = None,
    *,
    start: float = 1.0,
) -> tuple[float, float]:
    """Return the temperature from .02 to 5 under which the true classes are most likely, and the log loss at it.

    Newton's method on its inverse, in which the log loss is convex.

    Parameters
    ----------
    scores : numpy.ndarray, shape (n, c)
    codes : numpy.ndarray of int, shape (n,)
    weights : numpy.ndarray, shape (n,), optional
    start : float
        Where to begin, such as the best temperature of like scores.
    """
    if not len(codes):
        return start, np.inf
    shifted = scores - scores.max(axis=1, keepdims=True)
    own = shifted[np.arange(len(codes)), codes]
    shares = np.full(len(codes), 1 / len(codes)) if weights is None else weights / weights.sum()

    def look(scale: float) -> tuple[float, float, float]:
        """Return the log loss and its two derivatives."""
        likely = np.exp(shifted * shifted.dtype.type(scale))
        sums = likely.sum(axis=1)
        mean = np.einsum("ij,ij->i", likely, shifted) / sums
        square = np.einsum("ij,ij,ij->i", likely, shifted, shifted) / sums
        return (
            float(shares @ (np.log(sums) - own * scale)),
            float(shares @ (mean - own)),
            float(shares @ (square - mean**2)),
        )

    low, high = 1 / _MOST, 1 / _LEAST
    scale = float(np.clip(1 / start, low, high))
    for _ in range(_MOST_STEPS):
        loss, slope, bend = look(scale)
        if slope > 0:
            high = scale
        else:
            low = scale
        step = float(np.clip(scale - slope / max(bend, 1e-12), 1 / _MOST, 1 / _LEAST))
        # A step out of the bracket is replaced by its geometric middle, which halves it on the scale that counts.
        if not low <= step <= high:
            step = float(np.sqrt(low * high))
        if abs(np.log(step / scale)) < _CLOSE:
            break
        scale = step
    return 1 / scale, loss
