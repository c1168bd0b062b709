"""Local pictures as data URIs: unchanged where the model takes them as they are, otherwise turned, converted, shrunk.

It reads files and never writes one.
"""

from __future__ import annotations

import base64
import io
import math
import warnings
from typing import TYPE_CHECKING

from mmembed.errors import ContentError
from mmembed.providers.picture_formats import damage, open_bytes
from mmembed.providers.protocol import Media

if TYPE_CHECKING:
    from PIL import Image

    from mmembed.embedding.models import ModelSpec

_LOSSLESS = frozenset({"PNG", "BMP", "DIB", "TIFF", "GIF", "ICO", "ICNS", "SGI", "PPM", "TGA"})
_JPEG_QUALITY = 92
# Aim below the limit: the size of a JPEG goes with its area only roughly.
_AIM = 0.85
_MOST_TRIES = 12
# PIL's name where it is not the name on the wire: an MPO is a JPEG with further pictures behind it.
_WIRE_NAMES = {"MPO": "JPEG"}


def picture_value(media: Media, spec: ModelSpec) -> str:
    """Return what goes to the wire for a picture: its URL, or a data URI that the model takes.

    Parameters
    ----------
    media : Media
        The picture.
    spec : ModelSpec
        Whose formats and size limit hold.

    Raises
    ------
    ContentError
        If the bytes cannot be read as a picture.
    """
    if media.url is not None:
        return media.url
    data, name = picture_for_model(media.read(), spec)
    return f"data:image/{name.lower()};base64,{base64.b64encode(data).decode('ascii')}"


def picture_for_model(data: bytes, spec: ModelSpec) -> tuple[bytes, str]:
    """Return an encoded picture that the model takes, and the name of its format.

    Bytes that the model takes as they are come back unchanged. Others are turned upright by their EXIF tag, and
    written as PNG where nothing would be lost and it fits, else as JPEG, shrunk until it fits.

    Raises
    ------
    ContentError
        If the bytes are no picture, or a damaged one.
    """
    from PIL import Image, UnidentifiedImageError

    most = math.inf if spec.image_mb is None else spec.image_mb * 1e6
    try:
        with warnings.catch_warnings():
            # A large picture is about to be shrunk, which is what the warning is about.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with open_bytes(data) as picture:
                name = _WIRE_NAMES.get(picture.format or "", picture.format or "")
                if name in spec.image_formats and len(data) <= most:
                    return data, name
                return _converted(picture, name, spec.image_formats, most)
    except ContentError:
        raise
    except damage() as error:
        # Pillow's own message for unknown bytes names an object in memory.
        reason = "no known format" if isinstance(error, UnidentifiedImageError) else error
        raise ContentError(
            "UnreadablePicture",
            f"{len(data)} bytes cannot be read as a picture: {reason}. Expected a whole file of a common format.",
        ) from error


def _converted(picture: Image.Image, name: str, formats: tuple[str, ...], most: float) -> tuple[bytes, str]:
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I"):  # 16 bits a pixel: keep the upper eight instead of cutting at 255
        upright = upright.point(lambda value: value / 256).convert("L")
    see_through = "A" in upright.getbands() or "transparency" in upright.info
    if "PNG" in formats and (name in _LOSSLESS or see_through):
        encoded = _encoded(upright.convert("RGBA" if see_through else "RGB"), "PNG")
        if len(encoded) <= most:
            return encoded, "PNG"
    return _shrunk(_on_white(upright) if see_through else upright.convert("RGB"), most), "JPEG"


def _on_white(picture: Image.Image) -> Image.Image:
    from PIL import Image

    layered = picture.convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(white, layered).convert("RGB")


def _shrunk(picture: Image.Image, most: float) -> bytes:
    from PIL import Image

    scaled = picture
    scale = 1.0
    for _ in range(_MOST_TRIES):
        encoded = _encoded(scaled, "JPEG")
        if len(encoded) <= most:
            return encoded
        scale *= min(0.9, math.sqrt(_AIM * most / len(encoded)))
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        scaled = picture.resize(size, Image.Resampling.LANCZOS)
    raise ContentError("PictureTooLarge", f"The picture cannot be brought below {most:.0f} bytes. Shrink it before.")


def _encoded(picture: Image.Image, name: str) -> bytes:
    out = io.BytesIO()
    if name == "JPEG":
        picture.save(out, format=name, quality=_JPEG_QUALITY)
    else:
        picture.save(out, format=name)
    return out.getvalue()
