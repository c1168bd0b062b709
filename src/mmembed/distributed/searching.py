"""Search in partitions: what each part of a table may contribute to the answer, and the answer from those rows.

The k best rows of a table are among the k best rows of its parts. So each part names its candidates, in the order of
the table, and the search of one table runs on the candidates alone: hits, order and numbers are those of pandas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.accessor.search_query import Asking, allowed_rows, keyword_table
from mmembed.analysis.finding.bm25 import KeywordStatistics
from mmembed.analysis.finding.calibration import Calibration, prepared
from mmembed.analysis.finding.search import best_by_keywords, pool_size, search
from mmembed.distributed.columns import vectors_in
from mmembed.embedding.queries import is_many
from mmembed.frames import column_of

if TYPE_CHECKING:
    from mmembed.analysis.finding.search import SearchHits
    from mmembed.distributed.calibrating import LearnedCalibration
    from mmembed.vectors import VectorArray, VectorDtype


@dataclass(frozen=True)
class SearchPlan:
    """A search whose queries are vectors already, to be run on any part of a table.

    Attributes
    ----------
    asking : Asking
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
    """

    asking: Asking
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

    @property
    def names(self) -> Sequence[Any] | None:
        """What to call the queries, where there are many."""
        return list(self.asking.query) if is_many(self.asking.query) else None

    def candidates(self, part: pd.DataFrame, where: Any = None) -> pd.DataFrame:
        """Return the rows of a part that may be in the answer, in their order."""
        rows = self._rows(part)
        allowed = allowed_rows(part, where, self.asking.itself(part, vectors_in(part[self.column], self.dtype)))
        keywords = self._keywords(part)
        pool = pool_size(self.k, diverse=self.diverse is not None, keywords=keywords is not None)
        chosen = np.zeros(len(part), dtype=bool)
        found = search(self.queries, rows, pool, where=allowed, minus=self.minus).positions
        chosen[found[found >= 0]] = True
        if keywords is not None:
            findable = ~rows.isna() if allowed is None else ~rows.isna() & allowed
            for scores in np.where(findable, keywords, 0):
                chosen[best_by_keywords(scores, pool)] = True
        return part[chosen]

    def answer(self, candidates: pd.DataFrame) -> pd.DataFrame:
        """Return the hits among the candidates of all parts, best first, as pandas returns those of one table."""
        hits = self._search(candidates)
        return hits.add_to(candidates, queries=self.names)

    def _search(self, df: pd.DataFrame) -> SearchHits:
        single = self.names is None
        rows = self._rows(df)
        hits = search(
            self.queries[0] if single else self.queries,
            rows,
            self.k,
            minus=self.minus,
            diverse=self.diverse,
            keywords=self._keywords(df),
        )
        if self.calibration is None:
            return hits
        return Calibration(rows, self.calibration.background, self.calibration.of_queries).add_to_hits(hits)

    def _rows(self, df: pd.DataFrame) -> VectorArray:
        array = vectors_in(df[self.column], self.dtype)
        if self.calibration is None:
            return array
        kinds = ["row"] * len(df) if self.kinds is None else column_of(df, self.kinds)
        return prepared(array, self.calibration.of_rows, kinds)

    def _keywords(self, df: pd.DataFrame) -> npt.NDArray[np.float64] | None:
        if self.hybrid is None:
            return None
        return keyword_table(df, self.hybrid, self.asking.query, self.statistics)
