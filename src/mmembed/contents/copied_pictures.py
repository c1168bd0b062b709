"""Whether two pictures are copies of each other, told by their pixels: no model takes part.

A copy is the same picture in another size, quality or brightness, cut at its edges by up to an eighth of a side. Small
pictures of the whole of the one and of parts of the other are correlated: first grey parts in large steps, then
colours of parts about the best one. Brightness and contrast do not count in a correlation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.arrays import BoolVector, FloatMatrix, Positions

if TYPE_CHECKING:
    from PIL.Image import Image

# Tuned on the development sets of benchmarks/labelled/copies.py: copies had .97 to 1, other pictures up to .967.
_CORRELATION = 0.97
_WORTH_A_LOOK = 0.85  # of the grey parts

_SIDE, _SMALL = 48, 16  # pixels of a picture that is kept, and of one that is compared
_STEP, _MOST_STEPS = 0.025, 5  # what is cut off at an edge, as a share of the side
_LARGE_STEPS = (0, 2, 4)
_FLAT = 2.0  # of 255 levels: what varies less is of one colour, and tells nothing

Edges = list[tuple[int, int]]


class PictureComparison:
    """Says of pairs of rows whether their pictures are copies; each picture is opened once, when it is first asked for.

    Parameters
    ----------
    open_picture : callable
        Returns the picture of a row; None where there is none, which is no copy of anything.
    """

    def __init__(self, open_picture: Callable[[int], Image | None]) -> None:
        self._open = open_picture
        self._kept: dict[int, npt.NDArray[np.uint8] | None] = {}

    def __call__(self, left: Positions, right: Positions) -> BoolVector:
        """Return for each pair whether one picture is a copy of the other, shape (p,)."""
        from threadpoolctl import threadpool_limits

        # Many small products lose more by waiting for each other's threads than they win.
        with threadpool_limits(1, user_api="blas"):
            return self._compare(left, right)

    def _compare(self, left: Positions, right: Positions) -> BoolVector:
        rows, both = np.unique(np.column_stack([left, right]), return_inverse=True)
        both = both.reshape(-1, 2)
        pictures = [self._small(row) for row in rows.tolist()]
        whole = np.zeros((len(rows), _SMALL * _SMALL), dtype=np.float32)
        for place, picture in enumerate(pictures):
            if picture is not None:
                whole[place] = _parts(_grey(picture), [(0, 0)], [(0, 0)])
        found = np.zeros(len(both), dtype=bool)
        directed = np.concatenate([both, both[:, ::-1]])
        order = np.argsort(directed[:, 0], kind="stable")
        starts = np.searchsorted(directed[order, 0], np.arange(len(rows) + 1))
        for place, picture in enumerate(pictures):
            asked = order[starts[place] : starts[place + 1]]
            if picture is not None and len(asked):
                others = directed[asked, 1]
                near = _parts(_grey(picture), _ALL, _ALL) @ whole[others].T
                for at in np.flatnonzero(near.max(axis=0) >= _WORTH_A_LOOK):
                    pair = asked[at] % len(both)
                    other = pictures[others[at]]
                    if not found[pair] and other is not None:
                        found[pair] = _best_correlation(picture, other, int(near[:, at].argmax())) >= _CORRELATION
        return found

    def _small(self, row: int) -> npt.NDArray[np.uint8] | None:
        """Return the picture of a row in few pixels, shape (48, 48, 3)."""
        if row not in self._kept:
            self._kept[row] = _shrunk(self._open(row))
        return self._kept[row]


def _shrunk(picture: Image | None) -> npt.NDArray[np.uint8] | None:
    if picture is None:
        return None
    from PIL.Image import Resampling

    pixels: npt.NDArray[np.uint8] = np.asarray(
        picture.convert("RGB").resize((_SIDE, _SIDE), Resampling.BOX), dtype=np.uint8
    )
    return pixels if float(pixels.std()) >= _FLAT else None


def _grey(picture: npt.NDArray[np.uint8]) -> FloatMatrix:
    """Return the one channel of a picture without its colours, shape (1, 48, 48)."""
    return np.asarray(picture.mean(axis=2, dtype=np.float32)[np.newaxis])


def _best_correlation(picture: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], best: int) -> float:
    """Return the greatest correlation of the other's colours with those of parts about the best one."""
    y, x = divmod(best, len(_ALL))
    colours, whole = (np.moveaxis(one, 2, 0).astype(np.float32) for one in (picture, other))
    parts = _parts(colours, _about(_ALL[y]), _about(_ALL[x]))
    return float((parts @ _parts(whole, [(0, 0)], [(0, 0)])[0]).max())


def _about(edges: tuple[int, int]) -> Edges:
    """Return what is cut off at both edges, and one small step more or less."""
    low, high = edges
    steps = [(low + a, high + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    return [(a, b) for a, b in steps if 0 <= a <= _MOST_STEPS and 0 <= b <= _MOST_STEPS]


def _parts(channels: npt.NDArray[Any], above: Edges, beside: Edges) -> FloatMatrix:
    """Return parts of a picture in few pixels, each with mean 0 and length 1.

    Parameters
    ----------
    channels : numpy.ndarray, shape (c, 48, 48), float32
    above, beside : list of pair of int
        Steps that are cut off: above and below, left and right.

    Returns
    -------
    numpy.ndarray, shape (above × beside, 256 c), float32
    """
    rows, columns = (np.concatenate([_SHRINKING[edges] for edges in some]) for some in (above, beside))
    cut = (rows @ channels @ columns.T).reshape(len(channels), len(above), _SMALL, len(beside), _SMALL)
    flat = cut.transpose(1, 3, 0, 2, 4).reshape(len(above) * len(beside), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-3), dtype=np.float32)


def _shrinking(low: int, high: int) -> FloatMatrix:
    """Return ``(16, 48)``: means of equal stretches of a side of which so many steps are cut off at both ends."""
    ends = np.linspace(low * _STEP * _SIDE, (1 - high * _STEP) * _SIDE, _SMALL + 1)[:, None]
    covered = np.clip(ends[1:] - np.arange(_SIDE), 0, 1) - np.clip(ends[:-1] - np.arange(_SIDE), 0, 1)
    return np.asarray(covered / covered.sum(axis=1, keepdims=True), dtype=np.float32)


_SHRINKING = {(a, b): _shrinking(a, b) for a in range(_MOST_STEPS + 1) for b in range(_MOST_STEPS + 1)}
_ALL: Edges = [(a, b) for a in _LARGE_STEPS for b in _LARGE_STEPS]
