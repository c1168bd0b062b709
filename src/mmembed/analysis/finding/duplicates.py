"""Groups of near duplicates without chaining: each member is within the threshold of its group's representative.

``duplicate_levels`` shows pairs at several thresholds, so that a person can choose one.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from html import escape
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
    levels_about,
    resolve_threshold,
)
from mmembed.analysis.graphs.graph import FEWEST_NEIGHBORS, shared_graph
from mmembed.analysis.graphs.near_rows import NearRows, check_threshold
from mmembed.analysis.graphs.pairs import NearLists
from mmembed.analysis.preparation import Preparation
from mmembed.arrays import FloatVector, Positions
from mmembed.errors import at_least_one
from mmembed.frames import (
    Written,
    assigned,
    beside,
    check_rows,
    index_of,
    one_line,
    rows_in_order,
    shown_without_vectors,
    with_columns,
)
from mmembed.vectors import as_vector_array

_MOST_SHOWN, _LABEL_LENGTH = 20, 60  # in a notebook

_MANY = 0.2  # of all rows

_EQUAL = 1 - 1e-6  # a cosine that is 1 but for rounding


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
    threshold_source : {"given", "gap", "rarest", "contents", "pairs"}
        How the threshold was found: ``"gap"``, where copies stand apart from other pairs in this table; ``"rarest"``,
        where nothing sets copies apart, no level is certain, and only the nearest pairs are taken; ``"contents"``,
        where the contents of pairs agree with it; ``"pairs"``, where no level does and the pairs are those whose
        contents are copies.
    """

    representatives: Positions = field(repr=False)
    similarities: FloatVector = field(repr=False)
    threshold: float
    method: str = "exact"
    recall: float = 1.0
    threshold_source: ThresholdSource = "given"
    # Labels of the rows, where the vectors were a Series; version 0.1 kept none.
    index: pd.Index | None = field(default=None, repr=False)

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
        columns = {f"{name}_group": number, f"{name}_similarity": similarity}
        return with_columns(df, columns, len(self), owner=Written.by("duplicates", name), index=self.index)

    def rows_of(self, df: pd.DataFrame, *, name: str | None = None) -> pd.DataFrame:
        """Return the rows that are in a group, group by group, with ``group`` and ``similarity``.

        Parameters
        ----------
        df : pandas.DataFrame
            The frame whose vectors were compared; left alone.
        name : str, optional
            First part of the new columns' names: ``<name>_group`` and ``<name>_similarity``.
        """
        df = rows_in_order(df, len(self), self.index)
        groups = self.groups()
        owner = Written.by("duplicates", name)
        owner.check(df)
        values = (groups["group"].to_numpy(), groups["similarity"].to_numpy())
        rows = df.iloc[groups["position"].to_numpy()]
        return shown_without_vectors(assigned(rows, dict(zip(owner.sets[0], values, strict=True))))

    def drop_from(self, df: pd.DataFrame) -> pd.DataFrame:
        """Return the frame without the duplicates; representatives and rows without a vector stay, in their order."""
        order = check_rows(df, len(self), self.index)
        return df[~(self.is_duplicate if order is None else self.is_duplicate[order])]

    def __repr__(self) -> str:
        graph = "" if self.method == "exact" else f", {self.method} graph with recall {self.recall:.3f}"
        level = DuplicateThreshold(self.threshold, self.threshold_source)
        return (
            f"Duplicates(groups={self.n_groups}, duplicates={int(self.is_duplicate.sum())}, rows={len(self)}, "
            f"threshold={level}{graph}); see .groups(), .add_to(df), .drop_from(df)"
        )

    def _repr_html_(self) -> str:
        groups = self.groups()
        shown = groups.head(_MOST_SHOWN)
        if self.index is not None:
            labels = [one_line(label, _LABEL_LENGTH) for label in self.index[shown["position"].to_numpy()]]
            shown = shown.assign(label=labels)[["group", "position", "label", "similarity"]]
        left = len(groups) - len(shown)
        more = f"<p>{left:,} more rows; see .groups()</p>" if left > 0 else ""
        cells = shown.to_html(index=False, border=0, float_format="{:.3f}".format) if len(shown) else ""
        return f"<div><p>{escape(repr(self))}</p>{cells}{more}</div>"


def find_duplicates(
    vectors: Any,
    threshold: Threshold = "auto",
    *,
    kinds: Any = None,
    prefer: Any = None,
    alike: Alike | None = None,
) -> Duplicates:
    """Group rows whose cosine similarity reaches a threshold, without chaining.

    Rows are taken one after the other; one that no representative has within the threshold becomes a representative
    itself (leader clustering, Hartigan 1975), and every other row goes to its most similar representative. So no group
    drifts from one topic to the next over a chain of small steps, and what is dropped has a near twin that stays.

    Equal vectors are found by their hash; other pairs are read from the neighbour graph that clusters, maps and
    outliers of the same column share. A zero vector, which has no direction, is nobody's duplicate.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    threshold : float or "auto"
        Least cosine, from -1 to 1. What is a copy depends on the model and on the kind of content, so ``"auto"`` finds
        the level where copies stand apart from other pairs of this table, no farther than a quarter of the distance
        that two rows have on average; where none do, it is so strict that about one row in a hundred has another one
        within it.
    kinds : array-like, shape (n,), optional
        The kind of content of each row's vector; each kind's mean is removed first, and the threshold then applies to
        what is left.
    prefer : array-like of numbers, shape (n,), optional
        Rows with greater values become representatives first; missing values come last, ties in row order. Without
        it, the first row of a group represents it.
    alike : callable, optional
        What besides the vectors says which rows are copies: called with positions ``left`` and ``right``, of shape
        (p,), of rows that are near each other, it returns whether each pair is one of copies. With ``"auto"`` the
        threshold is then the level that agrees with it, or these pairs are taken where no level does.

    Returns
    -------
    Duplicates

    Raises
    ------
    ValueError
        If the threshold is neither a cosine nor ``"auto"``, or kinds or prefer have another length.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.array([[1, 0], [0, 1], [1, 0.01], [1, 0]], dtype="float32")
    >>> find_duplicates(vectors, threshold=0.99).representatives.tolist()
    [0, 1, 0, 0]
    """
    check_duplicate_threshold(threshold)
    array, index = as_vector_array(vectors), index_of(vectors)
    kinds = beside(kinds, index, argument="kinds")
    order = ranking(beside(prefer, index, argument="prefer"), len(array))
    rows = Preparation.learn(array, kinds).source(array, kinds)
    present = np.flatnonzero(~array.isna())
    representatives = np.full(len(array), -1, dtype=np.int64)
    similarities = np.full(len(array), np.nan, dtype=np.float32)
    representatives[present], similarities[present] = present, 1
    has_direction = rows.any(axis=1)
    directed = present[has_direction]
    distinct = distinct_rows(rows_where(rows, has_direction))
    if not len(directed):
        level = resolve_threshold(threshold, distinct.rows)
        return Duplicates(representatives, similarities, level.level, threshold_source=level.source, index=index)
    within = NearDuplicates.find(distinct, threshold, alike, directed)
    found, similarities[directed] = represented(distinct, within.near, order[directed])
    representatives[directed] = directed[found]
    return Duplicates(
        representatives,
        similarities,
        within.level.level,
        within.method,
        within.recall,
        threshold_source=within.level.source,
        index=index,
    )


def tell_many_dropped(found: Duplicates, n_rows: int, positions: Positions | None = None, *, stacklevel: int) -> None:
    """Warn where more than a fifth of a table would be dropped, with the pair that is least alike.

    Rows that are equal but for rounding are nobody's loss: where only such ones go, nothing is said. Where nothing sets
    copies apart, so that no level is certain, it is said of any other row that goes.

    Parameters
    ----------
    found : Duplicates
    n_rows : int
        Rows of the whole table.
    positions : numpy.ndarray of int, optional
        Where the rows of ``found`` stand in it.
    stacklevel : int
        As of :func:`warnings.warn`, from here.
    """
    dropped = np.flatnonzero(found.is_duplicate)
    is_certain = found.threshold_source != "rarest"
    if not len(dropped) or (len(dropped) <= _MANY * n_rows and is_certain):
        return
    least = dropped[found.similarities[dropped].argmin()]
    if found.similarities[least] >= _EQUAL:
        return
    pair = np.array([found.representatives[least], least])
    stays, goes = pair if positions is None else positions[pair]
    how, remedy = f"at threshold={found.threshold:g}.", "give a higher threshold"
    if found.threshold_source == "pairs":
        how = "because their contents are copies of others."
        remedy = "give a threshold, by which the vectors alone decide"
    if not is_certain:
        how += " No level is certain: nothing in the vectors sets copies apart from other pairs."
    warnings.warn(
        f"{len(dropped):,} of {n_rows:,} rows are dropped {how} The least similar one is row {goes}, for which row "
        f"{stays} stays (positions; cosine {found.similarities[least]:.4f}). If these two are not the same, {remedy}; "
        "duplicate_levels shows pairs at several.",
        stacklevel=stacklevel,
    )


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
    leaders, cosines = _find_representatives(near, order[first])
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


def _find_representatives(near: NearRows | NearLists, order: Positions) -> tuple[Positions, FloatVector]:
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


@dataclass(frozen=True, eq=False)
class DuplicateLevels:
    """How many rows each threshold would drop, and the least similar pairs that it would still call duplicates.

    Attributes
    ----------
    levels : tuple of float
        Thresholds, from strict to loose.
    dropped : tuple of int
        Rows that :func:`mmembed.find_duplicates` drops at each.
    n_rows : int
    pairs : pandas.DataFrame
        Example pairs: ``level``, ``similarity``, ``left``, ``right`` (positions).
    suggested : float or None
        The level that ``threshold="auto"`` stands for: itself, or the loosest one that is no looser.
    """

    levels: tuple[float, ...]
    dropped: tuple[int, ...]
    n_rows: int
    pairs: pd.DataFrame = field(repr=False)
    suggested: float | None = None
    # Labels of the rows, where the vectors were a Series; version 0.1 kept none.
    index: pd.Index | None = field(default=None, repr=False)

    def summary(self) -> pd.DataFrame:
        """Return one line a level: ``level``, ``dropped``, ``share`` of all rows, ``suggested``."""
        dropped = np.array(self.dropped)
        suggested = [level == self.suggested for level in self.levels]
        share = dropped / max(self.n_rows, 1)
        return pd.DataFrame({"level": self.levels, "dropped": dropped, "share": share, "suggested": suggested})

    def examples(self, df: pd.DataFrame, columns: Sequence[Hashable] | None = None) -> pd.DataFrame:
        """Return the example pairs with the contents of both rows.

        Parameters
        ----------
        df : pandas.DataFrame
            The frame whose vectors were compared.
        columns : sequence, optional
            The columns to show; all without it.

        Returns
        -------
        pandas.DataFrame
            ``level``, ``suggested`` (whether it is the one of ``threshold="auto"``), ``dropped`` (rows that the level
            drops), ``similarity``, and ``<column>_left`` and ``<column>_right`` of each column. Read it from the top:
            choose the last level whose pairs are all pairs that you would call the same.
        """
        df = rows_in_order(df, self.n_rows, self.index)
        shown = df if columns is None else df[list(columns)]
        left, right = (
            shown.iloc[self.pairs[side].to_numpy()].add_suffix(f"_{side}").reset_index(drop=True)
            for side in ("left", "right")
        )
        beside = [
            one[[name]] for pair in zip(left, right, strict=True) for one, name in zip((left, right), pair, strict=True)
        ]
        dropped = self.pairs["level"].map(dict(zip(self.levels, self.dropped, strict=True)))
        head = pd.DataFrame(
            {
                "level": self.pairs["level"],
                "suggested": self.pairs["level"] == (np.nan if self.suggested is None else self.suggested),
                "dropped": dropped.astype("int64"),
                "similarity": self.pairs["similarity"],
            }
        )
        return pd.concat([head, *beside], axis=1)

    def __repr__(self) -> str:
        counts = ", ".join(f"{level:g}: {count}" for level, count in zip(self.levels, self.dropped, strict=True))
        suggested = "none" if self.suggested is None else f"{self.suggested:g}"
        return (
            f"DuplicateLevels(rows={self.n_rows}, dropped={{{counts}}}, suggested={suggested}); "
            "see .examples(df, columns), .summary()"
        )


def duplicate_levels(
    vectors: Any,
    levels: Sequence[float] | None = None,
    *,
    examples: int = 3,
    kinds: Any = None,
    alike: Alike | None = None,
) -> DuplicateLevels:
    """Show what several thresholds would call near duplicates.

    A cosine means something else in each model, so no threshold is right for all: look at the least similar pairs of
    each level. The neighbour graph is computed once for all levels.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    levels : sequence of float, optional
        Thresholds to try; without it the one of ``threshold="auto"`` and some about it.
    examples : int
        Pairs of each level: those just above it, and below the next stricter level.
    kinds : array-like, shape (n,), optional
        As in :func:`mmembed.find_duplicates`.
    alike : callable, optional
        As in :func:`mmembed.find_duplicates`; where no level agrees with it none is suggested.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.array([[1, 0], [0, 1], [1, 0.01], [1, 0.5]], dtype="float32")
    >>> duplicate_levels(vectors, [0.99, 0.85]).dropped
    (1, 2)
    """
    check_levels([1.0] if levels is None else levels, examples)
    array, index = as_vector_array(vectors), index_of(vectors)
    kinds = beside(kinds, index, argument="kinds")
    rows = Preparation.learn(array, kinds).source(array, kinds)
    directed = np.flatnonzero(~array.isna())[rows.any(axis=1)]
    distinct = distinct_rows(rows_where(rows, rows.any(axis=1)))
    suggestion = (
        NearDuplicates.find(distinct, "auto", alike, directed).level
        if len(directed)
        else resolve_threshold("auto", distinct.rows)
    )
    best = suggestion.level
    strict_first = check_levels(levels_about(best) if levels is None else levels, examples)
    found = [find_duplicates(array, level, kinds=kinds) for level in strict_first]
    left, right, cosine = _nearest_pairs(rows, ~array.isna())
    dropped = tuple(int(one.is_duplicate.sum()) for one in found)
    pairs = example_pairs(left, right, cosine, strict_first, examples)
    suggested = None if suggestion.source == "pairs" else suggested_of(strict_first, best)
    return DuplicateLevels(strict_first, dropped, len(array), pairs, suggested, index)


def suggested_of(strict_first: Sequence[float], best: float) -> float | None:
    """Return the loosest of some levels that is no looser than the best one, or None if all are."""
    return min((level for level in strict_first if level >= best), default=None)


def check_levels(levels: Sequence[float], examples: int) -> tuple[float, ...]:
    """Return the levels from strict to loose, each once.

    Raises
    ------
    ValueError
        If there is none, one is no cosine, or no example is asked for.
    """
    if not len(levels):
        raise ValueError("levels is empty. Give at least one threshold, such as 0.95.")
    at_least_one("examples", examples, "shows no pair")
    return tuple(sorted({check_threshold(float(level)) for level in levels}, reverse=True))


def example_pairs(
    left: Positions, right: Positions, cosine: FloatVector, strict_first: Sequence[float], examples: int
) -> pd.DataFrame:
    """Return the least similar pairs of each level: ``level``, ``similarity``, ``left`` and ``right``."""
    chosen, above = [], np.float32(np.inf)
    for level in map(np.float32, strict_first):
        inside = np.flatnonzero((cosine >= level) & (cosine < above))
        chosen.append(inside[np.lexsort((right[inside], left[inside], cosine[inside]))][:examples])
        above = level
    picked = np.concatenate([np.empty(0, dtype=np.int64), *chosen])
    return pd.DataFrame(
        {
            "level": np.repeat(np.asarray(strict_first, dtype=np.float64), [len(one) for one in chosen]),
            "similarity": cosine[picked],
            "left": left[picked],
            "right": right[picked],
        }
    )


def _nearest_pairs(rows: Any, present: Any) -> tuple[Positions, Positions, FloatVector]:
    """Return every pair of different rows in the graph once, by the position of the first row that has each."""
    directed = rows.any(axis=1)
    positions = np.flatnonzero(present)[directed]
    if not len(positions):
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, np.empty(0, dtype=np.float32)
    distinct = distinct_rows(rows_where(rows, directed))
    graph = shared_graph(distinct.rows, FEWEST_NEIGHBORS)
    group, place = np.nonzero(graph.indices >= 0)
    first = positions[distinct.first]
    one, other = first[group], first[graph.indices[group, place]]
    pairs = np.column_stack([np.minimum(one, other), np.maximum(one, other)])
    _, chosen = np.unique(pairs[:, 0] * len(present) + pairs[:, 1], return_index=True)
    return pairs[chosen, 0], pairs[chosen, 1], graph.similarities[group, place][chosen]
