"""Vectors that are a function of what the service was asked, so that a test can say which one belongs to which row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .contents import Item


def vector_key(item: Item, model: str, dimension: int, parameters: Mapping[str, Any]) -> bytes:
    """Return a hash of all that changes an item's vector: content, model, dimension, and the options that reach it.

    ``instruct`` reaches every content, ``res_level`` those with pictures or videos, ``fps`` and ``max_video_frames``
    those with videos.
    """
    reaching = {"instruct": parameters.get("instruct", "")}
    if item.has_media:
        reaching["res_level"] = parameters.get("res_level", 1)
    if item.has_video:
        # 1 and 1.0 are the same share.
        reaching["fps"] = float(parameters.get("fps", 1.0))
        reaching["max_video_frames"] = parameters.get("max_video_frames", 8)
    seed = f"{model}\0{dimension}\0{sorted(reaching.items())}\0".encode() + item.digest
    return hashlib.blake2b(seed, digest_size=16).digest()


def make_vector(key: bytes, dimension: int) -> list[float]:
    """Return a vector of length 1 (to 1e-4), with seven decimals, the same one for the same key on every machine."""
    noise = np.frombuffer(hashlib.shake_256(key).digest(2 * dimension), dtype="<i2").astype(np.float64) + 0.5
    values: list[float] = np.round(noise / np.sqrt(noise @ noise), 7).tolist()
    return values
