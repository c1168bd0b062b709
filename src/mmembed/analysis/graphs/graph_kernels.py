"""The inner loops of the graph of a large table, compiled by numba and kept on disk. Imported only where used.

What a row keeps are heaps whose first value is the least, so that a product that is no better is refused at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from mmembed.analysis.compilation import kept_on_disk, made_once

# What belongs to the caller may be read-only.
_POINTS = numba.types.Array(numba.float32, 2, "C", readonly=True)
_LENGTHS = numba.types.Array(numba.float64, 1, "C", readonly=True)
_ROW, _ROWS, _VALUES = numba.int32[::1], numba.int32[:, ::1], numba.float32[:, ::1]
_OFFER = numba.void(_VALUES, _ROW, _ROW, _VALUES, _ROWS)
_FLAGS = numba.boolean[:, ::1]
_VISIT = numba.void(_POINTS, numba.int64, numba.int64, _ROWS, _ROWS, _FLAGS, _FLAGS, _VALUES, _ROWS, _ROW)
_TURN = numba.void(_ROWS, _ROWS, _ROW)
_MARK_NEW = numba.void(_ROWS, _ROWS, _FLAGS)
_REACH = numba.int64(_POINTS, _LENGTHS, _ROW, _ROW, numba.int64, numba.float64, _ROW, _ROW)


@made_once
def compiled(name: str) -> Any:
    """Return a function of this file as compiled code."""
    kernels: dict[str, tuple[Callable[..., Any], Any, bool]] = {
        "offer": (offer, _OFFER, False),
        "visit": (visit, _VISIT, True),
        "turn": (turn, _TURN, False),
        "mark_new": (mark_new, _MARK_NEW, False),
        "reach": (reach, _REACH, True),
    }
    function, signature, fast = kernels[name]
    return kept_on_disk(function, signature, fastmath=fast)


def _replace_least(values: Any, rows: Any, value: Any, row: Any) -> None:
    """Put a value into a heap in the place of the least one."""
    k, place = len(values), 0
    while True:
        child = 2 * place + 1
        if child >= k:
            break
        if child + 1 < k and values[child + 1] < values[child]:
            child += 1
        if values[child] >= value:
            break
        values[place] = values[child]
        rows[place] = rows[child]
        place = child
    values[place] = value
    rows[place] = row


_keep: Callable[..., None] = numba.njit(inline="always")(_replace_least)


def offer(products: Any, visitors: Any, members: Any, values: Any, rows: Any) -> None:
    """Offer the members of a cell to its visitors, each of which keeps the greatest products.

    Parameters
    ----------
    products : numpy.ndarray, shape (v, m), float32
    visitors, members : numpy.ndarray of int32, shape (v,) and (m,)
        Which rows they are.
    values, rows : numpy.ndarray, shape (n, k), float32 and int32
        The heap of each row.
    """
    for at in range(len(visitors)):
        row = visitors[at]
        least = values[row, 0]
        for other in range(len(members)):
            product = products[at, other]
            if product > least and members[other] != row:
                _keep(values[row], rows[row], product, members[other])
                least = values[row, 0]


def visit(  # noqa: PLR0917 - compiled functions take positions
    points: Any,
    first: int,
    last: int,
    near: Any,
    back: Any,
    near_is_new: Any,
    back_is_new: Any,
    values: Any,
    rows: Any,
    seen: Any,
) -> None:
    """Offer to each row the rows that are near to those which are near to it.

    Parameters
    ----------
    points : numpy.ndarray, shape (n, p), float32
    first, last : int
        Which rows are looked at.
    near, back : numpy.ndarray of int32, shape (n, t) and (n, b)
        Rows that are near to each, and rows that it is near to; -1 is none.
    near_is_new, back_is_new : numpy.ndarray of bool, shape (n, t) and (n, b)
        Which of these links were not there before. What two links lead to that were is not offered again.
    values, rows : numpy.ndarray, shape (n, k), float32 and int32
        The heap of each row.
    seen : numpy.ndarray of int32, shape (n,)
        Zeros; what each row has been offered, for one thread.
    """
    dimension, n_near = points.shape[1], near.shape[1]
    for row in range(first, last):
        stamp = row + 1
        seen[row] = stamp
        for place in range(values.shape[1]):
            if rows[row, place] >= 0:
                seen[rows[row, place]] = stamp
        least = values[row, 0]
        for step in range(n_near + back.shape[1]):
            middle = near[row, step] if step < n_near else back[row, step - n_near]
            if middle < 0:
                continue
            is_new = near_is_new[row, step] if step < n_near else back_is_new[row, step - n_near]
            for hop in range(-1 if is_new else 0, n_near):
                if not is_new and not near_is_new[middle, hop]:
                    continue
                other = middle if hop < 0 else near[middle, hop]
                if other < 0 or seen[other] == stamp:
                    continue
                seen[other] = stamp
                product = np.float32(0)
                for axis in range(dimension):
                    product += points[row, axis] * points[other, axis]
                if product > least:
                    _keep(values[row], rows[row], product, other)
                    least = values[row, 0]


def turn(near: Any, back: Any, counts: Any) -> None:
    """Write for each row the first rows that it is near to.

    Parameters
    ----------
    near : numpy.ndarray of int32, shape (n, t)
        Rows that are near to each; -1 is none.
    back : numpy.ndarray of int32, shape (n, b)
        Is filled; what is not keeps its value.
    counts : numpy.ndarray of int32, shape (n,)
        Zeros; how many were written.
    """
    for row in range(len(near)):
        for place in range(near.shape[1]):
            other = near[row, place]
            if other >= 0 and counts[other] < back.shape[1]:
                back[other, counts[other]] = row
                counts[other] += 1


def mark_new(rows: Any, before: Any, is_new: Any) -> None:
    """Write which rows of each list were not in the list before.

    Parameters
    ----------
    rows, before : numpy.ndarray of int32, shape (n, t) and (n, s)
    is_new : numpy.ndarray of bool, shape (n, t)
        Is filled.
    """
    for row in range(len(rows)):
        for place in range(rows.shape[1]):
            was_there = False
            for other in range(before.shape[1]):
                if before[row, other] == rows[row, place]:
                    was_there = True
                    break
            is_new[row, place] = not was_there


def reach(  # noqa: PLR0917 - compiled functions take positions
    points: Any, lengths: Any, starts: Any, links: Any, position: int, threshold: float, seen: Any, found: Any
) -> int:
    """Find the rows within a threshold of one row that are reached over rows within it.

    Parameters
    ----------
    points : numpy.ndarray, shape (n, d), float32
    lengths : numpy.ndarray, shape (n,), float64
    starts, links : numpy.ndarray of int32
        Near rows of each row, as in a sparse matrix.
    position : int
    threshold : float
        Least cosine, less what rounding takes.
    seen : numpy.ndarray of int32, shape (n + 1,)
        Zeros at first: in which call each row was looked at last, and how many calls there were.
    found : numpy.ndarray of int32, shape (n,)
        Is filled.

    Returns
    -------
    int
        How many were found.
    """
    n_rows = len(points)
    seen[n_rows] += 1
    stamp = seen[n_rows]
    seen[position] = stamp
    count, done, middle = 0, -1, position
    while done < count:
        if done >= 0:
            middle = found[done]
        done += 1
        for link in range(starts[middle], starts[middle + 1]):
            other = links[link]
            if seen[other] == stamp:
                continue
            seen[other] = stamp
            product = np.float64(0)
            for axis in range(points.shape[1]):
                product += np.float64(points[position, axis]) * np.float64(points[other, axis])
            if product >= threshold * lengths[position] * lengths[other]:
                found[count] = other
                count += 1
    return count
