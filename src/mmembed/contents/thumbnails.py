"""Small pictures for a page: each cell becomes a re-encoded WebP within a byte budget, or a counted reason.

Re-encoding drops EXIF data (places, serial numbers) and whatever else hides in a file. A column is opened only because
the caller named it as pictures or videos; no other cell is ever taken for a path.
"""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmembed.contents.content import damage
from mmembed.contents.pictures import open_cell as open_picture
from mmembed.contents.pictures import open_frame
from mmembed.errors import ContentError

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
        See ``mmembed.contents.pictures.open_cell``.
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
    folder = root if root is not None else Path.cwd()
    image = open_frame(cell, folder) if modality == "video" else open_picture(cell, folder)
    try:
        small = _shrunk(image, edge)
        while True:
            for quality in _QUALITIES:
                data = _encoded(small, quality)
                if len(data) <= max_bytes:
                    return data
            longest = max(small.size)
            if longest <= _SMALLEST_EDGE:
                raise ContentError("OverBudget", f"A picture of {longest} pixels does not fit into {max_bytes} bytes.")
            small = _shrunk(small, max(_SMALLEST_EDGE, longest * 2 // 3))
    except damage() as error:
        if isinstance(error, ContentError):
            raise
        raise ContentError("Unreadable", f"Picture cannot be re-encoded: {error}") from error


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


def _shrunk(image: Image, edge: int) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageOps

    if image.mode.startswith("I") or image.mode == "F":
        # Sixteen-bit grey levels: Pillow would clip them to white.
        levels = np.asarray(image, dtype=np.float64)
        span = max(float(levels.max()), 1.0) if levels.size else 1.0
        image = Pillow.fromarray((levels / span * 255).astype(np.uint8))
    turned = ImageOps.exif_transpose(image)
    if turned.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in turned.info:
        layer = turned.convert("RGBA")
        turned = Pillow.new("RGB", layer.size, "white")
        turned.paste(layer, mask=layer.getchannel("A"))
    elif turned.mode != "RGB":
        turned = turned.convert("RGB")
    if max(turned.size) > edge:
        scale = edge / max(turned.size)
        size = (max(1, round(turned.width * scale)), max(1, round(turned.height * scale)))
        turned = turned.resize(size, Pillow.Resampling.LANCZOS, reducing_gap=2.0)
    return turned


def _encoded(image: Image, quality: int) -> bytes:
    from PIL import features

    buffer = io.BytesIO()
    if features.check("webp"):
        image.save(buffer, "WEBP", quality=quality, method=4)
    else:
        image.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()
