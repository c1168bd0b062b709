"""Where the bytes of a picture or a clip are, and what they are by their first bytes or the suffix of a name.

:class:`Media` reads the bytes; :class:`Fence` keeps file names within a folder; ``digest_of`` hashes what is embedded.
"""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from mmembed.contents.stored_file import StoredFile
from mmembed.errors import ContentError


@dataclass(frozen=True, slots=True)
class Media:
    """Where the bytes of a picture or a clip are: exactly one of a file, bytes in memory, or a URL.

    Whoever made it has decided that a string is a path or a URL; a provider never guesses.

    Attributes
    ----------
    path, data, url
        Where the bytes are. A path is that of a local file or of one in an object store; a URL is never opened here.
    hashed : (str, bytes) or None
        The kind and the digest under which the file was read before: from then on no other bytes are given out, since
        their vector would be kept under the digest of those that are gone.
    """

    path: Path | StoredFile | None = None
    data: bytes | None = field(default=None, repr=False)
    url: str | None = None
    hashed: tuple[str, bytes] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.path, self.data, self.url)) != 1:
            raise ValueError("Media needs exactly one of path, data and url.")

    @property
    def named(self) -> str:
        """How messages call it, as the subject of a sentence."""
        return f"File {str(self.path)!r}" if self.path is not None else "The content"

    def size(self) -> int:
        """Return how many bytes there are; 0 for a URL, and for a file that is not there."""
        if self.data is not None:
            return len(self.data)
        try:
            return 0 if self.path is None else self.path.stat().st_size
        except (OSError, ValueError):
            return 0

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
        except ContentError:
            raise  # of a store, which says more
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
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
        try:
            found = path.resolve()
        except (OSError, ValueError, RuntimeError):  # a circle of links, a name that no file system can hold
            raise self.refusal(name) from None
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


MediaKind = Literal["image", "video"]


_IMAGE_STARTS = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\x00",  # TIFF, little endian
    b"MM\x00*",  # TIFF, big endian
    b"II+\x00",  # TIFF of more than 4 GB
    b"MM\x00+",
    b"\x00\x00\x01\x00",  # ICO
    b"icns",
    b"\x01\xda",  # SGI
    b"\x00\x00\x00\x0cjP  ",  # JPEG 2000
    b"\xff\x4f\xff\x51",  # JPEG 2000, the bare codestream
)


_PORTABLE_MAP = re.compile(rb"P[1-7Ff]\s+[\d#]")  # PPM and its kin


_VIDEO_STARTS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"\x00\x00\x01\xba",  # MPEG
    b"\x00\x00\x01\xb3",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # WMV
)


_IMAGE_BRANDS = (
    *(b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1", b"miaf"),
)


# Old QuickTime files begin without a brand.
_QUICKTIME_ATOMS = (b"moov", b"mdat", b"wide")


# Also of formats that are not opened here: what is a picture must not be taken for a text. Suffixes that end other
# names at least as often (.ts, .bw, .im, .rgb) are left out.
_IMAGE_SUFFIX = re.compile(
    r"\.(jpe?g|jpe|jfif|jif|pjp|pjpeg|a?png|gif|bmp|dib|tiff?|webp|ico|icns|sgi|avifs?|hei[cf]s?|hif|jp2|j2[ck]|jpc|jpf"
    r"|jpx|jxl|mpo|tga|pcx|p[bfgnp]m|psd|svgz?|eps|dng|cr[23]|nef|arw|orf|raf|rw2)"
)


_VIDEO_SUFFIX = re.compile(
    r"\.(mp4|m4v|mov|qt|avi|mkv|webm|mpe?g|mpe|m2v|flv|f4v|wmv|asf|3gpp?|3g2|ogv|m2ts|mts|vob|rmvb|divx|mxf)"
)


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
    if data.startswith(_IMAGE_STARTS) or _PORTABLE_MAP.match(data):
        return "image"
    return "video" if data.startswith(_VIDEO_STARTS) or data[4:8] in _QUICKTIME_ATOMS else None


def kind_of_suffix(name: str | bytes) -> MediaKind | None:
    """Tell a picture from a video by the suffix of its name; None if it is neither.

    Examples
    --------
    >>> kind_of_suffix("photos/1.JPG")
    'image'
    """
    text = name.decode(errors="replace") if isinstance(name, bytes) else name
    suffix = PurePosixPath(text.replace("\\", "/")).suffix.lower()
    if _IMAGE_SUFFIX.fullmatch(suffix):
        return "image"
    return "video" if _VIDEO_SUFFIX.fullmatch(suffix) else None


def digest_of(kind: str, *pieces: bytes) -> bytes:
    """Hash pieces so that no two lists of pieces run together."""
    digest = _start_digest(kind).copy()
    for piece in pieces:
        digest.update(len(piece).to_bytes(8, "little"))
        digest.update(piece)
    return digest.digest()


@functools.cache
def _start_digest(kind: str) -> hashlib.blake2b:
    """Return the hash of the kind alone, to be copied: making one anew for each text takes twice as long."""
    digest = hashlib.blake2b(digest_size=32, person=b"mmembed.content")
    digest.update(len(kind.encode()).to_bytes(8, "little"))
    digest.update(kind.encode())
    return digest
