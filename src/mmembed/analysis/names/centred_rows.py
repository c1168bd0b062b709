"""Rows as phrases are compared with them: unit rows without the mean of their kind, made piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.rows.cosine import unit_rows

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, Positions

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


def _pieces(n_rows: int) -> Iterator[slice]:
    for start in range(0, n_rows, _ROWS):
        yield slice(start, min(start + _ROWS, n_rows))


def group_sums(rows: FloatMatrix, codes: Positions, n_groups: int) -> npt.NDArray[np.float64]:
    """Return the sum of the rows of each group, shape (n_groups, d)."""
    from scipy.sparse import csr_array

    groups = csr_array((np.ones(len(codes), np.float32), (codes, np.arange(len(codes)))), shape=(n_groups, len(codes)))
    return np.asarray(groups @ rows, dtype=np.float64)
