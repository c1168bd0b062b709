"""The tree of communities: which rows stay together at every resolution, averaged over many partitions.

One partition by the Leiden method is one of many that are as good, and which one comes out hangs on the order of the
rows and on the last digit of a tie. What many partitions of resampled rows have in common does not (consensus
clustering, Strehl and Ghosh 2002; Lancichinetti and Fortunato 2012). So the graph is parted at each doubling of the
resolution in several resamples; two small groups of rows are as far apart as the number of doublings at which they are
in different communities, on average. Average linkage makes a tree of that: its levels are nested, and a number of
communities that stands for a long stretch of the resolution is a plateau.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.clusters.methods import CommunityFinder, leiden, settle, weighted_centroids
from mmembed.analysis.clusters.quality import KEPT_SHARE
from mmembed.analysis.steady_order import steady_order

if TYPE_CHECKING:
    from mmembed.analysis.clusters.points import Points
    from mmembed.arrays import Positions

# A resolution of 1 asks for more ties than chance has. The lowest leave one community, and the highest are not reached:
# it ends where communities are about as small as a cluster may be.
_LOWEST, _HIGHEST = -7, 16
_SMALL_ENOUGH = 1.5
# Partitions at each resolution: in a small table each says less, and costs nothing. The fewer there are, the
# more the level hangs on which rows they had.
_RUNS = ((250, 50), (500, 30), (1000, 20), (2000, 16), (4000, 10), (8000, 6))
_FEWEST_RUNS = 4
# Runs at once; each holds a graph of its own, and graphs of many rows are large.
_RUNS_AT_ONCE, _RUNS_OF_MANY_AT_ONCE, _MANY_ROWS = 4, 2, 50_000
# Groups that no tie joins are joined by how alike they are; it weighs less than a doubling of the resolution.
_ALIKE = 0.3
# Small groups of rows that the tree is made of, at most.
_MOST_LEAVES = 1200


@dataclass(frozen=True, eq=False)
class Partitions:
    """Communities of resampled rows at each resolution.

    Attributes
    ----------
    resolutions : list of float
        From low to high, a doubling each.
    runs : list of (rows, labels)
        Of each resample its rows, and a matrix of their communities, shape (resolutions, rows).
    """

    resolutions: list[float]
    runs: list[tuple[Positions, Positions]] = field(repr=False)


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

    def resolution(self, n_communities: int) -> float:
        """Return the resolution in the middle of that stretch."""
        return float(self.resolutions[-1] * 2.0 ** (0.5 - sum(self._stretch(n_communities)) / 2))

    def _stretch(self, n_communities: int) -> tuple[float, float]:
        at = self.n_leaves - n_communities
        above = float(self.heights[at]) if n_communities > 1 else float(len(self.resolutions))
        # Leaves are what the highest resolutions agree on: they do not stand over what is below.
        return float(self.heights[at - 1]) if at else min(1.0, above), above


def cut(merges: Positions, n_communities: int) -> Positions:
    """Return the community of each leaf of a tree after merging down to so many, numbered from 0."""
    n_leaves = len(merges) + 1
    parent = np.arange(2 * n_leaves - 1)
    for at, (one, other) in enumerate(merges[: max(0, n_leaves - n_communities)]):
        parent[one] = parent[other] = n_leaves + at
    # Nodes come after those they are made of, so that the last is settled first.
    for node in range(len(parent) - 1, -1, -1):
        parent[node] = parent[parent[node]]
    return np.unique(parent[:n_leaves], return_inverse=True)[1].astype(np.int64)


def community_tree(table: Points, min_cluster_size: int) -> CommunityTree:
    """Return the tree of the communities of a table, whose leaves have at least ``min_cluster_size`` rows."""
    order = steady_order(table.rows)
    weights = table.weights[order][:, order].tocsr()
    counts = table.counts[order]
    found = _partitions(weights, counts, table.seed, min_cluster_size)
    leaves = _find_leaves(weights, counts, found, table.seed, min_cluster_size)
    together, by_run = _share_together(found, leaves)
    n_leaves = len(together)
    centroids = weighted_centroids(table.rows, counts, leaves, n_leaves, places=order).astype(np.float64)
    mean = np.average(centroids, axis=0, weights=np.bincount(leaves, counts))
    unlike = _unlike(centroids - mean)

    def tree(near: npt.NDArray[np.float64]) -> tuple[Positions, npt.NDArray[np.float64]]:
        from scipy.cluster.hierarchy import linkage

        if n_leaves < 2:
            return np.empty((0, 2), dtype=np.int64), np.empty(0)
        apart = (1 - near) * len(found.resolutions) + _ALIKE * unlike
        steps = linkage(apart[np.triu_indices(n_leaves, 1)], "average")
        return steps[:, :2].astype(np.int64), steps[:, 2]

    merges, heights = tree(together)
    again = [(np.sort(order[rows]), tree(one)[0]) for (rows, _), one in zip(found.runs, by_run, strict=True)]
    by_row = np.empty(len(order), dtype=np.int64)
    by_row[order] = leaves
    return CommunityTree(by_row, merges, heights, again, found.resolutions)


def _partitions(weights: Any, counts: Positions, seed: int, min_cluster_size: int) -> Partitions:
    n_rows = len(counts)
    n_runs = next((runs for rows, runs in _RUNS if n_rows <= rows), _FEWEST_RUNS)
    resolutions = [2.0**power for power in range(_LOWEST, _HIGHEST)]

    def one(run: int) -> tuple[Positions, list[Positions]]:
        rows = np.flatnonzero(np.random.default_rng([seed, run]).random(n_rows) < KEPT_SHARE)
        part = weights[rows][:, rows].tocsr()
        finder = CommunityFinder(part, seed + run)
        total = float(counts[rows].sum())
        labels: list[Positions] = []
        for resolution in resolutions:
            found = finder.unsettled(resolution)
            labels.append(settle(part, found))
            # Counted before rows settle: single rows then go to their neighbours, however high the resolution.
            if total <= _SMALL_ENOUGH * KEPT_SHARE * min_cluster_size * (int(found.max(initial=0)) + 1):
                break
        return rows, labels

    # Leiden leaves the interpreter to others; each run has its seed, so the order in which they end does not matter.
    workers = _RUNS_AT_ONCE if n_rows < _MANY_ROWS else _RUNS_OF_MANY_AT_ONCE
    with ThreadPoolExecutor(max_workers=workers) as pool:
        runs = list(pool.map(one, range(n_runs)))
    # All end where most have ended.
    n_kept = int(np.median([len(labels) for _, labels in runs]))
    made = [(rows, np.array([labels[min(at, len(labels) - 1)] for at in range(n_kept)])) for rows, labels in runs]
    return Partitions(resolutions[:n_kept], made)


def _find_leaves(weights: Any, counts: Positions, found: Partitions, seed: int, min_cluster_size: int) -> Positions:
    """Return groups that most partitions at the two highest resolutions leave whole, none of them too small."""
    from scipy import sparse

    ties = weights.tocoo()
    together = np.zeros(len(ties.data))
    seen = np.zeros(len(ties.data))
    for rows, labels in found.runs:
        for finest in labels[-2:]:
            whole = np.full(len(counts), -1, dtype=np.int64)
            whole[rows] = finest
            one, other = whole[ties.row], whole[ties.col]
            both = (one >= 0) & (other >= 0)
            seen += both
            together += both & (one == other)
    kept = ties.data * together / np.maximum(seen, 1) + 1e-9
    agreed = sparse.csr_matrix((kept, (ties.row, ties.col)), shape=weights.shape)
    resolution = found.resolutions[-1]
    leaves = settle(weights, leiden(agreed, resolution, seed))
    while leaves.max() >= _MOST_LEAVES:
        resolution /= 2
        leaves = settle(weights, leiden(agreed, resolution, seed))
    return _dissolve_small(weights, counts, leaves, min_cluster_size)


def _dissolve_small(weights: Any, counts: Positions, leaves: Positions, fewest: int) -> Positions:
    """Return the leaves after those of fewer than ``fewest`` rows went to what they are most closely tied to."""
    from scipy import sparse

    while True:
        n_leaves = int(leaves.max(initial=-1)) + 1
        size = np.bincount(leaves, counts, minlength=n_leaves)
        few = np.flatnonzero(size < fewest)
        if not len(few) or n_leaves <= 2:
            return leaves
        member = sparse.csr_matrix((np.ones(len(leaves)), (np.arange(len(leaves)), leaves)))
        ties = (member.T @ weights @ member).toarray()
        np.fill_diagonal(ties, 0)
        goal = np.arange(n_leaves)
        # The smallest first, a third at a time: two of them together may be large enough.
        for leaf in few[np.argsort(size[few], kind="stable")][: max(1, len(few) // 3)]:
            if ties[leaf].max() > 0:
                nearest = int((ties[leaf] / np.sqrt(size)).argmax())
                while goal[nearest] != nearest:
                    nearest = int(goal[nearest])
                goal[leaf] = nearest
        while not np.array_equal(goal, goal[goal]):
            goal = goal[goal]
        merged = np.unique(goal[leaves], return_inverse=True)[1].astype(np.int64)
        if merged.max() + 1 == n_leaves:
            return leaves
        leaves = merged


def _share_together(
    found: Partitions, leaves: Positions
) -> tuple[npt.NDArray[np.float64], list[npt.NDArray[np.float64]]]:
    """Return at which share of the resolutions rows of two leaves are in one community: over all runs, and of each."""
    n_leaves = int(leaves.max()) + 1
    by_run = []
    for rows, labels in found.runs:
        of_leaf = leaves[rows]
        size = np.maximum(np.bincount(of_leaf, minlength=n_leaves), 1)
        total = np.zeros((n_leaves, n_leaves), dtype=np.float32)
        for communities in labels:
            number = int(communities.max(initial=-1)) + 1
            share = np.bincount(of_leaf * number + communities, minlength=n_leaves * number)
            part = (share.reshape(n_leaves, number) / size[:, np.newaxis]).astype(np.float32)
            total += part @ part.T
        by_run.append(total.astype(np.float64) / len(labels))
    return np.mean(by_run, axis=0), by_run


def _unlike(centred: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    length = np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    return np.asarray(np.clip(1 - (centred / length) @ (centred / length).T, 0, 2))
