"""How clearly each row is in its cluster: its cosine with the centroid, and the nearest other cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmembed.analysis.cosines import pair_cosines

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, FloatVector, Positions


def memberships(
    rows: FloatMatrix, labels: Positions, centroids: FloatMatrix
) -> tuple[FloatVector, Positions, FloatVector]:
    """Return each row's cosine with its centroid (at least 0), the nearest other cluster, and by how much it is nearer.

    Noise has NaN, the nearest cluster, and NaN.
    """
    scores = np.full(len(rows), np.nan, dtype=np.float32)
    margins = np.full(len(rows), np.nan, dtype=np.float32)
    rivals = np.full(len(rows), -1, dtype=np.int64)
    inside = np.flatnonzero(labels >= 0)
    scores[inside] = np.maximum(pair_cosines(rows, centroids, inside, labels[inside]), 0)
    if not len(centroids):
        return scores, rivals, margins
    cosines = rows @ centroids.T
    own = cosines[inside, labels[inside]].copy()
    cosines[inside, labels[inside]] = -np.inf
    rivals = cosines.argmax(axis=1).astype(np.int64)
    if len(centroids) > 1:
        margins[inside] = own - cosines[inside].max(axis=1)
    else:
        rivals[inside] = -1
    return scores, rivals, margins
