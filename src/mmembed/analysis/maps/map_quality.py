"""How far a map can be trusted: whether near on the map is near in truth, and the other way round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix

# Ranks of this many rows among all rows tell maps apart to three digits.
_SAMPLE_ROWS = 1000
_NUMBERS_AT_ONCE = 1 << 22


@dataclass(frozen=True, slots=True)
class MapQuality:
    """Three numbers from 0 to 1 on a map; each is 1 on a perfect map.

    Attributes
    ----------
    trustworthiness : float
        1 less the intruders among the k neighbours on the map, by how far away they are in truth (Venna and Kaski
        2001); some 0.5 is chance.
    continuity : float
        The same for true neighbours that the map tore away.
    neighbors_kept : float
        Share of the k true neighbours that are among the k neighbours on the map.
    k : int
        Neighbours that were looked at.
    n_rows : int
        Different vectors whose neighbours were looked at; a sample where there are many.
    """

    trustworthiness: float
    continuity: float
    neighbors_kept: float
    k: int
    n_rows: int


def measure_map(rows: FloatMatrix, places: FloatMatrix, k: int = 15) -> MapQuality:
    """Compare neighbours by cosine with neighbours on the map.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d), float32
        Different unit rows.
    places : numpy.ndarray, shape (n, dimensions), float32
    k : int
        Neighbours to look at; fewer where there are fewer than ``2 * k`` rows.

    Returns
    -------
    MapQuality
        NaN with fewer than 4 rows, where it is not defined. Of a fixed sample of 1,000 rows among all where there are
        more.
    """
    if k < 1:
        raise ValueError(f"k={k} looks at no neighbour. Give a k of at least 1.")
    n_rows = len(rows)
    if n_rows < 4:
        return MapQuality(float("nan"), float("nan"), float("nan"), k, n_rows)
    k = min(k, (n_rows - 1) // 2)
    sample = np.arange(n_rows)
    if n_rows > _SAMPLE_ROWS:
        sample = np.sort(np.random.default_rng(0).choice(n_rows, _SAMPLE_ROWS, replace=False))
    intruders = torn = kept = 0
    step = max(1, _NUMBERS_AT_ONCE // n_rows)
    for first in range(0, len(sample), step):
        some = sample[first : first + step]
        # Cosine distances of unit rows order as these do.
        in_truth = 1 - rows[some] @ rows.T
        on_map = np.zeros_like(in_truth)
        for axis in places.T:
            on_map += (axis[some, np.newaxis] - axis) ** 2
        for distances in (in_truth, on_map):
            distances[np.arange(len(some)), some] = np.inf
        true_ranks = _ranks(in_truth, _nearest(on_map, k))
        map_ranks = _ranks(on_map, _nearest(in_truth, k))
        intruders += int(np.maximum(true_ranks - k, 0).sum())
        torn += int(np.maximum(map_ranks - k, 0).sum())
        kept += int((true_ranks <= k).sum())
    worst = len(sample) * k * (2 * n_rows - 3 * k - 1) / 2
    return MapQuality(1 - intruders / worst, 1 - torn / worst, kept / (len(sample) * k), k, len(sample))


def _nearest(distances: FloatMatrix, k: int) -> npt.NDArray[np.intp]:
    return np.argpartition(distances, k - 1, axis=1)[:, :k]


def _ranks(distances: FloatMatrix, of: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """Return the rank, from 1, of some columns of each row by distance; equal distances share the best rank."""
    limits = np.take_along_axis(distances, of, axis=1)
    ranks = np.empty(of.shape, dtype=np.int64)
    for place in range(of.shape[1]):
        ranks[:, place] = (distances < limits[:, place, np.newaxis]).sum(axis=1) + 1
    return ranks
