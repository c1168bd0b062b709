"""What a structureless cloud of the same shape would show: the yardstick of what is measured of groups.

Neighbours in few dimensions are tied so locally that any cut through a cloud parts few of them: modularity alone then
speaks for many pieces of one thing. What counts is how much better the rows are parted than such a cloud, which is a
single Gaussian with their covariance, as in SigClust (Liu, Hayes, Nobel and Marron 2008).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.clusters.methods import (
    CommunityFinder,
    community_shares,
    modularity,
    neighbor_ties,
    neighbors_for,
    neighbors_read,
)
from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.graphs.graph import NeighborGraph
from mmembed.analysis.steady_order import steady_order

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, Positions

# Fewer rows would part small groups from nothing worse than the whole table does.
_SAMPLE_ROWS = 3000
# Clouds of few rows differ more, and cost nothing.
_CLOUDS = ((500, 10), (1000, 6))
_FEWEST_CLOUDS = 2
# Rows whose neighbours are picked at once.
_ROWS_AT_ONCE = 256
# From many groups to few; below the resolution at which a cloud is one group there is no other.
_RESOLUTIONS = tuple(float(one) for one in 2.0 ** np.arange(2, -5.1, -1))


@dataclass(frozen=True, eq=False)
class NullModel:
    """How well clouds of the shape of a table are parted, at every number of groups.

    Attributes
    ----------
    sample : numpy.ndarray of int, shape (s,)
        The rows that are compared with the clouds.
    weights : scipy.sparse.csr_matrix, shape (s, s)
        How closely those are tied among themselves.
    numbers : numpy.ndarray, shape (c,)
        Numbers of groups that clouds were parted into, in order; unlike groups count as fewer.
    parted : numpy.ndarray, shape (c,)
        The modularity of each, over the most that so many groups could have; it falls with the number.
    """

    sample: Positions
    weights: Any
    numbers: npt.NDArray[np.float64]
    parted: npt.NDArray[np.float64]

    @classmethod
    def like(cls, rows: FloatMatrix, seed: int, weights: Any = None, *, order: Positions | None = None) -> NullModel:
        """Make clouds of the shape of distinct unit rows, shape (u, d), and part them at several resolutions.

        ``weights`` are the ties of the rows, which spares making them again where the sample is all of them, and
        ``order`` is what :func:`steady_order` gives for them, where it is known.
        """
        random = np.random.default_rng([seed, 2])
        sample = steady_order(rows) if order is None else order
        if len(rows) > _SAMPLE_ROWS:
            sample = sample[np.sort(random.choice(len(rows), _SAMPLE_ROWS, replace=False))]
            weights = None
        some = rows[sample]
        weights = _ties_of(some) if weights is None else weights[sample][:, sample].tocsr()

        def part(cloud: FloatMatrix) -> list[tuple[float, float]]:
            ties = _ties_of(cloud)
            finder = CommunityFinder(ties, seed)
            points = []
            for resolution in _RESOLUTIONS:
                points.append(_measure_parts(ties, finder.at(resolution)))
                if points[-1][0] == 1:
                    return points[:-1]
            return points

        number = next((clouds for most, clouds in _CLOUDS if len(some) <= most), _FEWEST_CLOUDS)
        clouds = clouds_like(some, random, number)
        with ThreadPoolExecutor(max_workers=_FEWEST_CLOUDS) as pool:
            found = np.array([one for points in pool.map(part, clouds) for one in points])
        if not len(found):
            return cls(sample, weights, np.ones(1), np.zeros(1))
        found = found[np.argsort(found[:, 0], kind="stable")]
        from sklearn.isotonic import IsotonicRegression

        parted = IsotonicRegression(increasing=False).fit_transform(found[:, 0], found[:, 1])
        return cls(sample, weights, found[:, 0], np.asarray(parted))

    def beyond(self, labels: Positions) -> float:
        """Return how much better groups of the table are parted than clouds: 0 as badly, 1 without a tie between them.

        Between the two it is the share of the ties which as many groups of a cloud would cut that these do not.
        """
        return self.beyond_by(self.weights, labels[self.sample])

    def beyond_by(self, weights: Any, labels: Positions) -> float:
        """Return the same from ties of the sample between parts of groups, such as their sums over leaves of a tree."""
        number, parted = _measure_parts(weights, labels)
        if number <= 1:
            return 0.0
        expected = float(np.interp(np.log(number), np.log(self.numbers), self.parted))
        return float(np.clip((parted - expected) / max(1 - expected, 1e-9), 0, 1))


def clouds_like(rows: FloatMatrix, random: np.random.Generator, number: int) -> list[FloatMatrix]:
    """Return clouds of as many unit rows each, of one Gaussian with the mean and the covariance of the rows.

    They are random rows times the symmetric root of the covariance, which changes as little as the rows do and does not
    depend on their order; combinations of the rows themselves would be other clouds where two rows change places.
    """
    mean = rows.mean(axis=0)
    centred = rows - mean
    # The root of the covariance V S² V' is V S V'; of fewer rows than numbers, S and V are had from the rows.
    if rows.shape[0] >= rows.shape[1]:
        values, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        spreads = np.sqrt(np.maximum(values, 0))
    else:
        _, spreads, right = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
        axes = right.T
    axes = axes.astype(np.float32)
    scaled = (axes * (spreads / len(rows) ** 0.5)).astype(np.float32)
    draws = (random.standard_normal(size=rows.shape, dtype=np.float32) for _ in range(number))
    return [unit_rows((draw @ scaled) @ axes.T + mean) for draw in draws]


def _ties_of(rows: FloatMatrix) -> Any:
    return neighbor_ties(exact_graph(rows, neighbors_read(len(rows))), neighbors_for(len(rows)))


def exact_graph(rows: FloatMatrix, k: int) -> NeighborGraph:
    """Return the k nearest neighbours of each of some unit rows: for samples, since all pairs are compared at once."""
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -np.inf)
    indices = np.empty((len(rows), k), dtype=np.int32)
    similarities = np.empty((len(rows), k), dtype=np.float32)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        block = cosines[start : start + _ROWS_AT_ONCE]
        nearest = np.argpartition(-block, k - 1, axis=1)[:, :k]
        near = np.take_along_axis(block, nearest, axis=1)
        order = np.argsort(-near, axis=1, kind="stable")
        indices[start : start + _ROWS_AT_ONCE] = np.take_along_axis(nearest, order, axis=1)
        similarities[start : start + _ROWS_AT_ONCE] = np.take_along_axis(near, order, axis=1)
    return NeighborGraph(indices, similarities)


def _measure_parts(weights: Any, labels: Positions) -> tuple[float, float]:
    """Return the number of groups, unlike ones counting as fewer, and the modularity over the most that they allow."""
    alike = float((community_shares(weights, labels) ** 2).sum())
    if alike in (0.0, 1.0):
        return 1.0, 0.0
    return 1 / alike, modularity(weights, labels) / (1 - alike)
