"""A model of one's own as a provider: batches, sessions, and what its cached vectors are kept under.

Weights may change under one name. So the model is asked for the vector of a fixed text or picture before each run, and
what it says is compared with what the cache remembers of this name and version: other weights, other keys.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.cache.keys import content_key
from mmembed.contents.clips import FRAMES_PER_CLIP
from mmembed.contents.content import Content, ContentKind, content_of_text, read_content
from mmembed.contents.media import digest_of
from mmembed.errors import ModelError
from mmembed.providers.callable_session import (
    CallableSession,
    Calls,
    Counted,
    Embed,
    as_matrix,
    batches_of_kinds,
    unit,
)
from mmembed.providers.costs import TokenEstimate, estimate_all, price_tokens

if TYPE_CHECKING:
    from mmembed.cache.shared import Cache
    from mmembed.providers.custom import CustomModel

_TEXT = "A red bicycle leans on a white wall by the sea. 海边的白墙旁停着一辆红色自行车。"

# Vectors of the fixed contents that are less alike come from other weights; a batch of another size, or another
# machine, changes far less.
_SAME = 1 - 1e-4

_MOST_WEIGHTS = 1_000


@dataclass(frozen=True)
class CustomProvider:
    """One model of one's own with its settings; implements :class:`mmembed.providers.protocol.Provider`.

    Parameters
    ----------
    model : CustomModel
        The model.
    dimension : int
        Length of the vectors: the model's own, or one that they may be cut to.
    workers : int
        How many calls run at once.
    cache : callable
        Returns the cache that remembers the weights, or None.
    is_plan : bool
        Whether the model is not to be asked: the weights are then those that the cache saw last.
    """

    model: CustomModel
    dimension: int
    workers: int
    cache: Callable[[], Cache | None] = field(repr=False)
    is_plan: bool = False

    @property
    def space(self) -> str:
        """The model's name."""
        return self.model.name

    @property
    def kinds(self) -> frozenset[ContentKind]:
        """The content kinds that the model embeds."""
        return self.model.kinds

    @cached_property
    def options(self) -> Mapping[str, Any]:
        """What changes a vector besides the content: version, weights, what it is for."""
        return {
            "model": self.model.name,
            "version": self.model.version,
            "role": self.model.role,
            "cut": None if self.dimension == self.model.dimension else self.dimension,
            "frames": FRAMES_PER_CLIP,
            "picture_side": self.model.picture_side,
        }

    def options_of(self, kind: ContentKind) -> Mapping[str, Any]:
        """Return the options with what stands for the weights that contents of this kind rest on."""
        return {**self.options, "weights": " ".join(self._weights(probe) for probe in self._probes_of(kind))}

    def _probes_of(self, kind: ContentKind) -> list[ContentKind]:
        """Return which fixed contents tell the weights of a kind."""
        if kind in {"text", "image"}:
            return [kind] if kind in self.model.kinds else []
        if kind == "video" and self.model.video is not None:
            return ["video"]
        wanted: list[ContentKind] = ["text", "image"] if kind == "fused" else ["image"]
        return [one for one in wanted if one in self.model.kinds]

    @property
    def threads(self) -> int:
        """One more than workers: pictures of the next batch are opened while the model works."""
        return self.workers + 1

    def plan(self, contents: Sequence[Content]) -> list[list[int]]:
        """Return batches of positions in ``contents``: each of one kind, in order, one or few calls each."""
        size = self.model.batch_size
        by_frames = max(1, size // FRAMES_PER_CLIP)
        per_kind = {"video": size if self.model.video else by_frames, "multi_images": by_frames}
        return batches_of_kinds(contents, lambda kind: per_kind.get(kind, size))

    @contextmanager
    def session(self) -> Iterator[CallableSession]:
        """Open what the model needs, such as connections to its server, and release it at the end."""
        with self.model.opened(self.workers) as calls:
            cut = self.dimension if self.dimension < calls.dimension else None
            session = CallableSession(calls if cut is None else _cut(calls, cut), charge=self._charge)
            try:
                yield session
            finally:
                session.stop()

    def _charge(self, contents: Sequence[Content], counted: int) -> tuple[int, float]:
        spec = self.model.spec
        if not (spec.text_price or counted):
            return 0, 0.0
        if counted:
            return counted, counted * spec.text_price / 1000
        text, media = estimate_all(contents, spec)[:, :, 1].sum(axis=0).tolist()
        priced = price_tokens(TokenEstimate(text, text, text), TokenEstimate(media, media, media), spec)
        return text + media, priced.likely

    def _weights(self, kind: ContentKind) -> str:
        """Return a hash of the vector that the cache first saw of a fixed content, for as long as it is the same."""
        if kind not in self._known_weights:
            cache = self.cache()
            if cache is None:
                self._known_weights[kind] = ""
            elif self.is_plan:
                self._known_weights[kind] = self._last_weights(cache, kind)
            else:
                self._known_weights[kind] = self._remembered(cache, kind, self._probe(kind))
        return self._known_weights[kind]

    @cached_property
    def _known_weights(self) -> dict[str, str]:
        return {}

    def _probe(self, kind: ContentKind) -> npt.NDArray[np.float32]:
        with self.model.opened(self.workers) as calls:
            answer = CallableSession(calls).embed([_FIXED[kind]()])
        for error in answer.failures.values():
            raise ModelError(
                f"Model {self.model.name!r} gave no vector for a fixed {kind}, which tells its weights: {error}"
            ) from error.__cause__
        return np.asarray(answer.matrix[0], np.float32)

    def _remembered(self, cache: Cache, kind: str, vector: npt.NDArray[np.float32]) -> str:
        for number in range(_MOST_WEIGHTS):
            key = self._key(kind, number)
            known = _lookup(cache, key, len(vector))
            if known is None:
                cache.store([key], vector[None])
                return _hash_of(_lookup(cache, key, len(vector)), vector)
            if float(unit(known) @ unit(vector)) >= _SAME or np.array_equal(known, vector):
                return _hash_of(known, vector)
        return _hash_of(None, vector)

    def _last_weights(self, cache: Cache, kind: str) -> str:
        last = None
        for number in range(_MOST_WEIGHTS):
            known = _lookup(cache, self._key(kind, number), self.model.dimension)
            if known is None:
                break
            last = known
        return "" if last is None else _hash_of(last, last)

    def _key(self, kind: str, number: int) -> bytes:
        digest = digest_of("weights", kind.encode(), str(number).encode())
        options = {"version": self.model.version, "role": self.model.role, "dimension": self.model.dimension}
        return content_key(digest, space=self.model.name, options=options)


def _lookup(cache: Cache, key: bytes, dimension: int) -> npt.NDArray[np.float32] | None:
    matrix, found = cache.lookup([key], dimension)
    return matrix[0] if found[0] else None


def _hash_of(stored: npt.NDArray[np.float32] | None, vector: npt.NDArray[np.float32]) -> str:
    held = vector if stored is None else stored
    return hashlib.blake2b(np.ascontiguousarray(held).tobytes(), digest_size=12).hexdigest()


def _fixed_picture() -> Content:
    """Return a picture that never changes: two gradients and a square."""
    rows, columns = np.mgrid[0:64, 0:64]
    pixels = np.stack([rows * 4, columns * 4, np.where((rows // 16 + columns // 16) % 2, 255, 0)], axis=-1)
    content = read_content(pixels.astype(np.uint8), "image")
    assert isinstance(content, Content)  # noqa: S101 - an array is a picture
    return content


def _fixed_clip() -> Content:
    """Return an animation of two pictures."""
    import io

    from PIL import Image

    out = io.BytesIO()
    first, second = (Image.new("RGB", (32, 32), colour) for colour in ("red", "blue"))
    first.save(out, "PNG", save_all=True, append_images=[second], duration=100)
    content = read_content(out.getvalue(), "video")
    assert isinstance(content, Content)  # noqa: S101 - bytes are a clip
    return content


_FIXED: Mapping[str, Callable[[], Content]] = {
    "text": lambda: content_of_text(_TEXT),
    "image": _fixed_picture,
    "video": _fixed_clip,
}


def _cut(calls: Calls, dimension: int) -> Calls:
    """Return calls whose vectors are cut to their first numbers, and then of length 1."""

    def cut_or_none(call: Embed | None) -> Embed | None:
        return None if call is None else functools.partial(_call_and_cut, call, calls.dimension, dimension)

    return replace(
        calls,
        dimension=dimension,
        text=cut_or_none(calls.text),
        image=cut_or_none(calls.image),
        video=cut_or_none(calls.video),
        fused=cut_or_none(calls.fused),
    )


def _call_and_cut(call: Embed, full: int, dimension: int, values: list[Any]) -> Any:
    given = call(values)
    held, tokens = (given.matrix, given.tokens) if isinstance(given, Counted) else (given, 0)
    matrix = as_matrix(held)
    if matrix.ndim != 2 or matrix.shape[1] != full:
        return matrix  # the session says what is wrong with it
    return Counted(unit(matrix[:, :dimension]), tokens)
