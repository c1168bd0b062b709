"""The groups of a column beside a vector column: names, sizes, and the mean cosines within and between them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.frames import require_column
from mmembed.reporting.counting import CountedColumns, count_table
from mmembed.reporting.grouping import Group, key_order, told_key
from mmembed.reporting.whole_table import WholeTable

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
    noise : int
        Rows in no group.
    """

    groups: tuple[Group, ...]
    counts: npt.NDArray[np.int64] = field(repr=False)
    sums: Doubles = field(repr=False)
    selves: Doubles = field(repr=False)
    noise: int = 0

    @property
    def centroids(self) -> Doubles:
        """Mean direction of each group, shape (g, d)."""
        lengths = np.linalg.norm(self.sums, axis=1, keepdims=True)
        return np.asarray(self.sums / np.where(lengths > 0, lengths, 1))

    def mean_cosines(self) -> Doubles:
        """Return the mean cosine of a row of one group with a row of another, shape (g, g).

        On the diagonal, of two different rows of the group; NaN where it has one row.
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
    labels = require_column(df, by, argument=argument, remedy=remedy)
    vectors = require_column(df, column, argument="column", remedy="df.mmembed.embed(…)")
    names = name if name is not None and name in df.columns else None
    counted = CountedColumns(column, by, names, noise=by == "cluster")
    parts = {one.name: one for one in (labels, vectors, *([] if names is None else [df[names]]))}
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
        tuple(Group(key, one.name or told_key(key), one.size) for key, one in zip(there, figures, strict=True)),
        np.array([one.vectors for one in figures]),
        np.stack([one.vector_sum for one in figures]),
        np.array([one.nonzero for one in figures], dtype=np.float64),
        whole.noise,
    )
