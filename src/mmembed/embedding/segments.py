"""Vectors in immutable files that many writers put side by side: the bytes of one, and how parts of it are read.

A segment is a head of 16 bytes (magic, count n, dimension d), the n keys, and n records of a checksum and d floats. Its
name says n and d, so that a reader asks for the keys alone; what was cut off or damaged is not found.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from mmembed.arrays import FloatMatrix

__all__ = ["KEY_BYTES", "Segment", "key_prefixes", "pack_segment", "read_record", "runs_of"]

KEY_BYTES = 32
_HEAD = struct.Struct("<8sII")
_MAGIC = b"mmembed1"
_CHECKSUM = struct.Struct("<I")
_FLOATS = np.dtype("<f4")
_NAME = re.compile(r"(?P<writer>[0-9a-f]{32})-(?P<number>\d+)-(?P<count>\d+)x(?P<dimension>\d+)\.vectors")


@dataclass(frozen=True, slots=True)
class Segment:
    """What the name of a segment says."""

    name: str
    count: int
    dimension: int

    @classmethod
    def of_name(cls, name: str) -> Segment | None:
        """Return the segment of a file's name, or None for any other file."""
        found = _NAME.fullmatch(name)
        return None if found is None else cls(name, int(found["count"]), int(found["dimension"]))

    @classmethod
    def make(cls, writer: str, number: int, count: int, dimension: int) -> Segment:
        """Return a writer's segment of this number."""
        return cls(f"{writer}-{number}-{count}x{dimension}.vectors", count, dimension)

    @property
    def index_bytes(self) -> int:
        """Where the records begin."""
        return _HEAD.size + self.count * KEY_BYTES

    @property
    def record_bytes(self) -> int:
        """How long each is."""
        return _CHECKSUM.size + self.dimension * _FLOATS.itemsize

    def prefixes(self, index: bytes) -> npt.NDArray[np.uint64] | None:
        """Return the first eight bytes of each key; None if the bytes are not this segment's head and keys."""
        if len(index) < self.index_bytes or _HEAD.unpack_from(index) != (_MAGIC, self.count, self.dimension):
            return None
        keys = np.frombuffer(index, np.uint8, self.count * KEY_BYTES, _HEAD.size).reshape(self.count, KEY_BYTES)
        return key_prefixes(keys)

    def range_of(self, first: int, last: int) -> tuple[int, int]:
        """Return from and to which byte the records ``first`` to ``last`` lie."""
        return self.index_bytes + first * self.record_bytes, self.index_bytes + (last + 1) * self.record_bytes


def key_prefixes(keys: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Return the first eight bytes of each row of keys as a number."""
    return np.ascontiguousarray(keys[:, :8]).view("<u8")[:, 0]


def pack_segment(keys: Sequence[bytes], rows: FloatMatrix) -> bytes:
    """Return the bytes of a segment."""
    parts: list[bytes] = [_HEAD.pack(_MAGIC, len(keys), rows.shape[1]), *keys]
    for key, row in zip(keys, np.ascontiguousarray(rows, _FLOATS), strict=True):
        data = row.tobytes()
        parts += [_CHECKSUM.pack(_checksum(key, data)), data]
    return b"".join(parts)


def read_record(data: bytes, start: int, key: bytes, dimension: int) -> npt.NDArray[np.float32] | None:
    """Return the vector that begins at ``start``, or None if it is cut off, damaged or another key's."""
    floats = data[start + _CHECKSUM.size : start + _CHECKSUM.size + dimension * _FLOATS.itemsize]
    if len(floats) < dimension * _FLOATS.itemsize:
        return None
    if _CHECKSUM.unpack_from(data, start)[0] != _checksum(key, floats):
        return None
    vector = np.frombuffer(floats, _FLOATS)
    return vector if np.isfinite(vector).all() else None


def runs_of(rows: Iterable[int], gap: int = 8) -> list[tuple[int, int]]:
    """Return ascending rows as runs from first to last; small gaps are read along.

    Examples
    --------
    >>> runs_of([1, 2, 5, 40])
    [(1, 5), (40, 40)]
    """
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and row - runs[-1][1] <= gap:
            runs[-1] = (runs[-1][0], row)
        else:
            runs.append((row, row))
    return runs


def _checksum(key: bytes, data: bytes) -> int:
    """Return a checksum that ties a vector to its key."""
    return zlib.crc32(data, zlib.crc32(key))
