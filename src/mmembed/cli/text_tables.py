"""Tables as text, cell by cell: CSV, TSV and JSON lines, whose cells come out as they went in.

A column gets a type only where every cell reads back as it was written, so that article numbers, long ids, ``+86…``,
``12E4`` and ``2.10`` stay what they are.
"""

from __future__ import annotations

import csv
import io
import json
import json.decoder
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pandas as pd

# The parts of json that say where a value ends; its annotations leave them out.
_SPACE: Any = vars(json.decoder)["WHITESPACE"]
_scan_text: Any = vars(json.decoder)["scanstring"]
SEPARATORS = (",", ";", "\t", "|")
_LINES_TO_COMPARE = 20
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_HALF = re.compile("[\ud800-\udfff]")
_LEADING_ZERO = re.compile(r"\s*[-+]?0\d")
_LARGEST = 2**63
_EXACT_IN_FLOAT = 2**53
_END = "\0\n"  # between rows, which no cell holds


@dataclass(frozen=True)
class Origin:
    """What a table was read from, as far as it is needed to write its cells as they were.

    Attributes
    ----------
    df : pandas.DataFrame
        As it was read, its rows numbered from 0.
    separator : str or None
        Of CSV and TSV.
    names : mapping of str to str
        Columns whose name in the file is another one, because it was empty or not the first of its kind.
    lines : sequence of str
        One a row, as it stands in the file; of CSV without the end of the line, and empty where the row has more or
        fewer cells than the header.
    cells : sequence of mapping of str to str
        Of JSON lines: the text of each value.
    as_vectors : dict of str to Series
        Columns of texts or lists that were made vectors since, as they were read.
    """

    df: pd.DataFrame
    separator: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[str] = ()
    cells: Sequence[Mapping[str, str]] = ()
    as_vectors: dict[str, pd.Series] = field(default_factory=dict)


def separator_of(text: str) -> str:
    r"""Return what parts the cells of a table: the one of ``, ; tab |`` that gives the first lines equally many cells.

    Examples
    --------
    >>> separator_of("标题;图;价\n红,蓝;a.jpg;2,50\n")
    ';'
    """
    counts = {}
    for one in SEPARATORS:
        rows = _rows(text, one)
        widths = [len(row) for row, _ in zip(rows, range(_LINES_TO_COMPARE), strict=False) if row]
        # Rows may all end in separators that the header lacks.
        is_even = len(set(widths[1:])) <= 1 and min(widths, default=0) == next(iter(widths), 0)
        counts[one] = widths[0] if widths and is_even else 1
    # A comma wins where it parts the first line at all: a cell may hold anything.
    if len(next(_rows(text, ","), [])) > 1 and counts[","] >= max(counts.values()):
        return ","
    best = max(SEPARATORS, key=lambda one: counts[one])
    return best if counts[best] > 1 else ","


def read_delimited(text: str, separator: str) -> Origin:
    """Read CSV or TSV.

    Raises
    ------
    ValueError
        If a row has more cells than the header names, and the rest is not empty.
    """
    rows = _rows(text, separator)
    written, begin = list(io.StringIO(text, newline="")), 0
    header = next(rows, None)
    if header is None:
        raise ValueError("it is empty; expected a line with the names of the columns")
    names = _distinct(header)
    table: list[list[str]] = []
    lines: list[str] = []
    begin = rows.line_num
    for row in rows:
        if any(row[len(names) :]):
            raise ValueError(
                f"line {rows.line_num} has {len(row)} cells, and the first line names {len(names)} columns. Give each "
                "column a name, quote cells that hold the separator, or name another separator with --sep"
            )
        table.append(row[: len(names)] + [""] * (len(names) - len(row)))
        lines.append("".join(written[begin : rows.line_num]).strip("\r\n") if len(row) == len(names) else "")
        begin = rows.line_num
    columns = {name: typed([row[place] for row in table]) for place, name in enumerate(names)}
    df = pd.DataFrame(columns, index=pd.RangeIndex(len(table)), columns=pd.Index(names))
    renamed = {name: given for name, given in zip(names, header, strict=True) if name != given}
    return Origin(df, separator, renamed, lines)


def typed(cells: Sequence[str]) -> pd.Series:
    """Return cells as whole numbers, fractions or truth values where each reads back as it was written, else as texts.

    Examples
    --------
    >>> typed(["1", ""]).dtype, typed(["0.5", "2.0"]).dtype, typed(["007"]).tolist(), typed(["2.10"]).tolist()
    (Int64Dtype(), dtype('float64'), ['007'], ['2.10'])
    """
    present = [cell for cell in cells if cell]
    if not present:
        return pd.Series(np.nan, index=range(len(cells)), dtype=np.float64)
    is_full = len(present) == len(cells)
    if all(_WHOLE.fullmatch(cell) and -_LARGEST <= int(cell) < _LARGEST for cell in present):
        numbers = [int(cell) if cell else None for cell in cells]
        return pd.Series(numbers, dtype="int64" if is_full else "Int64")
    if all(_is_plain_fraction(cell) for cell in present):
        return pd.Series([float(cell) if cell else np.nan for cell in cells], dtype=np.float64)
    if all(cell in ("True", "False") for cell in present):
        return pd.Series([cell == "True" if cell else None for cell in cells], dtype="bool" if is_full else "boolean")
    return pd.Series([cell or np.nan for cell in cells])


def with_numbers(df: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose texts are numbers where a whole column reads as numbers: to compute with, not to write."""
    found: dict[Any, Any] = {}
    for name, cells in df.items():
        if not (cells.dtype == object or isinstance(cells.dtype, pd.StringDtype)):
            continue
        present = cells.dropna()
        if not len(present) or not all(isinstance(cell, str) for cell in present):
            continue
        numbers = pd.to_numeric(cells, errors="coerce")
        if numbers[present.index].notna().all() and not any(map(_LEADING_ZERO.match, present)):
            found[name] = numbers
    return df.assign(**found)


def read_json_lines(text: str) -> Origin:
    """Read one object a line; ``NaN`` and halves of surrogate pairs are taken as they come.

    Raises
    ------
    ValueError
        If a line is no JSON object.
    """
    decoder = json.JSONDecoder(strict=False)
    records, cells, lines = [], [], []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record, raw = _parse_object(line, decoder)
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number} is no JSON: {error.msg} at character {error.pos + 1}") from error
        if record is None:
            raise ValueError(f'line {number} is no JSON object, such as {{"title": "a dress"}}')
        records.append(record)
        cells.append(raw)
        lines.append(line)
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {name: _column([record.get(name, np.nan) for record in records]) for name in names}
    df = pd.DataFrame(columns, index=pd.RangeIndex(len(records)))
    return Origin(df, lines=lines, cells=cells)


def delimited(df: pd.DataFrame, separator: str, origin: Origin | None) -> bytes:
    """Return a frame as CSV; columns that were only read as vectors are written as they came."""
    rows = _rows_of(df, origin)
    if rows is not None and origin is not None:
        given = {name: cells for name, cells in origin.as_vectors.items() if name in df.columns}
        df = df.assign(**{name: cells.array.take(rows) for name, cells in given.items()})
    names = {} if origin is None else origin.names
    written = df.to_csv(index=False, sep=separator, header=[names.get(name, name) for name in df.columns])
    if rows is not None and origin is not None and separator == origin.separator:
        written = _with_lines_as_they_were(written, df, rows, origin)
    return written.encode("utf-8", "surrogatepass")


def _with_lines_as_they_were(written: str, df: pd.DataFrame, rows: Any, origin: Origin) -> str:
    """Return CSV whose rows begin as the file has them, quotes and all, where all of their cells are still there."""
    old = list(origin.df.columns)
    new, separator = list(df.columns)[len(old) :], str(origin.separator)
    if list(df.columns)[: len(old)] != old or not all(_is_kept(df[name], name, rows, origin) for name in old):
        return written

    def parts(columns: list[Any]) -> list[str]:
        found = df[columns].to_csv(index=False, sep=separator, header=False, lineterminator=_END).split(_END)
        return ["" if part == '""' else part for part in found[:-1]]  # how pandas writes an empty line

    header = df.iloc[:0].to_csv(
        index=False, sep=separator, header=[origin.names.get(name, name) for name in df.columns]
    )
    lines = (origin.lines[row] or plain for row, plain in zip(rows, parts(old), strict=True))
    if not new:
        return header + "".join(f"{line}\n" for line in lines)
    return header + "".join(f"{line}{separator}{more}\n" for line, more in zip(lines, parts(new), strict=True))


def json_lines(df: pd.DataFrame, origin: Origin | None) -> bytes:
    """Return a frame as JSON lines; what was read from JSON lines and not changed is written as it was."""
    rows = _rows_of(df, origin) if origin is not None and origin.cells else None
    kept = {name for name in df.columns if rows is not None and _is_kept(df[name], name, rows, origin)}
    columns = {str(name): list(df[name]) for name in df.columns}
    written = []
    for place in range(len(df)):
        raw = {} if rows is None or origin is None else origin.cells[rows[place]]
        items = {
            name: raw.get(name) if name in kept else encoded_value(cells[place]) for name, cells in columns.items()
        }
        new = {name: text for name, text in items.items() if text is not None}
        if rows is not None and origin is not None and raw and all(name in kept for name in raw):
            line = origin.lines[rows[place]].rstrip()
            new = {name: text for name, text in new.items() if name not in raw}
            written.append(_join_cells(new, line[:-1].rstrip(), is_spaced='": ' in line))
        else:
            written.append(_join_cells(new, "{", is_spaced=False))
    return "".join(written).encode("utf-8", "surrogatepass")


def encoded_value(value: Any) -> str:
    """Return a value as JSON: numbers as short as they can be, what is missing or infinite as null.

    Examples
    --------
    >>> encoded_value(np.float32(0.1)), encoded_value(float("nan")), encoded_value("红")
    ('0.1', 'null', '"红"')
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return "null"
    if hasattr(value, "space"):
        value = np.asarray(value)
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # whole numbers over 64 bits, and halves of surrogate pairs
        return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


def _join_cells(items: Mapping[str, str], start: str, *, is_spaced: bool) -> str:
    comma, colon = (", ", ": ") if is_spaced else (",", ":")
    parts = [f"{encoded_value(name)}{colon}{text}" for name, text in items.items()]
    begin = start if not parts or start.endswith("{") else start + comma
    return begin + comma.join(parts) + "}\n"


def _rows(text: str, separator: str) -> Any:
    csv.field_size_limit(sys.maxsize)
    return _Rows(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


class _Rows:
    """The rows of a CSV reader that are no blank lines."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def __iter__(self) -> _Rows:
        return self

    def __next__(self) -> list[str]:
        try:
            row: list[str] = next(self._reader)
            while not row:
                row = next(self._reader)
        except csv.Error as error:
            raise ValueError(f"line {self.line_num}: {error}") from error
        return row

    @property
    def line_num(self) -> int:
        return int(self._reader.line_num)


def _distinct(header: Sequence[str]) -> list[str]:
    names: list[str] = []
    for place, given in enumerate(header):
        name, again = given or f"Unnamed: {place}", 0
        while name in names:
            again += 1
            name = f"{given}.{again}"
        names.append(name)
    return names


def _is_plain_fraction(cell: str) -> bool:
    try:
        number = float(cell)
    except ValueError:
        return False
    return repr(number) == cell and np.isfinite(number)


def _column(values: list[Any]) -> pd.Series:
    """Return values of JSON as a column, whole numbers exact also where some are missing."""
    present = [one for one in values if one is not None and one is not np.nan]  # noqa: PLW0177  the mark of an absent key
    kinds = set(map(type, present))
    if kinds == {int} and all(-_LARGEST <= one < _LARGEST for one in present):
        is_full = len(present) == len(values)
        return pd.Series([one if type(one) is int else None for one in values], dtype="int64" if is_full else "Int64")
    if kinds and kinds <= {int, float}:
        is_exact = all(abs(one) < _EXACT_IN_FLOAT for one in present if type(one) is int)
        return pd.Series([np.nan if one is None else one for one in values], dtype=np.float64 if is_exact else object)
    if kinds == {str} and any(map(_HALF.search, present)):
        return pd.Series(values, dtype=object)  # which Arrow's texts cannot hold
    return pd.Series(values, dtype=None if kinds <= {str, bool} else object)


def _parse_object(line: str, decoder: json.JSONDecoder) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """Return the object of a line and the text of each of its values; None where it is something else."""

    def after_space(at: int) -> int:
        return int(_SPACE.match(line, at).end())

    def expect(sign: str, at: int) -> int:
        if line[at : at + 1] != sign:
            raise json.JSONDecodeError(f"expected {sign!r}", line, at)
        return at + 1

    begin = after_space(0)
    if line[begin : begin + 1] != "{":
        decoder.decode(line)
        return None, {}
    record: dict[str, Any] = {}
    raw: dict[str, str] = {}
    at = after_space(begin + 1)
    while line[at : at + 1] != "}":
        if record:
            at = after_space(expect(",", at))
        name, at = _scan_text(line, expect('"', at), False)  # noqa: FBT003  json's own way
        at = after_space(expect(":", after_space(at)))
        record[name], end = decoder.raw_decode(line, at)
        raw[name] = line[at:end]
        at = after_space(end)
    if after_space(at + 1) != len(line):
        raise json.JSONDecodeError("more after the object", line, at + 1)
    return record, raw


def _rows_of(df: pd.DataFrame, origin: Origin | None) -> Any:
    """Return which row of its origin each row of a frame is; None where that is not known."""
    if origin is None or df.index.dtype.kind not in "iu" or not len(df):
        return None
    rows = df.index.to_numpy()
    return rows if rows.min() >= 0 and rows.max() < len(origin.df) else None


def _is_kept(cells: pd.Series, name: Any, rows: Any, origin: Origin | None) -> bool:
    """Return whether a column holds what was read."""
    if origin is None or name not in origin.df.columns:
        return False
    if name in origin.as_vectors:
        return True
    given = origin.df[name].take(rows)
    if given.dtype != cells.dtype:
        return False
    if cells.dtype == object:
        return all(one is other for one, other in zip(cells, given, strict=True))
    return bool(cells.equals(given))
