"""Reading ``input.contents``: which things are to be embedded, what identifies each, and what a model refuses."""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .media import address_bytes, check_image, image_bytes
from .protocol import BodyLimits, TokenCount, invalid

if TYPE_CHECKING:
    from .models import Model

# The model card of Qwen3-VL counts a picture by its pixels, in whole patches of 32 × 32, and at most so many; what lies
# behind a URL is charged at one figure, and a video as its sampled frames.
PATCH = 32
MOST_IMAGE_TOKENS = 1_800
IMAGE_TOKENS = 896
VIDEO_SECONDS = 10
VIDEO_FRAMES = 8

_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")

StoredObject = Callable[[str], bytes | None]


@dataclass(frozen=True)
class Part:
    """One text, picture (or list of pictures) or video: its kind, the bytes that identify it, what it is charged."""

    kind: str
    payload: bytes
    tokens: TokenCount


@dataclass(frozen=True)
class Item:
    """What one vector is made of; several parts are fused."""

    kind: str
    parts: tuple[Part, ...]

    @property
    def digest(self) -> bytes:
        """Hash of everything in the content that changes its vector, and of nothing else."""
        hasher = hashlib.blake2b(digest_size=16)
        for part in sorted(self.parts, key=lambda one: (one.kind, one.payload)):
            hasher.update(f"{part.kind}:{len(part.payload)}:".encode())
            hasher.update(part.payload)
        return hasher.digest()

    @property
    def tokens(self) -> TokenCount:
        """What the item is charged for."""
        return sum((part.tokens for part in self.parts), TokenCount())

    @property
    def has_media(self) -> bool:
        """Whether there is a picture or a video in it."""
        return any(part.kind != "text" for part in self.parts)

    @property
    def has_video(self) -> bool:
        """Whether there is a video in it."""
        return any(part.kind == "video" for part in self.parts)


def count_text_tokens(text: str) -> int:
    """Return the tokens of a text: one for 1.5 Chinese characters, a digit or 4 others, at least one."""
    wide, digits = len(_WIDE.findall(text)), sum(map(str.isdecimal, text))
    return max(1, math.ceil(wide / 1.5 + digits + (len(text) - wide - digits) / 4))


def count_image_tokens(payload: bytes) -> int:
    """Return the tokens of a picture's bytes, or of the URL where it lies."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(payload)) as picture:
            width, height = picture.size
    except UnidentifiedImageError:
        return IMAGE_TOKENS
    return min(MOST_IMAGE_TOKENS, max(4, round(width / PATCH) * round(height / PATCH)) + 2)


class ContentReader:
    """Reads contents for one model.

    Parameters
    ----------
    model : Model
        Whose limits to keep.
    region : str
        The server's region; Singapore allows fewer pictures a request.
    parameters : mapping
        The request's parameters; ``fps`` and ``max_video_frames`` change what a video is charged.
    stored : callable
        Gives the bytes of an uploaded ``oss://`` object, or None; used if the request asks for it.
    """

    def __init__(
        self,
        model: Model,
        region: str,
        parameters: Mapping[str, Any],
        body_limits: BodyLimits,
        stored: StoredObject | None,
    ) -> None:
        self._model = model
        self._region = region
        self._body_limits = body_limits
        self._stored = stored
        frames = min(VIDEO_FRAMES, parameters.get("max_video_frames") or VIDEO_FRAMES)
        share = parameters.get("fps", 1.0)
        self._fuses_all = bool(parameters.get("enable_fusion"))
        self._frames = max(1, round(frames * share))

    def read(self, contents: object) -> list[Item]:
        """Return one item for each element, in order.

        Raises
        ------
        Refusal
            For the first element, or the first count, that the model does not allow.
        """
        if not isinstance(contents, list):
            raise invalid("input.contents must be a list.")
        if not contents:
            raise invalid("input.contents is empty.", "BadRequest.EmptyInput")
        most = self._model.contents
        if most is not None and len(contents) > most:
            raise invalid(f"batch size is invalid, it should not be larger than {most}.: input.contents")
        items = [self._item(value, f"input.contents[{index}]") for index, value in enumerate(contents)]
        self._check_counts(items)
        return items

    def _item(self, value: object, where: str) -> Item:
        if isinstance(value, str):
            value = {"text": value}
        if not isinstance(value, dict) or not value:
            raise invalid(f"{where} must be a string or an object like {{'text': '...'}}.")
        if len(value) > 1 and not self._model.fuses_objects:
            raise invalid(f"{where} has several kinds; {self._model.name} does not fuse.")
        if len(value) > 1 and "multi_images" in value:
            raise invalid(f"{where}.multi_images cannot be fused.")
        parts = tuple(self._part(kind, one, f"{where}.{kind}") for kind, one in value.items())
        return Item("vl" if len(parts) > 1 else parts[0].kind, parts)

    def _part(self, kind: str, value: object, where: str) -> Part:
        readers = {"text": self._text, "image": self._image, "video": self._video, "multi_images": self._multi_images}
        reader = readers.get(kind)
        if reader is None:
            raise invalid(f"{where} is not one of text, image, video and multi_images.")
        return reader(value, where)

    def _text(self, value: object, where: str) -> Part:
        if not isinstance(value, str):
            raise invalid(f"{where} must be a string.")
        if not value:
            raise invalid(f"{where} is empty.", "BadRequest.EmptyInput")
        tokens = count_text_tokens(value)
        if tokens > self._model.text_tokens:
            raise invalid(f"{where} has {tokens} tokens; {self._model.name} takes at most {self._model.text_tokens}.")
        return Part("text", value.encode(), TokenCount(text=tokens))

    def _image(self, value: object, where: str) -> Part:
        payload = self._uploaded(value)
        if payload is None:
            payload = image_bytes(value, self._model, where, self._body_limits)
        else:
            check_image(payload, self._model, where)
        return Part("image", payload, TokenCount(media=count_image_tokens(payload), images=1))

    def _video(self, value: object, where: str) -> Part:
        payload = self._uploaded(value)
        if payload is None:
            payload = address_bytes(value, self._model.video_formats, where)
        return Part("video", payload, TokenCount(media=IMAGE_TOKENS * self._frames, video_seconds=VIDEO_SECONDS))

    def _multi_images(self, value: object, where: str) -> Part:
        most = self._model.multi_images
        if not most:
            raise invalid(f"{where}: {self._model.name} does not take multi_images.")
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise invalid(f"{where} must be a list of 1 to {most} pictures.")
        parts = [self._image(one, f"{where}[{index}]") for index, one in enumerate(value)]
        payload = b"".join(f"{len(part.payload)}:".encode() + part.payload for part in parts)
        return Part("multi_images", payload, sum((part.tokens for part in parts), TokenCount()))

    def _uploaded(self, value: object) -> bytes | None:
        if self._stored is None or not isinstance(value, str) or not value.startswith("oss://"):
            return None
        data = self._stored(value.removeprefix("oss://"))
        if data is None:
            raise invalid(f"{value} was not uploaded.", "BadRequest.InputDownloadFailed")
        return data

    def _check_counts(self, items: Sequence[Item]) -> None:
        model = self._model
        pictures = sum(part.tokens.images for item in items for part in item.parts)
        if self._fuses_all and pictures > model.fused_images:
            raise invalid(f"input.contents has {pictures} pictures; {model.name} fuses at most {model.fused_images}.")
        singles = [item for item in items if item.kind != "vl"]
        # "At most one of each kind" counts fused objects as a kind of their own; a cap on pictures counts them all.
        counted = singles if model.fuses_requests else items
        parts = [part for item in counted for part in item.parts]
        limits = {
            "text": (sum(part.kind == "text" for part in parts), model.texts),
            "image": (sum(part.tokens.images for part in parts), model.images_in(self._region)),
            "video": (sum(part.kind == "video" for part in parts), model.videos),
            "fused object": (len(items) - len(singles), model.fused),
        }
        for kind, (found, most) in limits.items():
            if most is not None and found > most:
                raise invalid(f"input.contents has {found} of kind {kind}; {model.name} takes at most {most}.")


def outputs(items: Sequence[Item], model: Model, parameters: Mapping[str, Any]) -> list[Item]:
    """Return what each vector of the answer is made of: the items, all of them fused, or each part by itself."""
    if model.fuses_requests or parameters.get("enable_fusion"):
        return [Item("vl", tuple(part for item in items for part in item.parts))]
    if not model.object_fusion:
        return [Item(part.kind, (part,)) for item in items for part in item.parts]
    return list(items)
