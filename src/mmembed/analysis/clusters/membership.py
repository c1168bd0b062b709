"""Where a row belongs that was not grouped: with the nearest centroid, or with most of its nearest grouped rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosines import pair_cosines
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.vectors.rows import row_digest

if TYPE_CHECKING:
    from mmembed.analysis.cosines import DistinctRows
    from mmembed.arrays import FloatMatrix, FloatVector, Positions

_VOTERS = 15
# New rows are compared with this many rows of the fit at most, so that a saved result stays small.
_MOST_LANDMARKS = 20_000
# Rows that are compared with centroids at once, and how near two cosines are that a product cannot tell apart.
_ROWS_AT_ONCE = 4096
_CLOSE = 1e-5


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """What is kept of the rows of a fit: which label each different row got, and a sample to compare new rows with.

    Attributes
    ----------
    digests : numpy.ndarray of uint8, shape (u, 16)
    labels : numpy.ndarray of int, shape (u,)
    landmarks : numpy.ndarray, shape (l, d), float32
    landmark_labels : numpy.ndarray of int, shape (l,)
    """

    digests: npt.NDArray[np.uint8] = field(repr=False)
    labels: Positions = field(repr=False)
    landmarks: FloatMatrix = field(repr=False)
    landmark_labels: Positions = field(repr=False)

    @classmethod
    def of(cls, distinct: DistinctRows, labels: Positions) -> LabelledRows:
        """Keep the labels of distinct rows."""
        digests = np.frombuffer(b"".join(map(row_digest, distinct.rows)), dtype=np.uint8).reshape(-1, 16)
        chosen = np.arange(len(labels))
        if len(labels) > _MOST_LANDMARKS:
            chosen = np.sort(np.random.default_rng(0).choice(len(labels), _MOST_LANDMARKS, replace=False))
        return cls(digests, labels, distinct.rows[chosen], labels[chosen])

    @cached_property
    def by_digest(self) -> dict[bytes, int]:
        """Label of each different row by its digest."""
        return {digest.tobytes(): int(label) for digest, label in zip(self.digests, self.labels, strict=True)}

    def known(self, rows: FloatMatrix) -> tuple[Positions, npt.NDArray[np.bool_]]:
        """Return the label of each row that was in the fit, and which rows were not."""
        found = [self.by_digest.get(row_digest(row)) for row in rows]
        labels = np.array([-1 if label is None else label for label in found], dtype=np.int64)
        return labels, np.array([label is None for label in found], dtype=bool)

    def vote(self, rows: FloatMatrix) -> Positions:
        """Return the label that most of the nearest rows of the fit have, by similarity; noise counts as a label."""
        return vote(rows, self.landmarks, self.landmark_labels)


def nearest_centroids(rows: FloatMatrix, centroids: FloatMatrix) -> Positions:
    """Return for each unit row the position of the unit centroid with the greatest cosine, the first of those that tie.

    Equal rows get equal answers, wherever they stand and whatever else is in the call: cosines that a matrix product
    cannot tell apart are taken again in float64.
    """
    nearest = np.empty(len(rows), dtype=np.int64)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[start : start + _ROWS_AT_ONCE]
        cosines = part @ centroids.T
        best = cosines.argmax(axis=1)
        if len(centroids) > 1:
            two = np.partition(cosines, -2, axis=1)[:, -2:]
            doubtful = np.flatnonzero(two[:, 1] - two[:, 0] < _CLOSE)
            every = np.arange(len(centroids))
            exact = pair_cosines(part, centroids, np.repeat(doubtful, len(every)), np.tile(every, len(doubtful)))
            best[doubtful] = exact.reshape(-1, len(every)).argmax(axis=1)
        nearest[start : start + _ROWS_AT_ONCE] = best
    return nearest


def vote(rows: FloatMatrix, landmarks: FloatMatrix, labels: Positions) -> Positions:
    """Return for each row the label of most of its 15 nearest landmarks, each weighted by its cosine.

    Of labels with equal weight the lowest wins, noise (-1) last. Without landmarks all rows are noise.
    """
    if not len(landmarks) or not len(rows):
        return np.full(len(rows), -1, dtype=np.int64)
    nothing = np.zeros(len(rows), dtype=bool)
    positions, cosines = nearest_rows(
        rows,
        landmarks,
        min(_VOTERS, len(landmarks)),
        queries_missing=nothing,
        missing=np.zeros(len(landmarks), dtype=bool),
    )
    names = np.unique(labels)
    names = np.concatenate([names[names >= 0], names[names < 0]])
    code_of = {int(name): code for code, name in enumerate(names)}
    codes = np.array([code_of[int(label)] for label in labels])[positions]
    # A row that is like nothing still goes to what is nearest.
    weights = np.maximum(cosines, 1e-6).astype(np.float64)
    votes = np.zeros((len(rows), len(names)))
    np.add.at(votes, (np.repeat(np.arange(len(rows)), codes.shape[1]), codes.ravel()), weights.ravel())
    return np.asarray(names[votes.argmax(axis=1)], dtype=np.int64)


def memberships(
    rows: FloatMatrix, labels: Positions, centroids: FloatMatrix
) -> tuple[FloatVector, Positions, FloatVector]:
    """Return each row's cosine with its centroid (at least 0), the nearest other cluster, and by how much it is nearer.

    Noise has NaN, the nearest cluster, and NaN.
    """
    scores = np.full(len(rows), np.nan, dtype=np.float32)
    margins = np.full(len(rows), np.nan, dtype=np.float32)
    rivals = np.full(len(rows), -1, dtype=np.int64)
    inside = np.flatnonzero(labels >= 0)
    scores[inside] = np.maximum(pair_cosines(rows, centroids, inside, labels[inside]), 0)
    if not len(centroids):
        return scores, rivals, margins
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        cosines = rows[start : start + _ROWS_AT_ONCE] @ centroids.T
        here = np.flatnonzero(labels[start : start + len(cosines)] >= 0)
        its = labels[start + here]
        own = cosines[here, its]
        cosines[here, its] = -np.inf
        rivals[start : start + len(cosines)] = cosines.argmax(axis=1)
        margins[start + here] = own - cosines[here].max(axis=1)
    if len(centroids) == 1:
        rivals[inside], margins[inside] = -1, np.nan
    return scores, rivals, margins
