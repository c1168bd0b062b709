"""Which contents the cache has: the key of each, and the keys that earlier versions kept them under."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.cache.keys import content_keys
from mmembed.providers.protocol import OptionsByKind

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix
    from mmembed.cache.shared import Cache
    from mmembed.contents.content import Content, ContentKind
    from mmembed.providers.protocol import Provider

_OF_VIDEOS_ONLY = frozenset({"fps", "max_video_frames"})  # options that change no vector of a text or a picture


def keys_of(contents: Sequence[Content], provider: Provider) -> list[bytes]:
    """Return the key of each content; an option that says how videos are sampled is in the keys of videos only."""
    if isinstance(provider, OptionsByKind):
        return _keys_by_kind(contents, provider, provider.options_of)
    keys = _keys(contents, provider)
    still = [place for place, content in enumerate(contents) if not _holds_video(content)]
    if still and _OF_VIDEOS_ONLY & set(provider.options):
        options = {name: value for name, value in provider.options.items() if name not in _OF_VIDEOS_ONLY}
        digests = [contents[place].digest for place in still]
        for place, key in zip(still, content_keys(digests, space=provider.space, options=options), strict=True):
            keys[place] = key
    return keys


def look_up(
    contents: Sequence[Content], keys: Sequence[bytes], provider: Provider, cache: Cache | None
) -> tuple[FloatMatrix, npt.NDArray[np.bool_]]:
    """Return the vectors that the cache has, also under the keys of version 0.1, which held all options.

    Returns
    -------
    matrix : numpy.ndarray, shape (n, d), float32
        Rows that were not found are NaN.
    found : numpy.ndarray, shape (n,), bool
    """
    if cache is None:
        return np.full((len(keys), provider.dimension), np.nan, np.float32), np.zeros(len(keys), np.bool_)
    matrix, found = cache.lookup(keys, provider.dimension)
    if not found.all() and _OF_VIDEOS_ONLY & set(provider.options):
        missing = [place for place in np.flatnonzero(~found).tolist() if not _holds_video(contents[place])]
        earlier, is_earlier = cache.lookup(_keys([contents[one] for one in missing], provider), provider.dimension)
        places = np.array(missing, np.intp)[is_earlier]
        matrix[places], found[places] = earlier[is_earlier], True
    return matrix, found


def _keys(contents: Sequence[Content], provider: Provider) -> list[bytes]:
    return content_keys([content.digest for content in contents], space=provider.space, options=provider.options)


def _keys_by_kind(
    contents: Sequence[Content], provider: Provider, options_of: Callable[[ContentKind], Mapping[str, Any]]
) -> list[bytes]:
    keys = [b""] * len(contents)
    for kind in dict.fromkeys(content.kind for content in contents):
        places = [place for place, content in enumerate(contents) if content.kind == kind]
        digests = [contents[place].digest for place in places]
        found = content_keys(digests, space=provider.space, options=options_of(kind))
        for place, key in zip(places, found, strict=True):
            keys[place] = key
    return keys


def _holds_video(content: Content) -> bool:
    return any(leaf.kind == "video" for leaf in content.leaves)
