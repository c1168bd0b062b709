"""Vectors that are a function of what the service was asked, so that a test can say which one belongs to which row."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .contents import Item

# Each number is a whole number of these steps, so that few texts of numbers are ever needed.
STEPS = 1 << 15


def vector_key(item: Item, model: str, dimension: int, parameters: Mapping[str, Any]) -> bytes:
    """Return a hash of all that changes an item's vector: content, model, dimension, and the options that reach it.

    ``instruct`` and ``text_type`` reach every content, ``res_level`` those with pictures or videos, ``fps`` and
    ``max_video_frames`` those with videos.
    """
    reaching = {"instruct": parameters.get("instruct", "")}
    if parameters.get("text_type", "document") != "document":
        reaching["text_type"] = parameters["text_type"]
    if item.has_media:
        reaching["res_level"] = parameters.get("res_level", 1)
    if item.has_video:
        # 1 and 1.0 are the same share.
        reaching["fps"] = float(parameters.get("fps", 1.0))
        reaching["max_video_frames"] = parameters.get("max_video_frames", 8)
    seed = f"{model}\0{dimension}\0{sorted(reaching.items())}\0".encode() + item.digest
    return hashlib.blake2b(seed, digest_size=16).digest()


def make_vector(key: bytes, dimension: int) -> list[float]:
    """Return a vector of length 1 (to 1e-4), the same for the same key everywhere; float32 holds it exactly."""
    values: list[float] = (_steps(key, dimension) / STEPS).tolist()
    return values


def vector_text(key: bytes, dimension: int) -> str:
    """Return ``make_vector`` as JSON, five times as fast as a JSON encoder: it shares the machine with its client."""
    return f"[{','.join(map(_step_texts().__getitem__, _steps(key, dimension).tolist()))}]"


def _steps(key: bytes, dimension: int) -> npt.NDArray[np.int64]:
    noise = np.frombuffer(hashlib.shake_256(key).digest(2 * dimension), dtype="<i2").astype(np.float64) + 0.5
    return np.rint(noise / np.sqrt(noise @ noise) * STEPS).astype(np.int64)


@functools.cache
def _step_texts() -> list[str]:
    # Negative steps are found from the end of the list, as Python counts.
    return [repr(step / STEPS) for step in (*range(STEPS + 1), *range(-STEPS, 0))]
