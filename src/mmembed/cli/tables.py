"""Tables in files and streams: Parquet, CSV, TSV and JSON lines."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import orjson
import pandas as pd

from mmembed._files import whole_file
from mmembed.cli.text_tables import (
    Origin,
    delimited,
    json_lines,
    read_delimited,
    read_json_lines,
    separator_of,
)
from mmembed.errors import MMEmbedError
from mmembed.vectors.parquet import read_parquet

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


# Numbers of one vector column in a group of rows of a Parquet file, and rows in any.
_NUMBERS_A_GROUP, _FEWEST_ROWS_A_GROUP = 1 << 23, 1024


class TableError(MMEmbedError, ValueError):
    """A table file that is missing, of an unknown kind, or broken."""


def read_table(
    path: Path, form: TableFormat | None = None, *, encoding: str | None = None, separator: str | None = None
) -> pd.DataFrame:
    """Read a table; vector columns come back from Parquet as vectors, and cells of texts as they were written.

    Parameters
    ----------
    path, form, encoding, separator
        As of :func:`open_table`.
    """
    return open_table(path, form, encoding=encoding, separator=separator)[0]


def open_table(
    path: Path, form: TableFormat | None = None, *, encoding: str | None = None, separator: str | None = None
) -> tuple[pd.DataFrame, Origin | None]:
    """Read a table, with what is needed to write its cells back as they were.

    Parameters
    ----------
    path : Path
        File or pipe to read; ``-`` is the standard input.
    form : str, optional
        One of ``FORMATS``; told by the file's suffix if not given. ``.gz`` may follow the suffixes of texts.
    encoding : str, optional
        Of CSV, TSV and JSON lines. UTF-8, UTF-16 with its mark and GBK, as Excel in Chinese writes it, are recognised.
    separator : str, optional
        Of CSV; recognised from the first lines if not given. That of TSV is the tabulator.

    Raises
    ------
    TableError
        If the file is missing, has an unknown suffix, or cannot be parsed.
    """
    if path != STREAM and path.is_dir():
        raise TableError(
            f"{str(path)!r} is a folder. Write the names of its files into a table, one a line: "
            f"(echo file; ls {path}/*) > files.csv. Then give files.csv and --column file."
        )
    form = form or format_of(path)
    if path != STREAM and not path.exists():
        raise TableError(f"There is no table {str(path)!r}. Give the path of a {KINDS} file.")
    shown = "The standard input" if path == STREAM else repr(str(path))
    try:
        if form == "parquet":
            return read_parquet(path if path.is_file() else io.BytesIO(_bytes_of(path))), None
        text = decoded(_bytes_of(path), encoding, lenient=form == "jsonl")
        if form == "jsonl":
            origin = read_json_lines(text)
        else:
            origin = read_delimited(text, _sign(separator) or ("\t" if form == "tsv" else separator_of(text)))
    except UnicodeDecodeError as error:
        raise TableError(
            f"{shown} cannot be read as {form}: it is not in {encoding or 'utf-8'} ({error.reason} at byte "
            f"{error.start}). Name its encoding; Excel in Chinese writes --encoding gb18030, older Western files are "
            "often cp1252."
        ) from error
    except (ValueError, OSError, LookupError, EOFError) as error:
        raise TableError(f"{shown} cannot be read as {form}: {error}") from error
    return origin.df, origin


def decoded(data: bytes, encoding: str | None, *, lenient: bool = False) -> str:
    """Return the text of a file, without the mark that Windows sets before it.

    Parameters
    ----------
    data : bytes
    encoding : str, optional
        UTF-8, UTF-16 with its mark and GBK are recognised if not given.
    lenient : bool
        Whether halves of surrogate pairs may stand in UTF-8.

    Raises
    ------
    UnicodeDecodeError
        If the bytes are in another encoding.
    """
    if encoding is not None and encoding.casefold().replace("-", "").replace("_", "") not in ("utf8", "utf8sig"):
        return data.decode(encoding).removeprefix("\ufeff")
    if encoding is None and data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if encoding is None and (text := _decode_gbk(data)) is not None:
            return text
        if not lenient:
            raise
    return data.decode("utf-8", "surrogatepass").removeprefix("\ufeff")


def _sign(separator: str | None) -> str | None:
    if separator in (None, "\\t"):  # as people type a tabulator in a shell
        return None if separator is None else "\t"
    if len(separator) != 1:
        raise ValueError(f"--sep {separator!r} is not one sign. Give one, such as ';'")
    return separator


# Of the characters of a text in GBK, nearly all are among the 6,763 of GB 2312; chance finds others.
_COMMON_SHARE = 0.9


def _decode_gbk(data: bytes) -> str | None:
    """Return the text if it is Chinese in GBK or GB 18030, else None: bytes of Western files often decode by chance."""
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return None
    foreign = [sign for sign in text if ord(sign) > 127]
    common = len("".join(foreign).encode("gb2312", "ignore")) / 2
    return text if foreign and common >= _COMMON_SHARE * len(foreign) else None


def _bytes_of(path: Path) -> bytes:
    data = sys.stdin.buffer.read() if path == STREAM else path.read_bytes()
    return gzip.decompress(data) if path.suffix.lower() == ".gz" else data


def write_table(df: pd.DataFrame, path: Path, form: TableFormat | None = None, *, origin: Origin | None = None) -> None:
    """Write a table whole or not at all; ``-`` is the standard output.

    Parameters
    ----------
    df : pandas.DataFrame
    path : Path
        A pipe is written to, all else is replaced.
    form : str, optional
        Told by the suffix if not given.
    origin : Origin, optional
        What the table was read from: what did not change is written as it was.

    Raises
    ------
    TableError
        If the suffix is unknown or the file cannot be written.
    """
    form = form or format_of(path)
    if path == STREAM:
        sys.stdout.flush()
        sys.stdout.buffer.write(encoded(df, form, origin))
        sys.stdout.buffer.flush()
        return
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(encoded(df, form, origin))
            return
        with whole_file(path) as part:
            if form == "parquet":
                _write_parquet(df, part)
            else:
                data = encoded(df, form, origin)
                part.write_bytes(gzip.compress(data) if path.suffix.lower() == ".gz" else data)
    except OSError as error:
        raise TableError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def encoded(df: pd.DataFrame, form: TableFormat, origin: Origin | None = None) -> bytes:
    """Return a table as the bytes of a file; texts are UTF-8."""
    if form == "parquet":
        buffer = io.BytesIO()
        _write_parquet(df, buffer)
        return buffer.getvalue()
    if form == "jsonl":
        return json_lines(df, origin)
    own = None if origin is None else origin.separator
    return delimited(df, "\t" if form == "tsv" else own if own not in (None, "\t") else ",", origin)


def _write_parquet(df: pd.DataFrame, target: Path | io.BytesIO) -> None:
    """Write a file from which plain pandas reads lists, and pandas with mmembed the vector columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from mmembed.vectors import VectorDtype
    from mmembed.vectors.arrow_table import table_from_frame

    table = table_from_frame(df, widen=True)
    is_vector = [pa.types.is_nested(kind) for kind in table.schema.types]
    widest = max((kind.dimension for kind in df.dtypes if isinstance(kind, VectorDtype)), default=1)
    pq.write_table(
        table,
        target,
        # Numbers of vectors hardly repeat, and a group of rows is unpacked as a whole.
        use_dictionary=[name for name, nested in zip(table.column_names, is_vector, strict=True) if not nested],
        row_group_size=max(_NUMBERS_A_GROUP // widest, _FEWEST_ROWS_A_GROUP),
    )


def check_target(path: Path, form: TableFormat | None = None) -> None:
    """Refuse a file that cannot be written, before there is anything to write.

    Raises
    ------
    TableError
        If its suffix is of no known kind, or its folder is not there or not to be written to.
    """
    if path == STREAM:
        return
    if form is None:
        format_of(path)
    check_folder(path)


def check_folder(path: Path) -> None:
    """Refuse a file whose folder is not there or not to be written to."""
    reason = None
    if path.is_dir():
        reason = "it is a folder"
    elif not path.parent.is_dir():
        reason = f"there is no folder {str(path.parent)!r}"
    elif path.exists() and not path.is_file():
        if not os.access(path, os.W_OK):
            reason = "it is not to be written to"
    else:
        try:  # what the system says of the folder is not always so: a user with all rights, a file system without files
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError:
            reason = f"the folder {str(path.parent)!r} is not to be written to"
    if reason is not None:
        raise TableError(f"{str(path)!r} cannot be written: {reason}.")


def check_parquet(df: pd.DataFrame) -> None:
    """Refuse columns that Parquet cannot hold, before what they stand beside is paid for.

    Raises
    ------
    TableError
        Names the column.
    """
    import pyarrow as pa

    for name, cells in df.items():
        if cells.dtype != object and not isinstance(cells.dtype, pd.StringDtype):
            continue
        try:
            pa.array(cells, from_pandas=True).validate(full=True)
        except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
            raise TableError(
                f"Column {name!r} cannot be stored as Parquet: {error}. Write CSV or JSON lines instead, such as "
                "-o out.jsonl, or leave the column out."
            ) from error


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
    with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as lines:
        first = next(lines)
    if form == "jsonl":
        return list(orjson.loads(first))
    text = decoded(first, None)
    return list(read_delimited(text, "\t" if form == "tsv" else separator_of(text)).df.columns)
