"""Which run is embedding which content at this moment, so that runs at once on one cache do not pay for the same twice.

A claim holds as long as its run lives: each run holds a lock of the operating system on a file of its own, and a run
whose file can be locked is gone. No clock is involved, however slow answers are. Claims only save money: whatever is
wrong with their files, no run fails.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import sys
import uuid
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from mmembed._forks import ForkAware

__all__ = ["ClaimBook", "Claims"]


class ClaimBook(Protocol):
    """Which run is embedding which content at this moment."""

    def take(self, keys: Sequence[bytes]) -> list[bool]:
        """Claim keys; return for each whether it is this run's now."""
        ...

    def give_back(self, keys: Sequence[bytes]) -> None:
        """End the claims, whether the contents were embedded or not."""
        ...


_FILE_NAME = "claims-2.sqlite3"  # version 0.1 wrote the first: its claims end by a clock

_TABLE = "CREATE TABLE IF NOT EXISTS claims (key BLOB PRIMARY KEY, owner TEXT) WITHOUT ROWID"

_logger = logging.getLogger(__name__)


class Claims(ForkAware):
    """The claims of one run among those of all threads and processes that use one cache folder.

    A claim ends when it is given back, when the object is collected, or when its process ends, in whatever way.

    Parameters
    ----------
    folder : Path
        The cache's folder; made if it is missing.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     one, other = Claims(Path(folder)), Claims(Path(folder))
    ...     one.take([b"red dress"]), other.take([b"red dress", b"blue hat"])
    ([True], [False, True])
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE_NAME
        self._run: _RunFile | None = None
        super().__init__()

    def take(self, keys: Sequence[bytes]) -> list[bool]:
        """Claim keys; return for each whether it is this run's now, or another run's still."""
        taken = [True] * len(keys)
        with self._lock, self._transaction() as connection:
            if connection is None:
                return taken
            own = self._own_run()
            if own is None:
                return taken
            is_alive: dict[str, bool] = {own: False}  # its own claims are in nobody's way
            for place, key in enumerate(keys):
                held = connection.execute("SELECT owner FROM claims WHERE key = ?", (key,)).fetchone()
                if held is None:
                    continue
                owner = str(held[0])
                if owner not in is_alive:
                    is_alive[owner] = self._is_alive(owner)
                    if not is_alive[owner]:
                        connection.execute("DELETE FROM claims WHERE owner = ?", (owner,))
                taken[place] = not is_alive[owner]
            connection.executemany(
                "INSERT OR REPLACE INTO claims VALUES (?, ?)",
                [(key, own) for key, is_own in zip(keys, taken, strict=True) if is_own],
            )
        return taken

    def give_back(self, keys: Sequence[bytes]) -> None:
        """End this run's claims on keys, whether they were embedded or not."""
        with self._lock:
            if self._run is None:
                return  # nothing was ever claimed
            with self._transaction() as connection:
                if connection is not None:
                    connection.executemany(
                        "DELETE FROM claims WHERE key = ? AND owner = ?", [(key, self._run.name) for key in keys]
                    )

    def _own_run(self) -> str | None:
        """Return the name of this run, whose file is locked from now on; None where files cannot be locked."""
        if self._run is None:
            run = _RunFile.opened(self._path.parent)
            if run is None:
                return None
            self._run = run
            # Also where the object is dropped without a word: the lock is all that keeps its claims.
            self._end = weakref.finalize(self, run.close)
        return self._run.name

    def _is_alive(self, owner: str) -> bool:
        """Return whether another run holds its lock; removes the file of one that is gone.

        Called within a transaction only: then no run is between making its file and locking it.
        """
        path = self._path.parent / owner
        try:
            descriptor = os.open(path, os.O_RDWR | _CLOSED_ON_EXEC)
        except OSError:
            # It ended well and took its file along. Or the file is another user's: nobody is waited for whose end would
            # never be seen.
            return False
        try:
            is_alive = not _try_lock(descriptor)
        except OSError:
            is_alive = False  # where nobody can lock, nobody is waited for
        finally:
            os.close(descriptor)
        if not is_alive:
            with contextlib.suppress(OSError):
                path.unlink()
        return is_alive

    # A fork copies the open file, and the copy would keep the lock when the parent is gone: the child closes it.

    def after_fork_in_child(self) -> None:
        """Become another run, without claims."""
        super().after_fork_in_child()
        if self._run is not None:
            self._end.detach()
            self._run.leave_to_parent()
            self._run = None

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


_CLOSED_ON_EXEC = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0)


class _RunFile:
    """A file that is locked as long as its run lives; the lock ends with the process, in whatever way that ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def opened(cls, folder: Path) -> _RunFile | None:
        """Make and lock a new file; None where that cannot be, as on some network disks."""
        path = folder / f"run-{uuid.uuid4().hex}.lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _CLOSED_ON_EXEC, 0o666)
        except OSError as error:
            _logger.debug("Claims are left out: %s", error)
            return None
        try:
            if _try_lock(descriptor):
                return cls(path, descriptor)
        except OSError as error:
            _logger.debug("Claims are left out, since %s cannot be locked: %s", path, error)
        os.close(descriptor)
        with contextlib.suppress(OSError):
            path.unlink()
        return None

    @property
    def name(self) -> str:
        """Stands for the run in the table of claims."""
        return self._path.name

    def close(self) -> None:
        """End the lock and remove the file."""
        os.close(self._descriptor)
        with contextlib.suppress(OSError):
            self._path.unlink()

    def leave_to_parent(self) -> None:
        """Close a copy that a fork made; the lock and the file stay with the process that made them."""
        os.close(self._descriptor)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        """Lock a file unless another handle has; raises OSError where that cannot be told."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        """Lock a file unless another open copy of it has; raises OSError where that cannot be told."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        return True
