"""Pictures and clips for the tests: drawn here, or taken from the demo data."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import av
import numpy as np
from PIL import Image

from mmembed.contents.content import Content
from mmembed.contents.media import Media

DATA = Path(__file__).resolve().parents[2] / "data"


def text(value: str) -> Content:
    """Return a text content."""
    return Content("text", text=value)


def image(source: bytes | Path) -> Content:
    """Return a picture content of bytes or of a file."""
    return Content("image", media=media(source))


def video(source: bytes | Path) -> Content:
    """Return a clip content of bytes or of a file."""
    return Content("video", media=media(source))


def media(source: bytes | Path) -> Media:
    """Return media of bytes or of a file."""
    return Media(data=source) if isinstance(source, bytes) else Media(path=source)


def waves(width: int = 120, height: int = 80, phase: float = 0.0) -> np.ndarray:
    """Return a smooth coloured pattern, shape (height, width, 3), uint8."""
    y, x = np.mgrid[0:height, 0:width]
    channels = [np.sin(x / (7 + 3 * channel) + phase) * np.cos(y / (11 - 2 * channel)) for channel in range(3)]
    return np.uint8(127.5 + 127 * np.stack(channels, axis=-1))


def encoded(picture: Image.Image | np.ndarray, kind: str = "PNG", **options) -> bytes:
    """Return a picture as the bytes of a file."""
    buffer = BytesIO()
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def encoded_clip(frames: list[np.ndarray], *, frames_between_keys: int = 12) -> bytes:
    """Return frames of shape (h, w, 3) as the bytes of an MP4 file."""
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18", "g": str(frames_between_keys), "sc_threshold": "0", "flags": "+cgop"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()
