"""What an error of the cache's file means: the file is damaged, or something around it is in the way."""

from __future__ import annotations

import sqlite3
from pathlib import Path

__all__ = ["DamagedFileError", "forbids_writing", "is_damage"]

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
