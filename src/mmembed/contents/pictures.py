"""Which pictures are opened at all, and what Pillow raises for damaged ones: one answer for model, wire and page.

Open a picture or video cell as a Pillow image; nothing is ever fetched from the network.

Every reason why a cell has no picture is a ``ContentError`` whose ``code`` can be counted.

Encoded pictures to the numbers that the network reads.

This module decides what a picture file shows (upright, on white, eight bits, red-green-blue) and how it is framed; it
refuses what cannot be decoded, with a ContentError.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from mmembed._optional import import_optional
from mmembed.contents.content import PICTURE_FORMATS, Media, check_image, damage
from mmembed.errors import ContentError
from mmembed.frames import is_missing

if TYPE_CHECKING:
    from PIL.Image import Image


def open_bytes(data: bytes) -> Image:
    """Open a picture of one of ``PICTURE_FORMATS``, without decoding its pixels; what Pillow raises passes."""
    return _open(io.BytesIO(data))


def _open(file: BinaryIO) -> Image:
    from PIL import Image

    Image.init()  # fills Image.OPEN; a format that this build of Pillow lacks is no error
    return Image.open(file, formats=[name for name in PICTURE_FORMATS if name in Image.OPEN])


def picture_size(media: Media) -> tuple[int, int] | None:
    """Return width and height of a picture of this machine, from its head alone; None where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on sizes and damaged tags: nothing is decoded here
            if media.data is not None:
                return open_bytes(media.data).size
            if media.path is None:
                return None
            with media.path.open("rb") as file, _open(file) as picture:
                return picture.size
    except damage():
        return None  # who reads it for the model says what is wrong with it


# Two letters at least: "C:" is a Windows drive, not a scheme.
_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]+):", re.IGNORECASE)


def open_cell(cell: object, root: Path) -> Image:
    """Open the picture of a cell.

    Parameters
    ----------
    cell : str, path, bytes, PIL image, numpy.ndarray, Media, mapping or list
        A string is a path, a data URI or a URL. An array is (height, width) or (height, width, 1, 3 or 4). A mapping
        is an image cell of a Hugging Face data set (``bytes`` or ``path``). Of a list, the first picture is taken.
    root : pathlib.Path
        Folder that relative paths start from.

    Raises
    ------
    ContentError
        With code ``Empty``, ``Remote``, ``NotFound``, ``Unreadable``, ``TooLarge`` or ``Unsupported``.
    """
    from PIL import Image

    if isinstance(cell, np.ndarray):
        return _from_array(cell)
    try:
        if isinstance(cell, Image.Image):
            check_image(cell)
            return cell.copy()
        source = locate(cell, root)
        # Corrupt EXIF data only warns; a bomb warns below twice the limit, and that is too large here already.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Bytes, not a path: Pillow keeps the file of an animation open as long as the picture lives.
            data = source if isinstance(source, bytes) else source.read_bytes()
            image = open_bytes(data)
            if image.format == "JPEG":
                image.draft("RGB", (512, 512))
            image.load()
    except ContentError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError) as error:
        raise ContentError("TooLarge", f"Picture has too many pixels to open safely: {error}") from error
    except damage() as error:
        raise ContentError("Unreadable", f"Picture cannot be read: {error}") from error
    return image


def open_frame(cell: object, root: Path) -> Image:
    """Open the frame in the middle of a video cell, or its first frame where the middle cannot be reached.

    Raises
    ------
    ContentError
        With one of the codes of ``open_picture``, or ``NoVideoExtra`` if PyAV is not installed.
    """
    if isinstance(cell, list | tuple | np.ndarray):
        # A clip given as its frames: the middle one stands for it.
        return open_cell(cell[len(cell) // 2] if len(cell) else None, root)
    source = locate(cell, root)
    try:
        av = import_optional("av", extra="video", purpose="A picture of a video")
    except ImportError as error:
        raise ContentError("NoVideoExtra", str(error)) from error
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            if _is_picture(file.read(12)):
                return open_cell(cell, root)  # an animation: Pillow reads its first picture
            file.seek(0)
            # Given bytes and no protocol, a playlist in disguise can open neither another file nor an address.
            with av.open(file, options={"protocol_whitelist": "none"}, metadata_errors="ignore") as container:
                return _middle_frame(container)
    except ContentError:
        raise
    except (av.error.FFmpegError, *damage()) as error:
        raise ContentError("Unreadable", f"Video cannot be read: {error}") from error


def locate(cell: object, root: Path) -> Path | bytes:
    """Return where the bytes of a cell are: a file that exists, or the bytes themselves.

    Raises
    ------
    ContentError
        With code ``Empty``, ``Remote``, ``NotFound``, ``Unreadable`` or ``Unsupported``.
    """
    if isinstance(cell, Media):
        cell = cell.path or cell.data or cell.url
    elif isinstance(cell, Mapping):
        cell = cell.get("bytes") or cell.get("path")
    elif isinstance(cell, list | tuple) and cell:
        return locate(cell[0], root)
    if is_missing(cell) or (isinstance(cell, str | bytes | list | tuple) and not cell):
        raise ContentError("Empty", "The cell is empty.")
    if isinstance(cell, bytes | bytearray | memoryview):
        return bytes(cell)
    if isinstance(cell, str):
        return _from_text(cell.strip(), root)
    if isinstance(cell, os.PathLike):
        return _file(Path(cell), root)
    raise ContentError("Unsupported", f"A cell of type {type(cell).__name__!r} is no picture, path or bytes.")


def _from_text(text: str, root: Path) -> Path | bytes:
    scheme = _SCHEME.match(text)
    if scheme is None:
        return _file(Path(text), root)
    kind = scheme[1].lower()
    if kind == "data":
        head, _, body = text.partition(",")
        try:
            return (
                base64.b64decode(body, validate=True)
                if head.endswith(";base64")
                else urllib.parse.unquote_to_bytes(body)
            )
        except binascii.Error as error:
            raise ContentError("Unreadable", f"Data URI cannot be decoded: {error}.") from error
    if kind == "file":
        return _file(Path(urllib.request.url2pathname(urllib.parse.urlsplit(text).path)), root)
    if text[len(kind) :].startswith("://"):
        raise ContentError("Remote", f"Content at {kind}:// is not on this machine and is not fetched.")
    return _file(Path(text), root)  # a file name with a colon in it


def _file(path: Path, root: Path) -> Path:
    try:
        full = root / path.expanduser()
        # A pipe or a device would never end; only plain files are opened.
        found = full.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise ContentError("NotFound", f"Path cannot be looked up: {error}.") from error
    if not found:
        raise ContentError("NotFound", f"There is no file {str(path)!r}.")
    return full


def _from_array(pixels: np.ndarray[Any, Any]) -> Image:
    from PIL import Image

    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.size == 0 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in {3, 4})):
        raise ContentError("Unsupported", f"An array of shape {pixels.shape} is no picture.")
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    elif np.issubdtype(pixels.dtype, np.floating):
        numbers = np.nan_to_num(pixels)
        pixels = numbers * 255 if numbers.max() <= 1 else numbers  # libraries use 0–1 or 0–255
    elif not np.issubdtype(pixels.dtype, np.integer):
        raise ContentError("Unsupported", f"An array of {pixels.dtype} is no picture.")
    return Image.fromarray(np.ascontiguousarray(np.clip(pixels, 0, 255).astype(np.uint8)))


def _middle_frame(container: Any) -> Image:
    if not container.streams.video:
        raise ContentError("Unreadable", "The file has no video stream.")
    stream = container.streams.video[0]
    middle = (stream.duration or 0) // 2
    if middle:
        # Seeking lands on the key frame before the middle, which is close enough for a picture and decodes at once.
        container.seek(middle + (stream.start_time or 0), stream=stream)
    for frame in container.decode(stream):
        return _turn_frame(frame)
    container.seek(0)
    for frame in container.decode(stream):
        return _turn_frame(frame)
    raise ContentError("Unreadable", "The video has no frame that can be decoded.")


def _turn_frame(frame: Any) -> Image:
    image: Image = frame.to_image()
    turn = getattr(frame, "rotation", 0)  # a phone held upright stores its frames lying down
    return image.rotate(turn, expand=True) if turn else image


def _is_picture(head: bytes) -> bool:
    return head[:4] == b"GIF8" or head[:8] == b"\x89PNG\r\n\x1a\n" or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


# Where Pillow itself refuses a picture: its default, doubled. A file of a few KB can unpack to any size.
MOST_PIXELS = 178_956_970

# A JPEG is decoded at the least size that still has twice the network's resolution: many times faster for photographs.
_DRAFT_SIZE = (448, 448)

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
