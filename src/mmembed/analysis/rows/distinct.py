"""The different rows among many: what graphs, clusters and maps are made of, so that equal vectors count alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mmembed.analysis.rows.cosine import unit_rows
from mmembed.vectors.rows import equal_row_groups

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, Positions


@dataclass(frozen=True, eq=False)
class DistinctRows:
    """Each different row once, in an order that depends on the values alone and not on the order of the table.

    Attributes
    ----------
    rows : numpy.ndarray, shape (u, d), float32
        The different rows, as they were given.
    groups : numpy.ndarray of int, shape (n,)
        Position in ``rows`` of each given row: ``rows[groups]`` are the given rows.
    counts : numpy.ndarray of int, shape (u,)
        How often each occurs.
    first : numpy.ndarray of int, shape (u,)
        Position of its first occurrence among the given rows.
    """

    rows: FloatMatrix = field(repr=False)
    groups: Positions = field(repr=False)
    counts: Positions = field(repr=False)
    first: Positions = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def total(self) -> int:
        """How many rows were given."""
        return len(self.groups)


def distinct_rows(rows: FloatMatrix) -> DistinctRows:
    """Return the different rows of a matrix.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d), float32
        Without missing rows.

    Examples
    --------
    >>> import numpy as np
    >>> found = distinct_rows(np.array([[1, 2], [0, 5], [1, 2]], dtype="float32"))
    >>> len(found), sorted(found.counts.tolist()), sorted(found.first.tolist())
    (2, [1, 2], [0, 1])
    """
    groups = equal_row_groups(rows)
    _, first, counts = np.unique(groups, return_index=True, return_counts=True)
    return DistinctRows(rows[first], groups, counts, first)


@dataclass(frozen=True, eq=False)
class DistinctDirections(DistinctRows):
    """Each different direction once, as a unit row: rows that differ in length alone are one.

    Attributes
    ----------
    source : numpy.ndarray, shape (u, d), float32
        The same rows with the lengths they came with: what :func:`mmembed.analysis.graphs.graph_store.shared_graph`
        knows the rows of a column by, so that all products of the column share its graph.
    """

    source: FloatMatrix = field(repr=False)


def distinct_directions(source: FloatMatrix) -> DistinctDirections:
    """Return the different directions of the rows of a matrix.

    Parameters
    ----------
    source : numpy.ndarray, shape (n, d), float32
        Without missing rows, as :meth:`mmembed.analysis.rows.preparing.Preparation.source` gives them. Where some rows
        differ in length alone, the graph is that of the unit rows.

    Examples
    --------
    >>> import numpy as np
    >>> found = distinct_directions(np.array([[0, 2], [3, 4], [0, 5]], dtype="float32"))
    >>> len(found), bool(found.groups[0] == found.groups[2])
    (2, True)
    """
    distinct = distinct_rows(source)
    units = unit_rows(distinct.rows)
    by_direction = distinct_rows(units)
    if len(by_direction) == len(distinct):
        return DistinctDirections(units, distinct.groups, distinct.counts, distinct.first, distinct.rows)
    groups = by_direction.groups[distinct.groups]
    _, first, counts = np.unique(groups, return_index=True, return_counts=True)
    return DistinctDirections(by_direction.rows, groups, counts, first, by_direction.rows)
