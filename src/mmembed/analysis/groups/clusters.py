"""The result of clustering: labels with their names and scores, what was compared, and where new vectors belong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.groups.named import NamedClusters
from mmembed.analysis.groups.placing import nearest_centroids
from mmembed.frames import with_columns
from mmembed.vectors import VectorArray, VectorDtype, as_vector_array, check_comparable

if TYPE_CHECKING:
    from mmembed.analysis.groups.hierarchy import Hierarchy
    from mmembed.analysis.groups.placing import GroupedRows
    from mmembed.analysis.names.names import Naming
    from mmembed.analysis.rows.preparing import Preparation
    from mmembed.arrays import FloatMatrix, FloatVector, Positions


@dataclass(frozen=True, eq=False)
class Clusters(NamedClusters):
    """Groups of similar vectors.

    Attributes
    ----------
    labels : pandas array of Int64, shape (n,)
        0 is the largest cluster (of equal ones, the one whose first row comes first); -1 is noise; ``<NA>`` is a row
        without a vector.
    scores : numpy.ndarray, shape (n,), float32
        Cosine with the centroid of the row's own cluster, not below 0: 1 is the centre. NaN for noise and for rows
        without a vector, 0 for noise that was assigned.
    names : mapping of int to str
        Name of each label that occurs.
    method : str
        What made the labels: ``"leiden"``, ``"kmeans"``, ``"hdbscan"``, or the class name of a given estimator.
    candidates : pandas.DataFrame
        What was compared: method, n_clusters, resolution of communities, stability (mean adjusted Rand index with
        groupings of four fifths of the rows), silhouette, coverage (share of rows that are not noise), separation (the
        chance that two rows are in different clusters), modularity (share of ties between neighbours within clusters
        beyond that of random ties), beyond (share of the ties that as many groups of a structureless cloud would cut
        and these do not), agreement (adjusted Rand index of communities and their merged levels with k-means of that
        number), score (stability times modularity times the cube root of beyond) and a note that says which was chosen.
        Empty when there was no choice.
    centroids : numpy.ndarray, shape (n_clusters, d), float32
        Mean direction of each cluster.
    numbers : numpy.ndarray of int, shape (n_clusters,)
        The label of each centroid: 0, 1, 2, … until :meth:`match` gives others.
    stability : float
        Of the whole, as in ``candidates``: near 1 the groups would be found again in other rows, below .5 they are
        largely chance. Of one cluster that was not parted, that of its best split. NaN where nothing was run again.
    stabilities : numpy.ndarray, shape (n_clusters,), float32
        Of each cluster: the mean Jaccard similarity with its like in resampled rows.
    note : str
        What to know of the choice, or nothing.
    assigned : numpy.ndarray of bool, shape (n,)
        Rows that were noise and were put in a cluster by ``assign_noise=True``.
    hierarchy : Hierarchy
        ``.cut(n)`` gives the labels at another level.
    estimator : object
        The fitted estimator, where one was given; it works on unit rows.
    """

    labels: pd.api.extensions.ExtensionArray = field(repr=False)
    scores: npt.NDArray[np.float32] = field(repr=False)
    names: Mapping[int, str]
    method: str
    candidates: pd.DataFrame = field(repr=False)
    estimator: Any = field(repr=False)
    centroids: FloatMatrix = field(repr=False)
    numbers: Positions = field(repr=False)
    stability: float
    stabilities: FloatVector = field(repr=False)
    note: str
    assigned: npt.NDArray[np.bool_] = field(repr=False)
    hierarchy: Hierarchy = field(repr=False)
    # The position among the centroids of the nearest other cluster of each row, and by how much it is less near.
    rivals: Positions = field(repr=False)
    margins: FloatVector = field(repr=False)
    # What predict needs to tell rows of the fit again and to number a given estimator's labels as the result does.
    grouped: GroupedRows = field(repr=False)
    preparation: Preparation = field(repr=False)
    dtype: VectorDtype = field(repr=False)
    raw_numbers: Mapping[int, int] = field(repr=False)
    # What names can be made from again; a file does not keep it.
    vectors: VectorArray | None = field(repr=False)
    kinds: Any = field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        noise = int((self._filled_labels == -1).sum())
        stable = "" if np.isnan(self.stability) else f", stability={self.stability:.2f}"
        note = f"; {self.note}" if self.note else ""
        return (
            f"Clusters({len(self.centroids)} by {self.method}, rows={len(self)}, noise={noise}{stable}{note}); "
            "see .summary(), .candidates and .add_to(df)"
        )

    @cached_property
    def _filled_labels(self) -> npt.NDArray[np.int64]:
        """Labels with -2 in place of missing ones."""
        return np.asarray(pd.Series(self.labels).fillna(-2), dtype=np.int64)

    def summary(self) -> pd.DataFrame:
        """Return one row a cluster: what it is called, how large and how tight it is, and what is next to it.

        Returns
        -------
        pandas.DataFrame
            ``cluster``; ``name``; ``size`` in rows; ``share`` of the rows with a vector; ``cohesion``, the mean score;
            ``nearest``, the label of the cluster with the most similar centroid; ``stability``, how like itself it is
            in resampled rows. Noise, if any, is the last row.
        """
        values = self._filled_labels
        total = max(1, int((values >= -1).sum()))
        closeness = self.centroids @ self.centroids.T
        np.fill_diagonal(closeness, -np.inf)
        columns = ["cluster", "name", "size", "share", "cohesion", "nearest", "stability"]
        lines: list[list[Any]] = []
        order = np.argsort(self.numbers)
        for at in order:
            label = int(self.numbers[at])
            inside = values == label
            cohesion = float(self.scores[inside].mean(dtype=np.float64))
            nearest = self.numbers[closeness[at].argmax()] if len(order) > 1 else pd.NA
            share = inside.sum() / total
            lines.append(
                [label, self.names[label], inside.sum(), share, cohesion, nearest, float(self.stabilities[at])]
            )
        if noise := int((values == -1).sum()):
            lines.append([-1, self.names[-1], noise, noise / total, np.nan, pd.NA, np.nan])
        frame = pd.DataFrame(lines, columns=columns)
        whole = {"cluster": "int64", "size": "int64", "nearest": "Int64"}
        return frame.astype(whole | dict.fromkeys(("share", "cohesion", "stability"), "float64"))

    def exemplars(self, n: int = 3) -> dict[int, npt.NDArray[np.int64]]:
        """Return, for each cluster, the positions of the ``n`` rows nearest to its centroid, nearest first."""
        if n < 1:
            raise ValueError(f"n={n} asks for no exemplar. Give an n of at least 1.")
        order = np.lexsort((np.arange(len(self)), -self.scores))
        values = self._filled_labels[order]
        return {label: order[values == label][:n] for label in np.sort(self.numbers).tolist()}

    def borderline(self, n: int = 10) -> pd.DataFrame:
        """Return the ``n`` rows that are the least clearly in their cluster, the least clear first.

        Returns
        -------
        pandas.DataFrame
            ``row``, a position; ``cluster``; ``nearest``, the other cluster with the most similar centroid; ``margin``,
            the cosine with the own centroid less that with the other, negative where the other is nearer.
        """
        if n < 1:
            raise ValueError(f"n={n} asks for no row. Give an n of at least 1.")
        rows = np.flatnonzero(~np.isnan(self.margins))
        rows = rows[np.lexsort((rows, self.margins[rows]))][:n]
        return pd.DataFrame(
            {
                "row": rows,
                "cluster": self._filled_labels[rows],
                "nearest": self.numbers[self.rivals[rows]] if len(rows) else np.empty(0, dtype=np.int64),
                "margin": self.margins[rows],
            }
        )

    def _make_names(
        self,
        text: Any,
        *,
        embed: Callable[[list[str]], Any] | None,
        vocabulary: Sequence[str] | None,
        language: str,
    ) -> Naming:
        from mmembed.analysis.names.naming import name_clusters

        return name_clusters(
            self.labels,
            text,
            scores=self.scores,
            vectors=self.vectors,
            kinds=self.kinds,
            embed=embed,
            vocabulary=vocabulary,
            language=language,
        )

    def predict(self, vectors: Any, *, kinds: Any = None) -> pd.api.extensions.ExtensionArray:
        """Return the cluster of each vector.

        A vector of the fit gets the label it got there. A new one gets, after k-means, the cluster with the nearest
        centroid; after an estimator that can predict, what it predicts; else the label, noise included, that most of
        its 15 nearest neighbours of the fit have.

        Parameters
        ----------
        vectors : vector column, shape (m, d)
        kinds : sequence of length m, optional
            Needed exactly if the fit was given kinds.

        Returns
        -------
        pandas array of Int64, shape (m,)
            ``<NA>`` for rows without a vector.
        """
        array = as_vector_array(vectors)
        check_comparable(array, self.empty_vectors)
        rows = self.preparation.rows(array, kinds)
        found, is_new = self.grouped.known(rows)
        if is_new.any():
            found[is_new] = self._predict_new(rows[is_new])
        return labels_array(found, array.isna())

    @property
    def empty_vectors(self) -> VectorArray:
        """An array without rows that new vectors must be comparable with."""
        nothing = np.empty((0, self.dtype.dimension), dtype=np.float32)
        return VectorArray.from_matrix(nothing, space=self.dtype.space)

    def _predict_new(self, rows: FloatMatrix) -> npt.NDArray[np.int64]:
        if hasattr(self.estimator, "predict") and len(self.grouped.labels):
            raw = self.estimator.predict(rows)
            return np.array([self.raw_numbers.get(int(label), -1) for label in raw], dtype=np.int64)
        if self.method == "kmeans" and len(self.centroids):
            return np.asarray(self.numbers[nearest_centroids(rows, self.centroids)], dtype=np.int64)
        return self.grouped.vote(rows)

    def cut(self, n_clusters: int) -> pd.api.extensions.ExtensionArray:
        """Return the labels of ``n_clusters`` clusters, numbered by size; noise stays noise.

        Fewer than the fit merges its clusters, more splits them, and no border moves.

        Raises
        ------
        ValueError
            If the hierarchy has no such level.
        """
        return self.hierarchy.cut(n_clusters)

    def match(self, previous: Clusters, *, threshold: float = 0.5) -> Clusters:
        """Return the result with the labels and names of an earlier one where the clusters are the same.

        Parameters
        ----------
        previous : Clusters
            Of the same space; its rows may be others.
        threshold : float
            How alike two clusters must be to be one, 0 to 1: by the rows they share where the earlier fit knew a
            fifth of them (Dice), else by the cosine of their centroids, less what all have in common.
        """
        from mmembed.analysis.groups.matching import match_clusters

        return match_clusters(self, previous, threshold=threshold)

    def save(self, path: str | Path) -> Path:
        """Write the result to one ``.npz`` file of plain numbers and text; ``load_clusters`` reads it.

        The rows that new vectors are compared with are in the file, the estimator is not.
        """
        from mmembed.analysis.groups.cluster_files import save_clusters

        return save_clusters(self, path)

    def add_to(self, df: pd.DataFrame, *, name: str = "cluster") -> pd.DataFrame:
        """Return the frame with ``cluster``, ``cluster_score`` and ``cluster_name``; ``name`` renames all three."""
        names = pd.Series(self.labels).map(dict(self.names))
        columns = {name: self.labels, f"{name}_score": self.scores, f"{name}_name": names}
        return with_columns(df, columns, len(self))


def labels_array(values: npt.NDArray[np.int64], missing: npt.NDArray[np.bool_]) -> pd.api.extensions.ExtensionArray:
    """Return labels of the rows that have a vector as Int64 over all rows, ``<NA>`` where one is missing."""
    full = np.zeros(len(missing), dtype=np.int64)
    full[~missing] = values
    return pd.arrays.IntegerArray(full, missing.copy())
