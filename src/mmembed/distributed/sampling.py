"""A sample of the rows of all partitions: each row is as likely as any other, wherever the partitions are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.preparation import KindSums, Preparation, add_kind_sums, kind_sums
from mmembed.distributed.aligning import vectors_of
from mmembed.distributed.folding import folded, on_partitions

if TYPE_CHECKING:
    from mmembed.arrays import Positions

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
    """Count the rows of a frame of :func:`mmembed.distributed.aligning.side_by_side`, and learn the means of kinds."""
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
