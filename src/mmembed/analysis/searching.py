"""Exact search: the rows of a vector column that are most similar to one query or to many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosine import FloatVector, pair_cosines
from mmembed.analysis.nearest import nearest_rows
from mmembed.vectors import VectorArray, as_vector_array, check_comparable


@dataclass(frozen=True, eq=False)
class SearchHits:
    """The k most similar rows of each query.

    Attributes
    ----------
    positions : numpy.ndarray, shape (q, k), int64
        Positions of the rows, best first, ties in row order; -1 where there are fewer than k rows with a vector, and
        in the whole of a query without a vector.
    similarities : numpy.ndarray, shape (q, k), float32
        Their cosines; NaN where the position is -1.
    n_rows : int
        How many rows were searched, those without a vector included.
    single : bool
        Whether one query was asked rather than a column of queries.
    """

    positions: npt.NDArray[np.int64] = field(repr=False)
    similarities: npt.NDArray[np.float32] = field(repr=False)
    n_rows: int
    single: bool

    def add_to(self, df: pd.DataFrame, *, queries: Sequence[Any] | None = None) -> pd.DataFrame:
        """Return the rows that were found, best first.

        Parameters
        ----------
        df : pandas.DataFrame
            The frame whose vectors were searched; left alone.
        queries : sequence, optional
            What to call each query in the column ``query``; without it, its position. For many queries only.

        Returns
        -------
        pandas.DataFrame
            For one query its rows and ``similarity``. For many, the rows of the first query, then of the second, …,
            with ``query``, ``rank`` (from 1) and ``similarity``. The index labels are those of the rows.
        """
        if len(df) != self.n_rows:
            raise ValueError(
                f"The frame has {len(df)} rows, but {self.n_rows} were searched. "
                "Give the frame whose vectors were used."
            )
        if queries is not None and len(queries) != len(self.positions):
            raise ValueError(f"{len(queries)} names were given for {len(self.positions)} queries. Give one for each.")
        query, rank = np.nonzero(self.positions >= 0)
        rows = df.iloc[self.positions[query, rank]]
        similarity = self.similarities[query, rank]
        if self.single:
            return rows.assign(similarity=similarity)
        names = pd.Series(range(len(self.positions)) if queries is None else queries)
        return rows.assign(query=names.array.take(query), rank=rank + 1, similarity=similarity)

    def __repr__(self) -> str:
        n_queries, k = self.positions.shape
        return f"SearchHits(queries={n_queries}, k={k}, rows={self.n_rows}); see .add_to(df)"


def search(queries: Any, vectors: Any, k: int = 10) -> SearchHits:
    """Find the k most similar rows of each query by cosine similarity, exactly.

    Parameters
    ----------
    queries : vector or vector column, shape (d,) or (q, d)
        One vector (a ``Vector`` or a 1-D array) or a column of them.
    vectors : vector column, shape (n, d)
        What to search; rows without a vector are never found. Need not be normalised; a zero vector has similarity 0
        with everything.
    k : int
        Rows for each query, at least 1; may be more than there are.

    Returns
    -------
    SearchHits

    Raises
    ------
    SpaceMismatchError, DimensionMismatchError
        If queries and vectors cannot be compared.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> df = pd.DataFrame({"name": ["east", "north", "north-east"]})
    >>> vectors = np.array([[1, 0], [0, 1], [1, 1]], dtype="float32")
    >>> search(np.array([2.0, 1.0]), vectors, k=2).add_to(df)["name"].tolist()
    ['north-east', 'east']
    """
    if k < 1:
        raise ValueError(f"k={k} asks for no row. Give a k of at least 1.")
    asked, single = _as_queries(queries)
    array = as_vector_array(vectors)
    check_comparable(asked, array)
    positions, similarities = nearest_rows(
        asked.matrix, array.matrix, k, queries_missing=asked.isna(), missing=array.isna()
    )
    return SearchHits(positions, similarities, n_rows=len(array), single=single)


def similarity(vectors: Any, query: Any) -> FloatVector:
    """Return the cosine similarity of each row with one query; NaN for rows without a vector.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    query : vector, shape (d,)

    Returns
    -------
    numpy.ndarray, shape (n,), float32
        The numbers that :func:`search` reports.

    Examples
    --------
    >>> import numpy as np
    >>> similarity(np.array([[2, 0], [0, 1]], dtype="float32"), [1.0, 0.0]).tolist()
    [1.0, 0.0]
    """
    asked, single = _as_queries(query)
    if not single and len(asked) != 1:
        raise ValueError(
            f"similarity compares with one query; got a column of {len(asked)}. Use search(queries, vectors) for many."
        )
    array = as_vector_array(vectors)
    check_comparable(asked, array)
    rows = np.arange(len(array))
    return pair_cosines(array.matrix, asked.matrix, rows, np.zeros_like(rows))


def _as_queries(queries: Any) -> tuple[VectorArray, bool]:
    """Return the queries as an array, and whether they were one vector rather than a column."""
    if isinstance(queries, VectorArray | pd.Series | pd.Index):
        return as_vector_array(queries), False
    space = getattr(queries, "space", None)
    try:
        values = np.asarray(queries, dtype=np.float32)
    except (
        TypeError,
        ValueError,
    ):  # a list with missing vectors, or of unlike things: the column reader says what is wrong
        return as_vector_array(queries), False
    if values.ndim == 1 and values.size:
        return VectorArray.from_matrix(values[np.newaxis], space=space), True
    return as_vector_array(queries), False
