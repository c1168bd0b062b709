"""Multinomial logistic regression on the scores of another model, drawn towards what that model says itself.

Such a regression on scores of rows that were left out is stacking (Ting and Witten, "Issues in Stacked Generalization",
1999): it mends what the model is wrong about as a rule, such as a class that is lost between two others.
"""

from __future__ import annotations

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
    penalty: float,
) -> Matrix:
    """Return what makes better logits of logits: ``logits @ found[:-1] + found[-1]``.

    Minimises the mean log loss plus ``penalty / 2`` times the squared distance of the factors from those that leave the
    logits as they are. What is added is free: then the shares of the classes come out right.

    Parameters
    ----------
    logits : numpy.ndarray, shape (n, c), float32
    y : numpy.ndarray of int, shape (n,)
        Classes from 0.
    row_weights : numpy.ndarray, shape (n,)
    penalty : float

    Returns
    -------
    numpy.ndarray, shape (c + 1, c)
    """
    from scipy.optimize import minimize

    n_classes, at = logits.shape[1], np.arange(len(y))
    shares = (row_weights / row_weights.sum()).astype(np.float32)
    # The second derivative of the loss in a coefficient is about this: scaled by it the problem is nearly round.
    squares = np.append(np.einsum("ij,ij->j", logits, logits, dtype=np.float64) / len(logits), 1)
    penalties = np.append(np.full(n_classes, penalty), _LEAST_PENALTY)[:, None]
    scales = 1 / np.sqrt(squares[:, None] / (2 * n_classes) + penalties)

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        change = flat.reshape(n_classes + 1, n_classes) * scales
        better = logits @ change[:-1].astype(np.float32)
        better += logits
        better += change[-1].astype(np.float32)
        better -= better.max(axis=1, keepdims=True)
        own = better[at, y]
        np.exp(better, out=better)
        sums = better.sum(axis=1)
        total = 0.5 * float((penalties * change**2).sum()) + float(
            (shares * (np.log(sums) - own)).sum(dtype=np.float64)
        )
        better *= (shares / sums)[:, None]
        better[at, y] -= shares
        gradient = penalties * change
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


def softmax(logits: Matrix) -> Matrix:
    """Return probabilities ``(n, c)`` of logits."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
