"""From the cells of a column to contents: what a cell is, whether it is there, and the hash of its content.

Only the modality decides how a cell is read: a text never becomes a file, whatever it says. :func:`media_of` alone
knows where the bytes of a picture or a clip are, for the models and the pages alike. Equal contents have equal hashes,
and a vector is kept under its content's hash.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import unquote, unquote_to_bytes, urlsplit

import numpy as np
import pandas as pd

from mmembed.contents.media import Fence, Media, MediaKind, Root, digest_of, kind_of_bytes, kind_of_suffix
from mmembed.contents.pictures import Ground, damage, encode_lossless, open_picture, picture_in_memory, to_rgb
from mmembed.contents.stored_file import StoredFile, names_stored_file, stored_file
from mmembed.errors import ContentError, ModalityError, one_of
from mmembed.frames import is_empty, is_file_cell

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Content:
    """One thing that gets one vector.

    Attributes
    ----------
    kind : {"text", "image", "video", "multi_images", "fused"}
        Says which of the other fields are set: ``text`` for a text, ``media`` for a picture or a clip, ``parts`` for
        the pictures of ``multi_images`` and for the differing kinds of a ``fused`` row, one of which may be a list of
        pictures itself.
    digest : bytes
        Hash of what is embedded: bytes of a file, characters of a text; never of a path.
    """

    kind: ContentKind
    text: str | None = None
    media: Media | None = None
    parts: tuple[Content, ...] = ()
    digest: bytes = field(default=b"", repr=False)

    @property
    def leaves(self) -> tuple[Content, ...]:
        """The texts, pictures and clips that it is made of, in order; itself if it is one."""
        return tuple(leaf for part in self.parts for leaf in part.leaves) if self.parts else (self,)


Read = Content | ContentError | None

ContentKind = Literal["text", "image", "video", "multi_images", "fused"]


Modality = Literal["auto", "text", "image", "video", "multi_images"]

MODALITIES: tuple[Modality, ...] = ("auto", "text", "image", "video", "multi_images")

# Where DashScope keeps files that were uploaded to it for two days: the service reads them, and nobody else.
TEMPORARY_STORAGE = "oss://dashscope-instant/"

_URL = re.compile(r"https?://[^/?#\s]+(?P<path>[^?#\s]*)\S*", re.IGNORECASE)

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+")

_DATA_URI = re.compile(r"data:(?P<mime>[\w.+-]+/[\w.+-]+)?(?:;[\w-]+=[^;,]*)*(?P<base64>;base64)?,", re.IGNORECASE)


_READ_AT_ONCE = 16  # files of a store, each of which takes a request


def check_modality(modality: str) -> Modality:
    """Return the modality, or refuse a name that is none.

    Raises
    ------
    ModalityError
        If there is no such modality; names the nearest.
    """
    return one_of("modality", modality, MODALITIES, error=ModalityError)


def read_contents(
    cells: Iterable[Any], modality: Modality, *, root: Root = None
) -> list[Content | ContentError | None]:
    """Read a column: for each cell a content, the error that says why there is none, or None for a missing cell.

    Parameters
    ----------
    cells : iterable
        The cells of one column. None, NA, NaN, empty lists, and texts or paths that are empty or
        blank are missing.
    modality : {"auto", "text", "image", "video", "multi_images"}
        How cells are read. ``"auto"`` looks at each: bytes by their first bytes, URLs and ``pathlib`` paths by their
        suffix, pictures and arrays as images, other strings as texts; a string that ends like the name of a picture
        or video file is refused, since it could be meant either way. Bytes may also be an ``io.BytesIO`` or the
        ``{"bytes", "path"}`` of a data set of Hugging Face.
    root : pathlib.Path or Fence, optional
        Folder that relative file names start from; the current one if not given. A path is no fence: ``../x.png``,
        absolute names, links and ``file://`` lead anywhere. A :class:`Fence` refuses them.
    """

    def read(cell: Any) -> Content | ContentError | None:
        try:
            return read_content(cell, modality, root=root)
        except ContentError as error:
            return error

    if modality in {"auto", "text"}:
        return [read(cell) for cell in cells]
    listed = [unwrapped(cell) for cell in cells]
    if not any(names_stored_file(cell) for cell in listed):
        return [read(cell) for cell in listed]
    with ThreadPoolExecutor(_READ_AT_ONCE, thread_name_prefix="mmembed-store") as pool:
        return list(pool.map(read, listed))


def read_content(cell: Any, modality: Modality, *, root: Root = None) -> Content | None:
    """Read one cell; None if it is missing.

    Raises
    ------
    ContentError
        If the cell is of a type that the modality does not have, or its file cannot be read; also for whatever else
        the cell itself raises.
    """
    try:
        return _content_of(unwrapped(cell), modality, root)
    except ContentError:
        raise
    except damage() as error:
        raise unreadable_cell(cell, modality, error) from error


def unreadable_cell(cell: Any, modality: str, error: Exception) -> ContentError:
    """Return the error of a row whose cell raised one of :func:`mmembed.contents.pictures.damage`."""
    return ContentError(
        "UnreadableCell",
        f"A cell that holds {type(cell).__name__} cannot be read as {modality!r}: {type(error).__name__}: {error}. "
        "Replace it, or leave it missing.",
    )


def _content_of(cell: Any, modality: Modality, root: Root) -> Content | None:
    if is_empty(cell):
        return None
    if modality == "multi_images":
        return _multi_images(cell, root)
    kind = kind_of_cell(cell, root=root) if modality == "auto" else cast("ContentKind", modality)
    if kind == "text":
        return _text(cell)
    return _media(cell, kind, root)


def read_fused(parts: Mapping[Modality, Any], *, root: Root = None) -> Content | None:
    """Read one row of several columns into one content: None if all parts are missing, the part itself if one is there.

    Two or more parts become a fused content. A part of modality ``"image"`` may be a list of pictures; a list of one is
    that picture.
    """
    contents = [_part_of_row(cell, modality, root) for modality, cell in parts.items()]
    present = tuple(content for content in contents if content is not None)
    if len(present) <= 1:
        return present[0] if present else None
    return fused_of(present)


def _part_of_row(cell: Any, modality: Modality, root: Root) -> Content | None:
    pictures = pictures_of_list(unwrapped(cell)) if modality == "image" else None
    if not pictures:
        return read_content(cell, modality, root=root)
    return read_content(*((pictures[0], "image") if len(pictures) == 1 else (pictures, "multi_images")), root=root)


def fused_of(parts: tuple[Content, ...]) -> Content:
    """Return the fused content of parts of different kinds."""
    pieces = (part.kind.encode() + part.digest for part in parts)
    return Content("fused", parts=parts, digest=digest_of("fused", *pieces))


def unwrapped(cell: Any) -> Any:
    """Return an Arrow scalar as the Python object that it is, and any other cell as it is."""
    return cell.as_py() if hasattr(cell, "as_py") else cell


def kind_of_cell(cell: Any, *, root: Root = None) -> ContentKind:
    """Return how modality "auto" reads a cell that is not empty; a ContentError if that cannot be told.

    A string is never opened: one that ends like the name of a picture or video file is refused, however the rest of it
    looks, since it could be meant either way. So is a path within a mapping.
    """
    if isinstance(cell, str):
        return _kind_of_string(cell.strip())
    if isinstance(cell, Mapping) and is_file_cell(cell):
        if is_empty(cell.get("bytes")):
            raise ContentError(
                "AmbiguousContent",
                f"A cell names the file {str(cell.get('path'))[:80]!r} without its bytes. Say modality='image' or "
                "'video' to open it.",
            )
        return kind_of_cell(cell["bytes"])
    if isinstance(cell, io.BytesIO):
        cell = cell.getvalue()
    if isinstance(cell, bytes | bytearray | memoryview):
        kind = kind_of_bytes(bytes(cell))
        if kind is None:
            raise ContentError("UnknownContent", f"{len(cell)} bytes are neither a known picture nor a known video.")
        return kind
    if isinstance(cell, os.PathLike):
        return kind_of_suffix(os.fspath(cell)) or _kind_of_file(_file(os.fspath(cell), root)) or "image"
    if isinstance(cell, bool | int | float | np.number | Mapping) or pictures_of_list(cell) is not None:
        raise ContentError(
            "WrongType",
            f"A cell holds {type(cell).__name__}, which is no text, picture or video. Convert the column with "
            ".astype('str'), or say modality='multi_images' for lists of pictures.",
        )
    return "image"  # pictures and arrays; media_of refuses whatever is neither


def _kind_of_string(text: str) -> ContentKind:
    if data_uri := _DATA_URI.match(text):
        return "video" if (data_uri["mime"] or "").startswith("video/") else "image"
    if address := _URL.fullmatch(text):
        return kind_of_suffix(address["path"]) or "text"
    if text.casefold().startswith("file:") and kind_of_suffix(text) is not None and "\n" not in text:
        raise ContentError(
            "AmbiguousContent",
            f"{text[:80]!r} may be a text or the name of a file. Say modality='text', 'image' or 'video'.",
        )
    if kind_of_suffix(text) is not None and _may_be_a_name(text):
        raise ContentError(
            "AmbiguousContent",
            f"{text[:80]!r} may be a text or the name of a file. Say modality='text', 'image' or 'video'.",
        )
    return "text"


def _may_be_a_name(text: str) -> bool:
    if len(text.splitlines()) > 1 or ("://" in text and len(text.split()) > 1):
        return False  # several lines, or a sentence that ends in a link
    return len(re.split(r"[/\\]", text)[-1].encode(errors="replace")) <= 255  # no file system holds longer ones


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


def _media(cell: Any, kind: ContentKind, root: Root) -> Content:
    media = media_of(cell, kind, root)
    if media.url is not None:
        return Content(kind, media=media, digest=digest_of(kind, b"url", media.url.encode()))
    data = media.read()
    if not data:
        raise ContentError("EmptyFile", f"{media.named} is empty.")
    digest = digest_of(kind, b"bytes", data)
    if media.path is not None:
        path = replace(media.path, n_bytes=len(data)) if isinstance(media.path, StoredFile) else media.path
        media = Media(path=path, hashed=(kind, digest))  # what is sent later is what was hashed now
    return Content(kind, media=media, digest=digest)


def media_of(cell: Any, kind: ContentKind, root: Root = None) -> Media:
    """Return where the bytes of a picture or a clip are: the one reading of a cell, for the models and the pages.

    Parameters
    ----------
    cell : str, path, bytes, io.BytesIO, mapping, Media, PIL image or numpy.ndarray
        A string is a path, a ``data:`` or ``file:`` address, the address of a file in a store (``s3://…``), or a URL,
        which stays one. A mapping with ``bytes`` or
        ``path`` is a cell of a data set of Hugging Face; bytes go before the path. Pictures may be images of Pillow,
        which are turned as their EXIF tag says, and arrays of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4); both
        become PNG files. Their levels: see :mod:`mmembed.contents.pictures`.
    kind : {"image", "video"}
        What the cell is to be.
    root : pathlib.Path, optional
        Folder that relative paths start from; the current one if not given.

    Raises
    ------
    ContentError
        If the cell is none of these: a list of pictures is not one picture. If there is no plain file of that name.
    """
    cell = unwrapped(cell)
    if isinstance(cell, Mapping) and is_file_cell(cell):
        data, path = cell.get("bytes"), cell.get("path")
        cell = path if is_empty(data) or (data == b"" and not is_empty(path)) else data
    if isinstance(cell, Media):
        if isinstance(root, Fence) and cell.path is not None:
            if isinstance(cell.path, StoredFile):
                raise root.refusal(str(cell.path))
            root.check(cell.path, str(cell.path))
        return cell
    if isinstance(cell, io.BytesIO):
        return Media(data=cell.getvalue())
    if isinstance(cell, bytes | bytearray | memoryview):
        return Media(data=bytes(cell))
    if isinstance(cell, os.PathLike):
        return Media(path=_file(os.fspath(cell), root))
    if isinstance(cell, str):
        return _media_of_string(cell.strip(), kind, root)
    if pictures_of_list(cell) is not None:
        raise ContentError(
            "WrongType",
            f"A cell of modality {kind!r} holds a list of {len(cell)}; expected one {kind}. Say "
            "modality='multi_images' for lists of pictures, or take one of each: column.str[0].",
        )
    if kind == "image" and (picture := picture_in_memory(cell)) is not None:
        return Media(data=encode_lossless(picture))
    wanted = "a path, a URL, a data URI or bytes" + (", a PIL image or an array (h, w, 3)" if kind == "image" else "")
    raise ContentError("WrongType", f"A cell of modality {kind!r} holds {type(cell).__name__}; expected {wanted}.")


def picture_of(cell: object, root: Root, *, at_least: int, ground: Ground = "white") -> Image:
    """Return the picture of a cell in RGB, upright, of ``at_least`` so many pixels a side if it has as many.

    Raises
    ------
    ContentError
        If the cell is no picture or cannot be opened, or as the codecs raise (:func:`pictures.damage`).
    """
    # What is in memory already need not be written and read again; the pixels are the same.
    picture = picture_in_memory(cell)
    if picture is not None:
        return to_rgb(picture, ground)
    return open_picture(media_of(cell, "image", root), at_least=at_least, ground=ground)


def _media_of_string(text: str, kind: ContentKind, root: Root) -> Media:
    if data_uri := _DATA_URI.match(text):
        return Media(data=_decoded(text[data_uri.end() :], is_base64=data_uri["base64"] is not None))
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    if scheme in {"http", "https", "file"}:
        try:
            address = urlsplit(text)
        except ValueError as error:
            raise ContentError("BrokenURL", f"{text[:80]!r} is no valid URL: {error}. Correct it.") from error
        if scheme != "file":
            if not address.hostname:
                raise ContentError("BrokenURL", f"{text[:80]!r} is no valid URL: it names no server. Correct it.")
            return Media(url=text)
        if isinstance(root, Fence):
            raise root.refusal(text)
        # Brings a whole HTTP client along, a sixth of what importing mmembed takes.
        from urllib.request import url2pathname

        return Media(path=_file(url2pathname(address.path), root))
    if text.startswith(TEMPORARY_STORAGE):
        return Media(url=text)
    if _SCHEME.fullmatch(scheme):
        if (stored := stored_file(text)) is not None:
            if isinstance(root, Fence):
                raise root.refusal(text)
            return Media(path=stored)
        raise ContentError(
            "UnknownScheme",
            f"{text[:80]!r} has the scheme {scheme!r}; expected a path, http(s)://, file://, data: or the address of a "
            "store that fsspec knows, such as s3://.",
        )
    if "\0" in text or len(text) > 4096:
        raise ContentError("NotAPath", f"A cell of modality {kind!r} holds a text that is no path: {text[:60]!r}.")
    return Media(path=_file(text, root))


def _file(name: str | bytes, root: Root) -> Path:
    text = os.fsdecode(name)
    path = Path(text)
    with contextlib.suppress(RuntimeError):  # "~$lock.jpg" is a name, not the home of a user
        path = path.expanduser()
    if isinstance(root, Fence):
        # Before it is looked at: not even whether it exists is told of what lies outside.
        if path.is_absolute() or path.drive or path.root:
            raise root.refusal(text)
        path = root.check(root.folder / path, text)
    elif root is not None and not path.is_absolute():
        path = root / path
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except (OSError, ValueError) as error:  # also a name that is too long, or that no file system can hold
        reason = getattr(error, "strerror", None) or str(error)
        start = str((root.folder if isinstance(root, Fence) else root) or Path.cwd())
        raise ContentError(
            "FileNotFound",
            f"File {str(path)[:300]!r} does not exist ({reason}). Relative names start from {start!r}; root= changes "
            "it.",
        ) from error
    if kind != stat.S_IFREG:
        # A pipe or a device would never end.
        held = "a folder, not a file" if kind == stat.S_IFDIR else "no plain file, but a pipe or a device"
        raise ContentError("NotAFile", f"{str(path)!r} is {held}.")
    return path


def _decoded(payload: str, *, is_base64: bool) -> bytes:
    if not is_base64:
        return unquote_to_bytes(payload)
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ContentError("BrokenDataUri", f"The data URI does not hold valid base64: {error}.") from error


def pictures_of_list(cell: Any) -> list[Any] | None:
    """Return the pictures of a cell that holds several; None if it is no list of pictures.

    Lists and tuples, one-dimensional arrays of objects or strings (what Parquet makes of lists), columns of pandas and
    Arrow, and arrays of shape (n, h, w, c).
    """
    if isinstance(cell, pd.Series | pd.Index | pd.api.extensions.ExtensionArray) and not hasattr(cell.dtype, "space"):
        return list(cell)
    if type(cell).__module__.startswith("pyarrow") and hasattr(cell, "to_pylist"):
        return list(cell.to_pylist())
    if isinstance(cell, list | tuple):
        return list(cell)
    if isinstance(cell, np.ndarray) and (cell.ndim == 4 or (cell.ndim == 1 and cell.dtype.kind in "OU")):
        return list(cell)
    return None


def _multi_images(cell: Any, root: Root) -> Content:
    pictures = pictures_of_list(cell)
    if pictures is None:
        raise ContentError(
            "WrongType", f"A cell of modality 'multi_images' holds {type(cell).__name__}; expected a list of pictures."
        )
    parts: Sequence[Content | None] = [read_content(part, "image", root=root) for part in pictures]
    present = tuple(part for part in parts if part is not None)
    if len(present) != len(parts):
        raise ContentError("MissingPart", "A list of pictures holds a missing one; leave it out of the list.")
    return Content("multi_images", parts=present, digest=digest_of("multi_images", *(part.digest for part in present)))


def _kind_of_file(path: Path) -> MediaKind | None:
    with path.open("rb") as file:
        return kind_of_bytes(file.read(64))


def file_name(cell: object) -> str:
    """Return the name of the file that a cell names by path or address; nothing of other cells.

    Examples
    --------
    >>> file_name("photos/zebra.jpg"), file_name("https://a.example/b.png?x=1"), file_name(b"...")
    ('zebra.jpg', 'b.png', '')
    """
    plain = unwrapped(cell)
    named = plain.get("path") if isinstance(plain, Mapping) else plain
    if not isinstance(named, str | os.PathLike):
        return ""
    text = os.fspath(named)
    if isinstance(text, bytes) or text[:5].casefold() == "data:" or "\n" in text:
        return ""
    is_address = "://" in text
    path = unquote(text.split("?")[0].split("#")[0]) if is_address else text
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]
