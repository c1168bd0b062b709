"""The cosine at which copies end and rows that are merely alike begin, read from a table's own neighbours.

A cosine means something else in each model and for each kind of content, so no number is right for all: the copies of
one table are found at .8, those of another at .99. What tables have in common is the shape: the distances of rows to
their nearest ones, in logarithm, stand in one narrow heap, and copies lie far to its left, spread widely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.graphs.graph import FEWEST_NEIGHBORS, shared_graph
from mmembed.analysis.graphs.near_rows import check_threshold
from mmembed.arrays import FloatMatrix, FloatVector, row_chunks

Threshold = float | Literal["auto"]
ThresholdSource = Literal["given", "gap", "rarest", "contents", "pairs"]

# Tuned on sets of benchmarks/finding.py that are marked as development sets.
_WIDTH = 0.25  # of the logarithm of a distance, in which pairs are counted
_MOST_AT_THE_GAP = 1.0  # share of all copies that may lie in so wide a stretch, for each unit of it
_FEWEST_COPIES = 5
# Of the distance (one less the cosine) that two rows of the table have on average; levels that agreed with what was
# planted were at .24 of it at most.
_FARTHEST = 0.25
_SURE, _LEAST_STEP = 9.0, 0.1  # of a step between two neighbours, in units of its expectation and of the logarithm
_FEWEST_NEIGHBORS = 4  # below it steps tell nothing
_RAREST = 0.01
_FEWEST_ROWS_OF_A_SHARE = 100
_STRICT = 0.999
_LEAST_DISTANCE = 3e-4  # smaller ones are rounding: a cosine is kept in float32


@dataclass(frozen=True)
class DuplicateThreshold:
    """A level for near duplicates, and how it was found.

    Attributes
    ----------
    level : float
        Least cosine.
    source : {"given", "gap", "rarest", "contents", "pairs"}
        ``"gap"``: rows that lie apart from all others with their copies end here. ``"rarest"``: nothing sets copies
        apart in this table, and the level is so strict that one row in a hundred has another one within it; in tables
        of fewer than a hundred rows it is 0.999. ``"contents"``: pairs whose contents are copies end here; it is 1
        where there are none. ``"pairs"``: no level parts these from other pairs, so that they themselves are taken; it
        is the least cosine of one.
    """

    level: float
    source: ThresholdSource

    def __str__(self) -> str:
        how = {
            "given": "",
            "gap": " (auto: few pairs lie about it)",
            "rarest": " (auto: no level is certain, for nothing sets copies apart; only the nearest pairs)",
            "contents": " (auto: the contents of the pairs agree with it)",
            "pairs": " (auto: the least of pairs whose contents are copies; no cosine sets these apart)",
        }
        return f"{self.level:g}{how[self.source]}"


def resolve_threshold(threshold: Threshold, rows: FloatMatrix) -> DuplicateThreshold:
    """Return a threshold that was given, or find one for different rows without zero rows.

    Raises
    ------
    ValueError
        If it is neither a cosine nor ``"auto"``.
    """
    if check_duplicate_threshold(threshold) != "auto":
        return DuplicateThreshold(float(threshold), "given")
    if len(rows) < 2:
        return DuplicateThreshold(_STRICT, "rarest")
    return threshold_between(shared_graph(rows, FEWEST_NEIGHBORS).similarities, mean_cosine(rows))


def check_duplicate_threshold(threshold: Threshold) -> Threshold:
    """Return a threshold, or refuse what is neither a cosine nor ``"auto"``.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if isinstance(threshold, str):
        if threshold != "auto":
            raise ValueError(f"threshold={threshold!r} is unknown. Give 'auto' or a cosine, such as 0.95.")
        return threshold
    return check_threshold(threshold)


def mean_cosine(rows: FloatMatrix) -> float:
    """Return the mean cosine of all pairs of two or more rows, none of which is zero."""
    total = np.zeros(rows.shape[1])
    for some in row_chunks(*rows.shape):
        total += unit_rows(rows[some]).sum(axis=0, dtype=np.float64)
    return float((total @ total - len(rows)) / (len(rows) * (len(rows) - 1)))


def threshold_between(similarities: FloatMatrix, typical: float) -> DuplicateThreshold:
    """Return the level between copies and the rest.

    For each row the greatest step between two of its nearest neighbours is looked for, in logarithms of distances; if
    it is far greater than steps of rows without structure are (Rényi's spacings, with the table's own intrinsic
    dimension), what comes before it are copies, if they are nearer than those of others. The level is the loosest about
    which few pairs lie, measured by the copies that it has beyond those rows that would be dropped wrongly. It is no
    farther than a quarter of the distance that two rows have on average: in small tables two rows on one subject stand
    apart from all others, too.

    Parameters
    ----------
    similarities : numpy.ndarray, shape (n, k)
        Cosines of each row with its k nearest other rows, greatest first; NaN where there is none.
    typical : float
        The mean cosine of two rows.
    """
    known = np.flatnonzero(~np.isnan(similarities).any(axis=0))
    logs = _log_distances(similarities[:, known])
    if not len(known):
        return DuplicateThreshold(_STRICT, "rarest")
    if len(known) >= _FEWEST_NEIGHBORS:
        copies, rest = _copies_and_rest(logs)
        farthest = np.log(max(_FARTHEST * 2 * (1 - typical), 0.0) ** 0.5 + _LEAST_DISTANCE)
        gap = _gap(copies, rest, float(farthest))
        if gap is not None:
            return DuplicateThreshold(_cosine(gap), "gap")
    nearest = np.sort(logs[:, 0])
    if len(nearest) < _FEWEST_ROWS_OF_A_SHARE:
        return DuplicateThreshold(_STRICT, "rarest")
    place = int(_RAREST * len(nearest))
    return DuplicateThreshold(_cosine((nearest[place - 1] + nearest[place]) / 2), "rarest")


def level_between(cosine: float, less: float) -> float:
    """Return the cosine half way between two distances, in logarithm."""
    logs = _log_distances(np.array([cosine, less], dtype=np.float32))
    return _cosine(float(logs.mean()))


def levels_about(suggested: float) -> tuple[float, ...]:
    """Return thresholds at which to look for a decision: the suggested one, three stricter ones and two looser ones.

    Each is at a share of the suggested one's distance, so that they stand where pairs change, whatever the model.
    """
    distance = np.sqrt(max(2 - 2 * suggested, 0))
    shares = (0.35, 0.6, 0.8, 1.2, 1.45)
    others = {_cosine(float(np.log(max(share * distance, _LEAST_DISTANCE)))) for share in shares}
    return tuple(sorted({suggested, *(max(one, -1.0) for one in others)}, reverse=True))


def _copies_and_rest(logs: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the distance of the farthest copy of each row that has some, and of the nearest other row of each."""
    n_neighbors = logs.shape[1]
    beyond = logs[:, -1:] - logs[:, n_neighbors // 3 : -1]
    dimension = 1 / max(float(beyond.mean()), 1e-6)
    half = max(n_neighbors // 2, 1)
    steps = np.diff(logs, axis=1)[:, :half]
    expected = 1 / (dimension * np.arange(1, half + 1))
    sure = steps > np.maximum(_SURE * expected, _LEAST_STEP)
    place = np.where(sure, steps, -1).argmax(axis=1)
    has = np.flatnonzero(sure.any(axis=1))
    rest = logs[:, 0].copy()
    rest[has] = logs[has, place[has] + 1]
    return np.sort(logs[has, place[has]]), np.sort(rest)


def _gap(copies: npt.NDArray[np.float64], rest: npt.NDArray[np.float64], farthest: float) -> float | None:
    """Return the logarithm of the distance at which copies end, or None where they do not stand apart.

    It is no greater than the farthest one.
    """
    values = np.unique(np.concatenate([copies, rest]))
    values = values[values < np.median(rest)]
    if len(values) < 2:
        return None
    places = (values[1:] + values[:-1]) / 2

    def below(at: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        return np.searchsorted(copies, at, side="right") + np.searchsorted(rest, at, side="right")

    wrong = np.searchsorted(rest, places, side="right")
    right = np.searchsorted(copies, places, side="right") - wrong
    about = below(places + _WIDTH / 2) - below(places - _WIDTH / 2) + 1  # one more: few copies must not look apart
    density = about / _WIDTH / np.maximum(right, 0.5)
    apart = np.flatnonzero((density < _MOST_AT_THE_GAP) & (right >= _FEWEST_COPIES) & (places <= farthest))
    if not len(apart):
        return None
    end = apart[-1]
    near = np.flatnonzero((places > places[end] - _WIDTH) & (places <= places[end]))
    return float(places[near[density[near].argmin()]])


def _log_distances(similarities: FloatMatrix | FloatVector) -> npt.NDArray[np.float64]:
    chords = np.sqrt(np.maximum(2 - 2 * similarities.astype(np.float64), 0))
    return np.asarray(np.log(np.maximum(chords, _LEAST_DISTANCE)))


def _cosine(log_distance: float) -> float:
    """Return a cosine that reads well: its distance from 1 in three digits."""
    return 1 - float(f"{np.exp(2 * log_distance) / 2:.3g}")
