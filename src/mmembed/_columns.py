"""Arguments that name one column of a frame, or several."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any


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
