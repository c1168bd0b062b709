"""The embedded default, ``model="local"``: texts, photographs and clips in one space, without a key or a network."""

from mmembed.providers.local.provider import LOCAL_MODEL, LocalProvider

__all__ = ["LOCAL_MODEL", "LocalProvider"]
