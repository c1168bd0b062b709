"""What every result needs to write itself into a frame: a copy, the same number of rows, by position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd


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
