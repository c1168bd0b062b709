"""Kernel ridge regression on classes: from one reading of the rows the scores at any penalty."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mmembed.analysis.labels.folding import Codes
from mmembed.analysis.labels.landmarks import Landmarks, choose_landmarks
from mmembed.arrays import FloatMatrix

Matrix = npt.NDArray[np.float64]

_ROW_BLOCK = 8192


@dataclass(frozen=True, eq=False)
class Ridge:
    """Sums over rows from which the regression at any penalty follows.

    Attributes
    ----------
    landmarks : Landmarks
    mean : numpy.ndarray, shape (f,)
        Of the features.
    priors : numpy.ndarray, shape (c,)
        Share of each class.
    variances, axes : numpy.ndarray, shape (f,), (f, f)
        Principal components of the features.
    targets : numpy.ndarray, shape (f, c)
        Covariance of the components with the classes.
    features : numpy.ndarray, shape (n, f), or None
        Those of the rows, where they are few enough to be kept.
    """

    landmarks: Landmarks
    mean: Matrix = field(repr=False)
    priors: Matrix = field(repr=False)
    variances: Matrix = field(repr=False)
    axes: FloatMatrix = field(repr=False)
    targets: Matrix = field(repr=False)
    features: FloatMatrix | None = field(repr=False)

    def inverse(self, penalty: float) -> Matrix:
        """Return what each component's covariance with the classes is multiplied by, shape (f,).

        The penalty is a share of the features' variance, so that it means the same for all rows.
        """
        return np.asarray(1 / (self.variances + penalty * max(float(self.variances.sum()), 1e-12)))

    def coefficients(self, penalty: float) -> tuple[Matrix, Matrix]:
        """Return ``(m, c)`` and ``(c,)``: kernels with the landmarks times the one plus the other are the scores."""
        turned = self.axes @ (self.targets * self.inverse(penalty)[:, None])
        slopes = self.landmarks.whitening.astype(np.float64) @ turned
        return slopes, np.asarray(-(self.landmarks.center @ slopes + self.mean @ turned))


def fit_ridge(
    rows: FloatMatrix, codes: Codes, weights: Matrix, *, n_classes: int, width: float, most: int, random_state: int
) -> Ridge:
    """Read all rows once.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d), float32
    codes : numpy.ndarray of int, shape (n,)
        Classes from 0.
    weights : numpy.ndarray, shape (n,)
        How much each row counts; they sum to n.
    width : float
        Of the kernel, as a multiple of the rows' variance.
    most : int
        Landmarks.
    """
    from scipy.linalg import eigh

    landmarks = choose_landmarks(rows, width=width, most=most, random_state=random_state)
    size, n, is_uneven = len(landmarks.rows), len(rows), bool((weights != 1).any())
    moments, sums = np.zeros((size, size)), np.zeros(size)
    by_class, counts = np.zeros((n_classes, size)), np.bincount(codes, weights=weights, minlength=n_classes)
    kept = None
    for begin in range(0, n, _ROW_BLOCK):
        block = slice(begin, begin + _ROW_BLOCK)
        features = landmarks.features(rows[block])
        kept = features if n <= _ROW_BLOCK else None
        share = weights[block].astype(np.float32)
        weighted = features * share[:, None] if is_uneven else features
        moments += features.T @ weighted
        sums += weighted.sum(axis=0)
        by_class += np.eye(n_classes, dtype=np.float32)[codes[block]].T @ weighted
    mean, priors = sums / n, counts / n
    covariance = moments / n - np.outer(mean, mean)
    # Single precision is twice as fast, and what it gets wrong is far below any penalty.
    variances, axes = eigh(covariance.astype(np.float32), driver="evd", overwrite_a=True, check_finite=False)
    targets = axes.T @ (by_class / n - np.outer(priors, mean)).T
    return Ridge(landmarks, mean, priors, np.maximum(variances.astype(np.float64), 0), axes, targets, kept)
