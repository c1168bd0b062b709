"""From contents to the objects of ``input.contents``, made anew for each request; refuses what the API cannot take.

Local pictures as data URIs: unchanged where the model takes them as they are, otherwise turned, converted, shrunk.

It reads files and never writes one.
"""

from __future__ import annotations

import base64
import io
import math
import warnings
from typing import TYPE_CHECKING, Any

from mmembed.contents.content import Content, Media, damage
from mmembed.contents.pictures import open_bytes
from mmembed.errors import ContentError, listed
from mmembed.providers.costs import estimate_text
from mmembed.providers.models import MODELS, ModelSpec

if TYPE_CHECKING:
    from PIL import Image


def wire_content(content: Content, spec: ModelSpec) -> dict[str, Any]:
    """Return the object that stands for a content in a request.

    Parameters
    ----------
    content : Content
        A content of a kind that the model embeds.
    spec : ModelSpec
        Whose limits hold.

    Raises
    ------
    ContentError
        If the API cannot take it: a local video, a text or a list that is too long, a broken picture.
    """
    if content.kind == "multi_images":
        most = spec.max_multi_images
        if len(content.parts) > most:
            raise ContentError(
                "TooManyPictures",
                f"A list of {len(content.parts)} pictures; model {spec.name!r} takes at most {most} in one. "
                "Shorten the list.",
            )
        return {"multi_images": [_value(part, spec) for part in content.parts]}
    if content.kind != "fused":
        return {content.kind: _value(content, spec)}
    if len({part.kind for part in content.parts}) < len(content.parts):
        raise ContentError("WrongKind", "A fused row holds one kind twice; expected at most one text, image and video.")
    return {part.kind: _value(part, spec) for part in content.parts}


def _value(leaf: Content, spec: ModelSpec) -> str:
    if leaf.kind == "text":
        return _text(leaf.text or "", spec)
    if leaf.media is None:
        raise ContentError("WrongKind", f"A {leaf.kind!r} within a fused row; expected a text, an image or a video.")
    if leaf.kind == "image":
        return picture_value(leaf.media, spec)
    if leaf.media.url is None:
        lists = [one.name for one in MODELS.values() if one.max_multi_images]
        most = "" if spec.video_mb is None else f", at most {spec.video_mb:g} MB"
        raise ContentError(
            "LocalVideo",
            f"Model {spec.name!r} takes videos by URL only, and this one is on this machine. Put it where a public "
            f"URL reaches it ({listed(spec.video_formats)}{most}), or embed its frames with Embedder(video_frames=8) "
            f"(models {listed(lists)}), or use model='local'.",
        )
    return leaf.media.url


def _text(text: str, spec: ModelSpec) -> str:
    most = spec.text_tokens
    # The low estimate is never above the number of characters, so most texts pass without counting.
    if most is None or len(text) <= most:
        return text
    estimate = estimate_text(text)
    # What may fit is sent: only the service knows its tokens, and it refuses the text if it must.
    if estimate.low <= most:
        return text
    raise ContentError(
        "TextTooLong",
        f"A text of {len(text)} characters is about {estimate.likely} tokens; model {spec.name!r} takes {most}. "
        "Shorten or split it, or cut it with truncate=True.",
    )


_LOSSLESS = frozenset({"PNG", "BMP", "DIB", "TIFF", "GIF", "ICO", "ICNS", "SGI", "PPM", "TGA"})

_JPEG_QUALITY = 92

# Aim below the limit: the size of a JPEG goes with its area only roughly.
_AIM = 0.85

_MOST_TRIES = 12

# PIL's name where it is not the name on the wire: an MPO is a JPEG with further pictures behind it.
_WIRE_NAMES = {"MPO": "JPEG"}


def picture_value(media: Media, spec: ModelSpec) -> str:
    """Return what goes to the wire for a picture: its URL, or a data URI that the model takes.

    Parameters
    ----------
    media : Media
        The picture.
    spec : ModelSpec
        Whose formats and size limit hold.

    Raises
    ------
    ContentError
        If the bytes cannot be read as a picture.
    """
    if media.url is not None:
        return media.url
    data, name = picture_for_model(media.read(), spec)
    return f"data:image/{name.lower()};base64,{base64.b64encode(data).decode('ascii')}"


def picture_for_model(data: bytes, spec: ModelSpec) -> tuple[bytes, str]:
    """Return an encoded picture that the model takes, and the name of its format.

    Bytes that the model takes as they are come back unchanged. Others are turned upright by their EXIF tag, and
    written as PNG where nothing would be lost and it fits, else as JPEG, shrunk until it fits.

    Raises
    ------
    ContentError
        If the bytes are no picture, or a damaged one.
    """
    from PIL import Image, UnidentifiedImageError

    most = math.inf if spec.image_mb is None else spec.image_mb * 1e6
    try:
        with warnings.catch_warnings():
            # A large picture is about to be shrunk, which is what the warning is about.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with open_bytes(data) as picture:
                name = _WIRE_NAMES.get(picture.format or "", picture.format or "")
                if name in spec.image_formats and len(data) <= most:
                    return data, name
                return _converted(picture, name, spec.image_formats, most)
    except ContentError:
        raise
    except damage() as error:
        # Pillow's own message for unknown bytes names an object in memory.
        reason = "no known format" if isinstance(error, UnidentifiedImageError) else error
        raise ContentError(
            "UnreadablePicture",
            f"{len(data)} bytes cannot be read as a picture: {reason}. Expected a whole file of a common format.",
        ) from error


def _converted(picture: Image.Image, name: str, formats: tuple[str, ...], most: float) -> tuple[bytes, str]:
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I"):  # 16 bits a pixel: keep the upper eight instead of cutting at 255
        upright = upright.point(lambda value: value / 256).convert("L")
    see_through = "A" in upright.getbands() or "transparency" in upright.info
    if "PNG" in formats and (name in _LOSSLESS or see_through):
        encoded = _encoded(upright.convert("RGBA" if see_through else "RGB"), "PNG")
        if len(encoded) <= most:
            return encoded, "PNG"
    return _shrunk(_on_white(upright) if see_through else upright.convert("RGB"), most), "JPEG"


def _on_white(picture: Image.Image) -> Image.Image:
    from PIL import Image

    layered = picture.convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(white, layered).convert("RGB")


def _shrunk(picture: Image.Image, most: float) -> bytes:
    from PIL import Image

    scaled = picture
    scale = 1.0
    for _ in range(_MOST_TRIES):
        encoded = _encoded(scaled, "JPEG")
        if len(encoded) <= most:
            return encoded
        scale *= min(0.9, math.sqrt(_AIM * most / len(encoded)))
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        scaled = picture.resize(size, Image.Resampling.LANCZOS)
    raise ContentError("PictureTooLarge", f"The picture cannot be brought below {most:.0f} bytes. Shrink it before.")


def _encoded(picture: Image.Image, name: str) -> bytes:
    out = io.BytesIO()
    if name == "JPEG":
        picture.save(out, format=name, quality=_JPEG_QUALITY)
    else:
        picture.save(out, format=name)
    return out.getvalue()
