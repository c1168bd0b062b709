"""Spherical k-means over all partitions: each sums up its rows by nearest centroid, and the sums are added.

Lloyd's algorithm on directions (Dhillon and Modha, "Concept decompositions for large sparse text data", 2001). What a
round gives depends on how rows are cut into partitions by the rounding of sums in float64 alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.clusters.membership import nearest_centroids
from mmembed.analysis.cosines import unit_rows
from mmembed.distributed.aligning import vectors_of
from mmembed.distributed.folding import folded, inline, on_partitions

if TYPE_CHECKING:
    from mmembed.analysis.preparation import Preparation
    from mmembed.arrays import FloatMatrix, Positions

_MOST_ROUNDS = 30
# A round that brings the rows less nearer to their centroids in the mean is the last one.
_LEAST_GAIN = 1e-5
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class GroupSums:
    """Sums over rows by group.

    Attributes
    ----------
    sums : numpy.ndarray, shape (k, d), float64
    counts : numpy.ndarray of int, shape (k,)
    """

    sums: npt.NDArray[np.float64]
    counts: Positions

    @classmethod
    def of(cls, rows: FloatMatrix, labels: Positions, n_groups: int) -> GroupSums:
        """Sum up the rows of each label; rows of negative labels are left out."""
        from scipy.sparse import csr_array

        sums = np.zeros((n_groups, rows.shape[1]))
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            codes = labels[start : start + _ROWS_AT_ONCE]
            inside = np.flatnonzero(codes >= 0)
            places = (codes[inside], np.arange(len(inside)))
            chosen = csr_array((np.ones(len(inside)), places), shape=(n_groups, len(inside)))
            sums += chosen @ rows[start : start + _ROWS_AT_ONCE][inside].astype(np.float64)
        return cls(sums, np.bincount(labels[labels >= 0], minlength=n_groups).astype(np.int64))

    @staticmethod
    def add(parts: list[GroupSums]) -> GroupSums:
        """Return the sums of all parts."""
        sums = sum((one.sums for one in parts[1:]), parts[0].sums)
        return GroupSums(sums, np.sum([one.counts for one in parts], axis=0))

    @property
    def centroids(self) -> FloatMatrix:
        """Mean direction of each group, shape (k, d)."""
        return unit_rows(self.sums.astype(np.float32))


def improve(columns: Any, centroids: FloatMatrix, preparation: Preparation) -> FloatMatrix:
    """Return centroids that are the mean directions of the rows of all partitions that are nearest to them.

    Parameters
    ----------
    columns : dask DataFrame
        With ``vector`` and, where the fit had them, ``kinds``.
    centroids : numpy.ndarray, shape (k, d)
        Where to begin.
    preparation : Preparation

    Returns
    -------
    numpy.ndarray, shape (k, d), float32
        Each is the nearest of some row. Rounds end when the mean cosine of rows with their centroids gains less than
        0.00001, after 30, or when a round would leave a centroid without rows.
    """
    prepared = inline(preparation)
    before = -np.inf
    kept = centroids
    for _ in range(_MOST_ROUNDS):
        calls = on_partitions(_round, columns, centroids=inline(centroids), preparation=prepared)
        found: GroupSums = folded(calls, GroupSums.add)
        if (found.counts == 0).any():
            return kept
        kept = centroids
        moved = found.centroids
        cosine = float((found.sums * moved).sum() / found.counts.sum())
        if cosine - before < _LEAST_GAIN:
            return kept
        before, centroids = cosine, moved
    return kept


def _round(part: pd.DataFrame, *, centroids: FloatMatrix, preparation: Preparation) -> GroupSums:
    rows = preparation.rows(vectors_of(part), part.get("kinds"))
    return GroupSums.of(rows, nearest_centroids(rows, centroids), len(centroids))
