"""From the cells of a column to contents: what a cell is, whether it is there, and the hash of what is in it.

Only the modality decides how a cell is read: a text never becomes a file, whatever it says.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import unquote_to_bytes, urlsplit

import numpy as np

from mmembed.embedding.sniffing import kind_of_bytes, kind_of_suffix
from mmembed.errors import ContentError, ModalityError, did_you_mean, listed
from mmembed.frames import is_missing
from mmembed.providers.content_digest import digest_of
from mmembed.providers.picture_formats import check_image, damage
from mmembed.providers.protocol import Content, ContentKind, Media

Modality = Literal["auto", "text", "image", "video", "multi_images"]
MODALITIES: tuple[Modality, ...] = ("auto", "text", "image", "video", "multi_images")
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_DATA_URI = re.compile(r"data:(?P<mime>[\w.+-]+/[\w.+-]+)?(?:;[\w-]+=[^;,]*)*(?P<base64>;base64)?,", re.IGNORECASE)


def check_modality(modality: str) -> Modality:
    """Return the modality, or refuse a name that is none.

    Raises
    ------
    ModalityError
        If there is no such modality; names the nearest.
    """
    if modality not in MODALITIES:
        hint = did_you_mean(modality, MODALITIES)
        raise ModalityError(f"Modality {modality!r} does not exist. Expected one of {listed(MODALITIES)}.{hint}")
    return modality


def read_contents(
    cells: Iterable[Any], modality: Modality, *, root: Path | None = None
) -> list[Content | ContentError | None]:
    """Read a column: for each cell a content, the error that says why there is none, or None for a missing cell.

    Parameters
    ----------
    cells : iterable
        The cells of one column. None, NA, NaN, empty lists, and texts or paths that are empty or
        blank are missing.
    modality : {"auto", "text", "image", "video", "multi_images"}
        How cells are read. ``"auto"`` looks at each: bytes by their first bytes, URLs and ``pathlib`` paths by their
        suffix, pictures and arrays as images, other strings as texts; a string that looks like the name of a picture
        or video file is refused, since it could be meant either way.
    root : pathlib.Path, optional
        Folder that relative file names start from; the current one if not given.
    """
    found: list[Content | ContentError | None] = []
    for cell in cells:
        try:
            found.append(read_content(cell, modality, root=root))
        except ContentError as error:
            found.append(error)
    return found


def read_content(cell: Any, modality: Modality, *, root: Path | None = None) -> Content | None:
    """Read one cell; None if it is missing.

    Raises
    ------
    ContentError
        If the cell is of a type that the modality does not have, or its file cannot be read.
    """
    if is_empty(cell):
        return None
    if modality == "multi_images":
        return _multi_images(cell, root)
    kind = kind_of_cell(cell) if modality == "auto" else cast("ContentKind", modality)
    if kind == "text":
        return _text(cell)
    return _media(cell, kind, root)


def read_fused(parts: Mapping[Modality, Any], *, root: Path | None = None) -> Content | None:
    """Read one row of several columns into one content: None if all parts are missing, the part itself if one is there.

    Two or more parts become a fused content.
    """
    contents = [read_content(cell, modality, root=root) for modality, cell in parts.items()]
    present = tuple(content for content in contents if content is not None)
    if len(present) <= 1:
        return present[0] if present else None
    return fused_of(present)


def fused_of(parts: tuple[Content, ...]) -> Content:
    """Return the fused content of parts of different kinds."""
    pieces = (part.kind.encode() + part.digest for part in parts)
    return Content("fused", parts=parts, digest=digest_of("fused", *pieces))


def is_empty(cell: Any) -> bool:
    """Say whether a cell counts as missing."""
    if isinstance(cell, str):
        return not cell.strip()
    return (isinstance(cell, list | tuple) and not cell) or is_missing(cell)


def kind_of_cell(cell: Any) -> ContentKind:
    """Return how modality "auto" reads a cell that is not empty; a ContentError if that cannot be told."""
    if isinstance(cell, bytes | bytearray | memoryview):
        kind = kind_of_bytes(bytes(cell))
        if kind is None:
            raise ContentError("UnknownContent", f"{len(cell)} bytes are neither a known picture nor a known video.")
        return kind
    if isinstance(cell, os.PathLike):
        return kind_of_suffix(os.fspath(cell)) or "image"
    if isinstance(cell, bool | int | float | np.number | list | tuple | dict):
        raise ContentError(
            "WrongType",
            f"A cell holds {type(cell).__name__}, which is no text, picture or video. Convert the column with "
            ".astype('str'), or say modality='multi_images' for lists of pictures.",
        )
    if not isinstance(cell, str):
        return "image"  # pictures and arrays; _media refuses whatever is neither
    stripped = cell.strip()
    if data_uri := _DATA_URI.match(stripped):
        return "video" if (data_uri["mime"] or "").startswith("video/") else "image"
    if _URL.fullmatch(stripped):
        return kind_of_suffix(urlsplit(stripped).path) or "text"
    if kind_of_suffix(stripped) is not None and len(stripped.split()) == 1:
        raise ContentError(
            "AmbiguousContent",
            f"{stripped[:80]!r} may be a text or the name of a file. Say modality='text', 'image' or 'video'.",
        )
    return "text"


def _text(cell: Any) -> Content:
    if not isinstance(cell, str):
        raise ContentError(
            "WrongType",
            f"A text cell holds {type(cell).__name__}; expected str. Convert the column with .astype('str').",
        )
    text = str(cell)
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise ContentError("BrokenText", f"The text is not valid Unicode at character {error.start}.") from error
    return Content("text", text=text, digest=digest_of("text", encoded))


def content_of_text(text: str) -> Content:
    """Return the content of a text that is known to be one."""
    return _text(text)


def _media(cell: Any, kind: ContentKind, root: Path | None) -> Content:
    media = _source(cell, kind, root)
    if media.url is not None:
        return Content(kind, media=media, digest=digest_of(kind, b"url", media.url.encode()))
    data = media.read()
    if not data:
        raise ContentError("EmptyFile", f"{_named(media)} is empty.")
    digest = digest_of(kind, b"bytes", data)
    if media.path is not None:
        media = Media(path=media.path, hashed=(kind, digest))  # what is sent later is what was hashed now
    return Content(kind, media=media, digest=digest)


def _source(cell: Any, kind: ContentKind, root: Path | None) -> Media:
    if isinstance(cell, bytes | bytearray | memoryview):
        return Media(data=bytes(cell))
    if isinstance(cell, os.PathLike):
        return Media(path=_file(os.fspath(cell), root))
    if isinstance(cell, str):
        return _source_of_text(cell.strip(), kind, root)
    if kind == "image" and (encoded := _encoded_picture(cell)) is not None:
        return Media(data=encoded)
    wanted = "a path, a URL, a data URI or bytes" + (", a PIL image or an array (h, w, 3)" if kind == "image" else "")
    raise ContentError("WrongType", f"A cell of modality {kind!r} holds {type(cell).__name__}; expected {wanted}.")


def _source_of_text(text: str, kind: ContentKind, root: Path | None) -> Media:
    if data_uri := _DATA_URI.match(text):
        return Media(data=_decoded(text[data_uri.end() :], is_base64=data_uri["base64"] is not None))
    if _URL.match(text):
        return Media(url=text)
    scheme = urlsplit(text).scheme.lower() if "://" in text else ""
    if scheme == "file":
        # Brings a whole HTTP client along, a sixth of what importing mmembed takes.
        from urllib.request import url2pathname

        return Media(path=_file(url2pathname(urlsplit(text).path), root))
    if scheme:
        raise ContentError(
            "UnknownScheme", f"{text[:80]!r} has the scheme {scheme!r}; expected a path, http(s)://, file:// or data:."
        )
    if "\0" in text or len(text) > 4096:
        raise ContentError("NotAPath", f"A cell of modality {kind!r} holds a text that is no path: {text[:60]!r}.")
    return Media(path=_file(text, root))


def _file(name: str | bytes, root: Path | None) -> Path:
    path = Path(os.fsdecode(name)).expanduser()
    path = path if root is None or path.is_absolute() else root / path
    if not path.exists():
        start = str(root or Path.cwd())
        raise ContentError(
            "FileNotFound",
            f"File {str(path)!r} does not exist. Relative names start from {start!r}; root= changes it.",
        )
    if not path.is_file():
        raise ContentError("NotAFile", f"{str(path)!r} is a folder, not a file.")
    return path


def _decoded(payload: str, *, is_base64: bool) -> bytes:
    if not is_base64:
        return unquote_to_bytes(payload)
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ContentError("BrokenDataUri", f"The data URI does not hold valid base64: {error}.") from error


def _encoded_picture(cell: Any) -> bytes | None:
    """Return a PIL image or an array as the bytes of a PNG file, or None if it is neither."""
    from PIL import Image

    if isinstance(cell, np.ndarray):
        cell = _picture_of_array(cell)
    if not isinstance(cell, Image.Image):
        return None
    check_image(cell)
    out = io.BytesIO()
    try:
        if cell.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
            cell = cell.convert("RGB")
        cell.save(out, format="PNG", compress_level=1)
    except damage() as error:  # Pillow decodes an image only now, if nobody has looked at it yet
        raise ContentError(
            "UnreadablePicture", f"A cell's Pillow image cannot be decoded: {error}. Expected a whole picture."
        ) from error
    return out.getvalue()


def _picture_of_array(array: np.ndarray[Any, Any]) -> Any:
    from PIL import Image

    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)) or not array.size:
        raise ContentError(
            "WrongShape", f"An array of shape {array.shape} is no picture; expected (h, w), (h, w, 3) or (h, w, 4)."
        )
    if array.dtype != np.uint8:
        raise ContentError(
            "WrongType", f"A picture array holds {array.dtype}; expected uint8, 0 to 255. Scale it before embedding."
        )
    return Image.fromarray(array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array)


def _multi_images(cell: Any, root: Path | None) -> Content:
    if not isinstance(cell, list | tuple):
        raise ContentError(
            "WrongType", f"A cell of modality 'multi_images' holds {type(cell).__name__}; expected a list of pictures."
        )
    parts: Sequence[Content | None] = [read_content(part, "image", root=root) for part in cell]
    present = tuple(part for part in parts if part is not None)
    if len(present) != len(parts):
        raise ContentError("MissingPart", "A list of pictures holds a missing one; leave it out of the list.")
    return Content("multi_images", parts=present, digest=digest_of("multi_images", *(part.digest for part in present)))


def _named(media: Media) -> str:
    return f"File {str(media.path)!r}" if media.path is not None else "The content"
