"""The k rows nearest to each query by cosine, exactly: the kernel of search and of the neighbour graph.

A blocked float32 product finds every pair of query and row that could be among the k best, with a proven margin for its
rounding; only those are then measured in float64. The answer depends neither on the block sizes nor on the machine's
matrix product.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosines import ChosenRows, lengths_of, pair_cosines, unit_rows
from mmembed.arrays import BoolVector, FloatMatrix, FloatVector, Positions
from mmembed.vectors.rows import Lengths, equal_row_groups, row_lengths

_QUERY_BLOCK = 1024  # fewer make the matrix product slower

_PROJECTED_QUERY_BLOCK = 512  # with few dimensions the product is cheap, and reading its results is not

_BLOCK_NUMBERS = 1 << 22  # cosines held at once: 16 MB

_PASS_NUMBERS = 1 << 18  # cosines looked through at once: they stay near the processor

_MAXIMUM_OF = 16  # rows behind each maximum

_SAFE_LENGTHS = (1e-15, 1e15)  # lengths for which no float32 product over- or underflows


def nearest_rows(
    queries: FloatMatrix | ChosenRows,
    matrix: FloatMatrix | ChosenRows,
    k: int,
    *,
    queries_missing: BoolVector,
    missing: BoolVector,
    skip_self: bool = False,
) -> tuple[Positions, FloatVector]:
    """Return the k rows of ``matrix`` with the greatest cosine to each query; ties are in row order.

    Parameters
    ----------
    queries, matrix : numpy.ndarray or ChosenRows, shape (q, d) and (n, d), float32
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
    if not len(answerable) or not len(matrix):
        return positions, similarities
    lengths = lengths_of(matrix)
    excluded = np.flatnonzero(missing)
    for start in range(0, len(answerable), _QUERY_BLOCK):
        asked = answerable[start : start + _QUERY_BLOCK]
        found = Candidates(queries[asked], matrix, k, lengths)
        units = np.ascontiguousarray(unit_rows(queries[asked]).T)
        _collect(found, matrix, lengths, units, excluded=excluded, itself=asked if skip_self else None)
        query, rank, row, cosine = found.best()
        positions[asked[query], rank] = row
        similarities[asked[query], rank] = cosine
    return positions, similarities


def largest_products(rows: FloatMatrix, k: int) -> npt.NDArray[np.int32]:
    """Return the k other rows with the greatest float32 product with each row, or nearly so.

    Where the k-th best product lies is guessed from the first block: a pass over the others then collects few rows that
    are not among the k best. The guess is low on purpose; where it is too high, fewer than k rows are found.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d), float32
        More than k of them, none missing, in an order that says nothing of what they hold.
    k : int

    Returns
    -------
    numpy.ndarray, shape (n, k), int32
        -1 in the places that were not filled.
    """
    positions = np.full((len(rows), k), -1, dtype=np.int32)
    none = np.empty(0, dtype=np.int64)
    for start in range(0, len(rows), _PROJECTED_QUERY_BLOCK):
        asked = np.arange(start, min(start + _PROJECTED_QUERY_BLOCK, len(rows)))
        found = Shortlist(len(asked), k, n_rows=len(rows))
        _collect(found, rows, None, np.ascontiguousarray(rows[asked].T), excluded=none, itself=asked)
        query, rank, row, _ = found.best()
        positions[asked[query], rank] = row
    return positions


def _collect(
    found: Shortlist,
    matrix: FloatMatrix | ChosenRows,
    lengths: Lengths | None,
    units: FloatMatrix,
    *,
    excluded: Positions,
    itself: Positions | None,
) -> None:
    """Give the shortlist the rough cosines of all rows, block by block; without lengths, their products."""
    n_queries = units.shape[1]
    block_rows = max(_MAXIMUM_OF, _BLOCK_NUMBERS // n_queries // _MAXIMUM_OF * _MAXIMUM_OF)
    buffer = np.empty(min(block_rows, len(matrix)) * n_queries, dtype=np.float32)
    for first in range(0, len(matrix), block_rows):
        rows = slice(first, min(first + block_rows, len(matrix)))
        n_rows = rows.stop - first
        cosines = buffer[: n_rows * n_queries].reshape(n_rows, n_queries)
        scales = None
        if lengths is None:
            np.dot(matrix[rows], units, out=cosines)
        else:
            scales = _products(matrix[rows], lengths[rows], units, out=cosines)
        cosines[excluded[slice(*np.searchsorted(excluded, (first, rows.stop)))] - first] = -np.inf
        if itself is not None:
            here = np.flatnonzero((itself >= first) & (itself < rows.stop))
            cosines[itself[here] - first, here] = -np.inf
        maxima, members = _scaled_maxima(cosines, scales)
        found.add(cosines, maxima, members, first)


def _products(block: FloatMatrix, lengths: Lengths, units: FloatMatrix, *, out: FloatMatrix) -> FloatVector:
    """Write the products of the rows with the queries, and return what makes cosines of each row's products."""
    low, high = _SAFE_LENGTHS
    safe = (lengths >= low) & (lengths <= high)
    if safe.all():
        np.dot(block, units, out=out)
        return (1 / lengths).astype(np.float32)
    measurable = np.isfinite(lengths) & (lengths > 0)  # neither missing nor zero
    scales = np.ones(len(block), dtype=np.float32)
    if (measurable & ~safe).any():
        np.dot(unit_rows(block), units, out=out)
        return scales
    np.dot(block, units, out=out)
    np.divide(1.0, lengths, out=scales, where=measurable, casting="same_kind")
    return scales


def _scaled_maxima(cosines: FloatMatrix, scales: FloatVector | None) -> tuple[FloatMatrix, Positions]:
    """Scale the rows in place and return the maxima of groups of rows, with the rows of each group.

    Returns
    -------
    maxima : numpy.ndarray, shape (g, q)
    members : numpy.ndarray of int, shape (g, 16)
        Rows of each group; -1 fills the groups of single rows at the end.
    """
    n_rows, n_queries = cosines.shape
    step = max(1, _PASS_NUMBERS // n_queries // _MAXIMUM_OF) * _MAXIMUM_OF
    members = _members(n_rows, step)
    maxima = np.empty((len(members), n_queries), dtype=np.float32)
    done = 0
    for start in range(0, n_rows, step):
        part = cosines[start : start + step]
        if scales is not None:
            part *= scales[start : start + step, np.newaxis]
        width, rest = divmod(len(part), _MAXIMUM_OF)
        if width:
            part[: len(part) - rest].reshape(_MAXIMUM_OF, width, n_queries).max(axis=0, out=maxima[done : done + width])
        maxima[done + width : done + width + rest] = part[len(part) - rest :]
        done += width + rest
    return maxima, members


@lru_cache(maxsize=4)
def _members(n_rows: int, step: int) -> Positions:
    groups = []
    for start in range(0, n_rows, step):
        rows = np.arange(start, min(start + step, n_rows))
        whole = len(rows) - len(rows) % _MAXIMUM_OF
        groups.append(rows[:whole].reshape(_MAXIMUM_OF, -1).T)
        single = np.full((len(rows) - whole, _MAXIMUM_OF), -1)
        single[:, 0] = rows[whole:]
        groups.append(single)
    return np.concatenate(groups)


_MOST_CANDIDATES = 1_000_000  # held at once before ties are cut to k

_MANY_PAIRS = 100_000  # from here on, looking for equal rows may cost less than measuring them again


class Shortlist:
    """Pairs of query and row that may still be among the k best of their query, by their rough cosines.

    Parameters
    ----------
    n_queries, k : int
    margin : float
        By how much the difference of two cosines may be off.
    n_rows : int, optional
        How many rows there are in all, where it is enough to find about the k best: the first block then tells how
        good a row must be.
    """

    def __init__(self, n_queries: int, k: int, *, margin: float = 0.0, n_rows: int | None = None) -> None:
        self.k = k
        self._n_rows = n_rows
        self.n_queries = n_queries
        self._margin = np.float32(margin)
        self._kth_best = np.full(n_queries, -np.inf, dtype=np.float32)
        self._pruned_to = 0
        self._query = np.empty(0, dtype=np.int64)
        self._row = np.empty(0, dtype=np.int64)
        self._cosine = np.empty(0, dtype=np.float32)

    def add(self, cosines: FloatMatrix, maxima: FloatMatrix, members: Positions, first: int) -> None:
        """Take the rows ``first``, ``first + 1``, … with their rough cosines.

        Parameters
        ----------
        cosines : numpy.ndarray, shape (r, q)
            -inf marks what must not be found.
        maxima, members : numpy.ndarray, shape (g, q) and (g, m)
            The greatest cosine of each group of rows, and the rows of the group, filled up with -1.
        first : int
        """
        bound = self._kth_best
        if np.isneginf(bound).any():
            bound = np.maximum(bound, _kth_best_bound(cosines, maxima, self._place_to_guess(len(cosines))))
            if self._n_rows is not None:
                self._kth_best = bound
        bound = np.maximum(bound - self._margin, np.float32(-2))  # a cosine is never as low as -2
        group, query = np.divmod(np.flatnonzero(maxima >= bound), maxima.shape[1])
        rows = members[group]
        values = cosines[rows, query[:, np.newaxis]]
        pair, place = np.nonzero((values >= bound[query][:, np.newaxis]) & (rows >= 0))
        self._query = np.concatenate([self._query, query[pair]])
        self._row = np.concatenate([self._row, rows[pair, place] + first])
        self._cosine = np.concatenate([self._cosine, values[pair, place]])
        if len(self._query) > 2 * self._pruned_to:
            self._prune()
        if len(self._query) > _MOST_CANDIDATES + self.k * self.n_queries:
            self._cut()

    def best(self) -> tuple[Positions, Positions, Positions, FloatVector]:
        """Return query, rank, row and cosine of the k best of each query."""
        self._prune()
        self._cut()
        return self._query, _ranks(self._query), self._row, self._cosine

    def _place_to_guess(self, n_seen: int) -> int:
        """Return the place in the first block of a row that is surely, or almost surely, no better than the k-th."""
        if self._n_rows is None:
            return self.k
        expected = self.k * min(1.0, n_seen / self._n_rows)
        return min(self.k, int(np.ceil(expected + 3 * np.sqrt(expected) + 2)))

    def _cut(self) -> None:
        """Keep the k best of each query; pairs stand in order since they were pruned."""
        self._prune()
        self._keep(np.flatnonzero(_ranks(self._query) < self.k))

    def _prune(self) -> None:
        """Forget what is surely worse than the k-th best seen so far."""
        self._keep(np.argsort(_sort_keys(self._query, self._cosine)))
        last = np.flatnonzero(_ranks(self._query) == self.k - 1)
        self._kth_best[self._query[last]] = np.maximum(self._kth_best[self._query[last]], self._cosine[last])
        self._keep(np.flatnonzero(self._cosine >= self._kth_best[self._query] - self._margin))
        self._pruned_to = len(self._query)

    def _keep(self, chosen: Positions) -> None:
        self._query, self._row, self._cosine = self._query[chosen], self._row[chosen], self._cosine[chosen]


class Candidates(Shortlist):
    """A shortlist that is cut by measured cosines, so that the k best are exact and ties are in row order.

    Parameters
    ----------
    queries : numpy.ndarray, shape (q, d), float32
    matrix : numpy.ndarray or ChosenRows, shape (n, d), float32
    k : int
    lengths : numpy.ndarray, shape (n,)
        Lengths of the rows of the matrix.
    """

    def __init__(self, queries: FloatMatrix, matrix: FloatMatrix | ChosenRows, k: int, lengths: Lengths) -> None:
        # A float32 sum of d products is off by at most d units of rounding of the lengths' product, in whatever order
        # it is summed; twice, because both the row and the k-th best may be off; the rest covers the rounding of the
        # unit query, of the row's scale and of the result.
        super().__init__(len(queries), k, margin=(2 * matrix.shape[1] + 32) * 2.0**-24)
        self.queries, self.matrix = queries, matrix
        self._lengths = lengths
        self._query_lengths = row_lengths(queries)

    def _cut(self) -> None:
        """Replace rough cosines by measured ones and keep the k best of each query, ties in row order."""
        self._cosine = self._measured()
        self._keep(np.lexsort((self._row, -self._cosine, self._query)))
        self._keep(np.flatnonzero(_ranks(self._query) < self.k))

    def _measured(self) -> FloatVector:
        """Return the float64-summed cosine of each pair; with many ties, pairs of equal rows are measured once."""
        query, row = self._query, self._row
        if len(query) < max(_MANY_PAIRS, 2 * self.k * self.n_queries):
            return self._cosines(query, row)
        rows, place = np.unique(row, return_inverse=True)
        row_groups, query_groups = equal_row_groups(self.matrix[rows]), equal_row_groups(self.queries)
        pairs = query_groups[query] * (len(rows) + 1) + row_groups[place]
        _, chosen, inverse = np.unique(pairs, return_index=True, return_inverse=True)
        return self._cosines(query[chosen], row[chosen])[inverse]

    def _cosines(self, query: Positions, row: Positions) -> FloatVector:
        return pair_cosines(
            self.queries, self.matrix, query, row, left_lengths=self._query_lengths, right_lengths=self._lengths
        )


def _kth_best_bound(cosines: FloatMatrix, maxima: FloatMatrix, k: int) -> FloatVector:
    """Return, for each query, a number that at least k of the rows reach; -inf where there are fewer rows."""
    # The k best of the maxima are k different rows, and there are far fewer of them to sort.
    candidates = maxima if len(maxima) >= k else cosines
    if len(candidates) < k:
        return np.full(cosines.shape[1], -np.inf, dtype=np.float32)
    place = len(candidates) - k
    return np.asarray(np.partition(candidates, place, axis=0)[place], dtype=np.float32)


def _sort_keys(query: Positions, cosine: FloatVector) -> npt.NDArray[np.int64]:
    """Return numbers that sort by query, and within it by falling cosine."""
    # Apart from the sign, the bits of floats sort as whole numbers do.
    bits = (cosine + np.float32(0)).view(np.int32).astype(np.int64)
    rising = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    return np.asarray((query << 32) + (0x7FFFFFFF - rising))


def _ranks(query: Positions) -> Positions:
    """Return 0, 1, 2, … within each run of equal numbers."""
    starts = np.flatnonzero(np.diff(query, prepend=-1))
    return np.arange(len(query)) - np.repeat(starts, np.diff(starts, append=len(query)))
