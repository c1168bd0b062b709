"""The cache of vectors that were paid for: what a key covers, where the file lies, and what happens when it fails.

A cache never stops a run: whatever goes wrong with its file costs one warning, and the run goes on without it.
How vectors lie in the file is the business of ``cache_store.py``.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from mmembed.embedding.cache_key import content_key, content_keys
from mmembed.embedding.cache_store import VectorStore, file_identity, is_damage
from mmembed.errors import VectorError
from mmembed.providers.protocol import FloatMatrix

__all__ = ["CacheInfo", "CacheWarning", "VectorCache", "content_key", "content_keys", "default_folder"]

_FILE_NAME = "vectors-1.sqlite3"  # a layout that older versions cannot read gets the next number
_COMPANIONS = ("", "-wal", "-shm")  # SQLite's write-ahead log and its index belong to the file


class CacheWarning(UserWarning):
    """The cache could not be used as it should; the vectors themselves are right."""


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What the cache holds.

    Attributes
    ----------
    path : Path
        The file, which exists only after the first vector was stored.
    entries : int
        How many vectors.
    bytes : int
        How much disk they take, write-ahead log included.
    """

    path: Path
    entries: int
    bytes: int


def default_folder() -> Path:
    """Return ``MMEMBED_CACHE_DIR``, or mmembed's folder among the caches of this platform; makes nothing."""
    chosen = os.environ.get("MMEMBED_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "mmembed" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mmembed"
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG rule: a relative path is to be ignored.
    return (Path(xdg) if os.path.isabs(xdg) else Path.home() / ".cache") / "mmembed"  # noqa: PTH117 - "" is no Path


class VectorCache:
    """Vectors on disk, each under the key of its content; several processes and threads may share the folder.

    Parameters
    ----------
    folder : Path, optional
        Where the file lies; by default ``MMEMBED_CACHE_DIR`` or the platform's cache folder, read when used. It is
        made, private to its owner, when the first vector is stored.
    max_bytes : int, optional
        When the file holds more than this, the entries that were not used for longest are forgotten. Sizes count
        whole pages; the write-ahead log, a few megabytes, comes on top.
    busy_seconds : float
        How long to wait for another process that is writing.

    Notes
    -----
    A file that is not what it should be is renamed to ``….damaged-…`` and a new one begun; an entry whose checksum is
    wrong is not found. A disk that is full or cannot be written ends storing for this object, a file that cannot be
    read ends looking up. Each of these warns once with ``CacheWarning``, and none raises.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder, VectorCache(Path(folder)) as cache:
    ...     cache.store([b"red dress"], np.ones((1, 3), np.float32))
    ...     matrix, found = cache.lookup([b"red dress", b"blue hat"], 3)
    >>> matrix[found].tolist(), found.tolist()
    ([[1.0, 1.0, 1.0]], [True, False])
    """

    def __init__(self, folder: Path | None = None, *, max_bytes: int | None = None, busy_seconds: float = 30.0) -> None:
        if max_bytes is not None and max_bytes <= 0:
            raise ValueError(
                f"max_bytes={max_bytes} is no size. Give a positive number of bytes, or None for no limit."
            )
        self._folder = folder
        self._max_bytes = max_bytes
        self._busy_seconds = busy_seconds
        self._lock = threading.RLock()
        self._store: VectorStore | None = None
        self._is_readable = True
        self._is_writable = True
        self._told: set[str] = set()
        _open_caches.add(self)

    def __repr__(self) -> str:
        return f"VectorCache({str(self.path)!r}): .info() says how much it holds"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self._folder, self._max_bytes, self._busy_seconds))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The file, whether it exists yet or not."""
        return (self._folder if self._folder is not None else default_folder()) / _FILE_NAME

    def lookup(self, keys: Sequence[bytes], dimension: int) -> tuple[FloatMatrix, npt.NDArray[np.bool_]]:
        """Return the vectors that are stored.

        Parameters
        ----------
        keys : sequence of bytes
            n keys, see ``content_key``.
        dimension : int
            The length d that a vector must have to be found.

        Returns
        -------
        matrix : numpy.ndarray, shape (n, d), float32
            Row i belongs to key i; rows that were not found are NaN.
        found : numpy.ndarray, shape (n,), bool
        """
        matrix = np.full((len(keys), dimension), np.nan, dtype=np.float32)
        found = np.zeros(len(keys), dtype=np.bool_)
        with self._guarded("read"):
            if len(keys) == 0 or not self._is_readable or not self.path.exists():
                return matrix, found
            store = self._opened()
            damaged = store.read(keys, matrix, found)
            if damaged:
                self._warn(
                    "entry",
                    f"{len(damaged)} of {len(keys)} entries of the cache {str(self.path)!r} are damaged. "
                    "They count as not found and are embedded again; nothing is left to do.",
                )
            if self._max_bytes is not None and self._is_writable and found.any():
                store.touch([key for key, hit in zip(keys, found, strict=True) if hit])
        return matrix, found

    def store(self, keys: Sequence[bytes], matrix: npt.ArrayLike) -> None:
        """Store row i of an ``(n, d)`` matrix under key i, all rows in one transaction; a row that is not finite is left out.

        When it returns, the rows survive the death of this process (unless a warning said otherwise).

        Raises
        ------
        VectorError
            If the matrix has not one row for each key.
        """
        rows = np.asarray(matrix, dtype=np.float32)
        if rows.ndim != 2 or len(rows) != len(keys):
            raise VectorError(
                f"The matrix to store has shape {rows.shape} for {len(keys)} keys. Give one row for each key, shape (n, d)."
            )
        finite = np.isfinite(rows).all(axis=1)
        if not finite.any() or not self._is_writable:
            return
        kept = [key for key, good in zip(keys, finite, strict=True) if good]
        for is_last_attempt in (False, True):
            with self._guarded("write") as outcome:
                if not self._is_writable:
                    return
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                store = self._opened()
                store.write(kept, rows[finite])
                if self._max_bytes is not None:
                    store.evict(self._max_bytes)
            # A damaged file was set aside: the vectors, which are paid for, go into the new one.
            if not outcome.was_damaged or is_last_attempt:
                return

    def info(self) -> CacheInfo:
        """Return where the cache is, how many vectors it holds and how much disk it takes."""
        entries = 0
        with self._guarded("read"):
            if self.path.exists():
                entries = self._opened().count()
        sizes = [part.stat().st_size for part in _parts(self.path) if part.exists()]
        return CacheInfo(path=self.path, entries=entries, bytes=sum(sizes))

    def clear(self) -> int:
        """Forget every vector and return how many there were."""
        with self._guarded("write"):
            return self._opened().clear() if self.path.exists() else 0
        return 0

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            store, self._store = self._store, None
            if store is not None:
                with contextlib.suppress(sqlite3.Error):
                    store.close()

    def _opened(self) -> VectorStore:
        path = self.path
        if self._store is not None and self._store.identity != file_identity(path):
            self.close()  # the file was deleted, or set aside by another process: what we would write there is lost
        if self._store is None:
            try:
                self._store = VectorStore(path, busy_seconds=self._busy_seconds)
            except sqlite3.OperationalError as error:
                if is_damage(error) or not path.exists():
                    raise
                # A folder on a read-only disk: SQLite cannot make its lock files there, yet the vectors can be read.
                self._store = VectorStore(path, read_only=True)
        return self._store

    @contextlib.contextmanager
    def _guarded(self, purpose: str) -> Iterator[_Outcome]:
        """Run one operation under the lock; turn a failure of the file into a warning."""
        outcome = _Outcome()
        with self._lock:
            try:
                yield outcome
            except (sqlite3.Error, OSError) as error:
                if isinstance(error, sqlite3.Error) and is_damage(error):
                    outcome.was_damaged = True
                    self._set_aside(error)
                else:
                    self._give_up(purpose, error)

    def _give_up(self, purpose: str, error: Exception) -> None:
        self.close()
        if purpose == "read":
            self._is_readable = False
            consequence = "Contents that were embedded before are embedded, and paid, again."
        else:
            self._is_writable = False
            consequence = (
                "Vectors of this run are complete but not cached: embedding the same again will be paid again."
            )
        self._warn(
            purpose,
            f"The cache {str(self.path)!r} cannot be {'read' if purpose == 'read' else 'written'} ({error}). "
            f"{consequence} Check the disk's free space and the folder's rights, or set MMEMBED_CACHE_DIR to another folder.",
        )

    def _set_aside(self, error: sqlite3.Error) -> None:
        path = self.path
        identity = self._store.identity if self._store is not None else file_identity(path)
        self.close()
        new_name = f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
        try:
            with _only_process(path.with_name("set-aside.lock")):
                if identity is None or file_identity(path) != identity:
                    return  # another process has already set it aside
                for part, suffix in zip(_parts(path), _COMPANIONS, strict=True):
                    if part.exists():
                        part.rename(path.with_name(new_name + suffix))
        except (OSError, sqlite3.Error) as reason:
            self._is_readable = self._is_writable = False
            self._warn(
                "damage",
                f"The cache file {str(path)!r} is damaged ({error}) and cannot be renamed ({reason}). "
                "This run goes on without it; delete the file, or set MMEMBED_CACHE_DIR to another folder.",
            )
            return
        self._warn(
            "damage",
            f"The cache file {str(path)!r} is damaged ({error}). It was renamed to {new_name!r} and a new one is begun; "
            "what it held is embedded again. Delete the renamed file when you no longer need it.",
        )

    def _warn(self, subject: str, message: str) -> None:
        if subject not in self._told:
            self._told.add(subject)
            warnings.warn(message, CacheWarning, stacklevel=4)


@dataclass(slots=True)
class _Outcome:
    was_damaged: bool = False


def _rebuild(folder: Path | None, max_bytes: int | None, busy_seconds: float) -> VectorCache:
    return VectorCache(folder, max_bytes=max_bytes, busy_seconds=busy_seconds)


def _parts(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in _COMPANIONS]


@contextlib.contextmanager
def _only_process(path: Path) -> Iterator[None]:
    """Hold a lock among processes that ends with its holder, even if that is killed: SQLite's own, on an empty file."""
    connection = sqlite3.connect(path, timeout=10.0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()


# SQLite forbids to carry an open file across a fork, so it is closed before, and each side opens its own when it needs.
_open_caches: weakref.WeakSet[VectorCache] = weakref.WeakSet()
_held_for_fork: list[VectorCache] = []


def _before_fork() -> None:
    for cache in list(_open_caches):
        cache._lock.acquire()  # noqa: SLF001 - released below, in the parent
        cache.close()
        _held_for_fork.append(cache)


def _after_fork_in_parent() -> None:
    while _held_for_fork:
        _held_for_fork.pop()._lock.release()  # noqa: SLF001


def _after_fork_in_child() -> None:
    while _held_for_fork:
        _held_for_fork.pop()._lock = threading.RLock()  # noqa: SLF001 - held by a thread that is not here any more


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
