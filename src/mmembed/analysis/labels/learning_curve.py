"""What more labels would bring: accuracy against the number of labelled rows, and where the curve is heading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.labels.folding import Codes, Folds
from mmembed.analysis.labels.holding_out import fit_clone
from mmembed.arrays import FloatMatrix

_SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
_FEWEST_ROWS = 10


def learning_curve(
    estimator: Any,
    rows: FloatMatrix,
    y: Codes,
    groups: Codes,
    folds: Folds,
    *,
    sizes: Sequence[int] | None,
    more: Sequence[int],
    random_state: int,
) -> pd.DataFrame:
    """Measure accuracy on held-out folds when only some of the other rows are learned from.

    Parameters
    ----------
    sizes : sequence of int, optional
        Numbers of labelled rows; a tenth to all of those outside a fold if not given.
    more : sequence of int
        Additional labels to look ahead to.

    Returns
    -------
    pandas.DataFrame
        ``labels``; ``accuracy``, the mean over folds; ``low`` and ``high``, plus and minus two standard errors over the
        folds (of extrapolated rows: the curves through the ends of the measured intervals); ``measured``, False where
        the value is read off the power law ``ceiling - scale * labels ** -rate`` fitted to the measured ones.
    """
    tested_folds = [folds.split(fold) for fold in range(folds.count)]
    tested_folds = [(learned, tested) for learned, tested in tested_folds if len(tested)]
    if not tested_folds:
        raise ValueError("No class can be held out, so there is no curve: label at least two rows of two classes.")
    available = min(len(learned) for learned, _ in tested_folds)
    wanted = sorted({min(available, size) for size in sizes} if sizes is not None else _default_sizes(available))
    random = np.random.default_rng(random_state)
    scores = np.full((len(wanted), len(tested_folds)), np.nan)
    for at, (learned, tested) in enumerate(tested_folds):
        order = _stratified_order(learned, y, random)
        for line, size in enumerate(wanted):
            part = order[:size]
            known = np.unique(y[part])
            if len(known) > 1:
                said = fit_clone(estimator, rows[part], y[part], groups[part]).predict(rows[tested])
            else:
                said = np.full(len(tested), known[0])
            scores[line, at] = (said == y[tested]).mean()
    mean = scores.mean(axis=1)
    error = scores.std(axis=1, ddof=1) / np.sqrt(scores.shape[1]) if scores.shape[1] > 1 else np.full(len(mean), np.nan)
    low, high = np.clip(mean - 2 * error, 0, 1), np.clip(mean + 2 * error, 0, 1)
    frame = pd.DataFrame({"labels": wanted, "accuracy": mean, "low": low, "high": high, "measured": True})
    if len(wanted) < 3 or not more:
        return frame
    ahead = np.array([available + extra for extra in more])
    lines = {name: _extended(np.array(wanted), frame[name].to_numpy(), ahead) for name in ("accuracy", "low", "high")}
    return pd.concat([frame, pd.DataFrame({"labels": ahead, **lines, "measured": False})], ignore_index=True)


def _default_sizes(available: int) -> set[int]:
    return {max(min(_FEWEST_ROWS, available), round(share * available)) for share in _SHARES}


def _stratified_order(learned: Codes, y: Codes, random: np.random.Generator) -> Codes:
    """Return the rows so that every beginning holds the classes in about their shares, each class once at first."""
    shuffled = random.permutation(learned)
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]
    _, starts, counts = np.unique(y[by_class], return_index=True, return_counts=True)
    rank = np.arange(len(by_class)) - np.repeat(starts, counts)
    place = (rank + random.random(len(by_class))) / np.repeat(counts, counts)
    place[rank == 0] -= 1
    return np.asarray(by_class[np.argsort(place, kind="stable")])


def _extended(
    sizes: npt.NDArray[np.int64], values: npt.NDArray[np.float64], ahead: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the power law through the values, which never falls, at further sizes."""
    best: tuple[float, npt.NDArray[np.float64]] | None = None
    for rate in np.linspace(0.1, 1.0, 10):
        design = np.column_stack([np.ones(len(sizes)), -(sizes.astype(float) ** -rate)])
        # The latest points count most: that is where the curve is continued.
        weights = np.sqrt(sizes / sizes.max())
        solution = np.linalg.lstsq(design * weights[:, None], values * weights, rcond=None)[0]
        solution[1] = max(solution[1], 0.0)
        miss = float((((design @ solution - values) * weights) ** 2).sum())
        if best is None or miss < best[0]:
            step = solution[1] * (float(sizes[-1]) ** -rate - ahead.astype(float) ** -rate)
            best = (miss, values[-1] + step)
    if best is None:
        raise AssertionError("no rate was tried")
    return np.clip(best[1], 0, 1)
