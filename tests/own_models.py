"""A stand-in for a model of one's own: colours in texts and pictures, in one space of three numbers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmembed.providers.models import OWN_MODELS

WORDS = (("red", "红"), ("green", "绿"), ("blue", "蓝"))


@dataclass
class ColourEncoder:
    """Says how red, green and blue a text or a picture is; ``tilt`` stands for its weights.

    It follows sentence-transformers 5.4: mappings are taken, ``modalities`` and ``supports`` say what, and a
    string that ends like a picture's name is opened as a file.
    """

    name: str = "colours"
    modalities: tuple[str, ...] = ("text", "image", "message")
    tilt: float = 0.0
    calls: list[list[Any]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def supports(self, modality: str) -> bool:
        return modality in self.modalities

    def get_embedding_dimension(self) -> int:
        return 3

    def encode(  # noqa: PLR0917  the signature of sentence-transformers
        self,
        inputs: list[Any],
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        output_value: str | None = "sentence_embedding",
        precision: str = "float32",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Any = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        **kwargs: Any,
    ) -> np.ndarray:
        del prompt, output_value, precision, convert_to_tensor, device, normalize_embeddings, truncate_dim, kwargs
        assert batch_size >= len(inputs)
        assert not show_progress_bar
        assert convert_to_numpy
        with self.lock:
            self.calls.append([prompt_name, *inputs])
        return np.stack([self._one(one) for one in inputs])

    def encode_query(self, inputs: list[Any], **settings: Any) -> np.ndarray:
        return self.encode(inputs, prompt_name="query", **settings)

    def encode_document(self, inputs: list[Any], **settings: Any) -> np.ndarray:
        return self.encode(inputs, prompt_name="document", **settings)

    def _one(self, given: Any) -> np.ndarray:
        if isinstance(given, dict):
            return np.mean([self._text(v) if k == "text" else self._picture(v) for k, v in given.items()], axis=0)
        if isinstance(given, str):
            if given.endswith((".png", ".jpg")) and "image" in self.modalities:
                raise AssertionError(f"{given!r} was opened as a file")
            return self._text(given)
        return self._picture(given)

    def _text(self, text: str) -> np.ndarray:
        return np.array([0.1 + self.tilt * place + sum(w in text for w in each) for place, each in enumerate(WORDS)])

    def _picture(self, picture: Any) -> np.ndarray:
        return 0.1 + self.tilt * np.arange(3) + np.asarray(picture.convert("RGB").resize((1, 1)))[0, 0] / 255


@contextmanager
def own_models_forgotten() -> Iterator[None]:
    """Begin with no model of one's own, and leave the registry as it was."""
    before = dict(OWN_MODELS)
    OWN_MODELS.clear()
    try:
        yield
    finally:
        OWN_MODELS.clear()
        OWN_MODELS.update(before)
