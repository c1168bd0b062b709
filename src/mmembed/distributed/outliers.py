"""How isolated each row of a table in partitions is, by neighbours in a sample of the table's different rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from dask.base import compute
from dask.delayed import delayed

from mmembed.analysis.cosines import distinct_rows
from mmembed.analysis.finding.outliers import OutlierReference, check_neighbors
from mmembed.distributed.partitions import each, frame_of
from mmembed.distributed.samples import PreparedRows, RowSample, prepared_column, read_facts, sample_rows
from mmembed.frames import Written, with_columns

if TYPE_CHECKING:
    import dask.dataframe as dd

MOST_REFERENCE_ROWS = 20_000
"""Rows that neighbours are looked for among: so many have an exact graph in some seconds."""


@dataclass(frozen=True, eq=False)
class DistributedOutliers:
    """How isolated the rows of a table in partitions are, among the rows of a reference.

    Attributes
    ----------
    column : PreparedRows
    reference : OutlierReference
        All different rows of the table, or a sample.
    n_distinct : int
        How many different rows the partitions have.
    """

    column: PreparedRows = field(repr=False)
    reference: OutlierReference = field(repr=False)
    n_distinct: int
    _rows: dd.DataFrame = field(repr=False)

    @property
    def sampled(self) -> bool:
        """Whether the reference is a sample; if not, the scores are those of pandas."""
        return len(self.reference) < self.n_distinct

    def add_to(self, ddf: dd.DataFrame, *, name: str = "outlier_score") -> dd.DataFrame:
        """Return the frame with ``outlier_score``; NaN for rows without a vector."""
        Written.by("outliers", name).check(ddf._meta)  # noqa: SLF001
        meta = ddf._meta.assign(**{name: np.empty(0, dtype=np.float32)})  # noqa: SLF001  Dask has no other name for it
        parts = each(_score_rows, ddf, self._rows, column=self.column, reference=self.reference, name=name)
        scored: dd.DataFrame = frame_of(parts, meta, ddf.divisions)
        return scored

    def __repr__(self) -> str:
        among = f"reference={len(self.reference)} of {self.n_distinct} rows"
        return f"DistributedOutliers({among}, k={self.reference.k}); see .add_to(ddf)"


def find_outliers(
    vectors: dd.Series, k: int | None = None, *, kinds: dd.Series | None = None, most: int = MOST_REFERENCE_ROWS
) -> DistributedOutliers:
    """Learn the neighbourhoods of a Dask column's rows from all of them or, of many, from a sample; computes twice.

    Parameters
    ----------
    vectors : dask Series, a vector column
    k : int, optional
        As in :func:`mmembed.find_outliers`, among the rows of the reference: in a sample of one row in m, a group of
        k · m rows or fewer (200 · m without k) may count as outliers.
    kinds : dask Series, optional
        Each row's kind of content; each kind's mean is removed first.
    most : int
        Rows of the reference. A table with no more different rows has the scores of pandas.
    """
    check_neighbors(k)
    ddf, prepared = prepared_column(vectors, kinds, zeros=True)
    facts = read_facts(ddf, prepared, most)
    sample = sample_rows(ddf, prepared, facts, most)
    (reference,) = compute(delayed(_learn_reference)(sample, k))
    return DistributedOutliers(prepared, reference, facts.n_distinct, ddf)


def _learn_reference(sample: RowSample, k: int | None) -> OutlierReference:
    return OutlierReference.learn(sample.rows, k)


def _score_rows(
    part: pd.DataFrame, vectors: pd.DataFrame, column: PreparedRows, reference: OutlierReference, name: str
) -> pd.DataFrame:
    scores = np.full(len(vectors), np.nan, dtype=np.float32)
    places, rows = column.rows(vectors)
    if len(places):
        distinct = distinct_rows(rows)
        scores[places] = reference.scores(distinct.rows)[distinct.groups]
    return with_columns(part, {name: scores}, len(vectors), owner=None)
