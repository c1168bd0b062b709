"""How far a grouping would be found again in other rows of the same kind: agreement between resampled groupings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mmembed.arrays import Positions

# Groupings that are made of a random part of the rows each, and how large a part.
RESAMPLES = 3
KEPT_SHARE = 0.8


def resamples(n_rows: int, seed: int) -> list[Positions]:
    """Return the rows of each resample, in order."""
    return [
        np.flatnonzero(np.random.default_rng([seed, number]).random(n_rows) < KEPT_SHARE) for number in range(RESAMPLES)
    ]


def overlaps(left: Positions, right: Positions) -> npt.NDArray[np.float64]:
    """Return how many rows are in each cluster of one and each of the other; noise (-1) is the last row or column."""
    n_left, n_right = int(left.max(initial=-1)) + 2, int(right.max(initial=-1)) + 2
    codes = np.where(left < 0, n_left - 1, left) * n_right + np.where(right < 0, n_right - 1, right)
    return np.bincount(codes, minlength=n_left * n_right).reshape(n_left, n_right).astype(np.float64)


def adjusted_rand(left: Positions, right: Positions) -> float:
    """Return the adjusted Rand index (Hubert and Arabie 1985): 1 for equal groupings, 0 for unrelated ones.

    Noise counts as one group.

    Examples
    --------
    >>> import numpy as np
    >>> adjusted_rand(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
    1.0
    """
    table = overlaps(left, right)

    def pairs(counts: npt.NDArray[np.float64]) -> float:
        return float((counts * (counts - 1)).sum() / 2)

    both, one, other = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    total = len(left) * (len(left) - 1) / 2
    expected = one * other / total if total else 0.0
    most = (one + other) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def mean_agreement(labels: Positions, again: list[tuple[Positions, Positions]]) -> float:
    """Return the mean adjusted Rand index of a grouping with those of resampled rows; NaN where there are none."""
    found = [adjusted_rand(labels[rows], other) for rows, other in again]
    return float(np.mean(found)) if found else float("nan")


def cluster_stabilities(labels: Positions, again: list[tuple[Positions, Positions]]) -> npt.NDArray[np.float32]:
    """Return for each cluster the mean Jaccard similarity with what it is most like in each resample (Hennig 2007).

    Parameters
    ----------
    labels : numpy.ndarray of int, shape (u,)
    again : list of (rows, labels)
        The rows of each resample and their labels there.

    Returns
    -------
    numpy.ndarray, shape (n_clusters,), float32
        1 is a cluster that is always found again; above .75 it is there, below .5 it is not. NaN where no resample has
        a row of it.
    """
    n_clusters = int(labels.max(initial=-1)) + 1
    found = np.full((max(1, len(again)), n_clusters), np.nan)
    for number, (rows, other) in enumerate(again):
        table = overlaps(labels[rows], other)
        sizes, others = table.sum(axis=1), table.sum(axis=0)
        inside = table[:-1, :-1]
        either = sizes[:-1, np.newaxis] + others[np.newaxis, :-1] - inside
        likeness = np.divide(inside, either, out=np.zeros_like(inside), where=either > 0)
        best = likeness.max(axis=1, initial=0)
        here = np.zeros(n_clusters, dtype=bool)
        here[: len(best)] = sizes[:-1] > 0
        found[number, here] = best[here[: len(best)]]
    there = ~np.isnan(found)
    total = np.where(there, found, 0).sum(axis=0)
    mean = np.full(n_clusters, np.nan, dtype=np.float32)
    known = there.any(axis=0)
    mean[known] = total[known] / there.sum(axis=0)[known]
    return mean
