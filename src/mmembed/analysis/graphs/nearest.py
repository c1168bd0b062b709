"""The k rows nearest to each query by cosine, exactly: the kernel under search and the neighbour graph.

A blocked float32 product finds every row that could be among the k best, with a proven margin for its rounding; only
those are then measured in float64. The answer depends neither on the block sizes nor on the machine's matrix product.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mmembed.analysis.graphs.candidates import Candidates, Shortlist
from mmembed.analysis.rows.cosine import unit_rows
from mmembed.arrays import BoolVector, FloatMatrix, FloatVector, Positions
from mmembed.vectors.rows import Lengths, row_lengths

_QUERY_BLOCK = 1024  # fewer make the matrix product slower

_PROJECTED_QUERY_BLOCK = 512  # with few dimensions the product is cheap, and reading its results is not

_BLOCK_NUMBERS = 1 << 22  # cosines held at once: 16 MB

_PASS_NUMBERS = 1 << 18  # cosines looked through at once: they stay near the processor

_MAXIMUM_OF = 16  # rows behind each maximum

_SAFE_LENGTHS = (1e-15, 1e15)  # lengths for which no float32 product over- or underflows


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
    if not len(answerable) or not len(matrix):
        return positions, similarities
    lengths = row_lengths(matrix)
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
    matrix: FloatMatrix,
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
