"""The local model with its weights: texts and pictures in, vectors out.

This module owns loading: each half once a process, when first needed.

The class table: what each of the thousand ImageNet classes means, as a vector in the space of the texts.

``scripts/build_class_table.py`` makes it; README.md beside it tells its origin and licences.

From class scores to a vector: the convex combination of class vectors.

ConSE, "Zero-Shot Learning by Convex Combination of Semantic Embeddings" (Norouzi et al. 2013): a photograph that looks
eight parts tabby and two parts fox lies at that point between the texts "tabby" and "fox".
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from mmembed.providers.callable_session import Calls
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
    """Text encoder, picture classifier, classes and concepts, as the callables of a session.

    Texts and pictures load apart, so that a table of texts does not wait for the classifier. Safe to share between
    threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @property
    def calls(self) -> Calls:
        """What turns contents into vectors of length 1."""
        # A JPEG is decoded at the least size that still has twice the network's resolution.
        return Calls(
            name="local",
            dimension=DIMENSION,
            text=self._encode,
            image=self._see,
            look=_look,
            picture_side=2 * RESOLUTION,
        )

    @cached_property
    def _texts(self) -> TextEncoder:
        return TextEncoder()

    @cached_property
    def _pictures(self) -> tuple[EfficientNetLite, ClassTable, ConceptTable]:
        return EfficientNetLite(load_efficientnet_tensors()), load_class_table(), load_concept_table()

    def _encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return the vectors of texts, shape (n, 512)."""
        checked = [check_text(text) for text in texts]
        with self._lock:
            encoder = self._texts
        return encoder.encode(checked)

    def _see(self, pictures: Sequence[_Seen]) -> npt.NDArray[np.float32]:
        """Return the vectors of pictures, shape (n, 512)."""
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


_shared: list[LocalModel] = []

_shared_lock = threading.Lock()


def shared_model() -> LocalModel:
    """Return the one model of the process, so that its 100 MB are in memory once."""
    with _shared_lock:
        if not _shared:
            _shared.append(LocalModel())
        return _shared[0]
