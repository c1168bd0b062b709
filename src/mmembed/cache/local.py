"""The cache of this machine: vectors that were paid for, and what happens when its file fails.

A cache never stops a run: any fault of its file costs one warning, and the run goes on without it. ``store.py`` knows
how vectors lie in the file, and ``keys.py`` what a key covers.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from mmembed._forks import ForkAware
from mmembed.cache.claims import Claims
from mmembed.cache.keys import content_key, content_keys
from mmembed.cache.store import (
    CacheInfo,
    VectorStore,
    default_folder,
    file_identity,
    forbids_writing,
    is_damage,
    parts_of,
    set_aside,
)
from mmembed.errors import VectorError

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix

__all__ = ["CacheInfo", "CacheWarning", "VectorCache", "content_key", "content_keys", "default_folder"]

_FILE_NAME = "vectors-1.sqlite3"  # a layout that older versions cannot read gets the next number


class CacheWarning(UserWarning):
    """The cache could not be used as it should; the vectors themselves are right."""


class VectorCache(ForkAware):
    """Vectors on disk, each under the key of its content, for several threads and processes at once.

    Parameters
    ----------
    folder : Path, optional
        By default ``MMEMBED_CACHE_DIR`` or the platform's cache folder, read when used; made, private, when needed.
    busy_seconds : float
        How long to wait for another process that is writing.

    Notes
    -----
    A file that is not what it should be is renamed to ``….damaged-…`` and a new one begun with all that is whole in it;
    an entry whose checksum is wrong is not found. A disk that is full or cannot be written ends storing for this
    object, a file that cannot be read ends looking up. Each of these warns once with ``CacheWarning``, and none raises.

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

    def __init__(self, folder: Path | None = None, *, busy_seconds: float = 30.0) -> None:
        self._folder = folder
        self._busy_seconds = busy_seconds
        self._store: VectorStore | None = None
        self._is_readable = True
        self._is_writable = True
        self._told: set[str] = set()
        super().__init__()

    def __repr__(self) -> str:
        return f"VectorCache({str(self.path)!r}): .info() says how much it holds"

    def __reduce__(self) -> tuple[object, ...]:
        return (functools.partial(VectorCache, busy_seconds=self._busy_seconds), (self._folder,))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._store is not None:
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
        matrix = np.empty((len(keys), dimension), dtype=np.float32)
        found = np.zeros(len(keys), dtype=np.bool_)
        for _ in range(2):
            is_new_file = self._read(keys, matrix, found)
            if not is_new_file:
                break  # else: what was whole in the damaged file is in the new one
        matrix[~found] = np.nan
        return matrix, found

    def _read(self, keys: Sequence[bytes], matrix: FloatMatrix, found: npt.NDArray[np.bool_]) -> bool:
        """Fill the rows that are stored; return whether the file was damaged and another one begun."""
        damaged: list[bytes] = []
        found[:] = False
        with self._guarded("read") as outcome:
            if len(keys) and self._is_readable and self.path.exists():
                damaged = self._opened().read(keys, matrix, found)
        return outcome.was_damaged or (bool(damaged) and self._forget_damaged(damaged, len(keys)))

    def store(self, keys: Sequence[bytes], matrix: npt.ArrayLike) -> None:
        """Store row i of an ``(n, d)`` matrix under key i, in one transaction; rows that are not finite are left out.

        When it returns, the rows survive the death of this process (unless a warning said otherwise).

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
        kept = np.flatnonzero(np.isfinite(rows).all(axis=1)).tolist()
        if len(kept):
            outcome = self._write([keys[position] for position in kept], rows[kept])
            if outcome.was_damaged:
                # The damaged file was set aside: the vectors, which are paid for, go into a new one.
                self._write([keys[position] for position in kept], rows[kept])

    def _write(self, keys: Sequence[bytes], rows: FloatMatrix) -> _Outcome:
        with self._guarded("write") as outcome:
            if self._is_writable:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._opened().write(keys, rows)
        return outcome

    def claims(self) -> Claims:
        """Return new claims among those of all runs on this folder."""
        return Claims(self.path.parent)

    def info(self) -> CacheInfo:
        """Return where the cache is, how many vectors it holds and how much disk it takes."""
        entries = size = 0
        with self._guarded("read"):
            entries = self._opened().count() if self.path.exists() else 0
            size = sum(part.stat().st_size for part in parts_of(self.path) if part.exists())
        return CacheInfo(path=self.path, entries=entries, bytes=size)

    def clear(self) -> int:
        """Forget every vector and return how many there were."""
        forgotten = 0
        with self._guarded("write"):
            if self.path.exists():
                forgotten = self._opened().clear()
        return forgotten

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            store, self._store = self._store, None
            if store is not None:
                with contextlib.suppress(sqlite3.Error):
                    store.close()

    # SQLite forbids to carry an open file across a fork: it is closed before, and each side opens it when it needs it.

    def before_fork(self) -> None:
        """Wait for the operation that is running and close the file."""
        super().before_fork()
        self.close()

    def _opened(self) -> VectorStore:
        path = self.path
        if self._store is not None and self._store.identity != file_identity(path):
            self.close()  # the file was deleted, or set aside by another process: what we would write there is lost
        if self._store is None:
            try:
                self._store = VectorStore(path, busy_seconds=self._busy_seconds)
            except sqlite3.OperationalError as error:
                if not forbids_writing(error) or not path.exists():
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
            except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
                # Read without locks, a file that another process writes to can look damaged.
                is_shared = self._store is None or not self._store.is_read_only
                if is_shared and is_damage(error, self.path):
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
            consequence = "The vectors are right but not kept: the same contents will be paid for again."
        self._warn(
            purpose,
            f"The cache {str(self.path)!r} cannot be {'read' if purpose == 'read' else 'written'} ({error}). "
            f"{consequence} Check the disk's free space and the folder's rights, "
            "or set MMEMBED_CACHE_DIR to another folder.",
        )

    def _set_aside(self, error: Exception) -> None:
        path = self.path
        identity = self._store.identity if self._store is not None else file_identity(path)
        self.close()
        try:
            renamed = set_aside(path, identity)
        except (OSError, sqlite3.Error) as reason:
            self._is_readable = self._is_writable = False
            self._warn(
                "damage",
                f"The cache file {str(path)!r} is damaged ({error}) and cannot be renamed ({reason}). "
                "This run goes on without it; delete the file, or set MMEMBED_CACHE_DIR to another folder.",
            )
            return
        if renamed is not None:
            self._warn(
                "damage",
                f"The cache file {str(path)!r} is damaged ({error}). It was renamed to {renamed.name!r} and a new one "
                f"begun with {self._salvage(renamed)}; the rest is embedded again. Delete the renamed file when you "
                "no longer need it.",
            )

    def _salvage(self, renamed: Path) -> str:
        """Store what is whole in a damaged file, and say how many vectors that is."""
        try:
            return f"the {self._opened().take_over(renamed):,} vectors that are whole"
        except (OSError, sqlite3.Error) as reason:
            self.close()
            return f"nothing of what it held ({reason})"

    def _forget_damaged(self, keys: Sequence[bytes], asked: int) -> bool:
        """Remove damaged entries; return whether the whole file was damaged and another one begun."""
        with self._guarded("write") as outcome:
            if self._is_writable:
                self._opened().forget_damaged(keys)
        if not outcome.was_damaged:
            self._warn(
                "entry",
                f"{len(keys)} of {asked} entries of the cache {str(self.path)!r} are damaged. "
                "They were removed and are embedded again; nothing is left to do.",
            )
        return outcome.was_damaged

    def _warn(self, subject: str, message: str) -> None:
        if subject not in self._told:
            self._told.add(subject)
            warnings.warn(message, CacheWarning, stacklevel=4)


@dataclass(slots=True)
class _Outcome:
    was_damaged: bool = False
