"""A fitted UMAP map: the rows it was made of, where they lie, and where a new row goes.

The fuzzy set of neighbour pairs that UMAP lays out, from a neighbour graph that is there already.

McInnes, Healy and Melville, "UMAP: Uniform Manifold Approximation and Projection", 2018, sections 3.1 and 4; the
weights are those of umap-learn's ``fuzzy_simplicial_set`` with its defaults, computed for all rows at once.

UMAP's layout of a fuzzy set: points pulled together along its pairs and pushed apart elsewhere, from a given start.

The objective, the schedule and the constants are those of umap-learn with its defaults (``min_dist=0.1``,
``spread=1``, five pushes for each pull); the implementation is our own, in one thread, so that a seed fixes the map.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.graphs.graph import shared_graph
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.arrays import row_chunks

if TYPE_CHECKING:
    from mmembed.analysis.graphs.graph import NeighborGraph
    from mmembed.arrays import FloatMatrix


# umap-learn's default counts the row itself, too: local enough for groups, wide enough for their arrangement.
N_NEIGHBORS = 15


@dataclass(frozen=True, eq=False)
class NeighborMap:
    """A map by UMAP (McInnes et al. 2018), as an estimator that is fitted.

    Attributes
    ----------
    rows : numpy.ndarray, shape (u, d), float32
        The different rows of the fit.
    places : numpy.ndarray, shape (u, dimensions), float32
    graph : NeighborGraph, u rows
        What the map was made of.
    seed : int
    """

    rows: FloatMatrix = field(repr=False)
    places: FloatMatrix = field(repr=False)
    graph: NeighborGraph
    seed: int

    @classmethod
    def fit(cls, rows: FloatMatrix, source: FloatMatrix, *, dimensions: int, seed: int) -> NeighborMap:
        """Make a map of rows that are all different.

        Parameters
        ----------
        rows : numpy.ndarray, shape (u, d), float32
            Unit rows, at least 4.
        source : numpy.ndarray, shape (u, d), float32
            The same rows as the store of graphs knows them: with the lengths they came with.
        dimensions : int
        seed : int
        """
        graph = shared_graph(source, min(N_NEIGHBORS, len(rows)) - 1)
        places = lay_out(fuzzy_set(graph), principal_start(rows, dimensions), seed=seed)
        return cls(rows, places, graph, seed)

    def transform(self, rows: FloatMatrix) -> FloatMatrix:
        """Return where unit rows lie on the map, shape (m, dimensions); each depends on no other."""
        from scipy.sparse import csr_array

        k = min(N_NEIGHBORS, len(self.rows))
        queries_missing, missing = np.zeros(len(rows), dtype=bool), np.zeros(len(self.rows), dtype=bool)
        near, similarities = nearest_rows(rows, self.rows, k, queries_missing=queries_missing, missing=missing)
        belonging = memberships(np.maximum(1 - similarities, 0), nearest_is_sure=False)
        starts = np.arange(len(rows) + 1, dtype=np.int32) * k
        weights = csr_array((belonging.ravel(), near.ravel().astype(np.int32), starts), shape=(len(rows), len(missing)))
        seeds = np.array([_seed(row, self.seed) for row in rows], dtype=np.uint64)
        return place_new(weights, self.places, seeds=seeds)


def _seed(row: FloatMatrix, seed: int) -> int:
    """Return a number above 0 that follows from the row and the map's seed alone."""
    digest = blake2b((row + np.float32(0)).tobytes(), digest_size=8, salt=(seed % 2**64).to_bytes(8, "little"))
    return int.from_bytes(digest.digest(), "little") | 1


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
        Without each row itself, as :func:`mmembed.analysis.graphs.graph.shared_graph` gives it; -1 is no
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


# 1 / (1 + a d^2b), fitted to a plateau of 0.1 and a fall of 1; umap-learn fits the same numbers at each call.
CURVE_A = 1.5769434603113077

CURVE_B = 0.8950608779109733

_FEW_ROWS = 10_000

_EPOCHS_OF_FEW = 500

_EPOCHS_OF_MANY = 200

_PLACING_EPOCHS = 100

_PLACING_RATE = 0.1

_EXTENT = 10.0

_SMALL = 128  # up to here all eigenvectors cost nothing

_SPARE_AXES = 8

_ROUNDS = 10

_EPOCHS_A_CALL = 10  # between calls of the compiled loop Ctrl-C is heard


def lay_out(weights: Any, start: FloatMatrix, *, seed: int) -> FloatMatrix:
    """Return places that minimise UMAP's cross entropy, found by stochastic gradient descent.

    Parameters
    ----------
    weights : scipy.sparse.csr_array, shape (n, n), float32
        A symmetric fuzzy set; see :func:`mmembed.analysis.fuzzy_set.fuzzy_set`.
    start : numpy.ndarray, shape (n, dimensions), float32
        Where the points are at first; left alone.
    seed : int
        Of the pushes, and of a little noise on the start that parts points that lie together.

    Returns
    -------
    numpy.ndarray, shape (n, dimensions), float32
    """
    random = np.random.default_rng(seed)
    n_epochs = _EPOCHS_OF_FEW if len(start) <= _FEW_ROWS else _EPOCHS_OF_MANY
    places = _spread_out(start, random)
    states = random.integers(1, 1 << 63, size=len(start), dtype=np.uint64)
    if weights.nnz:
        _descend(places, places, weights / weights.data.max(), n_epochs=n_epochs, rate=1.0, states=states)
    return places


def place_new(weights: Any, fitted: FloatMatrix, *, seeds: npt.NDArray[np.uint64]) -> FloatMatrix:
    """Return places for new points on a map that stays as it is.

    Each starts at the mean of its neighbours by weight, and is then pulled and pushed as the points of the map were.

    Parameters
    ----------
    weights : scipy.sparse.csr_array, shape (m, n), float32
        How much the points of the map are neighbours of the new ones; each has one at least.
    fitted : numpy.ndarray, shape (n, dimensions), float32
    seeds : numpy.ndarray of uint64, shape (m,)
        One of each new point, not 0: where a point goes depends on no other new point.

    Returns
    -------
    numpy.ndarray, shape (m, dimensions), float32
    """
    from scipy.sparse import diags_array

    totals = np.asarray(weights.sum(axis=1), dtype=np.float64).reshape(-1, 1)
    places = np.ascontiguousarray((weights @ fitted) / totals, dtype=np.float32)
    # The nearest neighbour of each new point pulls in every epoch.
    pulls = (diags_array(1 / weights.max(axis=1).toarray().ravel()) @ weights).astype(np.float32).tocsr()
    _descend(places, fitted, pulls, n_epochs=_PLACING_EPOCHS, rate=_PLACING_RATE, states=seeds.copy())
    return places


def principal_start(rows: FloatMatrix, dimensions: int) -> FloatMatrix:
    """Return the first principal components of the rows, each with the sign that makes its greatest loading positive.

    Axes that the rows do not have are 0.
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    if len(rows) >= rows.shape[1]:
        covariance = np.zeros((rows.shape[1], rows.shape[1]))
        for some in row_chunks(*rows.shape):  # a centred copy of all rows would double the memory
            centred = rows[some] - mean.astype(np.float32)
            covariance += centred.T @ centred
        axes = _leading_axes(covariance, dimensions)
    else:
        axes = np.linalg.svd((rows - mean).T, full_matrices=False)[0]
    axes = axes[:, :dimensions]
    greatest = np.abs(axes).argmax(axis=0)
    axes = axes * np.where(axes[greatest, np.arange(axes.shape[1])] < 0, -1, 1)
    start = np.zeros((len(rows), dimensions), dtype=np.float32)
    start[:, : axes.shape[1]] = rows @ axes.astype(np.float32) - (mean @ axes).astype(np.float32)
    return start


def _leading_axes(covariance: npt.NDArray[np.float64], dimensions: int) -> npt.NDArray[np.float64]:
    """Return the leading eigenvectors; of a large matrix by subspace iteration, which is exact enough for a start."""
    if len(covariance) <= _SMALL:
        return np.asarray(np.linalg.eigh(covariance)[1][:, ::-1])
    block = np.random.default_rng(0).normal(size=(len(covariance), dimensions + _SPARE_AXES))
    for _ in range(_ROUNDS):
        block = np.linalg.qr(covariance @ (covariance @ (covariance @ block)))[0]
    turn = np.linalg.eigh(block.T @ covariance @ block)[1][:, ::-1]
    return np.asarray(block @ turn)


def _spread_out(start: FloatMatrix, random: np.random.Generator) -> FloatMatrix:
    """Return the start on a square of side 10, with noise."""
    reach = float(np.abs(start).max()) or 1.0
    places = start.astype(np.float64) * (_EXTENT / reach) + random.normal(scale=1e-4, size=start.shape)
    low = places.min(axis=0)
    span = places.max(axis=0) - low
    return np.ascontiguousarray(_EXTENT * (places - low) / np.where(span > 0, span, 1), dtype=np.float32)


def _descend(
    places: FloatMatrix,
    others: FloatMatrix,
    weights: Any,
    *,
    n_epochs: int,
    rate: float,
    states: npt.NDArray[np.uint64],
) -> None:
    """Move ``places`` (and ``others``, where that is the same array) through all epochs; weight 1 pulls in each."""
    from mmembed.analysis.maps.umap_kernel import force_table, layout_kernel

    # A pair is pulled in proportion to its weight; one that would not be in any epoch is left out.
    starts, tails, kept = _strong(weights, 1 / n_epochs)
    every = (1 / kept).astype(np.float32)
    next_pull, next_push = every.copy(), every * np.float32(0.2)
    pull, push = force_table(_pull), force_table(_push)
    loop = layout_kernel(places.shape[1])
    for epoch in range(0, n_epochs, _EPOCHS_A_CALL):
        last = min(epoch + _EPOCHS_A_CALL, n_epochs)
        loop(
            places, others, starts, tails, every, next_pull, next_push, epoch, last, n_epochs, np.float32(rate), states,
            pull, push, places is others,
        )  # fmt: skip


def _strong(weights: Any, least: float) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], FloatMatrix]:
    """Return the row starts, columns and values of the entries that are at least ``least``."""
    kept = weights.data >= least
    before = np.concatenate([[0], np.cumsum(kept)])
    return before[weights.indptr].astype(np.int32), weights.indices[kept].astype(np.int32), weights.data[kept]


def _pull(squares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(-2 * CURVE_A * CURVE_B * squares ** (CURVE_B - 1) / (CURVE_A * squares**CURVE_B + 1))


def _push(squares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(2 * CURVE_B / ((0.001 + squares) * (CURVE_A * squares**CURVE_B + 1)))
