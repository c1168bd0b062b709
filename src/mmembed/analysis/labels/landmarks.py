"""The Gaussian kernel of rows with landmarks: all rows where they are few, means of near rows of many."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.arrays import FloatMatrix

# Directions of the kernel with less than this share of its trace are rounding.
SMALLEST = 1e-6

# Rows that the step of k-means looks at, and at least so many for each landmark.
_ROWS_LOOKED_AT, _ROWS_A_LANDMARK = 6144, 4

# So many rows at once stay in the processor's cache from one step to the next.
_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class Kernel:
    """The Gaussian kernel of rows with m landmarks.

    Attributes
    ----------
    width : float
        Squared distance at which the kernel has fallen to 1/e.
    origin : numpy.ndarray, shape (d,), float32
        Mean of all rows: distances between small numbers are exact even in single precision.
    rows : numpy.ndarray, shape (m, d), float32
        The landmarks, seen from the origin: rows, or means of rows.
    """

    width: float
    origin: npt.NDArray[np.float32] = field(repr=False)
    rows: FloatMatrix = field(repr=False)

    def kernel(self, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the kernel of rows with the landmarks, shape (n, m), in the rows' own precision."""
        return gaussian(rows - self.origin, self.rows, self.width)


@dataclass(frozen=True, eq=False)
class Landmarks(Kernel):
    """How rows become features: their kernel with m landmarks, centred and whitened.

    Attributes
    ----------
    center : numpy.ndarray, shape (m,), float32
        Mean kernel of the landmarks with each other, which is about that of all rows: features are then small.
    whitening : numpy.ndarray, shape (m, m), float32
        Turns kernels to features whose products are the kernel; upper triangular.
    own : numpy.ndarray, shape (n, m), float32, or None
        Features of the rows that they were chosen from, where each of these is a landmark.
    """

    center: npt.NDArray[np.float32] = field(repr=False)
    whitening: FloatMatrix = field(repr=False)
    own: FloatMatrix | None = field(default=None, repr=False)

    def features(self, rows: FloatMatrix) -> FloatMatrix:
        """Return the features of rows, shape (n, m)."""
        from scipy.linalg.blas import strmm

        found = np.empty((len(rows), len(self.rows)), dtype=np.float32)
        for begin in range(0, len(rows), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            kernel = self.kernel(rows[block])
            kernel -= self.center
            # Rows in numpy's order are columns in that of BLAS, where half of a triangular product is left out.
            found[block] = strmm(1.0, self.whitening, kernel.T, trans_a=1, overwrite_b=1).T
        return found


def choose_landmarks(rows: FloatMatrix, *, width: float, most: int, random_state: int) -> Landmarks:
    """Take the rows ``(n, d)`` as landmarks, or of more than ``most`` rows as many means.

    Parameters
    ----------
    width : float
        As a multiple of the rows' variance.
    """
    from scipy.linalg import cholesky
    from scipy.linalg.lapack import dtrtri

    origin = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    distance = width * total_variance(rows, origin)
    chosen = rows - origin if len(rows) <= most else _means(rows, origin, most, random_state)
    # In double precision, since in single the root of a matrix of nearly equal rows may not exist.
    products = gaussian(chosen, chosen, distance).astype(np.float64)
    center = products.mean(axis=0)
    # What is added keeps equal landmarks apart. Which root is taken does not matter: features are turned later.
    products[np.diag_indices_from(products)] += SMALLEST * len(chosen)
    root = cholesky(products, overwrite_a=True, check_finite=False)
    whitening, _ = dtrtri(root)
    # The kernel of landmarks with themselves, but for what was added, is the root's square: whitened it is the root.
    own = None if len(rows) > most else np.asarray(root.T - center @ whitening, dtype=np.float32)
    whitening = np.asfortranarray(whitening, dtype=np.float32)
    return Landmarks(distance, origin, chosen, center.astype(np.float32), whitening, own)


def _means(rows: FloatMatrix, origin: npt.NDArray[np.float32], most: int, random_state: int) -> FloatMatrix:
    """Return so many drawn rows, each moved to the mean of the rows that are nearest to it; seen from the origin."""
    from scipy.sparse import csr_array

    count = max(_ROWS_LOOKED_AT, _ROWS_A_LANDMARK * most)
    drawn = np.random.default_rng(random_state).permutation(len(rows))[:count]
    near = rows[drawn] - origin
    starts = near[:most]
    owners = np.empty(len(near), dtype=np.intp)
    shift = np.einsum("ij,ij->i", starts, starts) / 2
    for begin in range(0, len(near), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        owners[block] = (near[block] @ starts.T - shift).argmax(axis=1)
    counts = np.bincount(owners, minlength=most)
    shares = (1 / counts[owners]).astype(np.float32)
    means = csr_array((shares, (owners, np.arange(len(near)))), shape=(most, len(near))) @ near
    # Of several equal rows one has them all; the others stay where they are.
    means[counts == 0] = starts[counts == 0]
    return np.asarray(means)


def total_variance(rows: FloatMatrix, origin: npt.NDArray[np.float32]) -> float:
    """Return the mean squared distance of rows from their mean."""
    squares = np.einsum("ij,ij->", rows, rows, dtype=np.float64) / len(rows)
    return max(float(squares - np.square(origin, dtype=np.float64).sum()), 1e-12)


@np.errstate(under="ignore")
def gaussian(rows: npt.NDArray[Any], others: npt.NDArray[Any], width: float) -> npt.NDArray[Any]:
    """Return ``exp(-distance² / width)`` of each row with each of the others, in the rows' precision."""
    others = others.astype(rows.dtype, copy=False)
    scaled = rows @ (others.T * rows.dtype.type(2 / width))
    scaled -= (np.einsum("ij,ij->i", rows, rows) / width)[:, None]
    scaled -= np.einsum("ij,ij->i", others, others) / width
    return np.asarray(np.exp(scaled, out=scaled))
