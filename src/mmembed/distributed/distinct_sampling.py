"""A random sample of the different rows of a table: the same however the table is cut, in two readings of one column.

Each row has a number that is made of its values alone; the rows with the least numbers are the sample. The first
reading finds how small the numbers must be, the second brings the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from dask.delayed import Delayed, delayed

from mmembed.analysis.cosines import distinct_rows
from mmembed.arrays import FloatMatrix, Positions
from mmembed.distributed.folding import parts_of
from mmembed.distributed.partitions import compute_each
from mmembed.distributed.preparing import PreparedColumn
from mmembed.vectors.rows import row_priorities

if TYPE_CHECKING:
    import dask.dataframe as dd


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
