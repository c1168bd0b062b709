"""Another order for what a search found: less of the same, or keywords beside meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.finding.search_hits import SearchHits
from mmembed.analysis.rows.cosine import pair_cosines, unit_rows
from mmembed.arrays import FloatMatrix, FloatVector, Positions

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
    return SearchHits(positions, cosines.astype(np.float32), hits.n_rows, hits.single, {"score": scores})


def fuse_with_keywords(
    hits: SearchHits, keywords: npt.NDArray[np.float64], k: int, queries: FloatMatrix, matrix: FloatMatrix
) -> SearchHits:
    """Return the k rows that stand highest in two lists: the hits, and the rows by their keyword scores.

    Reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): each list gives a row 1 / (60 + its rank), and
    the sums are the ``score``. Equal sums are put in the order of similarity.

    Parameters
    ----------
    hits : SearchHits
        More of them than k.
    keywords : numpy.ndarray, shape (q, n)
        Keyword scores; rows with 0 or less stand in no list.
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
        by_words = best_by_keywords(keywords[query], pool)
        rows = np.union1d(by_meaning, by_words)
        sums = np.zeros(len(rows))
        for ranking in (by_meaning, by_words):
            sums[np.searchsorted(rows, ranking)] += 1 / (_RANK_OFFSET + 1 + np.arange(len(ranking)))
        cosines = _cosines(queries, query, matrix, rows)
        best = np.lexsort((rows, -cosines, -sums))[:k]
        positions[query, : len(best)], similarities[query, : len(best)] = rows[best], cosines[best]
        scores[query, : len(best)] = sums[best]
    return SearchHits(positions, similarities, hits.n_rows, hits.single, {"score": scores})


def best_by_keywords(scores: npt.NDArray[np.float64], k: int) -> Positions:
    """Return the k rows with the greatest keyword scores, best first, ties in row order; fewer if fewer have one."""
    best = np.argsort(-scores, kind="stable")[:k]
    return best[scores[best] > 0]


def _cosines(queries: FloatMatrix, query: int, matrix: FloatMatrix, rows: Positions) -> FloatVector:
    return pair_cosines(queries, matrix, np.full(len(rows), query), rows)
