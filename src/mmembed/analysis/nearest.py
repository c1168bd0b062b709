"""The k rows nearest to each query by cosine, exactly: the kernel under search and the neighbour graph.

A blocked float32 product finds every row that could be among the k best, with a proven margin for its rounding; only
those are then measured in float64. The answer depends neither on the block sizes nor on the machine's matrix product.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosine import FloatMatrix, FloatVector, Positions, pair_cosines, unit_rows
from mmembed.analysis.equality import equal_row_groups

BoolVector = npt.NDArray[np.bool_]

_ROW_BLOCK = 8192  # with 256 queries a product of 8 MB, which stays near the processor
_QUERY_BLOCK = 256
_MAXIMUM_OF = 16  # rows behind each block maximum
_MOST_CANDIDATES = 1_000_000  # held at once before ties are cut to k
_MANY_PAIRS = 100_000  # from here on looking for equal rows costs less than measuring them again
_SAFE_SQUARES = (1e-30, 1e30)  # squared lengths for which no float32 product over- or underflows


def nearest_rows(
    queries: FloatMatrix,
    matrix: FloatMatrix,
    k: int,
    *,
    queries_missing: BoolVector,
    missing: BoolVector,
    skip_self: bool = False,
) -> tuple[Positions, FloatVector]:
    """Return the k rows of ``matrix`` with the greatest cosine to each query; ties are in row order.

    Parameters
    ----------
    queries, matrix : numpy.ndarray, shape (q, d) and (n, d), float32
        Need not be normalised; zero rows have cosine 0 with everything.
    k : int
        At least 1; may be more than n.
    queries_missing, missing : numpy.ndarray of bool, shape (q,) and (n,)
        Queries that get no answer and rows that are no answer.
    skip_self : bool
        Whether row i is no answer to query i.

    Returns
    -------
    positions : numpy.ndarray, shape (q, k), int64
        Best first; -1 where there are fewer than k rows.
    similarities : numpy.ndarray, shape (q, k), float32
        NaN where the position is -1.
    """
    positions = np.full((len(queries), k), -1, dtype=np.int64)
    similarities = np.full((len(queries), k), np.nan, dtype=np.float32)
    answerable = np.flatnonzero(~queries_missing)
    for start in range(0, len(answerable), _QUERY_BLOCK):
        asked = answerable[start : start + _QUERY_BLOCK]
        itself = asked if skip_self else None
        found = _Candidates(queries[asked], matrix, k)
        units = np.ascontiguousarray(unit_rows(queries[asked]).T)
        for first in range(0, len(matrix), _ROW_BLOCK):
            rows = slice(first, first + _ROW_BLOCK)
            cosines = _rough_cosines(matrix[rows], units)
            cosines[missing[rows]] = -np.inf
            if itself is not None:
                here = np.flatnonzero((itself >= first) & (itself < first + len(cosines)))
                cosines[itself[here] - first, here] = -np.inf
            found.add(cosines, first)
        query, rank, row, cosine = found.best()
        positions[asked[query], rank] = row
        similarities[asked[query], rank] = cosine
    return positions, similarities


class _Candidates:
    """Pairs of query and row that may still be among the k best of their query."""

    def __init__(self, queries: FloatMatrix, matrix: FloatMatrix, k: int) -> None:
        self.queries, self.matrix, self.k = queries, matrix, k
        # A product of d terms is off by at most d units of rounding, a length by half of that; twice, because both the
        # row and the k-th best may be off; the rest covers the rounding of the unit query and of the result.
        self.margin = np.float32((3 * matrix.shape[1] + 32) * 2.0**-24)
        self.kth_best = np.full(len(queries), -np.inf, dtype=np.float32)
        self.query = np.empty(0, dtype=np.int64)
        self.row = np.empty(0, dtype=np.int64)
        self.cosine = np.empty(0, dtype=np.float32)

    def add(self, cosines: FloatMatrix, first: int) -> None:
        """Take the rows ``first``, ``first + 1``, … with their rough cosines, shape (rows, queries)."""
        bound = np.maximum(self.kth_best, _kth_best_bound(cosines, self.k)) - self.margin
        # -inf marks what must not be found; a cosine is never as low as -2.
        places = np.flatnonzero(cosines >= np.maximum(bound, np.float32(-2)))
        row, query = np.divmod(places, cosines.shape[1])
        self.query = np.concatenate([self.query, query])
        self.row = np.concatenate([self.row, row + first])
        self.cosine = np.concatenate([self.cosine, cosines[row, query]])
        self._prune()
        if len(self.query) > _MOST_CANDIDATES + self.k * len(self.queries):
            self._measure()

    def best(self) -> tuple[Positions, Positions, Positions, FloatVector]:
        """Return query, rank, row and cosine of the k best of each query."""
        self._measure()
        return self.query, _ranks(self.query), self.row, self.cosine

    def _prune(self) -> None:
        """Forget what is surely worse than the k-th best seen so far."""
        self._keep(np.lexsort((-self.cosine, self.query)))
        last = np.flatnonzero(_ranks(self.query) == self.k - 1)
        self.kth_best[self.query[last]] = self.cosine[last]
        self._keep(np.flatnonzero(self.cosine >= self.kth_best[self.query] - self.margin))

    def _measure(self) -> None:
        """Replace rough cosines by measured ones and keep the k best of each query, ties in row order."""
        self.cosine = _measured(self.queries, self.matrix, self.query, self.row)
        self._keep(np.lexsort((self.row, -self.cosine, self.query)))
        self._keep(np.flatnonzero(_ranks(self.query) < self.k))

    def _keep(self, chosen: Positions) -> None:
        self.query, self.row, self.cosine = self.query[chosen], self.row[chosen], self.cosine[chosen]


def _rough_cosines(block: FloatMatrix, units: FloatMatrix) -> FloatMatrix:
    """Return float32 cosines, shape (rows, queries), of raw rows with the columns of ``units``."""
    squares = np.einsum("ij,ij->i", block, block)
    squares[squares == 0] = np.where((block[squares == 0] == 0).all(axis=1), 1, 0)
    low, high = _SAFE_SQUARES
    with np.errstate(invalid="ignore"):  # a missing row is NaN
        unsafe = (squares < low) | (squares > high)
    if unsafe.any():
        return np.asarray(unit_rows(block) @ units, dtype=np.float32)
    cosines = block @ units
    cosines /= np.sqrt(squares)[:, np.newaxis]
    return np.asarray(cosines, dtype=np.float32)


def _kth_best_bound(cosines: FloatMatrix, k: int) -> FloatVector:
    """Return, for each query, a number that at least k of the rows reach; -inf where there are fewer rows."""
    n_rows, n_queries = cosines.shape
    whole = n_rows - n_rows % _MAXIMUM_OF
    candidates = cosines
    if n_queries > 1 and whole // _MAXIMUM_OF >= k:
        # The k best of the block maxima are k different rows, and there are 16 times fewer of them to sort.
        candidates = cosines[:whole].reshape(-1, _MAXIMUM_OF, n_queries).max(axis=1)
    if len(candidates) < k:
        return np.full(n_queries, -np.inf, dtype=np.float32)
    place = len(candidates) - k
    return np.asarray(np.partition(candidates, place, axis=0)[place], dtype=np.float32)


def _measured(queries: FloatMatrix, matrix: FloatMatrix, query: Positions, row: Positions) -> FloatVector:
    """Return the float64-summed cosine of each pair; among many pairs, those of equal rows are measured once."""
    if len(query) < _MANY_PAIRS:
        return pair_cosines(queries, matrix, query, row)
    rows, row = np.unique(row, return_inverse=True)
    row_groups, query_groups = equal_row_groups(matrix[rows]), equal_row_groups(queries)
    n_groups = len(rows) + 1
    _, chosen, inverse = np.unique(
        query_groups[query] * n_groups + row_groups[row], return_index=True, return_inverse=True
    )
    return pair_cosines(queries, matrix, query[chosen], rows[row[chosen]])[inverse]


def _ranks(query: Positions) -> Positions:
    """Return 0, 1, 2, … within each run of equal numbers."""
    starts = np.flatnonzero(np.diff(query, prepend=-1))
    return np.arange(len(query)) - np.repeat(starts, np.diff(starts, append=len(query)))
