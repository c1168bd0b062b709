"""The level at which near duplicates end in a table in partitions, from the neighbours of some of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from dask.base import compute

from mmembed.analysis.cosines import distinct_rows
from mmembed.analysis.finding.duplicate_threshold import (
    DuplicateThreshold,
    Threshold,
    check_duplicate_threshold,
    mean_cosine,
    threshold_between,
)
from mmembed.analysis.graphs.graph import FEWEST_NEIGHBORS
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.arrays import FloatMatrix
from mmembed.distributed.pairs import Blocking
from mmembed.distributed.partitions import each, reduced
from mmembed.distributed.samples import PreparedRows, RowSample, prepared_column, read_facts, sample_rows
from mmembed.vectors.rows import row_priorities

if TYPE_CHECKING:
    import dask.dataframe as dd

# Cosines of some rows with their nearest others, and a number for each of these that equal rows share.
_Found = tuple[FloatMatrix, npt.NDArray[np.uint64]]


def resolve_threshold(
    vectors: dd.Series, threshold: Threshold, kinds: dd.Series | None = None, blocking: Blocking | None = None
) -> DuplicateThreshold:
    """Return a threshold that was given, or find one; then it computes.

    Of a table of no more different rows than are compared at once, all of them are asked for their neighbours, as on
    pandas; of a larger one, so many as the recall is measured on.

    Raises
    ------
    ValueError
        If it is neither a cosine nor ``"auto"``.
    """
    if check_duplicate_threshold(threshold) != "auto":
        return DuplicateThreshold(float(threshold), "given")
    blocking = blocking or Blocking()
    ddf, column = prepared_column(vectors, kinds)
    facts = read_facts(ddf, column, blocking.rows_at_once)
    is_small = facts.n_distinct <= blocking.rows_at_once
    (sample,) = compute(sample_rows(ddf, column, facts, blocking.rows_at_once if is_small else blocking.rows_of_recall))
    if len(sample) < 2:
        return threshold_between(np.empty((len(sample), 0), dtype=np.float32), 0.0)
    found = reduced(each(_nearest, ddf, column=column, sample=sample), _merge_nearest)
    return threshold_between(_ranks_known_of_all(found[0]), mean_cosine(sample.rows))


def _nearest(part: pd.DataFrame, column: PreparedRows, sample: RowSample) -> _Found:
    """Return the nearest different rows of a partition to each row of a sample, without those that equal it."""
    rows = distinct_rows(column.rows(part)[1]).rows
    numbers, asked = row_priorities(rows), row_priorities(sample.rows)
    shape = (len(sample), FEWEST_NEIGHBORS)
    cosines, names = np.full(shape, np.nan, dtype=np.float32), np.zeros(shape, dtype=np.uint64)
    if not len(rows):
        return cosines, names
    nothing = np.zeros(len(sample), dtype=bool), np.zeros(len(rows), dtype=bool)
    wanted = min(FEWEST_NEIGHBORS + 1, len(rows))
    found, values = nearest_rows(sample.rows, rows, wanted, queries_missing=nothing[0], missing=nothing[1])
    values = np.where(numbers[found] == asked[:, np.newaxis], np.float32(np.nan), values)
    order = np.argsort(-values, axis=1, kind="stable")[:, :FEWEST_NEIGHBORS]
    cosines[:, : order.shape[1]] = np.take_along_axis(values, order, axis=1)
    names[:, : order.shape[1]] = np.take_along_axis(numbers[found], order, axis=1)
    return cosines, names


def _merge_nearest(*answers: _Found) -> _Found:
    """Return the nearest of what several partitions have; a row that equals another one counts once."""
    cosines, names = (np.concatenate([answer[item] for answer in answers], axis=1) for item in (0, 1))
    cosines = cosines.copy()
    by_name = np.argsort(names, axis=1, kind="stable")
    ordered = np.take_along_axis(names, by_name, axis=1)
    again = np.zeros(cosines.shape, dtype=bool)
    again[:, 1:] = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != 0)
    repeated = np.zeros(cosines.shape, dtype=bool)
    np.put_along_axis(repeated, by_name, again, axis=1)
    cosines[repeated] = np.nan
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :FEWEST_NEIGHBORS]
    return np.take_along_axis(cosines, order, axis=1), np.take_along_axis(names, order, axis=1)


def _ranks_known_of_all(cosines: FloatMatrix) -> FloatMatrix:
    """Return the neighbours by rank as far as every row has one."""
    return cosines[:, ~np.isnan(cosines).any(axis=0)]
