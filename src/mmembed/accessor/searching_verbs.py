"""Searching and joining: what is similar to a query, or to the rows of another frame."""

from __future__ import annotations

from typing import Any

import pandas as pd

from mmembed.accessor.arguments import column_of, query_modality
from mmembed.embedding.content import Modality
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.querying import embed_queries, is_many
from mmembed.vectors import as_vector_array


class SearchingVerbs:
    """Searching and joining: what is similar to a query, or to the rows of another frame."""

    _df: pd.DataFrame

    def search(
        self,
        query: Any,
        column: str,
        k: int = 10,
        *,
        modality: Modality = "auto",
        instruct: str | None = None,
        embedder: Embedder | None = None,
    ) -> pd.DataFrame:
        """Return the rows nearest to a query, best first, with their cosine similarity.

        Parameters
        ----------
        query : str, path, picture, Vector, ndarray, or a list of these
            Contents are embedded with the column's own model. A list gives a long frame with ``query`` and ``rank``.
        column : str
            A vector column.
        k : int
            How many rows; fewer if fewer have a vector.
        modality : str
            How a query that is no vector is read. A string is a text unless this says otherwise.
        instruct : str, optional
            What the query is for, in English, for models that take it; another one than the column's is allowed.
        embedder : Embedder, optional
            Settings for embedding the query; the column's model if not given.
        """
        from mmembed.analysis.searching import search

        vectors = as_vector_array(column_of(self._df, column))
        queries = embed_queries(
            query, vectors, modality=query_modality(query, modality), instruct=instruct, embedder=embedder
        )
        if is_many(query):
            return search(queries, vectors, k).add_to(self._df, queries=list(query))
        return search(queries[0], vectors, k).add_to(self._df)

    def join(
        self,
        other: pd.DataFrame,
        left_on: str,
        right_on: str | None = None,
        k: int = 1,
        *,
        threshold: float | None = None,
        one_to_one: bool = False,
        suffixes: tuple[str, str] = ("", "_right"),
    ) -> pd.DataFrame:
        """Return the pairs of a row and its k most similar rows of another frame, with their ``similarity``.

        Parameters
        ----------
        other : pandas.DataFrame
            The frame to find partners in.
        left_on, right_on : str
            The vector columns of this frame and of the other; one name for both if right_on is not given.
        k : int
            Partners of each row, at least 1.
        threshold : float, optional
            Least cosine similarity, from -1 to 1; rows without such a partner are left out.
        one_to_one : bool
            Use no row of either frame twice: the best matching among the k most similar partners of each row. A
            greater k allows more rows to be paired.
        suffixes : pair of str
            Added to the names that both frames have.

        Returns
        -------
        pandas.DataFrame
            One row a pair, in the order of this frame and under its index labels.
        """
        from mmembed.analysis.joining import join

        left = column_of(self._df, left_on)
        right = column_of(other, left_on if right_on is None else right_on)
        return join(left, right, k, threshold=threshold, one_to_one=one_to_one).add_to(
            self._df, other, suffixes=suffixes
        )
