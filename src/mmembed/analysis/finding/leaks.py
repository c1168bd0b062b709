"""Near duplicates across the parts of a split: rows of one part that another part already knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import DistinctRows, distinct_rows, rows_where
from mmembed.analysis.finding.copied_pairs import Alike, NearDuplicates
from mmembed.analysis.finding.duplicate_threshold import (
    DuplicateThreshold,
    Threshold,
    ThresholdSource,
    check_duplicate_threshold,
    resolve_threshold,
)
from mmembed.analysis.graphs.near_rows import NearRows
from mmembed.analysis.graphs.pairs import NearLists
from mmembed.analysis.preparation import Preparation
from mmembed.arrays import FloatVector, Positions
from mmembed.frames import Written, assigned, beside, index_of, rows_in_order, with_columns
from mmembed.vectors import as_vector_array


@dataclass(frozen=True, eq=False)
class Leaks:
    """Which rows have a near duplicate in another part of a split.

    Attributes
    ----------
    twins : numpy.ndarray of int, shape (n,)
        Position of the most similar row of another part within the threshold, ties in row order; -1 if there is none.
    similarities : numpy.ndarray, shape (n,), float32
        Cosine with it; NaN if there is none.
    parts : numpy.ndarray of object, shape (n,)
        The part of each row.
    threshold : float
    method, recall : str, float
        How the graph was made, and its recall: below 1 a few pairs may have been missed.
    threshold_source : {"given", "gap", "rarest", "contents", "pairs"}
        As of :class:`mmembed.analysis.Duplicates`.
    """

    twins: Positions = field(repr=False)
    similarities: FloatVector = field(repr=False)
    parts: npt.NDArray[np.object_] = field(repr=False)
    threshold: float
    method: str = "exact"
    recall: float = 1.0
    threshold_source: ThresholdSource = "given"
    # Labels of the rows, where the vectors were a Series; version 0.1 kept none.
    index: pd.Index | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.twins)

    def pairs(self) -> pd.DataFrame:
        """Return each pair of a row and its twin once: ``left``, ``right`` (positions) and ``similarity``, best first.

        The pair of a row with its most similar twin; a further twin of the same row is not listed.
        """
        left = np.flatnonzero(self.twins >= 0)
        right = self.twins[left]
        found = pd.DataFrame(
            {"left": np.minimum(left, right), "right": np.maximum(left, right), "similarity": self.similarities[left]}
        ).drop_duplicates(["left", "right"])
        return found.sort_values(["similarity", "left", "right"], ascending=[False, True, True], ignore_index=True)

    def summary(self) -> pd.DataFrame:
        """Return for each part how many of its rows have a twin in another one: ``rows``, ``leaked``, ``share``."""
        table = pd.DataFrame({"part": self.parts, "leaked": self.twins >= 0}).groupby("part", sort=True)["leaked"]
        return pd.DataFrame({"rows": table.size(), "leaked": table.sum(), "share": table.mean()})

    def rows_of(self, df: pd.DataFrame, *, name: str | None = None) -> pd.DataFrame:
        """Return the rows of all pairs, two by two, with ``group`` (one a pair) and ``similarity``.

        ``name`` is the first part of other names for the two columns.
        """
        df = rows_in_order(df, len(self), self.index)
        owner = Written.by("duplicates", name)
        owner.check(df)
        pairs = self.pairs()
        positions = pairs[["left", "right"]].to_numpy().reshape(-1)
        values = (np.repeat(np.arange(len(pairs)), 2), np.repeat(pairs["similarity"].to_numpy(), 2))
        return assigned(df.iloc[positions], dict(zip(owner.sets[0], values, strict=True)))

    def add_to(self, df: pd.DataFrame, *, name: str = "leak") -> pd.DataFrame:
        """Return a copy with ``leak_part`` (the twin's part, missing if there is no twin) and ``leak_similarity``."""
        part = self.parts[self.twins]
        part[self.twins < 0] = None
        columns = {f"{name}_part": part, f"{name}_similarity": self.similarities}
        return with_columns(df, columns, len(self), owner=Written.by("leaks", name), index=self.index)

    def __repr__(self) -> str:
        graph = "" if self.method == "exact" else f", {self.method} graph with recall {self.recall:.3f}"
        return (
            f"Leaks(leaked={int((self.twins >= 0).sum())}, rows={len(self)}, "
            f"threshold={DuplicateThreshold(self.threshold, self.threshold_source)}{graph}); "
            "see .summary(), .pairs(), .add_to(df)"
        )


def find_leaks(
    vectors: Any, parts: Any, threshold: Threshold = "auto", *, kinds: Any = None, alike: Alike | None = None
) -> Leaks:
    """Find rows that have a near duplicate in another part, as between a training and a test set.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    parts : array-like, shape (n,)
        The part of each row; a row of missing part, or without a vector, leaks nowhere.
    threshold : float or "auto"
        Least cosine, from -1 to 1; ``"auto"`` as in :func:`mmembed.find_duplicates`.
    kinds : array-like, shape (n,), optional
        The kind of content of each row; each kind's mean is removed first.
    alike : callable, optional
        As in :func:`mmembed.find_duplicates`.

    Returns
    -------
    Leaks

    Raises
    ------
    ValueError
        If there are fewer than two parts, or the threshold is neither a cosine nor ``"auto"``.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.array([[1, 0], [0, 1], [1, 0.01]], dtype="float32")
    >>> find_leaks(vectors, ["train", "train", "test"], threshold=0.99).twins.tolist()
    [2, -1, 0]
    """
    check_duplicate_threshold(threshold)
    array, index = as_vector_array(vectors), index_of(vectors)
    parts, kinds = beside(parts, index, argument="parts"), beside(kinds, index, argument="kinds")
    named = pd.Series(parts, dtype=getattr(parts, "dtype", object)).reset_index(drop=True)
    if len(named) != len(array):
        raise ValueError(f"The split has {len(named)} values for {len(array)} rows. Give one part for each row.")
    codes, names = pd.factorize(named)
    check_parts(len(names))
    prepared = Preparation.learn(array, kinds).source(array, kinds)
    directed = prepared.any(axis=1)
    present = np.flatnonzero(~array.isna())[directed]
    twins = np.full(len(array), -1, dtype=np.int64)
    similarities = np.full(len(array), np.nan, dtype=np.float32)
    graph = ("exact", 1.0)
    distinct = distinct_rows(rows_where(prepared, directed))
    if len(present):
        within = NearDuplicates.find(distinct, threshold, alike, present)
        found, similarities[present] = twins_across(within.near, distinct, codes[present])
        twins[present] = np.where(found >= 0, present[found], -1)
        level, graph = within.level, (within.method, within.recall)
    else:
        level = resolve_threshold(threshold, distinct.rows)
    return Leaks(
        twins,
        similarities,
        named.to_numpy(dtype=object),
        level.level,
        *graph,
        threshold_source=level.source,
        index=index,
    )


def check_parts(n_parts: int) -> None:
    """Refuse a split that has no two parts.

    Raises
    ------
    ValueError
        If there are fewer than two.
    """
    if n_parts < 2:
        raise ValueError(
            f"The split has {n_parts} part{'s' * (n_parts != 1)}; a leak needs two, such as 'train' and 'test'."
        )


def twins_across(near: NearRows | NearLists, distinct: DistinctRows, codes: Positions) -> tuple[Positions, FloatVector]:
    """Return the nearest row of another part for each row, of those that can have one."""
    twins = np.full(distinct.total, -1, dtype=np.int64)
    similarities = np.full(distinct.total, np.nan, dtype=np.float32)
    members = np.argsort(distinct.groups, kind="stable")
    starts = np.concatenate([[0], np.cumsum(distinct.counts)])
    repeated = np.flatnonzero(distinct.counts > 1)
    for one in np.union1d(near.have_any(), repeated):
        others, values = near.of_row(one)
        groups = np.concatenate([[one], others])
        # A repetition is as near as can be; the graph's own rows come after it, from near to far.
        cosine = np.concatenate([[np.float32(1)], values])
        rows = np.concatenate([members[starts[group] : starts[group + 1]] for group in groups])
        cosine = np.repeat(cosine, distinct.counts[groups])
        order = np.lexsort((rows, -cosine))
        rows, cosine = rows[order], cosine[order]
        rows, cosine = rows[codes[rows] >= 0], cosine[codes[rows] >= 0]
        for row in members[starts[one] : starts[one + 1]]:
            other = codes[rows] != codes[row]
            if codes[row] >= 0 and other.any():
                place = int(other.argmax())
                twins[row], similarities[row] = rows[place], cosine[place]
    return twins, similarities
