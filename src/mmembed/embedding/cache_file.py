"""Where the cache's file lies, what belongs to it, and how it is set aside when it is damaged."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["default_folder", "file_identity", "parts_of", "set_aside"]


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
    with _one_process_at_a_time(path.with_name("set-aside.lock")):
        if identity is None or file_identity(path) != identity:
            return None
        for part, new_part in zip(parts_of(path), parts_of(renamed), strict=True):
            if part.exists():
                part.rename(new_part)
    return renamed


@contextlib.contextmanager
def _one_process_at_a_time(path: Path) -> Iterator[None]:
    """Hold a lock among processes that ends with its holder, even if that is killed: SQLite's own, on an empty file."""
    connection = sqlite3.connect(path, timeout=10.0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()
