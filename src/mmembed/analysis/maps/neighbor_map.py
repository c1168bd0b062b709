"""A fitted UMAP map: the rows it was made of, where they lie, and where a new row goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from mmembed.analysis.graphs.graph_store import shared_graph
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.analysis.maps.fuzzy_set import fuzzy_set, memberships
from mmembed.analysis.maps.layout import lay_out, place_new, principal_start

if TYPE_CHECKING:
    from mmembed.analysis.graphs.neighbor_graph import NeighborGraph
    from mmembed.arrays import FloatMatrix

# umap-learn's default counts the row itself, too: local enough for groups, wide enough for their arrangement.
N_NEIGHBORS = 15


@dataclass(frozen=True, eq=False)
class NeighborMap:
    """A map by UMAP (McInnes et al. 2018), as an estimator that is fitted.

    Attributes
    ----------
    rows : numpy.ndarray, shape (u, d), float32
        The different rows of the fit.
    places : numpy.ndarray, shape (u, dimensions), float32
    graph : NeighborGraph, u rows
        What the map was made of.
    seed : int
    """

    rows: FloatMatrix = field(repr=False)
    places: FloatMatrix = field(repr=False)
    graph: NeighborGraph
    seed: int

    @classmethod
    def fit(cls, rows: FloatMatrix, source: FloatMatrix, *, dimensions: int, seed: int) -> NeighborMap:
        """Make a map of rows that are all different.

        Parameters
        ----------
        rows : numpy.ndarray, shape (u, d), float32
            Unit rows, at least 4.
        source : numpy.ndarray, shape (u, d), float32
            The same rows as the store of graphs knows them: with the lengths they came with.
        dimensions : int
        seed : int
        """
        graph = shared_graph(source, min(N_NEIGHBORS, len(rows)) - 1)
        places = lay_out(fuzzy_set(graph), principal_start(rows, dimensions), seed=seed)
        return cls(rows, places, graph, seed)

    def transform(self, rows: FloatMatrix) -> FloatMatrix:
        """Return where unit rows lie on the map, shape (m, dimensions); each depends on no other."""
        from scipy.sparse import csr_array

        k = min(N_NEIGHBORS, len(self.rows))
        queries_missing, missing = np.zeros(len(rows), dtype=bool), np.zeros(len(self.rows), dtype=bool)
        near, similarities = nearest_rows(rows, self.rows, k, queries_missing=queries_missing, missing=missing)
        belonging = memberships(np.maximum(1 - similarities, 0), nearest_is_sure=False)
        starts = np.arange(len(rows) + 1, dtype=np.int32) * k
        weights = csr_array((belonging.ravel(), near.ravel().astype(np.int32), starts), shape=(len(rows), len(missing)))
        seeds = np.array([_seed(row, self.seed) for row in rows], dtype=np.uint64)
        return place_new(weights, self.places, seeds=seeds)


def _seed(row: FloatMatrix, seed: int) -> int:
    """Return a number above 0 that follows from the row and the map's seed alone."""
    digest = blake2b((row + np.float32(0)).tobytes(), digest_size=8, salt=(seed % 2**64).to_bytes(8, "little"))
    return int.from_bytes(digest.digest(), "little") | 1
