"""Rows that support the phrases that may name their clusters, counted row by row and added up over parts of a table.

``phrases.py`` picks the phrases and reads the counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmembed.analysis.names.centred_rows import CentredRows, group_sums

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, Positions

_EXAMPLES = 3
# Rows of each cluster, about, that are compared with all phrases.
_LOOKED_AT = 400
# A broad phrase speaks for a row if it is one of the three nearest broad ones, another if one of the ten nearest.
_NEAREST_BROAD, _NEAREST = 3, 10
# A row surely shows what a phrase says if it is this near to it.
_THING_COSINE = 0.65
_TYPICAL = 24


@dataclass(frozen=True, eq=False)
class PickedPhrases:
    """Phrases that may name clusters.

    Attributes
    ----------
    pairs : list of (int, int), length p
        Code of the cluster, position of the phrase; the best of each cluster come first.
    sizes : numpy.ndarray of int, shape (c,)
        Rows of each cluster.
    scores : numpy.ndarray, shape (p,)
    bounds : numpy.ndarray, shape (p,)
        A row is near to the phrase if its cosine with it is above.
    means : numpy.ndarray, shape (c, d)
        Mean centred row of each cluster.
    broad : numpy.ndarray of bool, shape (v,)
        Which of all phrases are broad.
    """

    pairs: list[tuple[int, int]]
    sizes: Positions
    scores: npt.NDArray[np.float64]
    bounds: npt.NDArray[np.float64]
    means: npt.NDArray[np.float64]
    broad: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Support:
    """Which rows speak for each pair of cluster and phrase.

    Attributes
    ----------
    counts : numpy.ndarray of int, shape (p, c)
        How many rows of each cluster are near to the phrase.
    nearest : list of list of (float, int), length p
        Up to three rows of the pair's cluster, nearest first: cosine with a minus sign, and position.
    looked : numpy.ndarray of int, shape (c,)
        Rows that were compared with all phrases.
    spoken, foremost : numpy.ndarray of int, shape (p, c)
        For how many of these the phrase speaks: it is among the nearest of all, or of all broad ones; and for how many
        it is (nearly) the nearest.
    moments : numpy.ndarray, shape (2, v)
        Sum of the cosines of these rows with each phrase, and of their squares.
    shown : numpy.ndarray of int, shape (c, v)
        How many of these rows of each cluster surely show what a phrase says.
    things : list of list of (float, int, int, float), length c
        What typical rows show, the most typical first: how typical, with a minus sign, position, phrase, cosine.
    """

    counts: npt.NDArray[np.int64]
    nearest: list[list[tuple[float, int]]]
    looked: npt.NDArray[np.int64]
    spoken: npt.NDArray[np.int64]
    foremost: npt.NDArray[np.int64]
    moments: npt.NDArray[np.float64]
    shown: npt.NDArray[np.int64]
    things: list[list[tuple[float, int, int, float]]]

    def __add__(self, other: Support) -> Support:
        """Add the rows of another part of the table."""
        return Support(
            self.counts + other.counts,
            [sorted(one + two)[:_EXAMPLES] for one, two in zip(self.nearest, other.nearest, strict=True)],
            self.looked + other.looked,
            self.spoken + other.spoken,
            self.foremost + other.foremost,
            self.moments + other.moments,
            self.shown + other.shown,
            [_typical(one + two) for one, two in zip(self.things, other.things, strict=True)],
        )


def _typical(found: list[tuple[float, int, int, float]]) -> list[tuple[float, int, int, float]]:
    """Return the most typical rows, each phrase once."""
    kept: dict[int, tuple[float, int, int, float]] = {}
    for one in sorted(found):
        kept.setdefault(one[2], one)
    return list(kept.values())[:_TYPICAL]


def find_support(
    rows: CentredRows, codes: Positions, picked: PickedPhrases, places: npt.NDArray[np.float64], positions: Positions
) -> Support:
    """Return which rows speak for each pair of cluster and phrase.

    Parameters
    ----------
    rows : CentredRows, n rows
    codes : numpy.ndarray of int, shape (n,)
    picked : PickedPhrases
    places : numpy.ndarray, shape (v, d)
    positions : numpy.ndarray of int, shape (n,)
        What the rows are called in the answer.
    """
    pairs, n_groups = picked.pairs, len(picked.sizes)
    counts = np.zeros((len(pairs), n_groups), dtype=np.int64)
    found: list[list[tuple[float, int]]] = [[] for _ in pairs]
    targets = places[[at for _, at in pairs]].astype(np.float32)
    closely = _Closely(picked, places)
    for chunk, units in rows.chunks():
        cosines = units @ targets.T
        near = (cosines > picked.bounds).astype(np.float32)
        counts += group_sums(near, codes[chunk], n_groups).T.round().astype(np.int64)
        for number in np.unique(codes[chunk]):
            own = np.flatnonzero(codes[chunk] == number)
            for column in (column for column, pair in enumerate(pairs) if pair[0] == number):
                best = np.argsort(-cosines[own, column], kind="stable")[:_EXAMPLES]
                new = [(-float(cosines[own[one], column]), int(positions[chunk.start + own[one]])) for one in best]
                found[column] = sorted(found[column] + new)[:_EXAMPLES]
        some = _choose_rows(rows.matrix[chunk], codes[chunk], picked.sizes)
        closely.look(units[some], codes[chunk][some], positions[chunk][some])
    return Support(
        counts,
        found,
        closely.looked,
        closely.spoken,
        closely.foremost,
        closely.moments,
        closely.shown,
        closely.things,
    )


def _choose_rows(matrix: npt.NDArray[np.float32], codes: Positions, sizes: Positions) -> Positions:
    """Return the rows to compare with all phrases: some of each cluster, chosen by content, whatever the order."""
    weights = np.arange(1, 2 * matrix.shape[1], 2, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits = np.ascontiguousarray(matrix, dtype=np.float32).view(np.uint32)
    checks = np.array([(row * weights).sum() >> np.uint64(32) for row in bits], dtype=np.float64) / 2**32
    return np.flatnonzero(checks < _LOOKED_AT / sizes[codes])


class _Closely:
    """Compares some rows with all phrases, and adds up which speak for them."""

    def __init__(self, picked: PickedPhrases, places: npt.NDArray[np.float64]) -> None:
        n_groups, n_pairs = len(picked.sizes), len(picked.pairs)
        self._places = places.astype(np.float32)
        self._broad = picked.broad
        self._phrases = np.array([at for _, at in picked.pairs], dtype=np.int64)
        means = picked.means / np.maximum(1e-12, np.linalg.norm(picked.means, axis=1, keepdims=True))
        self._means = means.astype(np.float32)
        self.looked = np.zeros(n_groups, dtype=np.int64)
        self.spoken = np.zeros((n_pairs, n_groups), dtype=np.int64)
        self.foremost = np.zeros((n_pairs, n_groups), dtype=np.int64)
        self.moments = np.zeros((2, len(places)))
        self.shown = np.zeros((n_groups, len(places)), dtype=np.int64)
        self.things: list[list[tuple[float, int, int, float]]] = [[] for _ in range(n_groups)]

    def look(self, units: FloatMatrix, codes: Positions, positions: Positions) -> None:
        """Add rows: centred unit rows, their clusters, and what they are called."""
        if not len(units):
            return
        n_groups = len(self.looked)
        cosines = units @ self._places.T
        self.looked += np.bincount(codes, minlength=n_groups)
        self.moments += [cosines.sum(axis=0, dtype=np.float64), (cosines.astype(np.float64) ** 2).sum(axis=0)]
        is_broad = self._broad[self._phrases]
        own = cosines[:, self._phrases]
        for nearest, first, counts in (
            (_NEAREST_BROAD, _NEAREST, self.spoken),
            (1, _NEAREST_BROAD, self.foremost),
        ):
            bound_broad = _nth_greatest(cosines[:, self._broad], nearest)
            bound = np.where(is_broad, bound_broad[:, None], _nth_greatest(cosines, first)[:, None])
            counts[:] += group_sums((own >= bound).astype(np.float32), codes, n_groups).T.round().astype(np.int64)
        cosines[:, self._broad] = -1
        best = cosines.argmax(axis=1)
        nearness = cosines[np.arange(len(best)), best]
        typical = (units * self._means[codes]).sum(axis=1)
        sure = np.flatnonzero(nearness >= _THING_COSINE)
        np.add.at(self.shown, (codes[sure], best[sure]), 1)
        for row in sure.tolist():
            one = (-float(typical[row]), int(positions[row]), int(best[row]), float(nearness[row]))
            self.things[codes[row]].append(one)
        self.things = [_typical(found) for found in self.things]


def _nth_greatest(values: FloatMatrix, n: int) -> npt.NDArray[np.float32]:
    """Return the n-th greatest value of each row; the least where there are fewer."""
    if values.shape[1] <= n:
        return np.asarray(values.min(axis=1, initial=np.inf))
    return np.asarray(np.partition(values, -n, axis=1)[:, -n])
