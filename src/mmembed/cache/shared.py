"""A cache that several machines write at once, on a file system or an object store that all of them see.

Nothing is locked and nothing is changed: each writer adds immutable files (segments) of its own, and readers list what
is there. A segment is a head of 16 bytes (magic, count n, dimension d), the n keys of 16 bytes, and n records of a
checksum and d floats. Its name says n and d, so that a reader asks for the keys alone and finds them by bisection; a
segment that was cut off or damaged is not found.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import struct
import threading
import time
import uuid
import warnings
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed._forks import ForkAware
from mmembed._optional import import_optional
from mmembed.arrays import FloatMatrix
from mmembed.cache.claims import ClaimBook
from mmembed.cache.local import CacheWarning, VectorCache
from mmembed.errors import VectorError

__all__ = [
    "KEY_BYTES",
    "Cache",
    "Segment",
    "SegmentIndex",
    "SharedCache",
    "key_prefixes",
    "pack_segment",
    "read_record",
    "runs_of",
]

_FOLDER = "vectors-1"  # a layout that older versions cannot read gets the next number

_MOST_SMALL = 256  # files of one answer each, before they become one

_MOST_BYTES = 32 * 2**20


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


_Written = tuple[Segment, list[bytes], FloatMatrix]


class SharedCache(ForkAware):
    """Vectors on storage that several machines see, each under the key of its content.

    Parameters
    ----------
    address : str
        A folder as fsspec knows it: ``"s3://bucket/vectors"``, ``"gs://…"``, ``"file:///mnt/team/vectors"``.
    storage_options : mapping, optional
        Options of the file system; shown nowhere. They travel to the workers of a cluster with the object.
    listing_seconds : float
        What others have stored is looked for at most so often.

    Notes
    -----
    Every answer of the service becomes a file at once, so that a machine that dies loses none; a writer joins its small
    files, so that listing stays cheap: one file for some 32 MB. Each process keeps 16 bytes for each vector there is.
    On storage that fails the run goes on without it, with one ``CacheWarning``.

    Examples
    --------
    >>> cache = SharedCache("memory://example")
    >>> cache.store([b"red dress".ljust(32)], np.ones((1, 3), np.float32))
    >>> matrix, found = cache.lookup([b"red dress".ljust(32), b"blue hat".ljust(32)], 3)
    >>> matrix[found].tolist(), found.tolist()
    ([[1.0, 1.0, 1.0]], [True, False])
    """

    def __init__(
        self,
        address: str,
        *,
        storage_options: Mapping[str, Any] | None = None,
        listing_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = address.rstrip("/")
        self._options = dict(storage_options or {})
        self._listing_seconds = listing_seconds
        self._clock = clock
        super().__init__()
        self._begin()

    def _begin(self) -> None:
        fsspec = import_optional("fsspec", extra="dask", purpose="A shared cache")
        self._files, root = fsspec.core.url_to_fs(self.address, **self._options)
        self._root = f"{root.rstrip('/')}/{_FOLDER}"
        self._listing = threading.RLock()
        self._is_of_parent = False
        self._writer = uuid.uuid4().hex
        self._numbers = itertools.count()
        self._small: list[_Written] = []
        self._index = SegmentIndex()
        self._listed_at = float("-inf")
        self._told: set[str] = set()

    def __repr__(self) -> str:
        return f"SharedCache({self.address!r}): give it to Embedder(cache=…) on each machine"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.address, self._options, self._listing_seconds))

    def claims(self) -> ClaimBook | None:
        """Return None: on storage without locks only a cluster's coordinator can say which run is embedding what."""
        return None

    def lookup(self, keys: Sequence[bytes], dimension: int) -> tuple[FloatMatrix, npt.NDArray[np.bool_]]:
        """Return the vectors that are stored; as :meth:`mmembed.cache.VectorCache.lookup`."""
        matrix = np.full((len(keys), dimension), np.nan, np.float32)
        found = np.zeros(len(keys), dtype=np.bool_)
        with self._run_guarded("read"):
            if self._clock() - self._listed_at >= self._listing_seconds:
                self.refresh()
            if not self._fill(keys, matrix, found):
                self.refresh()  # files that were joined meanwhile are read from the joined one
                self._fill(keys, matrix, found)
        return matrix, found

    def refresh(self) -> None:
        """Look now for what others have stored."""
        with self._run_guarded("read"), self._listing:
            self._listed_at = self._clock()
            self._files.invalidate_cache(self._root)
            try:
                names = [path.rsplit("/", 1)[-1] for path in self._files.ls(self._root, detail=False)]
            except FileNotFoundError:
                return
            segments = {name: segment for name in names if (segment := Segment.of_name(name)) is not None}
            with self._lock:
                self._index.keep(segments)
                new = [segment for name, segment in segments.items() if name not in self._index]
            ends = [segment.index_bytes for segment in new]
            heads = self._read([self._path(one) for one in new], [0] * len(new), ends)
            for segment, head in zip(new, heads, strict=True):
                prefixes = segment.prefixes(head) if isinstance(head, bytes) else None
                if prefixes is not None:  # else it is being written, was joined meanwhile, or is damaged
                    with self._lock:
                        self._index.add(segment, prefixes)

    def store(self, keys: Sequence[bytes], matrix: npt.ArrayLike) -> None:
        """Store row i of an ``(n, d)`` matrix under key i; rows that are not finite are left out.

        When it returns, other machines can read them (unless a warning said otherwise).

        Raises
        ------
        VectorError
            If the matrix has not one row for each key.
        """
        rows = np.asarray(matrix, dtype=np.float32)
        if rows.ndim != 2 or len(rows) != len(keys):
            raise VectorError(
                f"The matrix to store has shape {rows.shape} for {len(keys)} keys. "
                "Give one row for each key, shape (n, d)."
            )
        places = np.flatnonzero(np.isfinite(rows).all(axis=1))
        kept, rows = [keys[place] for place in places.tolist()], rows[places]
        if kept:
            with self._run_guarded("write"):
                written = (self._write(kept, rows), kept, rows)
                small = []
                with self._lock:
                    self._small.append(written)
                    if len(self._small) >= _MOST_SMALL or sum(one.nbytes for _, _, one in self._small) >= _MOST_BYTES:
                        small, self._small = self._small, []
                self._join(small)

    def _write(self, keys: list[bytes], rows: FloatMatrix) -> Segment:
        segment = Segment.make(self._writer, next(self._numbers), len(keys), rows.shape[1])
        data = pack_segment(keys, rows)
        if "file" in self._protocols():
            # Here a file can be seen, and left behind, half written; object stores show whole ones only.
            self._files.makedirs(self._root, exist_ok=True)
            half = f"{self._root}/{segment.name}.part"
            self._files.pipe_file(half, data)
            self._files.mv(half, self._path(segment))
        else:
            self._files.pipe_file(self._path(segment), data)
        prefixes = segment.prefixes(data)
        assert prefixes is not None  # noqa: S101 - it was packed above
        with self._lock:
            self._index.add(segment, prefixes)
        return segment

    def _join(self, small: list[_Written]) -> None:
        """Write small files of this writer as one of each dimension, then remove them."""
        for dimension in {segment.dimension for segment, _, _ in small}:
            same = [one for one in small if one[0].dimension == dimension]
            keys = [key for _, some, _ in same for key in some]
            self._write(keys, np.concatenate([rows for _, _, rows in same]))
            with self._lock:
                self._index.drop([segment.name for segment, _, _ in same])
            self._files.rm([self._path(segment) for segment, _, _ in same])

    def _fill(self, keys: Sequence[bytes], matrix: FloatMatrix, found: npt.NDArray[np.bool_]) -> bool:
        """Read what the index has; return whether every file was there."""
        refused: set[tuple[Segment, int]] = set()
        is_whole = self._read_found(keys, matrix, found, refused)
        # Where a record is another key's, or damaged, the key may lie whole elsewhere.
        while (n_refused := len(refused)) and not found.all():
            is_whole = self._read_found(keys, matrix, found, refused) and is_whole
            if len(refused) == n_refused:
                break
        return is_whole

    def _read_found(
        self,
        keys: Sequence[bytes],
        matrix: FloatMatrix,
        found: npt.NDArray[np.bool_],
        refused: set[tuple[Segment, int]],
    ) -> bool:
        """Read one place of each key that is not found yet, and add those that do not hold it to ``refused``."""
        wanted = [place for place in range(len(keys)) if not found[place]]
        with self._lock:
            places = self._index.find([keys[place] for place in wanted], refused)
        paths: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        reads: list[tuple[Segment, int, list[tuple[int, int]]]] = []
        for segment, rows in places.items():
            if segment.dimension != matrix.shape[1]:
                continue
            for first, last in runs_of(sorted(row for row, _ in rows)):
                start, end = segment.range_of(first, last)
                paths.append(self._path(segment))
                starts.append(start)
                ends.append(end)
                reads.append((segment, first, [one for one in rows if first <= one[0] <= last]))
        if not paths:
            return True
        is_whole = True
        for (segment, first, rows), data in zip(reads, self._read(paths, starts, ends), strict=True):
            if not isinstance(data, bytes):
                is_whole = False
                with self._lock:
                    self._index.drop([segment.name])
                continue
            for row, number in rows:
                place = wanted[number]
                vector = read_record(data, (row - first) * segment.record_bytes, keys[place], matrix.shape[1])
                if vector is None:
                    refused.add((segment, row))
                else:
                    matrix[place], found[place] = vector, True
        return is_whole

    def _path(self, segment: Segment) -> str:
        return f"{self._root}/{segment.name}"

    def after_fork_in_child(self) -> None:
        """Leave files and name to the parent; both are made anew when they are needed."""
        super().after_fork_in_child()
        self._is_of_parent = True

    def _read(self, paths: list[str], starts: list[int], ends: list[int]) -> list[Any]:
        """Return the bytes of each range, or the exception in their place."""
        return list(self._files.cat_ranges(paths, starts, ends, on_error="return")) if paths else []

    def _protocols(self) -> tuple[str, ...]:
        protocol = self._files.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)

    @contextlib.contextmanager
    def _run_guarded(self, purpose: str) -> Iterator[None]:
        """Run one operation; turn a failure of the storage into a warning."""
        with self._lock:
            if self._is_of_parent:
                self._begin()
        try:
            yield
        except OSError as error:
            if purpose not in self._told:
                self._told.add(purpose)
                lost = "not kept: they" if purpose == "write" else "not looked up: contents"
                warnings.warn(
                    f"The cache {self.address!r} cannot be {'read' if purpose == 'read' else 'written'} ({error}). The "
                    f"vectors are right but {lost} may be paid for again. Check the address, the rights and the "
                    "network.",
                    CacheWarning,
                    stacklevel=4,
                )


Cache = VectorCache | SharedCache


def _rebuild(address: str, options: dict[str, Any], listing_seconds: float) -> SharedCache:
    """Return the one object of this process: its index and its small files serve all runs."""
    return shared_cache(address, options, listing_seconds)


_caches: dict[str, SharedCache] = {}


def shared_cache(address: str, options: Mapping[str, Any] | None = None, listing_seconds: float = 10.0) -> SharedCache:
    """Return the cache of an address, one for each process."""
    key = address.rstrip("/")
    if key not in _caches:
        # Of two threads that make one, both get the first: setdefault is one step.
        _caches.setdefault(key, SharedCache(address, storage_options=options, listing_seconds=listing_seconds))
    return _caches[key]


KEY_BYTES = 32

_HEAD = struct.Struct("<8sII")

_MAGIC = b"mmembed1"

_CHECKSUM = struct.Struct("<I")

_FLOATS = np.dtype("<f4")

_NAME = re.compile(r"(?P<writer>[0-9a-f]{32})-(?P<number>\d+)-(?P<count>\d+)x(?P<dimension>\d+)\.vectors")


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


class SegmentIndex:
    """The keys of all known segments.

    Only the first eight bytes of a key are kept: a record's checksum covers the whole key, so that one of the same
    beginning is not taken for it. Sorted tiers are merged when they grow alike, so that a key is moved only a few times
    however many segments are added one by one.
    """

    def __init__(self) -> None:
        self._segments: list[Segment | None] = []
        self._numbers: dict[str, int] = {}
        self._tiers: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]] = []  # prefixes; segments and rows
        self._new: list[tuple[int, npt.NDArray[np.uint64]]] = []

    def __contains__(self, name: str) -> bool:
        return name in self._numbers

    def __len__(self) -> int:
        return sum(len(prefixes) for prefixes, _ in self._tiers) + sum(len(prefixes) for _, prefixes in self._new)

    def add(self, segment: Segment, prefixes: npt.NDArray[np.uint64]) -> None:
        """Add the keys of a segment."""
        number = self._numbers[segment.name] = len(self._segments)
        self._segments.append(segment)
        self._new.append((number, prefixes.copy()))

    def drop(self, names: Collection[str]) -> None:
        """Forget segments; their keys are passed over from then on."""
        for name in names:
            number = self._numbers.pop(name, None)
            if number is not None:
                self._segments[number] = None

    def keep(self, names: Collection[str]) -> None:
        """Forget all other segments."""
        self.drop([name for name in self._numbers if name not in names])

    def find(
        self, keys: Sequence[bytes], refused: Collection[tuple[Segment, int]] = ()
    ) -> dict[Segment, list[tuple[int, int]]]:
        """Return where keys may lie: for each segment the rows, each with the number of its key.

        Rows that are refused, since another key or nothing whole was found there, are passed over.
        """
        self._sort_in()
        asked = key_prefixes(np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), KEY_BYTES))
        found: dict[Segment, list[tuple[int, int]]] = {}
        left = np.arange(len(keys))
        for prefixes, places in reversed(self._tiers):  # what was stored last is asked for most
            first = np.searchsorted(prefixes, asked[left], side="left").tolist()
            last = np.searchsorted(prefixes, asked[left], side="right").tolist()
            passed = []
            for number, start, end in zip(left.tolist(), first, last, strict=True):
                for segment_number, row in places[start:end].tolist():
                    segment = self._segments[segment_number]
                    if segment is not None and (segment, row) not in refused:
                        found.setdefault(segment, []).append((row, number))
                        break
                else:
                    passed.append(number)
            left = np.array(passed, dtype=np.int64)
        return found

    def _sort_in(self) -> None:
        if not self._new:
            return
        numbers = np.concatenate([np.full(len(prefixes), number, np.uint32) for number, prefixes in self._new])
        rows = np.concatenate([np.arange(len(prefixes), dtype=np.uint32) for _, prefixes in self._new])
        prefixes, places = np.concatenate([one for _, one in self._new]), np.stack([numbers, rows], axis=1)
        while self._tiers and len(self._tiers[-1][0]) <= 2 * len(prefixes):
            before = self._tiers.pop()
            prefixes, places = np.concatenate([before[0], prefixes]), np.concatenate([before[1], places])
        held, which = np.unique(places[:, 0], return_inverse=True)
        is_live = np.array([self._segments[number] is not None for number in held.tolist()], dtype=bool)[which]
        order = np.argsort(prefixes[is_live], kind="stable")  # of sorted runs: the kind that makes use of it
        self._tiers.append((prefixes[is_live][order], places[is_live][order]))
        self._new = []
