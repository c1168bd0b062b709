"""Whether fewer communities say more: those that are alike as a whole are merged, as far as an unlike method agrees.

Communities part what has few neighbours in common, however alike it is as a whole: football from tennis. Where merging
the two costs next to nothing, k-means, which knows of wholes and not of neighbours, has the casting vote.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mmembed.analysis.groups.measuring import Candidate, measure
from mmembed.analysis.groups.partition import k_means, weighted_centroids
from mmembed.analysis.groups.stability import adjusted_rand, mean_agreement

if TYPE_CHECKING:
    from mmembed.analysis.groups.partition import Table
    from mmembed.arrays import Positions

# Levels whose score is this share of the unmerged one's are as good, and so many of them are looked at.
_AS_GOOD = 0.9
_MOST_LEVELS = 6
# k-means is asked on so many rows at most, and starts this often: a poor optimum agrees with nobody.
_ASKED_ROWS = 1000
_STARTS = 8
# Two runs of k-means differ by this much.
_CASTING = 0.05
# Where it finds other groups whatever the level, such as among threads and rings, it has no vote.
_UNDERSTANDS = 0.8


def agreed(levels: list[Candidate]) -> Candidate:
    """Return the level that k-means clearly agrees with most, or the first where there is none."""
    agreement = np.array([np.nan_to_num(one.agreement) for one in levels])
    best = int(agreement.argmax())
    return levels[best if agreement[best] >= max(_UNDERSTANDS, agreement[0] + _CASTING) else 0]


def merged_communities(table: Table, found: Candidate) -> list[Candidate]:
    """Return communities and the levels that merge them and are as good, each with its agreement with k-means.

    The two whose rows are the most alike on average become one, in every resample as in the whole.

    Returns
    -------
    list of Candidate
        The given one first, then fewer and fewer clusters.
    """
    from scipy.cluster.hierarchy import linkage

    levels = [replace(found, agreement=_agreement(table, found.labels))]
    if found.n_clusters < 3:
        return levels
    everything = [(np.arange(len(table)), found.labels), *found.again]
    trees = []
    for rows, labels in everything:
        number = int(labels.max(initial=-1)) + 1
        centroids = weighted_centroids(table.rows[rows], table.counts[rows], labels, number).astype(np.float64)
        trees.append(linkage(centroids, "average") if number > 1 else np.empty((0, 4)))
    for n_clusters in range(found.n_clusters - 1, max(1, found.n_clusters - 1 - _MOST_LEVELS), -1):
        (_, labels), *again = (
            (rows, _cut(tree, labels, n_clusters)) for tree, (rows, labels) in zip(trees, everything, strict=True)
        )
        level = measure(
            table,
            found.method,
            labels,
            resolution=found.resolution,
            stability=mean_agreement(labels, again),
            again=again,
            is_compared=True,
        )
        # One that is worse may lie between two that are as good: where pieces of one thing are merged one by one.
        if level.score >= _AS_GOOD * found.score:
            levels.append(replace(level, agreement=_agreement(table, labels)))
    return levels


def _cut(tree: np.ndarray, labels: Positions, n_clusters: int) -> Positions:
    """Return the labels after merging down to a number of clusters; noise stays noise."""
    n_leaves = len(tree) + 1
    node = np.arange(n_leaves)
    for at, (one, other) in enumerate(tree[: max(0, n_leaves - n_clusters), :2].astype(int)):
        node[(node == one) | (node == other)] = n_leaves + at
    number = np.unique(node, return_inverse=True)[1]
    return np.where(labels < 0, -1, number[labels]).astype(np.int64)


def _agreement(table: Table, labels: Positions) -> float:
    """Return the adjusted Rand index with k-means of the same number, on a sample of the rows that are in a cluster."""
    inside = np.flatnonzero(labels >= 0)
    if len(inside) > _ASKED_ROWS:
        inside = np.sort(np.random.default_rng(table.seed).choice(inside, _ASKED_ROWS, replace=False))
    n_clusters = len(np.unique(labels[inside]))
    if n_clusters < 2:
        return float("nan")
    asked = k_means(table.reduced[inside], table.counts[inside], n_clusters, table.seed, starts=_STARTS)
    return adjusted_rand(labels[inside], asked)
