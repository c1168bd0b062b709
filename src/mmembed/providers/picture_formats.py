"""Which pictures are opened at all, and what Pillow raises for damaged ones: one answer for model, wire and page."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

from mmembed.errors import ContentError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["PICTURE_FORMATS", "check_image", "damage", "open_bytes"]

# What Pillow decodes by itself. Others of its list start a program (EPS: Ghostscript), hand the bytes to whatever has
# registered for them (WMF, FITS, GRIB, HDF5, BUFR) or read further files. HEIF is there where its plug-in is.
PICTURE_FORMATS = (
    *(
        "JPEG",
        "MPO",
        "PNG",
        "WEBP",
        "GIF",
        "AVIF",
        "BMP",
        "DIB",
        "TIFF",
        "JPEG2000",
        "PPM",
        "ICO",
        "ICNS",
        "SGI",
        "TGA",
    ),
    *("PCX", "HEIF"),
)
# Pillow promises no common base for what its decoders raise: AVIF ends in RuntimeError, ICNS in struct.error, …
_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(AssertionError, RuntimeError, MemoryError, BufferError, struct.error, zlib.error),
    Warning,  # where warnings are errors
)


def damage() -> tuple[type[Exception], ...]:
    """Return what Pillow raises for bytes that it cannot decode; call it in the ``except`` clause."""
    from PIL import Image

    return (*_DAMAGE, Image.DecompressionBombError)


def open_bytes(data: bytes) -> Image:
    """Open a picture of one of ``PICTURE_FORMATS``, without decoding its pixels; what Pillow raises passes."""
    from PIL import Image

    Image.init()  # fills Image.OPEN; a format that this build of Pillow lacks is no error
    return Image.open(io.BytesIO(data), formats=[name for name in PICTURE_FORMATS if name in Image.OPEN])


def check_image(image: Image) -> None:
    """Refuse a Pillow image that was opened elsewhere from a format that is not to be decoded here.

    Raises
    ------
    ContentError
        If decoding it could start a program; a copy that its owner made has no format any more, and passes.
    """
    if image.format is not None and image.format not in PICTURE_FORMATS:
        raise ContentError(
            "UnknownFormat",
            f"A cell holds a Pillow image of the format {image.format!r}, which may start a program to be decoded; "
            f"expected one of {', '.join(PICTURE_FORMATS)}. Decode it yourself, with image.copy(), if you trust it.",
        )
