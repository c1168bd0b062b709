"""The mean of each kind of content over all partitions, from the means of the parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmembed.analysis.preparation import KindSums, Preparation, add_kind_sums, kind_sums
from mmembed.arrays import FloatMatrix, Positions
from mmembed.distributed.aligning import VECTOR, side_by_side
from mmembed.distributed.columns import vectors_in
from mmembed.distributed.partitions import compute_each
from mmembed.frames import column_of
from mmembed.vectors import VectorDtype

if TYPE_CHECKING:
    import dask.dataframe as dd


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
