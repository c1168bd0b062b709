"""Exact search: the rows of a vector column that are most similar to one query or to many.

Hits can be put in another order: fewer that are alike (maximal marginal relevance), or keywords beside the meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import pair_cosines, unit_rows
from mmembed.analysis.finding.bm25 import KeywordMatches
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.arrays import BoolVector, FloatMatrix, FloatVector, Positions, places_for
from mmembed.errors import VectorError, at_least_one
from mmembed.frames import Written, assigned, index_of, one_line, rows_in_order, shown_without_vectors
from mmembed.vectors import VectorArray, as_vector_array, check_comparable

_POOL = 5  # rows that a second look chooses among, for each hit

_SMALLEST_POOL = 100  # of keyword search, whose two lists may have little in common

_MOST_SHOWN, _LABEL_LENGTH = 20, 60  # in a notebook

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
    keywords: KeywordMatches | npt.NDArray[np.float64] | None = None,
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
    keywords : numpy.ndarray, shape (q, n), or KeywordMatches, optional
        Keyword scores of each row for each query, 0 for none: the order is that of reciprocal rank fusion of both
        lists, with its ``score``. With the weights of matches the list of keywords counts for a row as much as its
        text has of the query.

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
    k = at_least_one("k", k, "asks for no row")
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
        missing |= ~_check_mask(where, len(array))
    k = places_for(k, len(array))
    pool = pool_size(k, diverse=diverse is not None, keywords=keywords is not None)
    if pool != k:
        pool = min(pool, max(len(array), 1))
    unlike = None if minus is None else _mean_of_negatives(minus, array)
    hits = replace(_search(asked, array, pool, missing, unlike, single=single), index=index_of(vectors))
    if keywords is not None:
        if not isinstance(keywords, KeywordMatches):
            keywords = KeywordMatches(keywords, np.ones(np.shape(keywords)))
        for shape in (np.shape(keywords.scores), np.shape(keywords.weights)):
            if shape != (len(asked), len(array)):
                raise ValueError(f"keywords has shape {shape}; expected {(len(asked), len(array))}.")
        wanted = k if diverse is None else pool
        findable = KeywordMatches(np.where(missing, 0, keywords.scores), keywords.weights)
        hits = fuse_with_keywords(hits, findable, wanted, asked.matrix, array.matrix)
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


def _mean_of_negatives(minus: Any, array: VectorArray) -> FloatVector:
    """Return the mean of the unit negative examples."""
    examples, _ = as_queries(minus)
    check_comparable(examples, array)
    present = examples.matrix[~examples.isna()]
    if not len(present):
        raise ValueError("minus holds no vector. Give at least one negative example, or leave it out.")
    return np.asarray(unit_rows(present).mean(axis=0, dtype=np.float64), dtype=np.float32)


def _check_mask(where: Any, n_rows: int) -> BoolVector:
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


@dataclass(frozen=True, eq=False)
class SearchHits:
    """The k best rows of each query.

    Attributes
    ----------
    positions : numpy.ndarray, shape (q, k), int64
        Positions of the rows, best first, ties in row order; -1 where there are fewer than k rows with a vector, and
        in the whole of a query without a vector. k is never more than the number of rows, or 1,000.
    similarities : numpy.ndarray, shape (q, k), float32
        Their cosines with the query; NaN where the position is -1.
    n_rows : int
        How many rows were searched, those without a vector included.
    single : bool
        Whether one query was asked rather than a column of queries.
    scores : mapping of str to numpy.ndarray, shape (q, k)
        Further numbers of each hit by name: ``score`` where the order is not that of the similarities, ``percentile``
        where the search was calibrated.
    """

    positions: npt.NDArray[np.int64] = field(repr=False)
    similarities: npt.NDArray[np.float32] = field(repr=False)
    n_rows: int
    single: bool
    scores: Mapping[str, npt.NDArray[Any]] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    # Labels of the rows, where the vectors were a Series; version 0.1 kept none.
    index: pd.Index | None = field(default=None, repr=False)

    def add_to(
        self, df: pd.DataFrame, *, queries: Sequence[Any] | None = None, name: str | None = None
    ) -> pd.DataFrame:
        """Return the rows that were found, best first.

        Parameters
        ----------
        df : pandas.DataFrame
            The frame whose vectors were searched; left alone.
        queries : sequence, optional
            What to call each query in the column ``query``; without it, its position. For many queries only.
        name : str, optional
            First part of other names for the new columns: ``<name>_similarity`` and so on.

        Returns
        -------
        pandas.DataFrame
            For one query its rows and ``similarity``. For many, the rows of the first query, then of the second, …,
            with ``query``, ``rank`` (from 1) and ``similarity``. The index labels are those of the rows.
        """
        df = rows_in_order(df, self.n_rows, self.index)
        if queries is not None and len(queries) != len(self.positions):
            raise ValueError(f"{len(queries)} names were given for {len(self.positions)} queries. Give one for each.")
        query, rank = np.nonzero(self.positions >= 0)
        rows = df.iloc[self.positions[query, rank]]
        columns: dict[str, Any] = {}
        if not self.single:
            names = pd.Series(range(len(self.positions)) if queries is None else queries)
            columns = {"query": names.array.take(query), "rank": rank + 1}
        columns |= {"similarity": self.similarities[query, rank]}
        columns |= {kind: values[query, rank] for kind, values in self.scores.items()}
        columns = {kind if name is None else f"{name}_{kind}": values for kind, values in columns.items()}
        Written.by("search", name).check(df, columns)
        return shown_without_vectors(assigned(rows, columns))

    def __repr__(self) -> str:
        n_queries, k = self.positions.shape
        return f"SearchHits(queries={n_queries}, k={k}, rows={self.n_rows}); see .add_to(df)"

    def _repr_html_(self) -> str:
        query, rank = np.nonzero(self.positions >= 0)
        positions = self.positions[query, rank]
        table = pd.DataFrame({"query": query, "rank": rank + 1, "position": positions})
        if self.index is not None:
            table["label"] = [one_line(label, _LABEL_LENGTH) for label in self.index[positions]]
        table["similarity"] = self.similarities[query, rank]
        shown = (table.drop(columns="query") if self.single else table).head(_MOST_SHOWN)
        left = len(table) - len(shown)
        more = f"<p>{left:,} more; see .add_to(df)</p>" if left > 0 else ""
        cells = shown.to_html(index=False, border=0, float_format="{:.3f}".format)  # pandas escapes cells
        return f"<div><p>{escape(repr(self))}</p>{cells}{more}</div>"


# Ranks are added as 1 / (60 + rank), the constant of the paper: far down the list a rank more or less hardly counts.
_RANK_OFFSET = 60

BEST_FUSED_SCORE = 2 / (_RANK_OFFSET + 1)


def diversify(
    hits: SearchHits, matrix: FloatMatrix, k: int, diversity: float, relevance: npt.NDArray[Any]
) -> SearchHits:
    """Return k of the hits, each chosen for being similar to the query and unlike those before it.

    Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): the next hit is the one with the greatest
    ``(1 - diversity) · similarity to the query - diversity · greatest similarity to the hits already chosen``.

    Parameters
    ----------
    hits : SearchHits
        More of them than k, to choose from.
    matrix : numpy.ndarray, shape (n, d)
        The vectors that were searched.
    k : int
    diversity : float
        From 0 (the order of the search) to 1 (only unlike).
    relevance : numpy.ndarray, shape (q, any)
        What stands for the similarity to the query, of about the size of a cosine.
    """
    n_queries = len(hits.positions)
    wanted = min(k, hits.positions.shape[1])
    places = np.full((n_queries, wanted), -1, dtype=np.int64)
    scores = np.full((n_queries, wanted), np.nan)
    for query in range(n_queries):
        found = np.flatnonzero(hits.positions[query] >= 0)
        worth = relevance[query, found].astype(np.float64)
        units = unit_rows(matrix[hits.positions[query, found]]).astype(np.float64)
        likeness = np.zeros(len(found))
        free = np.ones(len(found), dtype=bool)
        for rank in range(min(wanted, len(found))):
            value = (1 - diversity) * worth - diversity * likeness
            chosen = int(np.where(free, value, -np.inf).argmax())
            places[query, rank], scores[query, rank] = found[chosen], value[chosen]
            free[chosen] = False
            cosines = units @ units[chosen]
            likeness = cosines if rank == 0 else np.maximum(likeness, cosines)
    empty = places < 0
    positions = np.where(empty, -1, np.take_along_axis(hits.positions, np.maximum(places, 0), axis=1))
    cosines = np.where(empty, np.nan, np.take_along_axis(hits.similarities, np.maximum(places, 0), axis=1))
    return SearchHits(positions, cosines.astype(np.float32), hits.n_rows, hits.single, {"score": scores}, hits.index)


def fuse_with_keywords(
    hits: SearchHits, keywords: KeywordMatches, k: int, queries: FloatMatrix, matrix: FloatMatrix
) -> SearchHits:
    """Return the k rows that stand highest in two lists: the hits, and the rows by their keyword scores.

    Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): each list gives a row 1 / (60 + its rank), the
    list of keywords this times the row's weight, and the sums are the ``score``. Equal sums are put in the order of
    similarity.

    Parameters
    ----------
    hits : SearchHits
        More of them than k.
    keywords : KeywordMatches, shape (q, n)
        Rows with a score of 0 or less stand in no list.
    k : int
    queries, matrix : numpy.ndarray, shape (q, d) and (n, d)
        What was searched with and in, for the cosines of rows that only the keywords found.
    """
    n_queries, pool = hits.positions.shape
    positions = np.full((n_queries, k), -1, dtype=np.int64)
    similarities = np.full((n_queries, k), np.nan, dtype=np.float32)
    scores = np.full((n_queries, k), np.nan)
    for query in range(n_queries):
        by_meaning = hits.positions[query][hits.positions[query] >= 0]
        by_words = best_by_keywords(keywords.scores[query], pool)
        rows = np.union1d(by_meaning, by_words)
        sums = np.zeros(len(rows))
        for ranking, weights in ((by_meaning, 1), (by_words, keywords.weights[query, by_words])):
            sums[np.searchsorted(rows, ranking)] += weights / (_RANK_OFFSET + 1 + np.arange(len(ranking)))
        cosines = _cosines(queries, query, matrix, rows)
        best = np.lexsort((rows, -cosines, -sums))[:k]
        positions[query, : len(best)], similarities[query, : len(best)] = rows[best], cosines[best]
        scores[query, : len(best)] = sums[best]
    return SearchHits(positions, similarities, hits.n_rows, hits.single, {"score": scores}, hits.index)


def best_by_keywords(scores: npt.NDArray[np.float64], k: int) -> Positions:
    """Return the k rows with the greatest keyword scores, best first, ties in row order; fewer if fewer have one."""
    found = np.flatnonzero(scores > 0)
    if len(found) > k:
        values = scores[found]
        found = found[values >= np.partition(values, len(values) - k)[len(values) - k]]
    return found[np.argsort(-scores[found], kind="stable")[:k]]


def _cosines(queries: FloatMatrix, query: int, matrix: FloatMatrix, rows: Positions) -> FloatVector:
    return pair_cosines(queries, matrix, np.full(len(rows), query), rows)
