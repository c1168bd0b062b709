"""Search in partitions: what each part of a table may contribute to the answer, and the answer from those rows.

The k best rows of a table are among the k best rows of its parts. So each part names its candidates, in the order of
the table, and the search of one table runs on the candidates alone: hits, order and numbers are those of pandas.
Calibration has the means of the kinds over all partitions, and the random pairs that pandas draws.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from dask.base import compute

from mmembed.accessor.reranking import Reranking
from mmembed.accessor.search_query import RowQuery, allowed_rows, keyword_table
from mmembed.analysis.cosines import pair_cosines
from mmembed.analysis.finding.bm25 import KeywordMatches, KeywordStatistics
from mmembed.analysis.finding.calibration import Calibration, check_enough, prepared, random_pairs
from mmembed.analysis.finding.search import best_by_keywords, pool_size, search
from mmembed.analysis.preparation import KindSums, Preparation, kind_sums
from mmembed.arrays import FloatMatrix, FloatVector, Positions
from mmembed.distributed.columns import vectors_in
from mmembed.distributed.partitions import by_partition, each
from mmembed.embedding.queries import is_many
from mmembed.frames import column_of
from mmembed.vectors import VectorArray, VectorDtype

if TYPE_CHECKING:
    import dask.dataframe as dd

    from mmembed.analysis.finding.search import SearchHits


@dataclass(frozen=True)
class SearchPlan:
    """A search whose queries are vectors already, to be run on any part of a table.

    Attributes
    ----------
    asking : RowQuery
        The query as it was given.
    queries, minus : VectorArray
        What to search with and what not to be like, prepared as the calibration says.
    column : str
    dtype : VectorDtype
        Of the column, which may be one of lists.
    k, diverse, hybrid, kinds :
        As in ``ddf.mmembed.search``.
    statistics : KeywordStatistics, optional
        Of the whole column of texts.
    calibration : LearnedCalibration, optional
        Learned from the whole table.
    reranking : Reranking, optional
        The second look at the hits of the whole table.
    """

    asking: RowQuery
    queries: VectorArray
    column: str
    dtype: VectorDtype
    k: int
    minus: VectorArray | None = None
    diverse: float | None = None
    hybrid: str | None = None
    statistics: KeywordStatistics | None = field(default=None, repr=False)
    calibration: LearnedCalibration | None = field(default=None, repr=False)
    kinds: str | None = None
    name: str | None = None
    reranking: Reranking | None = None

    @property
    def wanted(self) -> int:
        """How many hits the answer is chosen from."""
        return self.k if self.reranking is None else self.reranking.depth

    @property
    def names(self) -> Sequence[Any] | None:
        """What to call the queries, where there are many."""
        return list(self.asking.query) if is_many(self.asking.query) else None

    def candidates(self, part: pd.DataFrame, where: Any = None) -> pd.DataFrame:
        """Return the rows of a part that may be in the answer, in their order."""
        rows = self._rows(part)
        allowed = allowed_rows(part, where, self.asking.itself(part, vectors_in(part[self.column], self.dtype)))
        keywords = self._keywords(part)
        pool = pool_size(self.wanted, diverse=self.diverse is not None, keywords=keywords is not None)
        chosen = np.zeros(len(part), dtype=bool)
        found = search(self.queries, rows, pool, where=allowed, minus=self.minus).positions
        chosen[found[found >= 0]] = True
        if keywords is not None:
            findable = ~rows.isna() if allowed is None else ~rows.isna() & allowed
            for scores in np.where(findable, keywords.scores, 0):
                chosen[best_by_keywords(scores, pool)] = True
        return part[chosen]

    def answer(self, candidates: pd.DataFrame) -> pd.DataFrame:
        """Return the hits among the candidates of all parts, best first, as pandas returns those of one table."""
        hits = self._search(candidates)
        return hits.add_to(candidates, queries=self.names, name=self.name)

    def _search(self, df: pd.DataFrame) -> SearchHits:
        single = self.names is None
        rows = self._rows(df)
        hits = search(
            self.queries[0] if single else self.queries,
            rows,
            self.wanted,
            minus=self.minus,
            diverse=self.diverse,
            keywords=self._keywords(df),
        )
        if self.calibration is not None:
            hits = Calibration(rows, self.calibration.background, self.calibration.of_queries).add_to_hits(hits)
        return hits if self.reranking is None else self.reranking.apply(hits, df)

    def _rows(self, df: pd.DataFrame) -> VectorArray:
        array = vectors_in(df[self.column], self.dtype)
        if self.calibration is None:
            return array
        kinds = ["row"] * len(df) if self.kinds is None else column_of(df, self.kinds)
        return prepared(array, self.calibration.of_rows, kinds)

    def _keywords(self, df: pd.DataFrame) -> KeywordMatches | None:
        if self.hybrid is None:
            return None
        return keyword_table(df, self.hybrid, self.asking.query, self.statistics)


@dataclass(frozen=True)
class LearnedCalibration:
    """What a calibration knows of a whole table.

    Attributes
    ----------
    of_queries, of_rows : Preparation
        The means of the queries' kind and of the rows' kinds.
    background : numpy.ndarray, shape (p,)
        Cosines of random pairs, in rising order.
    """

    of_queries: Preparation
    of_rows: Preparation
    background: FloatVector = field(repr=False)

    def prepare(self, queries: VectorArray) -> VectorArray:
        """Return queries without the mean of their kind."""
        return prepared(queries, self.of_queries, ["query"] * len(queries))


@dataclass(frozen=True)
class _Side:
    """One of the two columns: its name, its type, and the column of its rows' kinds, or the name of its only kind."""

    column: str
    dtype: VectorDtype
    kind: str
    kinds: str | None = None

    def array(self, part: pd.DataFrame) -> VectorArray:
        return vectors_in(part[self.column], self.dtype)

    def kinds_of(self, part: pd.DataFrame) -> object:
        return [self.kind] * len(part) if self.kinds is None else column_of(part, self.kinds)


def learn_calibration(
    ddf: dd.DataFrame, column: str, calibrate: str, *, dtypes: tuple[VectorDtype, VectorDtype], kinds: str | None
) -> LearnedCalibration:
    """Learn from a whole table what makes queries of one kind comparable with its rows; computes twice.

    The random pairs are those that pandas draws. The means are summed partition by partition, so they may differ from
    those of pandas in the last digit.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
    column, calibrate : str
        The searched column, and one of the queries' kind.
    dtypes : pair of VectorDtype
        Of the searched column and of the other.
    kinds : str, optional
        A column of the rows' kinds.

    Raises
    ------
    VectorError
        If either has fewer than two vectors.
    """
    sides = _Side(calibrate, dtypes[1], "query"), _Side(column, dtypes[0], "row", kinds)
    used = ddf[list(dict.fromkeys([column, calibrate, *([] if kinds is None else [kinds])]))]
    sums: tuple[list[KindSums], ...] = compute(*each(_kind_sums, used, sides=sides))
    totals = [reduce(operator.add, [of_part[side] for of_part in sums]) for side in (0, 1)]
    check_enough(_count(totals[0]), _count(totals[1]))
    preparations = [Preparation.of(total) for total in totals]
    drawn = random_pairs(_count(totals[0]), _count(totals[1]), seed=0)
    unique = [np.unique(numbers, return_inverse=True) for numbers in drawn]
    wanted = [by_partition(unique[side][0], [_count(of_part[side]) for of_part in sums]) for side in (0, 1)]
    own = list(zip(*wanted, strict=True))
    rows = compute(*each(_pick, used, own=own, sides=sides, preparations=preparations))
    left, right = (np.concatenate([of_part[side] for of_part in rows]) for side in (0, 1))
    background = np.sort(pair_cosines(left, right, unique[0][1], unique[1][1]))
    return LearnedCalibration(preparations[0], preparations[1], background)


def _kind_sums(part: pd.DataFrame, sides: tuple[_Side, _Side]) -> list[KindSums]:
    return [kind_sums(side.array(part), side.kinds_of(part)) for side in sides]


def _count(sums: KindSums) -> int:
    return sum(count for _, count in sums.values())


def _pick(
    part: pd.DataFrame, places: Sequence[Positions], sides: tuple[_Side, _Side], preparations: list[Preparation]
) -> list[FloatMatrix]:
    """Return the rows at these places among those that have a vector, without the mean of their kind."""
    return [
        preparation.rows(side.array(part), side.kinds_of(part))[place]
        for side, preparation, place in zip(sides, preparations, places, strict=True)
    ]
