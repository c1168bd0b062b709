"""Open a picture or video cell as a Pillow image; nothing is ever fetched from the network.

Every reason why a cell has no picture is a ``ContentError`` whose ``code`` can be counted.
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
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmembed._optional import import_optional
from mmembed.errors import ContentError
from mmembed.frames import is_missing
from mmembed.providers.picture_formats import check_image, damage, open_bytes
from mmembed.providers.protocol import Media

if TYPE_CHECKING:
    from PIL.Image import Image

# Two letters at least: "C:" is a Windows drive, not a scheme.
_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]+):", re.IGNORECASE)


def open_picture(cell: object, root: Path) -> Image:
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
        return open_picture(cell[len(cell) // 2] if len(cell) else None, root)
    source = locate(cell, root)
    try:
        av = import_optional("av", extra="video", purpose="A picture of a video")
    except ImportError as error:
        raise ContentError("NoVideoExtra", str(error)) from error
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            if _is_picture(file.read(12)):
                return open_picture(cell, root)  # an animation: Pillow reads its first picture
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
        return _upright(frame)
    container.seek(0)
    for frame in container.decode(stream):
        return _upright(frame)
    raise ContentError("Unreadable", "The video has no frame that can be decoded.")


def _upright(frame: Any) -> Image:
    image: Image = frame.to_image()
    turn = getattr(frame, "rotation", 0)  # a phone held upright stores its frames lying down
    return image.rotate(turn, expand=True) if turn else image


def _is_picture(head: bytes) -> bool:
    return head[:4] == b"GIF8" or head[:8] == b"\x89PNG\r\n\x1a\n" or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
