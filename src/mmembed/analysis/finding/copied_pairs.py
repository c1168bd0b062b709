"""Near duplicates where something besides the vectors says which pairs are copies, such as the letters of two texts.

The nearest pairs of a table are asked for. If a cosine parts those that are copies from the others, it is the
threshold. If none does, the vectors do not tell copies, and the pairs themselves are what is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from mmembed.analysis.cosines import DistinctRows, pair_cosines
from mmembed.analysis.finding.duplicate_threshold import (
    DuplicateThreshold,
    Threshold,
    check_duplicate_threshold,
    level_between,
    resolve_threshold,
)
from mmembed.analysis.graphs.graph import FEWEST_NEIGHBORS, NeighborGraph, shared_graph
from mmembed.analysis.graphs.near_rows import NearRows
from mmembed.analysis.graphs.pairs import NearLists
from mmembed.arrays import BoolVector, FloatMatrix, FloatVector, Positions

Alike = Callable[[Positions, Positions], BoolVector]

# On the development sets of benchmarks/labelled/copies.py one copy in 25 was not among the ten nearest rows, and one
# in a hundred not among these.
_LOOKED_AT = FEWEST_NEIGHBORS
# Agreement (F1) of a level with the pairs that are copies, from which on the level stands for them.
_AGREES = 0.95
_MOST_TOGETHER = 200


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """The level of near duplicates, and the different rows that are within it.

    Attributes
    ----------
    level : DuplicateThreshold
    near : NearRows or NearLists
    method, recall : str, float
        Of the graph.
    """

    level: DuplicateThreshold
    near: NearRows | NearLists = field(repr=False)
    method: str
    recall: float

    @classmethod
    def find(cls, distinct: DistinctRows, threshold: Threshold, alike: Alike | None, rows: Positions) -> NearDuplicates:
        """Find the level where none is given, and what is within it.

        Parameters
        ----------
        distinct : DistinctRows
            Of rows with a direction; at least one.
        threshold : float or "auto"
        alike : callable or None
            Returns for pairs of positions in the table, ``left`` and ``right`` of shape (p,), whether each is one of
            copies. It is asked where the threshold is ``"auto"``.
        rows : numpy.ndarray of int
            Where the rows that the distinct ones were made of stand in the table.
        """
        if alike is None or check_duplicate_threshold(threshold) != "auto" or len(distinct) < 2:
            level = resolve_threshold(threshold, distinct.rows)
        else:
            graph = shared_graph(distinct.rows, FEWEST_NEIGHBORS)
            pairs = _Pairs.of(graph, alike, rows[distinct.first])
            level = pairs.level()
            if level.source == "pairs":
                near = pairs.put_together(distinct.rows, alike, rows[distinct.first])
                return cls(level, near, graph.method, graph.recall)
        within = NearRows.of(distinct.rows, level.level)
        return cls(level, within, *within.method())


@dataclass(frozen=True, eq=False)
class _Pairs:
    """The nearest pairs of a table and whether they are copies."""

    left: Positions
    right: Positions
    cosines: FloatVector
    are_copies: BoolVector

    @classmethod
    def of(cls, graph: NeighborGraph, alike: Alike, rows: Positions) -> _Pairs:
        indices = graph.indices[:, :_LOOKED_AT].astype(np.int64)
        one, place = np.nonzero(indices >= 0)
        other = indices[one, place]
        low, high = np.minimum(one, other), np.maximum(one, other)
        _, first = np.unique(low * len(indices) + high, return_index=True)
        left, right = low[first], high[first]
        return cls(left, right, graph.similarities[one, place][first], alike(rows[left], rows[right]))

    def level(self) -> DuplicateThreshold:
        """Return the level that agrees best with the copies; the least cosine of one where none agrees well."""
        if not self.are_copies.any():
            return DuplicateThreshold(1.0, "contents")
        order = np.argsort(-self.cosines, kind="stable")
        cosines, right = self.cosines[order], np.cumsum(self.are_copies[order])
        agreement = 2 * right / (np.arange(1, len(order) + 1) + right[-1])
        agreement[:-1][cosines[:-1] == cosines[1:]] = 0  # a level takes all pairs of one cosine
        best = int(agreement.argmax())
        if agreement[best] < _AGREES:
            return DuplicateThreshold(float(cosines[np.flatnonzero(self.are_copies[order])[-1]]), "pairs")
        following = cosines[best + 1] if best + 1 < len(cosines) else cosines[best]
        return DuplicateThreshold(level_between(cosines[best], following), "contents")

    def put_together(self, distinct: FloatMatrix, alike: Alike, rows: Positions) -> NearLists:
        """Return the copies of each row: those among its nearest rows and, in small groups, those of its copies, too.

        A row has only some of many copies among its nearest rows.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        left, right = self.left[self.are_copies], self.right[self.are_copies]
        links = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(len(rows), len(rows)))
        _, groups = connected_components(links, directed=False)
        sizes = np.bincount(groups)
        members = np.argsort(groups, kind="stable")
        ends = np.cumsum(sizes)
        chosen = np.flatnonzero((sizes > 2) & (sizes <= _MOST_TOGETHER))
        further = [pair for one in chosen for pair in combinations(members[ends[one] - sizes[one] : ends[one]], 2)]
        cosines = self.cosines[self.are_copies]
        if further:
            pairs = np.sort(np.array(further, dtype=np.int64), axis=1)
            known = self.left * len(rows) + self.right
            pairs = pairs[~np.isin(pairs[:, 0] * len(rows) + pairs[:, 1], known)]
            pairs = pairs[alike(rows[pairs[:, 0]], rows[pairs[:, 1]])]
            left, right = np.append(left, pairs[:, 0]), np.append(right, pairs[:, 1])
            cosines = np.append(cosines, pair_cosines(distinct, distinct, pairs[:, 0], pairs[:, 1]))
        return NearLists.of(left, right, cosines, len(rows))
