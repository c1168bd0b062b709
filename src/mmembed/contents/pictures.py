"""One way to open, turn, convert, shrink and write a picture: for the models, the requests and the pages.

What a picture shows is decided here, once:

* Which formats are opened: ``PICTURE_FORMATS``, whatever the name of the file says, up to ``MOST_PIXELS``.
* Orientation: the EXIF tag turns the picture, also of a Pillow image; a damaged tag leaves it as it is.
* Transparency lies on white, whether it is a channel, a palette entry or a colour: so models see it. People see it on
  a chequered ground, on which white parts show, too.
* Levels: bits are 0 and 255; sixteen bits are divided by 257. Where the type has no fixed range (Pillow's ``I`` and
  ``F``, float TIFF, arrays of floats or wide integers), numbers from 0 to 255 are taken as they are, floats from 0 to 1
  times 255, integers up to 65,535 as sixteen bits. Other numbers go from the darkest to the brightest in a picture,
  and are refused in an array, which may be anything.
* Other modes (CMYK, YCbCr, HSV …) become red, green and blue as Pillow has it; colour profiles are not applied.
* Of an animation, the first frame.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from mmembed.errors import ContentError

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmembed.contents.media import Media

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

# Where Pillow itself refuses a picture: its default, doubled. A file of a few KB can unpack to any size.
MOST_PIXELS = 178_956_970

# Pillow promises no common base for what its decoders raise: AVIF ends in RuntimeError, ICNS in struct.error, …
_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(AssertionError, RuntimeError, MemoryError, BufferError, struct.error, zlib.error),
    Warning,  # where warnings are errors
)

_ORIENTATION_TAG = 0x0112

# Where Pillow looks for it in an image that is no file any more.
_ORIENTATION_NOTES = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")

# Modes that look the same to every reader: no transparency, no more than eight bits, no inks.
_PLAIN_MODES = frozenset({"1", "L", "P", "RGB", "YCbCr"})

# Modes that a PNG file holds as they are.
_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})

# What lies under transparent parts: white for models, squares of two greys for people.
Ground = Literal["white", "chequered"]

_GREYS = (205, 224)

_SQUARES_ACROSS = 16


def damage() -> tuple[type[Exception], ...]:
    """Return what Pillow raises for bytes that it cannot decode; call it in the ``except`` clause."""
    from PIL import Image

    return (*_DAMAGE, Image.DecompressionBombError)


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
            f"{shown!r} is a URL, and decoding opens no network. Download the {noun} and give its path, "
            "or use a model of the API, which fetches URLs itself.",
        )
    data = media.read()
    if not data:
        raise ContentError("EmptyFile", f"{media.named} is empty (0 bytes); expected a {noun}. Save it anew.")
    return data


@contextmanager
def decoding_errors(named: str, noun: str) -> Iterator[None]:
    """Turn whatever Pillow raises for a file that it cannot decode into a ContentError.

    Parameters
    ----------
    named : str
        What is decoded, as the subject of a sentence; see ``Media.named``.
    noun : str
        What it should have been.

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
            f"{named} cannot be decoded as a {noun}; expected one of {', '.join(PICTURE_FORMATS)}. "
            "Convert it, or check that the download was complete.",
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large(named, str(error)) from error
    except ContentError:
        raise
    except damage() as error:
        raise ContentError(
            "BrokenFile",
            f"{named} is a damaged {noun}: {error}. Expected a complete file. Save or download it anew.",
        ) from error


def _too_large(named: str, found: str) -> ContentError:
    return ContentError(
        "TooManyPixels",
        f"{named} is too large: {found.rstrip('.')}. Expected at most {MOST_PIXELS:,} pixels. Make it smaller.",
    )


def open_encoded(data: bytes, named: str) -> Image:
    """Open an encoded picture of one of ``PICTURE_FORMATS`` without decoding its pixels, after checking its size.

    Raises
    ------
    ContentError
        If it has too many pixels. What Pillow raises passes; see ``decoding_errors``.
    """
    image = _open(io.BytesIO(data))
    if image.width * image.height > MOST_PIXELS:
        raise _too_large(named, f"{image.width} x {image.height} pixels")
    return image


def _open(file: BinaryIO) -> Image:
    from PIL import Image

    Image.init()  # fills Image.OPEN; a format that this build of Pillow lacks is no error
    formats = [name for name in PICTURE_FORMATS if name in Image.OPEN]
    with warnings.catch_warnings():
        # The limit is ours. Nothing else is ignored: filters are shared by threads, and could stay behind.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(file, formats=formats)


def picture_size(media: Media) -> tuple[int, int] | None:
    """Return width and height of a picture of this machine, from its head alone; None where there is none."""
    try:
        if media.data is not None:
            return _open(io.BytesIO(media.data)).size
        if media.path is None:
            return None
        with media.path.open("rb") as file, _open(file) as picture:
            return picture.size
    except damage():
        return None  # who reads it for the model says what is wrong with it


def open_picture(media: Media, *, at_least: int | None = None, ground: Ground = "white") -> Image:
    """Return a picture in red, green and blue, upright and decoded; of an animation, the first frame.

    Parameters
    ----------
    media : Media
        The picture.
    at_least : int, optional
        A side in pixels. A JPEG is decoded at the least size that still has it in both directions, which is many times
        faster for photographs; at its full size if not given.
    ground : {"white", "chequered"}
        What transparent parts show.

    Raises
    ------
    ContentError
        If it is a URL, cannot be read or decoded, or is too large.
    """
    data = read_media(media, "picture")
    with decoding_errors(media.named, "picture"), open_encoded(data, media.named) as image:
        if at_least is not None:
            image.draft(None, (at_least, at_least))
        return to_rgb(upright(image), ground)


def is_plain(image: Image) -> bool:
    """Return whether every reader sees the same: upright, opaque, eight bits, no inks; decodes the picture.

    What is not plain goes through :func:`upright` and :func:`to_rgb` before it is given to a reader that is not ours.
    """
    image.load()
    if _orientation(image) != 1:
        return False
    if image.mode in {"LA", "RGBA"}:
        low, _ = image.getchannel("A").getextrema()
        return low == 255  # a channel that hides nothing, as screenshots have it
    return image.mode in _PLAIN_MODES and not image.has_transparency_data


def upright(image: Image) -> Image:
    """Return a picture turned as its EXIF tag says; the same object where there is nothing to turn."""
    from PIL.Image import Transpose

    image.load()  # Pillow turns some formats by itself while it decodes them, and then takes the tag away
    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    orientation = _orientation(image)
    if orientation not in turns:
        return image
    turned = image.transpose(turns[orientation])
    for note in _ORIENTATION_NOTES:  # or it would be turned again by whoever reads it next
        turned.info.pop(note, None)
    return turned


def _orientation(image: Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except damage():
        return 1  # the camera's notes are damaged; the picture need not be


def to_rgb(image: Image, ground: Ground = "white") -> Image:
    """Return a picture of any mode in red, green and blue, eight bits each; see the rules at the top of this module."""
    from PIL import Image as Pillow

    if image.mode == "F" or image.mode.startswith("I"):
        levels = np.asarray(image)
        if image.mode.startswith("I;16"):
            levels = levels.astype(np.uint16)  # also of the other byte order
        return Pillow.fromarray(_to_eight_bits(levels, stretch=True)).convert("RGB")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        below = Pillow.new("RGBA", image.size, "white") if ground == "white" else _chequered(image.size)
        return Pillow.alpha_composite(below, with_alpha).convert("RGB")
    return image.convert("RGB")


def _chequered(size: tuple[int, int]) -> Image:
    """Return squares of two greys, as many across the longer side whatever the size."""
    from PIL import Image as Pillow

    width, height = size
    edge = max(1, round(max(size) / _SQUARES_ACROSS))
    odd = (np.arange(height)[:, None] // edge + np.arange(width) // edge) % 2
    return Pillow.fromarray(np.array(_GREYS, dtype=np.uint8)[odd]).convert("RGBA")


def _to_eight_bits(levels: npt.NDArray[Any], *, stretch: bool) -> npt.NDArray[np.uint8]:
    """Return levels of any type as 0 to 255; those of no known range are stretched, or refused."""
    if levels.dtype == np.uint8:
        return levels
    if levels.dtype == np.bool_:
        return levels.astype(np.uint8) * np.uint8(255)
    numbers = levels.astype(np.float64)
    finite = np.isfinite(numbers)
    low, high = (float(numbers[finite].min()), float(numbers[finite].max())) if finite.any() else (0.0, 0.0)
    is_float = np.issubdtype(levels.dtype, np.floating)
    is_known = low >= 0 and high <= (255 if is_float else 65_535)
    if not stretch and not (is_known and finite.all()):
        raise ContentError(
            "WrongType",
            f"A picture array of {levels.dtype} holds numbers from {low:.6g} to {high:.6g}"
            f"{'' if finite.all() else ', NaN or infinity'}; expected uint8, floats from 0 to 1, or numbers from 0 to "
            "255. Scale it before embedding.",
        )
    if not is_known:
        # Not high - low, which could be beyond the largest number.
        numbers = (numbers / 2 - low / 2) * (255 / max(high / 2 - low / 2, np.finfo(np.float64).tiny))
    elif is_float and high <= 1:
        numbers *= 255
    elif levels.dtype == np.uint16 or high > 255:
        numbers /= 257
    numbers = np.nan_to_num(numbers, nan=0.0, posinf=255.0, neginf=0.0)
    return np.clip(np.rint(numbers), 0, 255).astype(np.uint8)


def picture_in_memory(cell: object) -> Image | None:
    """Return the picture that a Pillow image or an array of pixels is, upright; None for any other cell.

    An array is of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4).

    Raises
    ------
    ContentError
        If the image cannot be decoded, or was opened from a format that is not to be decoded here; if the array is
        not of that shape, or of numbers that are no pixels.
    """
    from PIL import Image

    if isinstance(cell, np.ndarray):
        return _picture_of_array(cell)
    if not isinstance(cell, Image.Image):
        return None
    # A copy that its owner made has no format any more, and passes.
    if cell.format is not None and cell.format not in PICTURE_FORMATS:
        raise ContentError(
            "UnknownFormat",
            f"A cell holds a Pillow image of the format {cell.format!r}, which may start a program to be decoded; "
            f"expected one of {', '.join(PICTURE_FORMATS)}. Decode it yourself, with image.copy(), if you trust it.",
        )
    try:
        return upright(cell)
    except damage() as error:  # Pillow decodes an image only now, if nobody has looked at it yet
        raise ContentError(
            "UnreadablePicture", f"A cell's Pillow image cannot be decoded: {error}. Expected a whole picture."
        ) from error


def _picture_of_array(array: npt.NDArray[Any]) -> Image:
    from PIL import Image

    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)) or not array.size:
        raise ContentError(
            "WrongShape", f"An array of shape {array.shape} is no picture; expected (h, w), (h, w, 3) or (h, w, 4)."
        )
    if array.dtype.kind not in "buif":
        raise ContentError("WrongType", f"An array of {array.dtype} is no picture; expected numbers from 0 to 255.")
    pixels = _to_eight_bits(array, stretch=False)
    return Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else pixels))


def encode_lossless(image: Image) -> bytes:
    """Return a picture as the bytes of a PNG file, written fast: what a picture in memory is hashed and kept as."""
    try:
        # The bytes are what is hashed: vectors of modes that a PNG file holds are found again since version 0.1.
        return encode(image if image.mode in _PNG_MODES else to_rgb(image), "PNG", compress_level=1)
    except damage() as error:
        raise ContentError(
            "UnreadablePicture", f"A cell's Pillow image cannot be converted: {error}. Expected a whole picture."
        ) from error


def shrink(picture: Image, edge: int) -> Image:
    """Return a picture whose longer side is at most ``edge`` pixels; a smaller one stays as it is."""
    from PIL import Image as Pillow

    longest = max(picture.size)
    if longest <= edge:
        return picture
    width, height = (max(1, round(side * edge / longest)) for side in picture.size)
    return picture.resize((width, height), Pillow.Resampling.LANCZOS, reducing_gap=2.0)


def encode(picture: Image, kind: str, **options: Any) -> bytes:
    """Return a picture as the bytes of a file of one of Pillow's formats."""
    out = io.BytesIO()
    picture.save(out, format=kind, **options)
    return out.getvalue()
