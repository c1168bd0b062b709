"""The distinct rows to group, and what all methods need of them, made once: rows, weights, neighbours, ties."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.clusters.methods import (
    MANY_ROWS,
    k_means,
    neighbor_ties,
    neighbors_for,
    neighbors_read,
    weighted_centroids,
)
from mmembed.analysis.clusters.null_model import NullModel
from mmembed.analysis.graphs.graph import shared_graph
from mmembed.analysis.preparation import principal_components
from mmembed.analysis.steady_order import steady_order

if TYPE_CHECKING:
    from mmembed.analysis.cosines import DistinctDirections
    from mmembed.analysis.graphs.graph import NeighborGraph
    from mmembed.arrays import FloatMatrix, Positions


_MOST_ROUNDS = 30

# Rows that are compared with centroids at once.
_ROWS_AT_ONCE = 1 << 14

# Heavy tails reach twice the distance of their neighbours; few rows of any group are farther out than this.
_ISOLATED = 2.5


@dataclass(frozen=True, eq=False)
class Points:
    """What is grouped: distinct prepared rows, and what is made of them once for all methods."""

    distinct: DistinctDirections
    seed: int

    def __len__(self) -> int:
        return len(self.distinct)

    @property
    def rows(self) -> FloatMatrix:
        """The distinct unit rows, shape (u, d)."""
        return self.distinct.rows

    @property
    def counts(self) -> Positions:
        """How often each occurs."""
        return self.distinct.counts

    @cached_property
    def order(self) -> Positions:
        """An order of the rows for random draws; see :func:`steady_order`."""
        return steady_order(self.rows)

    @cached_property
    def reduced(self) -> FloatMatrix:
        """The rows as at most 50 principal components."""
        return principal_components(self.rows)

    @cached_property
    def graph(self) -> NeighborGraph:
        """The column's shared graph, of the neighbours that rows are tied to."""
        return self._wider_graph.first(neighbors_for(len(self)))

    @cached_property
    def _wider_graph(self) -> NeighborGraph:
        return shared_graph(self.distinct.source, neighbors_read(len(self)))

    @cached_property
    def weights(self) -> Any:
        """The sparse matrix of how closely neighbours are tied."""
        ties = neighbor_ties(self._wider_graph, neighbors_for(len(self)))
        if len(self) > MANY_ROWS:
            from mmembed.analysis.freed_memory import give_back

            give_back()
        return ties

    @cached_property
    def clouds(self) -> NullModel:
        """Structureless clouds of the same shape, parted."""
        return NullModel.like(self.rows, self.seed, self.weights, order=self.order)

    @cached_property
    def neighbor_distances(self) -> npt.NDArray[np.float64]:
        """The mean distance of each row from its neighbours."""
        graph = self.graph
        cosines = np.where(graph.indices >= 0, graph.similarities, 1)
        return np.asarray(np.sqrt(np.maximum(2 - 2 * cosines.astype(np.float64), 0)).mean(axis=1))

    @cached_property
    def is_isolated(self) -> npt.NDArray[np.bool_]:
        """Which rows are this much farther from their neighbours than those are from theirs: outliers of any group."""
        distances = self.neighbor_distances
        theirs = distances[np.maximum(self.graph.indices, 0)].mean(axis=1)
        # Below this, differences are rounding.
        return np.asarray(distances > np.maximum(_ISOLATED * theirs, 1e-3))


def spherical_k_means(table: Points, n_clusters: int) -> Positions:
    """Group by k-means on directions (Dhillon and Modha 2001): every row is with the centroid of greatest cosine.

    k-means on principal components, which is fast, gives the start.
    """
    labels = k_means(table.reduced, table.counts, n_clusters, table.seed)
    for _ in range(_MOST_ROUNDS):
        centroids = weighted_centroids(table.rows, table.counts, labels, n_clusters)
        moved = most_alike(table.rows, centroids)
        # A row that is as near to its own centroid stays; an emptied cluster would be one fewer than was asked for.
        if (moved == labels).all() or len(np.unique(moved)) < n_clusters:
            break
        labels = moved
    return labels


def most_alike(rows: FloatMatrix, centroids: FloatMatrix) -> Positions:
    """Return for each row the centroid with the greatest product, shape (u,); in blocks of rows."""
    found = np.empty(len(rows), dtype=np.int64)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        (rows[start : start + _ROWS_AT_ONCE] @ centroids.T).argmax(axis=1, out=found[start : start + _ROWS_AT_ONCE])
    return found


def with_noise(table: Points, labels: Positions, fewest: int) -> Positions:
    """Return labels from 0 without a gap; isolated rows and clusters of fewer than ``fewest`` rows are noise.

    A vector that occurs ``fewest`` times is not isolated.
    """
    counts = table.counts
    labels = np.where(table.is_isolated & (counts < fewest), -1, labels)
    # Noise is the last place, so that there is one also where all rows are noise.
    sizes = np.bincount(labels + 1, counts, minlength=1)[1:]
    is_kept = np.append(sizes >= fewest, False)
    number = np.cumsum(is_kept) - 1
    return np.where(is_kept[labels], number[labels], -1).astype(np.int64)
