"""From contents to the objects of ``input.contents``, made anew for each request; refuses what the API cannot take."""

from __future__ import annotations

from typing import Any

from mmembed.embedding.estimating import estimate_text
from mmembed.embedding.models import MODELS, ModelSpec
from mmembed.embedding.pictures_for_api import picture_value
from mmembed.errors import ContentError, listed
from mmembed.providers.protocol import Content


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
        raise ContentError(
            "LocalVideo",
            f"Model {spec.name!r} takes videos by URL only, and this one is on this machine. Put it where a public "
            f"URL reaches it, or embed its frames with Embedder(video_frames=8) (models {listed(lists)}), "
            "or use model='local'.",
        )
    return leaf.media.url


def _text(text: str, spec: ModelSpec) -> str:
    most = spec.text_tokens
    # The high estimate is never above the number of characters, so most texts pass without counting.
    if most is None or len(text) <= most:
        return text
    estimate = estimate_text(text)
    # Between the low and the high estimate only the service knows; it refuses the text if it must.
    if estimate.low <= most:
        return text
    raise ContentError(
        "TextTooLong",
        f"A text of {len(text)} characters is about {estimate.likely} tokens; model {spec.name!r} takes {most}. "
        "Shorten or split it, or cut it with truncate=True.",
    )
