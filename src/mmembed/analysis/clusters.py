"""The result of clustering: labels with their names and scores, what was compared, and where new vectors belong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.equality import row_digest
from mmembed.analysis.frames import with_columns
from mmembed.analysis.named import NamedClusters
from mmembed.vectors import VectorArray, as_vector_array, check_comparable

if TYPE_CHECKING:
    from mmembed.analysis.cosine import FloatMatrix
    from mmembed.analysis.preparing import Preparation


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
        without a vector.
    names : mapping of int to str
        Name of each label that occurs.
    method : str
        What made the labels: ``"kmeans"``, ``"hdbscan"``, or the class name of a given estimator.
    candidates : pandas.DataFrame
        What was compared: method, n_clusters, silhouette (of the rows that are not noise), coverage (their share),
        separation (the chance that two rows are in different clusters), score (silhouette times separation) and a note
        that says which was chosen. Empty when there was no choice.
    estimator : object
        The fitted scikit-learn estimator; it works on unit rows. None where there was nothing to fit.
    centroids : numpy.ndarray, shape (n_clusters, d), float32
        Mean direction of each cluster.
    """

    labels: pd.api.extensions.ExtensionArray = field(repr=False)
    scores: npt.NDArray[np.float32] = field(repr=False)
    names: Mapping[int, str]
    method: str
    candidates: pd.DataFrame = field(repr=False)
    estimator: Any = field(repr=False)
    centroids: FloatMatrix = field(repr=False)
    # What predict needs to tell training rows again and to number the estimator's labels as the result does.
    vectors: VectorArray = field(repr=False)
    kinds: Any = field(repr=False)
    preparation: Preparation = field(repr=False)
    numbers: Mapping[int, int] = field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        values = self._filled_labels
        noise = int((values == -1).sum())
        return (
            f"Clusters({len(self.centroids)} by {self.method}, rows={len(self)}, noise={noise}); "
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
            ``nearest``, the label of the cluster with the most similar centroid. Noise, if any, is the last row.
        """
        values = self._filled_labels
        total = max(1, int((values >= -1).sum()))
        closeness = self.centroids @ self.centroids.T
        np.fill_diagonal(closeness, -np.inf)
        lines = []
        for label in sorted(self.names, key=lambda one: (one < 0, one)):
            inside = values == label
            lines.append(
                {
                    "cluster": label,
                    "name": self.names[label],
                    "size": int(inside.sum()),
                    "share": inside.sum() / total,
                    "cohesion": float(self.scores[inside].mean(dtype=np.float64)) if label >= 0 else np.nan,
                    "nearest": int(closeness[label].argmax()) if label >= 0 and len(self.centroids) > 1 else pd.NA,
                }
            )
        frame = pd.DataFrame(lines, columns=["cluster", "name", "size", "share", "cohesion", "nearest"])
        return frame.astype(
            {"cluster": "int64", "size": "int64", "share": float, "cohesion": float, "nearest": "Int64"}
        )

    def exemplars(self, n: int = 3) -> dict[int, npt.NDArray[np.int64]]:
        """Return, for each cluster, the positions of the ``n`` rows nearest to its centroid, nearest first."""
        if n < 1:
            raise ValueError(f"n={n} asks for no exemplar. Give an n of at least 1.")
        order = np.lexsort((np.arange(len(self)), -self.scores))
        values = self._filled_labels[order]
        return {label: order[values == label][:n] for label in range(len(self.centroids))}

    def predict(self, vectors: Any, *, kinds: Any = None) -> pd.api.extensions.ExtensionArray:
        """Return the cluster of each vector.

        A vector of the fit gets the label it got there. A new one gets the estimator's prediction or, where the
        estimator has none, the cluster with the nearest centroid; then, if the fit knew noise, a vector that is farther
        from that centroid than every row of the cluster is noise.

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
        check_comparable(array, self.vectors)
        rows = self.preparation.rows(array, kinds)
        known = [self._training.get(row_digest(row)) for row in rows]
        new = np.flatnonzero([label is None for label in known])
        found = np.array([-1 if label is None else label for label in known], dtype=np.int64)
        if len(new):
            found[new] = self._predict_new(rows[new])
        return labels_array(found, array.isna())

    def _predict_new(self, rows: FloatMatrix) -> npt.NDArray[np.int64]:
        if hasattr(self.estimator, "predict"):
            raw = self.estimator.predict(rows)
            return np.array([self.numbers.get(int(label), -1) for label in raw], dtype=np.int64)
        if not len(self.centroids):
            return np.full(len(rows), -1, dtype=np.int64)
        cosines = rows @ self.centroids.T
        nearest: npt.NDArray[np.int64] = cosines.argmax(axis=1)
        if -1 not in self.names:
            return nearest
        reach = np.array([self.scores[self._filled_labels == one].min() for one in range(len(self.centroids))])
        return np.where(cosines.max(axis=1) >= reach[nearest], nearest, -1)

    @cached_property
    def _training(self) -> dict[bytes, int]:
        """Label of each prepared row of the fit."""
        rows = self.preparation.rows(self.vectors, self.kinds)
        values = self._filled_labels[~self.vectors.isna()]
        return {row_digest(row): int(label) for row, label in zip(rows, values, strict=True)}

    def add_to(self, df: pd.DataFrame, *, name: str = "cluster") -> pd.DataFrame:
        """Return the frame with ``cluster``, ``cluster_score`` and ``cluster_name``; ``name`` renames all three."""
        names = pd.Series(self.labels).map(self.names)
        columns = {name: self.labels, f"{name}_score": self.scores, f"{name}_name": names}
        return with_columns(df, columns, len(self))


def labels_array(values: npt.NDArray[np.int64], missing: npt.NDArray[np.bool_]) -> pd.api.extensions.ExtensionArray:
    """Return labels of the rows that have a vector as Int64 over all rows, ``<NA>`` where one is missing."""
    full = np.zeros(len(missing), dtype=np.int64)
    full[~missing] = values
    return pd.arrays.IntegerArray(full, missing.copy())
