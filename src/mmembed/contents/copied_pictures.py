"""Whether two pictures are copies of each other, told by their pixels: no model takes part.

A copy is the same picture in another size, quality or brightness, cut at its edges by up to an eighth of a side. Small
pictures of the whole of the one and of parts of the other are correlated: grey parts in large steps, then about the
best one in ever smaller steps, and last its colours. Fine patterns and thin lines need the small steps. Brightness and
contrast do not count in a correlation, so a contrast that is far greater or less is asked for besides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.arrays import BoolVector, FloatMatrix, FloatVector, Positions

if TYPE_CHECKING:
    from PIL.Image import Image

# Tuned on the development sets of benchmarks/labelled/copies.py: but for the finest patterns copies had .967 to 1, and
# but for dots of another size and one logo beside another other pictures had .962 at most.
_CORRELATION = 0.965
_CONTRAST = 1.5  # times that of the other, at most
_WORTH_A_LOOK = 0.8  # of the grey parts in large steps
_WORTH_A_CLOSE_LOOK = 0.94  # of the best grey part in few pixels

_SIDE, _SMALL, _FINE = 64, 16, 32  # pixels of a picture that is kept, and of two that are compared
_MOST_CUT = 0.125  # at an edge, as a share of the side
_LARGE_STEPS = (0.0, 0.05, 0.1)
_SMALL_STEPS, _FINEST_STEPS = (0.025, 0.0125), (0.0125, 0.006, 0.003)
_FLAT = 2.0  # of 255 levels: what varies less is of one colour, and tells nothing

Edges = list[tuple[float, float]]
Part = tuple[tuple[float, float], tuple[float, float]]


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
                whole[place] = _WHOLE[_SMALL].of(_grey(picture))[0]
        found = np.zeros(len(both), dtype=bool)
        directed = np.concatenate([both, both[:, ::-1]])
        order = np.argsort(directed[:, 0], kind="stable")
        starts = np.searchsorted(directed[order, 0], np.arange(len(rows) + 1))
        for place, picture in enumerate(pictures):
            asked = order[starts[place] : starts[place + 1]]
            if picture is not None and len(asked):
                others = directed[asked, 1]
                near = _ALL_PARTS.of(_grey(picture)) @ whole[others].T
                for at in np.flatnonzero(near.max(axis=0) >= _WORTH_A_LOOK):
                    pair = asked[at] % len(both)
                    other = pictures[others[at]]
                    if not found[pair] and other is not None:
                        found[pair] = _is_part_of(other, picture, _ALL_PARTS.part(int(near[:, at].argmax())))
        return found

    def _small(self, row: int) -> npt.NDArray[np.uint8] | None:
        """Return the picture of a row in few pixels, shape (64, 64, 3)."""
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
    """Return the one channel of a picture without its colours, shape (1, 64, 64)."""
    return np.asarray(picture.mean(axis=2, dtype=np.float32)[np.newaxis])


def _is_part_of(other: npt.NDArray[np.uint8], picture: npt.NDArray[np.uint8], start: Part) -> bool:
    """Return whether a picture is another one about a part of it."""
    grey, grey_other = _grey(picture), _grey(other)
    part, correlation = _nearest_part(grey, _WHOLE[_SMALL].of(grey_other)[0], _SMALL, start, _SMALL_STEPS)
    if correlation < _WORTH_A_CLOSE_LOOK:
        return False
    part, _ = _nearest_part(grey, _WHOLE[_FINE].of(grey_other)[0], _FINE, part, _FINEST_STEPS)
    above, beside = part
    colours, whole = (np.moveaxis(one, 2, 0).astype(np.float32) for one in (picture, other))
    one, another = _Parts([above], [beside], _FINE).pixels(colours)[0], _WHOLE[_FINE].pixels(whole)[0]
    less, more = sorted([float(one.std()), float(another.std())])
    return more <= _CONTRAST * less and float(_units(one) @ _units(another)) >= _CORRELATION


def _nearest_part(
    grey: FloatMatrix, whole: FloatVector, pixels: int, part: Part, steps: tuple[float, ...]
) -> tuple[Part, float]:
    """Return the part of a picture that is most like another one, and the correlation, from a part near to it.

    Parameters
    ----------
    grey : numpy.ndarray, shape (1, 64, 64), float32
    whole : numpy.ndarray, shape (pixels ** 2,), float32
    pixels : int
        Of a side, in which the two are compared.
    part : pair of pair of float
        Where to begin: what is cut off above and below, left and right.
    steps : tuple of float
        Each is gone twice at most, in every direction.
    """
    best = -1.0
    for step in steps:
        for _ in range(2):
            parts = _Parts(_about(part[0], step), _about(part[1], step), pixels)
            near = parts.of(grey) @ whole
            at = int(near.argmax())
            part, best = parts.part(at), float(near[at])
            if at == 0:  # which is where it stood
                break
    return part, best


def _about(edges: tuple[float, float], step: float) -> Edges:
    """Return what is cut off at both edges, and one step more or less."""
    low, high = ([min(max(edge + one, 0.0), _MOST_CUT) for one in (0.0, -step, step)] for edge in edges)
    return [(a, b) for a in dict.fromkeys(low) for b in dict.fromkeys(high)]


class _Parts:
    """Parts of pictures in few pixels.

    Parameters
    ----------
    above, beside : list of pair of float
        Shares of a side that are cut off: above and below, left and right.
    pixels : int
        Of a side of what is left.
    """

    def __init__(self, above: Edges, beside: Edges, pixels: int) -> None:
        self._above, self._beside, self._pixels = above, beside, pixels
        self._rows, self._columns = (_shrinking(some, pixels) for some in (above, beside))

    def part(self, at: int) -> Part:
        """Return what is cut off where a part is the one at a place."""
        above, beside = divmod(at, len(self._beside))
        return self._above[above], self._beside[beside]

    def pixels(self, channels: npt.NDArray[Any]) -> FloatMatrix:
        """Return the pixels of all parts of a picture.

        Parameters
        ----------
        channels : numpy.ndarray, shape (c, 64, 64), float32

        Returns
        -------
        numpy.ndarray, shape (above × beside, c pixels ** 2), float32
        """
        n, above, beside = self._pixels, len(self._above), len(self._beside)
        cut = (self._rows @ channels @ self._columns.T).reshape(len(channels), above, n, beside, n)
        return np.asarray(cut.transpose(1, 3, 0, 2, 4).reshape(above * beside, -1))

    def of(self, channels: npt.NDArray[Any]) -> FloatMatrix:
        """Return the pixels of all parts, those of each with mean 0 and length 1."""
        return _units(self.pixels(channels))


def _units(pixels: FloatMatrix) -> FloatMatrix:
    centred = pixels - pixels.mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=-1, keepdims=True), 1e-3), dtype=np.float32)


def _shrinking(edges: Edges, pixels: int) -> FloatMatrix:
    """Return ``(edges × pixels, 64)``: means of equal stretches of a side of which a share is cut off at both ends."""
    low, high = np.array(edges).T[:, :, np.newaxis]
    ends = ((low + (1 - low - high) * np.linspace(0, 1, pixels + 1)) * _SIDE)[:, :, np.newaxis]
    covered = np.clip(ends[:, 1:] - np.arange(_SIDE), 0, 1) - np.clip(ends[:, :-1] - np.arange(_SIDE), 0, 1)
    return np.asarray((covered / covered.sum(axis=2, keepdims=True)).reshape(-1, _SIDE), dtype=np.float32)


_ALL: Edges = [(a, b) for a in _LARGE_STEPS for b in _LARGE_STEPS]
_ALL_PARTS = _Parts(_ALL, _ALL, _SMALL)
_WHOLE = {pixels: _Parts([(0.0, 0.0)], [(0.0, 0.0)], pixels) for pixels in (_SMALL, _FINE)}
