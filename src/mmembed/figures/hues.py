"""Colours of groups by where they lie on a map: neighbours get like hues, and lightness tells neighbours apart.

Hues go around the map's middle. Lightness is chosen so that groups also differ for readers who do not see red, green or
blue. Computed in OKLCH (Ottosson 2020); colour blindness after Machado, Oliveira and Fernandes (2009).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Pair = tuple[str, str]
_Floats = npt.NDArray[np.float64]

_LEVELS = np.array([0.46, 0.51, 0.56, 0.605, 0.65])
_CHROMA = 0.15
_ON_DARK = 0.17  # how much lighter a tone is on dark
_INK = ((0.42, 0.09), (0.85, 0.075))  # lightness and chroma of a name, on white and on dark
_ROUNDS = 4

_LMS_OF_RGB = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB_OF_LMS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_RGB_OF_LMS, _LMS_OF_LAB = np.linalg.inv(_LMS_OF_RGB), np.linalg.inv(_LAB_OF_LMS)

# Linear RGB as readers without red, green or blue cones see it.
BLINDNESS = {
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


@dataclass(frozen=True, slots=True)
class GroupColors:
    """Colours of groups, each on white and on dark.

    Attributes
    ----------
    tones : list of (str, str)
        Of points and bars.
    inks : list of (str, str)
        Of names, dark enough on white and light enough on dark to be read.
    """

    tones: list[Pair]
    inks: list[Pair]


def color_by_place(x: _Floats, y: _Floats, codes: npt.NDArray[np.int64], count: int) -> GroupColors:
    """Return the colours of groups by where they lie.

    Parameters
    ----------
    x, y : numpy.ndarray of float, shape (n,)
        Finite coordinates of the points, in the map's own unit.
    codes : numpy.ndarray of int, shape (n,)
        Group of each point, from 0; negative for none.
    count : int
        How many groups there are; those without a point get hues between the others'.

    Examples
    --------
    >>> import numpy as np
    >>> corners = np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0, 1.0])
    >>> len(set(color_by_place(*corners, np.arange(4), 4).tones))
    4
    """
    hues = _hues(*_middles(x, y, codes, count))
    lightness = _told_apart(hues)
    tones = [
        (_hex(level, _CHROMA, hue), _hex(level + _ON_DARK, _CHROMA * 0.9, hue))
        for level, hue in zip(lightness.tolist(), hues.tolist(), strict=True)
    ]
    inks = [(_hex(*_INK[0], hue), _hex(*_INK[1], hue)) for hue in hues.tolist()]
    return GroupColors(tones, inks)


def _middles(x: _Floats, y: _Floats, codes: npt.NDArray[np.int64], count: int) -> tuple[_Floats, _Floats]:
    """Return the median place of each group; the middle of the map for one without points."""
    across, up = np.zeros(count), np.zeros(count)
    for code in range(count):
        rows = codes == code
        if rows.any():
            across[code], up[code] = np.median(x[rows]), np.median(y[rows])
        elif len(x):
            across[code], up[code] = np.median(x), np.median(y)
    return across, up


def _hues(across: _Floats, up: _Floats) -> _Floats:
    """Return hues in degrees: half by the angle around the middle, half by the rank of the angle.

    By the angle alone, groups in one direction would get one hue; by the rank alone, a gap would not show.
    """
    count = len(across)
    if not count:
        return np.zeros(0)
    angle = np.degrees(np.arctan2(up - up.mean(), across - across.mean())) % 360
    order = np.argsort(angle, kind="stable")
    # The largest gap between angles is where the circle is cut, so that the two ends of it are no neighbours.
    gaps = np.diff(np.append(angle[order], angle[order[0]] + 360))
    order = np.roll(order, -(int(np.argmax(gaps)) + 1))
    angle = (angle - angle[order[0]]) % 360
    rank = np.empty(count)
    rank[order] = np.arange(count) * 360 / count
    hues: _Floats = (25 + 0.5 * angle + 0.5 * rank) % 360
    return hues


def _told_apart(hues: _Floats) -> _Floats:
    """Return a lightness for each hue so that the two most alike of all groups differ as much as may be."""
    count = len(hues)
    order = np.argsort(hues, kind="stable")
    chosen = np.empty(count, dtype=np.intp)
    chosen[order] = np.arange(count) * 2 % len(_LEVELS)
    # Views of each level of each group: as it is, and as colour-blind readers see it.
    rgb = np.stack([_linear(np.full(count, level), np.full(count, _CHROMA), hues) for level in _LEVELS], axis=1)
    views = [_lab(rgb)] + [_lab(np.clip(rgb @ matrix.T, 0, 1)) for matrix in BLINDNESS.values()]
    weights = [0.7, 1.0, 1.0, 1.0]
    places = np.arange(count)
    for _ in range(_ROUNDS if count <= 400 else 0):
        for at in order.tolist():
            others = places != at
            worst = np.full(len(_LEVELS), np.inf)
            for view, weight in zip(views, weights, strict=True):
                mine, theirs = view[at], view[places[others], chosen[others]]
                apart = np.sqrt(((mine[:, None, :] - theirs[None, :, :]) ** 2).sum(axis=2))
                worst = np.minimum(worst, weight * apart.min(axis=1, initial=1.0))
            chosen[at] = int(np.argmax(worst))
    levels: _Floats = _LEVELS[chosen]
    return levels


def _linear(lightness: _Floats, chroma: _Floats, hue: _Floats) -> _Floats:
    """Return linear RGB of shape (n, 3), with as much of the chroma as sRGB has."""
    radians = np.radians(hue)

    def fits(tried: _Floats) -> npt.NDArray[np.bool_]:
        raw = _raw(lightness, tried, radians)
        return np.asarray(((raw >= -1e-4) & (raw <= 1.0001)).all(axis=1))

    low, high = np.zeros_like(chroma), chroma.copy()
    whole = fits(high)
    for _ in range(10):
        middle = (low + high) / 2
        inside = fits(middle)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return np.clip(_raw(lightness, np.where(whole, chroma, low), radians), 0, 1)


def _raw(lightness: _Floats, chroma: _Floats, radians: _Floats) -> _Floats:
    lab = np.stack([lightness, chroma * np.cos(radians), chroma * np.sin(radians)], axis=1)
    rgb: _Floats = ((lab @ _LMS_OF_LAB.T) ** 3) @ _RGB_OF_LMS.T
    return rgb


def _lab(rgb: _Floats) -> _Floats:
    lab: _Floats = np.cbrt(rgb @ _LMS_OF_RGB.T) @ _LAB_OF_LMS.T
    return lab


def _hex(lightness: float, chroma: float, hue: float) -> str:
    linear = _linear(np.array([lightness]), np.array([chroma]), np.array([hue]))[0]
    coded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(float(channel) * 255):02X}" for channel in coded)
