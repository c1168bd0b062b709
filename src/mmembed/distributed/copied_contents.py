"""Tables in partitions whose contents tell copies: one that is small enough comes into this process for that.

The nearest rows of every row are asked for their contents, so all rows must be at hand; a table of more rows is refused
where its contents were asked for, and said to be compared by its vectors alone where they were not.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from dask.base import compute

from mmembed.accessor.arguments import source_of
from mmembed.accessor.copied_contents import Contents, alike_by_cells, alike_by_contents, kind_at_hand, named_contents
from mmembed.distributed.pairs import Blocking
from mmembed.distributed.partitions import each, parts_of
from mmembed.frames import column_of

if TYPE_CHECKING:
    import dask.dataframe as dd

    from mmembed.analysis.finding.copied_pairs import Alike

_FIRST_CELLS = 1000


@dataclass(frozen=True, eq=False)
class ComparedTable:
    """The vectors of a whole table in this process, and what says by their contents which rows are copies.

    Attributes
    ----------
    vectors : pandas.Series
    counts : list of int
        How many rows each partition has.
    alike : callable or None
        As of :func:`mmembed.find_duplicates`; None where the vectors alone tell.
    """

    vectors: pd.Series = field(repr=False)
    counts: list[int] = field(repr=False)
    alike: Alike | None = field(repr=False)


def compared_by_column(
    ddf: dd.DataFrame, column: Any, contents: Contents, threshold: Any, *, root: Path | str | None
) -> ComparedTable | None:
    """Return the table with what tells its copies by the rules of the pandas verb; None where the vectors alone tell.

    Raises
    ------
    ValueError
        As on pandas, and if contents are named in a table of more than 10,000 rows.

    Warns
    -----
    UserWarning
        If the contents of so many rows would be compared on pandas, and were not named.
    """
    meta = ddf._meta  # noqa: SLF001  Dask has no other name for it
    name: Any
    if contents is None or contents is False:
        name = None if contents is False or threshold != "auto" else source_of(meta.columns, column)
        if name is None:
            return None
    elif threshold != "auto":
        alike_by_contents(meta, column, contents, threshold)  # refuses both
    else:
        name = column_of(meta, named_contents(contents)[0], argument="contents").name
    vectors = ddf[column_of(meta, column).name]
    counts, most = _counts(vectors), Blocking().rows_at_once
    if sum(counts) <= most:
        rows, cells = _in_one(vectors), _in_one(ddf[name])
        both = pd.DataFrame({name: cells, column: rows})
        alike = alike_by_contents(both, column, contents, threshold, root=root)
        return None if alike is None else ComparedTable(rows, counts, alike)
    if contents is not None:
        raise _too_many(counts, most)
    if _first_kind(ddf[name], counts) is not None:
        warnings.warn(
            f"{name!r} is not looked at: contents are compared in tables of up to {most:,} rows, and this one has "
            f"{sum(counts):,}. The vectors alone say which rows are copies; contents=False says so, too.",
            stacklevel=5,
        )
    return None


def compared_cells(
    vectors: dd.Series,
    contents: dd.Series,
    modality: str,
    threshold: Any,
    *,
    root: str | os.PathLike[str] | None,
    most: int,
) -> ComparedTable:
    """Return the table with what tells its copies by a column of contents.

    Raises
    ------
    ValueError
        As of pandas' ``find_duplicates``, and if there are more rows than are compared at once.
    """
    counts = _counts(vectors)
    if sum(counts) > most:
        raise _too_many(counts, most)
    rows, cells = _in_one(vectors), _in_one(contents)
    alike = alike_by_cells(rows, cells, modality, threshold, None, root=root)
    return ComparedTable(rows, counts, alike)


def _too_many(counts: list[int], most: int) -> ValueError:
    return ValueError(
        f"contents= compares tables of up to {most:,} rows, and this one has {sum(counts):,}. Leave it out to find "
        "copies by the vectors alone, or compare a part of the table on pandas."
    )


def _counts(vectors: dd.Series) -> list[int]:
    return list(compute(*each(len, vectors)))


def _in_one(column: dd.Series) -> pd.Series:
    rows: pd.Series = pd.concat(compute(*parts_of(column)), ignore_index=True)
    return rows


def _first_kind(cells: dd.Series, counts: list[int]) -> str | None:
    """Return what the first cells are; None where they are not compared."""
    first = next(part for part, count in zip(parts_of(cells), counts, strict=True) if count)
    return kind_at_hand(first.compute().head(_FIRST_CELLS))
