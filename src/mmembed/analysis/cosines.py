"""Cosine similarity of rows: unit rows for fast products, cosines that depend on the two rows only, and distinct rows.

A zero row has cosine 0 with everything; a missing (NaN) row has cosine NaN. Graphs, clusters and maps are made of the
distinct rows, so that equal vectors are treated alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mmembed.arrays import FloatMatrix, FloatVector, Positions, row_chunks
from mmembed.vectors.rows import Lengths, equal_row_groups, row_lengths


@np.errstate(under="ignore")
def unit_rows(matrix: FloatMatrix, chosen: Positions | None = None) -> FloatMatrix:
    """Return a copy whose rows have length 1; zero rows stay zero and missing rows stay NaN.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, d)
        Left alone.
    chosen : numpy.ndarray of int, shape (m,), optional
        The rows to take, in this order; all without it.

    Examples
    --------
    >>> import numpy as np
    >>> unit_rows(np.array([[3, 4], [0, 0]], dtype="float32")).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    units = np.empty((len(matrix) if chosen is None else len(chosen), matrix.shape[1]), dtype=np.float32)
    for rows in row_chunks(*units.shape):
        chunk = matrix[rows if chosen is None else chosen[rows]].astype(np.float64)
        lengths = np.sqrt((chunk * chunk).sum(axis=1, keepdims=True))
        lengths[lengths == 0] = 1
        units[rows] = chunk / lengths
    return units


def pair_cosines(
    left: FloatMatrix | ChosenRows,
    right: FloatMatrix | ChosenRows,
    left_rows: Positions,
    right_rows: Positions,
    *,
    left_lengths: Lengths | None = None,
    right_lengths: Lengths | None = None,
) -> FloatVector:
    """Return the cosine of each pair of rows.

    Every cosine is summed in float64 in one fixed order. So equal rows have equal cosines wherever they stand, which
    a matrix product does not promise, and ``cosine(a, b)`` is ``cosine(b, a)``.

    Parameters
    ----------
    left, right : numpy.ndarray or ChosenRows, shape (n, d) and (m, d)
        Matrices that hold the rows.
    left_rows, right_rows : numpy.ndarray of int, shape (p,)
        Positions of the two rows of each pair.
    left_lengths, right_lengths : numpy.ndarray, shape (n,) and (m,), optional
        What ``row_lengths`` gives for the matrices, where it is known.

    Returns
    -------
    numpy.ndarray, shape (p,), float32
    """
    lengths = _lengths_of(left, left_rows, left_lengths) * _lengths_of(right, right_rows, right_lengths)
    lengths[lengths == 0] = 1
    cosines = np.empty(len(left_rows), dtype=np.float32)
    for pairs in row_chunks(len(left_rows), left.shape[1]):
        products = left[left_rows[pairs]].astype(np.float64)
        products *= right[right_rows[pairs]]
        cosines[pairs] = np.clip(products.sum(axis=1) / lengths[pairs], -1, 1)
    return cosines


def _lengths_of(matrix: FloatMatrix | ChosenRows, rows: Positions, lengths: Lengths | None) -> Lengths:
    """Return the length of the row of each pair, each row being measured once."""
    if lengths is not None:
        return lengths[rows]
    unique, inverse = np.unique(rows, return_inverse=True)
    if len(unique) == len(matrix):
        return lengths_of(matrix)[inverse]
    found = np.empty(len(unique))
    for some in row_chunks(len(unique), matrix.shape[1]):
        found[some] = row_lengths(matrix[unique[some]])
    return found[inverse]


def lengths_of(rows: FloatMatrix | ChosenRows) -> Lengths:
    """Return the Euclidean length of each row, shape (u,)."""
    return rows.lengths if isinstance(rows, ChosenRows) else row_lengths(rows)


def rows_where(matrix: FloatMatrix, kept: npt.NDArray[np.bool_] | np.bool_) -> FloatMatrix:
    """Return the rows that are kept, without a copy where all are."""
    return matrix if kept.all() else matrix[kept]


@dataclass(frozen=True, eq=False)
class ChosenRows:
    """Some rows of a matrix in an order of their own, which are copied where they are needed and no earlier.

    Attributes
    ----------
    matrix : numpy.ndarray, shape (n, d), float32
    chosen : numpy.ndarray of int, shape (u,)
    """

    matrix: FloatMatrix = field(repr=False)
    chosen: Positions = field(repr=False)

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows, and how many numbers a row."""
        return len(self.chosen), self.matrix.shape[1]

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """That of the matrix."""
        return self.matrix.dtype

    @property
    def lengths(self) -> Lengths:
        """The Euclidean length of each row, shape (u,)."""
        return row_lengths(self.matrix)[self.chosen]

    def __getitem__(self, some: slice | npt.NDArray[np.integer]) -> FloatMatrix:
        """Return a copy of some of the rows, shape (m, d), or (…, d) for an array of their positions."""
        return self.matrix[self.chosen[some]]


@dataclass(frozen=True, eq=False)
class DistinctPlaces:
    """Where the different rows of a matrix stand, in an order that depends on the values alone.

    Attributes
    ----------
    groups, counts, first : numpy.ndarray of int
        As of :class:`DistinctRows`.
    """

    groups: Positions = field(repr=False)
    counts: Positions = field(repr=False)
    first: Positions = field(repr=False)

    def __len__(self) -> int:
        return len(self.first)


def distinct_places(rows: FloatMatrix) -> DistinctPlaces:
    """Return where the different rows of a matrix, shape (n, d), stand; none is copied, and none may be missing.

    Examples
    --------
    >>> import numpy as np
    >>> sorted(distinct_places(np.array([[1, 2], [0, 5], [1, 2]], dtype="float32")).first.tolist())
    [0, 1]
    """
    groups = equal_row_groups(rows)
    _, first, counts = np.unique(groups, return_index=True, return_counts=True)
    return DistinctPlaces(groups, counts, first)


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
    found = distinct_places(rows)
    return DistinctRows(rows[found.first], found.groups, found.counts, found.first)


@dataclass(frozen=True, eq=False)
class DistinctDirections(DistinctRows):
    """Each different direction once, as a unit row: rows that differ in length alone are one.

    Attributes
    ----------
    given : numpy.ndarray, shape (n, d), float32
        The rows that were given, which are not copied; None where the graph is that of the unit rows.
    """

    given: FloatMatrix | None = field(repr=False)

    @property
    def source(self) -> FloatMatrix | ChosenRows:
        """The same rows with the lengths they came with, shape (u, d), float32; not copied.

        This is what :func:`mmembed.analysis.graphs.graph.shared_graph` knows the rows of a column by, so that all
        products of the column share its graph.
        """
        return self.rows if self.given is None else ChosenRows(self.given, self.first)


def distinct_directions(source: FloatMatrix) -> DistinctDirections:
    """Return the different directions of the rows of a matrix.

    Parameters
    ----------
    source : numpy.ndarray, shape (n, d), float32
        Without missing rows, as :meth:`mmembed.analysis.preparation.Preparation.source` gives them. Where some rows
        differ in length alone, the graph is that of the unit rows.

    Examples
    --------
    >>> import numpy as np
    >>> found = distinct_directions(np.array([[0, 2], [3, 4], [0, 5]], dtype="float32"))
    >>> len(found), bool(found.groups[0] == found.groups[2])
    (2, True)
    """
    groups = equal_row_groups(source)
    _, first, counts = np.unique(groups, return_index=True, return_counts=True)
    units = unit_rows(source, first)
    n_directions = int(equal_row_groups(units).max(initial=-1)) + 1
    if n_directions == len(units):  # as a rule; another copy of all rows would be for nothing
        return DistinctDirections(units, groups, counts, first, source)
    by_direction = distinct_rows(units)
    groups = by_direction.groups[groups]
    _, first, counts = np.unique(groups, return_index=True, return_counts=True)
    return DistinctDirections(by_direction.rows, groups, counts, first, None)
