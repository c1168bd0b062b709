"""The graph of nearest neighbours, as search by rows, duplicates, outliers, clusters, maps and label votes use it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class NeighborGraph:
    """The k nearest other rows of each row.

    Attributes
    ----------
    indices : numpy.ndarray, shape (n, k), int32
        Positions of the neighbours, nearest first, ties in row order; -1 where there are fewer than k other rows, and
        in the whole of a row without a vector.
    similarities : numpy.ndarray, shape (n, k), float32
        Their cosines; NaN where the index is -1.
    method : str
        ``"exact"``, or the name of the approximation.
    recall : float
        Share of the true neighbours that are in the graph: 1 for the exact method, else measured on a sample of rows.
    """

    indices: npt.NDArray[np.int32] = field(repr=False)
    similarities: npt.NDArray[np.float32] = field(repr=False)
    method: str = "exact"
    recall: float = 1.0

    @property
    def k(self) -> int:
        """How many neighbours were asked for."""
        return int(self.indices.shape[1])

    def first(self, k: int) -> NeighborGraph:
        """Return the graph of the k nearest of these neighbours, without a copy."""
        return NeighborGraph(self.indices[:, :k], self.similarities[:, :k], self.method, self.recall)

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        how = "exact" if self.method == "exact" else f"{self.method}, recall={self.recall:.3f}"
        return f"NeighborGraph(rows={len(self)}, k={self.k}, {how}); see .indices and .similarities"
