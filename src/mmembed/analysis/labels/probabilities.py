"""From a model's scores to probabilities: a temperature, or multinomial logistic regression drawn towards the scores.

The temperature is that of Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", 2017. The
regression on scores of rows that were left out is stacking (Ting and Witten, "Issues in Stacked Generalization", 1999):
it corrects systematic errors of the model, such as a class that is lost between two others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

_TOLERANCE = 1e-4

_MOST_ITERATIONS = 100

# All sums that are added alike say the same: this keeps them small.
_LEAST_PENALTY = 1e-6


def fit_softmax(
    logits: npt.NDArray[np.float32],
    y: npt.NDArray[np.intp],
    row_weights: npt.NDArray[np.float64],
    *,
    penalties: tuple[float, float],
) -> Matrix:
    """Return what makes better logits of logits: ``logits @ found[:-1] + found[-1]``.

    Minimises the mean log loss plus half the squared distance of the factors from those that leave the logits as they
    are, times a penalty. What is added is free: then the shares of the classes come out right.

    Parameters
    ----------
    logits : numpy.ndarray, shape (n, c), float32
    y : numpy.ndarray of int, shape (n,)
        Classes from 0.
    row_weights : numpy.ndarray, shape (n,)
    penalties : tuple of float
        For what a class's logits add to another's, and for what they are multiplied by themselves.

    Returns
    -------
    numpy.ndarray, shape (c + 1, c)
    """
    from scipy.optimize import minimize

    n_classes, at = logits.shape[1], np.arange(len(y))
    shares = (row_weights / row_weights.sum()).astype(np.float32)
    # The second derivative of the loss in a coefficient is about this: scaled by it the problem is nearly round.
    squares = np.append(np.einsum("ij,ij->j", logits, logits, dtype=np.float64) / len(logits), 1)
    drawn_back = np.full((n_classes + 1, n_classes), penalties[0])
    drawn_back[np.diag_indices(n_classes)] = penalties[1]
    drawn_back[-1] = _LEAST_PENALTY
    scales = 1 / np.sqrt(squares[:, None] / (2 * n_classes) + drawn_back)

    @np.errstate(under="ignore")
    def loss(flat: Matrix) -> tuple[float, Matrix]:
        change = flat.reshape(n_classes + 1, n_classes) * scales
        better = logits @ change[:-1].astype(np.float32)
        better += logits
        better += change[-1].astype(np.float32)
        better -= better.max(axis=1, keepdims=True)
        own = better[at, y]
        np.exp(better, out=better)
        sums = better.sum(axis=1)
        total = 0.5 * float((drawn_back * change**2).sum()) + float(
            (shares * (np.log(sums) - own)).sum(dtype=np.float64)
        )
        better *= (shares / sums)[:, None]
        better[at, y] -= shares
        gradient = drawn_back * change
        gradient[:-1] += logits.T @ better
        gradient[-1] += better.sum(axis=0, dtype=np.float64)
        return total, (gradient * scales).ravel()

    found = minimize(
        loss,
        np.zeros((n_classes + 1) * n_classes),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _MOST_ITERATIONS, "gtol": _TOLERANCE, "ftol": _TOLERANCE / 100, "maxcor": 10},
    )
    change = found.x.reshape(n_classes + 1, n_classes) * scales
    change[np.diag_indices(n_classes)] += 1
    return np.asarray(change)


@np.errstate(under="ignore")
def softmax(logits: Matrix) -> Matrix:
    """Return probabilities ``(n, c)`` of logits."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


# Where every row is right, ever colder would be ever better.
_LEAST, _MOST = 0.02, 5.0

_MOST_STEPS = 20

_CLOSE = 1e-4


@np.errstate(under="ignore")
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
