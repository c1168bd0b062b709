"""The embedded default, ``model="local"``: texts, photographs and clips in one space, without a key or a network."""

from mmembed.providers.local.provider import LocalProvider

__all__ = ["LocalProvider"]
