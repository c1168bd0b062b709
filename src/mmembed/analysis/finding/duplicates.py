"""Groups of near duplicates without chaining: each member is within the threshold of its group's representative."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.graphs.near_pairs import NearLists
from mmembed.analysis.graphs.near_rows import NearRows, check_threshold
from mmembed.analysis.rows.distinct import DistinctRows, distinct_rows
from mmembed.analysis.rows.preparing import Preparation
from mmembed.arrays import FloatVector, Positions
from mmembed.frames import with_columns
from mmembed.vectors import as_vector_array


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Which rows say the same as which.

    Attributes
    ----------
    representatives : numpy.ndarray of int, shape (n,)
        Position of the representative of each row's group: its own for a representative and for a row without
        duplicates; -1 for a row without a vector. No two representatives are within the threshold of each other.
    similarities : numpy.ndarray, shape (n,), float32
        Cosine of each row with its representative, at least the threshold; 1 for the representative itself, NaN
        without a vector.
    threshold : float
    method, recall : str, float
        How the graph was made, and its recall: below 1 a few pairs may have been missed.
    """

    representatives: Positions = field(repr=False)
    similarities: FloatVector = field(repr=False)
    threshold: float
    method: str = "exact"
    recall: float = 1.0

    @property
    def n_groups(self) -> int:
        """How many groups have more than one row."""
        return len(np.unique(self.representatives[self.is_duplicate]))

    @property
    def is_duplicate(self) -> npt.NDArray[np.bool_]:
        """Whether each row would be dropped: it is in a group and not its representative."""
        others = self.representatives != np.arange(len(self.representatives))
        return np.asarray((self.representatives >= 0) & others)

    def __len__(self) -> int:
        return len(self.representatives)

    def groups(self) -> pd.DataFrame:
        """Return one line for each row of a group of two or more.

        Returns
        -------
        pandas.DataFrame
            ``group`` (from 0, in order of the representatives), ``position``, ``similarity`` to the representative;
            each group's representative comes first, then its members from near to far.
        """
        grouped = np.unique(self.representatives[self.is_duplicate])
        positions = np.flatnonzero(np.isin(self.representatives, grouped))
        representative = self.representatives[positions]
        order = np.lexsort((positions, -self.similarities[positions], positions != representative, representative))
        positions = positions[order]
        group = np.searchsorted(grouped, self.representatives[positions])
        return pd.DataFrame({"group": group, "position": positions, "similarity": self.similarities[positions]})

    def add_to(self, df: pd.DataFrame, *, name: str = "duplicate") -> pd.DataFrame:
        """Return a copy with ``duplicate_group`` (Int64, NA for rows without duplicates) and ``duplicate_similarity``.

        Parameters
        ----------
        df : pandas.DataFrame
            The frame whose vectors were compared; left alone.
        name : str
            First part of the new columns' names.
        """
        groups = self.groups()
        number = pd.array(np.zeros(len(self), dtype=np.int64), dtype="Int64")
        number[:] = pd.NA
        number[groups["position"].to_numpy()] = groups["group"].to_numpy()
        similarity = np.where(number.isna(), np.nan, self.similarities).astype(np.float32)
        return with_columns(df, {f"{name}_group": number, f"{name}_similarity": similarity}, len(self))

    def rows_of(self, df: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that are in a group, group by group, with ``group`` and ``similarity``."""
        with_columns(df, {}, len(self))
        groups = self.groups()
        found = df.iloc[groups["position"].to_numpy()]
        return found.assign(group=groups["group"].to_numpy(), similarity=groups["similarity"].to_numpy())

    def drop_from(self, df: pd.DataFrame) -> pd.DataFrame:
        """Return the frame without the duplicates; representatives and rows without a vector stay, in their order."""
        with_columns(df, {}, len(self))
        return df[~self.is_duplicate]

    def __repr__(self) -> str:
        graph = "" if self.method == "exact" else f", {self.method} graph with recall {self.recall:.3f}"
        return (
            f"Duplicates(groups={self.n_groups}, duplicates={int(self.is_duplicate.sum())}, rows={len(self)}, "
            f"threshold={self.threshold:g}{graph}); see .groups(), .add_to(df), .drop_from(df)"
        )


def find_duplicates(vectors: Any, threshold: float = 0.95, *, kinds: Any = None, prefer: Any = None) -> Duplicates:
    """Group rows whose cosine similarity reaches a threshold, without chaining.

    Rows are taken one after the other; one that no representative has within the threshold becomes a representative
    itself (leader clustering, Hartigan 1975), and every other row goes to its most similar representative. So no group
    drifts from one topic to the next over a chain of small steps, and what is dropped has a near twin that stays.

    Equal vectors are found by their hash; other pairs are read from the neighbour graph that clusters, maps and
    outliers of the same column share. A zero vector, which has no direction, is nobody's duplicate.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    threshold : float
        Least cosine, from -1 to 1. It depends on the model: :func:`duplicate_levels` shows what pairs look like at
        several levels.
    kinds : array-like, shape (n,), optional
        The kind of content of each row's vector; each kind's mean is removed first, and the threshold then applies to
        what is left.
    prefer : array-like of numbers, shape (n,), optional
        Rows with greater values become representatives first; missing values come last, ties in row order. Without
        it, the first row of a group represents it.

    Returns
    -------
    Duplicates

    Raises
    ------
    ValueError
        If the threshold is no cosine, or kinds or prefer have another length.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.array([[1, 0], [0, 1], [1, 0.01], [1, 0]], dtype="float32")
    >>> find_duplicates(vectors, threshold=0.99).representatives.tolist()
    [0, 1, 0, 0]
    """
    check_threshold(threshold)
    array = as_vector_array(vectors)
    order = ranking(prefer, len(array))
    rows = Preparation.learn(array, kinds).source(array, kinds)
    present = np.flatnonzero(~array.isna())
    representatives = np.full(len(array), -1, dtype=np.int64)
    similarities = np.full(len(array), np.nan, dtype=np.float32)
    representatives[present], similarities[present] = present, 1
    directed = present[rows.any(axis=1)]
    if not len(directed):
        return Duplicates(representatives, similarities, threshold)
    distinct = distinct_rows(rows[rows.any(axis=1)])
    near = NearRows.of(distinct.rows, threshold)
    found, similarities[directed] = represented(distinct, near, order[directed])
    representatives[directed] = directed[found]
    return Duplicates(representatives, similarities, threshold, near.graph.method, near.graph.recall)


def represented(distinct: DistinctRows, near: NearRows | NearLists, order: Positions) -> tuple[Positions, FloatVector]:
    """Return the position of each row's representative and the cosine with it.

    Parameters
    ----------
    distinct : DistinctRows
        Which of the rows are equal; their vectors are not looked at.
    near : NearRows or NearLists
        The different rows within the threshold of each.
    order : numpy.ndarray of int, shape (n,)
        The place of each row in the order in which rows may become representatives.
    """
    first = _first_member(distinct, order)
    leaders, cosines = _leaders(near, order[first])
    return first[leaders[distinct.groups]], cosines[distinct.groups]


def ranking(prefer: Any, n_rows: int) -> Positions:
    """Return the place of each row in the order in which rows may become representatives."""
    if prefer is None:
        return np.arange(n_rows)
    values = pd.Series(prefer).reset_index(drop=True)
    if len(values) != n_rows:
        raise ValueError(f"prefer has {len(values)} values for {n_rows} rows. Give one for each row.")
    order = values.sort_values(ascending=False, kind="stable", na_position="last").index.to_numpy()
    ranking = np.empty(n_rows, dtype=np.int64)
    ranking[order] = np.arange(n_rows)
    return ranking


def _first_member(distinct: DistinctRows, order: Positions) -> Positions:
    """Return, for each different row, the position of its member that comes first in the order."""
    by_order = np.argsort(order)
    _, first = np.unique(distinct.groups[by_order], return_index=True)
    return by_order[first]


def _leaders(near: NearRows | NearLists, order: Positions) -> tuple[Positions, FloatVector]:
    """Return each different row's representative and the cosine with it."""
    leaders = np.arange(len(near))
    cosines = np.full(len(near), -np.inf, dtype=np.float32)
    crowded = near.have_any()
    leads = np.zeros(len(near), dtype=bool)
    for one in crowded[np.argsort(order[crowded])]:
        if not np.isneginf(cosines[one]):
            continue
        others, values = near.of_row(one)
        known = np.flatnonzero(leads[others])
        if len(known):  # an approximate graph told it of a representative that was not told of it
            leaders[one], cosines[one] = others[known[0]], values[known[0]]
            continue
        leads[one], cosines[one] = True, 1
        closer = values > cosines[others]
        leaders[others[closer]], cosines[others[closer]] = one, values[closer]
    cosines[np.isneginf(cosines)] = 1
    return leaders, cosines
