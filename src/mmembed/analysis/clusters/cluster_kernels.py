"""The inner loops of communities, compiled by numba and kept on disk. Imported only where used."""

from __future__ import annotations

from functools import cache
from typing import Any

import numba

from mmembed.analysis.compilation import kept_on_disk

_LONG, _DOUBLE, _INT = numba.int64[::1], numba.float64[::1], numba.int32[::1]
_COUNT_SHARED = numba.void(numba.int64[:, ::1], _LONG, _LONG, _LONG)
_MOVE_ROWS = numba.boolean(_INT, _INT, _DOUBLE, _LONG, _LONG, _DOUBLE)


@cache
def compiled(name: str) -> Any:
    """Return :func:`count_shared` or :func:`move_rows` as compiled code."""
    if name == "count_shared":
        return kept_on_disk(count_shared, _COUNT_SHARED)
    return kept_on_disk(move_rows, _MOVE_ROWS)


def count_shared(neighborhoods: Any, low: Any, high: Any, shared: Any) -> None:
    """Count the rows that are in both neighbourhoods of each pair.

    Parameters
    ----------
    neighborhoods : numpy.ndarray of int64, shape (n, k)
        In rising order, each row once.
    low, high, shared : numpy.ndarray of int64, shape (p,)
        The two rows of each pair; the counts are written into the last.
    """
    k = neighborhoods.shape[1]
    for pair in range(len(low)):
        one, other = neighborhoods[low[pair]], neighborhoods[high[pair]]
        count, at, beside = 0, 0, 0
        while at < k and beside < k:
            if one[at] == other[beside]:
                count += 1
                at += 1
                beside += 1
            elif one[at] < other[beside]:
                at += 1
            else:
                beside += 1
        shared[pair] = count


def move_rows(  # noqa: PLR0917 - compiled functions take positions
    starts: Any, others: Any, ties: Any, labels: Any, goal: Any, pulls: Any
) -> bool:
    """Write where each row goes that leaves its community for the one that most of its ties lead to.

    Parameters
    ----------
    starts, others : numpy.ndarray of int32
        Of a sparse matrix with n rows.
    ties : numpy.ndarray of float64
    labels, goal : numpy.ndarray of int64, shape (n,)
        Where each row is, and where it goes: the first community of those that pull as much, but none if its own does.
    pulls : numpy.ndarray of float64, as many as there are labels
        Zeros, which they are again at the end.

    Returns
    -------
    bool
        Whether any row moves.
    """
    has_moved = False
    for row in range(len(labels)):
        own = labels[row]
        goal[row] = own
        most = 0.0
        for tie in range(starts[row], starts[row + 1]):
            pulls[labels[others[tie]]] += ties[tie]
        for tie in range(starts[row], starts[row + 1]):
            label = labels[others[tie]]
            if pulls[label] > most or (pulls[label] == most and most > 0 and goal[row] != own and label < goal[row]):
                most = pulls[label]
                goal[row] = label
        if pulls[own] == most:
            goal[row] = own
        for tie in range(starts[row], starts[row + 1]):
            pulls[labels[others[tie]]] = 0.0
        has_moved = has_moved or goal[row] != own
    return has_moved
