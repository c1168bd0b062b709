"""Columns and cells as a picture of the frame needs them: a column that must exist, a cell as one line of text."""

from __future__ import annotations

import re
from collections.abc import Hashable

import numpy as np
import pandas as pd

from mmembed.errors import ColumnNotFoundError, did_you_mean, listed
from mmembed.vectors.construction import is_missing

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
