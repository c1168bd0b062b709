"""The cluster of each row of a partition, by what was fitted on the sample, and sums over the placed rows.

The columns of clusters hold labels by exact size, scores by exact centroids, and names. The clearest and the least
clear rows of each cluster are the best of a few of each partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.clusters.membership import LabelledRows, nearest_centroids, vote
from mmembed.analysis.cosines import pair_cosines, unit_rows
from mmembed.distributed.columns import vectors_of
from mmembed.vectors import VectorArray, VectorDtype
from mmembed.vectors.rows import row_digest

if TYPE_CHECKING:
    from mmembed.analysis.clusters.result import Clusters
    from mmembed.analysis.preparation import Preparation
    from mmembed.arrays import FloatMatrix, FloatVector, Positions


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

    def __add__(self, other: GroupSums) -> GroupSums:
        """Add the rows of another part of the table."""
        return GroupSums(self.sums + other.sums, self.counts + other.counts)

    @property
    def centroids(self) -> FloatMatrix:
        """Mean direction of each group, shape (k, d)."""
        return unit_rows(self.sums.astype(np.float32))


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
    assigned : LabelledRows or None
        Where noise is to be put in clusters: which label the rows of the sample got that were noise.
    """

    preparation: Preparation
    fitted: Clusters
    centroids: FloatMatrix | None = None
    assigned: LabelledRows | None = field(default=None, repr=False)

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
        grouped = LabelledRows(final.digests, raw, final.landmarks, np.where(near_noise, -1, final.landmark_labels))
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

    def __add__(self, other: Tally) -> Tally:
        """Add the rows of another part of the table."""
        return Tally(
            self.members + other.members,
            self.assigned + other.assigned,
            np.minimum(self.first, other.first),
            self.noise + other.noise,
            self.missing + other.missing,
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
    return pd.DataFrame({"label": labels.astype(np.int32), "assigned": assigned}, index=part.index), tally


_TEXT = pd.StringDtype("pyarrow")


@dataclass(frozen=True, eq=False)
class Labeller:
    """Turns the labels of the fit into the columns of the result, partition by partition.

    Attributes
    ----------
    numbers : numpy.ndarray of int, shape (k,)
        The final label of each label of the fit; -1 of one that no row has.
    centroids : numpy.ndarray, shape (n_clusters, d)
        Mean direction of all rows of each final label.
    preparation : Preparation
    names : mapping of int to str
    """

    numbers: Positions = field(repr=False)
    centroids: FloatMatrix = field(repr=False)
    preparation: Preparation = field(repr=False)
    names: Mapping[int, str] = field(default_factory=dict, repr=False)

    def labels(self, placed: pd.DataFrame) -> Positions:
        """Return the final labels; -1 is noise, -2 a row without a vector."""
        return self.renumbered(placed["label"].to_numpy(dtype=np.int64))

    def renumbered(self, labels: Positions) -> Positions:
        """Return the final labels of labels of the fit."""
        return np.where(labels >= 0, self.numbers[np.maximum(labels, 0)], labels) if len(self.numbers) else labels

    def scores(self, part: pd.DataFrame, placed: pd.DataFrame) -> FloatVector:
        """Return each row's cosine with the centroid of its cluster, not below 0; 0 for assigned noise, else NaN."""
        array, labels = vectors_of(part), self.labels(placed)
        scores = np.full(len(labels), np.nan, dtype=np.float32)
        rows = self.preparation.rows(array, part.get("kinds"))
        inside = np.flatnonzero(labels[~np.asarray(array.isna())] >= 0)
        at = np.flatnonzero(labels >= 0)
        scores[at] = np.maximum(pair_cosines(rows, self.centroids, inside, labels[at]), 0)
        scores[placed["assigned"].to_numpy(dtype=bool)] = 0
        return scores


@dataclass(frozen=True, eq=False)
class PlacedRows:
    """The rows of all partitions with their clusters: what names are counted from.

    Attributes
    ----------
    columns : dask DataFrame
        With ``vector`` and, where the fit had them, ``kinds``.
    placed : dask DataFrame
        Labels of the fit, which the workers keep.
    labeller : Labeller
    sizes : numpy.ndarray of int, shape (n_clusters,)
    noise : int
    offsets : tuple of int
        Position in the table of the first row of each partition.
    """

    columns: Any = field(repr=False)
    placed: Any = field(repr=False)
    labeller: Labeller = field(repr=False)
    sizes: Positions = field(repr=False)
    noise: int
    offsets: tuple[int, ...] = field(repr=False)

    @property
    def empty_vectors(self) -> VectorArray:
        """An array without rows that new vectors must be comparable with."""
        dtype: VectorDtype = self.columns.dtypes["vector"]
        return VectorArray.from_matrix(np.empty((0, dtype.dimension), dtype=np.float32), space=dtype.space)


def label_part(
    df: pd.DataFrame, part: pd.DataFrame, placed: pd.DataFrame, *, labeller: Labeller, name: str
) -> pd.DataFrame:
    """Return a partition with ``cluster``, ``cluster_score`` and ``cluster_name``."""
    if len(df) != len(placed):
        raise ValueError(
            f"A partition of the frame has {len(df)} rows, but the result was computed for {len(placed)}. "
            "Give the frame whose vectors were used, with the same partitions."
        )
    labels = as_labels(labeller.labels(placed))
    names = pd.Series(labels).map(dict(labeller.names)).astype(_TEXT)
    columns: dict[str, Any] = {
        name: labels,
        f"{name}_score": labeller.scores(part, placed),
        f"{name}_name": names.array,
    }
    return df.assign(**columns)


def as_labels(labels: Positions) -> pd.api.extensions.ExtensionArray:
    """Return labels as Int64, -2 as a missing one."""
    return pd.arrays.IntegerArray(np.where(labels == -2, 0, labels).astype(np.int64), labels == -2)


def exemplars_of_part(
    part: pd.DataFrame, placed: pd.DataFrame, offset: int, *, labeller: Labeller, n: int
) -> pd.DataFrame:
    """Return the ``n`` rows of a partition that are nearest to each centroid: ``cluster``, ``score`` and ``row``."""
    labels = labeller.labels(placed)
    inside = np.flatnonzero(labels >= 0)
    scores = labeller.scores(part, placed)[inside]
    return nearest(pd.DataFrame({"cluster": labels[inside], "score": scores, "row": inside + offset}), n=n)


def nearest(*parts: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return the ``n`` rows of each cluster with the greatest score, the first of those that tie."""
    found = pd.concat(parts, ignore_index=True)
    found = found.sort_values(["cluster", "score", "row"], ascending=[True, False, True], ignore_index=True)
    return found.groupby("cluster").head(n)


def borderline_of_part(
    part: pd.DataFrame, placed: pd.DataFrame, offset: int, *, labeller: Labeller, n: int
) -> pd.DataFrame:
    """Return the ``n`` rows of a partition with the least margin: ``row``, ``cluster``, ``nearest`` and ``margin``."""
    array, labels = vectors_of(part), labeller.labels(placed)
    rows = labeller.preparation.rows(array, part.get("kinds"))
    at = np.flatnonzero(labels >= 0)
    inside = rows[labels[~np.asarray(array.isna())] >= 0]
    rivals, margins = _margins(inside, labels[at], labeller.centroids)
    found = pd.DataFrame({"row": at + offset, "cluster": labels[at], "nearest": rivals, "margin": margins})
    return least_clear(found, n=n)


def least_clear(*parts: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return the ``n`` rows with the least margin, the first of those that tie."""
    found = pd.concat(parts, ignore_index=True)
    return found.sort_values(["margin", "row"], ignore_index=True).head(n)


def _margins(
    rows: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], centroids: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return the most similar other centroid of each row, and by how much it is less near than the own one."""
    rivals = np.empty(len(rows), dtype=np.int64)
    margins = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        # In double precision, so that equal rows have one margin wherever the partitions are cut.
        cosines = rows[some].astype(np.float64) @ centroids.T.astype(np.float64)
        places = np.arange(len(cosines)), labels[some]
        own = cosines[places]
        cosines[places] = -np.inf
        rivals[some] = cosines.argmax(axis=1)
        margins[some] = own - cosines.max(axis=1)
    return rivals, margins
