"""The clusters of this week and of last week: which are the same, so that they keep their numbers and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmembed.analysis.clusters.result import _renumbered
from mmembed.vectors import check_comparable

if TYPE_CHECKING:
    from mmembed.analysis.clusters.result import Clusters


# From this share of known rows on, a cluster is compared by the rows it shares, which says more than directions.
_ENOUGH_SHARED = 0.2

# Vectors of one model often have much in common; from this many clusters on it is known what.
_ENOUGH_TO_CENTER = 3


def match_clusters(current: Clusters, previous: Clusters, *, threshold: float = 0.5) -> Clusters:
    """Return the current clusters with the numbers and names of the previous ones that they are most like.

    Pairs are made so that their likeness is greatest in total (optimal assignment). For a cluster of which a fifth or
    more of the vectors were in the previous fit, likeness is twice the number of vectors shared with the other over
    the number of known vectors of both (Dice); else it is the cosine of the centroids, less what all have in common. A
    cluster without a partner of at least ``threshold`` gets a new number and keeps its own name, with a number after
    it if that name is taken; one that is called by its number is called by the new one. ``.audit()`` shows for each
    name what speaks for it in the current fit, or where that has neither texts nor a vocabulary, in the previous one.

    Parameters
    ----------
    current, previous : Clusters
    threshold : float
        0 to 1; pairs that are less alike are different clusters.

    Raises
    ------
    ValueError
        If the threshold is out of range.
    SpaceMismatchError, DimensionMismatchError
        If the vectors cannot be compared.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold={threshold} is no likeness. Give a number from 0 to 1.")
    from scipy.optimize import linear_sum_assignment

    check_comparable(current.empty_vectors, previous.empty_vectors)
    likeness = _likeness(current, previous)
    rows, columns = linear_sum_assignment(-likeness)
    numbers = np.full(len(current.centroids), -1, dtype=np.int64)
    for row, column in zip(rows, columns, strict=True):
        if likeness[row, column] >= threshold:
            numbers[row] = previous.numbers[column]
    new = np.flatnonzero(numbers < 0)
    numbers[new] = np.arange(len(new)) + 1 + int(max(previous.numbers.max(initial=-1), numbers.max(initial=-1)))
    return _renumbered(current, numbers, previous)


def _likeness(current: Clusters, previous: Clusters) -> npt.NDArray[np.float64]:
    """Return how alike each two clusters are, shape (now, then)."""
    shape = (len(current.numbers), len(previous.numbers))
    place_now = {int(number): at for at, number in enumerate(current.numbers)}
    place_then = {int(number): at for at, number in enumerate(previous.numbers)}
    before = previous.grouped.by_digest
    both = np.zeros(shape)
    sizes, now, then = np.zeros(shape[0]), np.zeros(shape[0]), np.zeros(shape[1])
    for digest, label in current.grouped.by_digest.items():
        is_inside = label >= 0
        if is_inside:
            sizes[place_now[label]] += 1
        if (other := before.get(digest)) is None:
            continue
        if is_inside:
            now[place_now[label]] += 1
        if other >= 0:
            then[place_then[other]] += 1
        if is_inside and other >= 0:
            both[place_now[label], place_then[other]] += 1
    either = now[:, np.newaxis] + then
    by_rows = np.divide(2 * both, either, out=np.zeros(shape), where=either > 0)
    is_known = now >= np.maximum(1, _ENOUGH_SHARED * sizes)
    return np.where(is_known[:, np.newaxis], by_rows, _directions(current, previous))


def _directions(current: Clusters, previous: Clusters) -> npt.NDArray[np.float64]:
    """Return the cosines of the centroids, less the direction that all have in common where there are enough."""
    now, then = (np.asarray(one.centroids, dtype=np.float64) for one in (current, previous))
    if min(len(now), len(then)) >= _ENOUGH_TO_CENTER:
        # The middle of both tables, not of one: a new cluster must not turn the old ones.
        middle = (now.mean(axis=0) + then.mean(axis=0)) / 2
        now, then = now - middle, then - middle
    lengths = np.outer(np.linalg.norm(now, axis=1), np.linalg.norm(then, axis=1))
    return np.divide(now @ then.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)
