"""Which way a neighbour graph is computed: exactly, or approximately with a recall that is measured and kept."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, cast, get_args

import numpy as np

from mmembed.analysis.graphs.approximate import Sample, approximate_neighbors
from mmembed.analysis.graphs.descending import neighbors_by_descent
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.analysis.graphs.neighbor_graph import NeighborGraph
from mmembed.analysis.rows.cosine import unit_rows
from mmembed.errors import did_you_mean, listed
from mmembed.vectors.rows import row_lengths

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix

GraphMethod = Literal["auto", "exact", "approximate"]

# benchmarks/graph.py: with fewer rows the exact graph takes 2 or 3 seconds; with more, nn-descent is faster.
_APPROXIMATE_FROM = 20_000
_DESCENT_FROM = 200_000
_FEWEST_ROWS_A_NEIGHBOR = 8
_LOW_RECALL = 0.9


def check_graph_method(method: str) -> GraphMethod:
    """Return the name of a method, or refuse one that does not exist.

    Raises
    ------
    ValueError
        If there is no such method; names the nearest.
    """
    if method not in get_args(GraphMethod):
        hint = did_you_mean(method, get_args(GraphMethod))
        raise ValueError(f"method={method!r} does not exist. Expected one of {listed(get_args(GraphMethod))}.{hint}")
    return cast("GraphMethod", method)


def compute_graph(rows: FloatMatrix, k: int, method: GraphMethod = "auto") -> NeighborGraph:
    """Compute the k nearest other rows of each row.

    Parameters
    ----------
    rows : numpy.ndarray, shape (u, d), float32
        Different rows without missing ones.
    k : int
    method : {"auto", "exact", "approximate"}
        ``"auto"`` is exact below 20,000 rows. From there on candidates come from a product in fewer dimensions, where
        that saves half of the time or more and still finds the neighbours of a sample; from 200,000 rows on from
        nearest neighbour descent where pynndescent is installed (``mmembed[index]``), which then pays for its half
        minute of compilation. ``"approximate"``
        is the same for fewer rows, too, where there are enough to choose from.

    Returns
    -------
    NeighborGraph
        Its arrays are read-only. ``method`` is ``"exact"``, ``"projected"`` or ``"nn-descent"``, and ``recall`` was
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
        nothing = np.zeros(len(rows), dtype=bool)
        indices, similarities = nearest_rows(rows, rows, k, queries_missing=nothing, missing=nothing, skip_self=True)
        graph = NeighborGraph(indices.astype(np.int32), similarities)
    graph.indices.setflags(write=False)
    graph.similarities.setflags(write=False)
    return graph


def _approximate(rows: FloatMatrix, k: int, *, must_pay: bool) -> NeighborGraph | None:
    lengths = row_lengths(rows)
    units = rows if np.abs(lengths - 1).max() < 1e-6 else unit_rows(rows)
    if len(rows) >= _DESCENT_FROM and find_spec("pynndescent") is not None:
        name, found = "nn-descent", neighbors_by_descent(units, k)
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
