"""What a result of clustering says of its rows, made from the label of each different row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.clusters.membership import LabelledRows, memberships, vote
from mmembed.analysis.clusters.methods import weighted_centroids

if TYPE_CHECKING:
    from mmembed.analysis.cosines import DistinctDirections
    from mmembed.arrays import FloatMatrix, FloatVector, Positions


@dataclass(frozen=True, eq=False)
class RowFigures:
    """The fields of :class:`mmembed.analysis.Clusters` that follow from the labels alone."""

    labels: pd.api.extensions.ExtensionArray = field(repr=False)
    scores: FloatVector = field(repr=False)
    centroids: FloatMatrix = field(repr=False)
    numbers: Positions = field(repr=False)
    assigned: npt.NDArray[np.bool_] = field(repr=False)
    rivals: Positions = field(repr=False)
    margins: FloatVector = field(repr=False)
    grouped: LabelledRows = field(repr=False)

    @classmethod
    def of(
        cls,
        distinct: DistinctDirections,
        codes: Positions,
        missing: npt.NDArray[np.bool_],
        *,
        numbers: Positions | None = None,
        assign_noise: bool = False,
    ) -> RowFigures:
        """Measure the rows.

        Parameters
        ----------
        distinct : DistinctDirections
            Of the rows that have a vector.
        codes : numpy.ndarray of int, shape (u,)
            The cluster of each different row, from 0 without a gap; -1 is noise.
        missing : numpy.ndarray of bool, shape (n,)
            Rows without a vector.
        numbers : numpy.ndarray of int, shape (n_clusters,), optional
            The label of each cluster; its code if not given.
        assign_noise : bool
            Put noise in the cluster that most of its neighbours are in.
        """
        n_clusters = int(codes.max(initial=-1)) + 1
        numbers = np.arange(n_clusters) if numbers is None else numbers
        centroids = weighted_centroids(distinct.rows, distinct.counts, codes, n_clusters)
        assigned = np.zeros(len(codes), dtype=bool)
        if assign_noise and n_clusters:
            assigned = codes < 0
            codes = codes.copy()
            codes[assigned] = vote(distinct.rows[assigned], distinct.rows[~assigned], codes[~assigned])
        scores, rivals, margins = memberships(distinct.rows, codes, centroids)
        scores[assigned] = 0
        labels = np.append(numbers, -1)[codes]
        spread = Spread(distinct.groups, missing)
        return cls(
            labels=labels_array(labels[distinct.groups], missing),
            scores=spread(scores, np.nan),
            centroids=centroids,
            numbers=numbers,
            assigned=spread(assigned, fill=False),
            rivals=spread(rivals, -1),
            margins=spread(margins, np.nan),
            grouped=LabelledRows.of(distinct, labels),
        )

    @property
    def by_name(self) -> dict[str, Any]:
        """The fields by name."""
        return dict(vars(self))


class Spread:
    """Puts values of distinct rows at the rows that they are of."""

    def __init__(self, groups: Positions, missing: npt.NDArray[np.bool_]) -> None:
        self._groups, self._present = groups, ~missing

    def __call__(self, values: Any, fill: Any) -> Any:
        """Return the values at their rows, and ``fill`` where there is no vector."""
        full = np.full(len(self._present), fill, dtype=values.dtype)
        full[self._present] = values[self._groups]
        return full


def labels_array(values: Positions, missing: npt.NDArray[np.bool_]) -> pd.api.extensions.ExtensionArray:
    """Return labels of the rows that have a vector as Int64 over all rows, ``<NA>`` where one is missing."""
    full = np.zeros(len(missing), dtype=np.int64)
    full[~missing] = values
    return pd.arrays.IntegerArray(full, missing.copy())
