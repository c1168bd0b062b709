"""Rows of several kinds with the mean of each kind removed, and their sums by cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import unit_rows

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, Positions
    from mmembed.vectors import VectorArray


# Rows that are centred at once.
_ROWS = 4096


@dataclass(frozen=True, eq=False)
class CentredRows:
    """Unit rows less the mean of their kind, made chunk by chunk: a copy of all would double the memory.

    Attributes
    ----------
    matrix : numpy.ndarray, shape (n, d)
        Vectors as they are.
    kinds : numpy.ndarray of int, shape (n,)
        Kind of content of each row.
    means : numpy.ndarray, shape (k, d)
        Mean unit row of each kind.
    """

    matrix: FloatMatrix
    kinds: Positions
    means: FloatMatrix

    @classmethod
    def of(cls, matrix: FloatMatrix, kinds: Positions, *, are_centred: bool) -> CentredRows:
        """Learn the means; without centring they are zero."""
        sums = np.zeros((int(kinds.max(initial=0)) + 1, matrix.shape[1]))
        if are_centred:
            for chunk in _pieces(len(matrix)):
                sums += group_sums(unit_rows(matrix[chunk]), kinds[chunk], len(sums))
            sums /= np.maximum(1, np.bincount(kinds, minlength=len(sums)))[:, None]
        return cls(matrix, kinds, sums.astype(np.float32))

    def chunks(self) -> Any:
        """Yield slices and their rows."""
        for chunk in _pieces(len(self.matrix)):
            yield chunk, unit_rows(unit_rows(self.matrix[chunk]) - self.means[self.kinds[chunk]])


def cluster_sums(rows: CentredRows, codes: Positions, n_clusters: int) -> npt.NDArray[np.float64]:
    """Return the sum of the centred rows of each cluster, shape (c, d)."""
    sums = np.zeros((n_clusters, rows.matrix.shape[1]))
    for chunk, units in rows.chunks():
        sums += group_sums(units, codes[chunk], n_clusters)
    return sums


def centred_clusters(
    labels: Positions, vectors: VectorArray, kinds: Any
) -> tuple[CentredRows, Positions, Positions, Positions]:
    """Return the centred rows of all clusters, their positions, the labels, and the place of each row's label.

    Parameters
    ----------
    labels : numpy.ndarray of int, shape (n,)
        Rows of negative labels, and those without a vector, are left out.
    vectors : VectorArray, shape (n, d)
    kinds : sequence of length n, optional
        Kind of content of each row.
    """
    used = np.flatnonzero((labels >= 0) & ~vectors.isna())
    names, codes = np.unique(labels[used], return_inverse=True)
    kind_codes = (
        np.zeros(len(labels), np.int64) if kinds is None else pd.factorize(pd.Series(kinds), use_na_sentinel=False)[0]
    )
    rows = CentredRows.of(
        vectors.matrix if len(used) == len(labels) else vectors.matrix[used],
        kind_codes[used].astype(np.int64),
        # One cluster has no sibling to differ from: its mean is all there is to tell.
        are_centred=len(names) > 1,
    )
    return rows, used, names, codes


def _pieces(n_rows: int) -> Iterator[slice]:
    for start in range(0, n_rows, _ROWS):
        yield slice(start, min(start + _ROWS, n_rows))


def group_sums(rows: FloatMatrix, codes: Positions, n_groups: int) -> npt.NDArray[np.float64]:
    """Return the sum of the rows of each group, shape (n_groups, d)."""
    from scipy.sparse import csr_array

    groups = csr_array((np.ones(len(codes), np.float32), (codes, np.arange(len(codes)))), shape=(n_groups, len(codes)))
    return np.asarray(groups @ rows, dtype=np.float64)
