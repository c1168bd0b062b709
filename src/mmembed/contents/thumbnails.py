"""Small pictures for a page: each cell becomes a re-encoded WebP within a byte budget, or a counted reason.

Re-encoding drops EXIF data (places, serial numbers) and whatever else hides in a file. Transparent parts show a
chequered ground, so that white ones are seen on every page, light or dark. A column is opened only because
the caller named it as pictures or videos; no other cell is ever taken for a path.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mmembed.contents.clips import middle_frame
from mmembed.contents.content import media_of, picture_of, pictures_of_list, unreadable_cell, unwrapped
from mmembed.contents.pictures import damage, decoding_errors, encode, shrink
from mmembed.errors import ContentError, MissingExtraError
from mmembed.frames import is_empty

if TYPE_CHECKING:
    from PIL.Image import Image

_QUALITIES = (78, 62, 45)
_SMALLEST_EDGE = 24


def make_thumbnail(
    cell: object, *, modality: str = "image", root: Path | None = None, edge: int = 160, max_bytes: int = 12_000
) -> bytes:
    """Return a small WebP (JPEG where Pillow lacks WebP) of one cell.

    Parameters
    ----------
    cell : object
        A picture or a clip as :func:`mmembed.contents.content.media_of` reads it. A list of pictures shows the first
        one, or the one in the middle where it stands for a clip.
    modality : {"image", "video"}
        Of a video, the frame in the middle is taken.
    root : pathlib.Path, optional
        Folder that relative paths start from; the working directory by default.
    edge : int
        Longest side in pixels; smaller pictures are not enlarged.
    max_bytes : int
        Most bytes it may take; quality and then size are lowered until it fits.

    Raises
    ------
    ContentError
        If there is no picture; its ``code`` says why.
    """
    try:
        image = _open_cell(unwrapped(cell), modality, root, at_least=2 * edge)
    except ContentError:
        raise
    except damage() as error:
        raise unreadable_cell(cell, modality, error) from error
    with decoding_errors("The cell", "picture"):
        small = shrink(image, edge)
        while True:
            for quality in _QUALITIES:
                data = _encode_small(small, quality)
                if len(data) <= max_bytes:
                    return data
            longest = max(small.size)
            if longest <= _SMALLEST_EDGE:
                raise ContentError("OverBudget", f"A picture of {longest} pixels does not fit into {max_bytes} bytes.")
            small = shrink(small, max(_SMALLEST_EDGE, longest * 2 // 3))


def _open_cell(cell: object, modality: str, root: Path | None, *, at_least: int) -> Image:
    if is_empty(cell):
        raise ContentError("Empty", "The cell is empty.")
    several = pictures_of_list(cell)
    if several:
        return _open_cell(several[len(several) // 2 if modality == "video" else 0], "image", root, at_least=at_least)
    if modality == "video":
        try:
            return middle_frame(media_of(cell, "video", root), ground="chequered")
        except MissingExtraError as error:
            raise ContentError("NoVideoExtra", str(error)) from error
    return picture_of(cell, root, at_least=at_least, ground="chequered")


def make_thumbnails(
    rows: Iterable[int],
    cell_of: Callable[[int], tuple[object, str]],
    *,
    root: Path | None = None,
    edge: int = 160,
    max_bytes: int = 12_000,
    budget_bytes: int = 4_000_000,
) -> tuple[dict[int, bytes], Counter[str]]:
    """Make thumbnails of rows in the given order until the budget is spent.

    Parameters
    ----------
    rows : iterable of int
        Positions, the most important first.
    cell_of : callable
        Gives the cell of a position and its modality.
    budget_bytes : int
        Most bytes that all thumbnails together may take as base64 text.

    Returns
    -------
    thumbnails : dict of int to bytes
        By position.
    reasons : Counter of str
        How many rows have none, by reason code; ``OverBudget`` counts the rows the budget left no room for.
    """
    made: dict[int, bytes] = {}
    reasons: Counter[str] = Counter()
    left = budget_bytes
    waiting: Iterator[int] = iter(rows)
    for row in waiting:
        if left < 400:  # no thumbnail is smaller, so opening more files would be in vain
            reasons["OverBudget"] += 1 + sum(1 for _ in waiting)
            break
        cell, modality = cell_of(row)
        try:
            data = make_thumbnail(
                cell, modality=modality, root=root, edge=edge, max_bytes=min(max_bytes, left * 3 // 4)
            )
        except ContentError as error:
            reasons[error.code] += 1
            continue
        made[row] = data
        left -= base64_length(data)
    return made, reasons


def base64_length(data: bytes) -> int:
    """Return how many characters the base64 text of some bytes has."""
    return (len(data) + 2) // 3 * 4


def data_uri(data: bytes) -> str:
    """Return a thumbnail as a data URI."""
    kind = "webp" if data[8:12] == b"WEBP" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _encode_small(image: Image, quality: int) -> bytes:
    from PIL import features

    if features.check("webp"):
        return encode(image, "WEBP", quality=quality, method=4)
    return encode(image, "JPEG", quality=quality, optimize=True)
