"""The hash of what is embedded: equal contents have equal ones, and a vector is kept under it."""

from __future__ import annotations

import functools
import hashlib

__all__ = ["digest_of"]


def digest_of(kind: str, *pieces: bytes) -> bytes:
    """Hash pieces so that no two lists of pieces run together."""
    digest = _begun(kind).copy()
    for piece in pieces:
        digest.update(len(piece).to_bytes(8, "little"))
        digest.update(piece)
    return digest.digest()


@functools.cache
def _begun(kind: str) -> hashlib.blake2b:
    """Return the hash of the kind alone, to be copied: making one anew for each text takes twice as long."""
    digest = hashlib.blake2b(digest_size=32, person=b"mmembed.content")
    digest.update(len(kind.encode()).to_bytes(8, "little"))
    digest.update(kind.encode())
    return digest
