"""Rows as features of a linear or a Gaussian kernel, along their principal components.

The Gaussian kernel is that of Nyström's method: each row is described by its kernel with some landmark rows, which is
exact where every row is a landmark (Williams and Seeger, "Using the Nyström Method to Speed Up Kernel Machines", 2001).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.rows.cosine import FloatMatrix

_ROW_BLOCK = 8192
# Directions with less than this share of the largest variance are rounding.
_SMALLEST = 1e-6


@dataclass(frozen=True, eq=False)
class KernelFeatures:
    """How rows become features: kernel with landmarks (or the row itself), centred and turned.

    Attributes
    ----------
    width : float or None
        Squared distance at which the Gaussian kernel has fallen to 1/e; None is the linear kernel.
    landmarks : numpy.ndarray, shape (m, d), or None
    rotation : numpy.ndarray, shape (m or d, f), float32
        Turns centred rows to principal components, scaled so that all features together have variance 1.
    center : numpy.ndarray, shape (m or d,), float32
    """

    width: float | None
    landmarks: FloatMatrix | None = field(repr=False)
    rotation: FloatMatrix = field(repr=False)
    center: npt.NDArray[np.float32] = field(repr=False)

    def transform(self, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the features of rows, shape (n, f), in the rows' own precision."""
        made = np.empty((len(rows), self.rotation.shape[1]), dtype=rows.dtype)
        for begin in range(0, len(rows), _ROW_BLOCK):
            block = slice(begin, begin + _ROW_BLOCK)
            made[block] = (_kernel(rows[block], self.landmarks, self.width) - self.center) @ self.rotation
        return made


def fit_features(
    rows: FloatMatrix, *, width: float | None, most: int, random_state: int | np.random.RandomState
) -> KernelFeatures:
    """Learn the features of rows ``(n, d)``: at most ``most`` of them, from as many landmarks."""
    from scipy.linalg import cholesky, eigh, solve_triangular
    from sklearn.utils import check_random_state

    if width is None and len(rows) < rows.shape[1]:
        return _few_rows(rows, most)
    landmarks = None
    if width is not None:
        chosen = np.arange(len(rows))
        if len(rows) > most:
            chosen = np.sort(check_random_state(random_state).choice(len(rows), most, replace=False))
        landmarks = rows[chosen]
    whitening = None
    if landmarks is not None:
        # What is added keeps equal landmarks apart; which root is taken does not matter, as the result is turned again.
        exact = landmarks.astype(np.float64)
        products = _kernel(exact, exact, width)
        products[np.diag_indices_from(products)] += _SMALLEST * len(landmarks)
        whitening = solve_triangular(cholesky(products, check_finite=False), np.eye(len(landmarks)), check_finite=False)
    total, moments, count = 0.0, 0.0, 0
    for begin in range(0, len(rows), _ROW_BLOCK):
        block = _kernel(rows[begin : begin + _ROW_BLOCK], landmarks, width)
        total = total + block.sum(axis=0, dtype=np.float64)
        moments = moments + (block.T @ block).astype(np.float64)
        count += len(block)
    mean = np.asarray(total) / count
    covariance = np.asarray(moments) / count - np.outer(mean, mean)
    if whitening is not None:
        covariance = whitening.T @ covariance @ whitening
    # Single precision is twice as fast, and what it gets wrong lies below the smallest direction that is kept.
    values, vectors = eigh(covariance.astype(np.float32), driver="evd", check_finite=False)
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = values > _SMALLEST * max(values[0], 1e-12)
    values, vectors = values[kept][:most], vectors[:, kept][:, :most]
    rotation = vectors / np.sqrt(max(values.sum(), 1e-12))
    if whitening is not None:
        rotation = whitening @ rotation
    return KernelFeatures(width, landmarks, rotation.astype(np.float32), mean.astype(np.float32))


def _few_rows(rows: FloatMatrix, most: int) -> KernelFeatures:
    """Return the features of the linear kernel from the rows' products, where there are fewer rows than numbers."""
    from scipy.linalg import eigh

    mean = rows.mean(axis=0, dtype=np.float64)
    centered = rows - mean
    values, vectors = eigh(centered @ centered.T, driver="evd", check_finite=False)
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = values > _SMALLEST * max(values[0], 1e-12)
    values, vectors = values[kept][:most], vectors[:, kept][:, :most]
    rotation = (centered.T @ vectors) / np.sqrt(values) / np.sqrt(max(values.sum() / len(rows), 1e-12))
    return KernelFeatures(None, None, rotation.astype(np.float32), mean.astype(np.float32))


def total_variance(rows: FloatMatrix) -> float:
    """Return the mean squared distance of rows from their mean."""
    mean = rows.mean(axis=0, dtype=np.float64)
    squares = np.einsum("ij,ij->", rows, rows, dtype=np.float64) / len(rows)
    return max(float(squares - mean @ mean), 1e-12)


def _kernel(rows: npt.NDArray[Any], landmarks: npt.NDArray[Any] | None, width: float | None) -> npt.NDArray[Any]:
    if landmarks is None or width is None:
        return rows
    distances = rows @ landmarks.astype(rows.dtype).T
    distances *= -2
    distances += np.einsum("ij,ij->i", rows, rows)[:, None]
    distances += np.einsum("ij,ij->i", landmarks, landmarks)
    distances *= -1 / width
    return np.asarray(np.exp(distances, out=distances))
