"""From contents to the objects of ``input.contents``, made anew for each request; refuses what the API cannot take.

Local pictures become data URIs: unchanged where the model takes them and every reader sees the same in them, otherwise
turned, converted, shrunk. All are decoded first: a damaged one is refused before it costs a request. This module reads
files and never writes one.
"""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mmembed.contents.content import Content
from mmembed.contents.media import Media
from mmembed.contents.pictures import (
    decoding_errors,
    encode,
    is_plain,
    open_encoded,
    read_media,
    shrink,
    to_rgb,
    upright,
)
from mmembed.errors import ContentError, listed
from mmembed.providers.costs import estimate_text
from mmembed.providers.models import MODELS, ModelSpec

if TYPE_CHECKING:
    from PIL.Image import Image


# Puts the clip of a leaf where the service reads it, and returns its address there.
Store = Callable[[Content], str]


def wire_contents(content: Content, spec: ModelSpec, store: Store | None = None) -> list[dict[str, Any]]:
    """Return the objects that stand for a content in a request: one, or several that are fused into one vector.

    Parameters
    ----------
    content : Content
        A content of a kind that the model embeds.
    spec : ModelSpec
        Whose limits hold.
    store : callable, optional
        Takes clips that are on this machine, and nothing else; without it they are refused.

    Raises
    ------
    ContentError
        If the API cannot take it: a local video, a text or a list that is too long, a broken picture.
    """
    if not (spec.fuses_alone and _has_list(content)):
        return [wire_content(content, spec, store)]
    # Several entries of one kind do not fit into one object; enable_fusion makes one vector of all entries.
    fitting = _for_pictures_of(content, spec)
    return [{leaf.kind: _value(leaf, fitting, store)} for leaf in content.leaves]


def wire_content(content: Content, spec: ModelSpec, store: Store | None = None) -> dict[str, Any]:
    """Return the one object that stands for a content; for the rest see :func:`wire_contents`."""
    fitting = _for_pictures_of(content, spec)
    if content.kind == "multi_images":
        return {"multi_images": [_value(part, fitting) for part in content.parts]}
    if content.kind != "fused":
        return {content.kind: _value(content, fitting, store)}
    if len({part.kind for part in content.parts}) < len(content.parts):
        raise ContentError("WrongKind", "A fused row holds one kind twice; expected at most one text, image and video.")
    return {part.kind: _value(part, fitting, store) for part in content.parts}


def _has_list(content: Content) -> bool:
    return "multi_images" in {content.kind, *(part.kind for part in content.parts)}


def _for_pictures_of(content: Content, spec: ModelSpec) -> ModelSpec:
    """Return the limits that hold for each picture of a content: larger ones are shrunk, so that all fit a request."""
    if not _has_list(content):
        return spec
    count = sum(leaf.kind == "image" for leaf in content.leaves)
    _check_list(content, count, spec)
    return dataclasses.replace(spec, image_mb=spec.picture_mb(count))


def _check_list(content: Content, count: int, spec: ModelSpec) -> None:
    if content.kind == "fused" and not spec.fuses_alone:
        able = [one.name for one in MODELS.values() if one.fuses_alone and one.max_multi_images]
        raise ContentError(
            "ListInFusedRow",
            f"A fused row holds a list of pictures; model {spec.name!r} fuses one picture with a text or a video. Give "
            "one picture a row, embed the lists in a column of their own, or choose a model that fuses several "
            f"({listed(able)}, or model='local').",
        )
    if count > spec.max_multi_images:
        raise ContentError(
            "TooManyPictures",
            f"A list of {count} pictures; model {spec.name!r} takes at most {spec.max_multi_images} in one. "
            "Shorten the list.",
        )


def _value(leaf: Content, spec: ModelSpec, store: Store | None = None) -> str:
    if leaf.kind == "text":
        return _text(leaf.text or "", spec)
    if leaf.media is None:
        raise ContentError("WrongKind", f"A {leaf.kind!r} within a fused row; expected a text, an image or a video.")
    if leaf.kind == "image":
        return picture_value(leaf.media, spec)
    if leaf.media.url is None:
        if store is not None:
            return store(leaf)
        lists = [one.name for one in MODELS.values() if one.max_multi_images]
        most = "" if spec.video_mb is None else f", at most {spec.video_mb:g} MB"
        raise ContentError(
            "LocalVideo",
            f"Model {spec.name!r} takes videos by URL only, and this one is on this machine. Put it where a public "
            f"URL reaches it ({listed(spec.video_formats)}{most}), or embed its frames with Embedder(video_frames=8) "
            f"(models {listed(lists)}), or let it be uploaded for two days with Embedder(upload='temporary'), or use "
            "model='local'.",
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
    data, name = picture_for_model(read_media(media, "picture"), spec, named=media.named)
    return f"data:image/{name.lower()};base64,{base64.b64encode(data).decode('ascii')}"


def picture_for_model(data: bytes, spec: ModelSpec, *, named: str = "The content") -> tuple[bytes, str]:
    """Return an encoded picture that the model takes, and the name of its format.

    Bytes come back unchanged where the model takes their format and size, and every reader sees the same in them
    (see :func:`mmembed.contents.pictures.is_plain`). Others are turned upright by their EXIF tag, laid on white,
    brought to eight bits, and written as PNG where nothing would be lost and it fits, else as JPEG, shrunk until it
    fits.

    Parameters
    ----------
    data : bytes
        The encoded picture.
    spec : ModelSpec
        Whose formats and size limit hold.
    named : str
        What messages call it.

    Raises
    ------
    ContentError
        If the bytes are no picture, or a damaged one.
    """
    most = math.inf if spec.image_mb is None else spec.image_mb * 1e6
    with decoding_errors(named, "picture"):
        with open_encoded(data, named) as picture:
            name = _WIRE_NAMES.get(picture.format or "", picture.format or "")
            if name in spec.image_formats and len(data) <= most:
                # All bytes of a JPEG are read at an eighth of its size, too, in a fraction of the time.
                picture.draft(None, (1, 1))
                if is_plain(picture):
                    return data, name
        with open_encoded(data, named) as picture:
            return _convert(to_rgb(upright(picture)), name, spec.image_formats, most)


def _convert(picture: Image, name: str, formats: tuple[str, ...], most: float) -> tuple[bytes, str]:
    if "PNG" in formats and name in _LOSSLESS:
        encoded = encode(picture, "PNG")
        if len(encoded) <= most:
            return encoded, "PNG"
    return _shrink(picture, most), "JPEG"


def _shrink(picture: Image, most: float) -> bytes:
    scaled = picture
    scale = 1.0
    for _ in range(_MOST_TRIES):
        encoded = encode(scaled, "JPEG", quality=_JPEG_QUALITY)
        if len(encoded) <= most:
            return encoded
        scale *= min(0.9, math.sqrt(_AIM * most / len(encoded)))
        scaled = shrink(picture, max(1, round(max(picture.size) * scale)))
    raise ContentError("PictureTooLarge", f"The picture cannot be brought below {most:.0f} bytes. Shrink it before.")
