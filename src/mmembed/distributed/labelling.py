"""What stands in the columns of clusters: labels by exact size, scores by exact centroids, names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmembed.analysis.cosines import pair_cosines
from mmembed.distributed.aligning import vectors_of

if TYPE_CHECKING:
    from mmembed.analysis.preparation import Preparation
    from mmembed.arrays import FloatMatrix, FloatVector, Positions

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
