"""From the cells of a column to contents: what a cell is, whether it is there, and the hash of what is in it.

Only the modality decides how a cell is read: a text never becomes a file, whatever it says.

What a file is, by its first bytes or by the suffix of its name.

The hash of what is embedded: equal contents have equal ones, and a vector is kept under it.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import io
import os
import re
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import unquote_to_bytes, urlsplit

import numpy as np

from mmembed.errors import ContentError, ModalityError, did_you_mean, listed
from mmembed.frames import is_missing

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Content:
    """One thing that gets one vector.

    Attributes
    ----------
    kind : {"text", "image", "video", "multi_images", "fused"}
        Says which of the other fields are set: ``text`` for a text, ``media`` for a picture or a clip, ``parts`` for
        the pictures of ``multi_images`` and for the differing kinds of a ``fused`` row.
    digest : bytes
        Hash of what is embedded: bytes of a file, characters of a text; never of a path.
    """

    kind: ContentKind
    text: str | None = None
    media: Media | None = None
    parts: tuple[Content, ...] = ()
    digest: bytes = field(default=b"", repr=False)


Read = Content | ContentError | None

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


ContentKind = Literal["text", "image", "video", "multi_images", "fused"]


@dataclass(frozen=True, slots=True)
class Media:
    """Where the bytes of a picture or a clip are: exactly one of a local file, bytes in memory, or a URL.

    Whoever made it has decided that a string is a path or a URL; a provider never guesses.

    Attributes
    ----------
    path, data, url
        Where the bytes are.
    hashed : (str, bytes) or None
        The kind and the digest under which the file was read before: from then on no other bytes are given out, since
        their vector would be kept under the digest of those that are gone.
    """

    path: Path | None = None
    data: bytes | None = field(default=None, repr=False)
    url: str | None = None
    hashed: tuple[str, bytes] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.path, self.data, self.url)) != 1:
            raise ValueError("Media needs exactly one of path, data and url.")

    def read(self) -> bytes:
        """Return the encoded bytes of the file, read anew at each call.

        Raises
        ------
        ContentError
            If the file cannot be read, if it is no longer the one that was hashed, or if there is only a URL.
        """
        if self.data is not None:
            return self.data
        if self.path is None:
            raise ContentError("RemoteContent", f"{self.url!r} is a URL; its bytes are not on this machine.")
        try:
            data = self.path.read_bytes()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ContentError("FileUnreadable", f"File {str(self.path)!r} cannot be read: {reason}.") from error
        if self.hashed is not None and digest_of(self.hashed[0], b"bytes", data) != self.hashed[1]:
            raise ContentError(
                "FileChanged",
                f"File {str(self.path)!r} was changed while the run went on. Nothing is kept for it; run again to "
                "embed what it holds now.",
                retryable=True,
            )
        return data


@dataclass(frozen=True, slots=True)
class Fence:
    """A folder that no file name in a cell leads out of: neither by ``..`` or a link, nor as an absolute name."""

    folder: Path

    def check(self, path: Path, name: str) -> Path:
        """Return where a file within the folder really is.

        Raises
        ------
        ContentError
            If it is, or leads, outside.
        """
        found = path.resolve()
        if not found.is_relative_to(self.folder.resolve()):
            raise self.refusal(name)
        return found

    def refusal(self, name: str) -> ContentError:
        """Return the error for a name that leads out."""
        return ContentError(
            "OutsideRoot",
            f"{name[:80]!r} leads out of the folder {str(self.folder)!r}, which strict_root=True keeps to; nothing was "
            "read. Give a name below that folder, or leave strict_root out if you trust the column.",
        )


Root = Path | Fence | None  # where relative file names start from, the current folder if None

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
        suffix, pictures and arrays as images, other strings as texts; a string that looks like the name of a picture
        or video file is refused, since it could be meant either way.
    root : pathlib.Path or Fence, optional
        Folder that relative file names start from; the current one if not given. A path is no fence: ``../x.png``,
        absolute names, links and ``file://`` lead anywhere. A :class:`Fence` refuses them.
    """
    found: list[Content | ContentError | None] = []
    for cell in cells:
        try:
            found.append(read_content(cell, modality, root=root))
        except ContentError as error:
            found.append(error)
    return found


def read_content(cell: Any, modality: Modality, *, root: Root = None) -> Content | None:
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


def read_fused(parts: Mapping[Modality, Any], *, root: Root = None) -> Content | None:
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


def _media(cell: Any, kind: ContentKind, root: Root) -> Content:
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


def _source(cell: Any, kind: ContentKind, root: Root) -> Media:
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


def _source_of_text(text: str, kind: ContentKind, root: Root) -> Media:
    if data_uri := _DATA_URI.match(text):
        return Media(data=_decoded(text[data_uri.end() :], is_base64=data_uri["base64"] is not None))
    if _URL.match(text):
        return Media(url=text)
    scheme = urlsplit(text).scheme.lower() if "://" in text else ""
    if scheme == "file":
        if isinstance(root, Fence):
            raise root.refusal(text)
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


def _file(name: str | bytes, root: Root) -> Path:
    text = os.fsdecode(name)
    path = Path(text).expanduser()
    if isinstance(root, Fence):
        # Before it is looked at: not even whether it exists is told of what lies outside.
        if path.is_absolute() or path.drive or path.root:
            raise root.refusal(text)
        path = root.check(root.folder / path, text)
    elif root is not None and not path.is_absolute():
        path = root / path
    if not path.exists():
        start = str((root.folder if isinstance(root, Fence) else root) or Path.cwd())
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


def _multi_images(cell: Any, root: Root) -> Content:
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


MediaKind = Literal["image", "video"]

_IMAGE_STARTS = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\x00",  # TIFF, little endian
    b"MM\x00*",  # TIFF, big endian
    b"\x00\x00\x01\x00",  # ICO
    b"icns",
    b"\x01\xda",  # SGI
)

_VIDEO_STARTS = (b"\x1aE\xdf\xa3", b"FLV\x01", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")  # Matroska/WebM, FLV, MPEG

_IMAGE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1")

_IMAGE_SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".png",
        ".gif",
        ".bmp",
        ".dib",
        ".tif",
        ".tiff",
        ".webp",
        ".ico",
        ".icns",
        ".sgi",
        ".avif",
        ".heic",
    ]
)

_VIDEO_SUFFIXES = frozenset([".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".flv", ".wmv"])


def kind_of_bytes(data: bytes) -> MediaKind | None:
    """Tell a picture from a video by its first bytes; None if it is neither.

    Examples
    --------
    >>> kind_of_bytes(b"GIF89a...")
    'image'
    """
    if data[4:8] == b"ftyp":
        return "image" if data[8:12] in _IMAGE_BRANDS else "video"
    if data[:4] == b"RIFF":
        return {b"WEBP": "image", b"AVI ": "video"}.get(data[8:12])  # type: ignore[return-value]
    if data.startswith(_IMAGE_STARTS):
        return "image"
    return "video" if data.startswith(_VIDEO_STARTS) else None


def kind_of_suffix(name: str | bytes) -> MediaKind | None:
    """Tell a picture from a video by the suffix of its name; None if it is neither.

    Examples
    --------
    >>> kind_of_suffix("photos/1.JPG")
    'image'
    """
    text = name.decode(errors="replace") if isinstance(name, bytes) else name
    suffix = PurePosixPath(text.replace("\\", "/")).suffix.lower()
    if suffix in _IMAGE_SUFFIXES:
        return "image"
    return "video" if suffix in _VIDEO_SUFFIXES else None


def digest_of(kind: str, *pieces: bytes) -> bytes:
    """Hash pieces so that no two lists of pieces run together."""
    digest = _begun(kind).copy()
    for piece in pieces:
        digest.update(len(piece).to_bytes(8, "little"))
        digest.update(piece)
    return digest.digest()


@functools.cache
def _begun(kind: str) -> hashlib.blake2b:
    """Return the hash of the kind alone, to be copied: making one anew for each text takes twice as long."""
    digest = hashlib.blake2b(digest_size=32, person=b"mmembed.content")
    digest.update(len(kind.encode()).to_bytes(8, "little"))
    digest.update(kind.encode())
    return digest
