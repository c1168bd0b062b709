"""Exact search: the rows of a vector column that are most similar to one query or to many."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.finding.reranking import BEST_FUSED_SCORE, diversify, fuse_with_keywords
from mmembed.analysis.finding.search_hits import SearchHits
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.analysis.rows.cosine import pair_cosines, unit_rows
from mmembed.arrays import BoolVector, FloatMatrix, FloatVector
from mmembed.errors import VectorError
from mmembed.vectors import VectorArray, as_vector_array, check_comparable

_POOL = 5  # rows that a second look chooses among, for each hit
_SMALLEST_POOL = 100  # of keyword search, whose two lists may have little in common
_WEIGHT_OF_MINUS = 0.5
_COPY_BELOW = 0.25  # share of the rows that may be found, below which only they are read


def search(
    queries: Any,
    vectors: Any,
    k: int = 10,
    *,
    where: Any = None,
    minus: Any = None,
    diverse: float | None = None,
    keywords: npt.NDArray[np.float64] | None = None,
) -> SearchHits:
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
    where : array-like of bool, shape (n,), optional
        Only rows that are True are found; a missing value is no.
    minus : vector or vector column, shape (d,) or (m, d), optional
        Negative examples: rows are put in order of ``score``, their cosine with the query less half of their mean
        cosine with these (Rocchio's formula with weights 1 and 0.5).
    diverse : float, optional
        From 0 to 1: choose hits that are unlike each other among the ``5 k`` most similar ones, by maximal marginal
        relevance with this weight on difference; the order then is that of the choice, with its ``score``.
    keywords : numpy.ndarray, shape (q, n), optional
        Keyword scores of each row for each query, 0 for none: the order is that of reciprocal rank fusion of both
        lists, with its ``score``.

    Returns
    -------
    SearchHits

    Raises
    ------
    SpaceMismatchError, DimensionMismatchError
        If queries and vectors cannot be compared.
    VectorError
        If one query is asked and it is a zero vector; in a column of queries such a one has similarity 0 with all rows.
    ValueError
        If k, diverse, or the length of where or keywords is wrong.

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
    if diverse is not None and not 0 <= diverse <= 1:
        raise ValueError(
            f"diverse={diverse!r} is not from 0 (only similar to the query) to 1 (only unlike each other)."
        )
    asked, single = as_queries(queries)
    array = as_vector_array(vectors)
    check_comparable(asked, array)
    if single and not asked.matrix.any():
        raise VectorError(
            "The query is a zero vector: it has no direction, so no row is like it. Ask with another one."
        )
    missing = array.isna()
    if where is not None:
        missing |= ~_allowed(where, len(array))
    pool = pool_size(k, diverse=diverse is not None, keywords=keywords is not None)
    if pool != k:
        pool = min(pool, max(len(array), 1))
    unlike = None if minus is None else _unlike(minus, array)
    hits = _search(asked, array, pool, missing, unlike, single=single)
    if keywords is not None:
        if keywords.shape != (len(asked), len(array)):
            raise ValueError(f"keywords has shape {keywords.shape}; expected {(len(asked), len(array))}.")
        wanted = k if diverse is None else pool
        hits = fuse_with_keywords(hits, np.where(missing, 0, keywords), wanted, asked.matrix, array.matrix)
    if diverse is None:
        return hits
    relevance = hits.scores.get("score", hits.similarities)
    if keywords is not None:  # both parts are to be of one size
        relevance = relevance / BEST_FUSED_SCORE
    return diversify(hits, array.matrix, k, diverse, relevance)


def pool_size(k: int, *, diverse: bool, keywords: bool) -> int:
    """Return how many of the most similar rows a search looks at again to choose k: as many as any answer rests on."""
    if not diverse and not keywords:
        return k
    return max(_POOL * k, _SMALLEST_POOL if keywords else 1)


def _search(
    asked: VectorArray, array: VectorArray, k: int, missing: BoolVector, unlike: FloatVector | None, *, single: bool
) -> SearchHits:
    matrix, rows = array.matrix, None
    if len(missing) - np.count_nonzero(missing) < _COPY_BELOW * len(missing):
        found = np.flatnonzero(~missing)
        matrix, rows, missing = matrix[found], found, np.zeros(len(found), dtype=bool)
    sought = asked.matrix if unlike is None else unit_rows(asked.matrix) - np.float32(_WEIGHT_OF_MINUS) * unlike
    positions, similarities = nearest_rows(sought, matrix, k, queries_missing=asked.isna(), missing=missing)
    if rows is not None and len(rows):
        positions = np.where(positions >= 0, rows[positions], -1)
    scores: dict[str, FloatMatrix] = {}
    if unlike is not None:
        scores["score"] = similarities * np.linalg.norm(sought, axis=1, keepdims=True)
        query, rank = np.nonzero(positions >= 0)
        similarities = similarities.copy()
        similarities[query, rank] = pair_cosines(asked.matrix, array.matrix, query, positions[query, rank])
    return SearchHits(positions, similarities, n_rows=len(array), single=single, scores=scores)


def _unlike(minus: Any, array: VectorArray) -> FloatVector:
    """Return the mean of the unit negative examples."""
    examples, _ = as_queries(minus)
    check_comparable(examples, array)
    present = examples.matrix[~examples.isna()]
    if not len(present):
        raise ValueError("minus holds no vector. Give at least one negative example, or leave it out.")
    return np.asarray(unit_rows(present).mean(axis=0, dtype=np.float64), dtype=np.float32)


def _allowed(where: Any, n_rows: int) -> BoolVector:
    mask = pd.array(getattr(where, "array", where), dtype="boolean")
    if len(mask) != n_rows:
        raise ValueError(f"where has {len(mask)} values for {n_rows} rows. Give one bool for each row.")
    return np.asarray(mask.to_numpy(dtype=bool, na_value=False))


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
    asked, single = as_queries(query)
    if not single and len(asked) != 1:
        raise ValueError(
            f"similarity compares with one query; got a column of {len(asked)}. Use search(queries, vectors) for many."
        )
    array = as_vector_array(vectors)
    check_comparable(asked, array)
    rows = np.arange(len(array))
    return pair_cosines(array.matrix, asked.matrix, rows, np.zeros_like(rows))


def as_queries(queries: Any) -> tuple[VectorArray, bool]:
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
