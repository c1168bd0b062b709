"""Where names stand on a map: at a medoid of their points, and never on top of each other."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import east_asian_width

import numpy as np
import numpy.typing as npt

Point = tuple[float, float]


def medoid(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> int:
    """Return the position of the point nearest to the median of the points.

    A name at the mean of a bent or split cluster may stand where no point is; at a point it never does.

    Parameters
    ----------
    x, y : numpy.ndarray, shape (n,)
        Coordinates without NaN, n ≥ 1.
    """
    return int(np.argmin((x - np.median(x)) ** 2 + (y - np.median(y)) ** 2))


def text_width(text: str) -> float:
    """Return the width of a text in ems, with Chinese characters one em wide and others a little over half.

    Examples
    --------
    >>> text_width("猫ab")
    2.12
    """
    return round(sum(1.0 if east_asian_width(character) in "WF" else 0.56 for character in text), 2)


def place_names(anchors: Sequence[Point], names: Sequence[str], em: Point) -> list[Point | None]:
    """Place names near their anchors so that no two overlap; the first names choose first.

    Parameters
    ----------
    anchors : sequence of (x, y)
        Where each name belongs, in map units.
    names : sequence of str
        One a place.
    em : (float, float)
        Width and height of one em, in map units.

    Returns
    -------
    list of (x, y) or None
        Centre of each name; None where no place near the anchor is free: a legend must carry that name.
    """
    taken: list[tuple[float, float, float, float]] = []
    places: list[Point | None] = []
    for (x, y), name in zip(anchors, names, strict=True):
        half_width = (text_width(name) / 2 + 0.5) * em[0]
        half_height = 0.85 * em[1]
        place = None
        for across, up in ((0, 0), (0, 1), (0, -1), (0.6, 1), (-0.6, 1), (0.6, -1), (-0.6, -1), (0, 2), (0, -2)):
            center = (x + across * 2 * half_width, y + up * 2.1 * half_height)
            box = (center[0] - half_width, center[1] - half_height, center[0] + half_width, center[1] + half_height)
            if not any(_overlap(box, other) for other in taken):
                taken.append(box)
                place = center
                break
        places.append(place)
    return places


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
