"""The recall of approximate neighbours, measured on a sample of rows whose true neighbours are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.arrays import FloatMatrix, Positions

if TYPE_CHECKING:
    from mmembed.analysis.cosines import ChosenRows

_SAMPLE = 200


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows whose true neighbours are known.

    Attributes
    ----------
    positions : numpy.ndarray of int, shape (s,)
    neighbors : numpy.ndarray of int, shape (s, k)
        Their k nearest other rows.
    """

    positions: Positions = field(repr=False)
    neighbors: Positions = field(repr=False)

    @classmethod
    def draw(cls, rows: FloatMatrix | ChosenRows, k: int, seed: int) -> Sample:
        """Take a fixed random sample and find its neighbours exactly."""
        positions = np.random.default_rng(seed).choice(len(rows), min(_SAMPLE, len(rows)), replace=False)
        nothing = np.zeros(len(rows), dtype=bool)
        found, _ = nearest_rows(
            rows[positions], rows, k + 1, queries_missing=nothing[: len(positions)], missing=nothing
        )
        others = found != positions[:, np.newaxis]
        others[others.all(axis=1), -1] = False  # a row that equals many others may not have found itself
        return cls(positions, found[others].reshape(len(positions), k))

    def recall(self, indices: npt.NDArray[np.integer]) -> float:
        """Return which share of the true neighbours is among the found ones, shape (s, any)."""
        hits = [np.isin(true, found).mean() for true, found in zip(self.neighbors, indices, strict=True)]
        return float(np.mean(hits))
