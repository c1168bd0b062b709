"""Figures of the groups of a table and of the whole of it; those of parts of a table add up.

Groups have names, sizes, sums of their vectors, and the mean cosines within and between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.tallies.categories import MISSING, NOISE, Categories, Category, group_rows, key_order, told_key
from mmembed.analysis.tallies.dates import read_dates
from mmembed.analysis.tallies.trend import Period, Span
from mmembed.frames import column_of, coordinates, is_empty, is_missing, one_line
from mmembed.vectors import as_vector_array

_VALUE_LENGTH = 40


def value_names(values: pd.Series) -> list[str]:
    """Return the cells of a breakdown column as they are told, an empty text for a missing one."""
    return ["" if is_missing(cell) else one_line(cell, _VALUE_LENGTH) for cell in values]


@dataclass(frozen=True, eq=False)
class GroupFigures:
    """Figures of all rows of one cluster.

    Attributes
    ----------
    size : int
        Rows.
    names : Counter of str
        What the cluster is called, by rows.
    scored, score : int and float
        Rows that have a score, and the sum of scores.
    values : Counter of str
        Values of the breakdown column as they are told.
    periods : numpy.ndarray of int
        Rows in each period.
    vectors, vector_sum : int and numpy.ndarray, shape (d,)
        Rows that have a vector, and the sum of their unit rows.
    nonzero : int
        Rows whose vector is not all zeros.
    """

    size: int = 0
    names: Counter[str] = field(default_factory=Counter, repr=False)
    scored: int = 0
    score: float = 0.0
    values: Counter[str] = field(default_factory=Counter, repr=False)
    periods: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)
    vectors: int = 0
    vector_sum: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), repr=False)
    nonzero: int = 0

    @property
    def cohesion(self) -> float | None:
        """Mean cosine of the rows with the centroid of the group; None where neither scores nor vectors tell it.

        Clusters come with these cosines as scores, which their mean is taken of: they were fitted to vectors that may
        have been prepared. Other groups have the length of their mean unit row, which is the same number.
        """
        if self.scored:
            return self.score / self.scored
        return float(np.linalg.norm(self.vector_sum)) / self.vectors if self.vectors else None

    @property
    def name(self) -> str:
        """The most frequent name, or nothing."""
        return min(self.names, key=lambda name: (-self.names[name], name), default="")

    def __add__(self, other: GroupFigures) -> GroupFigures:
        return GroupFigures(
            self.size + other.size,
            self.names + other.names,
            self.scored + other.scored,
            self.score + other.score,
            self.values + other.values,  # noqa: PD011  a Counter
            self.periods + other.periods,
            self.vectors + other.vectors,
            self.vector_sum + other.vector_sum,
            self.nonzero + other.nonzero,
        )


@dataclass(frozen=True, eq=False)
class WholeTable:
    """Figures of all rows.

    Attributes
    ----------
    rows, without_vector, noise, missing : int
        Rows; those without a vector, in no cluster, without a label.
    failed : int or None
        Rows without a vector whose cell has content; None where the column of contents is not known.
    groups : mapping of label to GroupFigures
    unreadable : int
        Cells of the date column that are no date.
    span : Span or None
        The periods that rows are counted in.
    values, periods : Counter of str and numpy.ndarray of int
        Of all rows, those in no cluster too: values of the breakdown column, and rows in each period.
    """

    rows: int
    without_vector: int
    failed: int | None
    noise: int
    missing: int
    groups: Mapping[Hashable, GroupFigures] = field(repr=False)
    unreadable: int = 0
    span: Span | None = None
    values: Counter[str] = field(default_factory=Counter, repr=False)
    periods: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)

    def __add__(self, other: WholeTable) -> WholeTable:
        """Add the figures of another part of the table."""
        groups = dict(self.groups)
        for key, figures in other.groups.items():
            groups[key] = groups[key] + figures if key in groups else figures
        return WholeTable(
            self.rows + other.rows,
            self.without_vector + other.without_vector,
            None if self.failed is None or other.failed is None else self.failed + other.failed,
            self.noise + other.noise,
            self.missing + other.missing,
            groups,
            self.unreadable + other.unreadable,
            self.span,
            self.values + other.values,  # noqa: PD011  a Counter
            self.periods + other.periods,
        )

    def of(self, key: Hashable) -> GroupFigures:
        """Return the figures of one cluster."""
        return self.groups.get(key, GroupFigures())

    def trend(self, key: Hashable) -> tuple[Period, ...]:
        """Return how many rows of a cluster fall into each period."""
        if self.span is None:
            return ()
        return tuple(Period(*both) for both in zip(self.span.names, self.of(key).periods.tolist(), strict=True))

    def regroup(self, grouping: Categories, *, prefix: str) -> Categories:
        """Return the groups of a sample with the sizes and in the order of the whole table, those without rows too."""
        known = {group.key: (code, group) for code, group in enumerate(grouping.groups)}
        keys = sorted(self.groups, key=lambda key: (-self.groups[key].size, key_order(key)))
        ranks = np.zeros(len(known), dtype=np.int64)
        groups = []
        for rank, key in enumerate(keys):
            code, group = known.get(key, (None, Category(key, f"{prefix} {key}", 0)))
            if code is not None:
                ranks[code] = rank
            figures = self.groups[key]
            groups.append(replace(group, name=figures.name or group.name, size=figures.size))
        codes = grouping.codes.copy()
        inside = codes >= 0
        codes[inside] = ranks[codes[inside]]
        return Categories(codes, tuple(groups), self.noise, self.missing)


_NAME_LENGTH = 80

# A breakdown by a column of more values than this is none, and its values would fill the memory.
_MOST_VALUES = 100_000


@dataclass(frozen=True)
class CountedColumns:
    """Names of the columns that a report counts.

    Attributes
    ----------
    vector : column name or None
        Without one, the rows without a label count as those without a vector.
    cluster : column name
    name, score, source, breakdown, date : column name or None
    span : Span or None
        The periods of the dates of the whole table; those of the dates that are counted where it is None.
    noise : bool
        Whether a label of −1 is noise.
    """

    vector: Hashable | None
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
    """Return the figures of a frame, which may be a part of a table; the figures of parts add up.

    Raises
    ------
    ValueError
        If the breakdown column has more than 100,000 different values.
    """
    array = None if columns.vector is None else as_vector_array(df[columns.vector])
    grouping = group_rows(df[columns.cluster], noise=columns.noise)
    lacking = grouping.codes == MISSING if array is None else np.asarray(array.isna())
    names = _texts(df, columns.name)
    scores = np.full(len(df), np.nan) if columns.score is None else coordinates(df[columns.score])
    values = None if columns.breakdown is None else np.array(value_names(df[columns.breakdown]), dtype=object)
    dates, unreadable = (None, 0) if columns.date is None else read_dates(df[columns.date])
    span = Span.of(dates) if columns.span is None and dates is not None else columns.span
    places = None if dates is None or span is None else span.places(dates)
    failed = None
    if columns.source is not None:
        failed = sum(not is_empty(cell) for cell in df[columns.source].iloc[np.flatnonzero(lacking)])
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
        units = np.empty((0, 0), dtype=np.float32) if array is None else unit_rows(array.matrix[there])
        groups[group.key] = GroupFigures(
            len(rows),
            Counter() if names is None else Counter(name for name in names[rows] if name),
            len(known),
            float(scores[known].sum()),
            Counter() if values is None else Counter(values[rows]),
            _count_by_period(places, rows, span),
            len(units),
            units.sum(axis=0, dtype=np.float64),
            int(units.any(axis=1).sum()),
        )
    return WholeTable(
        len(df),
        int(lacking.sum()),
        failed,
        int((grouping.codes == NOISE).sum()),
        grouping.missing,
        groups,
        unreadable,
        span,
        Counter() if values is None else Counter(values),
        _count_by_period(places, np.arange(len(df)), span),
    )


def _texts(df: pd.DataFrame, column: Hashable | None) -> Any:
    return None if column is None else np.array([one_line(cell, _NAME_LENGTH) for cell in df[column]], dtype=object)


def _count_by_period(places: Any, rows: Any, span: Span | None) -> Any:
    if places is None or span is None:
        return np.zeros(0, dtype=np.int64)
    here = places[rows]
    return np.bincount(here[here >= 0], minlength=len(span.names)).astype(np.int64)


Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GroupVectors:
    """Groups of rows by their vectors, the largest group first; noise and rows without a vector are in none.

    Attributes
    ----------
    groups : tuple of Group
    counts : numpy.ndarray, shape (g,)
        Rows with a vector in each group, at least 1.
    sums : numpy.ndarray, shape (g, d), float64
        Sum of the unit rows of each group.
    selves : numpy.ndarray, shape (g,), float64
        Sum of the cosines of each row with itself: the rows that are no zero vector.
    cohesions : numpy.ndarray, shape (g,), float64
        Cohesion of each group; see :attr:`GroupFigures.cohesion`.
    noise : int
        Rows in no group.
    """

    groups: tuple[Category, ...]
    counts: npt.NDArray[np.int64] = field(repr=False)
    sums: Doubles = field(repr=False)
    selves: Doubles = field(repr=False)
    cohesions: Doubles = field(repr=False)
    noise: int = 0

    @property
    def centroids(self) -> Doubles:
        """Mean direction of each group, shape (g, d)."""
        lengths = np.linalg.norm(self.sums, axis=1, keepdims=True)
        return np.asarray(self.sums / np.where(lengths > 0, lengths, 1))

    def mean_cosines(self) -> Doubles:
        """Return the mean cosine of a row of one group with a row of another, shape (g, g).

        On the diagonal, of two different rows of the group; NaN where it has one row. That is lower than the cohesion
        of the group, whose rows are compared with their centroid.
        """
        products = self.sums @ self.sums.T
        pairs = np.outer(self.counts, self.counts).astype(np.float64)
        own = np.diag_indices(len(self.counts))
        products[own] -= self.selves
        pairs[own] -= self.counts
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(pairs > 0, products / pairs, np.nan))

    def nearest(self) -> npt.NDArray[np.int64]:
        """Return for each group the one with the most similar centroid; -1 where there is one group only."""
        if len(self.groups) < 2:
            return np.full(len(self.groups), -1, dtype=np.int64)
        cosines = self.centroids @ self.centroids.T
        np.fill_diagonal(cosines, -np.inf)
        return np.asarray(cosines.argmax(axis=1), dtype=np.int64)


def columns_of_groups(
    available: Collection[Hashable], column: Hashable, by: Hashable, name: Hashable | None
) -> CountedColumns:
    """Return what is counted of groups for a figure: their vectors, and of clusters their names and scores.

    Parameters
    ----------
    available : collection of column names
        Columns of the frame; names and scores are counted where it has them.
    column, by, name : column name
        As in :func:`group_vectors`.
    """
    is_cluster = by == "cluster"
    return CountedColumns(
        vector=column,
        cluster=by,
        name=name if name in available else None,
        score="cluster_score" if is_cluster and "cluster_score" in available else None,
        noise=is_cluster,
    )


def group_vectors(
    df: pd.DataFrame, column: Hashable, by: Hashable, name: Hashable | None, *, argument: str, remedy: str
) -> GroupVectors:
    """Return the groups of a frame by a column, with their vectors.

    Parameters
    ----------
    df : pandas.DataFrame
    column : column name
        A vector column.
    by : column name
        Labels; -1 is noise in the column ``cluster``.
    name : column name or None
        Names of the groups, used where the frame has the column.
    argument, remedy : str
        For the message where the frame has no ``by``.

    Raises
    ------
    ColumnNotFoundError
        If a column is not there.
    ValueError
        If no row has both a vector and a group.
    """
    labels = column_of(df, by, argument=argument, remedy=remedy)
    vectors = column_of(df, column, argument="column", remedy="df.mmembed.embed(…)")
    counted = columns_of_groups(df.columns, column, by, name)
    more = [df[one] for one in (counted.name, counted.score) if one is not None]
    parts = {one.name: one for one in (labels, vectors, *more)}
    return of_whole(count_table(pd.DataFrame(parts), counted), column, by)


def of_whole(whole: WholeTable, column: Hashable, by: Hashable) -> GroupVectors:
    """Return the groups of a table that was counted.

    Raises
    ------
    ValueError
        If no row has both a vector and a group.
    """
    ranked = sorted(whole.groups, key=lambda key: (-whole.groups[key].size, key_order(key)))
    there = [key for key in ranked if whole.groups[key].vectors]
    if not there:
        raise ValueError(f"No row has both a vector in {column!r} and a group in {by!r}. Name other columns.")
    figures = [whole.groups[key] for key in there]
    return GroupVectors(
        tuple(Category(key, one.name or told_key(key), one.size) for key, one in zip(there, figures, strict=True)),
        np.array([one.vectors for one in figures]),
        np.stack([one.vector_sum for one in figures]),
        np.array([one.nonzero for one in figures], dtype=np.float64),
        np.array([one.cohesion for one in figures], dtype=np.float64),
        whole.noise,
    )
