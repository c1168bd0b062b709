"""The mean of rows: of a whole column, and of the groups of a groupby."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from mmembed.vectors.storage import StoredRows


class AveragedRows(StoredRows):
    """The part of a vector array that pandas asks for means; a mean is a vector of the same space, not of length 1."""

    def mean(self, *, skipna: bool = True) -> Any:
        """Return the mean vector, measured in float64; missing for no rows, or for a missing one without ``skipna``."""
        return self._reduce("mean", skipna=skipna)

    def _reduce(self, name: str, *, skipna: bool = True, keepdims: bool = False, **kwargs: Any) -> Any:
        if name != "mean":
            return super()._reduce(name, skipna=skipna, keepdims=keepdims, **kwargs)
        mean = self._means(np.zeros(len(self), dtype=np.intp), 1, skipna=skipna)
        return mean if keepdims else mean[0]

    def _groupby_op(self, *, how: str, ngroups: int, ids: npt.NDArray[np.intp], **kwargs: Any) -> Any:
        if how != "mean":
            return super()._groupby_op(how=how, ngroups=ngroups, ids=ids, **kwargs)  # type: ignore[misc]  # not in the stubs
        return self._means(ids, ngroups, skipna=kwargs.get("skipna", True))

    def _means(self, groups: npt.NDArray[np.intp], n_groups: int, *, skipna: bool) -> Self:
        """Return the mean of each group, shape ``(n_groups,)``; rows of a negative group belong to none."""
        matrix = np.full((n_groups, self.dimension), np.nan, dtype=self._matrix.dtype)
        kept = np.where(self._mask, -1, groups)
        order = np.argsort(kept, kind="stable")
        bounds = np.searchsorted(kept[order], np.arange(n_groups + 1))
        for group in np.flatnonzero(np.diff(bounds)):
            rows = order[bounds[group] : bounds[group + 1]]
            matrix[group] = self._matrix[rows].mean(axis=0, dtype=np.float64)
        if not skipna:
            matrix[groups[self._mask & (groups >= 0)]] = np.nan
        return self._simple_new(matrix, np.isnan(matrix[:, 0]), self._dtype)
