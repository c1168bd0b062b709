"""Clusters at other levels: which would be merged first, and what each would fall into."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmembed.analysis.clusters.methods import k_means, weighted_centroids
from mmembed.analysis.clusters.tree import cut

if TYPE_CHECKING:
    from mmembed.analysis.clusters.points import Points
    from mmembed.analysis.clusters.tree import CommunityTree
    from mmembed.arrays import Positions

# Parts that a cluster can fall into at most, and how many different rows a part has at least.
_MOST_PARTS = 8
_FEWEST_ROWS = 8
# Parts within a cluster have no sharp borders that more starts would find.
_STARTS = 2
# Rows whose ties to all leaves are held at once.
_ROWS_AT_ONCE = 1 << 12


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """A tree whose leaves are parts of clusters.

    Attributes
    ----------
    leaves : numpy.ndarray of int, shape (n,)
        Leaf of each row; -1 is noise, -2 a row without a vector.
    merges : numpy.ndarray of int, shape (leaves - 1, 2)
        Which two nodes become one, first merges first; nodes are numbered on from the leaves.
    n_clusters : int
        The level of the fit.
    levels : tuple of int
        The numbers of clusters that stand by themselves, from few to many; nothing where only the fit is known.
    """

    leaves: Positions = field(repr=False)
    merges: Positions = field(repr=False)
    n_clusters: int
    levels: tuple[int, ...] = ()

    @property
    def n_leaves(self) -> int:
        """The most clusters that a cut can give."""
        return int(self.leaves.max(initial=-1)) + 1

    def cut(self, n_clusters: int) -> pd.api.extensions.ExtensionArray:
        """Return the labels of ``n_clusters`` clusters, numbered by size; noise stays noise.

        Fewer than the fit merges its clusters, more splits them, and a cut at its number is the fit.

        Raises
        ------
        ValueError
            If there are no such levels.
        """
        if not 1 <= n_clusters <= max(1, self.n_leaves):
            raise ValueError(f"n_clusters={n_clusters} is no level of this tree. Give 1 to {max(1, self.n_leaves)}.")
        node = cut(self.merges, n_clusters)
        inside = self.leaves >= 0
        labels = self.leaves.copy()
        labels[inside] = numbered_by_size(node[self.leaves[inside]])[0]
        return pd.arrays.IntegerArray(np.where(labels == -2, 0, labels), labels == -2)


def grow(table: Points, labels: Positions) -> tuple[Positions, Positions]:
    """Return the leaf of each distinct row (-1 is noise), and the merges.

    Each cluster is parted by k-means; parts merge by the average distance of their centroids, and then clusters by
    Ward's criterion, which does not chain them into one.
    """
    from scipy.cluster.hierarchy import linkage

    leaves = np.full(len(labels), -1, dtype=np.int64)
    members: list[list[int]] = []
    n_leaves = 0
    for label in range(int(labels.max(initial=-1)) + 1):
        rows = np.flatnonzero(labels == label)
        parts = int(min(_MOST_PARTS, len(rows) // _FEWEST_ROWS))
        inside = np.zeros(len(rows), dtype=np.int64)
        if parts > 1:
            inside = k_means(table.reduced[rows], table.counts[rows], parts, table.seed, starts=_STARTS)
            inside = np.unique(inside, return_inverse=True)[1]
        leaves[rows] = inside + n_leaves
        members.append(list(range(n_leaves, n_leaves + int(inside.max()) + 1)))
        n_leaves += len(members[-1])
    centroids = weighted_centroids(table.rows, table.counts, leaves, n_leaves)
    below = [(linkage(centroids[nodes].astype(np.float64), "average"), nodes) for nodes in members if len(nodes) > 1]
    tops = {number: nodes[0] for number, nodes in enumerate(members)}
    merges: list[tuple[int, int]] = []
    # Parts merge in order of distance, whatever cluster they are of; average linkage never merges nearer later.
    waiting = sorted((steps[at, 2], number, at) for number, (steps, _) in enumerate(below) for at in range(len(steps)))
    names = [list(nodes) for _, nodes in below]
    for _, number, at in waiting:
        one, other = below[number][0][at, :2].astype(int)
        merges.append((names[number][one], names[number][other]))
        names[number].append(n_leaves + len(merges) - 1)
    many = [number for number, nodes in enumerate(members) if len(nodes) > 1]
    tops |= {number: names[at][-1] for at, number in enumerate(many)}
    # All parts of all clusters come before any two clusters, so that a cut at their number is the fit.
    if len(members) > 1:
        above = [tops[number] for number in range(len(members))]
        whole = weighted_centroids(table.rows, table.counts, labels, len(members)).astype(np.float64)
        for one, other in linkage(whole, "ward")[:, :2].astype(int):
            merges.append((above[one], above[other]))
            above.append(n_leaves + len(merges) - 1)
    return leaves, np.array(merges, dtype=np.int64).reshape(-1, 2)


def grow_from_communities(
    table: Points, tree: CommunityTree, n_communities: int, labels: Positions
) -> tuple[Positions, Positions]:
    """Return the leaf of each distinct row and the merges of a tree whose cut at so many communities is these labels.

    A row that settled in another community than its leaf is of goes to the leaf there that it is most closely tied to;
    leaves without rows are gone.
    """
    from scipy import sparse

    number = int(labels.max(initial=-1)) + 1
    community = tree.cut(n_communities)
    inside = labels >= 0
    shared = np.zeros((n_communities, max(1, number)), dtype=np.int64)
    np.add.at(shared, (community[tree.leaves[inside]], labels[inside]), table.counts[inside])
    label_of_leaf = shared.argmax(axis=1)[community]
    leaves = np.where(inside, tree.leaves, -1)
    moved = np.flatnonzero(inside & (label_of_leaf[tree.leaves] != labels))
    if len(moved):
        member = sparse.csr_matrix((np.ones(len(labels)), (np.arange(len(labels)), tree.leaves)))
        for start in range(0, len(moved), _ROWS_AT_ONCE):
            some = moved[start : start + _ROWS_AT_ONCE]
            ties = (table.weights[some] @ member).toarray()
            leaves[some] = np.where(label_of_leaf == labels[some][:, np.newaxis], ties, -1).argmax(axis=1)
    return _drop_empty(leaves, tree.merges, tree.n_leaves)


def _drop_empty(leaves: Positions, merges: Positions, n_leaves: int) -> tuple[Positions, Positions]:
    there = np.unique(leaves[leaves >= 0])
    name = np.full(n_leaves + len(merges), -1, dtype=np.int64)
    name[there] = np.arange(len(there))
    kept: list[tuple[int, int]] = []
    for at, (one, other) in enumerate(merges):
        if name[one] >= 0 and name[other] >= 0:
            kept.append((int(name[one]), int(name[other])))
            name[n_leaves + at] = len(there) + len(kept) - 1
        else:
            name[n_leaves + at] = max(name[one], name[other])
    return np.where(leaves < 0, leaves, name[leaves]), np.array(kept, dtype=np.int64).reshape(-1, 2)


def numbered_by_size(raw: Positions) -> tuple[Positions, dict[int, int]]:
    """Return labels that run from 0 for the largest, ties by first row, and the number of each raw label; -1 stays."""
    values, first, inverse, counts = np.unique(raw, return_index=True, return_inverse=True, return_counts=True)
    inside = np.flatnonzero(values >= 0)
    order = inside[np.lexsort((first[inside], -counts[inside]))]
    number = np.full(len(values), -1, dtype=np.int64)
    number[order] = np.arange(len(order))
    return number[inverse], {int(values[at]): place for place, at in enumerate(order)}
