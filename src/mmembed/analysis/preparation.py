"""The rows that clusters, maps and labels are computed on: unit rows, on request without the mean of each kind.

In a multimodal space the vectors of one kind (texts, pictures, …) lie in a cone of their own: the modality gap of Liang
et al., "Mind the Gap", NeurIPS 2022. Without its removal, groups and maps show the kinds before they show meaning. For
methods that suffer from many numbers, principal components reduce them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import rows_where, unit_rows
from mmembed.arrays import FloatMatrix
from mmembed.errors import listed

if TYPE_CHECKING:
    from mmembed.vectors import VectorArray


# What is left of a unit row that equals the mean of its kind is rounding, and must not be blown up to length 1.
_ROUNDING = 1e-5


# The sum of the unit rows of each kind, shape (d,), and how many they are.
class KindSums(dict[Any, tuple[npt.NDArray[np.float64], int]]):
    """The sum and the number of the unit rows of each kind; those of two parts of a table add up."""

    def __add__(self, other: KindSums) -> KindSums:
        """Add the rows of another part of the table."""
        found = KindSums(self)
        for kind, (total, count) in other.items():
            before = found.get(kind)
            found[kind] = (total, count) if before is None else (before[0] + total, before[1] + count)
        return found


@dataclass(frozen=True, eq=False)
class Preparation:
    """How vectors become the rows that a model learns from, learned once and applied again to new vectors.

    Attributes
    ----------
    means : mapping of kind to numpy.ndarray, shape (d,), or None
        Mean unit row of each kind; None when kinds were not told apart.
    """

    means: Mapping[Any, npt.NDArray[np.floating[Any]]] | None = field(default=None, repr=False)

    @classmethod
    def learn(cls, array: VectorArray, kinds: Any = None) -> Preparation:
        """Learn the mean of each kind from the rows that have a vector; rows of missing kind are one kind, too."""
        return cls() if kinds is None else cls.of(kind_sums(array, kinds))

    @classmethod
    def of(cls, sums: KindSums) -> Preparation:
        """Return the means of kinds that :func:`kind_sums` added up, such as those of all parts of a table."""
        return cls({kind: total / count for kind, (total, count) in sums.items()})

    def source(self, array: VectorArray, kinds: Any = None) -> FloatMatrix:
        """Return the rows whose cosines count, of the m rows that have a vector: what neighbour graphs are made of.

        They are the vectors as they are or, where each kind's mean is removed, what :meth:`rows` returns. So all
        products of a column without kinds share the graph of :func:`mmembed.neighbors`.

        Returns
        -------
        numpy.ndarray, shape (m, d), float32
        """
        if self.means is None and kinds is None:
            return rows_where(array.matrix, ~array.isna())
        return self.rows(array, kinds)

    def rows(self, array: VectorArray, kinds: Any = None) -> FloatMatrix:
        """Return the rows to learn from, of the m rows that have a vector.

        Returns
        -------
        numpy.ndarray, shape (m, d), float32
            Of length 1, or 0 for a zero vector and for one that equals the mean of its kind.

        Raises
        ------
        ValueError
            If kinds are needed and not given, given and not needed, or new.
        """
        present = ~array.isna()
        units = unit_rows(array.matrix, np.flatnonzero(present))
        if self.means is None:
            if kinds is not None:
                raise ValueError("kinds were given now, but not to the fit. Leave them out, or fit again with kinds.")
            return units
        if kinds is None:
            raise ValueError(f"The fit removed the mean of each kind ({listed(self.means)}). Give kinds= here, too.")
        codes, names = _factorize(kinds, len(array))
        codes = codes[present]
        for code in np.unique(codes):
            if names[code] not in self.means:
                raise ValueError(
                    f"Kind {names[code]!r} was not in the fit; known: {listed(self.means)}. Fit again with rows of it."
                )
            units[codes == code] -= self.means[names[code]].astype(np.float32)
        units[np.linalg.norm(units, axis=1) < _ROUNDING] = 0
        return unit_rows(units)


def kind_sums(array: VectorArray, kinds: Any) -> KindSums:
    """Return the sum and the number of the unit rows of each kind, of the rows that have a vector."""
    codes, names = _factorize(kinds, len(array))
    present = ~array.isna()
    units = unit_rows(array.matrix, np.flatnonzero(present))
    codes = codes[present]
    found = KindSums()
    for code in np.unique(codes):
        inside = codes == code
        found[names[code]] = units[inside].sum(axis=0, dtype=np.float64), int(inside.sum())
    return found


def _factorize(kinds: Any, n_rows: int) -> tuple[npt.NDArray[np.intp], list[Any]]:
    values = pd.Series(kinds, dtype=getattr(kinds, "dtype", object))
    if len(values) != n_rows:
        raise ValueError(f"kinds has {len(values)} values for {n_rows} rows. Give one kind for each row.")
    codes, names = pd.factorize(values, use_na_sentinel=False)
    return codes, [None if pd.isna(name) else name for name in names]


# k-means on 50 components is some 6 times faster than on 1,024 numbers and groups alike; HDBSCAN is better on them.
MOST_COMPONENTS = 50

_ROWS_FOR_COMPONENTS = 20_000


@np.errstate(under="ignore")
def principal_components(rows: FloatMatrix, components: int = MOST_COMPONENTS) -> FloatMatrix:
    """Return the principal components of rows, or the rows themselves where there is nothing to reduce.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d)
    components : int
        How many numbers are kept.
    """
    if min(rows.shape) <= components:
        return rows
    from sklearn.decomposition import PCA

    # The covariance solver has no randomness and costs one product of the rows with themselves; of many rows, each so
    # many-th says as much.
    some = rows[:: (len(rows) - 1) // _ROWS_FOR_COMPONENTS + 1]
    return np.asarray(PCA(n_components=components, svd_solver="covariance_eigh").fit(some).transform(rows))
