"""The inner loops of communities, compiled by numba and kept on disk. Imported only where used."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from mmembed.analysis.compilation import kept_on_disk, made_once

_LONG, _DOUBLE, _INT = numba.int64[::1], numba.float64[::1], numba.int32[::1]
_SHARE_NEIGHBORS = numba.void(numba.int32[:, ::1], numba.int16[:, ::1], _INT, _INT, _LONG, _LONG, _DOUBLE)
_MOVE_ROWS = numba.boolean(_INT, _INT, _DOUBLE, _LONG, _LONG, _DOUBLE)


@made_once
def compiled(name: str) -> Any:
    """Return :func:`share_neighbors` or :func:`move_rows` as compiled code."""
    if name == "share_neighbors":
        return kept_on_disk(share_neighbors, _SHARE_NEIGHBORS)
    return kept_on_disk(move_rows, _MOVE_ROWS)


def share_neighbors(  # noqa: PLR0917 - compiled functions take positions
    ids: Any, ranks: Any, low: Any, high: Any, widths: Any, shared: Any, weights: Any
) -> None:
    """Write for each pair the sum over some widths of the share of rows that are in both neighbourhoods.

    Parameters
    ----------
    ids, ranks : numpy.ndarray of int32 and int16, shape (n, k + 1)
        The neighbourhood of each row in rising order, and the rank of each neighbour; that of the row itself is 0. A
        number below 0 is no row.
    low, high : numpy.ndarray of int32, shape (p,)
        The two rows of each pair.
    widths, shared : numpy.ndarray of int64, shape (w,)
        How many neighbours a neighbourhood has; room for the counts of a pair.
    weights : numpy.ndarray of float64, shape (p,)
        Is filled. At a width at which neither is a neighbour of the other, the share is 0.
    """
    size, n_widths = ids.shape[1], len(widths)
    for pair in range(len(low)):
        one, other = low[pair], high[pair]
        for at in range(n_widths):
            shared[at] = 0
        nearer = np.int64(size)
        left, right = 0, 0
        while left < size and right < size:
            mine, theirs = ids[one, left], ids[other, right]
            if mine == theirs and mine >= 0:
                rank, beside = np.int64(ranks[one, left]), np.int64(ranks[other, right])
                if mine == one:
                    nearer = min(nearer, beside)
                if mine == other:
                    nearer = min(nearer, rank)
                for at in range(n_widths):
                    if max(rank, beside) <= widths[at]:
                        shared[at] += 1
                left += 1
                right += 1
            elif mine < theirs:
                left += 1
            else:
                right += 1
        total = 0.0
        for at in range(n_widths):
            if nearer <= widths[at]:
                total += shared[at] / (2 * (widths[at] + 1) - shared[at])
        weights[pair] = total


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
