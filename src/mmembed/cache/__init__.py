"""Vectors that were paid for, kept on this machine or shared by several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmembed._lazy import find_when_used

if TYPE_CHECKING:
    from mmembed.cache.local import CacheWarning, VectorCache
    from mmembed.cache.shared import SharedCache
    from mmembed.cache.store import CacheInfo

_WHERE = {
    "CacheInfo": "mmembed.cache.store",
    "CacheWarning": "mmembed.cache.local",
    "SharedCache": "mmembed.cache.shared",
    "VectorCache": "mmembed.cache.local",
}

__all__ = [
    "CacheInfo",
    "CacheWarning",
    "SharedCache",
    "VectorCache",
]


if not TYPE_CHECKING:  # a checker knows the names from the imports above, and would take any other for one
    __getattr__ = find_when_used(__name__, _WHERE)


def __dir__() -> list[str]:
    return sorted(__all__)
