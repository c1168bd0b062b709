"""Figures of all rows of a table where a report shows a sample of them; those of parts of the table add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from mmembed.reporting.grouping import Group, Grouping, key_order
from mmembed.reporting.trending import Period, Span


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
        """Mean score, None where no row has one."""
        return self.score / self.scored if self.scored else None

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
            self.values + other.values,
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
    """

    rows: int
    without_vector: int
    failed: int | None
    noise: int
    missing: int
    groups: Mapping[Hashable, GroupFigures] = field(repr=False)
    unreadable: int = 0
    span: Span | None = None

    @staticmethod
    def add(parts: Sequence[WholeTable]) -> WholeTable:
        """Return the figures of a table from those of its parts."""
        groups: dict[Hashable, GroupFigures] = {}
        for part in parts:
            for key, figures in part.groups.items():
                groups[key] = groups[key] + figures if key in groups else figures
        return WholeTable(
            sum(one.rows for one in parts),
            sum(one.without_vector for one in parts),
            None if any(one.failed is None for one in parts) else sum(one.failed or 0 for one in parts),
            sum(one.noise for one in parts),
            sum(one.missing for one in parts),
            groups,
            sum(one.unreadable for one in parts),
            parts[0].span,
        )

    def of(self, key: Hashable) -> GroupFigures:
        """Return the figures of one cluster."""
        return self.groups.get(key, GroupFigures())

    def trend(self, key: Hashable) -> tuple[Period, ...]:
        """Return how many rows of a cluster fall into each period."""
        if self.span is None:
            return ()
        return tuple(Period(*both) for both in zip(self.span.names, self.of(key).periods.tolist(), strict=True))

    def regroup(self, grouping: Grouping, *, prefix: str) -> Grouping:
        """Return the groups of a sample with the sizes and in the order of the whole table, those without rows too."""
        known = {group.key: (code, group) for code, group in enumerate(grouping.groups)}
        keys = sorted(self.groups, key=lambda key: (-self.groups[key].size, key_order(key)))
        ranks = np.zeros(len(known), dtype=np.int64)
        groups = []
        for rank, key in enumerate(keys):
            code, group = known.get(key, (None, Group(key, f"{prefix} {key}", 0)))
            if code is not None:
                ranks[code] = rank
            figures = self.groups[key]
            groups.append(replace(group, name=figures.name or group.name, size=figures.size))
        codes = grouping.codes.copy()
        inside = codes >= 0
        codes[inside] = ranks[codes[inside]]
        return Grouping(codes, tuple(groups), self.noise, self.missing)
