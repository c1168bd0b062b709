"""Clusters and the smaller ones that they fall into, as two sets of columns of one frame."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from mmembed.analysis.clusters.result import Clusters

# Between the name of a cluster and that of a part of it.
_WITHIN = " / "
# Subclusters of a cluster on average, where the data say nothing of them.
_PARTS = 3


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
        return clusters, clusters.at(finer[0])
    if coarser:
        return clusters.at(coarser[-1]), clusters
    cut = min(max(1, clusters.hierarchy.n_leaves), _PARTS * own)
    warnings.warn(
        f"These clusters have one level only, that of {own}. The {cut} subclusters are parts of them that would not be "
        f"found again in other rows; levels=1 leaves them out.",
        UserWarning,
        stacklevel=3,
    )
    return clusters, clusters.at(cut)


def parents(upper: Clusters, lower: Clusters) -> dict[int, int]:
    """Return the label of the cluster that each subcluster is within; noise is within none."""
    pairs = pd.DataFrame({"above": upper.labels, "below": lower.labels}).dropna().drop_duplicates("below").astype(int)
    return {
        below: above
        for above, below in zip(pairs["above"].tolist(), pairs["below"].tolist(), strict=True)
        if below >= 0
    }


def add_two(df: pd.DataFrame, upper: Clusters, lower: Clusters, name: str) -> pd.DataFrame:
    """Return the frame with the columns of both: ``cluster…`` and ``subcluster…``, whose names begin with the parent's.

    A subcluster that is all of its cluster has the cluster's name.
    """
    above_of = parents(upper, lower)
    children = Counter(above_of.values())
    names = dict(lower.names)
    for below, above in above_of.items():
        is_whole = children[above] == 1
        names[below] = upper.names[above] if is_whole else f"{upper.names[above]}{_WITHIN}{lower.names[below]}"
    found = replace(lower, names=names)
    return found.add_to(upper.add_to(df, name=name), name=f"sub{name}")
