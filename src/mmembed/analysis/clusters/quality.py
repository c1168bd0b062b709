"""Measures of a grouping that do not depend on the method that made it, so that groupings can be compared.

Stability is how far a grouping is found again in other rows of the same kind: the agreement of resampled groupings.
Structure is whether rows are parted better than one cloud of the same shape, a Gaussian with the covariance of the rows
as in SigClust (Liu, Hayes, Nobel and Marron 2008). Two figures are compared with that cloud: the modularity of
communities, which tells many groups in many dimensions from none, and the silhouette of k-means, which tells few groups
that lie far apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmembed.analysis.clusters.methods import (
    gradual_weights,
    k_means,
    leiden,
    modularity,
    neighbors_for,
    neighbors_read,
)
from mmembed.analysis.clusters.null_model import clouds_like, exact_graph
from mmembed.analysis.preparation import principal_components
from mmembed.analysis.steady_order import steady_order

if TYPE_CHECKING:
    from mmembed.analysis.clusters.points import Points
    from mmembed.arrays import FloatMatrix, Positions


_STRUCTURE_ROWS = 500


# Silhouettes compare all pairs; a sample of this size knows the mean to about a hundredth.
_SILHOUETTE_ROWS = 1000


@dataclass(frozen=True, eq=False)
class Candidate:
    """A grouping of the distinct rows with what was measured of it.

    Attributes
    ----------
    method : str
    labels : numpy.ndarray of int, shape (u,)
    resolution : float
        That of communities; NaN for other methods.
    stability : float
        Mean adjusted Rand index with groupings of resampled rows; NaN where the method was not run again.
    again : list of (rows, labels)
        Those groupings.
    silhouette, coverage, separation, modularity, beyond : float
        See :func:`measure`.
    width : float
        Over how many doublings of the resolution there are so many communities; NaN for other methods.
    """

    method: str
    labels: Positions = field(repr=False)
    silhouette: float
    coverage: float
    separation: float
    modularity: float = float("nan")
    beyond: float = float("nan")
    resolution: float = float("nan")
    stability: float = float("nan")
    again: list[tuple[Positions, Positions]] = field(default_factory=list, repr=False)
    width: float = float("nan")

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return int(self.labels.max(initial=-1)) + 1

    @property
    def parting(self) -> float:
        """How few neighbours the groups part, and how much fewer than those of a cloud.

        The cube root, because a cloud is a coarse yardstick: it decides where it speaks clearly.
        """
        return self.modularity * float(np.cbrt(self.beyond))

    @property
    def score(self) -> float:
        """Stability times :attr:`parting`: how far the groups would be found again, and how clearly they are apart."""
        return self.stability * self.parting

    def line(self, note: str = "") -> dict[str, object]:
        """Return the row of the frame of candidates."""
        return {
            "method": self.method,
            "n_clusters": self.n_clusters,
            "resolution": self.resolution,
            "stability": self.stability,
            "silhouette": self.silhouette,
            "coverage": self.coverage,
            "separation": self.separation,
            "modularity": self.modularity,
            "beyond": self.beyond,
            "width": self.width,
            "score": self.score,
            "note": note,
        }


def measure(
    table: Points,
    method: str,
    labels: Positions,
    *,
    resolution: float = float("nan"),
    stability: float = float("nan"),
    again: list[tuple[Positions, Positions]] | None = None,
    width: float = float("nan"),
    is_compared: bool = False,
) -> Candidate:
    """Measure a grouping.

    The silhouette is that of a sample of the rows that are in a cluster, on principal components; NaN for fewer than
    two clusters. Coverage is the share of the rows that are not noise. Separation is the chance that two rows of the
    table are in two different clusters: 0 for a single cluster, near 1 for many small ones. There repetitions count.
    Modularity is that on the graph of shared neighbours: the share of ties within clusters beyond that of random ties;
    ``beyond`` is how much of what would be missing to perfect parting in a structureless cloud is there. Both are
    measured where the grouping is compared with others, since they take the graph; else they are NaN.
    """
    inside = labels >= 0
    total = max(1.0, float(table.counts.sum()))
    shares = np.bincount(labels[inside], table.counts[inside]) / total
    return Candidate(
        method,
        labels,
        silhouette=_silhouette(table, labels),
        coverage=float(shares.sum()),
        separation=float(shares.sum() ** 2 - (shares**2).sum()),
        modularity=modularity(table.weights, labels) if is_compared else float("nan"),
        beyond=table.clouds.beyond(labels) if is_compared else float("nan"),
        resolution=resolution,
        stability=stability,
        again=again or [],
        width=width,
    )


def _silhouette(table: Points, labels: Positions) -> float:
    """Return the mean silhouette of a sample, or NaN where it is not defined (one cluster, or each row its own)."""
    inside = np.flatnonzero(labels >= 0)
    if len(inside) > _SILHOUETTE_ROWS:
        inside = np.sort(np.random.default_rng(0).choice(inside, _SILHOUETTE_ROWS, replace=False))
    if not 2 <= len(np.unique(labels[inside])) < len(inside):
        return float("nan")
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(table.reduced[inside], labels[inside]))


# Groupings that are made of a random part of the rows each, and how large a part.
RESAMPLES = 3

KEPT_SHARE = 0.8


def resamples(n_rows: int, seed: int) -> list[Positions]:
    """Return the rows of each resample, in order."""
    return [
        np.flatnonzero(np.random.default_rng([seed, number]).random(n_rows) < KEPT_SHARE) for number in range(RESAMPLES)
    ]


def overlaps(left: Positions, right: Positions) -> npt.NDArray[np.float64]:
    """Return how many rows are in each cluster of one and each of the other; noise (-1) is the last row or column."""
    n_left, n_right = int(left.max(initial=-1)) + 2, int(right.max(initial=-1)) + 2
    codes = np.where(left < 0, n_left - 1, left) * n_right + np.where(right < 0, n_right - 1, right)
    return np.bincount(codes, minlength=n_left * n_right).reshape(n_left, n_right).astype(np.float64)


def adjusted_rand(left: Positions, right: Positions) -> float:
    """Return the adjusted Rand index (Hubert and Arabie 1985): 1 for equal groupings, 0 for unrelated ones.

    Noise counts as one group.

    Examples
    --------
    >>> import numpy as np
    >>> adjusted_rand(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
    1.0
    """
    table = overlaps(left, right)

    def pairs(counts: npt.NDArray[np.float64]) -> float:
        return float((counts * (counts - 1)).sum() / 2)

    both, one, other = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    total = len(left) * (len(left) - 1) / 2
    expected = one * other / total if total else 0.0
    most = (one + other) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def mean_agreement(labels: Positions, again: list[tuple[Positions, Positions]]) -> float:
    """Return the mean adjusted Rand index of a grouping with those of resampled rows; NaN where there are none."""
    found = [adjusted_rand(labels[rows], other) for rows, other in again]
    return float(np.mean(found)) if found else float("nan")


def cluster_stabilities(labels: Positions, again: list[tuple[Positions, Positions]]) -> npt.NDArray[np.float32]:
    """Return for each cluster the mean Jaccard similarity with what it is most like in each resample (Hennig 2007).

    Parameters
    ----------
    labels : numpy.ndarray of int, shape (u,)
    again : list of (rows, labels)
        The rows of each resample and their labels there.

    Returns
    -------
    numpy.ndarray, shape (n_clusters,), float32
        1 is a cluster that is always found again; above .75 it is there, below .5 it is not. NaN where no resample has
        a row of it.
    """
    n_clusters = int(labels.max(initial=-1)) + 1
    found = np.full((max(1, len(again)), n_clusters), np.nan)
    for number, (rows, other) in enumerate(again):
        table = overlaps(labels[rows], other)
        sizes, others = table.sum(axis=1), table.sum(axis=0)
        inside = table[:-1, :-1]
        either = sizes[:-1, np.newaxis] + others[np.newaxis, :-1] - inside
        likeness = np.divide(inside, either, out=np.zeros_like(inside), where=either > 0)
        best = likeness.max(axis=1, initial=0)
        here = np.zeros(n_clusters, dtype=bool)
        here[: len(best)] = sizes[:-1] > 0
        found[number, here] = best[here[: len(best)]]
    there = ~np.isnan(found)
    total = np.where(there, found, 0).sum(axis=0)
    mean = np.full(n_clusters, np.nan, dtype=np.float32)
    known = there.any(axis=0)
    mean[known] = total[known] / there.sum(axis=0)[known]
    return mean


_SAMPLE_ROWS = 1500

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


def measure_structure(rows: FloatMatrix, seed: int, *, order: Positions | None = None) -> Structure:
    """Compare a sample of the rows with clouds of the same mean and covariance.

    Parameters
    ----------
    rows : numpy.ndarray, shape (u, d)
        Distinct unit rows, at least 30.
    seed : int
    order : numpy.ndarray of int, shape (u,), optional
        What :func:`steady_order` gives for them, where it is known.
    """
    order = steady_order(rows) if order is None else order
    # In a small table chance reaches farther.
    least = max(_LEAST_MODULARITY, 0.6 / math.sqrt(len(rows)))
    some = rows[order[_sample(len(rows), _SAMPLE_ROWS, seed)]]
    by_modularity = _compare_with_clouds("modularity", _modularity, some, least, seed)
    if by_modularity.is_there:
        return by_modularity
    few = rows[order[_sample(len(rows), _STRUCTURE_ROWS, seed)]]
    by_silhouette = _compare_with_clouds("silhouette", _silhouettes, few, _LEAST_SILHOUETTE, seed)
    return by_silhouette if by_silhouette.is_there else by_modularity


def _sample(n_rows: int, most_rows: int, seed: int) -> Positions:
    if n_rows <= most_rows:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(seed).choice(n_rows, most_rows, replace=False))


def _compare_with_clouds(
    measure: str, quality: Callable[[FloatMatrix], list[float]], sample: FloatMatrix, least: float, seed: int
) -> Structure:
    random = np.random.default_rng([seed, 1])
    found = np.array(quality(sample))
    clouds = [quality(cloud) for cloud in clouds_like(sample, random, _CLOUDS)]
    gains = found - np.mean(clouds, axis=0)
    best = int(gains.argmax())
    spread = float(np.std(clouds, axis=0)[best])
    return Structure(measure, float(gains[best]), bool(gains[best] > max(least, _SPREADS * spread)))


def _modularity(rows: FloatMatrix) -> list[float]:
    weights = gradual_weights(exact_graph(rows, neighbors_read(len(rows))), neighbors_for(len(rows)))
    return [modularity(weights, leiden(weights, 1.0, seed=0))]


def _silhouettes(rows: FloatMatrix) -> list[float]:
    from sklearn.metrics import silhouette_score

    reduced = principal_components(rows)
    once = np.ones(len(rows), dtype=np.int64)
    found = [k_means(reduced, once, number, seed=0) for number in _NUMBERS]
    return [float(silhouette_score(reduced, labels)) for labels in found]
