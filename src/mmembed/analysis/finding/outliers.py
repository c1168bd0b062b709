"""How far each row lies from its neighbours, near and far ones, alone or with others of its like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import distinct_rows, unit_rows
from mmembed.analysis.graphs.graph import NeighborGraph, shared_graph
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.analysis.preparation import Preparation
from mmembed.arrays import BoolVector, FloatMatrix, FloatVector, Positions
from mmembed.errors import at_least_one
from mmembed.frames import Written, beside, index_of, with_columns
from mmembed.vectors import as_vector_array
from mmembed.vectors.rows import equal_row_groups, row_priorities

# A distance below this is rounding: a cosine is kept in float32.
_LEAST_DISTANCE = 1e-3

# benchmarks/finding.py: a row of so high a rank lies outside of a group of 60 that are foreign to a table and alike.
FAR, NEAR = 200, 10
_FARTHEST_SHARE = 4  # a quarter of the rows of a small table
_OF_ITS_LIKE = 5
# Of many rows, the distance is that to a neighbour of so high a rank in a sample, which is as far.
_SAMPLED_ROWS = 5_000
_LEAST_RANK = 5
# One row in ten is so far out by each of the measures: their logarithms are put to one scale there. Outliers by one
# measure and not by another do not set it, up to a tenth of the rows.
_FAR_OUT = 0.9
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Outliers:
    """How isolated each row is.

    Attributes
    ----------
    scores : numpy.ndarray, shape (n,), float32
        About 1: as near to others as rows of this table are; more: farther away. NaN without a vector.
    neighbors : numpy.ndarray of int, shape (n,)
        Position of the row nearest to each (ties: the first), for showing what an outlier is far from; -1 where there
        is none.
    similarities : numpy.ndarray, shape (n,), float32
        Cosine with it.
    k : int or None
        Neighbours of the local outlier factor; None where the score looks at near and far rows.
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
    # Rows whose vector others have, too; earlier versions did not keep them.
    is_repeated: BoolVector | None = field(default=None, repr=False)

    @property
    def closeness(self) -> FloatVector:
        """Cosine of each row with the nearest other one, 1 where one has its vector; NaN where there is no other."""
        if self.is_repeated is None:
            return self.similarities
        return np.where(self.is_repeated, np.float32(1), self.similarities)

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

    The score is the greatest one of three. The first is the distance to the two hundredth nearest row beside the
    table's median: rows that are foreign to a table are far from it, however many of their like are with them. The
    second is its geometric mean with the distances of the five nearest rows: where foreign rows have some of their
    like, those are foreign, too. The third is the local outlier factor of ten neighbours, the density around a row
    compared with that around its neighbours: it finds a row beside a dense group (Breunig et al., "LOF: Identifying
    Density-Based Local Outliers", SIGMOD 2000). The first and the second are raised to the power that makes one row in
    ten as far out as by the third. Distances are chords between unit vectors, √(2 − 2 cos). Rows with equal
    vectors are one place and have one score: repetition alone makes nothing normal.

    In tables of fewer than 800 different rows a quarter of them takes the place of the two hundred, at least ten. In
    tables of fewer than 21, half of the other rows takes the place of that, and of the ten neighbours: else an outlier
    would be a neighbour of every row. Of more than 5,000, the distance is to a row of high rank in a sample of so many.

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
    else:
        graph = shared_graph(distinct.rows, _near(len(distinct)))
        measures = _Measures.of(graph, _FarRows.of(distinct.rows).own_distances)
        found = _Balance.of(measures).scores(measures)
    scores[present] = found[distinct.groups]
    if len(distinct) > 1:
        nearest[present] = present[distinct.first[graph.indices[:, 0]]][distinct.groups]
        similarities[present] = graph.similarities[distinct.groups, 0]
    is_repeated = np.zeros(len(array), dtype=bool)
    is_repeated[present] = (distinct.counts > 1)[distinct.groups]
    return Outliers(scores, nearest, similarities, k, graph.method, graph.recall, index, is_repeated)


def nearest_cosines(vectors: Any, *, kinds: Any = None) -> FloatVector:
    """Return the cosine of each row with the nearest other one, as :attr:`Outliers.closeness`.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    kinds : array-like, shape (n,), optional
        As of :func:`find_outliers`.

    Examples
    --------
    >>> nearest_cosines(np.array([[1, 0], [1, 0], [0, 1]], dtype="float32")).tolist()
    [1.0, 1.0, 0.0]
    """
    array = as_vector_array(vectors)
    kinds = beside(kinds, index_of(vectors), argument="kinds")
    present = np.flatnonzero(~array.isna())
    found = np.full(len(array), np.nan, dtype=np.float32)
    if not len(present):
        return found
    distinct = distinct_rows(Preparation.learn(array, kinds).source(array, kinds))
    own = np.full(len(distinct), np.nan, dtype=np.float32)
    if len(distinct) > 1:
        own[:] = shared_graph(distinct.rows, _near(len(distinct))).similarities[:, 0]
    own[distinct.counts > 1] = 1
    found[present] = own[distinct.groups]
    return found


def _near(n_rows: int) -> int:
    """Return how many near rows are looked at: ten, or half of the other rows of a small table.

    Were it all of them, an outlier would be the farthest neighbour of every row, and all rows were as far out.
    """
    return min(NEAR, max(1, (n_rows - 1) // 2))


def check_neighbors(k: int | None) -> None:
    """Refuse a number of neighbours that is none.

    Raises
    ------
    ValueError
        If it is less than 1.
    """
    if k is not None:
        at_least_one("k", k, "looks at no neighbour", else_=", or leave it out")


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
    _scale: _Scale | None = field(repr=False)
    _far: _FarRows | None = field(default=None, repr=False)
    _balance: _Balance | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def learn(cls, rows: FloatMatrix, k: int | None) -> OutlierReference:
        """Find the neighbours of different rows among themselves."""
        if not len(rows):
            return cls(rows, np.empty(0), k, None)
        distinct = distinct_rows(rows)
        graph = shared_graph(distinct.rows, _near(len(distinct)) if k is None else min(int(k), len(distinct)), "exact")
        if k is not None:
            return cls(distinct.rows, _factors(graph), k, _Scale.of(graph))
        far = _FarRows.of(distinct.rows)
        measures = _Measures.of(graph, far.own_distances)
        balance = _Balance.of(measures)
        return cls(distinct.rows, balance.scores(measures), k, _Scale.of(graph), far, balance)

    def scores(self, rows: FloatMatrix) -> npt.NDArray[np.float64]:
        """Return the score of each of other rows, shape (m,): its own for a row that equals one of these."""
        if self._scale is None:
            return np.ones(len(rows))
        groups = equal_row_groups(np.concatenate([self.rows, rows]))
        own = np.full(int(groups.max()) + 1, -1, dtype=np.int64)
        own[groups[: len(self.rows)]] = np.arange(len(self.rows))
        own = own[groups[len(self.rows) :]]
        scores = self.own[own]
        scores[own < 0] = self._scores_of(rows[own < 0], self._scale)
        return scores

    def _scores_of(self, rows: FloatMatrix, scale: _Scale) -> npt.NDArray[np.float64]:
        nothing = np.zeros(len(rows), dtype=bool), np.zeros(len(self.rows), dtype=bool)
        wanted = min(scale.k, len(self.rows))
        found, cosines = nearest_rows(rows, self.rows, wanted, queries_missing=nothing[0], missing=nothing[1])
        graph = NeighborGraph(found.astype(np.int32), cosines)
        factors = scale.factors_of(graph)
        if self._far is None or self._balance is None:
            return factors
        far = self._far.distances(rows)
        return self._balance.scores(_Measures(far, _with_its_like(far, self._far.own_distances, graph), factors))


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


@dataclass(frozen=True, eq=False)
class _FarRows:
    """Rows of a table, all or a sample, and the rank of that one among them which rows are compared by.

    ``own_distances`` are those of the table's own rows.
    """

    units: FloatMatrix
    rank: int
    own_distances: npt.NDArray[np.float64]

    @classmethod
    def of(cls, rows: FloatMatrix) -> _FarRows:
        """Draw the sample from different rows by what they hold, so that their order does not matter."""
        rank = min(FAR, max(_near(len(rows)), len(rows) // _FARTHEST_SHARE))
        drawn = np.arange(len(rows))
        if len(rows) > _SAMPLED_ROWS:
            drawn = np.sort(np.argpartition(row_priorities(rows), _SAMPLED_ROWS)[:_SAMPLED_ROWS])
            rank = max(_LEAST_RANK, round(rank * _SAMPLED_ROWS / len(rows)))
        units = unit_rows(rows, drawn)
        places = np.full(len(rows), -1)
        places[drawn] = np.arange(len(drawn))
        return cls(units, rank, _distances(rows, units, rank, places))

    def distances(self, rows: FloatMatrix) -> npt.NDArray[np.float64]:
        """Return the distance of each of other rows to the one of this rank."""
        return _distances(rows, self.units, self.rank, np.full(len(rows), -1))


def _distances(rows: FloatMatrix, among: FloatMatrix, rank: int, own: Positions) -> npt.NDArray[np.float64]:
    """Return the distance of each row to one of a rank among unit rows, not counted what is its own place there."""
    found = np.ones(len(rows))
    for start in range(0, len(rows) if len(among) > 1 else 0, _ROWS_AT_ONCE):
        places = own[start : start + _ROWS_AT_ONCE]
        cosines = unit_rows(rows[start : start + _ROWS_AT_ONCE]) @ among.T
        inside = np.flatnonzero(places >= 0)
        cosines[inside, places[inside]] = -np.inf
        at = len(among) - min(rank, len(among) - 1)
        cosines.partition(at, axis=1)
        chosen = cosines[:, at].astype(np.float64)
        found[start : start + len(cosines)] = np.sqrt(np.maximum(2 - 2 * chosen, 0))
    return np.maximum(found, _LEAST_DISTANCE)


@dataclass(frozen=True, eq=False)
class _Measures:
    """How far rows are from their table, how far with their like, and how much less dense it is around them."""

    far: npt.NDArray[np.float64]
    far_with_its_like: npt.NDArray[np.float64]
    factors: npt.NDArray[np.float64]

    @classmethod
    def of(cls, graph: NeighborGraph, far: npt.NDArray[np.float64]) -> _Measures:
        return cls(far, _with_its_like(far, far, graph), _factors(graph.first(NEAR)))

    def logarithms(self) -> npt.NDArray[np.float64]:
        """Return the logarithms, shape (3, n)."""
        return np.log([self.far, self.far_with_its_like, self.factors])


@dataclass(frozen=True, eq=False)
class _Balance:
    """The medians of the logarithms of three measures, and what makes one row in ten as far out by each."""

    medians: npt.NDArray[np.float64]
    powers: npt.NDArray[np.float64]

    @classmethod
    def of(cls, measures: _Measures) -> _Balance:
        logarithms = measures.logarithms()
        medians = np.median(logarithms, axis=1, keepdims=True)
        spreads = np.quantile(logarithms, _FAR_OUT, axis=1)[:, None] - medians
        # Where rows do not differ by a measure, or are too few to tell, none is stretched.
        told = (spreads > _LEAST_DISTANCE) & (spreads[-1] > _LEAST_DISTANCE)
        return cls(medians, np.divide(spreads[-1], spreads, out=np.ones_like(spreads), where=told))

    def scores(self, measures: _Measures) -> npt.NDArray[np.float64]:
        """Return the greatest measure of each row, shape (n,)."""
        return np.asarray(np.exp(((measures.logarithms() - self.medians) * self.powers).max(axis=0)))


def _with_its_like(
    far: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64], graph: NeighborGraph
) -> npt.NDArray[np.float64]:
    """Return the geometric mean of each row's distance and those of its nearest rows."""
    nearest = graph.indices[:, :_OF_ITS_LIKE]
    known = nearest >= 0
    sums = np.where(known, np.log(theirs)[nearest], 0).sum(axis=1)
    own = np.log(far)
    return np.asarray(np.exp((own + np.where(known.any(axis=1), sums / np.maximum(known.sum(axis=1), 1), own)) / 2))


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
