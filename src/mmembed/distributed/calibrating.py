"""Calibration over all partitions: the means of the kinds, and the cosines of the random pairs that pandas draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmembed.analysis.cosines import pair_cosines
from mmembed.analysis.finding.calibration import check_enough, prepared, random_pairs
from mmembed.analysis.preparation import KindSums, Preparation, add_kind_sums, kind_sums
from mmembed.arrays import FloatMatrix, FloatVector, Positions
from mmembed.distributed.columns import vectors_in
from mmembed.distributed.partitions import by_partition, compute_each
from mmembed.frames import column_of
from mmembed.vectors import VectorArray, VectorDtype

if TYPE_CHECKING:
    import dask.dataframe as dd


@dataclass(frozen=True)
class LearnedCalibration:
    """What a calibration knows of a whole table.

    Attributes
    ----------
    of_queries, of_rows : Preparation
        The means of the queries' kind and of the rows' kinds.
    background : numpy.ndarray, shape (p,)
        Cosines of random pairs, in rising order.
    """

    of_queries: Preparation
    of_rows: Preparation
    background: FloatVector = field(repr=False)

    def prepare(self, queries: VectorArray) -> VectorArray:
        """Return queries without the mean of their kind."""
        return prepared(queries, self.of_queries, ["query"] * len(queries))


@dataclass(frozen=True)
class _Side:
    """One of the two columns: its name, its type, and the column of its rows' kinds, or the name of its only kind."""

    column: str
    dtype: VectorDtype
    kind: str
    kinds: str | None = None

    def array(self, part: pd.DataFrame) -> VectorArray:
        return vectors_in(part[self.column], self.dtype)

    def kinds_of(self, part: pd.DataFrame) -> object:
        return [self.kind] * len(part) if self.kinds is None else column_of(part, self.kinds)


def learn_calibration(
    ddf: dd.DataFrame, column: str, calibrate: str, *, dtypes: tuple[VectorDtype, VectorDtype], kinds: str | None
) -> LearnedCalibration:
    """Learn from a whole table what makes queries of one kind comparable with its rows; computes twice.

    The random pairs are those that pandas draws. The means are summed partition by partition, so they may differ from
    those of pandas in the last digit.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
    column, calibrate : str
        The searched column, and one of the queries' kind.
    dtypes : pair of VectorDtype
        Of the searched column and of the other.
    kinds : str, optional
        A column of the rows' kinds.

    Raises
    ------
    VectorError
        If either has fewer than two vectors.
    """
    sides = _Side(calibrate, dtypes[1], "query"), _Side(column, dtypes[0], "row", kinds)
    used = ddf[list(dict.fromkeys([column, calibrate, *([] if kinds is None else [kinds])]))]
    sums = compute_each(used, _kind_sums, sides)
    totals = [add_kind_sums(of_part[side] for of_part in sums) for side in (0, 1)]
    check_enough(_count(totals[0]), _count(totals[1]))
    preparations = [Preparation.of(total) for total in totals]
    drawn = random_pairs(_count(totals[0]), _count(totals[1]), seed=0)
    unique = [np.unique(numbers, return_inverse=True) for numbers in drawn]
    wanted = [by_partition(unique[side][0], [_count(of_part[side]) for of_part in sums]) for side in (0, 1)]
    rows = compute_each(used, _pick, sides, preparations, beside=list(zip(*wanted, strict=True)))
    left, right = (np.concatenate([of_part[side] for of_part in rows]) for side in (0, 1))
    background = np.sort(pair_cosines(left, right, unique[0][1], unique[1][1]))
    return LearnedCalibration(preparations[0], preparations[1], background)


def _kind_sums(part: pd.DataFrame, sides: tuple[_Side, _Side]) -> list[KindSums]:
    return [kind_sums(side.array(part), side.kinds_of(part)) for side in sides]


def _count(sums: KindSums) -> int:
    return sum(count for _, count in sums.values())


def _pick(
    part: pd.DataFrame, places: Sequence[Positions], sides: tuple[_Side, _Side], preparations: list[Preparation]
) -> list[FloatMatrix]:
    """Return the rows at these places among those that have a vector, without the mean of their kind."""
    return [
        preparation.rows(side.array(part), side.kinds_of(part))[place]
        for side, preparation, place in zip(sides, preparations, places, strict=True)
    ]
