"""Whether rows have any groups at all: whether they are parted better than one cloud of the same shape.

The cloud is a single Gaussian with the covariance of the rows, as in SigClust (Liu, Hayes, Nobel and Marron 2008). Two
things are compared: the modularity of communities, which tells many groups in many dimensions from none, and the
silhouette of k-means, which tells few groups that lie far apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmembed.analysis.groups.clouds import cloud_like, exact_graph
from mmembed.analysis.groups.communities import leiden, modularity, shared_neighbor_weights
from mmembed.analysis.groups.partition import k_means
from mmembed.analysis.rows.reducing import principal_components

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, Positions

_SAMPLE_ROWS = 1500
_SILHOUETTE_ROWS = 500
_NUMBERS = (2, 3, 4, 6, 8)
_CLOUDS = 3
# Rows that are no mixture at all (Gaussian, uniform, heavy-tailed clouds of 2 to 512 numbers) gained up to .04 over
# their own cloud in modularity and .05 in silhouette; so much more must be there, and more than clouds differ.
_LEAST_MODULARITY = 0.05
_LEAST_SILHOUETTE = 0.08
_SPREADS = 3.0


@dataclass(frozen=True)
class Structure:
    """What the comparison found.

    Attributes
    ----------
    measure : str
        ``"modularity"`` or ``"silhouette"``: the one by which the rows are parted better than a cloud, or the first.
    gain : float
        By how much; about 0 where there are no groups.
    is_there : bool
        Whether the rows are parted better than chance.
    """

    measure: str
    gain: float
    is_there: bool


def measure_structure(rows: FloatMatrix, seed: int) -> Structure:
    """Compare a sample of the rows with clouds of the same mean and covariance.

    Parameters
    ----------
    rows : numpy.ndarray, shape (u, d)
        Distinct unit rows, at least 30.
    seed : int
    """
    # In a small table chance reaches farther.
    least = max(_LEAST_MODULARITY, 0.6 / math.sqrt(len(rows)))
    by_modularity = _compared("modularity", _modularity, rows[_sample(len(rows), _SAMPLE_ROWS, seed)], least, seed)
    if by_modularity.is_there:
        return by_modularity
    few = rows[_sample(len(rows), _SILHOUETTE_ROWS, seed)]
    by_silhouette = _compared("silhouette", _silhouettes, few, _LEAST_SILHOUETTE, seed)
    return by_silhouette if by_silhouette.is_there else by_modularity


def _sample(n_rows: int, most_rows: int, seed: int) -> Positions:
    if n_rows <= most_rows:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(seed).choice(n_rows, most_rows, replace=False))


def _compared(
    measure: str, quality: Callable[[FloatMatrix], list[float]], sample: FloatMatrix, least: float, seed: int
) -> Structure:
    random = np.random.default_rng([seed, 1])
    found = np.array(quality(sample))
    clouds = [quality(cloud_like(sample, random)) for _ in range(_CLOUDS)]
    gains = found - np.mean(clouds, axis=0)
    best = int(gains.argmax())
    spread = float(np.std(clouds, axis=0)[best])
    return Structure(measure, float(gains[best]), bool(gains[best] > max(least, _SPREADS * spread)))


def _modularity(rows: FloatMatrix) -> list[float]:
    weights = shared_neighbor_weights(exact_graph(rows))
    return [modularity(weights, leiden(weights, 1.0, seed=0))]


def _silhouettes(rows: FloatMatrix) -> list[float]:
    from sklearn.metrics import silhouette_score

    reduced = principal_components(rows)
    once = np.ones(len(rows), dtype=np.int64)
    found = [k_means(reduced, once, number, seed=0) for number in _NUMBERS]
    return [float(silhouette_score(reduced, labels)) for labels in found]
