"""Tables on disk: Parquet, CSV and JSON lines by the suffix of the file name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from mmembed._whole_files import whole_file
from mmembed.errors import MMEmbedError, listed

_READERS: dict[str, Callable[[Path], Any]] = {
    ".parquet": pd.read_parquet,
    ".csv": pd.read_csv,
    ".jsonl": lambda path: pd.read_json(path, lines=True),
}
_WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    ".parquet": lambda df, path: df.to_parquet(path),
    ".csv": lambda df, path: df.to_csv(path, index=False),
    ".jsonl": lambda df, path: df.to_json(path, orient="records", lines=True, force_ascii=False),
}


class TableError(MMEmbedError, ValueError):
    """A table file that is missing, of an unknown kind, or broken."""


def read_table(path: Path) -> pd.DataFrame:
    """Read a table; vector columns come back from Parquet as vectors.

    Raises
    ------
    TableError
        If the file is missing, has an unknown suffix, or cannot be parsed.
    """
    read = _by_suffix(path, _READERS)
    if not path.is_file():
        raise TableError(f"There is no table {str(path)!r}. Give the path of a {_kinds()} file.")
    try:
        df: pd.DataFrame = read(path)
    except (ValueError, OSError) as error:
        raise TableError(f"{str(path)!r} cannot be read as {path.suffix}: {error}") from error
    return df


def write_table(df: pd.DataFrame, path: Path) -> None:
    """Write a table whole or not at all.

    Raises
    ------
    TableError
        If the suffix is unknown or the file cannot be written.
    """
    write = _by_suffix(path, _WRITERS)
    try:
        with whole_file(path) as part:
            write(df, part)
    except OSError as error:
        raise TableError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def _by_suffix(path: Path, known: dict[str, Any]) -> Any:
    if path.suffix.lower() not in known:
        raise TableError(f"{str(path)!r} is no table that can be read or written here. Expected {_kinds()}.")
    return known[path.suffix.lower()]


def _kinds() -> str:
    return listed(_READERS).replace("'", "")
