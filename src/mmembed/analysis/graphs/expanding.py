"""From the graph of distinct rows to the graph of all rows: repetitions are each other's neighbours."""

from __future__ import annotations

import numpy as np

from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.analysis.graphs.neighbor_graph import NeighborGraph
from mmembed.analysis.rows.cosine import pair_cosines
from mmembed.analysis.rows.distinct import DistinctRows
from mmembed.arrays import FloatVector, Positions

_PAIRS_AT_ONCE = 1 << 22


def expand_graph(graph: NeighborGraph, distinct: DistinctRows, k: int) -> tuple[Positions, FloatVector]:
    """Return the k nearest other rows of every row, ties in row order, from those of each different row.

    Parameters
    ----------
    graph : NeighborGraph
        Of the distinct rows, with at least k + 1 neighbours: the last one tells whether a tie was cut off.
    distinct : DistinctRows
        The n rows as u different ones.
    k : int

    Returns
    -------
    positions : numpy.ndarray, shape (n, k), int64
    similarities : numpy.ndarray, shape (n, k), float32
    """
    n_groups, n_rows = len(distinct), distinct.total
    positions = np.full((n_rows, k), -1, dtype=np.int64)
    similarities = np.full((n_rows, k), np.nan, dtype=np.float32)
    members = np.argsort(distinct.groups, kind="stable")
    starts = np.concatenate([[0], np.cumsum(distinct.counts)])
    everyone = np.arange(n_groups)
    own = pair_cosines(distinct.rows, distinct.rows, everyone, everyone)
    # Of a repeated row the first k + 1 can be among the k nearest others of some row, and no later ones.
    shown = np.minimum(distinct.counts, k + 1)
    cut_off = np.zeros(n_groups, dtype=bool)
    step = max(1, _PAIRS_AT_ONCE // ((k + 1) * (1 + int(shown.max(initial=1)))))
    for start in range(0, n_groups, step):
        here = everyone[start : start + step]
        near = np.column_stack([here, graph.indices[here, :k]]).astype(np.int64)
        cosine = np.column_stack([own[here], graph.similarities[here, :k]])
        rank, group, row, value = _member_pairs(near, cosine, members, starts, shown)
        best = np.full((len(here), k + 1), -1, dtype=np.int64)
        best_value = np.full((len(here), k + 1), np.nan, dtype=np.float32)
        kept = rank <= k
        best[group[kept], rank[kept]] = row[kept]
        best_value[group[kept], rank[kept]] = value[kept]
        last = np.where(np.isnan(best_value[:, k]), best_value[:, k - 1], best_value[:, k])
        cut_off[here] = graph.similarities[here, k] >= last
        rows = members[starts[start] : starts[start + len(here)]]
        mine = distinct.groups[rows] - start
        positions[rows], similarities[rows] = _without_self(rows, best[mine], best_value[mine])
    if graph.method == "exact" and cut_off.any():
        again = np.flatnonzero(cut_off[distinct.groups])
        positions[again], similarities[again] = _ask_again(again, distinct, k)
    return positions, similarities


def _member_pairs(
    near: Positions, cosine: FloatVector, members: Positions, starts: Positions, shown: Positions
) -> tuple[Positions, Positions, Positions, FloatVector]:
    """Return rank, group, row and cosine of every pair of a group and a row that is near it, best first."""
    group, place = np.nonzero(near >= 0)
    other = near[group, place]
    repeats = shown[other]
    pair = np.repeat(np.arange(len(other)), repeats)
    offset = np.arange(len(pair)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    row = members[starts[other[pair]] + offset]
    value, group = cosine[group, place][pair], group[pair]
    order = np.lexsort((row, -value, group))
    group = group[order]
    first = np.flatnonzero(np.diff(group, prepend=-1))
    rank = np.arange(len(group)) - np.repeat(first, np.diff(first, append=len(group)))
    return rank, group, row[order], value[order]


def _without_self(rows: Positions, found: Positions, value: FloatVector) -> tuple[Positions, FloatVector]:
    """Return the k best others of each row, of the k + 1 best rows, where the row itself may be among them."""
    k = found.shape[1] - 1
    itself = found == rows[:, np.newaxis]
    place = np.where(itself.any(axis=1), itself.argmax(axis=1), k)
    columns = np.arange(k) + (np.arange(k) >= place[:, np.newaxis])
    return np.take_along_axis(found, columns, axis=1), np.take_along_axis(value, columns, axis=1)


def _ask_again(rows: Positions, distinct: DistinctRows, k: int) -> tuple[Positions, FloatVector]:
    """Measure the rows anew whose k-th neighbour ties with one that the graph had no room for."""
    everything = distinct.rows[distinct.groups]
    nothing = np.zeros(len(everything), dtype=bool)
    found, value = nearest_rows(
        everything[rows], everything, k + 1, queries_missing=nothing[: len(rows)], missing=nothing
    )
    return _without_self(rows, found, value)
