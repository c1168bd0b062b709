"""Encoded pictures to the numbers that the network reads.

This module decides what a picture file shows (upright, on white, eight bits, red-green-blue) and how it is framed; it
refuses what cannot be decoded, with a ContentError.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmembed.errors import ContentError
from mmembed.providers.local.network import RESOLUTION
from mmembed.providers.picture_formats import PICTURE_FORMATS, damage, open_bytes
from mmembed.providers.protocol import Media

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["MOST_PIXELS", "decoding_errors", "load_picture", "open_picture", "read_media", "to_rgb", "to_views"]

# Where Pillow itself refuses a picture: its default, doubled. A file of a few KB can unpack to any size.
MOST_PIXELS = 178_956_970
# A JPEG is decoded at the least size that still has twice the network's resolution: many times faster for photographs.
_DRAFT_SIZE = (2 * RESOLUTION, 2 * RESOLUTION)
_ORIENTATION_TAG = 0x0112


def read_media(media: Media, noun: str) -> bytes:
    """Return the encoded bytes of a picture or a clip.

    Raises
    ------
    ContentError
        If it is a URL, empty, or a file that cannot be read.
    """
    if media.url is not None:
        shown = media.url.partition("?")[0][:200]
        raise ContentError(
            "RemoteContent",
            f"{shown!r} is a URL, and the local model opens no network. Download the {noun} and give its path, "
            "or use a model of the API, which fetches URLs itself.",
        )
    data = media.read()
    if not data:
        raise ContentError("EmptyFile", f"{_named(media)} is empty (0 bytes); expected a {noun}. Save it anew.")
    return data


def _named(media: Media) -> str:
    return f"File {str(media.path)!r}" if media.path is not None else "The content"


@contextmanager
def decoding_errors(media: Media, noun: str) -> Iterator[None]:
    """Turn whatever Pillow raises for a file that it cannot decode into a ContentError.

    Raises
    ------
    ContentError
        In place of Pillow's error, which it keeps as its cause.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except UnidentifiedImageError as error:
        raise ContentError(
            "UnknownFormat",
            f"{_named(media)} cannot be decoded as a {noun}; expected one of {', '.join(PICTURE_FORMATS)}. "
            "Convert it, or check that the download was complete.",
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(media, str(error)) from error
    except ContentError:
        raise
    except damage() as error:
        raise ContentError(
            "BrokenFile",
            f"{_named(media)} is a damaged {noun}: {error}. Expected a complete file. Save or download it anew.",
        ) from error


def _too_large(media: Media, found: str) -> ContentError:
    return ContentError(
        "TooManyPixels",
        f"{_named(media)} is too large: {found.rstrip('.')}. Expected at most {MOST_PIXELS:,} pixels. Make it smaller.",
    )


def open_picture(data: bytes, media: Media) -> Image:
    """Open a picture without decoding its pixels, after checking its size.

    Raises
    ------
    ContentError
        If it has too many pixels. What Pillow raises passes; see ``decoding_errors``.
    """
    image = open_bytes(data)
    if image.width * image.height > MOST_PIXELS:
        raise _too_large(media, f"{image.width} x {image.height} pixels")
    return image


def load_picture(media: Media) -> Image:
    """Return a picture in red, green and blue, upright; of an animation, the first frame.

    Raises
    ------
    ContentError
        If it is a URL, cannot be read or decoded, or is too large.
    """
    data = read_media(media, "picture")
    with decoding_errors(media, "picture"), open_picture(data, media) as image:
        image.draft(None, _DRAFT_SIZE)
        return _upright(to_rgb(image), _orientation(image))


def _orientation(image: Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except damage():
        return 1  # the camera's notes are damaged; the picture need not be


def _upright(image: Image, orientation: int) -> Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def to_rgb(image: Image) -> Image:
    """Return a picture of any mode in red, green and blue: transparency on white, deeper grey scaled to eight bits."""
    from PIL import Image as Pillow

    if image.mode == "F" or image.mode.startswith("I"):
        return Pillow.fromarray(_to_eight_bits(np.asarray(image), image.mode)).convert("RGB")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        white = Pillow.new("RGBA", image.size, "white")
        return Pillow.alpha_composite(white, with_alpha).convert("RGB")
    return image.convert("RGB")


def _to_eight_bits(grey: npt.NDArray[np.generic], mode: str) -> npt.NDArray[np.uint8]:
    values = np.nan_to_num(grey.astype(np.float64))
    if mode == "F":  # no fixed range: darkest to brightest
        low, high = values.min(), values.max()
        values = (values - low) * (255 / max(high - low, np.finfo(np.float64).tiny))
    else:  # sixteen bits, which Pillow also holds as 32
        values /= 257
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def to_views(image: Image) -> npt.NDArray[np.float32]:
    """Return how the network sees a picture: whole on white, and its centre square.

    Returns
    -------
    numpy.ndarray, shape (v, 224, 224, 3), float32
        v is 2, or 1 for a square picture, whose two views are the same.
    """
    from PIL import Image as Pillow

    width, height = image.size
    if width == height:
        return _to_numbers([image.resize((RESOLUTION, RESOLUTION), Pillow.Resampling.BICUBIC)])
    scale = RESOLUTION / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    whole = Pillow.new("RGB", (RESOLUTION, RESOLUTION), "white")
    corner = ((RESOLUTION - size[0]) // 2, (RESOLUTION - size[1]) // 2)
    whole.paste(image.resize(size, Pillow.Resampling.BICUBIC), corner)
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return _to_numbers([whole, image.resize((RESOLUTION, RESOLUTION), Pillow.Resampling.BICUBIC, box=box)])


def _to_numbers(views: list[Image]) -> npt.NDArray[np.float32]:
    stacked = np.stack([np.asarray(view) for view in views]).astype(np.float32)
    stacked -= 127
    stacked /= 128
    return stacked
