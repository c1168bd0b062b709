"""Near duplicates and leaks of a table in partitions from its near pairs, and pairs at several thresholds."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from mmembed.analysis.finding import duplicates as local
from mmembed.analysis.finding import leaks
from mmembed.analysis.finding.duplicate_threshold import (
    DuplicateThreshold,
    Threshold,
    check_duplicate_threshold,
    levels_about,
)
from mmembed.analysis.finding.duplicates import (
    DuplicateLevels,
    Duplicates,
    check_levels,
    example_pairs,
    ranking,
    represented,
    suggested_of,
)
from mmembed.analysis.finding.leaks import Leaks, check_parts, twins_across
from mmembed.analysis.graphs.graph import FEWEST_NEIGHBORS
from mmembed.analysis.graphs.pairs import MOST_PAIRS, NearPairs
from mmembed.arrays import FloatVector, Positions
from mmembed.distributed.copied_contents import ComparedTable, compared_cells
from mmembed.distributed.duplicate_threshold import resolve_threshold
from mmembed.distributed.pairs import Blocking, Pairing, find_pairs
from mmembed.distributed.partitions import each, reduced, rows_at, rows_in_order, without_rows
from mmembed.errors import listed
from mmembed.frames import Written

if TYPE_CHECKING:
    import dask.dataframe as dd

    from mmembed.accessor.compared_duplicates import CellModality


_LOW_RECALL = 0.9


@dataclass(frozen=True, eq=False)
class DistributedDuplicates:
    """Which rows of a table in partitions say the same as which.

    Attributes
    ----------
    positions : numpy.ndarray of int, shape (m,)
        The rows that have an equal or a near one, by their position in the table.
    among : Duplicates
        What pandas tells of these rows; its positions count them alone.
    pairing : Pairing
        The near pairs that it rests on, and their ``recall``.
    """

    positions: Positions = field(repr=False)
    among: Duplicates = field(repr=False)
    pairing: Pairing = field(repr=False)

    @property
    def recall(self) -> float:
        """1 if it is proven that no near pair is missed, else measured on a sample."""
        return self.pairing.recall

    def rows_of(self, ddf: dd.DataFrame, *, name: str | None = None) -> dd.DataFrame:
        """Return the rows that are in a group, group by group, with ``group`` and ``similarity``; see pandas' twin."""
        groups = self.among.groups()
        owner = Written.by("duplicates", name)
        owner.check(ddf._meta)  # noqa: SLF001  Dask has no other name for it
        values = (groups["group"].to_numpy(), groups["similarity"].to_numpy())
        columns = dict(zip(owner.sets[0], values, strict=True))
        return rows_in_order(ddf, self.positions[groups["position"].to_numpy()], self.pairing.counts, columns)

    def drop_from(self, ddf: dd.DataFrame) -> dd.DataFrame:
        """Return the frame without the duplicates; representatives and rows without a vector stay."""
        return without_rows(ddf, self.positions[self.among.is_duplicate], self.pairing.counts)

    def __repr__(self) -> str:
        return (
            f"DistributedDuplicates(groups={self.among.n_groups}, duplicates={int(self.among.is_duplicate.sum())}, "
            f"rows={sum(self.pairing.counts)}, threshold={_level(self.among)}, {_how(self.pairing)}); "
            "see .rows_of(ddf), .drop_from(ddf)"
        )


@dataclass(frozen=True, eq=False)
class DistributedLeaks:
    """Which rows of a table in partitions have a near duplicate in another part of a split.

    Attributes
    ----------
    positions, among, pairing :
        As of :class:`DistributedDuplicates`, with ``Leaks`` of these rows.
    """

    positions: Positions = field(repr=False)
    among: Leaks = field(repr=False)
    pairing: Pairing = field(repr=False)

    @property
    def recall(self) -> float:
        """1 if it is proven that no near pair is missed, else measured on a sample."""
        return self.pairing.recall

    def rows_of(self, ddf: dd.DataFrame, *, name: str | None = None) -> dd.DataFrame:
        """Return the rows of all pairs, two by two, with ``group`` (one a pair) and ``similarity``."""
        owner = Written.by("duplicates", name)
        owner.check(ddf._meta)  # noqa: SLF001  Dask has no other name for it
        pairs = self.among.pairs()
        both = pairs[["left", "right"]].to_numpy().reshape(-1)
        values = (np.repeat(np.arange(len(pairs)), 2), np.repeat(pairs["similarity"].to_numpy(), 2))
        columns = dict(zip(owner.sets[0], values, strict=True))
        return rows_in_order(ddf, self.positions[both], self.pairing.counts, columns)

    def __repr__(self) -> str:
        return (
            f"DistributedLeaks(leaked={int((self.among.twins >= 0).sum())}, rows={sum(self.pairing.counts)}, "
            f"threshold={_level(self.among)}, {_how(self.pairing)}); see .rows_of(ddf)"
        )


def find_duplicates(
    vectors: dd.Series,
    threshold: Threshold = "auto",
    *,
    contents: dd.Series | None = None,
    modality: CellModality = "auto",
    root: str | PathLike[str] | None = None,
    kinds: dd.Series | None = None,
    prefer: dd.Series | Literal["first", "last"] = "first",
    blocking: Blocking | None = None,
) -> DistributedDuplicates:
    """Group rows of a Dask column whose cosine similarity reaches a threshold, as pandas does; computes.

    Parameters
    ----------
    vectors : dask Series, a vector column
    threshold : float or "auto"
        Least cosine, from -1 to 1. ``"auto"`` finds the level as on pandas, in tables of more than 10,000 different
        rows from the neighbours that a sample of them has in the whole table.
    contents, modality, root : optional
        What the vectors were made of, as on pandas, in tables of up to 10,000 rows, which come into this process.
    kinds : dask Series, optional
        Each row's kind of content; each kind's mean is removed first.
    prefer : {"first", "last"} or dask Series
        Which row of a group represents it: the first, the last, or the one with the greatest value of a column.
    blocking : Blocking, optional
        How finely the table is cut for comparing its rows.

    Raises
    ------
    ValueError
        If the threshold is neither a cosine nor ``"auto"``, or so low that there are more than 20 million pairs; if
        contents are given of more than 10,000 rows, or otherwise as on pandas.

    Warns
    -----
    UserWarning
        If less than nine tenths of the near pairs of a sample were found.
    """
    if contents is not None:
        most = (blocking or Blocking()).rows_at_once
        compared = compared_cells(vectors, contents, modality, threshold, root=root, most=most)
        return find_compared_duplicates(compared, kinds=kinds, prefer=prefer)
    level = resolve_threshold(vectors, threshold, kinds, blocking)
    pairing = _list_groups(
        vectors, level.level, kinds, blocking, only_first=isinstance(prefer, str) and prefer == "first"
    )
    positions, distinct, near = pairing.pairs.by_row()
    values: Any = None
    if isinstance(prefer, str):
        values = positions if prefer == "last" else None
    else:
        values = rows_at(prefer, positions, pairing.counts)
    representatives, similarities = represented(distinct, near, ranking(values, len(positions)))
    among = Duplicates(representatives, similarities, level.level, *_method(pairing), threshold_source=level.source)
    return DistributedDuplicates(positions, among, pairing)


def find_compared_duplicates(
    compared: ComparedTable,
    *,
    kinds: dd.Series | None = None,
    prefer: dd.Series | Literal["first", "last"] = "first",
) -> DistributedDuplicates:
    """Group the rows of a table that came into this process by what says which of them are copies."""
    first = {"first": None, "last": range(len(compared.vectors))}
    ranks: Any = first[prefer] if isinstance(prefer, str) else _values(prefer)
    found = local.find_duplicates(compared.vectors, kinds=_values(kinds), prefer=ranks, alike=compared.alike)
    grouped = found.groups()["position"].to_numpy()
    positions = np.sort(grouped)
    representatives = np.searchsorted(positions, found.representatives[positions])
    similarities = found.similarities[positions]
    among = Duplicates(
        representatives,
        similarities,
        found.threshold,
        found.method,
        found.recall,
        threshold_source=found.threshold_source,
    )
    pairs = positions[representatives], positions
    return DistributedDuplicates(positions, among, _pairing_of(pairs, similarities, found, compared.counts))


def find_compared_leaks(
    compared: ComparedTable, parts: dd.Series, *, kinds: dd.Series | None = None
) -> DistributedLeaks:
    """Find leaks in a table that came into this process by what says which of its rows are copies."""
    found = leaks.find_leaks(compared.vectors, _values(parts), kinds=_values(kinds), alike=compared.alike)
    left = np.flatnonzero(found.twins >= 0)
    right = found.twins[left]
    positions = np.union1d(left, right)
    twins = np.where(found.twins[positions] >= 0, np.searchsorted(positions, found.twins[positions]), -1)
    among = Leaks(
        twins,
        found.similarities[positions],
        found.parts[positions],
        found.threshold,
        found.method,
        found.recall,
        threshold_source=found.threshold_source,
    )
    pairing = _pairing_of((left, right), found.similarities[left], found, compared.counts)
    return DistributedLeaks(positions, among, pairing)


def _pairing_of(
    pairs: tuple[Positions, Positions], cosines: FloatVector, found: Duplicates | Leaks, counts: list[int]
) -> Pairing:
    """Return the pairs that a result of pandas tells; those of a row with itself and equal pairs once."""
    low, high = np.minimum(*pairs), np.maximum(*pairs)
    _, once = np.unique(low * (sum(counts) + 1) + high, return_index=True)
    once = once[low[once] < high[once]]
    none = np.empty((0, 2), dtype=np.int64)
    near = NearPairs(low[once], high[once], cosines[once], none, found.threshold)
    return Pairing(near, counts, found.method == "exact", found.recall)


def _values(column: dd.Series | None) -> Any:
    """Return a column of a table that came into this process, by position."""
    return None if column is None else column.compute().reset_index(drop=True)


def find_leaks(
    vectors: dd.Series,
    parts: dd.Series,
    threshold: Threshold = "auto",
    *,
    contents: dd.Series | None = None,
    modality: CellModality = "auto",
    root: str | PathLike[str] | None = None,
    kinds: dd.Series | None = None,
    blocking: Blocking | None = None,
) -> DistributedLeaks:
    """Find rows of a Dask column that have a near duplicate in another part of a split, as pandas does; computes.

    Parameters
    ----------
    vectors, threshold, contents, modality, root, kinds, blocking :
        As in :func:`find_duplicates`.
    parts : dask Series
        The part of each row.

    Raises
    ------
    ValueError
        As in :func:`find_duplicates`, and if there are fewer than two parts.
    """
    check_duplicate_threshold(threshold)
    check_parts(len(reduced(each(_names, parts), operator.or_)))
    if contents is not None:
        most = (blocking or Blocking()).rows_at_once
        compared = compared_cells(vectors, contents, modality, threshold, root=root, most=most)
        return find_compared_leaks(compared, parts, kinds=kinds)
    level = resolve_threshold(vectors, threshold, kinds, blocking)
    pairing = _list_groups(vectors, level.level, kinds, blocking)
    positions, distinct, near = pairing.pairs.by_row()
    named = rows_at(parts, positions, pairing.counts)
    twins, similarities = twins_across(near, distinct, pd.factorize(named)[0])
    among = Leaks(
        twins,
        similarities,
        named.to_numpy(dtype=object),
        level.level,
        *_method(pairing),
        threshold_source=level.source,
    )
    return DistributedLeaks(positions, among, pairing)


def _list_groups(
    vectors: dd.Series,
    threshold: float,
    kinds: dd.Series | None,
    blocking: Blocking | None,
    *,
    only_first: bool = False,
) -> Pairing:
    pairing = find_pairs(vectors, [threshold], kinds=kinds, blocking=blocking, only_first=only_first)
    if pairing.pairs.threshold > threshold:
        raise ValueError(
            f"threshold={threshold:g} makes more than {MOST_PAIRS:,} pairs of {sum(pairing.counts):,} rows, which no "
            "one process should hold. Give a higher one; ddf.mmembed.duplicate_levels shows pairs at several."
        )
    warn_of_low_recall(pairing)
    return pairing


def warn_of_low_recall(pairing: Pairing) -> None:
    """Warn where many near pairs were missed."""
    if pairing.recall < _LOW_RECALL:
        warnings.warn(
            f"Of {pairing.n_measured} near pairs of a sample {pairing.recall:.0%} were found: rows were compared in "
            f"blocks of nearby centroids. mmembed.distributed.find_duplicates(…, blocking=Blocking(most_cells=…)) "
            "looks in more of them.",
            stacklevel=4,
        )


def _level(among: Duplicates | Leaks) -> DuplicateThreshold:
    return DuplicateThreshold(among.threshold, among.threshold_source)


def _method(pairing: Pairing) -> tuple[str, float]:
    return ("exact" if pairing.proven else "blocks"), pairing.recall


def _how(pairing: Pairing) -> str:
    return "all pairs" if pairing.proven else f"recall {pairing.recall:.3f} of {pairing.n_measured} pairs of a sample"


def _names(part: pd.Series) -> set[Any]:
    return set(part.dropna().unique())


def duplicate_levels(
    ddf: dd.DataFrame,
    vectors: dd.Series,
    levels: Sequence[float] | None = None,
    *,
    examples: int = 3,
    kinds: dd.Series | None = None,
    compared: ComparedTable | None = None,
    blocking: Blocking | None = None,
) -> pd.DataFrame:
    """Return example pairs of a Dask frame at several thresholds, with what pandas shows of them; computes.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
        The columns to show of both rows.
    vectors, kinds, blocking :
        As in :func:`mmembed.distributed.find_duplicates`.
    levels : sequence of float, optional
        Without it the one of ``threshold="auto"`` and some about it.
    examples : int
    compared : ComparedTable, optional
        The table with its contents, where these are compared.

    Warns
    -----
    UserWarning
        If levels are left out because they have more than 20 million pairs, or if near pairs were missed.
    """
    check_levels([1.0] if levels is None else levels, examples)
    if compared is not None:
        shown = local.duplicate_levels(
            compared.vectors, levels, examples=examples, kinds=_values(kinds), alike=compared.alike
        )
        return _examples(ddf, shown, compared.counts)
    best = resolve_threshold(vectors, "auto", kinds, blocking).level
    strict_first = check_levels(levels_about(best) if levels is None else levels, examples)
    pairing = find_pairs(vectors, strict_first, kinds=kinds, blocking=blocking)
    warn_of_low_recall(pairing)
    known = tuple(level for level in strict_first if level >= pairing.pairs.threshold)
    if known != strict_first:
        left_out = [level for level in strict_first if level not in known]
        warnings.warn(
            f"The levels {listed(left_out)} are left out: they have more than {MOST_PAIRS:,} pairs of "
            f"{sum(pairing.counts):,} rows. Leave them out of levels=, or look at fewer rows.",
            stacklevel=3,
        )
    dropped = tuple(_count_dropped(pairing.pairs.at(level)) for level in known)
    pairs = example_pairs(*_nearest(pairing.pairs), known, examples)
    found = DuplicateLevels(known, dropped, sum(pairing.counts), pairs, suggested_of(known, best))
    return _examples(ddf, found, pairing.counts)


def _examples(ddf: dd.DataFrame, found: DuplicateLevels, counts: list[int]) -> pd.DataFrame:
    """Return example pairs, which stand at positions in the whole table, with their rows."""
    pairs = found.pairs.copy()
    positions = np.unique(pairs[["left", "right"]].to_numpy())
    for side in ("left", "right"):
        pairs[side] = np.searchsorted(positions, pairs[side])
    read = DuplicateLevels(found.levels, found.dropped, len(positions), pairs, found.suggested)
    return read.examples(rows_at(ddf, positions, counts))


def _count_dropped(pairs: NearPairs) -> int:
    positions, distinct, near = pairs.by_row()
    representatives, _ = represented(distinct, near, np.arange(len(positions)))
    return int((representatives != np.arange(len(positions))).sum())


def _nearest(pairs: NearPairs) -> tuple[Positions, Positions, FloatVector]:
    """Return the pairs of different rows of which one is among the nearest of the other, as in the graph of pandas."""
    positions, distinct, near = pairs.by_row()
    rows = np.repeat(np.arange(len(near)), np.diff(near.starts))
    rank = np.arange(len(rows)) - near.starts[rows]
    kept = rank < FEWEST_NEIGHBORS
    first = positions[distinct.first]
    one, other, cosines = first[rows[kept]], first[near.others[kept]], near.cosines[kept]
    low, high = np.minimum(one, other), np.maximum(one, other)
    _, chosen = np.unique(np.column_stack([low, high]), axis=0, return_index=True)
    return low[chosen], high[chosen], cosines[chosen]
