"""Which clusters of today are which of before: pairs by the rows they share, else by direction, else by name."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mmembed.analysis.names.names import is_numbered

# From this share of known rows on, a cluster is compared by the rows it shares, which says more than directions.
_ENOUGH_SHARED = 0.2

# Vectors of one model often have much in common; from this many clusters on it is known what.
_ENOUGH_TO_CENTER = 3

_Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClusterRecord:
    """What is known of a cluster, to find it again among others.

    Attributes
    ----------
    name : str
    size : int
        Rows of the cluster, of which ``keys`` may be a few.
    keys : set of hashable
        Names of rows, the same for the same row now and then.
    centroid : numpy.ndarray, shape (d,), or None
        Where vectors now and then may be compared.
    """

    name: str
    size: int
    keys: AbstractSet[Hashable] = field(repr=False)
    centroid: _Matrix | None = field(default=None, repr=False)


def match(
    now: Sequence[ClusterRecord],
    then: Sequence[ClusterRecord],
    *,
    threshold: float = 0.5,
    noise_now: AbstractSet[Hashable] = frozenset(),
    noise_then: AbstractSet[Hashable] = frozenset(),
) -> dict[int, int]:
    """Return for clusters of today their places among those of before; clusters without a partner are left out.

    Pairs are made so that their likeness is greatest in total (optimal assignment). Where a fifth or more of the rows
    of one of the two are in both tables, likeness is twice the number of rows shared with the other over the number of
    known rows of both (Dice); else it is the cosine of the centroids, less what all have in common. Where a centroid is
    missing, it is 1 for equal names, or what the few rows that are known say, if that is more.

    Parameters
    ----------
    now, then : sequence of ClusterRecord
    threshold : float
        Pairs that are less alike are different clusters.
    noise_now, noise_then : set of hashable
        Names of rows that are in no cluster, or were in none.
    """
    from scipy.optimize import linear_sum_assignment

    if not now or not then:
        return {}
    likeness = _cluster_similarities(now, then, noise_now, noise_then)
    rows, columns = linear_sum_assignment(-likeness)
    found = {
        int(row): int(column) for row, column in zip(rows, columns, strict=True) if likeness[row, column] >= threshold
    }
    # Whoever reads that a name has appeared and that the same name has vanished learns nothing.
    left = {_plain(one.name): at for at, one in enumerate(then) if at not in found.values() and _says(one.name)}
    for at, one in enumerate(now):
        if at not in found and (same := left.pop(_plain(one.name), None)) is not None:
            found[at] = same
    return found


def _cluster_similarities(
    now: Sequence[ClusterRecord],
    then: Sequence[ClusterRecord],
    noise_now: AbstractSet[Hashable],
    noise_then: AbstractSet[Hashable],
) -> _Matrix:
    """Return how alike each two clusters are, shape (now, then)."""
    today, before = _places(now), _places(then)
    both = np.zeros((len(now), len(then)))
    known_now, known_then = np.zeros(len(now)), np.zeros(len(then))
    for key, row in today.items():
        if (column := before.get(key)) is not None:
            both[row, column] += 1
            known_now[row] += 1
            known_then[column] += 1
        elif key in noise_then:
            known_now[row] += 1
    for key in noise_now & before.keys():
        known_then[before[key]] += 1
    either = known_now[:, np.newaxis] + known_then
    by_rows = np.divide(2 * both, either, out=np.zeros_like(both), where=either > 0)
    now_called, then_called = ([_plain(one.name) for one in side] for side in (now, then))
    by_name = np.array([[float(name != "" and name == other) for other in then_called] for name in now_called])
    by_direction = _directions(now, then)
    unknown = np.where(np.isnan(by_direction), np.maximum(by_rows, by_name), by_direction)
    is_known = known_now >= np.maximum(1, [_ENOUGH_SHARED * one.size for one in now])
    # A cluster that has grown from a few rows is known by these, too; one whose rows are in others now is not this one.
    was_known = known_then >= np.maximum(1, [_ENOUGH_SHARED * one.size for one in then])
    return np.where(is_known[:, np.newaxis] | was_known, by_rows, unknown)


def _places(clusters: Sequence[ClusterRecord]) -> dict[Hashable, int]:
    return {key: place for place, one in enumerate(clusters) for key in one.keys}


def _says(name: str) -> bool:
    """Return whether a name is more than a number, which another fit gives to anything."""
    return bool(name) and not is_numbered(name)


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _directions(now: Sequence[ClusterRecord], then: Sequence[ClusterRecord]) -> _Matrix:
    """Return the cosines of the centroids, less the direction that all have in common; NaN where one is missing."""
    found = np.full((len(now), len(then)), np.nan)
    rows, columns = ([at for at, one in enumerate(side) if one.centroid is not None] for side in (now, then))
    if not rows or not columns:
        return found
    today, before = (np.stack([one.centroid for one in side if one.centroid is not None]) for side in (now, then))
    if min(len(today), len(before)) >= _ENOUGH_TO_CENTER:
        # The middle of both tables, not of one: a new cluster must not turn the old ones.
        middle = (today.mean(axis=0) + before.mean(axis=0)) / 2
        today, before = today - middle, before - middle
    lengths = np.outer(np.linalg.norm(today, axis=1), np.linalg.norm(before, axis=1))
    found[np.ix_(rows, columns)] = np.divide(today @ before.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return found
