"""Earlier clusters as the start of new ones: known groups stay as they were, and rows that are news become new groups.

Which rows are news is a comparison of two samples by nearest neighbours (Schilling 1986, "Multivariate two-sample tests
based on nearest neighbors"; Henze 1988): among the neighbours of a row that is like last week's there are as many rows
of last week as there are in both tables together; among those of a new topic there are next to none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmembed.analysis.clusters.hierarchy import numbered_by_size
from mmembed.analysis.clusters.noise import strays
from mmembed.analysis.clusters.points import Points
from mmembed.analysis.cosines import distinct_directions
from mmembed.analysis.graphs.graph import shared_graph

if TYPE_CHECKING:
    from mmembed.analysis.clusters.membership import LabelledRows
    from mmembed.analysis.cosines import DistinctDirections
    from mmembed.arrays import FloatMatrix, Positions

# Neighbours that are asked: few see small topics, many are needed where the earlier table was the smaller one.
_NEIGHBORS = (5, 10, 15, 30, 60)
# A row is news if at most this share of the earlier rows that its neighbours should be are there, and if so few would
# be chance no more often than this.
_LEFT, _CHANCE = 0.25, 0.02
# A new group has as many rows at least. Its rows may have as large a share of the earlier neighbours that they should
# have, and it may hold as large a share of the earlier rows that it should hold.
_FEWEST = 5
_LEFT_BESIDE = 0.3
_LEFT_IN_GROUP, _CHANCE_OF_GROUP = 0.2, 1e-3
# How often rows at the border of a group are asked whether they are in it, the share of their neighbours that must be
# exceeded, and how many at least: so few that the earlier rows of a group that has merely grown are found.
_ROUNDS, _NEIGHBORS_IN_GROUP, _FEWEST_NEIGHBORS = 3, 0.3, 4


@dataclass(frozen=True, eq=False)
class News:
    """Which rows are of groups that the earlier table did not have.

    Attributes
    ----------
    groups : numpy.ndarray of int, shape (u,)
        The new group of each row from 0, -1 where a row is no news.
    is_stray : numpy.ndarray of bool, shape (u,)
        Rows that were not in the earlier table, are in no new group, and are too far from all earlier ones.
    """

    groups: Positions = field(repr=False)
    is_stray: npt.NDArray[np.bool_] = field(repr=False)


def go_on(
    distinct: DistinctDirections,
    earlier: LabelledRows,
    predict: Callable[[FloatMatrix], Positions],
    *,
    first: int,
    fewest: int | None,
    seed: int,
) -> Positions:
    """Return the label of each different row of a table: an earlier one, a new one beyond these, or -1 for noise.

    Parameters
    ----------
    distinct : DistinctDirections
        Of the prepared rows of the table.
    earlier : LabelledRows
        Of the earlier table: a row that was in one of its clusters stays there.
    predict : callable
        Takes rows, shape (m, d), that the earlier table did not have, and returns the earlier label of each.
    first : int
        The first label that is free.
    fewest : int or None
        Fewest rows of a new group.
    seed : int
    """
    labels, is_new = earlier.known(distinct.rows)
    at = np.flatnonzero(is_new)
    if not len(at):
        return labels
    labels[at] = predict(distinct.rows[at])
    news = find_news(distinct.rows[at], labels[at], earlier, counts=distinct.counts[at], fewest=fewest, seed=seed)
    labels[at[news.is_stray]] = -1
    # The largest new group gets the lowest number.
    place_of = numbered_by_size(np.repeat(news.groups, distinct.counts[at]))[1]
    for group, place in place_of.items():
        labels[at[news.groups == group]] = first + place
    return labels


def find_news(
    rows: FloatMatrix, labels: Positions, earlier: LabelledRows, *, counts: Positions, fewest: int | None, seed: int
) -> News:
    """Return which of the rows that the earlier table did not have are news.

    Parameters
    ----------
    rows : numpy.ndarray, shape (u, d)
        Different unit rows, none of them in the earlier table.
    labels : numpy.ndarray of int, shape (u,)
        The earlier cluster that each would go to; -1 is noise.
    earlier : LabelledRows
    counts : numpy.ndarray of int, shape (u,)
        How often each row occurs.
    fewest : int or None
        Fewest rows of a new group.
    seed : int
    """
    nothing = News(np.full(len(rows), -1, dtype=np.int64), np.zeros(len(rows), dtype=bool))
    n_old = len(earlier.landmarks)
    if not len(rows) or not n_old:
        return nothing
    union = distinct_directions(np.concatenate([earlier.landmarks, rows]))
    table = Points(union, seed)
    place = union.groups
    is_old = np.zeros(len(union), dtype=bool)
    is_old[place[:n_old]] = True
    least = fewest or max(_FEWEST, round(float(counts.sum()) ** 0.5 / 4))
    times = np.zeros(len(union), dtype=np.int64)
    times[place[n_old:]] = counts
    among = _old_neighbors(union, is_old)
    parts = _parts(table, _is_news(among, is_old), times, least)
    parts = _confirmed(table, is_old, _without_selected(parts, among, is_old), times, least)
    all_labels = np.full(len(union), -1, dtype=np.int64)
    all_labels[place[n_old:]] = labels
    all_labels[place[:n_old]] = earlier.landmark_labels
    groups = parts[place[n_old:]]
    is_stray = np.zeros(len(rows), dtype=bool)
    if (earlier.landmark_labels < 0).any():
        both = np.where(parts >= 0, parts + all_labels.max(initial=-1) + 1, all_labels)
        inside = both >= 0
        both[inside] = np.unique(both[inside], return_inverse=True)[1]
        is_stray = _strays_like(table, both, earlier.landmark_labels < 0, place, n_old) & (groups < 0)
    return News(groups, is_stray)


def _strays_like(
    table: Points, labels: Positions, was_noise: npt.NDArray[np.bool_], place: Positions, n_old: int
) -> npt.NDArray[np.bool_]:
    """Return which new rows are noise, as large a share of those that look like it as of the earlier rows.

    In a fit rows settle in communities before strays are sought; new rows have not, so that more of them look astray.
    """
    looks = strays(table, labels)
    old, new = place[:n_old], place[n_old:]
    at = np.flatnonzero(looks[new])
    share = min(1.0, int(was_noise.sum()) / max(1, int((looks[old] | was_noise).sum())))
    usual = np.zeros(len(table))
    for label in np.unique(labels):
        usual[labels == label] = np.median(table.neighbor_distances[labels == label])
    far = (table.neighbor_distances / np.maximum(usual, 1e-12))[new[at]]
    found = np.zeros(len(new), dtype=bool)
    found[at[np.argsort(-far, kind="stable")[: round(share * len(at))]]] = True
    return found


def _old_neighbors(union: DistinctDirections, is_old: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return how many of the nearest 1, 2, … neighbours of each row are earlier ones, shape (u, most)."""
    graph = shared_graph(union.source, min(_NEIGHBORS[-1], len(union) - 1))
    return np.asarray(np.cumsum((graph.indices >= 0) & is_old[graph.indices], axis=1))


def _is_news(among: npt.NDArray[np.int64], is_old: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which new rows have next to no earlier rows among their neighbours, at one of several numbers of these."""
    from scipy.stats import binom

    share = float(is_old.mean())
    found = np.zeros(len(is_old), dtype=bool)
    for k in _NEIGHBORS:
        if k <= among.shape[1]:
            seen = among[:, k - 1]
            found |= (seen <= _LEFT * share * k) & (binom.cdf(seen, k, share) < _CHANCE)
    return np.asarray(found & ~is_old)


def _without_selected(parts: Positions, among: npt.NDArray[np.int64], is_old: npt.NDArray[np.bool_]) -> Positions:
    """Return the groups without those whose rows were merely picked out of a group that has grown.

    Of a group that is new, half as many neighbours as it has rows are new, too. Farther ones are often beyond it.
    """
    found = np.full(len(parts), -1, dtype=np.int64)
    kept = 0
    for part in range(int(parts.max(initial=-1)) + 1):
        rows = np.flatnonzero(parts == part)
        k = min(max(_FEWEST, round(len(rows) / 2)), among.shape[1])
        if among[rows, k - 1].mean() <= _LEFT_BESIDE * float(is_old.mean()) * k:
            found[rows] = kept
            kept += 1
    return found


def _parts(table: Points, is_news: npt.NDArray[np.bool_], times: Positions, least: int) -> Positions:
    """Return the groups that news fall into by their ties, -1 for the rest; ``times`` is how often each row occurs."""
    from scipy.sparse.csgraph import connected_components

    rows = np.flatnonzero(is_news)
    parts = np.full(len(table), -1, dtype=np.int64)
    if not len(rows):
        return parts
    found = connected_components(table.weights[rows][:, rows], directed=False)[1]
    sizes = np.bincount(found, times[rows])
    kept = np.cumsum(sizes >= least) - 1
    parts[rows] = np.where(sizes[found] >= least, kept[found], -1)
    return parts


def _confirmed(
    table: Points, is_old: npt.NDArray[np.bool_], parts: Positions, times: Positions, least: int
) -> Positions:
    """Return the groups with the rows at their borders, without those that earlier rows are in as well."""
    from scipy.stats import binom

    number = int(parts.max(initial=-1)) + 1
    if not number:
        return parts
    neighbors = table.graph.indices
    for _ in range(_ROUNDS):
        # A row belongs to the group that most of its neighbours in new groups are of.
        members = np.where(neighbors >= 0, parts[neighbors], -1)
        row, column = np.nonzero(members >= 0)
        votes = np.zeros((len(table), number))
        np.add.at(votes, (row, members[row, column]), 1)
        needed = max(_FEWEST_NEIGHBORS, math.floor(neighbors.shape[1] * _NEIGHBORS_IN_GROUP) + 1)
        is_reached = (votes.max(axis=1) >= needed) & (parts < 0)
        parts = np.where(is_reached, votes.argmax(axis=1), parts)
    share, inside = float(is_old.mean()), parts >= 0
    both = np.bincount(parts[inside], minlength=number)
    old = np.bincount(parts[inside & is_old], minlength=number)
    is_kept = (old <= _LEFT_IN_GROUP * share * both) & (binom.cdf(old, both, share) < _CHANCE_OF_GROUP)
    is_kept &= np.bincount(parts[inside], times[inside], minlength=number) >= least
    code = np.where(is_kept, np.cumsum(is_kept) - 1, -1)
    return np.where(inside & ~is_old, code[parts], -1)
