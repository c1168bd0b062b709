"""The two ways to group rows, k-means and HDBSCAN, as plain functions on distinct rows and how often each occurs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mmembed.analysis.cosine import FloatMatrix, Positions

# Silhouettes compare all pairs; a sample of this size knows the mean to about a hundredth.
_SILHOUETTE_ROWS = 2000


@dataclass(frozen=True, eq=False)
class Rows:
    """The different rows to group, in an order that does not depend on the order of the table.

    Attributes
    ----------
    reduced : numpy.ndarray, shape (u, r)
        Distinct rows, reduced to a few components.
    counts : numpy.ndarray of int, shape (u,)
        How often each occurs.
    """

    reduced: FloatMatrix
    counts: Positions

    @property
    def total(self) -> int:
        """How many rows there are with repetitions."""
        return int(self.counts.sum())


@dataclass(frozen=True, eq=False)
class Partition:
    """Labels of the distinct rows (-1 is noise), and the estimator that gave them.

    ``silhouette`` is that of the rows that are not noise, ``coverage`` their share of all rows, repetitions counted;
    ``separation`` is the chance that two rows of the table are in two different clusters.
    """

    labels: Positions
    estimator: Any
    silhouette: float
    coverage: float
    separation: float


def k_means(rows: Rows, n_clusters: int, random_state: int) -> Partition:
    """Group by k-means, each row weighted by how often it occurs."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    estimator = KMeans(n_clusters, n_init=4, random_state=random_state)
    # With several threads sums depend on which thread ends first, and one seed would not always give one result.
    with threadpool_limits(limits=1, user_api="openmp"):
        estimator.fit(rows.reduced, sample_weight=rows.counts)
    return _measured(rows, estimator.labels_.astype(np.int64), estimator)


def hdbscan(rows: Rows, min_cluster_size: int) -> Partition:
    """Group by density (Campello et al. 2013); rows in no dense region are noise."""
    from sklearn.cluster import HDBSCAN

    estimator = HDBSCAN(min_cluster_size=min_cluster_size, copy=True)
    repeated = np.repeat(np.arange(len(rows.counts)), rows.counts)
    if len(repeated) < min_cluster_size:
        # Too few rows for even one cluster, which the estimator refuses to look at.
        return _measured(rows, np.full(len(rows.counts), -1), estimator)
    estimator.fit(rows.reduced[repeated])
    return _measured(rows, majority(estimator.labels_, repeated, len(rows.counts)), estimator)


def majority(labels: npt.NDArray[Any], group: Positions, n_groups: int) -> Positions:
    """Return one label for each group of equal rows: that of most of them, the lowest of those that tie.

    Density methods break ties between equal distances by position, and so may part equal rows.
    """
    names, codes = np.unique(labels, return_inverse=True)
    votes = np.zeros((n_groups, len(names)), dtype=np.int64)
    np.add.at(votes, (group, codes), 1)
    return np.asarray(names[votes.argmax(axis=1)], dtype=np.int64)


def _measured(rows: Rows, labels: Positions, estimator: Any) -> Partition:
    clustered = np.flatnonzero(labels >= 0)
    shares = np.bincount(labels[clustered], rows.counts[clustered]) / rows.total
    return Partition(
        labels,
        estimator,
        silhouette=_silhouette(rows.reduced[clustered], labels[clustered]),
        coverage=float(shares.sum()),
        separation=float(shares.sum() ** 2 - (shares**2).sum()),
    )


def _silhouette(reduced: FloatMatrix, labels: Positions) -> float:
    """Return the mean silhouette of a sample, or NaN where it is not defined (one cluster, or each row its own)."""
    sample = np.arange(len(labels))
    if len(labels) > _SILHOUETTE_ROWS:
        sample = np.sort(np.random.default_rng(0).choice(len(labels), _SILHOUETTE_ROWS, replace=False))
    if not 2 <= len(np.unique(labels[sample])) < len(sample):
        return float("nan")
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(reduced[sample], labels[sample]))
