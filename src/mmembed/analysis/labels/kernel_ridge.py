"""Kernel ridge regression on classes: from one reading of the rows the scores at any penalty.

Rows described by their Gaussian kernel with landmarks: what the default classifier learns on.

This is Nyström's method, which is exact where every row is a landmark (Williams and Seeger, "Using the Nyström Method
to Speed Up Kernel Machines", 2001). Of many rows, landmarks are means of rows that are near each other, as one step of
k-means finds them (Zhang, Tsang and Kwok, "Improved Nyström Low-Rank Approximation and Error Analysis", 2008): fewer
are needed than of rows drawn at random.

What each row would have scored had it been left out of the regression, and the penalty that makes this best.

No further fit is needed: leaving a row out divides its residual by one minus its leverage (Golub, Heath and Wahba,
"Generalized Cross-Validation", 1979), leaving a group out multiplies its residuals by a small inverse, and one
eigendecomposition serves all penalties.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.labels.folds import Codes, measurable
from mmembed.analysis.labels.probabilities import best_temperature
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


# Directions of the kernel with less than this share of its trace are rounding.
_SMALLEST = 1e-6

# Rows that the step of k-means looks at, and at least so many for each landmark.
_ROWS_LOOKED_AT, _ROWS_A_LANDMARK = 6144, 4

# So many rows at once stay in the processor's cache from one step to the next.
_BLOCK = 1024


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
        The landmarks, seen from the origin: rows, or means of rows.
    center : numpy.ndarray, shape (m,), float32
        Mean kernel of the landmarks with each other, which is about that of all rows: features are then small.
    whitening : numpy.ndarray, shape (m, m), float32
        Turns kernels to features whose products are the kernel; upper triangular.
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
    exact = chosen.astype(np.float64)
    products = gaussian(exact, exact, distance)
    center = products.mean(axis=0)
    # What is added keeps equal landmarks apart. Which root is taken does not matter: features are turned later.
    products[np.diag_indices_from(products)] += _SMALLEST * len(chosen)
    whitening, _ = dtrtri(cholesky(products, overwrite_a=True, check_finite=False), overwrite_c=True)
    whitening = np.asfortranarray(whitening, dtype=np.float32)
    return Landmarks(distance, origin, chosen, center.astype(np.float32), whitening)


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


def gaussian(rows: npt.NDArray[Any], others: npt.NDArray[Any], width: float) -> npt.NDArray[Any]:
    """Return ``exp(-distance² / width)`` of each row with each of the others, in the rows' precision."""
    others = others.astype(rows.dtype, copy=False)
    scaled = rows @ (others.T * rows.dtype.type(2 / width))
    scaled -= (np.einsum("ij,ij->i", rows, rows) / width)[:, None]
    scaled -= np.einsum("ij,ij->i", others, others) / width
    return np.asarray(np.exp(scaled, out=scaled))


# Penalties are tried in steps of half a decade from 1 / n on, as long as the log loss falls by a thousandth.
_STEP = 10**0.5

_MOST_TRIALS = 12

_WORTH = 1e-3

# A log loss below which there is nothing to gain: every row is right and sure.
_PERFECT = 0.005

# Rows that are left out; of larger tables a sample of whole groups: more did not change what was chosen.
_MOST_LEFT_OUT = 3000

# Scores are shares, so that divided by this they are logits. Where nothing can be left out it stays.
_USUAL_TEMPERATURE = 0.1

# A row that alone decides about itself would be divided by nothing.
_LEAST_REST = 1e-4


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Scores of rows that were left out, and the penalty and temperature under which their classes are likeliest.

    Attributes
    ----------
    penalty, temperature : float
    rows : numpy.ndarray of int, shape (k,)
        Which rows were left out, each alone or with its group; empty where none could be.
    scores : numpy.ndarray, shape (k, c), float32
    trials : list of tuple (penalty, log loss)
    """

    penalty: float
    temperature: float
    rows: Codes = field(repr=False)
    scores: FloatMatrix = field(repr=False)
    trials: list[tuple[float, float]] = field(repr=False)


def leave_out(
    ridge: Ridge,
    rows: FloatMatrix,
    codes: Codes,
    weights: Matrix,
    groups: Codes | None,
    *,
    penalty: float | None,
    random_state: int,
) -> LeftOut:
    """Choose penalty and temperature by the log loss of rows that are left out.

    Parameters
    ----------
    rows, codes, weights
        What the ridge was fitted on.
    groups : numpy.ndarray of int, shape (n,), or None
        Rows of one group are left out together.
    penalty : float or None
        As a share of the features' variance; None compares several.
    """
    groups = np.arange(len(rows)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sample = _sample(groups, random_state)
    judged = np.flatnonzero(measurable(codes, groups)[sample])
    begin = 1 / len(rows) if penalty is None else penalty
    truth, counted = codes[sample][judged], weights[sample][judged]
    if len(np.unique(truth)) < 2:
        return LeftOut(begin, _USUAL_TEMPERATURE, sample[:0], np.empty((0, len(ridge.priors)), np.float32), [])
    kept = ridge.features
    features = ridge.landmarks.features(rows[sample]) if kept is None else kept[sample]
    leaving = _Leaving(ridge, features, codes[sample], weights[sample] / len(rows), groups[sample])

    def look(tried: float, temperature: float) -> tuple[float, float, FloatMatrix]:
        """Return the log loss, the temperature at which it is least, and the scores."""
        scores = leaving.scores(tried)[judged]
        found, loss = best_temperature(scores, truth, counted, start=temperature)
        trials.append((tried, loss))
        return loss, found, scores

    trials: list[tuple[float, float]] = []
    first = best = look(begin, _USUAL_TEMPERATURE)
    for step in (1 / _STEP, _STEP) if penalty is None else ():
        while len(trials) < _MOST_TRIALS and best[0] > _PERFECT:
            found = look(begin * step, best[1])
            if found[0] >= (1 - _WORTH) * best[0]:
                break
            best, begin = found, begin * step
        if best is not first:
            break
    return LeftOut(begin, best[1], sample[judged], best[2], trials)


class _Leaving:
    """Rows along the regression's principal components, where a penalty only scales the axes."""

    def __init__(self, ridge: Ridge, features: FloatMatrix, codes: Codes, shares: Matrix, groups: Codes) -> None:
        self._turned = features @ ridge.axes
        self._turned -= ridge.mean.astype(np.float32) @ ridge.axes
        self._squares = self._turned**2
        self._truth = np.eye(len(ridge.priors), dtype=np.float32)[codes] - ridge.priors.astype(np.float32)
        self._ridge, self._shares = ridge, shares
        several = np.flatnonzero(np.bincount(groups)[groups] > 1)
        several = several[np.argsort(groups[several], kind="stable")]
        _, starts = np.unique(groups[several], return_index=True)
        self._together = np.split(several, starts[1:]) if len(several) else []

    def scores(self, penalty: float) -> FloatMatrix:
        """Return the centred scores, shape (k, c), of each row without its group."""
        ridge = self._ridge
        inverse = ridge.inverse(penalty)
        slopes = (ridge.targets * inverse[:, None]).astype(np.float32)
        residuals = np.asarray(self._truth - self._turned @ slopes, dtype=np.float32)
        leverages = self._shares * (1 + self._squares @ inverse.astype(np.float32))
        left = residuals / np.maximum(1 - leverages, _LEAST_REST).astype(np.float32)[:, None]
        for members in self._together:
            left[members] = self._without(members, inverse, residuals[members])
        return np.asarray(self._truth - left)

    def _without(self, members: Codes, inverse: Matrix, residuals: FloatMatrix) -> FloatMatrix:
        """Return the residuals of a group without it, by an inverse of its size or of the features' number."""
        turned, shares = self._turned[members].astype(np.float64), self._shares[members]
        # The intercept is one more feature, whose variance is not penalised.
        wide = np.column_stack([turned * np.sqrt(inverse), np.ones(len(members))])
        if len(members) <= wide.shape[1]:
            rest = np.eye(len(members)) - (wide @ wide.T) * shares
            rest[np.diag_indices_from(rest)] += _LEAST_REST
            return np.asarray(np.linalg.solve(rest, residuals), dtype=np.float32)
        rest = np.eye(wide.shape[1]) - wide.T @ (shares[:, None] * wide)
        rest[np.diag_indices_from(rest)] += _LEAST_REST
        back = np.linalg.solve(rest, wide.T @ (shares[:, None] * residuals))
        return np.asarray(residuals + wide @ back, dtype=np.float32)


def _sample(groups: Codes, seed: int) -> Codes:
    """Return the rows of so many groups that there are about enough, in order."""
    if len(groups) <= _MOST_LEFT_OUT:
        return np.arange(len(groups))
    sizes = np.bincount(groups)
    order = np.random.default_rng(seed).permutation(len(sizes))
    chosen = np.zeros(len(sizes), dtype=bool)
    chosen[order[: int(np.searchsorted(np.cumsum(sizes[order]), _MOST_LEFT_OUT)) + 1]] = True
    return np.flatnonzero(chosen[groups])
