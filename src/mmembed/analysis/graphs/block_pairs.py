"""The near pairs of a block of rows, found in its cells.

Where representatives are wanted in row order, a row that has an earlier representative near it will never represent
others. Pairs of two such rows tell nothing and are not listed: a clump of n rows then has n pairs and not n².
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mmembed.analysis.graphs.near_pairs import MOST_PAIRS, NearPairs, listable
from mmembed.analysis.rows.cosine import pair_cosines, unit_rows
from mmembed.analysis.rows.distinct import distinct_rows
from mmembed.arrays import BoolVector, FloatMatrix, FloatVector, Positions
from mmembed.vectors.rows import row_lengths

Pairs = tuple[Positions, Positions, FloatVector]

_NUMBERS_AT_ONCE = 1 << 22

_PAIRS_AT_ONCE = 200_000  # measured before it is asked again which rows are settled


def pairs_in_block(
    rows: FloatMatrix,
    numbers: Positions,
    homes: Positions,
    cells: npt.NDArray[np.int64],
    levels: Sequence[float],
    *,
    alone: BoolVector | None = None,
    most: int = MOST_PAIRS,
) -> NearPairs:
    """Find the near pairs of a block: of each row with those that are in its home cell.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d), float32
        Without zero rows.
    numbers : numpy.ndarray of int, shape (n,)
        What to call the rows; in rising order.
    homes : numpy.ndarray of int, shape (n,)
        Cell of each row, from 0; -1 for a row that is at home in another block.
    cells : numpy.ndarray of int64, shape (n,)
        The cells that each row is in, its home included, as bits.
    levels : sequence of float
        Thresholds, from strict to loose. Where the loose ones have too many pairs, only the strict ones are listed.
    alone : numpy.ndarray of bool, shape (n,), optional
        Rows that are in their home cell only, in any block. With it, and with one level, pairs are left out that do not
        matter where the rows represent each other in the order of their numbers.
    most : int
        Pairs that are kept.
    """
    block = _Block(rows, homes, cells, kept=_Kept(list(levels), most), alone=alone if len(levels) == 1 else None)
    for cell in range(int(homes.max(initial=-1)) + 1):
        block.compare(cell)
    first = block.distinct.first
    equal = first[block.distinct.groups]
    others = np.flatnonzero(equal != np.arange(len(rows)))
    left, right, cosines = block.kept.pairs()
    return NearPairs(
        numbers[first[left]],
        numbers[first[right]],
        cosines,
        np.column_stack([numbers[equal[others]], numbers[others]]),
        block.kept.threshold,
        numbers[first[block.settled]],
    )


def pairs_across(left: FloatMatrix, right: FloatMatrix, threshold: float) -> Pairs:
    """Return all pairs of a row of one matrix and a row of another within a threshold: both positions, the cosine."""
    units = np.ascontiguousarray(unit_rows(left).T)
    parts = [_NOTHING]
    step = max(1, _NUMBERS_AT_ONCE // max(len(left), 1))
    for start in range(0, len(right), step):
        near = unit_rows(right[start : start + step]) @ units >= np.float32(threshold) - _margin(left.shape[1])
        place, row = np.nonzero(near)
        cosines = pair_cosines(left, right, row, place + start)
        fits = cosines >= np.float32(threshold)
        parts.append((row[fits], place[fits] + start, cosines[fits]))
    return _joined(parts)


class _Block:
    """The different rows of a block, the pairs found so far, and which rows are settled."""

    def __init__(
        self,
        rows: FloatMatrix,
        homes: Positions,
        cells: npt.NDArray[np.int64],
        *,
        kept: _Kept,
        alone: BoolVector | None,
    ) -> None:
        self.distinct = distinct_rows(rows)
        self.kept = kept
        self.settled = np.zeros(len(self.distinct), dtype=bool)
        self._units = unit_rows(self.distinct.rows)
        self._lengths = row_lengths(self.distinct.rows)
        self._in = np.zeros(len(self.distinct), dtype=np.int64)
        self._home = np.zeros(len(self.distinct), dtype=np.int64)
        groups, local = self.distinct.groups, np.flatnonzero(homes >= 0)
        np.bitwise_or.at(self._in, groups, cells)
        np.bitwise_or.at(self._home, groups[local], np.int64(1) << homes[local])
        self._settles = alone is not None
        self._alone = np.ones(len(self.distinct), dtype=bool)
        if alone is not None:
            self._alone[groups[~alone]] = False

    def compare(self, cell: int) -> None:
        """Compare the rows at home in a cell with all that are in it."""
        residents, present = (np.flatnonzero(bits >> cell & 1) for bits in (self._home, self._in))
        residents = residents[np.argsort(self.distinct.first[residents])]
        visitors = present[self._home[present] >> cell & 1 == 0]
        inside = np.ascontiguousarray(self._units[present].T)
        step = max(1, _NUMBERS_AT_ONCE // max(len(present), 1))
        done = 0
        while done < len(residents):
            asked = residents[done : done + step]
            settled = self.settled[asked]
            free = asked[~settled]
            near = self._units[free] @ inside >= self._rough_threshold()
            if self._settles:
                enough = np.searchsorted(np.cumsum(near.sum(axis=1)), _PAIRS_AT_ONCE, side="right") + 1
                if enough < len(free):
                    asked = asked[: np.flatnonzero(~settled)[enough]]
                    free, near = free[:enough], near[:enough]
            row, place = np.nonzero(near)
            pairs = self._measured(free[row], present[place])
            self._settle(pairs)
            self._keep(cell, pairs)
            # Of a settled row only the pairs with visitors that may represent it are to be found here.
            known, unsure = asked[settled[: len(asked)]], visitors[~self.settled[visitors]]
            row, place = np.nonzero(self._units[known] @ self._units[unsure].T >= self._rough_threshold())
            self._keep(cell, self._measured(known[row], unsure[place]))
            done += len(asked)

    def _rough_threshold(self) -> np.float32:
        return np.float32(np.float32(self.kept.threshold) - _margin(self._units.shape[1]))

    def _measured(self, left: Positions, right: Positions) -> Pairs:
        other = left != right
        left, right = left[other], right[other]
        rows, lengths = self.distinct.rows, self._lengths
        cosines = pair_cosines(rows, rows, left, right, left_lengths=lengths, right_lengths=lengths)
        near = cosines >= np.float32(self.kept.threshold)
        return left[near], right[near], cosines[near]

    def _settle(self, pairs: Pairs) -> None:
        """Settle the rows near to one that surely is a representative.

        It is one if all rows near it are known, for it is in this cell alone, and all earlier ones of them are settled.
        """
        if not self._settles:
            return
        left, right, _ = pairs
        order = self.distinct.first
        for start, end in pairwise([*np.flatnonzero(np.diff(left, prepend=-1)), len(left)]):
            row, near = left[start], right[start:end]
            if self._alone[row] and not self.settled[row] and self.settled[near[order[near] < order[row]]].all():
                self.settled[near] = True

    def _keep(self, cell: int, pairs: Pairs) -> None:
        left, right, cosines = pairs
        if self._settles:
            wanted = ~(self.settled[left] & self.settled[right])
        else:  # two residents meet twice
            wanted = (left < right) | (self._home[right] >> cell & 1 == 0)
        self.kept.add(left[wanted], right[wanted], cosines[wanted])


class _Kept:
    """Pairs, down to the loosest level whose pairs are not too many."""

    def __init__(self, levels: list[float], most: int) -> None:
        self._levels, self._most = levels, most
        self._parts: list[Pairs] = [_NOTHING]
        self._count = 0

    @property
    def threshold(self) -> float:
        return self._levels[-1] if self._levels else np.inf

    def add(self, left: Positions, right: Positions, cosines: FloatVector) -> None:
        near = np.flatnonzero(cosines >= np.float32(self.threshold))
        self._parts.append((left[near], right[near], cosines[near]))
        self._count += len(near)
        if self._count > self._most:
            kept = self.pairs()
            threshold = listable(kept[2], self._levels, self._most)
            self._levels = [level for level in self._levels if level >= threshold]
            fits = np.flatnonzero(kept[2] >= np.float32(threshold))
            self._parts = [(kept[0][fits], kept[1][fits], kept[2][fits])]
            self._count = len(fits)

    def pairs(self) -> Pairs:
        return _joined(self._parts)


_NOTHING: Pairs = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))


def _joined(parts: Sequence[Pairs]) -> Pairs:
    left, right, cosines = (np.concatenate(side) for side in zip(*parts, strict=True))
    return left, right, cosines


def _margin(dimension: int) -> np.float32:
    """Return by how much a float32 product of unit rows may be off."""
    return np.float32((2 * dimension + 32) * 2.0**-24)
