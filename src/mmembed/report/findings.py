"""What other verbs found in the rows, read for the report: near duplicates, outliers, labels that look wrong.

Each may come as a column of the frame, as values of its length, or as the result object or frame of the verb.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.arrays import FloatVector
from mmembed.errors import did_you_mean, listed
from mmembed.frames import column_of, is_missing, one_line

_VALUE_LENGTH = 40
_EQUAL = 1 - 1e-6  # a cosine that is 1 but for rounding
# Which rows are far from the nearest one: see far_rows. Of fewer rows nobody can say what is far among them.
_FEWEST_TO_COMPARE = 20
_UPPER, _EDGE = 0.84, 0.95
_TIMES_MIDDLE, _TIMES_SPREAD = 1.75, 2.0


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row whose label the rest contradicts."""

    row: int
    given: str
    suggested: str
    score: float | None


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings by kind; None where nobody looked.

    Attributes
    ----------
    duplicates : tuple of tuple of int, or None
        Rows of each group of near duplicates, the largest group first.
    outliers : tuple of (int, float), or None
        Rows with their scores, the oddest first.
    suspects : tuple of Suspect, or None
        The most doubtful first.
    copies : (int, int) or None
        Rows that are a copy of an earlier one, and groups of copies, where they are not all of the near duplicates:
        nothing sets these apart in the table, and only equal rows are copies.
    label_column : str or None
        The column of the doubted labels, where it is known.
    nearest : numpy.ndarray, shape (n,), or None
        Cosine of each row with the nearest other one; None where nobody looked.
    """

    duplicates: tuple[tuple[int, ...], ...] | None = None
    outliers: tuple[tuple[int, float], ...] | None = None
    suspects: tuple[Suspect, ...] | None = None
    copies: tuple[int, int] | None = None
    label_column: str | None = None
    nearest: FloatVector | None = field(default=None, compare=False)

    def far_rows(self) -> list[int]:
        """Return the rows with a score that even the nearest row is far from, the farthest first."""
        scored = {row for row, _ in self.outliers or ()}
        return [] if self.nearest is None else [row for row in far_rows(self.nearest) if row in scored]

    def listed_outliers(self) -> list[tuple[int, float]]:
        """Return rows with their scores: those that even the nearest row is far from first, then by score."""
        place = {row: at for at, row in enumerate(self.far_rows())}
        return sorted(self.outliers or (), key=lambda one: place.get(one[0], len(place)))

    def median_nearest(self) -> float | None:
        """Return the median of the cosines of rows with the nearest one; None where none is known."""
        known = np.isfinite(self.nearest) if self.nearest is not None else np.zeros(0, dtype=bool)
        return float(np.median(self.nearest[known])) if self.nearest is not None and known.any() else None

    def nearest_of(self, row: int) -> float | None:
        """Return the cosine of a row with the nearest other one; None where it is not known."""
        known = self.nearest is not None and bool(np.isfinite(self.nearest[row]))
        return float(self.nearest[row]) if known and self.nearest is not None else None

    @property
    def are_nearest_only(self) -> bool:
        """Whether the near duplicates are only the nearest pairs of a table without copies."""
        return self.copies == (0, 0)

    def count_copies(self) -> tuple[int, int]:
        """Return how many rows are a copy of an earlier one, and how many groups they are in."""
        groups = self.duplicates or ()
        return (sum(map(len, groups)) - len(groups), len(groups)) if self.copies is None else self.copies


def far_rows(nearest: npt.ArrayLike) -> list[int]:
    """Return the rows that even the nearest row is far from, by the table's own distances, the farthest first.

    Its distance is among the greatest twentieth, at least 1.75 times the median, and at least twice as far above the
    median as that of one row in six. Rows that have a copy are near one, and are not counted among the distances.

    Parameters
    ----------
    nearest : array-like, shape (n,)
        Cosine of each row with the nearest other one; NaN where there is none.

    Examples
    --------
    >>> far_rows([0.3, *np.linspace(0.8, 0.9, 40), 1.0])
    [0]
    """
    cosines = np.asarray(nearest, dtype=np.float64)
    rows = np.flatnonzero(cosines < _EQUAL)
    if len(rows) < _FEWEST_TO_COMPARE:
        return []
    chords = np.sqrt(2 - 2 * cosines[rows])
    middle, upper, edge = np.quantile(chords, [0.5, _UPPER, _EDGE])
    least = max(edge, _TIMES_MIDDLE * middle, middle + _TIMES_SPREAD * (upper - middle))
    far = rows[chords >= least]
    return [int(row) for row in far[np.argsort(cosines[far], kind="stable")]]


def count_equal(given: Any) -> tuple[int, int] | None:
    """Return the equal rows among near duplicates that nothing sets apart from other pairs; None for all others.

    Parameters
    ----------
    given : object
        What was given as near duplicates; only the result of ``find_duplicates`` tells how its threshold was found.
    """
    if getattr(given, "threshold_source", None) != "rarest":
        return None
    equal = given.is_duplicate & (given.similarities >= _EQUAL)
    return int(equal.sum()), len(np.unique(given.representatives[equal]))


def read_duplicates(df: pd.DataFrame, given: Any) -> tuple[tuple[int, ...], ...]:
    """Return the groups of near duplicates that a column, values, a result or the frame of ``duplicates`` name.

    Rows with equal values are one group; a missing value and a value that occurs once are no group.
    """
    if isinstance(given, pd.DataFrame):
        rows, values = (
            _positions(df, given, argument="duplicates"),
            column_of(given, "group", argument="duplicates"),
        )
    else:
        rows, values = np.arange(len(df)), _values(df, given, argument="duplicates", words=("group", "duplicate"))
    codes, keys = pd.factorize(values.astype(object).map(lambda cell: None if is_missing(cell) else str(cell)))
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(keys) + 1))
    groups = [tuple(rows[order[low:high]].tolist()) for low, high in pairwise(bounds)]
    return tuple(sorted((group for group in groups if len(group) > 1), key=lambda group: (-len(group), group[0])))


def read_outliers(df: pd.DataFrame, given: Any) -> tuple[tuple[int, float], ...]:
    """Return all rows that have an outlier score, the highest first; of equal scores the first row."""
    values = _values(df, given, argument="outliers", words=("score", "outlier"))
    numbers = pd.to_numeric(values).to_numpy(dtype=np.float64, na_value=np.nan)
    order = np.argsort(-np.nan_to_num(numbers, nan=-np.inf), kind="stable")
    return tuple((int(row), float(numbers[row])) for row in order if np.isfinite(numbers[row]))


def read_label_issues(df: pd.DataFrame, given: Any) -> tuple[Suspect, ...]:
    """Return the rows with doubtful labels, in the order given.

    Parameters
    ----------
    given : pandas.DataFrame, or an object with ``label_issues()``
        One row a suspect, with ``position`` (else an index of unique labels), a column of the labels given, one of the
        labels suggested and, if there is one, ``score``.
    """
    frame = given.label_issues() if hasattr(given, "label_issues") else given
    if not isinstance(frame, pd.DataFrame):
        message = (
            f"label_issues= is a {type(given).__name__!r}; expected the frame that .label_issues() of a fitted "
            "classifier returns, or the classifier itself."
        )
        raise TypeError(message)
    rows = _positions(df, frame, argument="label_issues")
    before = _first_column(frame, ("given", "label", "target"), "the label it has")
    after = _first_column(frame, ("suggested", "suggestion", "predicted"), "the label suggested")
    scores = next((frame[name] for name in ("score", "confidence", "doubt") if name in frame), None)
    return tuple(
        Suspect(
            row,
            one_line(before.iloc[place], _VALUE_LENGTH),
            one_line(after.iloc[place], _VALUE_LENGTH),
            None if scores is None or is_missing(scores.iloc[place]) else float(scores.iloc[place]),
        )
        for place, row in enumerate(rows.tolist())
    )


def _values(df: pd.DataFrame, given: Any, *, argument: str, words: Sequence[str]) -> pd.Series:
    if isinstance(given, Hashable) and not hasattr(given, "add_to"):
        named: pd.Series = column_of(df, given, argument=argument)
        return named
    if hasattr(given, "add_to"):
        # To a frame without columns, so that none of the user's is in the way.
        added = given.add_to(df.loc[:, []])
        found = [name for word in words for name in added.columns if word in str(name)] or list(added.columns)
        if not found:
            message = f"{argument}= adds no column to the frame that could hold it. Name the column instead."
            raise ValueError(message)
        column: pd.Series = added[found[0]]
        return column
    values = pd.Series(given)
    if len(values) != len(df):
        message = (
            f"{argument}= has {len(values)} values for {len(df)} rows; expected a column name or one for each row."
        )
        raise ValueError(message)
    return values


def _positions(df: pd.DataFrame, frame: pd.DataFrame, *, argument: str) -> npt.NDArray[np.intp]:
    if "position" in frame:
        rows = frame["position"].to_numpy(dtype=np.intp)
    elif df.index.is_unique:
        rows = df.index.get_indexer(frame.index)
    else:
        raise ValueError(f"{argument}= needs a column 'position', because the frame's index labels are not unique.")
    if len(rows) and (rows.min() < 0 or rows.max() >= len(df)):
        raise ValueError(f"{argument}= names rows that the frame of {len(df)} rows does not have.")
    return rows


def _first_column(frame: pd.DataFrame, wanted: Sequence[str], what: str) -> pd.Series:
    for word in wanted:
        found = [name for name in frame.columns if str(name) == word or str(name).endswith(f"_{word}")]
        if found:
            return frame[found[0]]
    hint = did_you_mean(wanted[0], frame.columns)
    raise ValueError(
        f"label_issues= has no column for {what}: expected one of {listed(wanted)}. "
        f"Available: {listed(frame.columns)}.{hint}"
    )
