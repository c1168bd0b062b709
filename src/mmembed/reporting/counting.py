"""Counting a part of a table for a report on all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mmembed.analysis.rows.cosine import unit_rows
from mmembed.frames import coordinates, is_missing, one_line
from mmembed.reporting.cards import value_names
from mmembed.reporting.grouping import NOISE, group_rows
from mmembed.reporting.trending import Span, read_dates
from mmembed.reporting.whole_table import GroupFigures, WholeTable
from mmembed.vectors import as_vector_array

_NAME_LENGTH = 80
# A breakdown by a column of more values than this is none, and its values would fill the memory.
_MOST_VALUES = 100_000


@dataclass(frozen=True)
class CountedColumns:
    """Names of the columns that a report counts.

    Attributes
    ----------
    vector, cluster : column name
    name, score, source, breakdown, date : column name or None
    span : Span or None
        The periods of the dates of the whole table.
    noise : bool
        Whether a label of −1 is noise.
    """

    vector: Hashable
    cluster: Hashable
    name: Hashable | None = None
    score: Hashable | None = None
    source: Hashable | None = None
    breakdown: Hashable | None = None
    date: Hashable | None = None
    span: Span | None = None
    noise: bool = True

    @property
    def used(self) -> list[Hashable]:
        """Each name once."""
        names = [self.vector, self.cluster, self.name, self.score, self.source, self.breakdown, self.date]
        return list(dict.fromkeys(name for name in names if name is not None))


def count_table(df: pd.DataFrame, columns: CountedColumns) -> WholeTable:
    """Return the figures of a frame, which may be a part of a table; :meth:`WholeTable.add` puts parts together.

    Raises
    ------
    ValueError
        If the breakdown column has more than 100,000 different values.
    """
    array = as_vector_array(df[columns.vector])
    lacking = np.asarray(array.isna())
    grouping = group_rows(df[columns.cluster], noise=columns.noise)
    names = _texts(df, columns.name)
    scores = np.full(len(df), np.nan) if columns.score is None else coordinates(df[columns.score])
    values = None if columns.breakdown is None else np.array(value_names(df[columns.breakdown]), dtype=object)
    dates, unreadable = (None, 0) if columns.date is None else read_dates(df[columns.date])
    span = columns.span
    places = None if dates is None or span is None else span.places(dates)
    failed = None
    if columns.source is not None:
        failed = sum(not is_missing(cell) for cell in df[columns.source].iloc[np.flatnonzero(lacking)])
    if values is not None and len(set(values)) > _MOST_VALUES:
        raise ValueError(
            f"Column {columns.breakdown!r} (breakdown=) has more than {_MOST_VALUES:,} different values; expected "
            "categories."
        )
    groups: dict[Hashable, GroupFigures] = {}
    for code, group in enumerate(grouping.groups):
        rows = grouping.rows(code)
        known = rows[np.isfinite(scores[rows])]
        there = rows[~lacking[rows]]
        units = unit_rows(array.matrix[there])
        groups[group.key] = GroupFigures(
            len(rows),
            Counter() if names is None else Counter(name for name in names[rows] if name),
            len(known),
            float(scores[known].sum()),
            Counter() if values is None else Counter(values[rows]),
            _counted(places, rows, span),
            len(there),
            units.sum(axis=0, dtype=np.float64),
            int(units.any(axis=1).sum()),
        )
    noise = int((grouping.codes == NOISE).sum())
    return WholeTable(len(df), int(lacking.sum()), failed, noise, grouping.missing, groups, unreadable, span)


def _texts(df: pd.DataFrame, column: Hashable | None) -> Any:
    return None if column is None else np.array([one_line(cell, _NAME_LENGTH) for cell in df[column]], dtype=object)


def _counted(places: Any, rows: Any, span: Span | None) -> Any:
    if places is None or span is None:
        return np.zeros(0, dtype=np.int64)
    here = places[rows]
    return np.bincount(here[here >= 0], minlength=len(span.names)).astype(np.int64)
