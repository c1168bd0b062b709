"""Which rows are so alike that one must not be predicted from the other: equal, nearly equal, or of one group."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from mmembed.analysis.graphs.graph_store import shared_graph
from mmembed.analysis.labels.folding import measurable
from mmembed.analysis.rows.distinct import DistinctDirections, distinct_directions
from mmembed.arrays import FloatMatrix

# The graph of more rows costs more than everything else that a classifier does; equal rows are still found.
MOST_LINKED_ROWS = 20_000
_NEIGHBORS = 15
# More rows than this share that can no longer be measured, and likeness is the nature of the table, not repetition.
_MOST_LOST = 0.1
_FEWEST_TO_JUDGE = 30


def hold_together(
    rows: FloatMatrix,
    y: npt.NDArray[np.intp] | None,
    groups: npt.NDArray[np.intp] | None,
    threshold: float | None,
    *,
    folds: int,
) -> npt.NDArray[np.intp]:
    """Return which rows are held out together, as :func:`linked_groups` numbers them.

    Where rows of one class are nearly equal by nature, chains of likeness would put whole classes into one fold, and
    nothing could be measured. Then, from 30 rows on, only equal rows and given groups are held out together, and a
    warning says so.

    Parameters
    ----------
    rows, groups, threshold
        As in :func:`linked_groups`.
    y : numpy.ndarray of int, shape (m,), optional
        Class of each row, where each has one.
    folds : int
        Number of parts that the rows are dealt to.

    Warns
    -----
    UserWarning
        If near duplicates cannot be held out together.
    """
    distinct = distinct_directions(rows)
    linked = _components(distinct, groups, threshold)
    if threshold is None or len(rows) < _FEWEST_TO_JUDGE or len(distinct) > MOST_LINKED_ROWS:
        return linked
    plain = _components(distinct, groups, None)
    largest, before = np.bincount(linked).max(), np.bincount(plain).max()
    lost = 0.0 if y is None else float(measurable(y, plain).mean() - measurable(y, linked).mean())
    if largest > max(before, len(rows) / folds) or lost > _MOST_LOST:
        warnings.warn(
            f"Rows with a cosine of at least {threshold} form chains of up to {largest:,} of {len(rows):,} rows: in "
            "this table that likeness is no sign of repetition. Only equal rows are held out together. "
            "Give a higher near_duplicates=, or groups=, if there are near copies.",
            UserWarning,
            stacklevel=3,
        )
        return plain
    return linked


def linked_groups(
    rows: FloatMatrix, groups: npt.NDArray[np.intp] | None, threshold: float | None
) -> npt.NDArray[np.intp]:
    """Return a number for each row; rows of one number are linked through equality, likeness or a given group.

    Parameters
    ----------
    rows : numpy.ndarray, shape (m, d), float32
        Their lengths do not matter.
    groups : numpy.ndarray of int, shape (m,), optional
        What the user knows to belong together.
    threshold : float, optional
        Cosine from which on two rows are nearly equal; looked at up to 20,000 different rows. None links equal rows
        only.

    Returns
    -------
    numpy.ndarray of int, shape (m,)
    """
    return _components(distinct_directions(rows), groups, threshold)


def _components(
    distinct: DistinctDirections, groups: npt.NDArray[np.intp] | None, threshold: float | None
) -> npt.NDArray[np.intp]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(distinct)
    left, right = np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    if threshold is not None and 1 < size <= MOST_LINKED_ROWS:
        graph = shared_graph(distinct.source, min(_NEIGHBORS, size - 1))
        near = graph.similarities >= threshold
        left = np.repeat(np.arange(size), near.sum(axis=1))
        right = graph.indices[near].astype(np.intp)
    if groups is not None:
        # Each given group is a node of its own that its rows hang on.
        left = np.append(left, distinct.groups)
        right = np.append(right, size + groups)
        size += int(groups.max()) + 1
    links = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(size, size))
    _, components = connected_components(links, directed=False)
    return np.unique(components[distinct.groups], return_inverse=True)[1].astype(np.intp)
