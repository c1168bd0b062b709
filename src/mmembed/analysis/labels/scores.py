"""Scores of held-out predictions with intervals, and the learning curve.

Scores are accuracy, balanced accuracy, macro-F1, log loss and calibration error. The curve shows accuracy against the
number of labelled rows, and what more labels would bring.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.labels.experiment import HeldOut, fit_clone
from mmembed.analysis.labels.folds import Codes, Folds
from mmembed.arrays import FloatMatrix

Floats = npt.NDArray[np.float64]


def calibration_error(table: pd.DataFrame) -> float:
    """Return the expected calibration error: the mean distance of confidence and accuracy over the bins."""
    gap = (table["confidence"] - table["accuracy"]).abs()
    return float((gap * table["rows"]).sum() / table["rows"].sum())


SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "calibration_error")

_BY_CHANCE = "calibration_error_by_chance"

# Replicates of the bootstrap; the ends of a 95 % interval from 400 are themselves sure to about a tenth of its width.
_REPLICATES = 400

_SIMULATIONS = 200

_FEWEST_IN_BIN = 30

_LEAST_PROBABILITY = 1e-7


def score_table(held: HeldOut, *, random_state: int = 0) -> pd.DataFrame:
    """Return the scores with 95 % intervals and the same scores of two baselines.

    Intervals are percentiles of a bootstrap over the groups that were held out together (over rows where each is
    alone); they hold for tables like this one, with this classifier's settings.

    Returns
    -------
    pandas.DataFrame
        Indexed by score; ``value``, ``low``, ``high``, ``majority``, ``nearest_centroid``. NaN where there is none.
        ``calibration_error_by_chance`` is :func:`error_by_chance`.
    """
    rows = np.flatnonzero(held.measured)
    frame = pd.DataFrame(index=pd.Index(SCORES, name="score"))
    if not len(rows):
        columns = ["value", "low", "high", "majority", "nearest_centroid"]
        return frame.reindex([*SCORES, _BY_CHANCE], columns=columns).astype(float)
    y = held.y[rows]
    probabilities = None if held.probabilities is None else held.probabilities[rows]
    _, groups = np.unique(held.groups[rows], return_inverse=True)
    random = np.random.default_rng(random_state)
    n_groups = int(groups.max()) + 1
    whole = np.ones(len(rows))
    frame["value"] = _scores(y, held.predicted[rows], probabilities, whole)
    replicates = np.array(
        [
            _scores(y, held.predicted[rows], probabilities, weights)
            for weights in (
                np.bincount(random.integers(n_groups, size=n_groups), minlength=n_groups)[groups].astype(float)
                for _ in range(_REPLICATES if len(rows) <= 20_000 else _REPLICATES // 4)
            )
        ]
    )
    frame["low"], frame["high"] = np.percentile(replicates, [2.5, 97.5], axis=0)
    # Resampled rows are always further from calibrated than the rows themselves: an interval would be too high.
    frame.loc["calibration_error", ["low", "high"]] = np.nan
    frame["majority"] = _scores(y, held.majority[rows], held.priors[rows], whole)
    frame["nearest_centroid"] = _scores(y, held.nearest_centroid[rows], None, whole)
    frame.loc["calibration_error", "majority"] = np.nan
    frame.loc[_BY_CHANCE] = np.nan
    if probabilities is not None:
        by_chance = error_by_chance(probabilities.max(axis=1), random_state=random_state)
        frame.loc[_BY_CHANCE, ["value", "low", "high"]] = by_chance
    return frame


def _scores(
    y: npt.NDArray[np.intp], predicted: npt.NDArray[np.intp], probabilities: Any, weights: Floats
) -> list[float]:
    size = max(int(y.max()), int(predicted.max())) + 1
    confusion = np.bincount(y * size + predicted, weights=weights, minlength=size * size).reshape(size, size)
    right, true, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    occurs = true > 0
    found = [
        float(right.sum() / confusion.sum()),
        float((right[occurs] / true[occurs]).mean()),
        float((2 * right[occurs] / (true[occurs] + said[occurs])).mean()),
    ]
    if probabilities is None:
        return [*found, np.nan, np.nan]
    own = np.maximum(probabilities[np.arange(len(y)), y].astype(np.float64), _LEAST_PROBABILITY)
    loss = float(-np.average(np.log(own), weights=weights))
    return [*found, loss, calibration_error(reliability(probabilities.max(axis=1), predicted == y))]


def class_table(held: HeldOut, names: Any) -> pd.DataFrame:
    """Return precision, recall and F1 of each class, with a Wilson interval of the recall.

    Returns
    -------
    pandas.DataFrame
        One row a class: ``class``, ``rows``, ``measured``, ``precision``, ``recall``, ``recall_low``, ``recall_high``,
        ``f1``, ``mistaken_for`` (the class it is most often taken for; missing if never).
    """
    counts = confusion_counts(held, len(names))
    right, true, said = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    wrong = counts - np.diag(right)
    low, high = wilson_interval(right, true)
    with np.errstate(invalid="ignore", divide="ignore"):
        frame = pd.DataFrame(
            {
                "class": pd.Series(names, dtype=getattr(names, "dtype", None)),
                "rows": np.bincount(held.y, minlength=len(names)),
                "measured": true,
                "precision": right / said,
                "recall": right / true,
                "recall_low": low,
                "recall_high": high,
                "f1": np.where(true > 0, 2 * right / (true + said), np.nan),
            }
        )
    worst = np.where(wrong.sum(axis=1) > 0, wrong.argmax(axis=1), -1)
    frame["mistaken_for"] = names.take(worst, allow_fill=True)
    return frame


def confusion_counts(held: HeldOut, n_classes: int) -> npt.NDArray[np.int64]:
    """Return how often a row of each class (line) was held to be of each class (column)."""
    rows = held.measured
    pairs = held.y[rows] * n_classes + held.predicted[rows]
    return np.bincount(pairs, minlength=n_classes * n_classes).reshape(n_classes, n_classes)


def reliability(confidence: npt.NDArray[Any], is_right: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Return, for bins of equally many rows, the mean confidence beside the share that was right.

    Returns
    -------
    pandas.DataFrame
        ``rows``, ``confidence``, ``accuracy`` and its Wilson interval ``low``, ``high``; least confident bin first. At
        most 15 bins, of at least 30 rows each: smaller ones measure chance.
    """
    parts = _bins(confidence)
    sizes = np.array([len(part) for part in parts])
    right = np.array([is_right[part].sum() for part in parts])
    low, high = wilson_interval(right, sizes)
    means = [float(confidence[part].mean(dtype=np.float64)) if len(part) else np.nan for part in parts]
    with np.errstate(invalid="ignore"):
        return pd.DataFrame({"rows": sizes, "confidence": means, "accuracy": right / sizes, "low": low, "high": high})


def _bins(confidence: npt.NDArray[Any]) -> list[npt.NDArray[np.intp]]:
    n_bins = int(np.clip(len(confidence) // _FEWEST_IN_BIN, 1, 15))
    return np.array_split(np.argsort(confidence, kind="stable"), n_bins)


def error_by_chance(confidence: npt.NDArray[Any], *, random_state: int = 0) -> tuple[float, float, float]:
    """Return the calibration error that perfect probabilities would show with so many rows, by chance alone.

    In each bin the share that is right differs from the confidence by chance, and an error adds up such differences
    without their signs: it is never nothing. Rows are drawn to be right with the probability of their confidence.

    Returns
    -------
    tuple of float
        The mean, and what 95 of 100 such errors lie between.
    """
    bins = _bins(confidence)
    ordered = confidence[np.concatenate(bins)].astype(np.float64)
    starts = np.cumsum([0, *(len(part) for part in bins[:-1])])
    expected = np.add.reduceat(ordered, starts)
    random = np.random.default_rng(random_state)
    errors = [
        np.abs(np.add.reduceat((random.random(len(ordered)) < ordered).astype(np.float64), starts) - expected).sum()
        for _ in range(_SIMULATIONS)
    ]
    low, high = np.percentile(errors, [2.5, 97.5]) / len(ordered)
    return float(np.mean(errors) / len(ordered)), float(low), float(high)


def wilson_interval(right: npt.NDArray[Any], total: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Return the 95 % interval of a share (Wilson 1927), NaN where there are no rows."""
    z = 1.959964
    with np.errstate(invalid="ignore", divide="ignore"):
        share = right / total
        center = (share + z * z / (2 * total)) / (1 + z * z / total)
        half = z / (1 + z * z / total) * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return np.maximum(center - half, 0), np.minimum(center + half, 1)


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
    lines = {
        name: _extrapolate(np.array(wanted), frame[name].to_numpy(), ahead) for name in ("accuracy", "low", "high")
    }
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


def _extrapolate(
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
