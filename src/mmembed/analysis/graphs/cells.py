"""Cells around centroids, so that near rows of a table too large to compare all pairs are looked for in few places.

A row is at home in the cell of its most similar centroid and visits those across whose borders a near row may live. Two
unit rows within the chord r of each other lie on both sides of the plane between their homes' centroids, at distances
that add up to r at most; so one of them is within r / 2 of that plane. If every row visits the cells whose planes are
within r / 2, each near pair meets in the home of one of the two. That is a proof, not a guess; only where a row would
have to visit more cells than it may is something missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mmembed.analysis.rows.distinct import distinct_rows
from mmembed.arrays import FloatMatrix, FloatVector, Positions

MOST_CELLS_A_BLOCK = 62  # a row's cells in a block are the bits of one number
SAMPLE_A_CELL = 20
_ROUNDS = 4
_ROUNDING = 1e-4  # of a distance to a plane, from float32 products
_NUMBERS_AT_ONCE = 1 << 22


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
        return Visits(homes, _joined(rows), _joined(cells), cut)

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
        sums = _sums(sample, _homes(sample, centroids), len(centroids))
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centroids = np.where(lengths > 0, sums / np.where(lengths > 0, lengths, 1), centroids).astype(np.float32)
    centroids = _apart(distinct_rows(centroids).rows, nearest)
    weights = np.bincount(_homes(sample, centroids), minlength=len(centroids)) / len(sample) * n_rows
    blocks = np.empty(len(centroids), dtype=np.int64)
    numbers = np.empty(len(centroids), dtype=np.int64)
    for block, members in enumerate(_parted(centroids, weights, np.arange(len(centroids)), rows_a_block)):
        blocks[members], numbers[members] = block, np.arange(len(members))
    return Cells(centroids, blocks, numbers)


def _parted(
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
    yield from _parted(centroids, weights, ordered[:middle], most)
    yield from _parted(centroids, weights, ordered[middle:], most)


def _apart(centroids: FloatMatrix, nearest: float) -> FloatMatrix:
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


def _homes(units: FloatMatrix, centroids: FloatMatrix) -> Positions:
    parts = _chunks(len(units), len(centroids))
    return _joined([(units[part] @ centroids.T).argmax(axis=1) for part in parts])


def _chunks(n_rows: int, width: int) -> Iterator[slice]:
    step = max(1, _NUMBERS_AT_ONCE // max(width, 1))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def _joined(parts: list[Positions]) -> Positions:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
