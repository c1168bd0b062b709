"""Who is buying which content at this moment, so that runs at once on one cache do not pay for the same twice.

Claims only save money: whatever is wrong with their file, or with a run that vanished, no run waits for long and none
fails.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

__all__ = ["Claims"]


class ClaimBook(Protocol):
    """Who is buying which content at this moment."""

    def take(self, keys: Sequence[bytes]) -> list[bool]:
        """Claim keys; return for each whether it is this run's now."""
        ...

    def give_back(self, keys: Sequence[bytes]) -> None:
        """End the claims, whether the contents were bought or not."""
        ...


_FILE_NAME = "claims-1.sqlite3"

_TABLE = "CREATE TABLE IF NOT EXISTS claims (key BLOB PRIMARY KEY, owner TEXT, until REAL) WITHOUT ROWID"

_THIS_LIFE = uuid.uuid4().hex  # tells this process from an earlier one that had its number

_logger = logging.getLogger(__name__)


class Claims:
    """The claims of one run among those of all threads and processes that use one cache folder.

    Parameters
    ----------
    folder : Path
        The cache's folder; made if it is missing.
    lease_seconds : float
        How long a claim holds that is not given back. Claims of a process of this machine that is gone end with it.
    clock : callable
        Gives seconds since 1970.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     one, other = Claims(Path(folder)), Claims(Path(folder))
    ...     one.take([b"red dress"]), other.take([b"red dress", b"blue hat"])
    ([True], [False, True])
    """

    def __init__(self, folder: Path, *, lease_seconds: float = 60.0, clock: Callable[[], float] = time.time) -> None:
        self._path = folder / _FILE_NAME
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._owner = f"{socket.gethostname()}|{os.getpid()}|{_THIS_LIFE}|{uuid.uuid4().hex}"

    def take(self, keys: Sequence[bytes]) -> list[bool]:
        """Claim keys; return for each whether it is this run's now, or another run's still."""
        taken = [True] * len(keys)
        with self._transaction() as connection:
            if connection is None:
                return taken
            now = self._clock()
            connection.execute("DELETE FROM claims WHERE until <= ?", (now,))
            for place, key in enumerate(keys):
                held = connection.execute("SELECT owner FROM claims WHERE key = ?", (key,)).fetchone()
                taken[place] = held is None or held[0] == self._owner or _is_gone(held[0])
            until = now + self._lease_seconds
            connection.executemany(
                "INSERT OR REPLACE INTO claims VALUES (?, ?, ?)",
                [(key, self._owner, until) for key, is_own in zip(keys, taken, strict=True) if is_own],
            )
        return taken

    def give_back(self, keys: Sequence[bytes]) -> None:
        """End this run's claims on keys, whether they were bought or not."""
        with self._transaction() as connection:
            if connection is not None:
                connection.executemany(
                    "DELETE FROM claims WHERE key = ? AND owner = ?", [(key, self._owner) for key in keys]
                )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection | None]:
        """Open the file for one transaction; None where that cannot be.

        It is opened anew each time, so that there is nothing to carry across threads and forks.
        """
        connection = self._opened()
        if connection is None:
            yield None
            return
        try:
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._give_up(error)
        finally:
            connection.close()

    def _opened(self) -> sqlite3.Connection | None:
        connection = None
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=10.0, isolation_level=None)
            connection.execute("PRAGMA synchronous = OFF")  # what a power cut takes is worth nothing after it
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_TABLE)
        except (sqlite3.Error, OSError) as error:
            if connection is not None:
                connection.close()
            self._give_up(error)
            return None
        return connection

    def _give_up(self, error: Exception) -> None:
        _logger.debug("Claims in %s are left out: %s", self._path, error)
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            with contextlib.suppress(OSError):
                self._path.unlink()  # damaged; the next one begins anew


def _is_gone(owner: str) -> bool:
    """Return whether a claim's process was one of this machine and has ended."""
    try:
        host, process, life, _ = owner.rsplit("|", 3)
        if host != socket.gethostname() or os.name != "posix":
            return False
        if int(process) == os.getpid():
            return life != _THIS_LIFE
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False  # it is there and another user's, or nobody knows
    return False
