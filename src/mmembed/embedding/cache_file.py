"""Where the cache's file lies, what belongs to it, and how it is set aside when it is damaged."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CacheInfo", "default_folder", "file_identity", "one_process_at_a_time", "parts_of", "set_aside"]


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
