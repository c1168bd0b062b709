"""Pairs of rows within a threshold: found in the cells of one block, and put together to lists by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mmembed.analysis.rows.cosine import FloatMatrix, FloatVector, Positions, pair_cosines, unit_rows
from mmembed.analysis.rows.distinct import DistinctRows, distinct_rows
from mmembed.vectors.lengths import row_lengths

MOST_PAIRS = 20_000_000
_NUMBERS_AT_ONCE = 1 << 22


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
    """

    left: Positions = field(repr=False)
    right: Positions = field(repr=False)
    cosines: FloatVector = field(repr=False)
    twins: Positions = field(repr=False)
    threshold: float

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
        threshold = _listable(cosines, [level for level in levels if level >= max(p.threshold for p in parts)], most)
        kept = np.flatnonzero(cosines >= np.float32(threshold))
        return cls(left[kept], right[kept], cosines[kept], twins, threshold)

    def at(self, threshold: float) -> NearPairs:
        """Return the pairs of a stricter threshold."""
        kept = np.flatnonzero(self.cosines >= np.float32(threshold))
        return NearPairs(self.left[kept], self.right[kept], self.cosines[kept], self.twins, threshold)

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


def pairs_in_block(
    rows: FloatMatrix,
    numbers: Positions,
    homes: Positions,
    cells: npt.NDArray[np.int64],
    levels: Sequence[float],
    *,
    most: int = MOST_PAIRS,
) -> NearPairs:
    """Find the near pairs of a block: of each row with those that are in its home cell.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d), float32
        Without zero rows.
    numbers : numpy.ndarray of int, shape (n,)
        What to call the rows.
    homes : numpy.ndarray of int, shape (n,)
        Cell of each row, from 0; -1 for a row that is at home in another block.
    cells : numpy.ndarray of int64, shape (n,)
        The cells that each row is in, its home included, as bits.
    levels : sequence of float
        Thresholds, from strict to loose. Where the loose ones have too many pairs, only the strict ones are listed.
    most : int
        Pairs that are kept.
    """
    distinct = distinct_rows(rows)
    first = distinct.first
    others = np.flatnonzero(first[distinct.groups] != np.arange(len(rows)))
    twins = np.column_stack([numbers[first[distinct.groups[others]]], numbers[others]])
    units = unit_rows(distinct.rows)
    is_in = np.zeros(len(distinct), dtype=np.int64)
    np.bitwise_or.at(is_in, distinct.groups, cells)
    at_home = np.zeros(len(distinct), dtype=np.int64)
    local = np.flatnonzero(homes >= 0)
    np.bitwise_or.at(at_home, distinct.groups[local], np.int64(1) << homes[local])
    lengths = row_lengths(distinct.rows)
    kept = _Kept(list(levels), most)
    margin = _margin(rows.shape[1])
    for cell in range(int(homes.max(initial=-1)) + 1):
        residents, present = (np.flatnonzero(bits >> cell & 1) for bits in (at_home, is_in))
        if not len(residents):
            continue
        inside = np.ascontiguousarray(units[present].T)
        step = max(1, _NUMBERS_AT_ONCE // len(present))
        for start in range(0, len(residents), step):
            asked = residents[start : start + step]
            row, place = np.nonzero(units[asked] @ inside >= np.float32(kept.threshold) - margin)
            left, right = asked[row], present[place]
            # Two residents meet twice, and each meets itself.
            once = (left < right) | ((left != right) & (at_home[right] >> cell & 1 == 0))
            left, right = left[once], right[once]
            cosines = pair_cosines(
                distinct.rows, distinct.rows, left, right, left_lengths=lengths, right_lengths=lengths
            )
            kept.add(left, right, cosines)
    left, right, cosines = kept.pairs()
    return NearPairs(numbers[first[left]], numbers[first[right]], cosines, twins, kept.threshold)


def pairs_across(left: FloatMatrix, right: FloatMatrix, threshold: float) -> tuple[Positions, Positions, FloatVector]:
    """Return all pairs of a row of one matrix and a row of another within a threshold: both positions, the cosine."""
    units = np.ascontiguousarray(unit_rows(left).T)
    parts = []
    step = max(1, _NUMBERS_AT_ONCE // max(len(left), 1))
    for start in range(0, len(right), step):
        near = unit_rows(right[start : start + step]) @ units >= np.float32(threshold) - _margin(left.shape[1])
        place, row = np.nonzero(near)
        cosines = pair_cosines(left, right, row, place + start)
        fits = cosines >= np.float32(threshold)
        parts.append((row[fits], place[fits] + start, cosines[fits]))
    none = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    rows, places, cosines = (np.concatenate(side) for side in zip(none, *parts, strict=True))
    return rows, places, cosines


def _margin(dimension: int) -> np.float32:
    """Return by how much a float32 product of unit rows may be off."""
    return np.float32((2 * dimension + 32) * 2.0**-24)


class _Kept:
    """Pairs, down to the loosest level whose pairs are not too many."""

    def __init__(self, levels: list[float], most: int) -> None:
        self._levels, self._most = levels, most
        self._parts: list[tuple[Positions, Positions, FloatVector]] = []
        self._count = 0

    @property
    def threshold(self) -> float:
        return self._levels[-1] if self._levels else np.inf

    def add(self, left: Positions, right: Positions, cosines: FloatVector) -> None:
        near = np.flatnonzero(cosines >= np.float32(self.threshold))
        self._parts.append((left[near], right[near], cosines[near]))
        self._count += len(near)
        if self._count > self._most:
            threshold = _listable(self.pairs()[2], self._levels, self._most)
            self._levels = [level for level in self._levels if level >= threshold]
            kept = self.pairs()
            fits = np.flatnonzero(kept[2] >= np.float32(threshold))
            self._parts = [(kept[0][fits], kept[1][fits], kept[2][fits])]
            self._count = len(fits)

    def pairs(self) -> tuple[Positions, Positions, FloatVector]:
        none = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        left, right, cosines = (np.concatenate(side) for side in zip(none, *self._parts, strict=True))
        return left, right, cosines


def _listable(cosines: FloatVector, levels: Sequence[float], most: int) -> float:
    """Return the loosest level that has so many pairs at most; infinity if even the strictest has more."""
    counts = [int((cosines >= np.float32(level)).sum()) for level in levels]
    fitting = [level for level, count in zip(levels, counts, strict=True) if count <= most]
    return min(fitting, default=np.inf)
