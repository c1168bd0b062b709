"""Random draws of rows that do not depend on the last digits of a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, Positions

# How often the line is turned towards where rows differ most, and how many rows are summed at once.
_TURNS = 2
_ROWS_AT_ONCE = 4096
# Rows that are nearer to each other are one.
_LEAST_SPACING = 1e-4
# How long pieces of a line are: in short ones a draw tells less of those of neighbours, in long ones it changes less.
_PIECE = 2.0


def steady_order(rows: FloatMatrix) -> Positions:
    """Return an order of rows that depends on their values alone and hardly changes with the last digits of them.

    It is that of their places on one line: where two rows change places, their values were next to equal there. The
    line is a fixed one, turned to where the rows differ most (two steps of the power iteration): on any line through
    hundreds of numbers, what is added to each of them moves rows as far as rows lie apart.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(1).normal(size=(50, 8)).astype("float32")
    >>> bool((steady_order(rows) == steady_order(rows * np.float32(1.0001))).all())
    True
    """
    direction: npt.NDArray[np.float64] = np.asarray(np.random.default_rng(0).normal(size=rows.shape[1]))
    for _ in range(_TURNS):
        turned = _turned(rows, direction)
        length = float(np.linalg.norm(turned))
        if length == 0:
            break
        direction = turned / length
    return np.argsort(rows @ direction.astype(rows.dtype), kind="stable")


def _turned(rows: FloatMatrix, direction: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the covariance of the rows times a direction, summed in double precision: their order says nothing."""
    weighted, total, places = np.zeros(rows.shape[1]), np.zeros(rows.shape[1]), 0.0
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE].astype(np.float64)
        place = some @ direction
        weighted += place @ some
        total += some.sum(axis=0)
        places += float(place.sum())
    return weighted - total * (places / max(1, len(rows)))


def steady_draws(rows: FloatMatrix, spacing: float, seed: int, number: int) -> npt.NDArray[np.float64]:
    """Return numbers of each row as good as drawn, evenly from 0 to 1, that hardly change with its last digits.

    Each is the place of the row on a random line, cut into pieces so short that neighbours are anywhere in them. Of an
    order of rows the place in it would do as little, but where two rows change places, both draws are others.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d)
    spacing : float
        How far rows are from their neighbours.
    seed : int
    number : int
        How many numbers of each row.

    Returns
    -------
    numpy.ndarray, shape (n, number)
    """
    lines = np.random.default_rng([seed, 3]).normal(size=(rows.shape[1], number))
    lines /= np.linalg.norm(lines, axis=0)
    piece = _PIECE * max(float(spacing), _LEAST_SPACING) / rows.shape[1] ** 0.5
    places = [
        rows[start : start + _ROWS_AT_ONCE].astype(np.float64) @ lines for start in range(0, len(rows), _ROWS_AT_ONCE)
    ]
    return np.asarray(np.concatenate(places) / piece % 1)
