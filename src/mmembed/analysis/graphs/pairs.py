"""Pairs of rows within a threshold, put together to lists by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mmembed.analysis.cosines import DistinctRows
from mmembed.arrays import FloatVector, Positions

MOST_PAIRS = 20_000_000


@dataclass(frozen=True, eq=False)
class NearPairs:
    """Pairs of different rows within a threshold, and pairs of equal rows, by the rows' numbers.

    Attributes
    ----------
    left, right : numpy.ndarray of int, shape (p,)
    cosines : numpy.ndarray, shape (p,), float32
    twins : numpy.ndarray of int, shape (t, 2)
        Pairs of equal rows, enough of them to connect all that are equal.
    threshold : float
        Greater than the one asked for where there were too many pairs.
    settled : numpy.ndarray of int, shape (s,)
        Rows that surely represent no others; pairs of two of them are not listed.
    """

    left: Positions = field(repr=False)
    right: Positions = field(repr=False)
    cosines: FloatVector = field(repr=False)
    twins: Positions = field(repr=False)
    threshold: float
    settled: Positions = field(default_factory=lambda: np.empty(0, dtype=np.int64), repr=False)

    def __len__(self) -> int:
        return len(self.left)

    @classmethod
    def together(cls, parts: Sequence[NearPairs], levels: Sequence[float], *, most: int = MOST_PAIRS) -> NearPairs:
        """Return the pairs of all blocks, down to the loosest level that all of them could list.

        Parameters
        ----------
        parts : sequence of NearPairs
        levels : sequence of float
            Thresholds, from strict to loose.
        most : int
            Pairs that are kept.
        """
        left, right, cosines, twins = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("left", "right", "cosines", "twins")
        )
        settled = np.unique(np.concatenate([part.settled for part in parts]))
        threshold = listable(cosines, [level for level in levels if level >= max(p.threshold for p in parts)], most)
        kept = np.flatnonzero(cosines >= np.float32(threshold))
        return cls(left[kept], right[kept], cosines[kept], twins, threshold, settled)

    def at(self, threshold: float) -> NearPairs:
        """Return the pairs of a stricter threshold."""
        kept = np.flatnonzero(self.cosines >= np.float32(threshold))
        return NearPairs(self.left[kept], self.right[kept], self.cosines[kept], self.twins, threshold, self.settled)

    def by_row(self) -> tuple[Positions, DistinctRows, NearLists]:
        """Return the rows in any pair, which of them are equal, and the lists of those near to each different one.

        Returns
        -------
        numbers : numpy.ndarray of int, shape (m,)
            The rows, in rising order.
        distinct : DistinctRows
            Of these rows; without their vectors.
        near : NearLists
            Of the different rows.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        numbers = np.unique(np.concatenate([self.left, self.right, self.twins.reshape(-1)]))
        one, other = np.searchsorted(numbers, self.twins.T)
        links = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(len(numbers), len(numbers)))
        _, groups = connected_components(links, directed=False)
        groups = groups.astype(np.int64)
        _, first, counts = np.unique(groups, return_index=True, return_counts=True)
        distinct = DistinctRows(np.empty((len(first), 0), dtype=np.float32), groups, counts, first)
        left, right = (groups[np.searchsorted(numbers, side)] for side in (self.left, self.right))
        return numbers, distinct, NearLists.of(left, right, self.cosines, len(first))


@dataclass(frozen=True, eq=False)
class NearLists:
    """For each of different rows the others within a threshold, as :class:`NearRows` tells it from a graph."""

    starts: Positions = field(repr=False)
    others: Positions = field(repr=False)
    cosines: FloatVector = field(repr=False)

    @classmethod
    def of(cls, left: Positions, right: Positions, cosines: FloatVector, n_rows: int) -> NearLists:
        """Sort pairs, which may be given more than once, into the lists of both their rows."""
        low, high = np.minimum(left, right), np.maximum(left, right)
        _, chosen = np.unique(low * n_rows + high, return_index=True)
        rows = np.concatenate([low[chosen], high[chosen]])
        others = np.concatenate([high[chosen], low[chosen]])
        values = np.concatenate([cosines[chosen], cosines[chosen]])
        order = np.lexsort((others, -values, rows))
        starts = np.searchsorted(rows[order], np.arange(n_rows + 1))
        return cls(starts, others[order], values[order])

    def __len__(self) -> int:
        return len(self.starts) - 1

    def have_any(self) -> Positions:
        """Return the rows that have another one within the threshold, in row order."""
        return np.flatnonzero(np.diff(self.starts))

    def of_row(self, position: int) -> tuple[Positions, FloatVector]:
        """Return the other rows within the threshold of one row, nearest first, and their cosines."""
        inside = slice(self.starts[position], self.starts[position + 1])
        return self.others[inside], self.cosines[inside]


def listable(cosines: FloatVector, levels: Sequence[float], most: int) -> float:
    """Return the loosest level that has so many pairs at most; infinity if even the strictest has more."""
    counts = [int((cosines >= np.float32(level)).sum()) for level in levels]
    fitting = [level for level, count in zip(levels, counts, strict=True) if count <= most]
    return min(fitting, default=np.inf)
