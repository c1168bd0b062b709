"""Kernel ridge regression on classes: from one pass over the rows the scores at any penalty, of all rows or of some.

Rows are described by their Gaussian kernel with landmarks. This is Nyström's method, which is exact where every row is
a landmark (Williams and Seeger, "Using the Nyström Method to Speed Up Kernel Machines", 2001). Of many rows, landmarks
are means of rows that are near each other, as one step of k-means finds them (Zhang, Tsang and Kwok, "Improved Nyström
Low-Rank Approximation and Error Analysis", 2008): fewer are needed than of rows drawn at random.

A pass gives sums, and sums of parts add up: the fit without one part of the rows, such as a held-out fold, needs no
pass of its own. The penalty is the one that is best for rows left out. No further fit is needed for that: leaving a row
out divides its residual by one minus its leverage (Golub, Heath and Wahba, "Generalized Cross-Validation", 1979),
leaving a group out multiplies its residuals by a small inverse, and one root of the penalised covariance serves all
rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mmembed.analysis.labels.folds import Codes, measurable
from mmembed.analysis.labels.landmarks import Landmarks, choose_landmarks
from mmembed.analysis.labels.probabilities import best_temperature
from mmembed.arrays import FloatMatrix

Matrix = npt.NDArray[np.float64]

_ROW_BLOCK = 8192

# What is less is rounding of the moments, whose blocks are in single precision.
LEAST_PENALTY = 3e-7

# Above this penalty single precision does: it is twice as fast.
_SINGLE = 1e-4


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over rows from which the regression follows; of disjoint sets of rows they add up.

    Attributes
    ----------
    counts : numpy.ndarray, shape (c,)
        Weight of each class.
    totals : numpy.ndarray, shape (f,)
        Of the features.
    by_class : numpy.ndarray, shape (c, f)
        The same for each class.
    moments : numpy.ndarray, shape (f, f)
        Of products of features.
    """

    counts: Matrix = field(repr=False)
    totals: Matrix = field(repr=False)
    by_class: Matrix = field(repr=False)
    moments: Matrix = field(repr=False)

    @classmethod
    def none(cls, size: int, n_classes: int) -> Sums:
        """Return the sums over no row."""
        return cls(np.zeros(n_classes), np.zeros(size), np.zeros((n_classes, size)), np.zeros((size, size)))

    def add(self, features: FloatMatrix, codes: Codes, weights: Matrix) -> None:
        """Count more rows in."""
        if not len(codes):
            return
        is_even = bool((weights == 1).all())
        # A matrix times its own transpose takes half the time of a product of two.
        weighted = features if is_even else features * np.sqrt(weights).astype(np.float32)[:, None]
        np.add(self.moments, weighted.T @ weighted, out=self.moments)
        shares = np.zeros((len(codes), len(self.counts)), dtype=np.float32)
        shares[np.arange(len(codes)), codes] = weights
        np.add(self.by_class, shares.T @ features, out=self.by_class)
        np.add(self.totals, weights.astype(np.float32) @ features, out=self.totals)
        np.add(self.counts, np.bincount(codes, weights=weights, minlength=len(self.counts)), out=self.counts)

    @classmethod
    def added(cls, parts: Sequence[Sums]) -> Sums:
        """Return the sums over the rows of all parts."""
        whole = cls.none(len(parts[0].totals), len(parts[0].counts))
        for part in parts:
            np.add(whole.counts, part.counts, out=whole.counts)
            np.add(whole.totals, part.totals, out=whole.totals)
            np.add(whole.by_class, part.by_class, out=whole.by_class)
            np.add(whole.moments, part.moments, out=whole.moments)
        return whole

    def without(self, part: Sums) -> Sums:
        """Return the sums over the other rows."""
        return Sums(
            self.counts - part.counts,
            self.totals - part.totals,
            self.by_class - part.by_class,
            self.moments - part.moments,
        )


@dataclass(frozen=True, eq=False)
class Solution:
    """The regression at one penalty, on features that are turned so that the penalised covariance is the identity.

    Attributes
    ----------
    root : numpy.ndarray, shape (f, f), float32
        Upper triangular: the penalised covariance is ``root.T @ root``.
    targets : numpy.ndarray, shape (f, c), float32
        Slopes of the turned features.
    slopes : numpy.ndarray, shape (f, c)
        Those of the features.
    """

    root: FloatMatrix = field(repr=False)
    targets: FloatMatrix = field(repr=False)
    slopes: Matrix = field(repr=False)

    def turn(self, centered: FloatMatrix) -> FloatMatrix:
        """Return turned features, shape (k, f): their squares sum to a row's leverage."""
        from scipy.linalg.blas import strsm

        # Rows in numpy's order are columns in that of BLAS.
        return np.asarray(strsm(1.0, self.root, centered.T, trans_a=1).T)


@dataclass(frozen=True, eq=False)
class Ridge:
    """The regression before a penalty is chosen.

    Attributes
    ----------
    landmarks : Landmarks
    weight : float
        Of all rows.
    mean : numpy.ndarray, shape (f,)
        Of the features.
    priors : numpy.ndarray, shape (c,)
        Share of each class.
    covariance : numpy.ndarray, shape (f, f)
    targets : numpy.ndarray, shape (f, c)
        Covariance of the features with the classes.
    features : numpy.ndarray, shape (n, f), or None
        Those of the rows, where they are few enough to be kept.
    """

    landmarks: Landmarks
    weight: float
    mean: Matrix = field(repr=False)
    priors: Matrix = field(repr=False)
    covariance: Matrix = field(repr=False)
    targets: Matrix = field(repr=False)
    features: FloatMatrix | None = field(default=None, repr=False)

    @classmethod
    def of(cls, landmarks: Landmarks, sums: Sums, present: Codes, features: FloatMatrix | None = None) -> Ridge:
        """Return the regression on the classes in ``present``, which are those that the sums have."""
        weight = float(sums.counts.sum())
        mean, priors = sums.totals / weight, sums.counts[present] / weight
        covariance = sums.moments / weight
        covariance -= np.outer(mean, mean)
        targets = (sums.by_class[present] / weight - np.outer(priors, mean)).T
        return cls(landmarks, weight, mean, priors, covariance, targets, features)

    @property
    def size(self) -> int:
        """How many landmarks there are."""
        return len(self.mean)

    @property
    def variance(self) -> float:
        """Total variance of the features."""
        return max(float(np.trace(self.covariance)), 1e-12)

    def solve(self, penalty: float) -> Solution:
        """Return the regression at a penalty, a share of the features' variance: it means the same for all rows."""
        from scipy.linalg import cho_solve, cholesky, solve_triangular

        penalised = self.covariance.copy()
        penalised[np.diag_indices_from(penalised)] += max(penalty, LEAST_PENALTY) * self.variance
        # In single precision the root may not exist where the penalty is small.
        if penalty > _SINGLE:
            penalised = penalised.astype(np.float32)
        root = cholesky(penalised, overwrite_a=True, check_finite=False)
        turned = solve_triangular(root, self.targets, trans=1, check_finite=False)
        slopes = cho_solve((root, False), self.targets, check_finite=False)
        return Solution(np.asfortranarray(root, dtype=np.float32), turned.astype(np.float32), slopes.astype(np.float64))

    def coefficients(self, slopes: Matrix) -> tuple[Matrix, Matrix]:
        """Return ``(m, c)`` and ``(c,)``: kernels with the landmarks times the one plus the other are the scores."""
        found = self.landmarks.whitening.astype(np.float64) @ slopes
        return found, np.asarray(-(self.landmarks.center @ found + self.mean @ slopes))

    def leaving(self, sample: Sample) -> _Leaving:
        """Return what leaves rows of a sample out, each with its group."""
        kept = self.features
        features = self.landmarks.features(sample.rows) if kept is None else kept[sample.places]
        return _Leaving(self, features, sample)


def read_rows(
    landmarks: Landmarks,
    rows: FloatMatrix,
    codes: Codes,
    weights: Matrix,
    *,
    n_classes: int,
    parts: npt.NDArray[Any] | None = None,
) -> tuple[list[Sums], FloatMatrix | None]:
    """Read all rows once, block by block.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d), float32
    codes : numpy.ndarray of int, shape (n,)
        Classes from 0.
    weights : numpy.ndarray, shape (n,)
        How much each row counts.
    parts : numpy.ndarray of int, shape (n,), optional
        Part of each row, from 0; all are in one if not given.

    Returns
    -------
    list of Sums
        One a part.
    numpy.ndarray, shape (n, m), or None
        The features, where they are one block.
    """
    size = len(landmarks.rows)
    sums = [Sums.none(size, n_classes) for _ in range(1 if parts is None else int(parts.max()) + 1)]
    kept = None
    for begin in range(0, len(rows), _ROW_BLOCK):
        block = slice(begin, begin + _ROW_BLOCK)
        features = landmarks.features(rows[block]) if landmarks.own is None else landmarks.own[block]
        kept = features if len(rows) <= _ROW_BLOCK else None
        if parts is None:
            sums[0].add(features, codes[block], weights[block])
            continue
        for number, part in enumerate(sums):
            inside = np.flatnonzero(parts[block] == number)
            part.add(features[inside], codes[block][inside], weights[block][inside])
    return sums, kept


def fit_ridge(
    rows: FloatMatrix, codes: Codes, weights: Matrix, *, n_classes: int, width: float, most: int, random_state: int
) -> Ridge:
    """Choose landmarks and read all rows once.

    Parameters
    ----------
    rows, codes, weights, n_classes
        As in :func:`read_rows`.
    width : float
        Of the kernel, as a multiple of the rows' variance.
    most : int
        Landmarks.
    """
    landmarks = choose_landmarks(rows, width=width, most=most, random_state=random_state)
    (sums,), kept = read_rows(landmarks, rows, codes, weights, n_classes=n_classes)
    return Ridge.of(landmarks, sums, np.arange(n_classes), kept)


# Penalties are tried in steps of half a decade from 1 / n on, as long as the log loss falls by a thousandth.
_STEP = 10**0.5

_MOST_TRIALS = 12

_WORTH = 1e-3

# Beside a penalty that is known to be about right, a third trial has to promise more.
_WORTH_BESIDE = 2e-2

# A log loss below which there is nothing to gain: every row is right and sure.
_PERFECT = 0.005

# Rows that are left out; of larger tables a sample of whole groups: more did not change what was chosen. Of a class of
# few rows, however, the sample would have next to none, and nothing would be learned about it.
MOST_LEFT_OUT = 3000

_FEW_OF_A_CLASS, _MOST_OF_FEW = 50, 1000

# Scores are shares, so that divided by this they are logits. Where nothing can be left out it stays.
_USUAL_TEMPERATURE = 0.1

# A row that alone decides about itself would be divided by nothing.
LEAST_REST = 1e-4


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Scores of rows that were left out, and the penalty and temperature under which their classes are likeliest.

    Attributes
    ----------
    penalty, temperature : float
    rows : numpy.ndarray of int, shape (k,)
        Which rows were left out, each alone or with its group; empty where none could be.
    counted : numpy.ndarray, shape (k,)
        How much each counts; rows that were likelier to be drawn count less.
    slopes : numpy.ndarray, shape (f, c)
        Of the features, by all rows.
    scores : numpy.ndarray, shape (k, c), float32
    trials : list of tuple (penalty, log loss)
    """

    penalty: float
    temperature: float
    rows: Codes = field(repr=False)
    counted: Matrix = field(repr=False)
    slopes: Matrix = field(repr=False)
    scores: FloatMatrix = field(repr=False)
    trials: list[tuple[float, float]] = field(repr=False)


@dataclass(frozen=True, eq=False)
class LeftLogits:
    """Logits of k rows that were left out, before and after what these rows themselves have taught about logits.

    Attributes
    ----------
    rows : numpy.ndarray of int, shape (k,)
    counted : numpy.ndarray, shape (k,)
        How much each counts.
    tempered, mended : numpy.ndarray, shape (k, c)
    """

    rows: Codes = field(repr=False)
    counted: Matrix = field(repr=False)
    tempered: npt.NDArray[Any] = field(repr=False)
    mended: npt.NDArray[Any] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows that may be left out.

    Attributes
    ----------
    all_rows : numpy.ndarray, shape (n, d), float32
    places : numpy.ndarray of int, shape (k,)
        Which of them are in the sample.
    codes, groups : numpy.ndarray of int, shape (k,)
    weights : numpy.ndarray, shape (k,)
    """

    all_rows: FloatMatrix = field(repr=False)
    places: Codes = field(repr=False)
    codes: Codes = field(repr=False)
    groups: Codes = field(repr=False)
    weights: Matrix = field(repr=False)

    @property
    def rows(self) -> FloatMatrix:
        """The rows in the sample, shape (k, d)."""
        return self.all_rows[self.places]

    def together(self) -> list[Codes]:
        """Return the members of each group of several."""
        several = np.flatnonzero(np.bincount(self.groups)[self.groups] > 1)
        several = several[np.argsort(self.groups[several], kind="stable")]
        _, starts = np.unique(self.groups[several], return_index=True)
        return np.split(several, starts[1:]) if len(several) else []


class Regression(Protocol):
    """What rows can be left out of: a regression on landmarks, or on all rows."""

    @property
    def priors(self) -> Matrix:
        """Share of each class."""
        ...

    def solve(self, penalty: float, /) -> Solved:
        """Return the regression at a penalty."""
        ...

    def leaving(self, sample: Sample, /) -> Leaving:
        """Return what leaves rows of a sample out, each with its group."""
        ...


class Solved(Protocol):
    """The regression at one penalty."""

    @property
    def slopes(self) -> Matrix:
        """Of the features, or of the kernels."""
        ...


class Leaving(Protocol):
    """Rows that are left out."""

    def scores(self, penalty: float, /) -> tuple[FloatMatrix, Matrix]:
        """Return the centred scores of each row without its group, shape (k, c), and the slopes by all rows."""
        ...


def leave_out(
    ridge: Regression,
    rows: FloatMatrix,
    codes: Codes,
    weights: Matrix,
    groups: Codes | None,
    *,
    penalty: float | None,
    random_state: int,
    about: float | None = None,
    places: Codes | None = None,
) -> LeftOut:
    """Choose penalty and temperature by the log loss of rows that are left out.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d), float32
    codes, weights
        Of the rows that the ridge was fitted on.
    groups : numpy.ndarray of int, shape (n,), or None
        Rows of one group are left out together.
    penalty : float or None
        As a share of the features' variance; None compares several.
    about : float, optional
        Where to begin to compare: a penalty that is about right.
    places : numpy.ndarray of int, optional
        Which of the rows the ridge was fitted on, where that is not all.
    """
    groups = np.arange(len(codes)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sample, odds = _sample(codes, groups, random_state)
    measured = np.flatnonzero(measurable(codes, groups)[sample])
    begin = penalty if penalty is not None else 1 / len(codes) if about is None else about
    truth, counted = codes[sample][measured], (weights[sample] / odds)[measured]
    if len(np.unique(truth)) < 2:
        empty = np.empty((0, len(ridge.priors)), np.float32)
        return LeftOut(begin, _USUAL_TEMPERATURE, sample[:0], counted[:0], ridge.solve(begin).slopes, empty, [])
    read = sample if places is None else places[sample]
    leaving = ridge.leaving(Sample(rows, read, codes[sample], groups[sample], weights[sample]))

    def look(tried: float, temperature: float) -> tuple[float, float, FloatMatrix, Matrix]:
        """Return the log loss, the temperature at which it is least, the scores and the slopes."""
        scores, slopes = leaving.scores(tried)
        found, loss = best_temperature(scores[measured], truth, counted, start=temperature)
        trials.append((tried, loss))
        return loss, found, scores[measured], slopes

    trials: list[tuple[float, float]] = []
    begin = begin if penalty is not None else max(begin, LEAST_PENALTY)
    first = best = look(begin, _USUAL_TEMPERATURE)
    worth = _WORTH if about is None else _WORTH_BESIDE
    for step in () if penalty is not None else (1 / _STEP, _STEP) if about is None else (_STEP, 1 / _STEP):
        while len(trials) < _MOST_TRIALS and best[0] > _PERFECT and begin * step >= LEAST_PENALTY:
            found = look(begin * step, best[1])
            if found[0] >= best[0]:
                break
            is_worth_more = found[0] < (1 - worth) * best[0]
            best, begin = found, begin * step
            if not is_worth_more:
                break
        # Where the loss hardly rises on the one side there is next to nothing to win on the other.
        if best is not first or (about is not None and trials[-1][1] < (1 + worth) * first[0]):
            break
    return LeftOut(begin, best[1], sample[measured], counted, best[3], best[2], trials)


class _Leaving:
    """Rows that are left out, as the regression sees them."""

    def __init__(self, ridge: Ridge, features: FloatMatrix, sample: Sample) -> None:
        self._centered = features - ridge.mean.astype(np.float32)
        self._truth = np.eye(len(ridge.priors), dtype=np.float32)[sample.codes] - ridge.priors.astype(np.float32)
        self._ridge, self._shares = ridge, sample.weights / ridge.weight
        self._together = sample.together()

    def scores(self, penalty: float) -> tuple[FloatMatrix, Matrix]:
        """Return the centred scores, shape (k, c), of each row without its group, and the slopes by all rows."""
        solution = self._ridge.solve(penalty)
        turned = solution.turn(self._centered)
        residuals = np.asarray(self._truth - turned @ solution.targets, dtype=np.float32)
        leverages = self._shares * (1 + np.einsum("ij,ij->i", turned, turned))
        left = residuals / np.maximum(1 - leverages, LEAST_REST).astype(np.float32)[:, None]
        for members in self._together:
            left[members] = self._leave_group_out(turned[members], self._shares[members], residuals[members])
        return np.asarray(self._truth - left), solution.slopes

    @staticmethod
    def _leave_group_out(turned: FloatMatrix, shares: Matrix, residuals: FloatMatrix) -> FloatMatrix:
        """Return the residuals of a group without it, by an inverse of its size or of the features' number."""
        # The intercept is one more feature, whose variance is not penalised.
        wide = np.column_stack([turned.astype(np.float64), np.ones(len(turned))])
        if len(wide) <= wide.shape[1]:
            rest = np.eye(len(wide)) - (wide @ wide.T) * shares
            rest[np.diag_indices_from(rest)] += LEAST_REST
            return np.asarray(np.linalg.solve(rest, residuals), dtype=np.float32)
        rest = np.eye(wide.shape[1]) - wide.T @ (shares[:, None] * wide)
        rest[np.diag_indices_from(rest)] += LEAST_REST
        back = np.linalg.solve(rest, wide.T @ (shares[:, None] * residuals))
        return np.asarray(residuals + wide @ back, dtype=np.float32)


def _sample(codes: Codes, groups: Codes, seed: int) -> tuple[Codes, Matrix]:
    """Return the rows of about enough groups, in order, and how likely each was to be drawn.

    Groups with rows of classes that have few are all drawn, rarest class first, as long as they are not many.
    """
    if len(groups) <= MOST_LEFT_OUT:
        return np.arange(len(groups)), np.ones(len(groups))
    sizes, counts = np.bincount(groups), np.bincount(codes)
    is_certain = np.zeros(len(sizes), dtype=bool)
    rare = [one for one in np.argsort(counts, kind="stable") if 0 < counts[one] <= _FEW_OF_A_CLASS]
    for one in rare:
        mine = np.unique(groups[codes == one])
        if sizes[is_certain].sum() + sizes[mine].sum() > _MOST_OF_FEW:
            break
        is_certain[mine] = True
    others = np.random.default_rng(seed).permutation(np.flatnonzero(~is_certain))
    sums = np.cumsum(sizes[others])
    drawn = others[: int(np.searchsorted(sums, MOST_LEFT_OUT)) + 1]
    odds = np.where(is_certain, 1.0, sizes[drawn].sum() / max(int(sums[-1]), 1))
    chosen = is_certain.copy()
    chosen[drawn] = True
    sample = np.flatnonzero(chosen[groups])
    return sample, odds[groups[sample]]
