"""Candidates for neighbours of very many rows: from the cells that a row is near to, then from its neighbours' own.

Rows far from all centroids look into more cells than those in the midst of one: into all whose centroids are about as
near as the nearest one. Then each row is offered the rows near to those that are near to it, and to those it is near to
(Dong et al., "Efficient k-nearest neighbor graph construction for generic similarity measures", WWW 2011). Time grows
with the rows and not with their square.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.graphs.blocks import fit_cells

if TYPE_CHECKING:
    from mmembed.analysis.graphs.recall import Sample
    from mmembed.arrays import FloatMatrix, Positions

    BoolMatrix = npt.NDArray[np.bool_]
    Rows32 = npt.NDArray[np.int32]

ROWS_A_CELL = 250

_ROWS_LOOKED_AT = 40  # for each cell, to choose its centroid

_FOUND_AT_FIRST = 0.9  # of the neighbours; the others are found over these

_MOST_CELLS = 32  # that a row looks into

_ROUNDS = 3

_MOST_NEAR = 31  # of each row's neighbours, and of the rows that it is a neighbour of

_NUMBERS_AT_ONCE = 1 << 22


def candidates_in_cells(
    rows: FloatMatrix, sample: Sample, n_candidates: int, *, rows_a_cell: int = ROWS_A_CELL
) -> Rows32:
    """Return rows with great products with each row.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, p), float32
        Rows of about one length.
    sample : Sample
        Some of them with their true neighbours.
    n_candidates : int
        How many are kept for each.
    rows_a_cell : int
        About how many rows are at home in a cell.

    Returns
    -------
    numpy.ndarray, shape (n, n_candidates), int32
        In no order; -1 in the places that were not filled.
    """
    n_rows = len(rows)
    wanted = min(n_rows, _ROWS_LOOKED_AT * max(1, n_rows // rows_a_cell))
    drawn = np.random.default_rng(0).choice(n_rows, wanted, replace=False)
    centroids = fit_cells(unit_rows(rows[drawn]), n_rows, rows_a_cell=rows_a_cell, rows_a_block=n_rows).centroids
    homes, visitors, starts = _visits(rows, centroids, _slack(rows, sample, centroids))
    kept = _Kept(rows, n_candidates)
    with ThreadPoolExecutor(_workers()) as pool:  # the kernels leave the interpreter to others
        kept.look_into_cells(homes, visitors, starts, pool)
        del homes, visitors, starts
        for _ in range(_ROUNDS):
            kept.look_beside(pool)
    return kept.found


def _slack(rows: FloatMatrix, sample: Sample, centroids: FloatMatrix) -> np.float32:
    """Return by how much a cell's product may be less than the greatest, so that most of the neighbours are found."""
    products = rows[sample.positions] @ centroids.T
    homes = np.array([(rows[near] @ centroids.T).argmax(axis=1) for near in sample.neighbors])
    short = products.max(axis=1, keepdims=True) - np.take_along_axis(products, homes, axis=1)
    return np.float32(np.quantile(short, _FOUND_AT_FIRST))


def _visits(rows: FloatMatrix, centroids: FloatMatrix, slack: np.float32) -> tuple[Rows32, Rows32, Positions]:
    """Return the home of each row, the rows that look into each cell, cell by cell, and where each cell begins."""
    from scipy import sparse

    homes = np.empty(len(rows), dtype=np.int32)
    n_visited, visited = np.zeros(len(rows) + 1, dtype=np.int64), []
    most = min(_MOST_CELLS, len(centroids))
    for part in _parts(len(rows), len(centroids)):
        products = rows[part] @ centroids.T
        greatest = products.max(axis=1, keepdims=True)
        homes[part] = products.argmax(axis=1)
        near = products >= greatest - slack
        crowded = np.flatnonzero(near.sum(axis=1) > most)
        best = np.argpartition(-products[crowded], most - 1, axis=1)[:, :most]
        near[crowded] = False
        near[crowded[:, np.newaxis], best] = True
        n_visited[1:][part] = near.sum(axis=1)
        visited.append(np.nonzero(near)[1].astype(np.int32))
    cells = np.concatenate(visited)
    del visited
    # A sparse matrix is turned by counting, in a fraction of the memory and the time of a sort.
    marks = np.ones(len(cells), dtype=np.int8)
    turned = sparse.csr_array((marks, cells, np.cumsum(n_visited)), shape=(len(rows), len(centroids))).tocsc()
    return homes, turned.indices.astype(np.int32, copy=False), turned.indptr


class _Kept:
    """The candidates so far, and the links that others are found over.

    Attributes
    ----------
    rows : numpy.ndarray, shape (n, p), float32
    values, found : numpy.ndarray, shape (n, k), float32 and int32
        Of each row the products and the other rows, as a heap whose first value is the least.
    near, back : numpy.ndarray of int32, shape (n, t)
        The nearest candidates of each row, and rows that it is one of; -1 is none.
    near_is_new, back_is_new : numpy.ndarray of bool, shape (n, t)
        Which of these were not there in the round before.
    """

    def __init__(self, rows: FloatMatrix, n_candidates: int) -> None:
        n_rows = len(rows)
        self.rows = rows
        self.values: FloatMatrix = np.full((n_rows, n_candidates), -np.inf, dtype=np.float32)
        self.found: Rows32 = np.full((n_rows, n_candidates), -1, dtype=np.int32)
        self.near: Rows32 = np.empty((n_rows, 0), dtype=np.int32)
        self.back = self.near
        self.near_is_new: BoolMatrix = np.empty((n_rows, 0), dtype=np.bool_)
        self.back_is_new = self.near_is_new

    def look_into_cells(self, homes: Rows32, visitors: Rows32, starts: Positions, pool: ThreadPoolExecutor) -> None:
        """Offer the members of each cell to its visitors."""
        from mmembed.analysis.graphs.graph_kernels import compiled

        offer = compiled("offer")
        by_home = np.argsort(homes, kind="stable").astype(np.int32)
        home_starts = np.concatenate([[0], np.cumsum(np.bincount(homes, minlength=len(starts) - 1))])
        for cell in range(len(starts) - 1):
            members = by_home[home_starts[cell] : home_starts[cell + 1]]
            inside = np.ascontiguousarray(self.rows[members].T)
            step = max(1, _NUMBERS_AT_ONCE // max(len(members), self.rows.shape[1]))
            for start in range(starts[cell], starts[cell + 1], step):
                asked = visitors[start : min(start + step, starts[cell + 1])]
                products = self.rows[asked] @ inside
                jobs = [
                    pool.submit(offer, products[part], asked[part], members, self.values, self.found)
                    for part in _shares(len(asked))
                ]
                for job in jobs:
                    job.result()

    def look_beside(self, pool: ThreadPoolExecutor) -> None:
        """Offer each row what is near to its neighbours, but for what was offered to it over the same links before.

        That is among its candidates, or was no better than the least of them.
        """
        from mmembed.analysis.graphs.graph_kernels import compiled

        visit = compiled("visit")
        self._renew_links()
        n_rows = len(self.rows)

        def offer_to(part: slice) -> None:
            links = self.near, self.back, self.near_is_new, self.back_is_new
            seen = np.zeros(n_rows, dtype=np.int32)
            visit(self.rows, part.start, part.stop, *links, self.values, self.found, seen)

        for _ in pool.map(offer_to, _shares(n_rows)):
            pass

    def _renew_links(self) -> None:
        """Take the links from the candidates; at most three lists of them are held at once."""
        from mmembed.analysis.graphs.graph_kernels import compiled

        turn, mark_new = compiled("turn"), compiled("mark_new")
        n_rows, k = self.found.shape
        n_near = min(_MOST_NEAR, k)
        near = np.empty((n_rows, n_near), dtype=np.int32)
        for part in _parts(n_rows, k):
            best = np.argpartition(-self.values[part], n_near - 1, axis=1)[:, :n_near]
            near[part] = np.take_along_axis(self.found[part], best, axis=1)
        self.near_is_new = np.empty((n_rows, n_near), dtype=np.bool_)
        mark_new(near, self.near, self.near_is_new)
        self.near = near
        back = np.full((n_rows, n_near), -1, dtype=np.int32)
        turn(near, back, np.zeros(n_rows, dtype=np.int32))
        self.back_is_new = np.empty((n_rows, n_near), dtype=np.bool_)
        mark_new(back, self.back, self.back_is_new)
        self.back = back


def _parts(n_rows: int, width: int) -> Iterator[slice]:
    step = max(1, _NUMBERS_AT_ONCE // max(width, 1))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def _shares(n_rows: int) -> list[slice]:
    bounds = np.linspace(0, n_rows, _workers() + 1).astype(int).tolist()
    return [slice(one, other) for one, other in pairwise(bounds)]


def _workers() -> int:
    return min(8, os.cpu_count() or 1)
