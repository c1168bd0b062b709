"""The tree of communities: which rows stay together at every resolution, averaged over many partitions.

One partition by the Leiden method is one of many that are as good, and which one comes out hangs on the order of the
rows and on the last digit of a tie. What many partitions of resampled rows have in common does not (consensus
clustering, Strehl and Ghosh 2002; Lancichinetti and Fortunato 2012). So the graph is parted at each doubling of the
resolution in several resamples; two small groups of rows are as far apart as the number of doublings at which they are
in different communities, on average. Average linkage makes a tree of that: its levels are nested, and a number of
communities that stands for a long stretch of the resolution is a plateau.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.clusters.methods import (
    MANY_ROWS,
    CommunityFinder,
    leiden,
    neighbor_ties,
    neighbors_for,
    neighbors_read,
    part_of,
    settle,
    tie_blocks,
    ties_between,
    weighted_centroids,
)
from mmembed.analysis.clusters.null_model import exact_graph
from mmembed.analysis.clusters.quality import KEPT_SHARE
from mmembed.analysis.steady_order import steady_draws

if TYPE_CHECKING:
    from mmembed.analysis.clusters.points import Points
    from mmembed.arrays import FloatMatrix, Positions

# A resolution of 1 asks for more ties than chance has. The lowest leave one community, and the highest are not reached:
# it ends where communities are about as small as a cluster may be.
_LOWEST, _HIGHEST = -7, 16
# Which is looked at first: below it there are often but few communities, above it there are always more.
_MIDDLE = 9
_SMALL_ENOUGH = 1.5
# Partitions at each resolution: in a small table each says less, and costs nothing. The fewer there are, the
# more the level hangs on which rows they had.
_RUNS = ((1000, 48), (2000, 40), (4000, 30), (8000, 12))
_FEWEST_RUNS = 4
# Runs at once; each holds a graph of its own, and graphs of many rows are large.
_RUNS_AT_ONCE, _RUNS_OF_MANY_AT_ONCE, _MANY_ROWS = 4, 2, 50_000
# How alike two groups are counts beside their ties, and joins those that no tie joins. In a small table it weighs less
# than a doubling of the resolution. Of twice as many rows the same number of neighbours lies half as far: ties between
# groups become few, which of them are there becomes chance, and likeness counts for a doubling more.
_ALIKE, _ALIKE_ROWS = 0.3, 1 << 14
# Small groups of rows that the tree is made of, at most; and where no tie joins them.
_MOST_LEAVES, _MOST_APART = 1200, 2000
# What they are made of in a large table are communities of this resolution.
_LEAF_RESOLUTION = 1024.0
# Numbers of communities are about the same up to so many times more or fewer: a half doubling in all.
_NEARLY = 2**0.25


@dataclass(frozen=True, eq=False)
class Run:
    """Communities of one resample at each resolution.

    Attributes
    ----------
    rows : numpy.ndarray of int, shape (r,)
    nodes : numpy.ndarray of int, shape (r,)
        Of each row what it is part of in all of them: itself, or in a large table a small group.
    labels : numpy.ndarray of int, shape (resolutions, nodes)
        The community of each node.
    """

    rows: Positions
    nodes: Positions
    labels: Positions

    def of_rows(self, at: int) -> Positions:
        """Return the community of each row at one resolution, shape (r,)."""
        return np.asarray(self.labels[at][self.nodes])


@dataclass(frozen=True, eq=False)
class Partitions:
    """Communities of resampled rows at each resolution.

    Attributes
    ----------
    resolutions : list of float
        From low to high, a doubling each.
    runs : list of Run
    """

    resolutions: list[float]
    runs: list[Run] = field(repr=False)


@dataclass(frozen=True, eq=False)
class CommunityTree:
    """Small groups of rows and the order in which they merge.

    Attributes
    ----------
    leaves : numpy.ndarray of int, shape (u,)
        Leaf of each row.
    merges : numpy.ndarray of int, shape (leaves - 1, 2)
        Which two nodes become one, first merges first; nodes are numbered on from the leaves.
    heights : numpy.ndarray, shape (leaves - 1,)
        At how many doublings of the resolution the two are apart.
    again : list of (rows, merges)
        The tree of each resample, over the same leaves.
    resolutions : list of float
    """

    leaves: Positions = field(repr=False)
    merges: Positions = field(repr=False)
    heights: npt.NDArray[np.float64] = field(repr=False)
    again: list[tuple[Positions, Positions]] = field(repr=False)
    resolutions: list[float]

    @property
    def n_leaves(self) -> int:
        """The most communities there are."""
        return len(self.merges) + 1

    def cut(self, n_communities: int) -> Positions:
        """Return the community of each leaf, numbered from 0."""
        return cut(self.merges, n_communities)

    def width(self, n_communities: int) -> float:
        """Return over how many doublings of the resolution there are so many communities."""
        below, above = self._stretch(n_communities)
        return float(max(0.0, above - below))

    def near_width(self, n_communities: int) -> float:
        """Return over how many doublings there are about so many communities, a half doubling from fewest to most."""
        fewest, most = round(n_communities / _NEARLY), round(n_communities * _NEARLY)
        return self._height(fewest) - self._height(most)

    def _height(self, n_communities: int) -> float:
        """Return where so many communities begin to merge further."""
        return float(self.heights[self.n_leaves - min(max(n_communities, 2), self.n_leaves)])

    def resolution(self, n_communities: int) -> float:
        """Return the resolution in the middle of that stretch."""
        return float(self.resolutions[-1] * 2.0 ** (0.5 - sum(self._stretch(n_communities)) / 2))

    def _stretch(self, n_communities: int) -> tuple[float, float]:
        above = self._height(n_communities) if n_communities > 1 else float(len(self.resolutions))
        # Leaves are what the highest resolutions agree on: they do not stand over what is below.
        return self._height(n_communities + 1) if n_communities < self.n_leaves else min(1.0, above), above


def cut(merges: Positions, n_communities: int) -> Positions:
    """Return the community of each leaf of a tree after merging down to so many, numbered from 0."""
    n_leaves = len(merges) + 1
    parent = np.arange(2 * n_leaves - 1)
    n_merged = max(0, n_leaves - n_communities)
    parent[merges[:n_merged].ravel()] = np.repeat(np.arange(n_leaves, n_leaves + n_merged), 2)
    # Each step looks twice as far up the tree.
    while True:
        above = parent[parent]
        if np.array_equal(above, parent):
            break
        parent = above
    return np.unique(parent[:n_leaves], return_inverse=True)[1].astype(np.int64)


def community_tree(table: Points, min_cluster_size: int) -> CommunityTree:
    """Return the tree of the communities of a table, whose leaves have at least ``min_cluster_size`` rows."""
    n_runs = next((runs for rows, runs in _RUNS if len(table) <= rows), _FEWEST_RUNS)
    draws = steady_draws(table.rows, float(np.median(table.neighbor_distances)), table.seed, 2 * n_runs + 1)
    # Nodes are asked in the order in which they stand.
    order = np.argsort(draws[:, -1], kind="stable")
    counts = table.counts[order]
    found = _partitions(table.weights, counts, draws[order, :-1], min_cluster_size, order)
    weights = part_of(table.weights, order)
    leaves = _find_leaves(weights, counts, found, min_cluster_size)
    leaves = _joined_by_likeness(table.rows, counts, leaves, order)
    if len(order) > MANY_ROWS:
        from mmembed.analysis.freed_memory import give_back

        give_back()
    together, by_run = _share_together(found, leaves)
    n_leaves = len(together)
    centroids = weighted_centroids(table.rows, counts, leaves, n_leaves, places=order).astype(np.float64)
    mean = np.average(centroids, axis=0, weights=np.bincount(leaves, counts))
    unlike = (_ALIKE + max(0.0, math.log2(len(order) / _ALIKE_ROWS))) * _unlike(centroids - mean)

    def tree(near: npt.NDArray[np.float64]) -> tuple[Positions, npt.NDArray[np.float64]]:
        from scipy.cluster.hierarchy import linkage

        if n_leaves < 2:
            return np.empty((0, 2), dtype=np.int64), np.empty(0)
        apart = (1 - near) * len(found.resolutions) + unlike
        steps = linkage(apart[np.triu_indices(n_leaves, 1)], "average")
        return steps[:, :2].astype(np.int64), steps[:, 2]

    merges, heights = tree(together)
    again = [(np.sort(order[run.rows]), tree(one)[0]) for run, one in zip(found.runs, by_run, strict=True)]
    by_row = np.empty(len(order), dtype=np.int64)
    by_row[order] = leaves
    return CommunityTree(by_row, merges, heights, again, found.resolutions)


def _partitions(
    weights: Any, counts: Positions, draws: npt.NDArray[np.float64], min_cluster_size: int, order: Positions
) -> Partitions:
    """Part resampled rows; ``draws`` say of each run which rows it has, and in which order they are asked.

    Rows are in an order of their own, which says where the ties of each stand.
    """
    n_rows, n_runs = len(counts), draws.shape[1] // 2
    resolutions = [2.0**power for power in range(_LOWEST, _HIGHEST)]

    def one(run: int) -> tuple[Positions, Positions, list[Positions]]:
        kept, asked = draws[:, 2 * run] < KEPT_SHARE, draws[:, 2 * run + 1]
        rows = np.argsort(asked, kind="stable")
        rows = rows[kept[rows]]
        settles = n_rows <= MANY_ROWS  # of many rows, those that would move are too few to count
        if settles:
            part = part_of(weights, order[rows])
            finder = CommunityFinder(part)
        else:
            from mmembed.analysis.freed_memory import give_back

            finder = CommunityFinder(lambda: part_of(weights, order[rows]))
            give_back()
        total = float(counts[rows].sum())

        def at(place: int) -> tuple[Positions, bool, bool]:
            found = finder.of_nodes(resolutions[place])
            # Counted before rows settle: single rows then go to their neighbours, however high the resolution.
            is_fine = total <= _SMALL_ENOUGH * KEPT_SHARE * min_cluster_size * (int(found.max(initial=0)) + 1)
            cuts = finder.cuts_ties(found)
            return settle(part, found[finder.groups]) if settles else found, is_fine, cuts

        labels: list[Positions] = []
        is_fine = False
        for place in range(_MIDDLE, -1, -1):
            found, is_here, cuts = at(place)
            if is_here or not labels:
                labels, is_fine = [], is_here
            labels.insert(0, found)
            if not cuts:
                # What cuts no tie is best at all lower resolutions, too.
                labels = labels[:1] if is_here else [found] * place + labels
                break
        while not is_fine and len(labels) < len(resolutions):
            found, is_fine, _ = at(len(labels))
            labels.append(found)
        return rows, np.arange(len(rows)) if settles else finder.groups, labels

    # Leiden leaves the interpreter to others; each run has its draws, so the order in which they end does not matter.
    workers = _RUNS_AT_ONCE if n_rows < _MANY_ROWS else _RUNS_OF_MANY_AT_ONCE
    with ThreadPoolExecutor(max_workers=workers) as pool:
        runs = list(pool.map(one, range(n_runs)))
    # All end where most have ended.
    n_kept = int(np.median([len(labels) for *_, labels in runs]))
    made = [
        Run(rows, nodes, np.array([labels[min(at, len(labels) - 1)] for at in range(n_kept)]))
        for rows, nodes, labels in runs
    ]
    return Partitions(resolutions[:n_kept], made)


def _find_leaves(weights: Any, counts: Positions, found: Partitions, min_cluster_size: int) -> Positions:
    """Return groups that most partitions at the two highest resolutions leave whole, none of them too small."""
    if len(counts) > MANY_ROWS:
        # In a large table leaves are made of small groups, as partitions are, but of smaller ones.
        finder = CommunityFinder(lambda: _agreed_ties(weights, found, shared=False), fine=_LEAF_RESOLUTION)
        resolution, communities_at = min(found.resolutions[-1], _LEAF_RESOLUTION), finder.unsettled
    else:
        agreed, resolution = _agreed_ties(weights, found), found.resolutions[-1]
        communities_at = partial(leiden, agreed)
    while True:
        leaves = settle(weights, communities_at(resolution))
        if leaves.max() < _MOST_LEAVES:
            break
        resolution /= 2
        if resolution < 1:
            # Partitions agree on more groups than that, and on no tie between them.
            leaves = _communities_up_to(_MOST_LEAVES, ties_between(weights, leaves), 1.0)[leaves]
            break
    return _dissolve_small(weights, counts, leaves, min_cluster_size)


def _communities_up_to(most: int, ties: Any, resolution: float) -> Positions:
    """Return communities of a graph, at most so many if its ties join all of it, at the highest resolution for that."""
    while True:
        found = leiden(ties, resolution)
        if found.max() < most or resolution < 2.0**_LOWEST:
            return found
        resolution /= 2


def _joined_by_likeness(rows: FloatMatrix, counts: Positions, leaves: Positions, order: Positions) -> Positions:
    """Return the leaves of a graph in many pieces after like ones were joined, ``_MOST_APART`` at most."""
    while (n_leaves := int(leaves.max()) + 1) > _MOST_APART:
        centroids = weighted_centroids(rows, counts, leaves, n_leaves, places=order)
        centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-12)
        ties = neighbor_ties(exact_graph(centroids, neighbors_read(n_leaves)), neighbors_for(n_leaves))
        leaves = _communities_up_to(_MOST_APART, ties, 2.0**_HIGHEST)[leaves]
    return leaves


def _agreed_ties(weights: Any, found: Partitions, *, shared: bool = True) -> Any:
    """Return the ties, each times the share of the partitions at the two highest resolutions that leave it whole.

    Unless shared, the places of the ties are a copy, which may be sorted.
    """
    from scipy import sparse

    last = range(max(0, len(found.resolutions) - 2), len(found.resolutions))
    partitions = []
    for run in found.runs:
        for at in last:
            whole = np.full(weights.shape[0], -1, dtype=np.int32)
            whole[run.rows] = run.of_rows(at)
            partitions.append(whole)
    kept = np.empty(len(weights.data))
    for row, ties in tie_blocks(weights):
        column = weights.indices[ties]
        together, seen = np.zeros(len(row)), np.zeros(len(row))
        for whole in partitions:
            one, other = whole[row], whole[column]
            both = (one >= 0) & (other >= 0)
            seen += both
            together += both & (one == other)
        kept[ties] = weights.data[ties] * together / np.maximum(seen, 1) + 1e-9
    places = weights.indices if shared else weights.indices.copy()
    return sparse.csr_matrix((kept, places, weights.indptr), shape=weights.shape)


def _dissolve_small(weights: Any, counts: Positions, leaves: Positions, fewest: int) -> Positions:
    """Return the leaves after those of fewer than ``fewest`` rows went to what they are most closely tied to."""
    size = np.bincount(leaves, counts)
    leaf_of = np.arange(len(size))
    between = ties_between(weights, leaves)
    while True:
        few = np.flatnonzero(size < fewest)
        if not len(few) or len(size) <= 2:
            break
        ties = between.toarray()
        np.fill_diagonal(ties, 0)
        goal = np.arange(len(size))
        # The smallest first, a third at a time: two of them together may be large enough.
        for leaf in few[np.argsort(size[few], kind="stable")][: max(1, len(few) // 3)]:
            if ties[leaf].max() > 0:
                nearest = int((ties[leaf] / np.sqrt(size)).argmax())
                while goal[nearest] != nearest:
                    nearest = int(goal[nearest])
                goal[leaf] = nearest
        while not np.array_equal(goal, goal[goal]):
            goal = goal[goal]
        merged = np.unique(goal, return_inverse=True)[1]
        if merged.max() + 1 == len(size):
            break
        between, size = ties_between(between, merged), np.bincount(merged, size)
        leaf_of = merged[leaf_of]
    return leaf_of[leaves].astype(np.int64)


def _share_together(
    found: Partitions, leaves: Positions
) -> tuple[npt.NDArray[np.float64], list[npt.NDArray[np.float64]]]:
    """Return at which share of the resolutions rows of two leaves are in one community: over all runs, and of each."""
    n_leaves = int(leaves.max()) + 1
    share = _shares_of_groups if len(leaves) > MANY_ROWS else _shares_of_rows
    by_run, total, seen = [], np.zeros((n_leaves, n_leaves)), np.zeros((n_leaves, n_leaves))
    for run in found.runs:
        of_run = np.zeros((n_leaves, n_leaves), dtype=np.float32)
        for part in share(run, leaves[run.rows], n_leaves):
            together = part @ part.T
            of_run += together.toarray() if hasattr(together, "toarray") else together
        is_there = np.bincount(leaves[run.rows], minlength=n_leaves) > 0
        by_run.append((of_run.astype(np.float64) / len(run.labels), is_there))
        total += by_run[-1][0]
        seen += np.outer(is_there, is_there)
    whole = total / np.maximum(seen, 1)
    # A run says nothing of a leaf of which it has no row.
    return whole, [one if there.all() else np.where(np.outer(there, there), one, whole) for one, there in by_run]


def _shares_of_rows(run: Run, of_leaf: Positions, n_leaves: int) -> Iterator[Any]:
    """Yield for each resolution which share of the rows of each leaf is in each community, shape (leaves, number)."""
    size = np.maximum(np.bincount(of_leaf, minlength=n_leaves), 1)
    for communities in run.labels:
        number = int(communities.max(initial=-1)) + 1
        share = np.bincount(of_leaf * number + communities, minlength=n_leaves * number)
        yield (share.reshape(n_leaves, number) / size[:, np.newaxis]).astype(np.float32)


def _shares_of_groups(run: Run, of_leaf: Positions, n_leaves: int) -> Iterator[Any]:
    """Yield the same as sparse matrices, from the shares of small groups of rows, which are in one community each."""
    from scipy import sparse

    n_nodes = run.labels.shape[1]
    shape = (n_leaves, n_nodes)
    shares = sparse.csr_matrix((np.ones(len(of_leaf), dtype=np.float32), (of_leaf, run.nodes)), shape=shape)
    size = np.maximum(np.bincount(of_leaf, minlength=n_leaves), 1).astype(np.float32)
    shares.data /= np.repeat(size, np.diff(shares.indptr))
    ones, ends = np.ones(n_nodes, dtype=np.float32), np.arange(n_nodes + 1)
    for communities in run.labels:
        yield shares @ sparse.csr_matrix((ones, communities, ends), shape=(n_nodes, int(communities.max()) + 1))


def _unlike(centred: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    length = np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    return np.asarray(np.clip(1 - (centred / length) @ (centred / length).T, 0, 2))
