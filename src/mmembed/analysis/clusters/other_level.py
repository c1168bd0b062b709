"""Another level of clusters as a result of its own: its labels, centroids, scores and nearest neighbours."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmembed.analysis.clusters.membership import LabelledRows, memberships
from mmembed.analysis.clusters.methods import weighted_centroids
from mmembed.analysis.cosines import distinct_directions
from mmembed.analysis.names.naming import name_clusters

if TYPE_CHECKING:
    from mmembed.analysis.clusters.result import Clusters

# Between the name of a cluster and that of a part of it.
_WITHIN = " / "
# Subclusters of a cluster on average, where the data say nothing of them.
_PARTS = 3


def at_level(clusters: Clusters, n_clusters: int) -> Clusters:
    """Return the clusters of another level.

    Raises
    ------
    ValueError
        If there is no such level, or if the vectors are not at hand.
    """
    labels = clusters.cut(n_clusters)
    if clusters.vectors is None:
        raise ValueError(
            "Clusters that were read from a file have no vectors to make another level of. "
            "cut(n) gives its labels; fit_clusters gives a result with all of it."
        )
    missing = np.asarray(labels.isna())
    distinct = distinct_directions(clusters.preparation.source(clusters.vectors, clusters.kinds))
    by_row = np.asarray(pd.Series(labels).fillna(0), dtype=np.int64)[~missing]
    of_distinct = by_row[distinct.first]
    number = int(of_distinct.max(initial=-1)) + 1
    centroids = weighted_centroids(distinct.rows, distinct.counts, of_distinct, number)
    scores, rivals, margins = (values[distinct.groups] for values in memberships(distinct.rows, of_distinct, centroids))

    def spread(values: np.ndarray, fill: float) -> np.ndarray:
        full = np.full(len(missing), fill, dtype=values.dtype)
        full[~missing] = values
        return full

    row_scores = spread(scores, np.nan)
    return replace(
        clusters,
        labels=labels,
        scores=row_scores,
        names=name_clusters(labels, None, scores=row_scores),
        estimator=None,
        centroids=centroids,
        numbers=np.arange(number),
        # What was measured is of the level of the fit.
        stability=float("nan"),
        stabilities=np.full(number, np.nan, dtype=np.float32),
        assigned=np.zeros(len(missing), dtype=bool),
        rivals=spread(rivals, -1),
        margins=spread(margins, np.nan),
        hierarchy=replace(clusters.hierarchy, n_clusters=number),
        grouped=LabelledRows.of(distinct, of_distinct),
        raw_numbers={},
    )


def two_levels(clusters: Clusters) -> tuple[Clusters, Clusters]:
    """Return clusters and the smaller ones that they fall into, named by numbers.

    They are the level of the fit and the next finer one, or where there is none the next coarser one and that of the
    fit.

    Warns
    -----
    UserWarning
        If the data have one level only: the smaller clusters are then a cut of the tree that stands for nothing.
    """
    levels, own = clusters.levels, clusters.hierarchy.n_clusters
    finer = [level for level in levels if level > own]
    coarser = [level for level in levels if 1 < level < own]
    if finer:
        return clusters, at_level(clusters, finer[0])
    if coarser:
        return at_level(clusters, coarser[-1]), clusters
    cut = min(max(1, clusters.hierarchy.n_leaves), _PARTS * own)
    warnings.warn(
        f"These clusters have one level only, that of {own}. The {cut} subclusters are parts of them that would not be "
        f"found again in other rows; levels=1 leaves them out.",
        UserWarning,
        stacklevel=3,
    )
    return clusters, at_level(clusters, cut)


def add_two(df: pd.DataFrame, upper: Clusters, lower: Clusters, name: str) -> pd.DataFrame:
    """Return the frame with the columns of both: ``cluster…`` and ``subcluster…``, whose names begin with the parent's.

    A subcluster that is all of its cluster has the cluster's name.
    """
    pairs = pd.DataFrame({"above": upper.labels, "below": lower.labels}).dropna().drop_duplicates("below").astype(int)
    children = pairs["above"].value_counts()
    names = dict(lower.names)
    for above, below in zip(pairs["above"].tolist(), pairs["below"].tolist(), strict=True):
        if below >= 0:
            is_whole = children[above] == 1
            names[below] = upper.names[above] if is_whole else f"{upper.names[above]}{_WITHIN}{lower.names[below]}"
    found = replace(lower, names=names)
    return found.add_to(upper.add_to(df, name=name), name=f"sub{name}")
