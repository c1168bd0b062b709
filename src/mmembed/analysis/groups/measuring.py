"""What is measured of a grouping, whichever method made it, so that groupings can be compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mmembed.analysis.groups.communities import modularity

if TYPE_CHECKING:
    from mmembed.analysis.groups.partition import Table
    from mmembed.arrays import Positions


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
    agreement : float
        Adjusted Rand index with k-means of the same number; NaN where it was not asked.
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
    agreement: float = float("nan")

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
            "agreement": self.agreement,
            "score": self.score,
            "note": note,
        }


def measure(
    table: Table,
    method: str,
    labels: Positions,
    *,
    resolution: float = float("nan"),
    stability: float = float("nan"),
    again: list[tuple[Positions, Positions]] | None = None,
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
    )


def _silhouette(table: Table, labels: Positions) -> float:
    """Return the mean silhouette of a sample, or NaN where it is not defined (one cluster, or each row its own)."""
    inside = np.flatnonzero(labels >= 0)
    if len(inside) > _SILHOUETTE_ROWS:
        inside = np.sort(np.random.default_rng(0).choice(inside, _SILHOUETTE_ROWS, replace=False))
    if not 2 <= len(np.unique(labels[inside])) < len(inside):
        return float("nan")
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(table.reduced[inside], labels[inside]))
