"""What ``rerank=`` of a search means: contents that are read, for which queries, and hits in the order of scores."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.accessor.arguments import contents_column, query_modality
from mmembed.contents.content import Modality
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.queries import is_many
from mmembed.embedding.reranker import Reranker, Score, reranker_of, score_hits
from mmembed.errors import EmbeddingWarning
from mmembed.frames import column_of
from mmembed.vectors import Vector

if TYPE_CHECKING:
    from mmembed.analysis.finding.search import SearchHits


@dataclass(frozen=True)
class Reranking:
    """A second look at the hits of a search.

    Attributes
    ----------
    rerank : Reranker or callable
        What scores a query with contents.
    column : str
        The column of contents that it reads.
    modality, query_modality : str
        How cells and queries are read.
    queries : list
        The queries as contents.
    k, depth : int
        How many hits stay, of how many.
    root : path, optional
    max_cost : float, optional
        The most that it may cost, in CNY.
    """

    rerank: Reranker | Score
    column: str
    modality: Modality
    query_modality: Modality
    queries: list[Any]
    k: int
    depth: int
    root: Path | str | None = None
    max_cost: float | None = None

    @classmethod
    def of(
        cls,
        rerank: Any,
        df: pd.DataFrame,
        vector_column: str,
        query: Any,
        k: int,
        *,
        depth: int,
        on: str | Mapping[str, Modality] | None,
        modality: Modality,
        embedder: Embedder | None,
        max_cost: float | None,
        is_row: bool,
    ) -> Self:
        """Check the arguments of a search before anything is embedded or sent.

        Raises
        ------
        ValueError
            If no column of contents is known, a query is a vector, or depth is too small.
        """
        used = reranker_of(rerank, embedder)
        if depth < 1:
            raise ValueError(f"rerank_depth={depth} reranks no row. Give at least 1.")
        column, how = contents_column(df.columns, vector_column, on, reader="rerank", read="hits")
        column_of(df, column)
        if is_row:
            queries, asked_as = [query[column]], how
        else:
            queries = list(query) if is_many(query) else [query]
            asked_as = query_modality(query, modality)
        if any(isinstance(one, Vector | np.ndarray) and getattr(one, "ndim", 1) == 1 for one in queries):
            raise ValueError(
                "rerank reads the query itself, and a vector has nothing to read. Ask with a text or a picture."
            )
        root = getattr(embedder, "root", None) or getattr(used, "root", None)
        return cls(used, column, how, asked_as, queries, k, max(k, depth), root, max_cost)

    def apply(self, hits: SearchHits, df: pd.DataFrame) -> SearchHits:
        """Return the k hits of each query with the highest scores, best first; ``score`` is what the order follows.

        Warns
        -----
        EmbeddingWarning
            If hits have no score; they follow those that have one, in the order that they had.
        """
        positions = hits.positions
        cells = column_of(df, self.column)
        found = [row[row >= 0] for row in positions]
        of_queries, failures = score_hits(
            self.rerank,
            self.queries,
            [cells.iloc[row].tolist() for row in found],
            modality=self.modality,
            query_modality=self.query_modality,
            root=self.root,
            max_cost=self.max_cost,
        )
        if failures:
            warnings.warn(
                f"{len(failures)} hits have no score of the reranker and follow those that have one; the first: "
                f"{failures[0]}",
                EmbeddingWarning,
                stacklevel=3,
            )
        scores = np.full(positions.shape, np.nan, np.float32)
        scores[positions >= 0] = np.concatenate([*of_queries, np.zeros(0, np.float32)])
        order = self._order(scores, positions)
        return replace(
            hits,
            positions=np.take_along_axis(positions, order, axis=1),
            similarities=np.take_along_axis(hits.similarities, order, axis=1),
            scores={
                **{name: np.take_along_axis(values, order, axis=1) for name, values in hits.scores.items()},
                "score": np.take_along_axis(scores, order, axis=1),
            },
        )

    def _order(self, scores: npt.NDArray[np.float32], positions: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
        keys = np.where(np.isnan(scores), np.inf, -scores)
        keys[positions < 0] = np.inf
        order = np.lexsort(
            (np.broadcast_to(np.arange(positions.shape[1]), positions.shape), positions < 0, keys), axis=1
        )
        return order[:, : self.k]
