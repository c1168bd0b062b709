"""The one graph of nearest neighbours that search, duplicates, outliers, clusters, maps and votes of a column share.

The first product that needs it computes it, exactly or approximately with a measured recall. Graphs are kept by the
fingerprint of the rows, so they belong to the values and not to a frame; the least recently used ones are forgotten
when there are more than fit. A graph is made of distinct rows; repetitions of a row are each other's neighbours.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosines import (
    ChosenRows,
    DistinctPlaces,
    distinct_places,
    lengths_of,
    pair_cosines,
    rows_where,
    unit_rows,
)
from mmembed.analysis.graphs.approximate import approximate_neighbors, neighbors_in_cells
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.analysis.graphs.recall import Sample
from mmembed.arrays import FloatVector, Positions, places_for
from mmembed.errors import at_least_one, one_of
from mmembed.vectors import as_vector_array

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix


def neighbors(vectors: Any, k: int = 15, *, method: GraphMethod = "auto") -> NeighborGraph:
    """Find the k nearest other rows of each row by cosine similarity.

    A row is never its own neighbour, but another row with the same vector is. Up to 20,000 different rows the graph is
    exact, by a product of all pairs in blocks: memory grows with ``n * k``, time with ``n * n * d``. With more rows it
    may be approximate; the result then says so, with a recall that was measured on a sample. Duplicates, outliers,
    clusters and maps of the same column find the graph ready, and so does a second call.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
        A Series, a ``VectorArray`` or a 2-D array.
    k : int
        Neighbours of each row, at least 1; places without a row are -1, and there are no more than rows, or 1,000.
    method : {"auto", "exact", "approximate"}
        ``"exact"`` whatever the number of rows; ``"approximate"`` from a few hundred rows on.

    Returns
    -------
    NeighborGraph

    Examples
    --------
    >>> import numpy as np
    >>> neighbors(np.array([[1, 0], [0, 1], [1, 1], [1, 0]], dtype="float32"), k=2).indices.tolist()
    [[3, 2], [2, 0], [0, 1], [0, 2]]
    """
    array = as_vector_array(vectors)
    k = places_for(at_least_one("k", k, "asks for no neighbour"), len(array))
    present = np.flatnonzero(~array.isna())
    indices = np.full((len(array), k), -1, dtype=np.int32)
    similarities = np.full((len(array), k), np.nan, dtype=np.float32)
    if not len(present):
        return NeighborGraph(indices, similarities)
    given = rows_where(array.matrix, ~array.isna())
    places = distinct_places(given)
    rows = ChosenRows(given, places.first)
    graph = shared_graph(rows, k + 1, check_graph_method(method))
    found, similarities[present] = expand_graph(graph, rows, places, k)
    indices[present] = np.where(found >= 0, present[found], -1)
    return NeighborGraph(indices, similarities, graph.method, graph.recall)


@dataclass(frozen=True, eq=False)
class NeighborGraph:
    """The k nearest other rows of each row.

    Attributes
    ----------
    indices : numpy.ndarray, shape (n, k), int32
        Positions of the neighbours, nearest first, ties in row order; -1 where there are fewer than k other rows, and
        in the whole of a row without a vector.
    similarities : numpy.ndarray, shape (n, k), float32
        Their cosines; NaN where the index is -1.
    method : str
        ``"exact"``, or the name of the approximation.
    recall : float
        Share of the true neighbours that are in the graph: 1 for the exact method, else measured on a sample of rows.
    """

    indices: npt.NDArray[np.int32] = field(repr=False)
    similarities: npt.NDArray[np.float32] = field(repr=False)
    method: str = "exact"
    recall: float = 1.0

    @property
    def k(self) -> int:
        """How many neighbours were asked for."""
        return int(self.indices.shape[1])

    def first(self, k: int) -> NeighborGraph:
        """Return the graph of the k nearest of these neighbours, without a copy."""
        return NeighborGraph(self.indices[:, :k], self.similarities[:, :k], self.method, self.recall)

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        how = "exact" if self.method == "exact" else f"{self.method}, recall={self.recall:.3f}"
        return f"NeighborGraph(rows={len(self)}, k={self.k}, {how}); see .indices and .similarities"


# Finding 30 neighbours costs hardly more than finding 5, and lets products that want different numbers share a graph.
FEWEST_NEIGHBORS = 30

_MOST_BYTES = 400_000_000  # a million rows with 31 neighbours are 250 MB

_HASHED_AT_ONCE = 1 << 26


def shared_graph(rows: FloatMatrix | ChosenRows, k: int = 15, method: GraphMethod = "auto") -> NeighborGraph:
    """Return the k nearest other rows of each row by cosine similarity, computed once for the same rows.

    Parameters
    ----------
    rows : numpy.ndarray or ChosenRows, shape (u, d), float32
        Different rows without missing ones, as :func:`mmembed.analysis.cosines.distinct_rows` gives them. Their
        lengths do not matter. Products that are to share a graph must give the same rows in the same order. Chosen rows
        are copied only for an exact graph, where there is none yet.
    k : int
        Neighbours of each row; places that no other row fills are -1.
    method : {"auto", "exact", "approximate"}
        As in :func:`mmembed.analysis.graphs.graph.compute_graph`. A graph that is ready and exact serves all
        three.

    Returns
    -------
    NeighborGraph
        Its arrays are shared, and so read-only.
    """
    return _STORE.graph(rows, k, method)


def has_graph(vectors: Any) -> bool:
    """Tell whether the neighbours of a vector column's rows have been computed in this process and are still kept."""
    array = as_vector_array(vectors)
    given = rows_where(array.matrix, ~array.isna())
    return bool(len(given)) and _STORE.has(ChosenRows(given, distinct_places(given).first))


def fingerprint(rows: FloatMatrix | ChosenRows) -> bytes:
    """Return 20 bytes that are the same for equal matrices, and differ otherwise but for a chance of 1 in 2^80."""
    (n_rows, n_columns), item = rows.shape, rows.dtype.itemsize
    size = n_rows * n_columns * item

    def part(start: int) -> bytes:
        """Hash the bytes from here on; the ends of a part may lie within a row."""
        stop, row_bytes = min(start + _HASHED_AT_ONCE, size), n_columns * item
        first = start // row_bytes
        some = np.ascontiguousarray(rows[first : -(-stop // row_bytes)]).reshape(-1).view(np.uint8)
        return blake2b(some[start - first * row_bytes : stop - first * row_bytes].data, digest_size=20).digest()

    digest = blake2b(f"{rows.shape} {rows.dtype.str}".encode(), digest_size=20)
    with ThreadPoolExecutor(max_workers=4) as pool:  # hashing leaves the interpreter to others
        for found in pool.map(part, range(0, size, _HASHED_AT_ONCE)):
            digest.update(found)
    return digest.digest()


class _GraphStore:
    def __init__(
        self, most_bytes: int, compute: Callable[[FloatMatrix | ChosenRows, int, GraphMethod], NeighborGraph]
    ) -> None:
        self._most_bytes = most_bytes
        self._compute = compute
        self._graphs: OrderedDict[bytes, NeighborGraph] = OrderedDict()
        self._lock = Lock()

    def has(self, rows: FloatMatrix | ChosenRows) -> bool:
        with self._lock:
            return bool(self._graphs) and fingerprint(rows) in self._graphs

    def graph(self, rows: FloatMatrix | ChosenRows, k: int, method: GraphMethod = "auto") -> NeighborGraph:
        key = fingerprint(rows)
        with self._lock:
            kept = self._graphs.get(key)
            if kept is not None:
                self._graphs.move_to_end(key)
        if kept is None or kept.k < k or (method == "exact" and kept.method != "exact"):
            kept = self._compute(rows, max(k, FEWEST_NEIGHBORS), method)
            with self._lock:
                self._graphs[key] = kept
                self._graphs.move_to_end(key)
                while len(self._graphs) > 1 and sum(map(_size, self._graphs.values())) > self._most_bytes:
                    self._graphs.popitem(last=False)
        return kept.first(k)


def _size(graph: NeighborGraph) -> int:
    return graph.indices.nbytes + graph.similarities.nbytes


def compute_graph(rows: FloatMatrix | ChosenRows, k: int, method: GraphMethod = "auto") -> NeighborGraph:
    """Compute the k nearest other rows of each row.

    Parameters
    ----------
    rows : numpy.ndarray or ChosenRows, shape (u, d), float32
        Different rows without missing ones. Chosen rows are copied for an exact graph.
    k : int
    method : {"auto", "exact", "approximate"}
        ``"auto"`` is exact below 20,000 rows. From there on candidates come from a product in fewer dimensions, where
        that saves half of the time or more and still finds the neighbours of a sample; from 150,000 rows on from the
        cells that a row is near to and from its neighbours' neighbours, in a time that grows with the rows.
        ``"approximate"`` is the same for fewer rows, too, where there are enough to choose from.

    Returns
    -------
    NeighborGraph
        Its arrays are read-only. ``method`` is ``"exact"``, ``"projected"`` or ``"cells"``, and ``recall`` was
        measured on rows that had no part in any choice.

    Warns
    -----
    UserWarning
        If less than nine tenths of the sample's neighbours were found.
    """
    graph = None
    if method != "exact" and len(rows) >= (_APPROXIMATE_FROM if method == "auto" else _FEWEST_ROWS_A_NEIGHBOR * k):
        graph = _approximate(rows, k, must_pay=method == "auto")
    if graph is None:
        nothing, rows = np.zeros(len(rows), dtype=bool), rows[:]
        indices, similarities = nearest_rows(rows, rows, k, queries_missing=nothing, missing=nothing, skip_self=True)
        graph = NeighborGraph(indices.astype(np.int32), similarities)
    graph.indices.setflags(write=False)
    graph.similarities.setflags(write=False)
    return graph


_STORE = _GraphStore(_MOST_BYTES, compute_graph)

GraphMethod = Literal["auto", "exact", "approximate"]

# benchmarks/graph.py: with fewer rows the exact graph takes 2 or 3 seconds; with more, cells are faster.
_APPROXIMATE_FROM = 20_000

_CELLS_FROM = 150_000

_FEWEST_ROWS_A_NEIGHBOR = 8

_LOW_RECALL = 0.9


def check_graph_method(method: str) -> GraphMethod:
    """Return the name of a method, or refuse one that does not exist.

    Raises
    ------
    ValueError
        If there is no such method; names the nearest.
    """
    return cast("GraphMethod", one_of("method", method, get_args(GraphMethod)))


def _approximate(rows: FloatMatrix | ChosenRows, k: int, *, must_pay: bool) -> NeighborGraph | None:
    units, has_unit_rows = rows, np.abs(lengths_of(rows) - 1).max() < 1e-6
    if not has_unit_rows:
        units = unit_rows(rows.matrix, rows.chosen) if isinstance(rows, ChosenRows) else unit_rows(rows)
    if len(rows) >= _CELLS_FROM:
        name, found = "cells", neighbors_in_cells(units, k)
    else:
        name, projected = "projected", approximate_neighbors(units, k, must_pay=must_pay)
        if projected is None:
            return None
        found = projected
    sample = Sample.draw(units, k, seed=2)
    recall = sample.recall(found[0][sample.positions])
    if recall < _LOW_RECALL:
        warnings.warn(
            f"The {name} neighbour graph of {len(rows)} rows found {recall:.0%} of a sample's true neighbours. "
            "What is made of it may be off; neighbors(vectors, k, method='exact') computes it exactly, and what is "
            "computed next from the same column then uses that.",
            stacklevel=2,
        )
    return NeighborGraph(*found, name, recall)


_PAIRS_AT_ONCE = 1 << 19


def expand_graph(
    graph: NeighborGraph, rows: ChosenRows, distinct: DistinctPlaces, k: int
) -> tuple[Positions, FloatVector]:
    """Return the k nearest other rows of every row, ties in row order, from those of each different row.

    Parameters
    ----------
    graph : NeighborGraph
        Of the distinct rows, with at least k + 1 neighbours: the last one tells whether a tie was cut off.
    rows : ChosenRows, shape (u, d), float32
        The distinct rows.
    distinct : DistinctPlaces
        The n rows as u different ones.
    k : int

    Returns
    -------
    positions : numpy.ndarray, shape (n, k), int64
    similarities : numpy.ndarray, shape (n, k), float32
    """
    n_groups, n_rows = len(distinct), len(distinct.groups)
    positions = np.full((n_rows, k), -1, dtype=np.int64)
    similarities = np.full((n_rows, k), np.nan, dtype=np.float32)
    members = np.argsort(distinct.groups, kind="stable")
    starts = np.concatenate([[0], np.cumsum(distinct.counts)])
    everyone = np.arange(n_groups)
    own = pair_cosines(rows, rows, everyone, everyone)
    # Of a repeated row the first k + 1 can be among the k nearest others of some row, and no later ones.
    shown = np.minimum(distinct.counts, k + 1)
    cut_off = np.zeros(n_groups, dtype=bool)
    step = max(1, _PAIRS_AT_ONCE // ((k + 1) * (1 + int(shown.max(initial=1)))))
    for start in range(0, n_groups, step):
        here = everyone[start : start + step]
        near = np.column_stack([here, graph.indices[here, :k]]).astype(np.int64)
        cosine = np.column_stack([own[here], graph.similarities[here, :k]])
        rank, group, member, value = _member_pairs(near, cosine, members, starts, shown)
        best = np.full((len(here), k + 1), -1, dtype=np.int64)
        best_value = np.full((len(here), k + 1), np.nan, dtype=np.float32)
        kept = rank <= k
        best[group[kept], rank[kept]] = member[kept]
        best_value[group[kept], rank[kept]] = value[kept]
        last = np.where(np.isnan(best_value[:, k]), best_value[:, k - 1], best_value[:, k])
        cut_off[here] = graph.similarities[here, k] >= last
        given = members[starts[start] : starts[start + len(here)]]
        mine = distinct.groups[given] - start
        positions[given], similarities[given] = _drop_self(given, best[mine], best_value[mine])
    if graph.method == "exact" and cut_off.any():
        again = np.flatnonzero(cut_off[distinct.groups])
        positions[again], similarities[again] = _ask_again(again, rows[distinct.groups], k)
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


def _drop_self(rows: Positions, found: Positions, value: FloatVector) -> tuple[Positions, FloatVector]:
    """Return the k best others of each row, of the k + 1 best rows, where the row itself may be among them."""
    k = found.shape[1] - 1
    itself = found == rows[:, np.newaxis]
    place = np.where(itself.any(axis=1), itself.argmax(axis=1), k)
    columns = np.arange(k) + (np.arange(k) >= place[:, np.newaxis])
    return np.take_along_axis(found, columns, axis=1), np.take_along_axis(value, columns, axis=1)


def _ask_again(rows: Positions, everything: FloatMatrix, k: int) -> tuple[Positions, FloatVector]:
    """Measure the rows anew whose k-th neighbour ties with one that the graph had no room for."""
    nothing = np.zeros(len(everything), dtype=bool)
    found, value = nearest_rows(
        everything[rows], everything, k + 1, queries_missing=nothing[: len(rows)], missing=nothing
    )
    return _drop_self(rows, found, value)
