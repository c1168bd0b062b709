"""Where the points of a map lie before they are laid out: on principal components, or beside rows that have a place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix

    Flags = npt.NDArray[np.bool_]

# As many rows at once as matrix products are fast with; a centred copy of all rows would double the memory.
_BLOCK_ROWS = 4096
_SMALL = 128  # up to here all eigenvectors cost nothing
_SPARE_AXES = 8
_ROUNDS = 10
# What is alike and far from all that has a place starts as a heap of this size.
_HEAP = 1.0


def blocks(n_rows: int, step: int = _BLOCK_ROWS) -> Iterator[slice]:
    """Yield slices of ``step`` rows that cover ``n_rows``."""
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


@np.errstate(under="ignore")
def principal_start(rows: FloatMatrix, dimensions: int) -> FloatMatrix:
    """Return the first principal components of the rows, each with the sign that makes its greatest loading positive.

    Axes that the rows do not have are 0.
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    if len(rows) >= rows.shape[1]:
        covariance = np.zeros((rows.shape[1], rows.shape[1]))
        for some in blocks(len(rows)):
            centred = rows[some] - mean.astype(np.float32)
            covariance += centred.T @ centred
        axes = _leading_axes(covariance, dimensions)
    else:
        axes = np.linalg.svd((rows - mean).T, full_matrices=False)[0]
    axes = axes[:, :dimensions]
    greatest = np.abs(axes).argmax(axis=0)
    axes = axes * np.where(axes[greatest, np.arange(axes.shape[1])] < 0, -1, 1)
    start = np.zeros((len(rows), dimensions), dtype=np.float32)
    start[:, : axes.shape[1]] = rows @ axes.astype(np.float32) - (mean @ axes).astype(np.float32)
    return start


def start_beside(rows: FloatMatrix, weights: Any, places: FloatMatrix, *, seed: int) -> FloatMatrix:
    """Return the places with those filled in that are missing: each row starts at the mean of its neighbours.

    Rows next to rows with a place come first, then those next to them, and so on. What is connected to no row with a
    place starts as a heap around the place of the row most like the heap's mean.

    Parameters
    ----------
    rows : numpy.ndarray, shape (u, d), float32
        Unit rows.
    weights : scipy.sparse.csr_array, shape (u, u)
        Their fuzzy set.
    places : numpy.ndarray, shape (u, dimensions), float32
        NaN where there is none; one at least is known.
    seed : int
        Of the noise that parts rows with the same neighbours.

    Returns
    -------
    numpy.ndarray, shape (u, dimensions), float32
        Places that were given are left as they are.
    """
    start = places.copy()
    has_place: Flags = ~np.isnan(places[:, 0])
    while not has_place.all():
        waiting = np.flatnonzero(~has_place)
        ties = weights[waiting][:, np.flatnonzero(has_place)]
        totals = np.asarray(ties.sum(axis=1)).ravel()
        next_to = totals > 0
        if not next_to.any():
            _heap_up(rows, weights, start, has_place)
            break
        start[waiting[next_to]] = (ties @ start[has_place])[next_to] / totals[next_to, np.newaxis]
        has_place[waiting[next_to]] = True
    is_new = np.isnan(places[:, 0])
    noise = np.random.default_rng(seed).normal(scale=1e-3, size=(int(is_new.sum()), start.shape[1]))
    start[is_new] += noise.astype(np.float32)
    return start


def _heap_up(rows: FloatMatrix, weights: Any, start: FloatMatrix, has_place: Flags) -> None:
    """Give each connected set of rows without a place the principal components of its own, around one place."""
    from scipy.sparse.csgraph import connected_components

    waiting, placed = np.flatnonzero(~has_place), np.flatnonzero(has_place)
    n_heaps, heap_of = connected_components(weights[waiting][:, waiting], directed=False)
    for heap in range(n_heaps):
        members = waiting[heap_of == heap]
        mean = rows[members].mean(axis=0)
        nearest, best = placed[0], -np.inf
        for some in blocks(len(placed)):
            likeness = rows[placed[some]] @ mean
            if likeness.max() > best:
                nearest, best = placed[some][likeness.argmax()], float(likeness.max())
        own = principal_start(rows[members], start.shape[1])
        start[members] = start[nearest] + own * (_HEAP / (float(np.abs(own).max()) or 1.0))


@np.errstate(under="ignore")
def _leading_axes(covariance: npt.NDArray[np.float64], dimensions: int) -> npt.NDArray[np.float64]:
    """Return the leading eigenvectors; of a large matrix by subspace iteration, which is exact enough for a start."""
    if len(covariance) <= _SMALL:
        return np.asarray(np.linalg.eigh(covariance)[1][:, ::-1])
    block = np.random.default_rng(0).normal(size=(len(covariance), dimensions + _SPARE_AXES))
    for _ in range(_ROUNDS):
        block = np.linalg.qr(covariance @ (covariance @ (covariance @ block)))[0]
    turn = np.linalg.eigh(block.T @ covariance @ block)[1][:, ::-1]
    return np.asarray(block @ turn)
