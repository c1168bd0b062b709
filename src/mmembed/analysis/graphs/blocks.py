"""Cells and blocks: the near pairs of a table that is too large to compare all pairs of its rows.

A row is at home in the cell of its most similar centroid and visits those across whose borders a near row may be. Two
unit rows within the chord r of each other lie on both sides of the plane between their homes' centroids, at distances
that add up to r at most; so one of them is within r / 2 of that plane. If every row visits the cells whose planes are
within r / 2, each near pair meets in the home of one of the two. That is a proof; only where a row would have to visit
more cells than it may is something missed.

Where representatives are wanted in row order, a row that has an earlier representative near it never represents others.
Pairs of two such rows are not listed: a clump of n rows then has n pairs and not n².
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosines import distinct_rows, pair_cosines, unit_rows
from mmembed.analysis.graphs.pairs import MOST_PAIRS, NearPairs, listable
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
    return _join_pairs(parts)


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
            self._settle_near_rows(pairs)
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

    def _settle_near_rows(self, pairs: Pairs) -> None:
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
        return _join_pairs(self._parts)


_NOTHING: Pairs = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))


def _join_pairs(parts: Sequence[Pairs]) -> Pairs:
    left, right, cosines = (np.concatenate(side) for side in zip(*parts, strict=True))
    return left, right, cosines


def _margin(dimension: int) -> np.float32:
    """Return by how much a float32 product of unit rows may be off."""
    return np.float32((2 * dimension + 32) * 2.0**-24)


MOST_CELLS_A_BLOCK = 62  # a row's cells in a block are the bits of one number

SAMPLE_A_CELL = 20

_ROUNDS = 4

_ROUNDING = 1e-4  # of a distance to a plane, from float32 products


@dataclass(frozen=True, eq=False)
class Visits:
    """Where rows are at home and where else they are to be looked for.

    Attributes
    ----------
    homes : numpy.ndarray of int, shape (n,)
        Cell of each row.
    rows, cells : numpy.ndarray of int, shape (p,)
        Each pair of a row and a cell that it is in, its home included, by row.
    cut : numpy.ndarray of bool, shape (n,)
        Rows that would have had to visit more cells than they may; where there are none, no near pair is missed.
    """

    homes: Positions = field(repr=False)
    rows: Positions = field(repr=False)
    cells: Positions = field(repr=False)
    cut: npt.NDArray[np.bool_] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Cells:
    """Centroids, and which of them are neighbours enough to be worked on together.

    Attributes
    ----------
    centroids : numpy.ndarray, shape (c, d), float32
        Different unit rows.
    blocks : numpy.ndarray of int, shape (c,)
        Block of each cell, from 0.
    numbers : numpy.ndarray of int, shape (c,)
        Number of each cell in its block, from 0.
    """

    centroids: FloatMatrix = field(repr=False)
    blocks: Positions = field(repr=False)
    numbers: Positions = field(repr=False)

    @property
    def n_blocks(self) -> int:
        """How many blocks there are."""
        return int(self.blocks.max()) + 1

    def visits(self, units: FloatMatrix, threshold: float, most: int) -> Visits:
        """Return in which cells rows are to be compared, so that all pairs with such a cosine meet.

        Parameters
        ----------
        units : numpy.ndarray, shape (n, d), float32
            Unit rows.
        threshold : float
            Least cosine of a near pair.
        most : int
            Cells that a row may be in, its home included: those with the nearest planes.
        """
        reach = np.sqrt(max(2 - 2 * threshold, 0)) / 2 + _ROUNDING
        homes = np.empty(len(units), dtype=np.int64)
        cut = np.zeros(len(units), dtype=bool)
        rows, cells = [], []
        gaps = self._gaps()
        for part in _chunks(len(units), len(self.centroids)):
            products = units[part] @ self.centroids.T
            home = products.argmax(axis=1)
            homes[part] = home
            at = np.arange(len(home))
            # The distance of each row to the plane between its home's centroid and each other one.
            distances = (products[at, home][:, np.newaxis] - products) / gaps[home]
            distances[at, home] = -1
            near = distances <= reach
            crowded = np.flatnonzero(near.sum(axis=1) > most)
            cut[part.start + crowded] = True
            if len(crowded):
                kept = np.argpartition(distances[crowded], most - 1, axis=1)[:, :most]
                near[crowded] = False
                near[crowded[:, np.newaxis], kept] = True
            row, cell = np.nonzero(near)
            rows.append(row + part.start)
            cells.append(cell)
        return Visits(homes, _join_positions(rows), _join_positions(cells), cut)

    def _gaps(self) -> FloatMatrix:
        """Return the distance between each two centroids; 1 between one and itself."""
        squares = 2 - 2 * (self.centroids @ self.centroids.T)
        np.fill_diagonal(squares, 1)
        return np.asarray(np.sqrt(np.maximum(squares, np.float32(1e-6))))


def fit_cells(sample: FloatMatrix, n_rows: int, *, rows_a_cell: int, rows_a_block: int, nearest: float = 1.0) -> Cells:
    """Choose cells for a table by spherical k-means on a sample of it, and put neighbouring cells into blocks.

    Parameters
    ----------
    sample : numpy.ndarray, shape (s, d), float32
        Unit rows in an order that says nothing of what they hold.
    n_rows : int
        Rows of the table.
    rows_a_cell, rows_a_block : int
        About how many rows are at home in one.
    nearest : float
        Centroids with a greater cosine are one: rows that are nearly equal are best looked at together.
    """
    n_cells = int(np.clip(n_rows // rows_a_cell, 1, max(len(sample) // 4, 1)))
    centroids = sample[:n_cells].copy()
    for _ in range(_ROUNDS):
        sums = _sums(sample, _find_homes(sample, centroids), len(centroids))
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centroids = np.where(lengths > 0, sums / np.where(lengths > 0, lengths, 1), centroids).astype(np.float32)
    centroids = _drop_near_centroids(distinct_rows(centroids).rows, nearest)
    weights = np.bincount(_find_homes(sample, centroids), minlength=len(centroids)) / len(sample) * n_rows
    blocks = np.empty(len(centroids), dtype=np.int64)
    numbers = np.empty(len(centroids), dtype=np.int64)
    for block, members in enumerate(_split_cells(centroids, weights, np.arange(len(centroids)), rows_a_block)):
        blocks[members], numbers[members] = block, np.arange(len(members))
    return Cells(centroids, blocks, numbers)


def _split_cells(
    centroids: FloatMatrix, weights: npt.NDArray[np.float64], members: Positions, most: int
) -> Iterator[Positions]:
    """Halve the cells across their longest direction until each part is light enough."""
    if len(members) == 1 or (weights[members].sum() <= most and len(members) <= MOST_CELLS_A_BLOCK):
        yield members
        return
    centred = centroids[members] - centroids[members].mean(axis=0)
    ordered = members[np.argsort(centred @ _longest_axis(centred), kind="stable")]
    mass = np.cumsum(weights[ordered])
    middle = int(np.clip(np.searchsorted(mass, mass[-1] / 2) + 1, 1, len(ordered) - 1))
    yield from _split_cells(centroids, weights, ordered[:middle], most)
    yield from _split_cells(centroids, weights, ordered[middle:], most)


def _drop_near_centroids(centroids: FloatMatrix, nearest: float) -> FloatMatrix:
    """Return the centroids without those that are too near to one before them."""
    cosines = centroids @ centroids.T
    kept = np.zeros(len(centroids), dtype=bool)
    for one in range(len(centroids)):
        kept[one] = not (cosines[one, :one][kept[:one]] > nearest).any()
    return centroids[kept]


def _longest_axis(centred: FloatMatrix) -> FloatVector:
    """Return about the direction in which rows vary most, by a few rounds of power iteration."""
    axis = centred[np.argmax((centred * centred).sum(axis=1))]
    for _ in range(10):
        axis = (centred @ axis) @ centred
        axis /= max(float(np.linalg.norm(axis)), 1e-30)
    return np.asarray(axis)


def _sums(rows: FloatMatrix, homes: Positions, n_cells: int) -> npt.NDArray[np.float64]:
    """Return the sum of the rows at home in each cell."""
    from scipy.sparse import csr_array

    members = csr_array((np.ones(len(rows)), (homes, np.arange(len(rows)))), shape=(n_cells, len(rows)))
    return np.asarray(members @ rows)


def _find_homes(units: FloatMatrix, centroids: FloatMatrix) -> Positions:
    parts = _chunks(len(units), len(centroids))
    return _join_positions([(units[part] @ centroids.T).argmax(axis=1) for part in parts])


def _chunks(n_rows: int, width: int) -> Iterator[slice]:
    step = max(1, _NUMBERS_AT_ONCE // max(width, 1))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def _join_positions(parts: list[Positions]) -> Positions:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
