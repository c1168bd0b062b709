"""The local model with its weights: contents in, vectors out.

This module owns loading (each half once a process, when first needed) and how parts become one vector. A picture's
vector is the convex combination of class vectors (ConSE: "Zero-Shot Learning by Convex Combination of Semantic
Embeddings", Norouzi et al. 2013): a photograph that looks eight parts tabby and two parts fox lies at that point
between the texts "tabby" and "fox". ``scripts/build_class_table.py`` makes the table of classes; README.md beside it
tells its origin and licences.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from mmembed.contents.clips import load_frames
from mmembed.contents.content import Content, ContentKind
from mmembed.contents.media import Media
from mmembed.contents.pictures import open_picture
from mmembed.errors import ContentError
from mmembed.providers.local.classes import (
    CLASSES_IN_MIXTURE,
    ClassTable,
    load_class_table,
    mix_classes,
    normalised,
    softmax,
)
from mmembed.providers.local.colours import Ground, look_at_ground
from mmembed.providers.local.concepts import ConceptTable, load_concept_table, mix_concepts
from mmembed.providers.local.network import RESOLUTION, EfficientNetLite, to_views
from mmembed.providers.local.text import DIMENSION, TextEncoder, check_text
from mmembed.providers.local.weights import load_efficientnet_tensors
from mmembed.providers.protocol import Answer

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "CLASSES_IN_MIXTURE",
    "DIMENSION",
    "ClassTable",
    "LocalModel",
    "load_class_table",
    "mix_classes",
    "normalised",
    "shared_model",
    "softmax",
]

Vector = npt.NDArray[np.float32]

Outcome = Vector | ContentError

T = TypeVar("T")

# How much the drawings add to the classes on a plain ground. Found, like the numbers below, on development sets; what
# scripts/build_concept_table.py was not taught with and what was kept aside is told in docs/models/local.md.
_DRAWINGS = 0.8

# How much the colours add: a little in a scene, more on a plain ground.
_COLOURS_IN_SCENE, _COLOURS_ON_PLAIN = 0.05, 0.15

# The classes are told apart less sharply on a plain ground, where the classifier is surer than it should be.
_WARMTH = 0.4

# A class that is surer than this needs half the help of drawings, in full from the second number on.
_SURE_FROM, _SURE_OVER, _SURE_SHARE = 0.5, 0.4, 0.5


class _Seen(NamedTuple):
    """A picture before the network: its views, shape (v, 224, 224, 3), and its ground."""

    views: npt.NDArray[np.float32]
    ground: Ground


class LocalModel:
    """Text encoder, picture classifier, classes and concepts; a session of the local provider.

    Texts and pictures load apart, so that a table of texts does not wait for the classifier. Safe to share between
    threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @cached_property
    def _texts(self) -> TextEncoder:
        return TextEncoder()

    @cached_property
    def _pictures(self) -> tuple[EfficientNetLite, ClassTable, ConceptTable]:
        return EfficientNetLite(load_efficientnet_tensors()), load_class_table(), load_concept_table()

    def embed(self, batch: Sequence[Content]) -> Answer:
        """Embed contents of any kinds; one that cannot be read fails alone.

        Raises
        ------
        MissingExtraError
            If a package that the batch needs is not installed.
        """
        matrix = np.full((len(batch), DIMENSION), np.nan, np.float32)
        failures = {}
        for row, outcome in enumerate(self._embed_all(batch)):
            if isinstance(outcome, ContentError):
                failures[row] = outcome
            else:
                matrix[row] = outcome
        return Answer(matrix, failures)

    @property
    def throttled(self) -> bool:
        """Never: there is nobody to say so."""
        return False

    def stop(self) -> None:
        """Do nothing: a batch takes a moment, and there is nobody to wait for."""

    def _embed_all(self, contents: Sequence[Content]) -> list[Outcome]:
        """Return a vector of length 1 or the reason why there is none, for each content."""
        together: dict[ContentKind, Callable[[Sequence[Content]], list[Outcome]]] = {
            "text": self._embed_texts,
            "image": self._embed_pictures,
            "video": self._embed_clips,
            "multi_images": self._embed_parts,
            "fused": self._embed_parts,
        }
        outcomes: dict[int, Outcome] = {}
        for kind, embed in together.items():
            rows = [row for row, content in enumerate(contents) if content.kind == kind]
            if rows:
                outcomes.update(zip(rows, embed([contents[row] for row in rows]), strict=True))
        return [outcomes[row] for row in range(len(contents))]

    def _embed_texts(self, contents: Sequence[Content]) -> list[Outcome]:
        texts, failures = _attempt(lambda content: check_text(content.text), contents)
        with self._lock:
            encoder = self._texts
        return _put_back(list(encoder.encode(texts)) if texts else [], failures, len(contents))

    def _embed_pictures(self, contents: Sequence[Content]) -> list[Outcome]:
        # A JPEG is decoded at the least size that still has twice the network's resolution.
        seen, failures = _attempt(
            lambda content: _look(open_picture(_media_of(content), at_least=2 * RESOLUTION)), contents
        )
        return _put_back(list(self._see(seen)), failures, len(contents))

    def _embed_clips(self, contents: Sequence[Content]) -> list[Outcome]:
        clips, failures = _attempt(
            lambda content: [_look(frame) for frame in load_frames(_media_of(content))], contents
        )
        return _put_back([_mean(self._see(frames)) for frames in clips], failures, len(contents))

    def _embed_parts(self, contents: Sequence[Content]) -> list[Outcome]:
        parts = [part for content in contents for part in content.parts]
        of_parts = iter(self._embed_all(parts))
        return [_join_parts([next(of_parts) for _ in content.parts]) for content in contents]

    def _see(self, pictures: Sequence[_Seen]) -> npt.NDArray[np.float32]:
        """Return the vectors of pictures, shape (n, 512)."""
        if not pictures:
            return np.empty((0, DIMENSION), np.float32)
        with self._lock:
            network, classes, concepts = self._pictures
        features = network.features(np.concatenate([seen.views for seen in pictures]))
        starts = np.cumsum([0, *(len(seen.views) for seen in pictures[:-1])])
        view_counts = np.array([[len(seen.views)] for seen in pictures], np.float32)
        features = np.asarray(np.add.reduceat(features, starts, axis=0) / view_counts, np.float32)
        scores = network.classify(features)
        surest = softmax(scores).max(axis=1, keepdims=True)
        plain = np.array([[seen.ground.plainness] for seen in pictures], np.float32)
        plain *= 1 - _SURE_SHARE * np.clip((surest - _SURE_FROM) / _SURE_OVER, 0, 1)
        mixed = mix_classes((scores - plain * concepts.bias) / (1 + _WARMTH * plain), classes.vectors)
        mixed += _DRAWINGS * plain * mix_concepts(features, concepts)
        colours = np.stack([seen.ground.colours for seen in pictures]) @ concepts.colours
        mixed += (_COLOURS_IN_SCENE + (_COLOURS_ON_PLAIN - _COLOURS_IN_SCENE) * plain) * colours
        return normalised(mixed)


def _look(image: Image) -> _Seen:
    return _Seen(to_views(image), look_at_ground(image))


def _media_of(content: Content) -> Media:
    if content.media is None:
        raise ContentError("NoMedia", f"A content of kind {content.kind!r} has no media; expected a file or bytes.")
    return content.media


def _attempt(read: Callable[[Content], T], contents: Sequence[Content]) -> tuple[list[T], dict[int, ContentError]]:
    """Return what was read, and by row why something was not."""
    values, failures = [], {}
    for row, content in enumerate(contents):
        try:
            values.append(read(content))
        except ContentError as error:
            failures[row] = error
    return values, failures


def _put_back(vectors: Sequence[Vector], failures: dict[int, ContentError], count: int) -> list[Outcome]:
    following = iter(vectors)
    return [failures[row] if row in failures else next(following) for row in range(count)]


def _join_parts(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the mean direction of the parts; a content with a part that failed fails for the same reason."""
    if not outcomes:
        return ContentError(
            "NoParts", "The content has no parts; expected at least one. Leave the cell missing instead."
        )
    vectors = []
    for outcome in outcomes:
        if isinstance(outcome, ContentError):
            return outcome
        vectors.append(outcome)
    return _mean(np.stack(vectors))


def _mean(vectors: npt.NDArray[np.float32]) -> Vector:
    return normalised(vectors.mean(axis=0))


_shared: list[LocalModel] = []

_shared_lock = threading.Lock()


def shared_model() -> LocalModel:
    """Return the one model of the process, so that its 100 MB are in memory once."""
    with _shared_lock:
        if not _shared:
            _shared.append(LocalModel())
        return _shared[0]
