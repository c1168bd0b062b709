"""The key under which a vector is cached: all that changes the vector, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["content_key", "content_keys"]

_DOMAIN = b"mmembed-vector-1"  # a change of what a key covers gets the next number: no old vector is then found


def content_key(digest: bytes, *, space: str, options: Mapping[str, Any]) -> bytes:
    """Return the 32-byte key of one content under one model with its options.

    Parameters
    ----------
    digest : bytes
        Hash of the content itself, kind included.
    space : str
        The space (model) of the vector.
    options : mapping of str to JSON value
        Whatever else changes the vector. An option that is None counts as left out, ``1`` and ``1.0`` are the same,
        and the order does not matter.

    Raises
    ------
    TypeError
        If an option is not a JSON value or its name not a string.
    ValueError
        If an option is NaN or infinite.

    Examples
    --------
    >>> one = content_key(b"digest", space="m", options={"dimension": 64, "fps": 1.0})
    >>> one == content_key(b"digest", space="m", options={"fps": 1, "dimension": 64, "instruct": None})
    True
    >>> one == content_key(b"digest", space="m", options={"dimension": 128, "fps": 1.0})
    False
    """
    return content_keys([digest], space=space, options=options)[0]


def content_keys(digests: Sequence[bytes], *, space: str, options: Mapping[str, Any]) -> list[bytes]:
    """Return the key of each content; the same as ``content_key`` for each, with the options hashed once."""
    given = {name: value for name, value in options.items() if value is not None}
    described = json.dumps(_to_canonical(given), sort_keys=True, separators=(",", ":"), allow_nan=False)
    start = hashlib.blake2b(digest_size=32, person=_DOMAIN)
    for part in (space.encode(), described.encode()):
        start.update(_prefix_length(part))
    keys = []
    for digest in digests:
        hasher = start.copy()
        hasher.update(_prefix_length(digest))
        keys.append(hasher.digest())
    return keys


def _prefix_length(part: bytes) -> bytes:
    """Put the length in front, so that no two sequences of parts have the same bytes."""
    return len(part).to_bytes(8, "big") + part


def _to_canonical(value: object) -> object:
    """Return the value as JSON would read it back, with one form for each number."""
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                # JSON would write 1 and "1" alike, and two options would share a key.
                raise TypeError(f"Option name {name!r} is a {type(name).__name__}; names of options are strings.")
        return {name: _to_canonical(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_to_canonical(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
