"""UMAP on the shared neighbour graph: the fuzzy set of its pairs, their layout, and where a new row goes.

McInnes, Healy and Melville, "UMAP: Uniform Manifold Approximation and Projection", 2018, sections 3.1 and 4. The
weights are those of umap-learn's ``fuzzy_simplicial_set`` with its defaults, computed for all rows at once. The
objective, the schedule and the constants of the layout are umap-learn's, too (five negative samples for each edge); the
implementation is our own, in one thread, so that a seed fixes the map.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.graphs.graph import shared_graph
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.analysis.maps.curve import MIN_DIST, SPREAD, Curve, fit_curve
from mmembed.analysis.maps.start import principal_start, start_beside
from mmembed.arrays import row_chunks

if TYPE_CHECKING:
    from mmembed.analysis.cosines import ChosenRows
    from mmembed.analysis.graphs.graph import NeighborGraph
    from mmembed.analysis.maps.earlier import EarlierPlaces
    from mmembed.arrays import FloatMatrix, FloatVector, Positions


# umap-learn's default counts the row itself, too: local enough for groups, wide enough for their arrangement.
N_NEIGHBORS = 15


@dataclass(frozen=True, slots=True)
class MapSettings:
    """What UMAP is called with, in umap-learn's words.

    Attributes
    ----------
    dimensions : int
    n_neighbors : int
        With the row itself.
    min_dist, spread : float
    seed : int
    """

    dimensions: int = 2
    n_neighbors: int = N_NEIGHBORS
    min_dist: float = MIN_DIST
    spread: float = SPREAD
    seed: int = 0

    @property
    def curve(self) -> Curve:
        """How much points belong together by their distance on the map."""
        return fit_curve(self.min_dist, self.spread)

    def graph(self, source: FloatMatrix | ChosenRows) -> NeighborGraph:
        """Return the neighbours that the map is made of: those that clusters and duplicates of the column use, too."""
        return shared_graph(source, min(self.n_neighbors, len(source)) - 1)


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
    settings : MapSettings
    umap : umap.UMAP or None
        The fitted estimator of umap-learn, where that made the map.
    """

    rows: FloatMatrix = field(repr=False)
    places: FloatMatrix = field(repr=False)
    graph: NeighborGraph
    settings: MapSettings
    umap: Any = field(default=None, repr=False)

    @classmethod
    def fit(
        cls,
        rows: FloatMatrix,
        source: FloatMatrix | ChosenRows,
        settings: MapSettings,
        *,
        earlier: EarlierPlaces | None = None,
    ) -> NeighborMap:
        """Make a map of rows that are all different.

        Parameters
        ----------
        rows : numpy.ndarray, shape (u, d), float32
            Unit rows, at least 4.
        source : numpy.ndarray or ChosenRows, shape (u, d), float32
            The same rows as the store of graphs knows them: with the lengths they came with.
        settings : MapSettings
        earlier : EarlierPlaces, optional
            Of an earlier map that this one goes on from.
        """
        graph = settings.graph(source)
        weights = fuzzy_set(graph)
        if earlier is None:
            start = principal_start(rows, settings.dimensions)
            places = lay_out(weights, start, curve=settings.curve, seed=settings.seed)
        else:
            places = going_on(rows, weights, settings, earlier)
        return cls(rows, places, graph, settings)

    @np.errstate(under="ignore")
    def transform(self, rows: FloatMatrix) -> FloatMatrix:
        """Return where unit rows lie on the map, shape (m, dimensions); each depends on no other."""
        k = min(self.settings.n_neighbors, len(self.rows))
        queries_missing, missing = np.zeros(len(rows), dtype=bool), np.zeros(len(self.rows), dtype=bool)
        near, similarities = nearest_rows(rows, self.rows, k, queries_missing=queries_missing, missing=missing)
        belonging = memberships(np.maximum(1 - similarities, 0))
        seeds = np.array([_seed(row, self.settings.seed) for row in rows], dtype=np.uint64)
        return place_new(near, belonging, self.places, curve=self.settings.curve, seeds=seeds)


def going_on(rows: FloatMatrix, weights: Any, settings: MapSettings, earlier: EarlierPlaces) -> FloatMatrix:
    """Return places of rows that go on from an earlier map, turned back to lie as it did."""
    start = start_beside(rows, weights, earlier.places, seed=settings.seed)
    places = lay_on(weights, start, is_old=earlier.is_old, curve=settings.curve, seed=settings.seed)
    return earlier.turned_back(places)


def _seed(row: FloatMatrix, seed: int) -> int:
    """Return a number above 0 that follows from the row and the map's seed alone."""
    digest = blake2b((row + np.float32(0)).tobytes(), digest_size=8, salt=(seed % 2**64).to_bytes(8, "little"))
    return int.from_bytes(digest.digest(), "little") | 1


Doubles = npt.NDArray[np.float64]

_TOLERANCE = 1e-5

_MOST_HALVINGS = 64

# A bandwidth is at least this share of the mean distance, so that near duplicates do not make it 0.
_SMALLEST_SHARE = 1e-3


@np.errstate(under="ignore")
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


@np.errstate(under="ignore")
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


@np.errstate(under="ignore")
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


@np.errstate(under="ignore")
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


_FEW_ROWS = 10_000

_EPOCHS_OF_FEW = 500

_EPOCHS_OF_MANY = 200

_EXTENT = 10.0

_EPOCHS_A_CALL = 10  # between calls of the compiled loop Ctrl-C is heard

# Going on from an earlier map. Chosen on digits, verb-glosses and heavy-tails-development: with half the epochs a new
# group is not yet one, and with old rows as free as new ones a map of sentences changes twice as much.
_EPOCHS_ON_OF_FEW = 200

_EPOCHS_ON_OF_MANY = 100

_RATE_ON = 0.5

_FREEDOM_OF_OLD = 0.1

# Placing on a map that stays. Chosen on the same sets.
_PLACING_EPOCHS = 200

_PLACING_RATE = 0.1

# In a layout each pair is in the fuzzy set both ways, and so pulls twice for five pushes.
_PULLS_OF_ONE_WAY = 2.0

_TOWARDS_MEAN = 0.01


def lay_out(weights: Any, start: FloatMatrix, *, curve: Curve, seed: int) -> FloatMatrix:
    """Return places that minimise UMAP's cross entropy, found by stochastic gradient descent.

    Parameters
    ----------
    weights : scipy.sparse.csr_array, shape (n, n), float32
        A symmetric fuzzy set; see :func:`mmembed.analysis.maps.umap.fuzzy_set`.
    start : numpy.ndarray, shape (n, dimensions), float32
        Where the points are at first; left alone.
    curve : Curve
    seed : int
        Of the pushes, and of a little noise on the start that parts points that lie together.

    Returns
    -------
    numpy.ndarray, shape (n, dimensions), float32
    """
    random = np.random.default_rng(seed)
    n_epochs = _EPOCHS_OF_FEW if len(start) <= _FEW_ROWS else _EPOCHS_OF_MANY
    places = _spread_out(start, random)
    if weights.nnz:
        _descend(places, places, _relative(weights), curve, n_epochs=n_epochs, rate=1.0, states=_states(places, random))
    return places


def lay_on(weights: Any, start: FloatMatrix, *, is_old: npt.NDArray[np.bool_], curve: Curve, seed: int) -> FloatMatrix:
    """Return places that go on from those of an earlier map: old points move little, new ones find theirs.

    Parameters
    ----------
    weights, curve, seed
        As in :func:`lay_out`.
    start : numpy.ndarray, shape (n, dimensions), float32
        At the scale of a map; left alone.
    is_old : numpy.ndarray of bool, shape (n,)
        Which points lie where the earlier map had them.

    Returns
    -------
    numpy.ndarray, shape (n, dimensions), float32
    """
    random = np.random.default_rng(seed)
    n_epochs = _EPOCHS_ON_OF_FEW if len(start) <= _FEW_ROWS else _EPOCHS_ON_OF_MANY
    places = np.array(start, dtype=np.float32, order="C")
    if weights.nnz:
        freedom = np.where(is_old, _FREEDOM_OF_OLD, 1).astype(np.float32)
        states = _states(places, random)
        _descend(
            places, places, _relative(weights), curve, n_epochs=n_epochs, rate=_RATE_ON, states=states, freedom=freedom
        )
    return places


def place_new(
    near: Positions,
    belonging: FloatMatrix,
    fitted: FloatMatrix,
    *,
    curve: Curve,
    seeds: npt.NDArray[np.uint64],
) -> FloatMatrix:
    """Return places for new points on a map that stays as it is.

    Each starts at the one of its neighbours that lies nearest to all of them by weight (their mean may lie in the void
    between two groups), and is then pulled and pushed as the points of the map were.

    Parameters
    ----------
    near : numpy.ndarray of int, shape (m, k)
        Points of the map that are neighbours of the new ones.
    belonging : numpy.ndarray, shape (m, k), float32
        How much they are.
    fitted : numpy.ndarray, shape (n, dimensions), float32
    curve : Curve
    seeds : numpy.ndarray of uint64, shape (m,)
        One of each new point, not 0: where a point goes depends on no other new point.

    Returns
    -------
    numpy.ndarray, shape (m, dimensions), float32
    """
    from scipy.sparse import csr_array

    places = np.empty((len(near), fitted.shape[1]), dtype=np.float32)
    for some in row_chunks(len(near), near.shape[1] ** 2):
        around, shares = fitted[near[some]].astype(np.float64), belonging[some].astype(np.float64)
        apart = np.sqrt(((around[:, :, np.newaxis] - around[:, np.newaxis]) ** 2).sum(axis=3))
        middle = (apart * shares[:, np.newaxis]).sum(axis=2).argmin(axis=1)
        mean = (around * shares[:, :, np.newaxis]).sum(axis=1) / shares.sum(axis=1)[:, np.newaxis]
        # A point that lay exactly on another would not be pushed away from it.
        places[some] = (1 - _TOWARDS_MEAN) * around[np.arange(len(around)), middle] + _TOWARDS_MEAN * mean
    # The nearest neighbour of each new point pulls in every epoch.
    pulls = belonging / belonging.max(axis=1, keepdims=True)
    starts = np.arange(len(near) + 1, dtype=np.int32) * near.shape[1]
    weights = csr_array((pulls.ravel(), near.ravel().astype(np.int32), starts), shape=(len(near), len(fitted)))
    _descend(
        places,
        fitted,
        weights,
        curve,
        n_epochs=_PLACING_EPOCHS,
        rate=_PLACING_RATE,
        states=seeds.copy(),
        pulls=_PULLS_OF_ONE_WAY,
    )
    return places


def _relative(weights: Any) -> Any:
    """Return the weights with a greatest of 1, without a copy where it is that already."""
    greatest = weights.data.max()
    return weights if greatest == 1 else weights / greatest


def _states(places: FloatMatrix, random: np.random.Generator) -> npt.NDArray[np.uint64]:
    return random.integers(1, 1 << 63, size=len(places), dtype=np.uint64)


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
    curve: Curve,
    *,
    n_epochs: int,
    rate: float,
    states: npt.NDArray[np.uint64],
    freedom: FloatVector | None = None,
    pulls: float = 1.0,
) -> None:
    """Move ``places`` (and ``others``, where that is the same array) through all epochs; weight 1 pulls in each."""
    from mmembed.analysis.maps.umap_kernel import force_table, layout_kernel

    # A pair is pulled in proportion to its weight; one that would not be in any epoch is left out.
    starts, tails, kept = _keep_strong(weights, 1 / n_epochs)
    every = np.divide(1, kept, dtype=np.float32)
    next_pull, next_push = every.copy(), every * np.float32(0.2)
    pull, push = force_table(curve.pull) * np.float32(pulls), force_table(curve.push)
    free = np.ones(len(places), dtype=np.float32) if freedom is None else freedom
    loop = layout_kernel(places.shape[1])
    box = np.empty(1, dtype=np.float32)
    for epoch in range(0, n_epochs, _EPOCHS_A_CALL):
        last = min(epoch + _EPOCHS_A_CALL, n_epochs)
        loop(
            places, others, starts, tails, every, next_pull, next_push, epoch, last, n_epochs, np.float32(rate), states,
            pull, push, free, places is others, box, box.view(np.int32),
        )  # fmt: skip


def _keep_strong(weights: Any, least: float) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], FloatMatrix]:
    """Return the row starts, columns and values of the entries that are at least ``least``."""
    kept = weights.data >= least
    before = np.concatenate([[0], np.cumsum(kept)])
    return before[weights.indptr].astype(np.int32), weights.indices[kept].astype(np.int32), weights.data[kept]
