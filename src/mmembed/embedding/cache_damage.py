"""What an error of the cache's file means: the file is damaged, or something around it is in the way."""

from __future__ import annotations

import sqlite3
from pathlib import Path

__all__ = ["DamagedFileError", "check_header", "forbids_writing", "is_damage"]

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


def is_damage(error: Exception) -> bool:
    """Return whether an error of SQLite speaks of the file's contents rather than of disk, rights or locks around it.

    A damaged header or schema shows itself in many ways (not a database, malformed, no such table), so everything is
    damage that is not a known circumstance.
    """
    if isinstance(error, DamagedFileError | UnicodeDecodeError):  # SQLite's message may quote a damaged schema
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return False  # raised by Python's own layer, e.g. for a closed connection
    return code & 0xFF not in _CIRCUMSTANCES  # the low byte is the primary code


def check_header(path: Path) -> None:
    """Raise if the file says that it is of a later format: SQLite would take it as read-only, not as damaged."""
    with path.open("rb") as file:
        formats = file.read(20)[18:]
    if any(number > 2 for number in formats):
        raise DamagedFileError(f"The header names formats {list(formats)}; there are 1 and 2.")
