"""How far each row lies from its neighbours, near and far ones, and how much farther than those lie from theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import distinct_rows
from mmembed.analysis.graphs.graph import FEWEST_NEIGHBORS, NeighborGraph, shared_graph
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.analysis.preparation import Preparation
from mmembed.arrays import FloatMatrix, FloatVector, Positions
from mmembed.errors import at_least_one
from mmembed.frames import Written, beside, index_of, with_columns
from mmembed.vectors import as_vector_array
from mmembed.vectors.rows import equal_row_groups, row_priorities

# A distance below this is rounding: a cosine is kept in float32.
_LEAST_DISTANCE = 1e-3

# benchmarks/finding.py: so many neighbours see a group of 60 rows that are foreign to a table and alike.
WIDE, NEAR = 100, 15
_WIDEST_SHARE = 4  # a quarter of the rows of a small table
_WEIGHT_OF_DENSITY = 0.5
# A graph of a hundred neighbours is made of no more rows than have an exact one in some seconds. Of more rows, the
# distance is that to a neighbour of so high a rank in a sample, which is as far.
_MOST_WIDE_ROWS = 20_000
_SAMPLED_ROWS = 5_000
_LEAST_RANK = 5


@dataclass(frozen=True, eq=False)
class Outliers:
    """How isolated each row is.

    Attributes
    ----------
    scores : numpy.ndarray, shape (n,), float32
        About 1: as near to others as rows of this table are. 1.5: half as far again. NaN without a vector.
    neighbors : numpy.ndarray of int, shape (n,)
        Position of the row nearest to each (ties: the first), for showing what an outlier is far from; -1 where there
        is none.
    similarities : numpy.ndarray, shape (n,), float32
        Cosine with it.
    k : int or None
        Neighbours of the local outlier factor; None where the score looks at near and far ones.
    method, recall : str, float
        How the graph was made, and its recall.
    """

    scores: FloatVector = field(repr=False)
    neighbors: Positions = field(repr=False)
    similarities: FloatVector = field(repr=False)
    k: int | None
    method: str = "exact"
    recall: float = 1.0
    # Labels of the rows, where the vectors were a Series; version 0.1 kept none.
    index: pd.Index | None = field(default=None, repr=False)

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
        owner = Written.by("outliers", name)
        return with_columns(df, {name: self.scores}, len(self), owner=owner, index=self.index)

    def __repr__(self) -> str:
        most = np.nanmax(self.scores) if (~np.isnan(self.scores)).any() else float("nan")
        graph = "" if self.method == "exact" else f", {self.method} graph with recall {self.recall:.3f}"
        return (
            f"Outliers(rows={len(self)}, k={self.k}, greatest score={most:.2f}{graph}); see .exemplars(), .add_to(df)"
        )


def find_outliers(vectors: Any, k: int | None = None, *, kinds: Any = None) -> Outliers:
    """Score how isolated each row is, alone or with some others of its like.

    The score is the greater one of two. The first is the local outlier factor of 15 neighbours: the density around a
    row compared with that around its neighbours, so that a row of a loose group is not blamed for the looseness of its
    group (Breunig et al., "LOF: Identifying Density-Based Local Outliers", SIGMOD 2000). The second finds rows that
    have some of their like in a foreign table and are dense among themselves: the distance to the hundredth nearest
    row, in units of the table's median, times the square root of the factor of these hundred. Distances are chords
    between unit vectors, √(2 − 2 cos). Rows with equal vectors are one place and have one score: repetition alone
    makes nothing normal.

    In tables of fewer than 400 different rows a quarter of them takes the place of the hundred. Of more than 20,000,
    the distance is to a row of high rank in a sample of 5,000, and its factor that of 30 neighbours.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    k : int, optional
        With it the score is the local outlier factor of so many neighbours alone. Then a group of more than k foreign
        rows is normal, and of fewer it may be.
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
    check_neighbors(k)
    array, index = as_vector_array(vectors), index_of(vectors)
    kinds = beside(kinds, index, argument="kinds")
    present = np.flatnonzero(~array.isna())
    scores = np.full(len(array), np.nan, dtype=np.float32)
    nearest = np.full(len(array), -1, dtype=np.int64)
    similarities = np.full(len(array), np.nan, dtype=np.float32)
    if not len(present):
        return Outliers(scores, nearest, similarities, k, index=index)
    distinct = distinct_rows(Preparation.learn(array, kinds).source(array, kinds))
    if k is not None:
        graph = shared_graph(distinct.rows, min(int(k), len(distinct)))
        found = _factors(graph)
    elif len(distinct) <= _MOST_WIDE_ROWS:
        graph = shared_graph(distinct.rows, wide_neighbors(len(distinct)))
        found = np.maximum(_factors(graph.first(NEAR)), _wide_scores(_factors(graph), _chords(graph)[1]))
    else:
        graph = shared_graph(distinct.rows, FEWEST_NEIGHBORS)
        wide = _wide_scores(_factors(graph), _distances_in_sample(distinct.rows))
        found = np.maximum(_factors(graph.first(NEAR)), wide)
    scores[present] = found[distinct.groups]
    if len(distinct) > 1:
        nearest[present] = present[distinct.first[graph.indices[:, 0]]][distinct.groups]
        similarities[present] = graph.similarities[distinct.groups, 0]
    return Outliers(scores, nearest, similarities, k, graph.method, graph.recall, index)


def check_neighbors(k: int | None) -> None:
    """Refuse a number of neighbours that is none.

    Raises
    ------
    ValueError
        If it is less than 1.
    """
    if k is not None:
        at_least_one("k", k, "looks at no neighbour", else_=", or leave it out")


def wide_neighbors(n_rows: int) -> int:
    """Return how many neighbours are looked at where no number was given."""
    return min(WIDE, max(NEAR, n_rows // _WIDEST_SHARE))


@dataclass(frozen=True, eq=False)
class OutlierReference:
    """Rows that others are compared with, and how dense it is around them.

    Attributes
    ----------
    rows : numpy.ndarray, shape (u, d), float32
        Different rows.
    own : numpy.ndarray, shape (u,)
        The scores of these rows themselves.
    k : int or None
        As of :class:`Outliers`.
    """

    rows: FloatMatrix = field(repr=False)
    own: npt.NDArray[np.float64] = field(repr=False)
    k: int | None
    _scales: tuple[_Scale, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def learn(cls, rows: FloatMatrix, k: int | None) -> OutlierReference:
        """Find the neighbours of different rows among themselves."""
        if not len(rows):
            return cls(rows, np.empty(0), k, ())
        distinct = distinct_rows(rows)
        counts = (min(int(k), len(distinct)),) if k is not None else (NEAR, wide_neighbors(len(distinct)))
        graph = shared_graph(distinct.rows, counts[-1], "exact")
        own = _factors(graph.first(counts[0]))
        if k is None:
            own = np.maximum(own, _wide_scores(_factors(graph), _chords(graph)[1]))
        return cls(distinct.rows, own, k, tuple(_Scale.of(graph.first(count)) for count in counts))

    def scores(self, rows: FloatMatrix) -> npt.NDArray[np.float64]:
        """Return the score of each of other rows, shape (m,): its own for a row that equals one of these."""
        if not len(self.rows):
            return np.ones(len(rows))
        groups = equal_row_groups(np.concatenate([self.rows, rows]))
        own = np.full(int(groups.max()) + 1, -1, dtype=np.int64)
        own[groups[: len(self.rows)]] = np.arange(len(self.rows))
        own = own[groups[len(self.rows) :]]
        scores = self.own[own]
        scores[own < 0] = self._scores_of(rows[own < 0])
        return scores

    def _scores_of(self, rows: FloatMatrix) -> npt.NDArray[np.float64]:
        nothing = np.zeros(len(rows), dtype=bool), np.zeros(len(self.rows), dtype=bool)
        wanted = min(self._scales[-1].k, len(self.rows))
        found, cosines = nearest_rows(rows, self.rows, wanted, queries_missing=nothing[0], missing=nothing[1])
        graph = NeighborGraph(found.astype(np.int32), cosines)
        scores = self._scales[0].factors_of(graph)
        if self.k is None:
            last = self._scales[-1]
            usual = float(np.median(last.farthest))
            scores = np.maximum(scores, _wide_scores(last.factors_of(graph), _chords(graph)[1], usual))
        return scores


@dataclass(frozen=True, eq=False)
class _Scale:
    """How far the k nearest ones of each row of a reference are, and how dense it is there."""

    k: int
    farthest: npt.NDArray[np.float64]
    density: npt.NDArray[np.float64]

    @classmethod
    def of(cls, graph: NeighborGraph) -> _Scale:
        farthest = _chords(graph)[1]
        return cls(graph.k, farthest, _densities(graph, farthest))

    def factors_of(self, graph: NeighborGraph) -> npt.NDArray[np.float64]:
        """Return the local outlier factors of other rows, by their neighbours in the reference."""
        found = graph.first(min(self.k, graph.k))
        reach = np.maximum(_chords(found)[0], self.farthest[found.indices])
        density = found.k / np.maximum(reach.sum(axis=1), _LEAST_DISTANCE)
        return np.asarray(self.density[found.indices].mean(axis=1) / density)


def _wide_scores(
    factors: npt.NDArray[np.float64], distances: npt.NDArray[np.float64], usual: float | None = None
) -> npt.NDArray[np.float64]:
    """Put together how far rows lie from others, in units of what is usual, and how much farther than those do."""
    usual = float(np.median(distances)) if usual is None else usual
    return np.asarray(distances / usual * factors**_WEIGHT_OF_DENSITY)


def _distances_in_sample(rows: FloatMatrix) -> npt.NDArray[np.float64]:
    """Return the distance of each of many different rows to one of high rank among those of a sample."""
    numbers = row_priorities(rows)
    drawn = np.sort(np.argpartition(numbers, _SAMPLED_ROWS)[:_SAMPLED_ROWS])
    rank = max(_LEAST_RANK, round(WIDE * _SAMPLED_ROWS / len(rows)))
    nothing = np.zeros(len(rows), dtype=bool)
    _, cosines = nearest_rows(rows, rows[drawn], rank + 1, queries_missing=nothing, missing=nothing[: len(drawn)])
    chosen = cosines[:, rank - 1].astype(np.float64)
    chosen[drawn] = cosines[drawn, rank]  # a row of the sample is its own nearest
    return np.asarray(np.maximum(np.sqrt(np.maximum(2 - 2 * chosen, 0)), _LEAST_DISTANCE))


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
