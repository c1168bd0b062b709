"""The mean of each kind of content over all partitions, from the means of the parts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.accessor.arguments import column_of
from mmembed.analysis.rows.cosine import FloatMatrix, Positions
from mmembed.analysis.rows.preparing import Preparation
from mmembed.distributed.columns import column_dtype, vectors_in
from mmembed.distributed.partitions import compute_each
from mmembed.vectors import VectorArray, VectorDtype

if TYPE_CHECKING:
    import dask.dataframe as dd


@dataclass(frozen=True)
class Means:
    """How many rows of each kind have a vector, and the mean of their unit rows; those of parts add up."""

    counts: Mapping[Hashable, int] = field(default_factory=dict)
    means: Mapping[Hashable, npt.NDArray[Any]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, array: VectorArray, kinds: Any) -> Means:
        """Count and average the rows of one part."""
        values = pd.Series(kinds, dtype=getattr(kinds, "dtype", object))
        present = values.reset_index(drop=True)[~array.isna()]
        codes, names = pd.factorize(present, use_na_sentinel=False)
        counted = np.bincount(codes, minlength=len(names))
        counts = {None if pd.isna(name) else name: int(count) for name, count in zip(names, counted, strict=True)}
        return cls(counts, dict(Preparation.learn(array, kinds).means or {}))

    @property
    def n_rows(self) -> int:
        """How many rows have a vector."""
        return sum(self.counts.values())

    def __add__(self, other: Means) -> Means:
        counts = {
            kind: self.counts.get(kind, 0) + other.counts.get(kind, 0) for kind in {**self.counts, **other.counts}
        }
        means = {
            kind: np.sum([one.counts[kind] / count * one.means[kind] for one in (self, other) if kind in one.counts], 0)
            for kind, count in counts.items()
        }
        return Means(counts, means)

    def preparation(self) -> Preparation:
        """Return what removes these means."""
        return Preparation(self.means)


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
    found = compute_each(ddf[list(dict.fromkeys([column, kinds]))], _means, column, kinds, dtype)
    return sum(found, Means()).preparation()


def _means(part: pd.DataFrame, column: str, kinds: str, dtype: VectorDtype) -> Means:
    return Means.of(vectors_in(part[column], dtype), column_of(part, kinds))


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

    @classmethod
    def learn(cls, ddf: dd.DataFrame, column: str, kinds: str | None, *, zeros: bool = False) -> PreparedColumn:
        """Read the column's type and, where there are kinds, the mean of each from the whole table."""
        dtype = column_dtype(ddf, column)
        return cls(column, dtype, kinds, learn_preparation(ddf, column, kinds, dtype), zeros)

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
