"""How far each row lies from its neighbours, compared with how far those lie from theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import distinct_rows
from mmembed.analysis.graphs.graph import NeighborGraph, shared_graph
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.analysis.preparation import Preparation
from mmembed.arrays import FloatMatrix, FloatVector, Positions
from mmembed.frames import with_columns
from mmembed.vectors import as_vector_array
from mmembed.vectors.rows import equal_row_groups

# A distance below this is rounding: a cosine is kept in float32.
_LEAST_DISTANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Outliers:
    """The local outlier factor of each row.

    Attributes
    ----------
    scores : numpy.ndarray, shape (n,), float32
        About 1: as near to its neighbours as they are to theirs. 1.5: half as far again as they. NaN without a vector.
    neighbors : numpy.ndarray of int, shape (n,)
        Position of the row nearest to each (ties: the first), for showing what an outlier is far from; -1 where there
        is none.
    similarities : numpy.ndarray, shape (n,), float32
        Cosine with it.
    k : int
        Neighbours that the score looks at.
    method, recall : str, float
        How the graph was made, and its recall.
    """

    scores: FloatVector = field(repr=False)
    neighbors: Positions = field(repr=False)
    similarities: FloatVector = field(repr=False)
    k: int
    method: str = "exact"
    recall: float = 1.0

    def __len__(self) -> int:
        return len(self.scores)

    def exemplars(self, n: int = 5) -> pd.DataFrame:
        """Return the n most outlying rows.

        Returns
        -------
        pandas.DataFrame
            ``position``, ``score``, the position of its ``nearest`` row and the ``similarity`` with it, worst first.
        """
        scored = np.flatnonzero(~np.isnan(self.scores))
        worst = scored[np.argsort(-self.scores[scored], kind="stable")][:n]
        return pd.DataFrame(
            {
                "position": worst,
                "score": self.scores[worst],
                "nearest": self.neighbors[worst],
                "similarity": self.similarities[worst],
            }
        )

    def add_to(self, df: pd.DataFrame, *, name: str = "outlier_score") -> pd.DataFrame:
        """Return a copy with ``outlier_score``; NaN for rows without a vector."""
        return with_columns(df, {name: self.scores}, len(self))

    def __repr__(self) -> str:
        most = np.nanmax(self.scores) if (~np.isnan(self.scores)).any() else float("nan")
        graph = "" if self.method == "exact" else f", {self.method} graph with recall {self.recall:.3f}"
        return (
            f"Outliers(rows={len(self)}, k={self.k}, greatest score={most:.2f}{graph}); see .exemplars(), .add_to(df)"
        )


def find_outliers(vectors: Any, k: int = 15, *, kinds: Any = None) -> Outliers:
    """Score how isolated each row is: the local outlier factor on the shared neighbour graph.

    The factor compares the density around a row with that around its k nearest neighbours (Breunig et al., "LOF:
    Identifying Density-Based Local Outliers", SIGMOD 2000), so that a row of a loose group is not blamed for the
    looseness of its group. The distance is the chord between unit vectors, √(2 − 2 cos). Rows with equal vectors are
    one place and have one score: repetition alone makes nothing normal.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    k : int
        Neighbours to look at, at least 1. Fewer see smaller groups; a group of k rows or fewer may count as outliers.
    kinds : array-like, shape (n,), optional
        The kind of content of each row's vector; each kind's mean is removed first.

    Returns
    -------
    Outliers

    Examples
    --------
    >>> import numpy as np
    >>> angles = np.array([0, 0.01, 0.02, 0.03, 1.5])
    >>> vectors = np.column_stack([np.cos(angles), np.sin(angles)]).astype("float32")
    >>> int(find_outliers(vectors, k=2).scores.argmax())
    4
    """
    if k < 1:
        raise ValueError(f"k={k} looks at no neighbour. Give a k of at least 1.")
    array = as_vector_array(vectors)
    present = np.flatnonzero(~array.isna())
    scores = np.full(len(array), np.nan, dtype=np.float32)
    nearest = np.full(len(array), -1, dtype=np.int64)
    similarities = np.full(len(array), np.nan, dtype=np.float32)
    if not len(present):
        return Outliers(scores, nearest, similarities, k)
    distinct = distinct_rows(Preparation.learn(array, kinds).source(array, kinds))
    graph = shared_graph(distinct.rows, k)
    scores[present] = _factors(graph)[distinct.groups]
    if len(distinct) > 1:
        nearest[present] = present[distinct.first[graph.indices[:, 0]]][distinct.groups]
        similarities[present] = graph.similarities[distinct.groups, 0]
    return Outliers(scores, nearest, similarities, k, graph.method, graph.recall)


@dataclass(frozen=True, eq=False)
class OutlierReference:
    """Rows that others are compared with, and how dense it is around them.

    Attributes
    ----------
    rows : numpy.ndarray, shape (u, d), float32
        Different rows.
    factors : numpy.ndarray, shape (u,)
        The local outlier factors of these rows themselves.
    k : int
        Neighbours that the score looks at.
    """

    rows: FloatMatrix = field(repr=False)
    factors: npt.NDArray[np.float64] = field(repr=False)
    k: int
    _farthest: npt.NDArray[np.float64] = field(repr=False)
    _density: npt.NDArray[np.float64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def learn(cls, rows: FloatMatrix, k: int) -> OutlierReference:
        """Find the neighbours of different rows among themselves."""
        if not len(rows):
            none = np.empty(0)
            return cls(rows, none, k, none, none)
        distinct = distinct_rows(rows)
        graph = shared_graph(distinct.rows, k, "exact")
        farthest = _chords(graph)[1]
        return cls(distinct.rows, _factors(graph), k, farthest, _densities(graph, farthest))

    def scores(self, rows: FloatMatrix) -> npt.NDArray[np.float64]:
        """Return the factor of each of other rows, shape (m,): its own for a row that equals one of these."""
        if not len(self.rows):
            return np.ones(len(rows))
        groups = equal_row_groups(np.concatenate([self.rows, rows]))
        own = np.full(int(groups.max()) + 1, -1, dtype=np.int64)
        own[groups[: len(self.rows)]] = np.arange(len(self.rows))
        own = own[groups[len(self.rows) :]]
        scores = self.factors[own]
        scores[own < 0] = self._factors_of(rows[own < 0])
        return scores

    def _factors_of(self, rows: FloatMatrix) -> npt.NDArray[np.float64]:
        nothing = np.zeros(len(rows), dtype=bool), np.zeros(len(self.rows), dtype=bool)
        wanted = min(self.k, len(self.rows))
        found, cosines = nearest_rows(rows, self.rows, wanted, queries_missing=nothing[0], missing=nothing[1])
        graph = NeighborGraph(found.astype(np.int32), cosines)
        reach = np.maximum(_chords(graph)[0], self._farthest[found])
        density = wanted / np.maximum(reach.sum(axis=1), _LEAST_DISTANCE)
        return np.asarray(self._density[found].mean(axis=1) / density)


def _factors(graph: NeighborGraph) -> npt.NDArray[np.float64]:
    """Return the local outlier factor of each row; 1 where there is nothing to compare with."""
    known = graph.indices >= 0
    if not known.any():
        return np.ones(len(graph))
    density = _densities(graph, _chords(graph)[1])
    others = np.where(known, graph.indices, 0)
    counts = np.maximum(known.sum(axis=1), 1)
    return np.asarray(np.where(known, density[others], 0).sum(axis=1) / counts / density)


def _chords(graph: NeighborGraph) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the distance of each row to each neighbour, and to the farthest of them."""
    known = graph.indices >= 0
    chords = np.sqrt(np.maximum(2 - 2 * np.where(known, graph.similarities, 1).astype(np.float64), 0))
    chords = np.maximum(chords, _LEAST_DISTANCE)
    return chords, chords[np.arange(len(graph)), np.maximum(known.sum(axis=1), 1) - 1]


def _densities(graph: NeighborGraph, farthest: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return one over the mean reachability distance of each row to its neighbours."""
    known = graph.indices >= 0
    reach = np.where(known, np.maximum(_chords(graph)[0], farthest[np.where(known, graph.indices, 0)]), 0)
    return np.asarray(np.maximum(known.sum(axis=1), 1) / np.maximum(reach.sum(axis=1), _LEAST_DISTANCE))
