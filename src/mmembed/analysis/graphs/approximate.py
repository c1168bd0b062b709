"""Neighbour graphs of many rows in a fraction of the exact method's time, with a recall that is measured.

Candidates come from a product of all rows in fewer dimensions, and are put in order by their full cosines. How many
dimensions and candidates are needed is found on a sample of rows whose true neighbours are known; a warning says where
too many are needed. Nothing is random beyond fixed samples. For so many rows that a product of all pairs takes too
long, candidates come from cells.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosines import ChosenRows
from mmembed.analysis.graphs.cell_search import candidates_in_cells
from mmembed.analysis.graphs.nearest import largest_products
from mmembed.analysis.graphs.recall import Sample
from mmembed.arrays import FloatMatrix, FloatVector, Positions

_ROWS_FOR_AXES = 10_000

_ROWS_AT_ONCE = 1 << 13  # that axes are found for

_DIMENSIONS = (64, 96, 128, 192, 256)

_WANTED_RECALL = 0.98

_CANDIDATES = (1.6, 2.0, 3.0)  # for each neighbour

# In units of one number's part in a product: looking through one product, and gathering one number of a candidate.
_COST_OF_LOOKING, _COST_OF_GATHERING = 60.0, 30.0

_COST_OF_CHOOSING = 3e10  # of the axes and the sample, whatever the number of rows

_WORTH_IT = 0.5  # of the cost of the exact method

_NUMBERS_AT_ONCE = 1 << 21  # of gathered rows: eight megabytes stay near the processor

_PRODUCTS_AT_ONCE, _FEWEST_ASKED = 1 << 22, 8  # of rows of a sample with all rows; fewer make the product slower


def approximate_neighbors(
    units: FloatMatrix | ChosenRows, k: int, *, must_pay: bool = True
) -> tuple[npt.NDArray[np.int32], FloatVector] | None:
    """Return the k nearest other rows of each row and their cosines, or None where fewer dimensions do not hold them.

    Parameters
    ----------
    units : numpy.ndarray or ChosenRows, shape (n, d), float32
        Unit rows, with n greater than a few times k.
    k : int
    must_pay : bool
        Whether None is also returned where it would save less than half of the exact method's work.
    """
    plan = _choose_projection(units, Sample.draw(units, k, seed=1), must_pay=must_pay)
    if plan is None:
        return None
    projected, n_candidates = plan
    return _order_candidates(units, largest_products(projected, n_candidates), k)


def neighbors_in_cells(units: FloatMatrix | ChosenRows, k: int) -> tuple[npt.NDArray[np.int32], FloatVector]:
    """Return the k nearest other rows of each row and their cosines, in a time that grows with the rows.

    Parameters
    ----------
    units : numpy.ndarray or ChosenRows, shape (n, d), float32
        Unit rows, with n greater than a few times k.
    k : int
    """
    sample = Sample.draw(units, k, seed=1)
    plan = _choose_projection(units, sample, must_pay=False)
    # Where no fewer dimensions hold the neighbours, the rows themselves do, with no candidates to spare.
    rows, n_candidates = (units[:], k) if plan is None else plan
    candidates = candidates_in_cells(rows, sample, n_candidates)
    del plan, rows
    return _order_candidates(units, candidates, k)


def _choose_projection(
    units: FloatMatrix | ChosenRows, sample: Sample, *, must_pay: bool
) -> tuple[FloatMatrix, int] | None:
    """Return the rows in fewer dimensions and how many candidates to take of them; the cheapest choice that works."""
    n_rows, dimension = units.shape
    k = sample.neighbors.shape[1]
    possible = [one for one in _DIMENSIONS if one <= dimension // 2]
    if not possible:
        return None
    some = units[np.random.default_rng(0).choice(n_rows, min(n_rows, _ROWS_FOR_AXES), replace=False)]
    # Not centred: the axes that keep the products of the rows, not their variance.
    axes = np.linalg.eigh(some.T @ some)[1][:, ::-1]
    reduced = _projected(units, np.ascontiguousarray(axes[:, : possible[-1]]))
    best, best_cost = None, _WORTH_IT * n_rows * (dimension + _COST_OF_LOOKING) if must_pay else np.inf
    found_in = _found_for_sample(reduced, sample.positions, possible, int(np.ceil(k * _CANDIDATES[-1])))
    for dimensions, found in zip(possible, found_in, strict=True):
        for n_candidates in (int(np.ceil(k * one)) for one in _CANDIDATES):
            cost = n_rows * (dimensions + _COST_OF_LOOKING) + _COST_OF_GATHERING * n_candidates * dimension
            cost += _COST_OF_CHOOSING / n_rows
            if cost < best_cost and sample.recall(found[:, :n_candidates]) >= _WANTED_RECALL:
                best, best_cost = (dimensions, n_candidates), cost
    if best is None:
        return None
    return np.ascontiguousarray(reduced[:, : best[0]]), best[1]


def _projected(units: FloatMatrix | ChosenRows, axes: FloatMatrix) -> FloatMatrix:
    projected = np.empty((len(units), axes.shape[1]), dtype=np.float32)
    for start in range(0, len(units), _ROWS_AT_ONCE):
        np.matmul(units[start : start + _ROWS_AT_ONCE], axes, out=projected[start : start + _ROWS_AT_ONCE])
    return projected


def _found_for_sample(
    reduced: FloatMatrix, positions: Positions, possible: list[int], most: int
) -> list[npt.NDArray[np.int32]]:
    """Return what is found of some rows in each number of dimensions, shape (s, most), greatest product first."""
    n_rows = len(reduced)
    found = [np.empty((len(positions), most), dtype=np.int32) for _ in possible]
    # Each row of the sample has a product with every row: of many rows those of a few are held at once.
    step = max(_FEWEST_ASKED, _PRODUCTS_AT_ONCE // n_rows)
    for start in range(0, len(positions), step):
        asked = positions[start : start + step]
        products = np.zeros((len(asked), n_rows), dtype=np.float32)
        done = 0
        for dimensions, kept in zip(possible, found, strict=True):
            part = reduced[:, done:dimensions]
            products += part[asked] @ part.T
            done = dimensions
            products[np.arange(len(asked)), asked] = -np.inf
            best = np.argpartition(products, n_rows - most, axis=1)[:, n_rows - most :]
            nearest_first = np.argsort(-np.take_along_axis(products, best, axis=1), axis=1)
            kept[start : start + step] = np.take_along_axis(best, nearest_first, axis=1)
    return found


def _order_candidates(
    units: FloatMatrix | ChosenRows, candidates: npt.NDArray[np.int32], k: int
) -> tuple[npt.NDArray[np.int32], FloatVector]:
    """Return the k candidates with the greatest cosine, greatest first; -1 is no candidate."""
    n_rows, wanted = candidates.shape
    indices = np.empty((n_rows, k), dtype=np.int32)
    similarities = np.empty((n_rows, k), dtype=np.float32)
    step = max(1, _NUMBERS_AT_ONCE // (wanted * units.shape[1]))

    def fill(start: int) -> None:
        near = candidates[start : start + step]
        cosines = np.matmul(units[near], units[start : start + step][:, :, np.newaxis])[:, :, 0]
        cosines[near < 0] = -np.inf
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
        indices[start : start + step] = np.take_along_axis(near, order, axis=1)
        best = np.take_along_axis(cosines, order, axis=1)
        similarities[start : start + step] = np.where(np.isneginf(best), np.nan, np.clip(best, -1, 1))

    # Taking rows and multiplying them leaves the interpreter to others.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for _ in pool.map(fill, range(0, n_rows, step)):
            pass
    return indices, similarities
