"""Which rows are within a threshold of a row: read from the shared graph, or measured where the graph is too short."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mmembed.analysis.graphs.graph_store import FEWEST_NEIGHBORS, shared_graph
from mmembed.analysis.graphs.neighbor_graph import NeighborGraph
from mmembed.analysis.rows.cosine import pair_cosines
from mmembed.arrays import FloatMatrix, FloatVector, Positions
from mmembed.vectors.rows import Lengths, row_lengths


@dataclass(frozen=True, eq=False)
class NearRows:
    """Different rows, and for each the others whose cosine with it reaches a threshold.

    Attributes
    ----------
    rows : numpy.ndarray, shape (u, d), float32
        Different rows, none of them zero.
    graph : NeighborGraph
        The shared graph of the rows.
    threshold : numpy.float32
    """

    rows: FloatMatrix = field(repr=False)
    graph: NeighborGraph = field(repr=False)
    threshold: np.float32
    _lengths: Lengths = field(repr=False)

    @classmethod
    def of(cls, rows: FloatMatrix, threshold: float) -> NearRows:
        """Take the graph of the rows from the store, or compute it."""
        return cls(rows, shared_graph(rows, FEWEST_NEIGHBORS), np.float32(threshold), row_lengths(rows))

    def __len__(self) -> int:
        return len(self.rows)

    def have_any(self) -> Positions:
        """Return the positions of the rows that have another one within the threshold, in row order."""
        return np.flatnonzero(self.graph.similarities[:, 0] >= self.threshold)

    def of_row(self, position: int) -> tuple[Positions, FloatVector]:
        """Return the other rows within the threshold of one row, nearest first, and their cosines."""
        cosines = self.graph.similarities[position]
        if cosines[-1] >= self.threshold:  # all the graph's neighbours are near, so there may be more
            return self._measured(position)
        near = int((cosines >= self.threshold).sum())
        return self.graph.indices[position, :near].astype(np.int64), cosines[:near]

    def _measured(self, position: int) -> tuple[Positions, FloatVector]:
        margin = (self.rows.shape[1] + 32) * 2.0**-24
        rough = (self.rows @ (self.rows[position] / np.float32(self._lengths[position]))) / self._lengths
        found = np.flatnonzero(rough >= self.threshold - margin)
        found = found[found != position]
        at = np.full(len(found), position)
        cosines = pair_cosines(self.rows, self.rows, at, found, left_lengths=self._lengths, right_lengths=self._lengths)
        found, cosines = found[cosines >= self.threshold], cosines[cosines >= self.threshold]
        order = np.lexsort((found, -cosines))
        return found[order], cosines[order]


def check_threshold(threshold: float) -> float:
    """Return a cosine threshold, or refuse a number that no cosine can reach.

    Raises
    ------
    ValueError
        If it is not a number from -1 to 1.
    """
    if not -1 <= threshold <= 1:  # also refuses NaN
        raise ValueError(
            f"threshold={threshold!r} is not a cosine. Give a number from -1 to 1; near duplicates are close to 1."
        )
    return threshold
