"""The exact graph of nearest neighbours that clusters, maps and duplicates share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.nearest import nearest_rows
from mmembed.vectors import as_vector_array


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
    """

    indices: npt.NDArray[np.int32] = field(repr=False)
    similarities: npt.NDArray[np.float32] = field(repr=False)

    @property
    def k(self) -> int:
        """How many neighbours were asked for."""
        return int(self.indices.shape[1])

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        return f"NeighborGraph(rows={len(self)}, k={self.k}); see .indices and .similarities"


def neighbors(vectors: Any, k: int = 15) -> NeighborGraph:
    """Find the k nearest other rows of each row by cosine similarity, exactly.

    A row is never its own neighbour, but another row with the same vector is. The product of all pairs is computed
    in blocks: memory grows with ``n * k``, time with ``n * n * d`` (some 20 s for 50,000 rows of 1,024 numbers on two
    cores).

    Parameters
    ----------
    vectors : vector column, shape (n, d)
        A Series, a ``VectorArray`` or a 2-D array.
    k : int
        Neighbours of each row, at least 1; more than there are rows leaves the rest -1.

    Returns
    -------
    NeighborGraph

    Examples
    --------
    >>> import numpy as np
    >>> neighbors(np.array([[1, 0], [0, 1], [1, 1], [1, 0]], dtype="float32"), k=2).indices.tolist()
    [[3, 2], [2, 0], [0, 1], [0, 2]]
    """
    array = as_vector_array(vectors)
    if k < 1:
        raise ValueError(f"k={k} asks for no neighbour. Give a k of at least 1.")
    missing = array.isna()
    indices, similarities = nearest_rows(
        array.matrix, array.matrix, k, queries_missing=missing, missing=missing, skip_self=True
    )
    return NeighborGraph(indices.astype(np.int32), similarities)
