"""What a file is, by its first bytes or by the suffix of its name."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

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
