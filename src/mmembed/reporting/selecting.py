"""Which rows a report shows: an even sample for the map, typical rows for the cards, an order for thumbnails."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import numpy.typing as npt

from mmembed.analysis.tallies.categories import MISSING, Grouping

Positions = npt.NDArray[np.intp]


def choose_points(on_map: npt.NDArray[np.bool_], codes: npt.NDArray[np.int64], most: int) -> Positions:
    """Return the positions of at most ``most`` rows on the map, ascending, every group thinned alike.

    The same frame gives the same rows: of each group every so-many-th row is taken, in the order of the frame.

    Parameters
    ----------
    on_map : numpy.ndarray of bool, shape (n,)
        Rows with coordinates.
    codes : numpy.ndarray, shape (n,)
        Group of each row.
    most : int
        Limit.
    """
    rows = np.flatnonzero(on_map & (codes != MISSING))
    if len(rows) <= most:
        return rows
    by_group = rows[np.argsort(codes[rows], kind="stable")]
    return np.sort(by_group[np.linspace(0, len(by_group) - 1, most).round().astype(np.intp)])


def rank_in_groups(
    grouping: Grouping, scores: npt.NDArray[np.float64] | None, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> list[Positions]:
    """Return the rows of each group, the most typical first.

    Typical is a high score where there are scores, and otherwise nearness to the median of the group on the map. Rows
    that have neither come last.
    """
    ranked = []
    for code in range(len(grouping.groups)):
        rows = grouping.rows(code)
        if scores is not None and np.isfinite(scores[rows]).any():
            merit = scores[rows]
        elif np.isfinite(x[rows]).any():
            merit = -np.hypot(x[rows] - np.nanmedian(x[rows]), y[rows] - np.nanmedian(y[rows]))
        else:
            merit = np.zeros(len(rows))
        ranked.append(rows[np.argsort(-np.nan_to_num(merit, nan=-np.inf), kind="stable")])
    return ranked


def choose_exemplars(ranked: Positions, most: int, looks: Callable[[int], Hashable]) -> list[int]:
    """Return the first rows that look different from each other, filled up with repeats if there are too few.

    Parameters
    ----------
    ranked : numpy.ndarray
        Rows of one group, the most typical first.
    most : int
        How many are wanted.
    looks : callable
        Gives what a reader would see of a row; rows with equal looks are repeats.
    """
    chosen: list[int] = []
    repeats: list[int] = []
    seen: set[Hashable] = set()
    for row in ranked[: most * 20].tolist():
        if len(chosen) == most:
            break
        look = looks(row)
        (repeats if look in seen else chosen).append(row)
        seen.add(look)
    return chosen + repeats[: most - len(chosen)]


def thumbnail_order(exemplars: list[list[int]], ranked: list[Positions], points: Positions) -> list[int]:
    """Return rows in the order in which they should get thumbnails: exemplars, then all groups in turn, then noise."""
    first = in_turns(exemplars)
    seen = set(first)
    shown = set(points.tolist())
    turns = sorted((turn, code, int(row)) for code, rows in enumerate(ranked) for turn, row in enumerate(rows))
    rest = [row for _, _, row in turns if row in shown and row not in seen]
    seen.update(rest)
    return [*first, *rest, *(row for row in points.tolist() if row not in seen)]


def in_turns(lists: list[list[int]]) -> list[int]:
    """Return the first items of all lists, then the second ones, and so on.

    Examples
    --------
    >>> in_turns([[1, 2, 3], [4]])
    [1, 4, 2, 3]
    """
    longest = max(map(len, lists), default=0)
    return [one[place] for place in range(longest) for one in lists if place < len(one)]
