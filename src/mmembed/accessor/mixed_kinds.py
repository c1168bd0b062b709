"""Kinds of content in one vector column: said by a column, or seen in the cells that the vectors were made from."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.contents.content import is_empty, kind_of_cell
from mmembed.errors import ContentError, MixedKindsWarning
from mmembed.frames import column_of
from mmembed.vectors import as_vector_array

Kinds = str | Literal[False] | None
_FEWEST = 10  # rows of a kind; the mean of fewer is mostly those rows themselves
_SUFFIX = "_vector"


def kinds_of_rows(df: pd.DataFrame, column: str, kinds: Kinds) -> pd.Series | None:
    """Return of which kind each row of a vector column is, or None where all are of one kind or nobody knows.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    column : str
        Its vector column.
    kinds : str, False or None
        The column that says it; False to treat all rows alike; None to look at the cells of ``x`` for ``x_vector``.

    Warns
    -----
    MixedKindsWarning
        If the cells are of several kinds: what is done about it, and how to have it otherwise.
    """
    if kinds is False:
        return None
    if kinds is not None:
        return column_of(df, kinds)
    source = str(column).removesuffix(_SUFFIX)
    has_vector = ~as_vector_array(column_of(df, column)).isna()
    found = _kinds_of_source(df, source, has_vector) if source != column else []
    counts = pd.Series(found, dtype=object).value_counts()
    if len(counts) < 2:
        return None
    held = " and ".join(f"{count} of kind {kind}" for kind, count in counts.items())
    if is_enough := counts.min() >= _FEWEST:
        done = "The mean of each kind was removed, so that rows group by meaning. kinds=False leaves the means"
    else:
        done = (
            f"Kinds lie apart in the space, and {counts.min()} rows are too few for the mean of a kind: rows may group "
            "by kind. kinds=False says that this is meant"
        )
    warnings.warn(
        f"Column {source!r} holds {held}. {done}, kinds= names a column of kinds.", MixedKindsWarning, stacklevel=3
    )
    if not is_enough:
        return None
    rows = np.full(len(df), "none", dtype=object)
    rows[has_vector] = found
    return pd.Series(rows, index=df.index)


def _kinds_of_source(df: pd.DataFrame, source: str, has_vector: npt.NDArray[np.bool_]) -> list[str]:
    """Return the kinds of the cells that have a vector; none where all are strings, or their kinds uncertain."""
    if (df.columns == source).sum() != 1 or df[source].dtype != object:
        return []
    cells = df[source][has_vector]
    return [] if pd.api.types.infer_dtype(cells, skipna=False) == "string" else _kinds_of_cells(cells)


def _kinds_of_cells(cells: Iterable[Any]) -> list[str]:
    """Return the kinds; none if a text could also be the name or the address of a picture or video."""
    found = []
    for cell in cells:
        if is_empty(cell):
            return []  # the vectors were not made from these cells
        try:
            kind = kind_of_cell(cell)
        except ContentError:
            return []
        if isinstance(cell, str) and kind != "text":
            return []
        found.append(str(kind))
    return found
