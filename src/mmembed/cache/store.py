"""One SQLite file of vectors, each under a key: reads and writes, and raises whatever SQLite raises.

It knows where the file lies, what belongs to it, how it is set aside, and whether an error means that the file is
damaged or that something around it is in the way. ``local.py`` decides what to do about a failure.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import sys
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmembed.cache.salvage import whole_entries

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix

__all__ = [
    "CacheInfo",
    "DamagedFileError",
    "VectorStore",
    "default_folder",
    "file_identity",
    "forbids_writing",
    "is_damage",
    "one_process_at_a_time",
    "parts_of",
    "set_aside",
]

_LOOKUP_CHUNK = 900  # SQLite builds before 3.32 take at most 999 variables in one statement

_STORED = np.dtype("<f4")  # the file is the same on every machine

_SECONDS_PER_DAY = 86_400

_LARGEST_VALUE_BYTES = 1 << 24  # no vector is longer; a damaged length must not make SQLite ask for a gigabyte

# Keys and vectors live in two tables so that finding a key touches no page of vectors. The day and its index are what
# version 0.1 made, for an eviction that nothing called: files of both versions are alike.
_SCHEMA = (
    "CREATE TABLE vectors (place INTEGER PRIMARY KEY, vector BLOB NOT NULL)",
    (
        "CREATE TABLE entries (key BLOB PRIMARY KEY, place INTEGER NOT NULL, checksum INTEGER NOT NULL, "
        "used_day INTEGER NOT NULL) WITHOUT ROWID"
    ),
    "CREATE INDEX entries_by_use ON entries (used_day, place)",
)


class VectorStore:
    """An open file of vectors. Not thread-safe: the caller holds a lock.

    Parameters
    ----------
    path : Path
        The file; made if it is missing, unless ``read_only``.
    read_only : bool
        Read a file in a place that cannot be written. Such a file is taken as it is, without locks.
    busy_seconds : float
        How long to wait for another process that is writing.
    """

    def __init__(self, path: Path, *, read_only: bool = False, busy_seconds: float = 30.0) -> None:
        self.is_read_only = read_only
        source = f"{path.absolute().as_uri()}?immutable=1" if read_only else str(path)
        # One connection serves all threads of the process, one at a time; the caller's lock sees to that.
        self._connection = sqlite3.connect(
            source, uri=read_only, timeout=busy_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            self._connection.text_factory = bytes  # damaged text must not fail to decode
            self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE_BYTES)
            self.identity = file_identity(path)
            if read_only:
                self._has_schema()
            else:
                self._prepare(path)
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, path: Path) -> None:
        if not self._has_schema():
            # In turns, since SQLite does not wait for another process that is just making the file.
            with one_process_at_a_time(path.parent):
                if not self._has_schema():
                    self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # clear() gives space back
                    self._connection.execute("PRAGMA journal_mode = WAL")
                    self._connection.executescript(f"BEGIN IMMEDIATE; {'; '.join(_SCHEMA)}; COMMIT")
        self._connection.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing, a power cut the last answers

    def _has_schema(self) -> bool:
        """Return whether the tables are there; raise if others are."""
        found = [sql for (sql,) in self._connection.execute("SELECT sql FROM sqlite_schema ORDER BY rowid")]
        if found and found != [statement.encode() for statement in _SCHEMA]:
            raise DamagedFileError("its tables are not those of a cache")
        return bool(found)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextlib.contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        self._connection.execute(f"BEGIN {kind}")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            # SQLite has rolled back by itself after some errors; the first error is the one to tell.
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def read(self, keys: Sequence[bytes], out: FloatMatrix, found: npt.NDArray[np.bool_]) -> list[bytes]:
        """Fill the rows of ``out`` whose key is stored, and mark them in ``found``.

        Parameters
        ----------
        keys : sequence of bytes
            n keys.
        out : numpy.ndarray, shape (n, d), float32
            Rows of keys that are not found stay as they are.
        found : numpy.ndarray, shape (n,), bool
            Set to True for each row that was filled.

        Returns
        -------
        list of bytes
            Keys whose entry is there but damaged. An intact vector of another length is not found and not damaged.
        """
        damaged: list[bytes] = []
        for start in range(0, len(keys), _LOOKUP_CHUNK):
            stop = start + _LOOKUP_CHUNK
            damaged += self._read_chunk(keys[start:stop], out[start:stop], found[start:stop])
        return damaged

    def _read_chunk(self, keys: Sequence[bytes], out: FloatMatrix, found: npt.NDArray[np.bool_]) -> list[bytes]:
        marks = ",".join("?" * len(keys))
        with self._transaction("DEFERRED") as connection:  # both queries see the same state
            entries = connection.execute(
                f"SELECT place, key, checksum FROM entries WHERE key IN ({marks})",  # noqa: S608 - question marks only
                keys,
            ).fetchall()
            places = ",".join(str(place) for place, _, _ in entries if isinstance(place, int))
            vectors = dict(
                connection.execute(
                    f"SELECT place, vector FROM vectors WHERE place IN ({places})"  # noqa: S608 - integers only
                ).fetchall()
            )
        stored: dict[bytes, bytes] = {}
        damaged: list[bytes] = []
        for place, key, checksum in entries:
            blob = vectors.get(place)
            if not isinstance(blob, bytes) or _checksum(key, blob) != checksum:
                damaged.append(key)
            elif len(blob) == out.shape[1] * _STORED.itemsize:
                stored[key] = blob
        positions = [position for position, key in enumerate(keys) if key in stored]
        if positions:
            blob = b"".join([stored[keys[position]] for position in positions])
            rows = np.frombuffer(blob, dtype=_STORED).reshape(len(positions), out.shape[1])
            target = slice(None) if len(positions) == len(keys) else positions  # a slice is copied twice as fast
            out[target] = rows
            found[target] = np.isfinite(rows).all(axis=1)
        return damaged

    def write(self, keys: Sequence[bytes], matrix: FloatMatrix) -> None:
        """Store row i of an ``(n, d)`` matrix under key i, in one transaction; replaces what is there."""
        self._write(
            list(zip(keys, [row.tobytes() for row in np.ascontiguousarray(matrix, dtype=_STORED)], strict=True))
        )

    def _write(self, entries: Sequence[tuple[bytes, bytes]]) -> None:
        today = int(time.time() // _SECONDS_PER_DAY)
        with self._transaction("IMMEDIATE") as connection:
            first = connection.execute("SELECT coalesce(max(place), 0) + 1 FROM vectors").fetchone()[0]
            if not isinstance(first, int):  # past 2**63 SQLite goes on in floats
                raise DamagedFileError(f"The largest place in the cache file is {first}.")
            connection.executemany(
                "DELETE FROM vectors WHERE place = (SELECT place FROM entries WHERE key = ?)",
                [(key,) for key, _ in entries],
            )
            connection.executemany(
                "INSERT INTO vectors VALUES (?, ?)", [(place, blob) for place, (_, blob) in enumerate(entries, first)]
            )
            connection.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)",
                [(key, first + position, _checksum(key, blob), today) for position, (key, blob) in enumerate(entries)],
            )

    def take_over(self, damaged: Path) -> int:
        """Store each entry of a damaged file that is whole and not stored here, and return how many those are.

        Raises
        ------
        OSError, sqlite3.Error
            If the damaged file cannot be read, or this one not written.
        """
        taken = 0
        entries = whole_entries(damaged, _checksum, most_bytes=_LARGEST_VALUE_BYTES)
        while part := list(itertools.islice(entries, _LOOKUP_CHUNK)):
            taken += len(part)
            marks = ",".join("?" * len(part))
            stored = self._connection.execute(
                f"SELECT key FROM entries WHERE key IN ({marks})",  # noqa: S608 - question marks only
                [key for key, _ in part],
            ).fetchall()
            known = {key for (key,) in stored}
            self._write([(key, blob) for key, blob in part if key not in known])
        return taken

    def forget_damaged(self, keys: Sequence[bytes]) -> None:
        """Remove entries that were found damaged, or raise if the structure of the whole file is damaged too."""
        if self._connection.execute("PRAGMA integrity_check(1)").fetchall() != [(b"ok",)]:
            raise DamagedFileError("integrity check failed")
        with self._transaction("IMMEDIATE") as connection:
            for statement in (
                "DELETE FROM vectors WHERE place = (SELECT place FROM entries WHERE key = ?)",
                "DELETE FROM entries WHERE key = ?",
            ):
                connection.executemany(statement, [(key,) for key in keys])

    def clear(self) -> int:
        """Forget every entry and return how many there were."""
        with self._transaction("IMMEDIATE") as connection:
            entries = self.count()
            connection.execute("DELETE FROM vectors")
            connection.execute("DELETE FROM entries")
        self._give_space_back()
        return entries

    def count(self) -> int:
        """Return the number of entries."""
        (entries,) = self._connection.execute("SELECT count(*) FROM entries").fetchone()
        return int(entries)

    def _give_space_back(self) -> None:
        # As a script: cursors of Python stop this pragma after one page.
        self._connection.executescript("PRAGMA incremental_vacuum")
        # Without it the log keeps its size until the last process closes the file.
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _checksum(key: bytes, blob: bytes) -> int:
    """Return a checksum that ties a vector to its key: a damaged index must not lead to another content's vector."""
    return zlib.crc32(blob, zlib.crc32(key))


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


def default_folder(
    environment: Mapping[str, str] = os.environ, *, platform: str = sys.platform, home: Path | None = None
) -> Path:
    """Return ``MMEMBED_CACHE_DIR``, or mmembed's folder among the caches of the platform; makes nothing."""
    home = Path.home() if home is None else home
    chosen = environment.get("MMEMBED_CACHE_DIR", "")
    if chosen:
        return home / chosen[2:] if chosen.startswith("~/") else Path(chosen)
    if platform == "win32":
        local = environment.get("LOCALAPPDATA", "")
        return (Path(local) if local else home / "AppData" / "Local") / "mmembed" / "Cache"
    if platform == "darwin":
        return home / "Library" / "Caches" / "mmembed"
    xdg = Path(environment.get("XDG_CACHE_HOME", ""))
    # The XDG rule: a relative path is to be ignored.
    return (xdg if xdg.is_absolute() else home / ".cache") / "mmembed"


def file_identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one that later takes its name; None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def parts_of(path: Path) -> list[Path]:
    """Return the file, SQLite's write-ahead log of it and the log's index, whether they exist or not."""
    return [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]


def set_aside(path: Path, identity: tuple[int, int] | None) -> Path | None:
    """Rename a damaged file with all that belongs to it, unless another process has already done so.

    Parameters
    ----------
    path : Path
        The file's name.
    identity : tuple or None
        What ``file_identity`` said of the file that is damaged; if the name belongs to another file by now, that one
        is left alone.

    Returns
    -------
    Path or None
        The new name, None if nothing was renamed.

    Raises
    ------
    OSError, sqlite3.Error
        If the folder does not let us.
    """
    renamed = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}")
    with one_process_at_a_time(path.parent):
        if identity is None or file_identity(path) != identity:
            return None
        for part, new_part in zip(parts_of(path), parts_of(renamed), strict=True):
            if part.exists():
                part.rename(new_part)
    return renamed


@contextlib.contextmanager
def one_process_at_a_time(folder: Path) -> Iterator[None]:
    """Hold a lock among processes that ends with its holder, even if that is killed: SQLite's own, on an empty file."""
    connection = sqlite3.connect(folder / "lock", timeout=10.0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()


_CIRCUMSTANCES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_MISUSE,
    }
)


class DamagedFileError(sqlite3.DatabaseError):
    """The file holds what SQLite accepts and we never wrote."""


def forbids_writing(error: sqlite3.Error) -> bool:
    """Return whether an error of SQLite says that the file, or a lock beside it, may not be written."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


def is_damage(error: Exception, path: Path) -> bool:
    """Return whether an error of SQLite speaks of the file's contents rather than of disk, rights or locks around it.

    A damaged header or schema shows itself in many ways (not a database, malformed, no such table), so everything is
    damage that is not a known circumstance.
    """
    if isinstance(error, DamagedFileError | UnicodeDecodeError):  # SQLite's message may quote a damaged schema
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return False  # raised by Python's own layer, e.g. for a closed connection
    if code & 0xFF == sqlite3.SQLITE_READONLY and _is_of_later_format(path):
        return True
    return code & 0xFF not in _CIRCUMSTANCES  # the low byte is the primary code


def _is_of_later_format(path: Path) -> bool:
    """Return whether the header names a format that SQLite reads and never writes; there is none, so it is damaged.

    Looked at only where SQLite refuses to write. POSIX takes back all locks that a process holds on a file when it
    closes the file anywhere, and without them another process deletes the write-ahead log that this one writes to.
    """
    try:
        with path.open("rb") as file:
            formats = file.read(20)[18:]
    except OSError:
        return False
    return any(number > 2 for number in formats)
