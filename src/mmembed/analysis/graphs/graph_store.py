"""One neighbour graph for each set of rows: the first product that needs it computes it, the others find it here.

Graphs are kept by the fingerprint of the rows, so they belong to the values and not to a frame; the least recently used
ones are forgotten when there are more than fit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from mmembed.analysis.graphs.graph_methods import GraphMethod, compute_graph
from mmembed.analysis.graphs.neighbor_graph import NeighborGraph

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix

# Finding 30 neighbours costs hardly more than finding 5, and lets products that want different numbers share a graph.
FEWEST_NEIGHBORS = 30
_MOST_BYTES = 400_000_000  # a million rows with 31 neighbours are 250 MB
_HASHED_AT_ONCE = 1 << 26


def shared_graph(rows: FloatMatrix, k: int = 15, method: GraphMethod = "auto") -> NeighborGraph:
    """Return the k nearest other rows of each row by cosine similarity, computed once for the same rows.

    Parameters
    ----------
    rows : numpy.ndarray, shape (u, d), float32
        Different rows without missing ones, as :func:`mmembed.analysis.rows.distinct.distinct_rows` gives them. Their
        lengths do not matter. Products that are to share a graph must give the same rows in the same order.
    k : int
        Neighbours of each row; places that no other row fills are -1.
    method : {"auto", "exact", "approximate"}
        As in :func:`mmembed.analysis.graphs.graph_methods.compute_graph`. A graph that is ready and exact serves all
        three.

    Returns
    -------
    NeighborGraph
        Its arrays are shared, and so read-only.
    """
    return _STORE.graph(rows, k, method)


def fingerprint(rows: FloatMatrix) -> bytes:
    """Return 20 bytes that are the same for equal matrices, and differ otherwise but for a chance of 1 in 2^80."""
    values = np.ascontiguousarray(rows)
    whole = values.reshape(-1).view(np.uint8)
    parts = [whole[at : at + _HASHED_AT_ONCE] for at in range(0, len(whole), _HASHED_AT_ONCE)]
    digest = blake2b(f"{values.shape} {values.dtype.str}".encode(), digest_size=20)
    with ThreadPoolExecutor(max_workers=4) as pool:  # hashing leaves the interpreter to others
        for part in pool.map(lambda one: blake2b(one, digest_size=20).digest(), parts):
            digest.update(part)
    return digest.digest()


class _GraphStore:
    def __init__(self, most_bytes: int, compute: Callable[[FloatMatrix, int, GraphMethod], NeighborGraph]) -> None:
        self._most_bytes = most_bytes
        self._compute = compute
        self._graphs: OrderedDict[bytes, NeighborGraph] = OrderedDict()
        self._lock = Lock()

    def graph(self, rows: FloatMatrix, k: int, method: GraphMethod = "auto") -> NeighborGraph:
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


_STORE = _GraphStore(_MOST_BYTES, compute_graph)
