"""What each row would have scored had it been left out of the regression, and the penalty that makes this best.

No further fit is needed: leaving a row out divides its residual by one minus its leverage (Golub, Heath and Wahba,
"Generalized Cross-Validation", 1979), leaving a group out multiplies its residuals by a small inverse, and one
eigendecomposition serves all penalties.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mmembed.analysis.labels.folding import Codes, measurable
from mmembed.analysis.labels.kernel_ridge import Matrix, Ridge
from mmembed.analysis.labels.tempering import best_temperature
from mmembed.arrays import FloatMatrix

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
