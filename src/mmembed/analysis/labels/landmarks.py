"""Rows described by their Gaussian kernel with landmark rows: what the default classifier learns on.

This is Nyström's method, which is exact where every row is a landmark (Williams and Seeger, "Using the Nyström Method
to Speed Up Kernel Machines", 2001).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.rows.cosine import FloatMatrix

# Directions of the kernel with less than this share of its trace are rounding.
_SMALLEST = 1e-6


@dataclass(frozen=True, eq=False)
class Landmarks:
    """How rows become features: their kernel with m landmarks, centred and whitened.

    Attributes
    ----------
    width : float
        Squared distance at which the kernel has fallen to 1/e.
    origin : numpy.ndarray, shape (d,), float32
        Mean of all rows: distances between small numbers are exact even in single precision.
    rows : numpy.ndarray, shape (m, d), float32
        The landmarks, seen from the origin.
    center : numpy.ndarray, shape (m,), float32
        Mean kernel of the landmarks with each other, which is about that of all rows: features are then small.
    whitening : numpy.ndarray, shape (m, m), float32
        Turns kernels to features whose products are the kernel.
    """

    width: float
    origin: npt.NDArray[np.float32] = field(repr=False)
    rows: FloatMatrix = field(repr=False)
    center: npt.NDArray[np.float32] = field(repr=False)
    whitening: FloatMatrix = field(repr=False)

    def kernel(self, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the kernel of rows with the landmarks, shape (n, m), in the rows' own precision."""
        return gaussian(rows - self.origin, self.rows, self.width)

    def features(self, rows: FloatMatrix) -> FloatMatrix:
        """Return the features of rows, shape (n, m)."""
        kernel = self.kernel(rows)
        kernel -= self.center
        return np.asarray(kernel @ self.whitening)


def choose_landmarks(rows: FloatMatrix, *, width: float, most: int, random_state: int) -> Landmarks:
    """Take up to ``most`` of the rows ``(n, d)`` as landmarks.

    Parameters
    ----------
    width : float
        As a multiple of the rows' variance.
    """
    from scipy.linalg import cholesky
    from scipy.linalg.lapack import dtrtri

    origin = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    distance = width * total_variance(rows, origin)
    chosen = rows
    if len(rows) > most:
        picked = np.random.default_rng(random_state).choice(len(rows), most, replace=False)
        chosen = rows[np.sort(picked)]
    chosen = chosen - origin
    # In double precision, since in single the root of a matrix of nearly equal rows may not exist.
    exact = chosen.astype(np.float64)
    products = gaussian(exact, exact, distance)
    center = products.mean(axis=0)
    # What is added keeps equal landmarks apart. Which root is taken does not matter: features are turned later.
    products[np.diag_indices_from(products)] += _SMALLEST * len(chosen)
    whitening, _ = dtrtri(cholesky(products, overwrite_a=True, check_finite=False), overwrite_c=True)
    return Landmarks(distance, origin, chosen, center.astype(np.float32), whitening.astype(np.float32))


def total_variance(rows: FloatMatrix, origin: npt.NDArray[np.float32]) -> float:
    """Return the mean squared distance of rows from their mean."""
    squares = np.einsum("ij,ij->", rows, rows, dtype=np.float64) / len(rows)
    return max(float(squares - np.square(origin, dtype=np.float64).sum()), 1e-12)


def gaussian(rows: npt.NDArray[Any], others: npt.NDArray[Any], width: float) -> npt.NDArray[Any]:
    """Return ``exp(-distance² / width)`` of each row with each of the others, in the rows' precision."""
    others = others.astype(rows.dtype, copy=False)
    scaled = rows @ (others.T * rows.dtype.type(2 / width))
    scaled -= (np.einsum("ij,ij->i", rows, rows) / width)[:, None]
    scaled -= np.einsum("ij,ij->i", others, others) / width
    return np.asarray(np.exp(scaled, out=scaled))
