"""Multinomial logistic regression on features whose axes are principal components: the numbers under the classifier.

L-BFGS in variables that are scaled by the features' variances: the problem is then nearly round, and some twenty
products of the features are enough. (Which point is found does not depend on the scaling; the loss is convex.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.rows.cosine import FloatMatrix

Matrix = npt.NDArray[np.float64]

_ROW_BLOCK = 4096  # with 512 features a block of 8 MB, read twice while it is near the processor


@dataclass(frozen=True, eq=False)
class Softmax:
    """Coefficients ``(f + 1, c)`` of f features and, in the last row, the intercepts."""

    weights: Matrix = field(repr=False)

    def logits(self, features: npt.NDArray[Any]) -> Matrix:
        """Return the logit of each class, shape (n, c), computed in the features' own precision."""
        slopes = self.weights[:-1].astype(features.dtype)
        return np.asarray((features @ slopes).astype(np.float64) + self.weights[-1])

    def with_features(self, count: int) -> Softmax:
        """Return the same model of ``count`` features, of which the further ones do not count yet."""
        more = np.zeros((count + 1 - len(self.weights), self.weights.shape[1]))
        return Softmax(np.vstack([self.weights[:-1], more, self.weights[-1:]]))


def fit_softmax(
    features: FloatMatrix,
    y: npt.NDArray[np.intp],
    row_weights: npt.NDArray[np.float64],
    *,
    n_classes: int,
    penalty: float,
    start: Softmax | None = None,
    tolerance: float = 1e-3,
    most_iterations: int = 300,
) -> Softmax:
    """Minimise the mean log loss plus ``penalty / 2`` times the squared coefficients (not the intercepts).

    Parameters
    ----------
    features : numpy.ndarray, shape (n, f), float32
        Centred.
    y : numpy.ndarray of int, shape (n,)
        Classes from 0.
    row_weights : numpy.ndarray, shape (n,)
        How much each row counts; they are made to sum to 1.
    penalty : float
        ``1 / (C n)`` in the terms of scikit-learn.
    start : Softmax, optional
        Where to begin, such as the solution of a near penalty.
    tolerance : float
        Stop when no scaled derivative is larger than this.
    """
    from scipy.optimize import minimize

    n_features = features.shape[1]
    weights = row_weights / row_weights.sum()
    shares = weights.astype(np.float32)
    variances = np.einsum("ij,ij->j", features, features, dtype=np.float64) / len(features)
    # The second derivative of the loss in a coefficient is at most a quarter of the feature's variance.
    scales = 1 / np.sqrt(variances / (2 * n_classes) + penalty)
    scales = np.append(scales, np.sqrt(2.0 * n_classes))[:, None]
    if start is None:
        priors = np.bincount(y, weights=weights, minlength=n_classes)
        first = np.zeros((n_features + 1, n_classes))
        first[-1] = np.log(np.maximum(priors, 1e-12))
    else:
        first = start.weights

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        coefficients = flat.reshape(n_features + 1, n_classes) * scales
        slopes, intercepts = coefficients[:-1].astype(np.float32), coefficients[-1].astype(np.float32)
        total = 0.5 * penalty * float((coefficients[:-1] ** 2).sum())
        gradient = np.empty_like(coefficients)
        gradient[:-1] = penalty * coefficients[:-1]
        gradient[-1] = 0
        for begin in range(0, len(features), _ROW_BLOCK):
            rows = slice(begin, begin + _ROW_BLOCK)
            block, truth, share = features[rows], y[rows], shares[rows]
            logits = block @ slopes
            logits += intercepts
            logits -= logits.max(axis=1, keepdims=True)
            at = np.arange(len(truth))
            own = logits[at, truth]
            np.exp(logits, out=logits)
            sums = logits.sum(axis=1)
            total += float((share * (np.log(sums) - own)).sum(dtype=np.float64))
            logits *= (share / sums)[:, None]
            logits[at, truth] -= share
            gradient[:-1] += block.T @ logits
            gradient[-1] += logits.sum(axis=0, dtype=np.float64)
        return total, (gradient * scales).ravel()

    found = minimize(
        loss,
        (first / scales).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": most_iterations, "gtol": tolerance, "ftol": tolerance / 1000, "maxcor": 10},
    )
    return Softmax(found.x.reshape(n_features + 1, n_classes) * scales)


def softmax(logits: Matrix) -> Matrix:
    """Return probabilities ``(n, c)`` of logits."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
