"""Samples of the rows of all partitions, the same wherever the partitions are cut: one pass counts, one brings rows.

There are three choices of rows. Evenly: each row that has a vector is as likely as any other. By class: every class
keeps rows, and of each class all rows are equally likely. By row hash: each different row has a number that is made of
its values alone, and the rows with the least numbers are drawn.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from dask.base import compute
from dask.delayed import Delayed, delayed

from mmembed.analysis.cosines import distinct_rows
from mmembed.analysis.labels.fit import holds_label_sets
from mmembed.analysis.preparation import KindSums, Preparation, kind_sums
from mmembed.arrays import FloatMatrix, Positions
from mmembed.distributed.columns import VECTOR, side_by_side, vectors_of
from mmembed.distributed.partitions import combined, each, reduced
from mmembed.vectors.rows import row_priorities

if TYPE_CHECKING:
    import dask.dataframe as dd


# Rows that methods are fitted on that cannot be cut into partitions.
SAMPLE_ROWS = 20_000

# A class keeps this many rows, if it has them, however rare it is.
_FEWEST_OF_A_CLASS = 20

# A target of more values than this is no set of classes, and its values would fill this process.
_MOST_VALUES = 100_000

# Returns the places of the rows of a partition that may be drawn, and the class of each; None if all are of one class.
Classes = Callable[[pd.DataFrame], tuple[Positions, Sequence[Hashable] | None]]


@dataclass(frozen=True, eq=False)
class Extent:
    """How many rows a table has, and what is known of all of them after one pass.

    Attributes
    ----------
    rows : list of int, one a partition
    classes : list of Counter, one a partition
        Rows that may be drawn, by class; where there are no classes, all are of the class None.
    sums : KindSums
        Of all rows that have a vector, drawn or not.
    """

    rows: list[int] = field(repr=False)
    classes: list[Counter[Hashable]] = field(repr=False)
    sums: KindSums = field(repr=False)

    def __add__(self, other: Extent) -> Extent:
        """Add the partitions that follow."""
        return Extent(self.rows + other.rows, self.classes + other.classes, self.sums + other.sums).checked()

    def checked(self) -> Extent:
        """Refuse a target that has more values than classes can be, before all of them are held."""
        if len(set().union(*self.classes)) > _MOST_VALUES:
            raise ValueError(
                f"The target has more than {_MOST_VALUES:,} different values, and a classifier would take each for a "
                "class of its own. Make classes of it first, or leave out what is rare."
            )
        return self

    @property
    def totals(self) -> Counter[Hashable]:
        """Rows that may be drawn, by class."""
        totals: Counter[Hashable] = Counter()
        for one in self.classes:
            totals.update(one)
        return totals

    @property
    def with_vector(self) -> int:
        """Rows that may be drawn."""
        return sum(self.totals.values())

    @property
    def offsets(self) -> list[int]:
        """Position in the table of the first row of each partition."""
        return _offsets(self.rows)

    @property
    def preparation(self) -> Preparation:
        """With the exact mean of each kind, where there are kinds."""
        return Preparation.of(self.sums) if self.sums else Preparation()


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows that were drawn.

    Attributes
    ----------
    frame : pandas.DataFrame
        In the order of the table.
    positions : numpy.ndarray of int
        Where each stands in the table.
    extent : Extent
        What there was to draw from.
    """

    frame: pd.DataFrame = field(repr=False)
    positions: Positions = field(repr=False)
    extent: Extent = field(repr=False)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def of(self) -> int:
        """How many rows there were to draw from."""
        return self.extent.with_vector

    @property
    def is_whole(self) -> bool:
        """Whether it holds all rows that there were to draw from."""
        return len(self) == self.of

    @property
    def center(self) -> npt.NDArray[np.float64]:
        """Mean unit row of all rows that have a vector, labelled or not, shape (d,); of :func:`draw_labelled`."""
        total, count = self.extent.sums[0]
        return total / max(1, count)


def check_sample_rows(sample_rows: int) -> None:
    """Refuse a size that is none."""
    if sample_rows < 1:
        raise ValueError(f"sample_rows={sample_rows!r} draws no row. Give at least 1; some 20,000 is usual.")


def warn_of_cut(what: str, used: int, of: int, *, stacklevel: int) -> None:
    """Say once where not all labelled rows are used."""
    if used < of:
        warnings.warn(
            f"{what} {used:,} of {of:,} labelled rows, drawn by class. "
            f"Give sample_rows={of:,} to use all, if they fit into memory.",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


def measure_extent(columns: Any) -> Extent:
    """Count the rows of a frame of :func:`mmembed.distributed.columns.side_by_side`, and learn the means of kinds."""
    return _count_rows(columns, _with_vector, _sums_of_kinds if "kinds" in columns.columns else None)


def draw(frame: Any, extent: Extent, most: int, *, seed: int) -> Sample:
    """Draw rows of a frame that has the column ``vector``, evenly of those that have one.

    Which rows are drawn depends on the seed and on the order of the rows, and not on where the partitions are cut.

    Parameters
    ----------
    frame : dask DataFrame
    extent : Extent
        As :func:`measure_extent` counted it.
    most : int
        How many to draw; all if there are no more.
    seed : int
    """
    drawn = _take(frame, extent, _with_vector, {None: _choose_evenly(extent.with_vector, most, seed)})
    return replace(drawn, frame=drawn.frame.reset_index(drop=True))


def draw_labelled(columns: Any, most: int, *, seed: int) -> Sample:
    """Draw rows that have a vector and a target, by class: each in proportion, and at least 20 of each, if it has them.

    Which rows are drawn depends on the seed and on the order of the rows, and not on where the partitions are cut.

    Parameters
    ----------
    columns : dask DataFrame
        With ``target`` and, if there are vectors, ``vector`` and further ones called ``vector 1``, ``vector 2``, …:
        rows must have all of them. Other columns go with the rows.
    most : int
        About how many rows; a few more where rare classes need them.
    seed : int
    """
    extent = _count_rows(columns, _labelled_rows, _sum_of_all if VECTOR in columns.columns else None)
    drawn = _take(columns, extent, _labelled_rows, _choose_by_class(extent.totals, most, seed))
    return replace(drawn, frame=drawn.frame.reset_index(drop=True))


def draw_by_class(frame: Any, classes: Classes, most: int, *, seed: int) -> Sample:
    """Draw rows by any class, as :func:`draw_labelled` does.

    Parameters
    ----------
    frame : dask DataFrame
    classes : callable
        Returns the places of the rows of a partition that may be drawn, and the class of each; None for the classes
        if all are of one.
    most, seed
        As for :func:`draw_labelled`.
    """
    extent = _count_rows(frame, classes, None)
    return _take(frame, extent, classes, _choose_by_class(extent.totals, most, seed))


def _with_vector(part: pd.DataFrame) -> tuple[Positions, None]:
    return np.flatnonzero(~np.asarray(vectors_of(part).isna())), None


def _labelled_rows(part: pd.DataFrame) -> tuple[Positions, Sequence[Hashable] | None]:
    """Return the rows that can be learned from, and the class of each; sets of labels count as one class."""
    usable = part["target"].notna().to_numpy(dtype=bool)
    for name in part.columns:
        if str(name).startswith(VECTOR):
            usable = usable & ~np.asarray(part[name].isna())
    rows = np.flatnonzero(usable)
    values = part["target"].iloc[rows]
    return rows, None if holds_label_sets(values) else values.tolist()


def _sums_of_kinds(part: pd.DataFrame) -> KindSums:
    return kind_sums(vectors_of(part), part["kinds"])


def _sum_of_all(part: pd.DataFrame) -> KindSums:
    return kind_sums(vectors_of(part), np.zeros(len(part), dtype=np.int64))


def _choose_evenly(total: int, most: int, seed: int) -> Positions:
    """Return which rows are drawn, by number among those that may be."""
    if most >= total:
        return np.arange(total)
    return np.sort(np.random.default_rng([seed, 1]).choice(total, most, replace=False))


def _choose_by_class(totals: Mapping[Hashable, int], most: int, seed: int) -> dict[Hashable, Positions]:
    """Return which rows of each class are drawn, by number within the class."""
    n_rows = sum(totals.values())
    if n_rows <= most:
        return {value: np.arange(count) for value, count in totals.items()}
    fewest = min(_FEWEST_OF_A_CLASS, max(1, most // len(totals)))
    chosen = {}
    for number, value in enumerate(sorted(totals, key=lambda value: (str(type(value)), str(value)))):
        count = totals[value]
        wanted = min(count, max(fewest, round(most * count / n_rows)))
        random = np.random.default_rng([seed, 2, number])
        chosen[value] = np.sort(random.choice(count, wanted, replace=False))
    return chosen


def _count_rows(frame: Any, classes: Classes, learn: Callable[[pd.DataFrame], KindSums] | None) -> Extent:
    """Count the rows of all partitions by class, and learn from their vectors: the one pass that counts."""
    extent: Extent = reduced(each(_count_part, frame, classes=classes, learn=learn))
    return extent.checked()


def _count_part(part: pd.DataFrame, *, classes: Classes, learn: Callable[[pd.DataFrame], KindSums] | None) -> Extent:
    rows, values = classes(part)
    counts: Counter[Hashable] = Counter(values) if values is not None else Counter({None: len(rows)})
    return Extent([len(part)], [+counts], KindSums() if learn is None else learn(part))


def _take(frame: Any, extent: Extent, classes: Classes, chosen: Mapping[Hashable, Positions]) -> Sample:
    """Bring the rows that were chosen, by number within their class."""
    own: list[dict[Hashable, Positions]] = []
    before: Counter[Hashable] = Counter()
    for one in extent.classes:
        here = {}
        for value, count in one.items():
            start, end = np.searchsorted(chosen[value], [before[value], before[value] + count])
            here[value] = chosen[value][start:end] - before[value]
        before.update(one)
        own.append(here)
    taken = _taken(frame, partial(_places_of_classes, classes=classes), own, extent.offsets)
    rows, positions = _together(taken.compute())
    return Sample(rows, positions, extent)


def _places_of_classes(part: pd.DataFrame, chosen: Mapping[Hashable, Positions], *, classes: Classes) -> Positions:
    rows, values = classes(part)
    if values is None:
        return rows[chosen[None]] if len(rows) else rows
    codes, names = pd.factorize(np.fromiter(values, dtype=object, count=len(values)))
    taken = [rows[codes == code][chosen[name]] for code, name in enumerate(names)]
    return np.sort(np.concatenate(taken)) if taken else np.empty(0, dtype=np.int64)


_Taken = list[tuple[pd.DataFrame, Positions]]


def _taken(
    frame: Any, places: Callable[[pd.DataFrame, Any], Positions], own: Sequence[Any], offsets: Sequence[int]
) -> Delayed:
    """Return the rows at some places of each partition, with their positions in the table: the pass that brings rows.

    Parameters
    ----------
    frame : dask DataFrame
    places : callable
        Gets a partition and its own value.
    own, offsets : sequence, one a partition
    """
    return combined(each(_take_part, frame, own=list(zip(own, offsets, strict=True)), places=places))


def _take_part(part: pd.DataFrame, own: tuple[Any, int], *, places: Callable[[pd.DataFrame, Any], Positions]) -> _Taken:
    at = places(part, own[0])
    return [(part.iloc[at], at + own[1])]


def _together(taken: _Taken) -> tuple[pd.DataFrame, Positions]:
    return pd.concat([rows for rows, _ in taken]), np.concatenate([positions for _, positions in taken])


def _offsets(rows: Sequence[int]) -> list[int]:
    return [0, *(int(end) for end in np.cumsum(rows)[:-1])]


@dataclass(frozen=True, eq=False)
class PartFacts:
    """What the first reading tells of a partition.

    Attributes
    ----------
    n_rows, n_distinct : int
        All rows, and the different ones among those that have a direction.
    twins : numpy.ndarray of int, shape (t, 2)
        Places of equal rows: the first, and another.
    least : numpy.ndarray of uint64
        The least numbers of its rows, in rising order.
    """

    n_rows: int
    n_distinct: int
    twins: Positions = field(repr=False)
    least: npt.NDArray[np.uint64] = field(repr=False)


@dataclass(frozen=True, eq=False)
class RowSample:
    """Different rows in random order, and where each stands first in the table."""

    rows: FloatMatrix = field(repr=False)
    positions: Positions = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class TableFacts:
    """What the first reading tells of a table."""

    parts: Sequence[PartFacts] = field(repr=False)

    @property
    def counts(self) -> list[int]:
        """How many rows each partition has."""
        return [part.n_rows for part in self.parts]

    @property
    def offsets(self) -> list[int]:
        """The position of each partition's first row in the table."""
        return _offsets(self.counts)

    @property
    def n_distinct(self) -> int:
        """How many rows differ from all others of their partition."""
        return sum(part.n_distinct for part in self.parts)

    @property
    def twins(self) -> Positions:
        """Positions of equal rows of one partition, shape (t, 2)."""
        return np.concatenate([part.twins + offset for part, offset in zip(self.parts, self.offsets, strict=True)])


def read_facts(ddf: dd.DataFrame, column: PreparedRows, n_rows: int, share: float = 0.0) -> TableFacts:
    """Read a column once: its rows, which of them are equal, and what a sample needs.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
    column : PreparedRows
    n_rows, share : int, float
        The sample will be of so many rows and of this share of all rows.
    """
    return TableFacts(compute(*each(_facts, ddf, column=column, n_rows=n_rows, share=share)))


def sample_rows(ddf: dd.DataFrame, column: PreparedRows, facts: TableFacts, n_rows: int) -> Delayed:
    """Return so many different rows of a column that has been read once, or all if there are no more: a RowSample."""
    numbers = np.unique(np.concatenate([part.least for part in facts.parts]))
    limit = numbers[min(n_rows, len(numbers)) - 1] if len(numbers) else np.uint64(0)
    places = partial(_places_below, column=column)
    sample: Delayed = delayed(_row_sample)(_taken(ddf, places, [limit] * len(facts.parts), facts.offsets), column)
    return sample


def _row_sample(taken: _Taken, column: PreparedRows) -> RowSample:
    frame, positions = _together(taken)
    places, rows = column.rows(frame)
    _, chosen = np.unique(row_priorities(rows), return_index=True)
    return RowSample(rows[chosen], positions[places[chosen]])


def _facts(part: pd.DataFrame, *, column: PreparedRows, n_rows: int, share: float) -> PartFacts:
    places, rows = column.rows(part)
    distinct = distinct_rows(rows)
    first = distinct.first[distinct.groups]
    others = np.flatnonzero(first != np.arange(len(rows)))
    twins = np.column_stack([places[first[others]], places[others]])
    numbers = row_priorities(distinct.rows)
    most = n_rows + int(2 * share * len(part))  # twice, for by chance a partition may have more than its share
    if len(numbers) > most:
        numbers = np.partition(numbers, most)[:most]
    return PartFacts(len(part), len(distinct), twins, np.sort(numbers))


def _places_below(part: pd.DataFrame, limit: np.uint64, *, column: PreparedRows) -> Positions:
    places, rows = column.rows(part)
    return places[row_priorities(rows) <= limit]


def prepared_column(
    vectors: dd.Series, kinds: dd.Series | None, *, zeros: bool = False
) -> tuple[dd.DataFrame, PreparedRows]:
    """Return a frame of the vectors and their kinds, and how its rows are prepared; computes if there are kinds."""
    ddf = side_by_side(vectors, kinds=kinds)
    if kinds is None:
        return ddf, PreparedRows(zeros=zeros)
    sums: KindSums = reduced(each(_sums_of_kinds, ddf))
    return ddf, PreparedRows(Preparation.of(sums), zeros=zeros)


@dataclass(frozen=True)
class PreparedRows:
    """What is taken off the rows of a frame of :func:`prepared_column`, so that every partition is prepared alike.

    Attributes
    ----------
    preparation : Preparation
    zeros : bool
        Whether zero vectors, which have no direction, are among its rows.
    """

    preparation: Preparation = field(default_factory=Preparation, repr=False)
    zeros: bool = False

    def rows(self, part: pd.DataFrame) -> tuple[Positions, FloatMatrix]:
        """Return the places of the rows that have a vector, and the rows whose cosines count."""
        array = vectors_of(part)
        places, rows = np.flatnonzero(~array.isna()), self.preparation.source(array, part.get("kinds"))
        directed = rows.any(axis=1)
        return (places, rows) if self.zeros or directed.all() else (places[directed], rows[directed])
