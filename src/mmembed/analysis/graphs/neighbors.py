"""The nearest neighbours of each row of a vector column."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmembed.analysis.graphs.expanding import expand_graph
from mmembed.analysis.graphs.graph_methods import GraphMethod, check_graph_method
from mmembed.analysis.graphs.graph_store import shared_graph
from mmembed.analysis.graphs.neighbor_graph import NeighborGraph
from mmembed.analysis.rows.distinct import distinct_rows
from mmembed.vectors import as_vector_array


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
        Neighbours of each row, at least 1; more than there are rows leaves the rest -1.
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
    if k < 1:
        raise ValueError(f"k={k} asks for no neighbour. Give a k of at least 1.")
    present = np.flatnonzero(~array.isna())
    indices = np.full((len(array), k), -1, dtype=np.int32)
    similarities = np.full((len(array), k), np.nan, dtype=np.float32)
    if not len(present):
        return NeighborGraph(indices, similarities)
    distinct = distinct_rows(array.matrix[present])
    graph = shared_graph(distinct.rows, k + 1, check_graph_method(method))
    found, similarities[present] = expand_graph(graph, distinct, k)
    indices[present] = np.where(found >= 0, present[found], -1)
    return NeighborGraph(indices, similarities, graph.method, graph.recall)
