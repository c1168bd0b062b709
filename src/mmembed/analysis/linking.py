"""Which rows are so alike that one must not be predicted from the other: equal, nearly equal, or of one group."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosine import FloatMatrix
from mmembed.analysis.distinct import distinct_rows
from mmembed.analysis.graph_store import shared_graph

# The graph of more rows costs more than everything else that a classifier does; equal rows are still found.
MOST_LINKED_ROWS = 20_000
_NEIGHBORS = 15


def linked_groups(
    rows: FloatMatrix, groups: npt.NDArray[np.intp] | None, threshold: float | None
) -> npt.NDArray[np.intp]:
    """Return a number for each row; rows of one number are linked through equality, likeness or a given group.

    Parameters
    ----------
    rows : numpy.ndarray, shape (m, d), float32
        Unit rows.
    groups : numpy.ndarray of int, shape (m,), optional
        What the user knows to belong together.
    threshold : float, optional
        Cosine from which on two rows are nearly equal; looked at up to 20,000 different rows. None links equal rows
        only.

    Returns
    -------
    numpy.ndarray of int, shape (m,)
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    distinct = distinct_rows(rows)
    size = len(distinct)
    left, right = np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    if threshold is not None and 1 < size <= MOST_LINKED_ROWS:
        graph = shared_graph(distinct.rows, min(_NEIGHBORS, size - 1))
        near = graph.similarities >= threshold
        left = np.repeat(np.arange(size), near.sum(axis=1))
        right = graph.indices[near].astype(np.intp)
    if groups is not None:
        # Each given group is a node of its own that its rows hang on.
        left = np.append(left, distinct.groups)
        right = np.append(right, size + groups)
        size += int(groups.max()) + 1
    links = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(size, size))
    _, components = connected_components(links, directed=False)
    return np.unique(components[distinct.groups], return_inverse=True)[1].astype(np.intp)
