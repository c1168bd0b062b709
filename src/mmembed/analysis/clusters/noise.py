"""Rows that belong to no community: as far from all neighbours as those of no community are, and tied to several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmembed.analysis.clusters.methods import tie_blocks

if TYPE_CHECKING:
    from mmembed.analysis.clusters.points import Points
    from mmembed.arrays import Positions

# A row is far out whose distance from its neighbours is the community's median plus so many of its spreads, and so many
# times the median; it is a stray if less than this share of its ties are with its own community. Heavy tails alone are
# far out, but tied to nothing else.
_FAR, _FAR_RATIO, _FAR_TIED = 3.0, 1.15, 0.8
# A row that is tied to others for the most part need be less far out, the less the more rows say what is usual.
_TORN, _TORN_RATIO, _TORN_TIED = 1.0, 1.05, 0.75
_FEW_ROWS = 300
# The lower spread of a normal distribution: neighbours of strays widen the upper one.
_LOWER = 0.16
# A community with as few ties of its own, whose rows are so many times as far apart as in those that hold together, is
# a lump of strays; a larger one of them has more ties of its own, and is told by how far apart they are.
_LUMP_TIED, _LUMP_RATIO, _HOLDS = 0.6, 1.25, 0.7
_LARGE_LUMP_TIED, _LARGE_LUMP_RATIO = 0.75, 2.0


def strays(table: Points, labels: Positions) -> npt.NDArray[np.bool_]:
    """Return which distinct rows of communities belong to none of them."""
    inside = labels >= 0
    number = int(labels.max(initial=-1)) + 1
    if number < 2:
        return np.zeros(len(labels), dtype=bool)
    distances = table.neighbor_distances
    tied = _own_share(table, labels)
    median, spread, share = np.zeros(number), np.zeros(number), np.zeros(number)
    for label in range(number):
        rows = labels == label
        median[label], low = np.quantile(distances[rows], [0.5, _LOWER])
        spread[label] = median[label] - low
        share[label] = tied[rows].mean()
    usual, width = median[labels], spread[labels]
    is_far = (distances > np.maximum(usual + _FAR * width, _FAR_RATIO * usual)) & (tied < _FAR_TIED)
    # Where communities overlap altogether, ties to others say little.
    least = _TORN_TIED * float(np.median(tied[inside])) ** 3
    reach = _TORN + _FEW_ROWS / len(labels)
    is_torn = (distances > np.maximum(usual + reach * width, _TORN_RATIO * usual)) & (tied < least)
    is_lump, is_loose = np.zeros(number, dtype=bool), np.zeros(len(labels), dtype=bool)
    holds = share >= _HOLDS
    if holds.any():
        sizes = np.bincount(labels[inside], minlength=number)
        typical = float(np.median(np.repeat(median[holds], sizes[holds])))
        is_lump = (share < _LUMP_TIED) & (median > _LUMP_RATIO * typical)
        is_lump |= (share < _LARGE_LUMP_TIED) & (median > _LARGE_LUMP_RATIO * typical)
        # In a community with many strays they are usual. So a torn row is compared with the rows of all communities
        # that hold together, too: it is a stray if it is far out there, the farther the fewer rows say what is usual.
        is_loose = (distances > (_FAR_RATIO + _FEW_ROWS / len(labels)) * typical) & (tied < least)
    return np.asarray(inside & (is_far | is_torn | is_loose | is_lump[labels]))


def _own_share(table: Points, labels: Positions) -> npt.NDArray[np.float64]:
    """Return the share of each row's ties that are within its community."""
    weights = table.weights
    own, whole = np.zeros(len(labels)), np.zeros(len(labels))
    for row, at in tie_blocks(weights):
        if not len(row):
            continue
        first, ties = row[0], weights.data[at]
        within = np.bincount(row - first, ties * (labels[row] == labels[weights.indices[at]]))
        own[first : first + len(within)] = within
        whole[first : first + len(within)] = np.bincount(row - first, ties)
    return np.asarray(own / np.maximum(whole, 1e-12))
