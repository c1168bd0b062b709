"""The rows that are the most and the least clearly in their cluster: a few of each partition, and the best of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.distributed.aligning import vectors_of

if TYPE_CHECKING:
    from mmembed.distributed.labelling import Labeller

_ROWS_AT_ONCE = 4096


def exemplars_of_part(
    part: pd.DataFrame, placed: pd.DataFrame, offset: int, *, labeller: Labeller, n: int
) -> pd.DataFrame:
    """Return the ``n`` rows of a partition that are nearest to each centroid: ``cluster``, ``score`` and ``row``."""
    labels = labeller.labels(placed)
    inside = np.flatnonzero(labels >= 0)
    scores = labeller.scores(part, placed)[inside]
    return nearest([pd.DataFrame({"cluster": labels[inside], "score": scores, "row": inside + offset})], n)


def nearest(parts: list[pd.DataFrame], n: int) -> pd.DataFrame:
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
    return least_clear([found], n)


def least_clear(parts: list[pd.DataFrame], n: int) -> pd.DataFrame:
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
