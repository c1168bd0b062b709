"""The ground that a picture stands on and the colours of what stands on it; by hue, without a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["COLOURS", "Ground", "look_at_ground"]

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black", "white", "grey", "brown")
# Twelfths of the colour circle, from red on, for the first seven; yellow-green and cyan go to green and to no colour.
_HUES = ((0,), (1,), (2,), (3, 4, 5), (7, 8), (9,), (10, 11))
_SIDE = 64
# Pixels this near to the border's median are ground.
_NEAR = 0.1
# From this share of even border on a picture is somewhat of a cut-out; this much later it is one.
_EVEN_FROM, _EVEN_OVER = 0.4, 0.4
# The same for how light the ground is: photographs with an even dark ground (a night, a blurred lawn) are scenes.
_LIGHT_FROM, _LIGHT_OVER = 0.75, 0.15
_LEAST_BORDER_TO_CUT = 0.6
_LEAST_PIXELS_IN_FRONT = 20


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What a picture stands on.

    Attributes
    ----------
    plainness : float
        1 for a thing cut out on white, 0 for a photograph of a scene, between them for what is between.
    colours : numpy.ndarray, shape (11,)
        Shares of ``COLOURS`` in what stands on the ground; in a scene, in all of it.
    """

    plainness: float
    colours: npt.NDArray[np.float32] = field(repr=False)


def look_at_ground(image: Image) -> Ground:
    """Return the plainness of a picture's ground and the colours before it."""
    from PIL import Image as Pillow

    small = image.convert("RGB").resize((_SIDE, _SIDE), Pillow.Resampling.BILINEAR)
    pixels = np.asarray(small, np.float32) / 255
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ground = np.median(border, axis=0)
    evenness = float(np.mean(np.abs(border - ground).max(axis=1) < _NEAR))
    is_front = np.abs(pixels - ground).max(axis=2) > _NEAR
    if evenness <= _LEAST_BORDER_TO_CUT or is_front.sum() < _LEAST_PIXELS_IN_FRONT:
        is_front[...] = True
    is_even = np.clip((evenness - _EVEN_FROM) / _EVEN_OVER, 0, 1)
    is_light = np.clip((float(ground.min()) - _LIGHT_FROM) / _LIGHT_OVER, 0, 1)
    hsv = np.asarray(small.convert("HSV"), np.float32)[is_front] / 255
    return Ground(float(is_even * is_light), _share_colours(*hsv.T))


def _share_colours(
    hue: npt.NDArray[np.float32], saturation: npt.NDArray[np.float32], value: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    twelfth = np.floor(hue * 12 + 0.5).astype(int) % 12
    is_coloured = (saturation > 0.25) & (value > 0.2)
    is_dark = value < 0.55
    hues = np.stack([np.isin(twelfth, of_colour) for of_colour in _HUES]) & is_coloured
    hues[:2] &= ~is_dark  # dark red and dark orange are brown
    brown = is_coloured & is_dark & np.isin(twelfth, (0, 1))
    black, white = ~is_coloured & (value < 0.25), ~is_coloured & (value >= 0.75)
    grey = ~is_coloured & ~black & ~white
    return np.asarray(np.stack([*hues, black, white, grey, brown]).mean(axis=1), np.float32)
