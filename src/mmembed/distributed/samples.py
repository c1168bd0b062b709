"""A sample of the rows of all partitions: each row is as likely as any other, wherever the partitions are cut.

A sample of the rows that have a label: every class keeps rows, and of each class all rows are equally likely.

A random sample of the different rows of a table: the same however the table is cut, in two readings of one column.

Each row has a number that is made of its values alone; the rows with the least numbers are the sample. The first
reading finds how small the numbers must be, the second brings the rows.

The mean of each kind of content over all partitions, from the means of the parts.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from dask.delayed import Delayed, delayed

from mmembed.analysis.cosines import distinct_rows, unit_rows
from mmembed.analysis.labels.fit import holds_label_sets
from mmembed.analysis.preparation import KindSums, Preparation, add_kind_sums, kind_sums
from mmembed.arrays import FloatMatrix, Positions
from mmembed.distributed.columns import VECTOR, side_by_side, vectors_in, vectors_of
from mmembed.distributed.partitions import compute_each, folded, on_partitions, parts_of
from mmembed.frames import column_of
from mmembed.vectors import VectorDtype
from mmembed.vectors.rows import row_priorities

if TYPE_CHECKING:
    import dask.dataframe as dd


# Rows that methods are fitted on that cannot be cut into partitions.
SAMPLE_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class Extent:
    """How many rows a table has, and what is known of all of them after one pass.

    Attributes
    ----------
    rows, present : numpy.ndarray of int, one a partition
        Rows, and those of them that have a vector.
    preparation : Preparation
        With the exact mean of each kind.
    """

    rows: Positions = field(repr=False)
    present: Positions = field(repr=False)
    preparation: Preparation = field(repr=False)

    @property
    def total(self) -> int:
        """Rows in all."""
        return int(self.rows.sum())

    @property
    def with_vector(self) -> int:
        """Rows that have a vector."""
        return int(self.present.sum())

    @property
    def offsets(self) -> list[int]:
        """Position in the table of the first row of each partition."""
        return [0, *np.cumsum(self.rows)[:-1].tolist()]


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows that were drawn.

    Attributes
    ----------
    frame : pandas.DataFrame
        In the order of the table.
    positions : numpy.ndarray of int
        Where each stands in the table.
    of : int
        How many rows there were to draw from.
    """

    frame: pd.DataFrame = field(repr=False)
    positions: Positions = field(repr=False)
    of: int

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def is_whole(self) -> bool:
        """Whether it holds all rows that there were to draw from."""
        return len(self) == self.of


def check_sample_rows(sample_rows: int) -> None:
    """Refuse a size that is none."""
    if sample_rows < 1:
        raise ValueError(f"sample_rows={sample_rows!r} draws no row. Give at least 1; some 20,000 is usual.")


def measure_extent(columns: Any) -> Extent:
    """Count the rows of a frame of :func:`mmembed.distributed.columns.side_by_side`, and learn the means of kinds."""
    rows, present, sums = folded(on_partitions(_count, columns), _add_counts)
    preparation = Preparation() if sums is None else Preparation.of(sums)
    return Extent(np.array(rows, dtype=np.int64), np.array(present, dtype=np.int64), preparation)


def draw(frame: Any, candidates: Sequence[int], most: int, *, seed: int, offsets: Sequence[int]) -> Sample:
    """Draw rows of a frame that has the column ``vector``, of those that have one.

    Which rows are drawn depends on the seed and on the order of the rows, and not on where the partitions are cut.

    Parameters
    ----------
    frame : dask DataFrame
    candidates : sequence of int, one a partition
        How many rows of it have a vector.
    most : int
        How many to draw; all if there are no more.
    seed : int
    offsets : sequence of int
        Position of the first row of each partition.
    """
    ends = np.cumsum(candidates)
    total = int(ends[-1])
    if most >= total:
        chosen = np.arange(total)
    else:
        chosen = np.sort(np.random.default_rng([seed, 1]).choice(total, most, replace=False))
    bounds = np.searchsorted(chosen, ends)
    starts = [0, *bounds[:-1].tolist()]
    own = [
        (chosen[start:end] - (end_row - count), offset)
        for start, end, end_row, count, offset in zip(starts, bounds, ends, candidates, offsets, strict=True)
    ]
    parts: list[tuple[pd.DataFrame, Positions]] = folded(on_partitions(_take, frame, own=own), _chain)
    return Sample(
        pd.concat([part for part, _ in parts], ignore_index=True),
        np.concatenate([positions for _, positions in parts]),
        total,
    )


def _count(part: pd.DataFrame) -> tuple[list[int], list[int], KindSums | None]:
    array = vectors_of(part)
    sums = kind_sums(array, part["kinds"]) if "kinds" in part.columns else None
    return [len(part)], [int((~array.isna()).sum())], sums


def _add_counts(
    answers: list[tuple[list[int], list[int], KindSums | None]],
) -> tuple[list[int], list[int], KindSums | None]:
    sums = [one for *_, one in answers if one is not None]
    return (
        [count for rows, _, _ in answers for count in rows],
        [count for _, present, _ in answers for count in present],
        add_kind_sums(sums) if sums else None,
    )


def _take(part: pd.DataFrame, own: tuple[Positions, int]) -> list[tuple[pd.DataFrame, Positions]]:
    ordinals, offset = own
    present: npt.NDArray[Any] = np.flatnonzero(~np.asarray(vectors_of(part).isna()))
    rows = present[ordinals]
    return [(part.iloc[rows], rows + offset)]


def _chain(answers: list[list[Any]]) -> list[Any]:
    return [one for answer in answers for one in answer]


Classes = Callable[[pd.DataFrame], "tuple[Positions, list[Hashable]]"]

# A class keeps this many rows, if it has them, however rare it is.
_FEWEST_OF_A_CLASS = 20

# A target of more values than this is no set of classes, and its values would fill this process.
_MOST_VALUES = 100_000


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Rows to learn from.

    Attributes
    ----------
    frame : pandas.DataFrame
        In the order of the table.
    positions : numpy.ndarray of int
        Where each stands in the table.
    of : int
        How many rows there were to draw from.
    center : numpy.ndarray, shape (d,), float64
        Mean unit row of all rows that have a vector, labelled or not.
    """

    frame: pd.DataFrame = field(repr=False)
    positions: Positions = field(repr=False)
    of: int
    center: npt.NDArray[np.float64] = field(repr=False)


def warn_of_cut(what: str, used: int, of: int, *, stacklevel: int) -> None:
    """Say once where not all labelled rows are used."""
    if used < of:
        warnings.warn(
            f"{what} {used:,} of {of:,} labelled rows, drawn by class. "
            f"Give sample_rows={of:,} to use all, if they fit into memory.",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


@dataclass(frozen=True, eq=False)
class _Found:
    """What there is in some partitions: rows, rows by class, and the sum of all unit rows."""

    rows: list[int]
    classes: list[Counter[Hashable]]
    total: npt.NDArray[np.float64]
    present: int

    @staticmethod
    def add(parts: list[_Found]) -> _Found:
        classes = [one for part in parts for one in part.classes]
        if len(set().union(*classes)) > _MOST_VALUES:
            raise ValueError(
                f"The target has more than {_MOST_VALUES:,} different values, and a classifier would take each for a "
                "class of its own. Make classes of it first, or leave out what is rare."
            )
        rows = [count for part in parts for count in part.rows]
        return _Found(rows, classes, np.sum([one.total for one in parts], axis=0), sum(one.present for one in parts))


def draw_labelled(columns: Any, most: int, *, seed: int) -> LabelledRows:
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
    drawn = draw_by_class(columns, _labelled, most, seed=seed)
    return replace(drawn, frame=drawn.frame.reset_index(drop=True))


def draw_by_class(frame: Any, classes: Classes, most: int, *, seed: int) -> LabelledRows:
    """Draw rows by any class, as :func:`draw_labelled` does.

    Parameters
    ----------
    frame : dask DataFrame
    classes : callable
        Returns the rows of a partition that may be drawn, and the class of each.
    most, seed
        As for :func:`draw_labelled`.
    """
    found: _Found = folded(on_partitions(_count_classes, frame, classes=classes), _Found.add)
    totals: Counter[Hashable] = Counter()
    for one in found.classes:
        totals.update(one)
    chosen = _choose(totals, most, seed)
    own: list[tuple[dict[Hashable, Positions], int]] = []
    before: Counter[Hashable] = Counter()
    offset = 0
    for one, n_rows in zip(found.classes, found.rows, strict=True):
        here = {}
        for value, count in one.items():
            start, end = np.searchsorted(chosen[value], [before[value], before[value] + count])
            here[value] = chosen[value][start:end] - before[value]
        before.update(one)
        own.append((here, offset))
        offset += n_rows
    parts: list[tuple[pd.DataFrame, Positions]] = folded(
        on_partitions(_take_classes, frame, own=own, classes=classes), _chained
    )
    return LabelledRows(
        pd.concat([part for part, _ in parts]),
        np.concatenate([rows for _, rows in parts]),
        sum(totals.values()),
        found.total / max(1, found.present),
    )


def _choose(totals: Mapping[Hashable, int], most: int, seed: int) -> dict[Hashable, Positions]:
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


def _labelled(part: pd.DataFrame) -> tuple[Positions, list[Hashable]]:
    """Return the rows that can be learned from, and the class of each; sets of labels count as one class."""
    usable = part["target"].notna().to_numpy(dtype=bool)
    for name in part.columns:
        if str(name).startswith(VECTOR):
            usable = usable & ~np.asarray(part[name].isna())
    rows = np.flatnonzero(usable)
    values = part["target"].iloc[rows]
    return rows, ["sets"] * len(rows) if holds_label_sets(values) else values.tolist()


def _count_classes(part: pd.DataFrame, *, classes: Classes) -> _Found:
    counts = [Counter(classes(part)[1])]
    if VECTOR not in part.columns:
        return _Found([len(part)], counts, np.zeros(0), 0)
    array = vectors_of(part)
    units = unit_rows(array.matrix[~np.asarray(array.isna())])
    return _Found([len(part)], counts, units.sum(axis=0, dtype=np.float64), len(units))


def _take_classes(
    part: pd.DataFrame, own: tuple[dict[Hashable, Positions], int], *, classes: Classes
) -> list[tuple[pd.DataFrame, Positions]]:
    chosen, offset = own
    rows, values = classes(part)
    codes, names = pd.factorize(pd.Series(values, dtype=object))
    taken = [rows[codes == code][chosen[name]] for code, name in enumerate(names)]
    at = np.sort(np.concatenate(taken)) if taken else np.empty(0, dtype=np.int64)
    return [(part.iloc[at], at + offset)]


def _chained(answers: list[list[Any]]) -> list[Any]:
    return [one for answer in answers for one in answer]


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
        return [0, *(int(count) for count in np.cumsum(self.counts)[:-1])]

    @property
    def n_distinct(self) -> int:
        """How many rows differ from all others of their partition."""
        return sum(part.n_distinct for part in self.parts)

    @property
    def twins(self) -> Positions:
        """Positions of equal rows of one partition, shape (t, 2)."""
        return np.concatenate([part.twins + offset for part, offset in zip(self.parts, self.offsets, strict=True)])


def read_facts(ddf: dd.DataFrame, column: PreparedColumn, n_rows: int, share: float = 0.0) -> TableFacts:
    """Read a column once: its rows, which of them are equal, and what a sample needs.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
    column : PreparedColumn
    n_rows, share : int, float
        The sample will be of so many rows and of this share of all rows.
    """
    return TableFacts(compute_each(column.of(ddf), _facts, column, n_rows, share))


def sample_rows(ddf: dd.DataFrame, column: PreparedColumn, facts: TableFacts, n_rows: int) -> Delayed:
    """Return so many different rows of a column that has been read once, or all if there are no more: a RowSample."""
    numbers = np.unique(np.concatenate([part.least for part in facts.parts]))
    limit = numbers[min(n_rows, len(numbers)) - 1] if len(numbers) else np.uint64(0)
    parts = zip(parts_of(column.of(ddf)), facts.offsets, strict=True)
    picked = [delayed(_rows_below)(part, offset, column, limit) for part, offset in parts]
    sample: Delayed = delayed(_together)(picked)
    return sample


def _together(picked: Sequence[tuple[npt.NDArray[np.uint64], Positions, FloatMatrix]]) -> RowSample:
    numbers, positions, rows = (np.concatenate([part[item] for part in picked]) for item in range(3))
    _, chosen = np.unique(numbers, return_index=True)
    return RowSample(rows[chosen], positions[chosen])


def _facts(part: pd.DataFrame, column: PreparedColumn, n_rows: int, share: float) -> PartFacts:
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


def _rows_below(
    part: pd.DataFrame, offset: int, column: PreparedColumn, limit: np.uint64
) -> tuple[npt.NDArray[np.uint64], Positions, FloatMatrix]:
    places, rows = column.rows(part)
    numbers = row_priorities(rows)
    chosen = np.flatnonzero(numbers <= limit)
    return numbers[chosen], places[chosen] + offset, rows[chosen]


def learn_preparation(ddf: dd.DataFrame, column: str, kinds: str | None, dtype: VectorDtype) -> Preparation:
    """Learn the mean of each kind from a whole table; computes if there are kinds.

    Raises
    ------
    ColumnNotFoundError
        If there is no such column of kinds.
    """
    if kinds is None:
        return Preparation()
    column_of(ddf._meta, kinds)  # noqa: SLF001  Dask has no other name for it
    sums = compute_each(ddf[list(dict.fromkeys([column, kinds]))], _kind_sums, column, kinds, dtype)
    return Preparation.of(add_kind_sums(sums))


def prepared_column(
    vectors: dd.Series, kinds: dd.Series | None, *, zeros: bool = False
) -> tuple[dd.DataFrame, PreparedColumn]:
    """Return a frame of the vectors and their kinds, and how its rows are prepared; computes if there are kinds."""
    ddf = side_by_side(vectors, kinds=kinds)
    dtype, name = ddf.dtypes[VECTOR], None if kinds is None else "kinds"
    return ddf, PreparedColumn(VECTOR, dtype, name, learn_preparation(ddf, VECTOR, name, dtype), zeros)


def _kind_sums(part: pd.DataFrame, column: str, kinds: str, dtype: VectorDtype) -> KindSums:
    return kind_sums(vectors_in(part[column], dtype), column_of(part, kinds))


@dataclass(frozen=True)
class PreparedColumn:
    """A vector column and what is taken off its rows, so that every partition is prepared alike.

    Attributes
    ----------
    column : str
    dtype : VectorDtype
    kinds : str, optional
        A column of the rows' kinds.
    preparation : Preparation
    zeros : bool
        Whether zero vectors, which have no direction, are among its rows.
    """

    column: str
    dtype: VectorDtype
    kinds: str | None = None
    preparation: Preparation = field(default_factory=Preparation, repr=False)
    zeros: bool = False

    def of(self, ddf: dd.DataFrame) -> dd.DataFrame:
        """Return the columns that are needed."""
        needed: dd.DataFrame = ddf[list(dict.fromkeys([self.column] + ([] if self.kinds is None else [self.kinds])))]
        return needed

    def rows(self, part: pd.DataFrame) -> tuple[Positions, FloatMatrix]:
        """Return the places of the rows that have a vector, and the rows whose cosines count."""
        array = vectors_in(part[self.column], self.dtype)
        kinds = None if self.kinds is None else column_of(part, self.kinds)
        places, rows = np.flatnonzero(~array.isna()), self.preparation.source(array, kinds)
        directed = rows.any(axis=1)
        return (places, rows) if self.zeros or directed.all() else (places[directed], rows[directed])
