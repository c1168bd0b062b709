"""Nearest neighbour descent, for so many rows that a product of all pairs takes too long."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, FloatVector


def neighbors_by_descent(
    units: FloatMatrix, k: int, *, make_index: Callable[..., Any] | None = None
) -> tuple[npt.NDArray[np.int32], FloatVector]:
    """Return the k nearest other rows of each row and their cosines, by pynndescent with a fixed seed.

    Dong et al., "Efficient k-nearest neighbor graph construction for generic similarity measures", WWW 2011.

    Parameters
    ----------
    units : numpy.ndarray, shape (n, d), float32
        Unit rows.
    k : int
    make_index : callable, optional
        Makes an index that has ``neighbor_graph``; ``pynndescent.NNDescent`` if not given.
    """
    if make_index is None:
        from pynndescent import NNDescent

        make_index = NNDescent
    index = make_index(units, metric="cosine", n_neighbors=k + 1, random_state=0)
    found, distances = index.neighbor_graph
    # A row is mostly, but not always, its own first neighbour; it leaves, and the others move up.
    itself = found == np.arange(len(found))[:, np.newaxis]
    itself[~itself.any(axis=1), -1] = True
    others = ~itself
    indices = found[others].reshape(len(found), k).astype(np.int32)
    similarities = np.clip(1 - distances[others].reshape(len(found), k), -1, 1).astype(np.float32)
    similarities[indices < 0] = np.nan
    return indices, similarities
