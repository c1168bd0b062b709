"""The fuzzy set of neighbour pairs that UMAP lays out, from a neighbour graph that is there already.

McInnes, Healy and Melville, "UMAP: Uniform Manifold Approximation and Projection", 2018, sections 3.1 and 4; the
weights are those of umap-learn's ``fuzzy_simplicial_set`` with its defaults, computed for all rows at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.arrays import row_chunks

if TYPE_CHECKING:
    from mmembed.analysis.graphs.neighbor_graph import NeighborGraph
    from mmembed.arrays import FloatMatrix

Doubles = npt.NDArray[np.float64]

_TOLERANCE = 1e-5
_MOST_HALVINGS = 64
# A bandwidth is at least this share of the mean distance, so that near duplicates do not make it 0.
_SMALLEST_SHARE = 1e-3


def fuzzy_set(graph: NeighborGraph) -> Any:
    """Return the symmetric weights of neighbour pairs.

    Parameters
    ----------
    graph : NeighborGraph, n rows
        Without each row itself, as :func:`mmembed.analysis.graphs.graph_store.shared_graph` gives it; -1 is no
        neighbour.

    Returns
    -------
    scipy.sparse.csr_array, shape (n, n), float32
        Above 0 and at most 1; without a diagonal.
    """
    from scipy.sparse import csr_array

    n_rows, k = graph.indices.shape
    there = graph.indices >= 0
    distances = np.where(there, np.maximum(1 - graph.similarities, 0), np.inf).astype(np.float32)
    weights = memberships(distances)
    heads = np.repeat(np.arange(n_rows, dtype=np.int32), k)[there.ravel()]
    pairs = (weights[there], (heads, graph.indices[there]))
    one_way = csr_array(pairs, shape=(n_rows, n_rows))
    one_way.eliminate_zeros()
    other_way = one_way.T.tocsr()
    # The probability that at least one of two independent pairs is there.
    both = (one_way + other_way - one_way * other_way).tocsr()
    both.eliminate_zeros()
    both.sort_indices()
    return both


def memberships(distances: FloatMatrix, *, nearest_is_sure: bool = True) -> FloatMatrix:
    """Return how much each neighbour belongs to its row: exponentially less with distance.

    The bandwidth of a row is such that its memberships sum to the binary logarithm of the number of its neighbours,
    counting itself.

    Parameters
    ----------
    distances : numpy.ndarray, shape (n, k), float32
        Nearest first; infinite where there is no neighbour.
    nearest_is_sure : bool
        Whether the nearest neighbour that is not at distance 0 has membership 1, which keeps every row connected.

    Returns
    -------
    numpy.ndarray, shape (n, k), float32
    """
    there = np.isfinite(distances)
    overall = float(distances[there].sum(dtype=np.float64)) / max(1, int(there.sum()) + len(distances))
    weights = np.empty(distances.shape, dtype=np.float32)
    for rows in row_chunks(len(distances), 8 * distances.shape[1]):
        weights[rows] = _memberships(distances[rows], overall, nearest_is_sure=nearest_is_sure)
    return weights


def _memberships(distances: FloatMatrix, overall: float, *, nearest_is_sure: bool) -> Doubles:
    there = np.isfinite(distances)
    apart = np.where(there & (distances > 0), distances, np.inf).min(axis=1, initial=np.inf)
    nearest = np.where(np.isfinite(apart) & nearest_is_sure, apart, 0)
    gaps = np.maximum(distances - nearest[:, np.newaxis], 0).astype(np.float64)
    bandwidths = _bandwidths(gaps, np.log2(distances.shape[1] + 1))
    # The mean counts the row itself, at distance 0, as umap-learn does.
    means = np.where(there, distances, 0).sum(axis=1) / (there.sum(axis=1) + 1)
    floors = _SMALLEST_SHARE * np.where(nearest > 0, means, overall)
    # Where every distance is 0 so is the floor; the gaps are 0 then, too.
    scale = np.maximum(np.maximum(bandwidths, floors), np.finfo(np.float64).tiny)
    return np.asarray(np.exp(-gaps / scale[:, np.newaxis]))


def _bandwidths(gaps: Doubles, target: float) -> Doubles:
    """Return for each row the s at which the sum of exp(-gap / s) is the target, by halving until it is near."""
    low, high = np.zeros(len(gaps)), np.full(len(gaps), np.inf)
    middle = np.ones(len(gaps))
    searching = np.arange(len(gaps))
    for _ in range(_MOST_HALVINGS):
        sums = np.exp(-gaps[searching] / middle[searching, np.newaxis]).sum(axis=1)
        far = np.abs(sums - target) >= _TOLERANCE
        searching, above = searching[far], sums[far] > target
        if not len(searching):
            break
        high[searching[above]] = middle[searching[above]]
        low[searching[~above]] = middle[searching[~above]]
        bounded = np.isfinite(high[searching])
        middle[searching] = np.where(bounded, (low[searching] + high[searching]) / 2, middle[searching] * 2)
    return middle
