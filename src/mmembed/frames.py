"""Arguments that name one column of a frame, or several.

What every result needs to write itself into a frame: a copy, the same number of rows, by position.

Columns and cells as a picture of the frame needs them: a column that must exist, a cell as one line of text.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmembed.errors import ColumnNotFoundError, did_you_mean, listed


def column_of(df: pd.DataFrame, column: Hashable) -> pd.Series:
    """Return one column, or raise an error that names the nearest.

    Raises
    ------
    ColumnNotFoundError
        If the frame has no such column, or has it twice.
    """
    if column not in df.columns:
        hint = did_you_mean(column, df.columns)
        raise ColumnNotFoundError(f"Column {column!r} is not in the frame. Available: {listed(df.columns)}.{hint}")
    if (df.columns == column).sum() > 1:
        raise ColumnNotFoundError(f"The frame has several columns named {column!r}; rename all but one.")
    return df[column]


def is_missing(cell: object) -> bool:
    """Return whether a cell is one of the ways to write that nothing is there."""
    return (
        cell is None
        or cell is pd.NA
        or cell is pd.NaT
        or (isinstance(cell, float | np.floating) and bool(np.isnan(cell)))
    )


def as_list(df: Any, columns: Hashable | Sequence[Hashable] | None) -> list[Any]:
    """Return the columns that an argument names: none, one, or several in a list or tuple.

    Parameters
    ----------
    df : DataFrame of pandas or Dask
        Tells whether a tuple is several columns, or one label of MultiIndex columns.
    columns : label, sequence of labels or None
        A label is anything that a column may be called: a str, a number, a date.
    """
    if columns is None:
        return []
    if isinstance(columns, str) or not isinstance(columns, Sequence):
        return [columns]
    return [columns] if isinstance(columns, tuple) and columns in df.columns else list(columns)


def with_columns(df: pd.DataFrame, columns: Mapping[str, Any], n_rows: int) -> pd.DataFrame:
    """Return a copy of the frame with the columns, each value going to the row at its position.

    Parameters
    ----------
    df : pandas.DataFrame
        Left alone.
    columns : mapping of str to array
        Values in row order; an existing column of that name is replaced.
    n_rows : int
        How many rows the result was computed for.

    Raises
    ------
    ValueError
        If the frame has another number of rows.
    """
    if len(df) != n_rows:
        raise ValueError(
            f"The frame has {len(df)} rows, but the result was computed for {n_rows}. "
            "Give the frame whose vectors were used, with the same rows in the same order."
        )
    # assign copies as lazily as the installed pandas can; the labels of a Series mean nothing here.
    return df.assign(**{name: getattr(values, "array", values) for name, values in columns.items()})


# Control characters that are no white space, and halves of surrogate pairs.
_UNSHOWABLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")


def require_column(df: pd.DataFrame, column: Hashable, *, argument: str, remedy: str = "") -> pd.Series:
    """Return one column of the frame.

    Parameters
    ----------
    df : pandas.DataFrame
        Where to look.
    column : hashable
        Its name.
    argument : str
        The argument that named it, for the message.
    remedy : str
        The call that makes the column, for the message; empty if no call does.

    Raises
    ------
    ColumnNotFoundError
        If the frame has no such column.
    ValueError
        If the frame has several columns of this name.
    """
    if column not in df.columns:
        make = f" Make it with {remedy}." if remedy else " Name a column that is there."
        message = (
            f"Column {column!r} ({argument}=) is not in the frame. "
            f"Available: {listed(df.columns)}.{did_you_mean(column, df.columns)}{make}"
        )
        raise ColumnNotFoundError(message)
    values = df.loc[:, [one == column for one in df.columns]]
    if values.shape[1] != 1:
        message = (
            f"The frame has {values.shape[1]} columns named {column!r} ({argument}=); one was expected. "
            f"Rename them first."
        )
        raise ValueError(message)
    return values.iloc[:, 0]


def one_line(cell: object, most: int) -> str:
    """Return a cell as one line of at most ``most`` characters, safe to encode as UTF-8.

    White space runs become one space; control characters and lone surrogates, which no browser can show, are dropped.

    Examples
    --------
    >>> one_line("  red   dress", 20)
    'red dress'
    >>> one_line("summer dress", 7)
    'summer…'
    """
    if is_missing(cell) or isinstance(cell, bytes | bytearray | memoryview):
        return ""
    # A novel in a cell costs no more than what is shown: four times the length leaves room for dropped characters.
    start = _UNSHOWABLE.sub("", str(cell)[: 4 * most + 64])
    return cut(" ".join(start.split()), most)


def cut(line: str, most: int) -> str:
    """Return a line of at most ``most`` characters, with a sign where it was cut."""
    if len(line) <= most:
        return line
    return line[: most - 1].rstrip() + "…" if most > 0 else ""


def coordinates(values: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a map column as float64, shape (n,); missing and infinite values are NaN."""
    numbers = pd.to_numeric(values).to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)
