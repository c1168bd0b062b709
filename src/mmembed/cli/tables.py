"""Tables in files and streams: Parquet, CSV, TSV and JSON lines."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import orjson
import pandas as pd

from mmembed._files import whole_file
from mmembed.errors import MMEmbedError

TableFormat = Literal["parquet", "csv", "tsv", "jsonl"]
FORMATS: tuple[TableFormat, ...] = ("parquet", "csv", "tsv", "jsonl")
STREAM = Path("-")
KINDS = ".parquet, .csv, .tsv or .jsonl"
_BY_SUFFIX: Mapping[str, TableFormat] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


class TableError(MMEmbedError, ValueError):
    """A table file that is missing, of an unknown kind, or broken."""


def read_table(path: Path, form: TableFormat | None = None, *, encoding: str = "utf-8") -> pd.DataFrame:
    """Read a table; vector columns come back from Parquet as vectors.

    Numbers with leading zeros (article numbers, postal codes) stay texts, and so does every text of JSON lines.

    Parameters
    ----------
    path : Path
        File to read; ``-`` is the standard input.
    form : str, optional
        One of ``FORMATS``; told by the file's suffix if not given. ``.gz`` may follow the suffixes of texts.
    encoding : str
        Of CSV, TSV and JSON lines.

    Raises
    ------
    TableError
        If the file is missing, has an unknown suffix, or cannot be parsed.
    """
    form = form or format_of(path)
    if path == STREAM:
        source: Any = io.BytesIO(sys.stdin.buffer.read())
    elif path.is_file():
        source = path
    else:
        raise TableError(f"There is no table {str(path)!r}. Give the path of a {KINDS} file.")
    shown = "The standard input" if path == STREAM else repr(str(path))
    try:
        return _parsed(source, form, encoding)
    except UnicodeDecodeError as error:
        raise TableError(
            f"{shown} cannot be read as {form}: it is not in {encoding} ({error.reason} at byte {error.start}). "
            "Name its encoding; Excel in Chinese writes --encoding gb18030, older Western files are often cp1252."
        ) from error
    except (ValueError, OSError, LookupError) as error:
        raise TableError(f"{shown} cannot be read as {form}: {error}") from error


def write_table(df: pd.DataFrame, path: Path, form: TableFormat | None = None) -> None:
    """Write a table whole or not at all; ``-`` is the standard output.

    Raises
    ------
    TableError
        If the suffix is unknown or the file cannot be written.
    """
    form = form or format_of(path)
    if path == STREAM:
        sys.stdout.flush()
        sys.stdout.buffer.write(encoded(df, form))
        sys.stdout.buffer.flush()
        return
    try:
        with whole_file(path) as part:
            _write(df, part, form)
    except OSError as error:
        raise TableError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def encoded(df: pd.DataFrame, form: TableFormat) -> bytes:
    """Return a table as the bytes of a file; texts are UTF-8."""
    buffer = io.BytesIO()
    _write(df, buffer, form)
    return buffer.getvalue()


def format_of(path: Path) -> TableFormat:
    """Return the format that a file's suffix tells.

    Raises
    ------
    TableError
        If the suffix is of no known kind.
    """
    if path == STREAM:
        raise TableError("A stream has no suffix: say what it holds with --input-format, and what to write with -f.")
    suffixes = [one.lower() for one in path.suffixes]
    suffix = "".join(suffixes[-2:-1] if suffixes[-1:] == [".gz"] else suffixes[-1:])
    form = _BY_SUFFIX.get(suffix)
    if form is None or (form == "parquet" and suffixes[-1:] == [".gz"]):
        raise TableError(f"{str(path)!r} is no table that can be read or written here. Expected {KINDS}.")
    return form


def column_names(path: Path) -> list[str]:
    """Return the columns of a table file from its first bytes, for the completion of names."""
    form = format_of(path)
    if form == "parquet":
        import pyarrow.parquet as pq

        return [name for name in pq.read_schema(path).names if not name.startswith("__index_level_")]
    if form == "jsonl":
        with _opened(path) as lines:
            return list(orjson.loads(next(lines)))
    return [str(name) for name in pd.read_csv(path, sep=_separator(form), nrows=0).columns]


def _parsed(source: Any, form: TableFormat, encoding: str) -> pd.DataFrame:
    df: pd.DataFrame
    if form == "parquet":
        df = pd.read_parquet(source)
    elif form == "jsonl":
        df = _json_lines(source, encoding)
    else:
        read: Callable[..., pd.DataFrame] = pd.read_csv
        options = {"sep": _separator(form), "encoding": encoding}
        df = read(source, **options)
        numbers = [name for name, dtype in df.dtypes.items() if dtype.kind == "i"]
        if numbers:
            _rewind(source)
            texts = read(source, **options, usecols=numbers, dtype="str")
            for name in numbers:
                if texts[name].str.contains(r"^\s*[-+]?0\d", na=False).any():
                    df[name] = texts[name]
    return df


def _json_lines(source: Any, encoding: str) -> pd.DataFrame:
    # pandas' own reader would take "007" for 7, and a column called "date" for one of dates.
    records = []
    with _opened(source) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            record = orjson.loads(line if encoding.lower().replace("-", "") == "utf8" else line.decode(encoding))
            if not isinstance(record, dict):
                raise ValueError(  # noqa: TRY004  a broken file, not a wrong call
                    f'line {number} is no JSON object, such as {{"title": "a dress"}}'
                )
            records.append(record)
    return pd.DataFrame(records)


def _opened(source: Any) -> Any:
    if isinstance(source, io.BytesIO):
        return source
    return gzip.open(source, "rb") if source.suffix.lower() == ".gz" else source.open("rb")


def _rewind(source: Any) -> None:
    if isinstance(source, io.BytesIO):
        source.seek(0)


def _write(df: pd.DataFrame, target: Any, form: TableFormat) -> None:
    if form == "parquet":
        df.to_parquet(target)
    elif form == "jsonl":
        df.to_json(target, orient="records", lines=True, force_ascii=False, double_precision=15, date_format="iso")
    else:
        df.to_csv(target, index=False, sep=_separator(form))


def _separator(form: TableFormat) -> str:
    return "\t" if form == "tsv" else ","
