"""Which group each row of a partition belongs to, by what was fitted on the sample; and sums over what was placed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.clusters.membership import GroupedRows, nearest_centroids, vote
from mmembed.analysis.cosines import unit_rows
from mmembed.distributed.aligning import vectors_of
from mmembed.distributed.lloyd import GroupSums
from mmembed.vectors import VectorArray
from mmembed.vectors.rows import row_digest

if TYPE_CHECKING:
    from mmembed.analysis.clusters.result import Clusters
    from mmembed.analysis.preparation import Preparation
    from mmembed.arrays import FloatMatrix, Positions

_NO_ROW = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Placer:
    """Gives rows the label that they have in a fit on a sample.

    Attributes
    ----------
    preparation : Preparation
        With the means of all rows.
    fitted : Clusters
        Of the prepared sample. What it calls noise stays noise, and new rows whose neighbours are noise are noise, too.
    centroids : numpy.ndarray or None
        Where k-means went on over all rows: each row belongs to the nearest.
    assigned : GroupedRows or None
        Where noise is to be put in clusters: which label the rows of the sample got that were noise.
    """

    preparation: Preparation
    fitted: Clusters
    centroids: FloatMatrix | None = None
    assigned: GroupedRows | None = field(default=None, repr=False)

    @classmethod
    def of(cls, preparation: Preparation, fitted: Clusters, centroids: FloatMatrix | None) -> Placer:
        """Keep noise that was assigned apart, so that rows like it are known to be noise, too."""
        if not fitted.assigned.any():
            return cls(preparation, replace(fitted, vectors=None, kinds=None), centroids)
        final, rows = fitted.grouped, unit_rows(fitted.vectors.matrix[fitted.assigned])  # type: ignore[union-attr]
        noise = {row_digest(row) for row in rows}
        was_noise = [one.tobytes() in noise for one in final.digests]
        near_noise = [row_digest(row) in noise for row in final.landmarks]
        raw = np.where(was_noise, -1, final.labels)
        grouped = GroupedRows(final.digests, raw, final.landmarks, np.where(near_noise, -1, final.landmark_labels))
        fitted = replace(fitted, grouped=grouped, vectors=None, kinds=None)
        return cls(preparation, fitted, centroids, final)

    def place(self, array: VectorArray, kinds: Any) -> tuple[Positions, npt.NDArray[np.bool_]]:
        """Return the label of each row (-1 is noise, -2 no vector), and which rows were noise and were assigned."""
        labels = np.full(len(array), -2, dtype=np.int64)
        assigned = np.zeros(len(array), dtype=bool)
        present = np.flatnonzero(~np.asarray(array.isna()))
        if not len(present):
            return labels, assigned
        if self.centroids is not None:
            labels[present] = nearest_centroids(self.preparation.rows(array, kinds), self.centroids)
            return labels, assigned
        source = VectorArray.from_matrix(self.preparation.source(array, kinds), space=self.fitted.dtype.space)
        labels[present] = np.asarray(self.fitted.predict(source), dtype=np.int64)
        if self.assigned is not None and (noise := np.flatnonzero(labels == -1)).size:
            rows = unit_rows(source.matrix[labels[present] == -1])
            found, is_new = self.assigned.known(rows)
            near = self.fitted.grouped
            inside = near.landmark_labels >= 0
            found[is_new] = vote(rows[is_new], near.landmarks[inside], near.landmark_labels[inside])
            labels[noise], assigned[noise] = found, found >= 0
        return labels, assigned


@dataclass(frozen=True, eq=False)
class Tally:
    """Exact figures of all rows by label of the fit.

    Attributes
    ----------
    members : GroupSums
        Sums of the prepared unit rows that are in a cluster by themselves, and their numbers.
    assigned : numpy.ndarray of int, shape (k,)
        Rows that were noise and were put in the cluster.
    first : numpy.ndarray of int, shape (k,)
        Position of the first row that is in it by itself.
    noise, missing : int
        Rows in no cluster, and rows without a vector.
    """

    members: GroupSums
    assigned: Positions
    first: Positions
    noise: int
    missing: int

    @staticmethod
    def add(parts: list[Tally]) -> Tally:
        """Return the figures of all parts."""
        return Tally(
            GroupSums.add([one.members for one in parts]),
            np.sum([one.assigned for one in parts], axis=0),
            np.min([one.first for one in parts], axis=0),
            sum(one.noise for one in parts),
            sum(one.missing for one in parts),
        )

    @property
    def sizes(self) -> Positions:
        """Rows of each label, shape (k,)."""
        return self.members.counts + self.assigned


def place_part(part: pd.DataFrame, offset: int, *, placer: Placer) -> tuple[pd.DataFrame, Tally]:
    """Return the labels of a partition as a small frame, and its figures."""
    array, kinds = vectors_of(part), part.get("kinds")
    labels, assigned = placer.place(array, kinds)
    n_groups = len(placer.fitted.centroids)
    present = labels[~np.asarray(array.isna())]
    own = np.where(assigned[~np.asarray(array.isna())], -1, present)
    first = np.full(n_groups, _NO_ROW)
    rows = np.flatnonzero((labels >= 0) & ~assigned)
    np.minimum.at(first, labels[rows], rows + offset)
    tally = Tally(
        GroupSums.of(placer.preparation.rows(array, kinds), own, n_groups),
        np.bincount(labels[assigned], minlength=n_groups).astype(np.int64),
        first,
        int((labels == -1).sum()),
        int((labels == -2).sum()),
    )
    return pd.DataFrame({"label": labels.astype(np.int32), "assigned": assigned}), tally
