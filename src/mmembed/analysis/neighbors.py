"""The nearest neighbours of each row of a vector column."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmembed.analysis.distinct import distinct_rows
from mmembed.analysis.expanding import expand_graph
from mmembed.analysis.graph_store import shared_graph
from mmembed.analysis.neighbor_graph import NeighborGraph
from mmembed.vectors import as_vector_array


def neighbors(vectors: Any, k: int = 15) -> NeighborGraph:
    """Find the k nearest other rows of each row by cosine similarity, exactly.

    A row is never its own neighbour, but another row with the same vector is. The product of all pairs is computed
    in blocks: memory grows with ``n * k``, time with ``n * n * d`` (some 20 s for 50,000 rows of 1,024 numbers on two
    cores). Duplicates, outliers, clusters and maps of the same column then find the graph ready, and so does a second
    call.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
        A Series, a ``VectorArray`` or a 2-D array.
    k : int
        Neighbours of each row, at least 1; more than there are rows leaves the rest -1.

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
    graph = shared_graph(distinct.rows, k + 1)
    found, similarities[present] = expand_graph(graph, distinct, k)
    indices[present] = np.where(found >= 0, present[found], -1)
    return NeighborGraph(indices, similarities, graph.method, graph.recall)
