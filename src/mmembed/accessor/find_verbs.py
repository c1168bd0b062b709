"""The verbs that find rows: search and join, near duplicates, leaks between the parts of a split, outliers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import pandas as pd

from mmembed.accessor.arguments import query_modality
from mmembed.accessor.copied_contents import Contents, alike_by_contents
from mmembed.accessor.search_query import (
    allowed_rows,
    calibration_of,
    check_alone,
    check_search_columns,
    keyword_table,
    reranking_of,
    row_query,
)
from mmembed.contents.content import Modality
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.queries import embed_queries, is_many
from mmembed.frames import Written, column_of
from mmembed.vectors import as_vector_array

if TYPE_CHECKING:
    from mmembed.analysis.finding.copied_pairs import Alike
    from mmembed.analysis.finding.duplicate_threshold import Threshold
    from mmembed.analysis.finding.duplicates import Duplicates
    from mmembed.analysis.finding.index import VectorIndex


class SearchOptions(TypedDict, total=False):
    """What :meth:`SearchingVerbs.search` takes by keyword, for the verb on Dask."""

    modality: Modality
    where: Any
    minus: Any
    diverse: float | None
    hybrid: str | None
    calibrate: str | None
    kinds: str | None
    index: VectorIndex | None
    instruct: str | None
    embedder: Embedder | None
    rerank: Any
    rerank_depth: int
    rerank_on: str | Mapping[str, Modality] | None
    max_cost: float | None
    name: str | None


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
        where: Any = None,
        minus: Any = None,
        diverse: float | None = None,
        hybrid: str | None = None,
        calibrate: str | None = None,
        kinds: str | None = None,
        index: VectorIndex | None = None,
        instruct: str | None = None,
        embedder: Embedder | None = None,
        rerank: Any = None,
        rerank_depth: int = 40,
        rerank_on: str | Mapping[str, Modality] | None = None,
        max_cost: float | None = None,
        name: str | None = None,
    ) -> pd.DataFrame:
        """Return the rows nearest to a query, best first, with their cosine similarity.

        Parameters
        ----------
        query : str, path, picture, Vector, ndarray, a row of the frame, or a list of these
            Contents are embedded with the column's own model. A list gives a long frame with ``query`` and ``rank``.
            A row (``df.loc[label]`` or ``df.iloc[3]``) asks for others like it and is not among the hits.
        column : str
            A vector column.
        k : int
            How many rows; fewer if fewer have a vector.
        modality : str
            How a query that is no vector is read. A string is a text unless this says otherwise.
        where : Series or array of bool, or callable, optional
            Only rows where it is True are found, such as ``df["price"] < 100`` or ``lambda df: df["price"] < 100``.
        minus : as query, optional
            What the hits are not to be like; see :func:`mmembed.search`. Adds ``score``, which the order follows.
        diverse : float, optional
            From 0 to 1: hits that are unlike each other. Adds ``score``.
        hybrid : str, optional
            A column of texts: keywords count beside meaning (BM25 and reciprocal rank fusion), for queries that are
            texts. A row gains by them as much as its text has of the query: fully where it has a rare name or a code,
            little where it has a common word, nothing by stop words. Chinese texts need no segmentation. Adds
            ``score``.
        calibrate : str, optional
            A vector column of contents of the query's kind, such as captions where a text asks for pictures. The mean
            of each kind is removed first, and ``percentile`` is added: the share of random pairs of that column and
            this one that are less similar. ``similarity`` then is the cosine without the means.
        kinds : str, optional
            With calibrate, a column that says of which kind each row is, where kinds are mixed.
        index : VectorIndex, optional
            What :func:`mmembed.build_index` made of this column: approximate search, for millions of rows. It goes
            with no other option.
        instruct : str, optional
            What the query is for, in English, for models that take it; another one than the column's is allowed.
        embedder : Embedder, optional
            Settings for embedding the query; the column's model if not given.
        rerank : str, Reranker or callable, optional
            What reads the query and the contents of the first hits together, and puts them in order: a model of the
            service (``"qwen3-vl-rerank"``, which is asked with the key and the workspace of ``embedder``), a
            :class:`mmembed.Reranker` with settings, a ``CrossEncoder``, or a callable ``rerank(query, documents)``
            that returns a score for each. Adds ``score``, which the order follows; ``similarity`` stays.
        rerank_depth : int
            How many of the most similar rows it looks at, at least k.
        rerank_on : str or {column: modality}, optional
            The column of contents that it reads; ``x`` for the vectors ``x_vector`` if not given.
        max_cost : float, optional
            The most that reranking may cost, in CNY; refused before it begins if its lowest price is over it.
        name : str, optional
            First part of other names for the new columns, where the frame has columns of its own that are called so:
            with ``"hit"``, ``hit_query``, ``hit_rank``, ``hit_similarity``, ``hit_score`` and ``hit_percentile``.

        Raises
        ------
        ColumnExistsError
            If the frame has a column of one of these names that no search wrote.
        """
        from mmembed.analysis.finding.search import search

        vectors = as_vector_array(column_of(self._df, column))
        asking = row_query(query, self._df, column)
        many = is_many(asking.query)
        second = reranking_of(
            rerank,
            self._df,
            column,
            query if asking.is_row else asking.query,
            k,
            depth=rerank_depth,
            on=rerank_on,
            modality=modality,
            embedder=embedder,
            max_cost=max_cost,
            is_row=asking.is_row,
        )
        is_scored = minus is not None or diverse is not None or hybrid is not None or second is not None
        wanted = k if second is None else second.depth
        check_search_columns(self._df, name, many=many, scored=is_scored, calibrated=calibrate is not None)
        allowed = allowed_rows(self._df, where, asking.itself(self._df, vectors))
        settings: dict[str, Any] = {"instruct": instruct, "embedder": embedder}
        queries = embed_queries(asking.query, vectors, modality=query_modality(asking.query, modality), **settings)
        unlike = None
        if minus is not None:
            unlike = embed_queries(minus, vectors, modality=query_modality(minus, modality), **settings)
        keywords = None if hybrid is None else keyword_table(self._df, hybrid, asking.query)
        calibration = calibration_of(self._df, calibrate, kinds, vectors)
        if calibration is not None:
            queries, vectors = calibration.prepare(queries), calibration.rows
            unlike = None if unlike is None else calibration.prepare(unlike)
        if index is not None:
            check_alone("index", where=allowed, minus=minus, diverse=diverse, hybrid=hybrid, calibrate=calibrate)
            found = index.search(queries if many else queries[0], vectors, wanted)
            found = found if second is None else second.apply(found, self._df)
            return found.add_to(self._df, queries=list(asking.query) if many else None, name=name)
        hits = search(
            queries if many else queries[0],
            vectors,
            wanted,
            where=allowed,
            minus=unlike,
            diverse=diverse,
            keywords=keywords,
        )
        if calibration is not None:
            hits = calibration.add_to_hits(hits)
        if second is not None:
            hits = second.apply(hits, self._df)
        return hits.add_to(self._df, queries=list(asking.query) if many else None, name=name)

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
        name: str | None = None,
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
        name : str, optional
            First part of another name for ``similarity``: ``<name>_similarity``.

        Returns
        -------
        pandas.DataFrame
            One row a pair, in the order of this frame and under its index labels.
        """
        from mmembed.analysis.finding.join import join

        left = column_of(self._df, left_on)
        right = column_of(other, left_on if right_on is None else right_on)
        return join(left, right, k, threshold=threshold, one_to_one=one_to_one).add_to(
            self._df, other, suffixes=suffixes, name=name
        )


class DuplicateVerbs:
    """Near duplicates, leaks between the parts of a split, and outliers."""

    _df: pd.DataFrame

    def duplicates(
        self,
        column: str,
        threshold: Threshold = "auto",
        *,
        across: str | None = None,
        kinds: str | None = None,
        contents: Contents = None,
        root: Path | str | None = None,
        name: str | None = None,
    ) -> pd.DataFrame:
        """Return the rows that have near duplicates, group by group, with ``group`` and ``similarity``.

        Parameters
        ----------
        column : str
            A vector column.
        threshold : float or "auto"
            Least cosine similarity. What is a copy depends on the model and on the kind of content, so ``"auto"`` finds
            the level where copies stand apart from other pairs of this table. By ``contents`` it is the level above
            which pairs are copies; where no level parts these, as with the local model's pictures, they are taken
            themselves. Without contents it is read from the vectors, and where nothing stands apart the nearest pairs
            alone are taken. :func:`mmembed.find_duplicates` tells which one it was and how it was found;
            :meth:`duplicate_levels` shows pairs at several levels.
        across : str, optional
            A column that names the part of a split, such as train and test. Then each group is a pair: a row and its
            nearest duplicate in another part. :func:`mmembed.find_leaks` counts them by part.
        kinds : str, optional
            A column that says which kind of content each row's vector is of; each kind's mean is removed first.
        contents : str, {column: modality} or False, optional
            The column that the vectors were made of, for ``"auto"``: texts are copies by their letters, pictures by
            their pixels. Without it that is ``x`` for ``x_vector`` where its cells are texts, or pictures in memory;
            files are opened where the column is declared, ``contents={"photo": "image"}``, and addresses never.
            False: what is alike by its meaning counts, such as translations.
        root : path, optional
            Folder that relative file names start from.
        name : str, optional
            First part of other names for the new columns: ``<name>_group`` and ``<name>_similarity``.

        Returns
        -------
        pandas.DataFrame
            Each group's representative first, then its members with their similarity to it, from near to far.
        """
        vectors, groups = column_of(self._df, column), _column_or_none(self._df, kinds)
        Written.by("duplicates", name).check(self._df)
        alike = alike_by_contents(self._df, column, contents, threshold, root=root)
        if across is not None:
            from mmembed.analysis.finding.leaks import find_leaks

            leaks = find_leaks(vectors, column_of(self._df, across), threshold, kinds=groups, alike=alike)
            return leaks.rows_of(self._df, name=name)
        from mmembed.analysis.finding.duplicates import find_duplicates

        return find_duplicates(vectors, threshold, kinds=groups, alike=alike).rows_of(self._df, name=name)

    def duplicate_levels(
        self,
        column: str,
        levels: Sequence[float] | None = None,
        *,
        show: str | Sequence[str] | None = None,
        examples: int = 3,
        kinds: str | None = None,
        contents: Contents = None,
        root: Path | str | None = None,
    ) -> pd.DataFrame:
        """Return example pairs at several thresholds, to choose one for :meth:`duplicates` and :meth:`deduplicate`.

        Parameters
        ----------
        column : str
            A vector column.
        levels : sequence of float, optional
            Thresholds to try; without it the one of ``threshold="auto"`` and some about it.
        show : str or list of str, optional
            The columns to show of both rows of a pair; all but vector columns without it.
        examples : int
            Pairs of each level, the least similar ones that it would still call duplicates.
        kinds, contents, root : optional
            As in :meth:`duplicates`. Where no level parts copies from other pairs, none is suggested.

        Returns
        -------
        pandas.DataFrame
            ``level``, ``suggested`` (whether it is the one of ``threshold="auto"``), ``dropped`` (rows that
            :meth:`deduplicate` would drop), ``similarity``, and each shown column twice, ``…_left`` and ``…_right``.
        """
        from mmembed.analysis.finding.duplicates import duplicate_levels
        from mmembed.vectors import VectorDtype

        shown: list[Hashable]
        if show is None:
            shown = [name for name, dtype in self._df.dtypes.items() if not isinstance(dtype, VectorDtype)]
        else:
            shown = [column_of(self._df, name).name for name in ([show] if isinstance(show, str) else show)]
        vectors, groups = column_of(self._df, column), _column_or_none(self._df, kinds)
        alike = alike_by_contents(self._df, column, contents, root=root)
        found = duplicate_levels(vectors, levels, examples=examples, kinds=groups, alike=alike)
        return found.examples(self._df, shown)

    def deduplicate(
        self,
        column: str,
        threshold: Threshold = "auto",
        *,
        keep: str = "first",
        kinds: str | None = None,
        contents: Contents = None,
        root: Path | str | None = None,
    ) -> pd.DataFrame:
        """Return the frame without near duplicates; of each group one row stays.

        Parameters
        ----------
        column : str
            A vector column; rows without a vector stay.
        threshold : float or "auto"
            Least cosine similarity of a dropped row with the row that stays for it; ``"auto"`` as in
            :meth:`duplicates`.
        keep : {"first", "last"} or str
            Which row of a group stays: the first or the last one, or the name of a column: the row with the greatest
            value there (the longest text, the latest date).
        kinds, contents, root : optional
            As in :meth:`duplicates`.

        Warns
        -----
        UserWarning
            If more than a fifth of the rows go, of which some are not equal; tells the least similar pair. If some go
            that are not equal, and nothing says that they are copies.
        """
        from mmembed.analysis.finding.duplicates import tell_many_dropped

        alike = alike_by_contents(self._df, column, contents, threshold, root=root)
        found = duplicates_to_drop(self._df, column, threshold, keep=keep, kinds=kinds, alike=alike)
        tell_many_dropped(found, len(self._df), stacklevel=3)
        return found.drop_from(self._df)

    def outliers(
        self, column: str, k: int | None = None, *, kinds: str | None = None, name: str = "outlier_score"
    ) -> pd.DataFrame:
        """Add ``outlier_score``: about 1 for a row that lies as others do, more for one that belongs to no others.

        Parameters
        ----------
        column : str
            A vector column; a row without a vector has no score.
        k : int, optional
            With it the score is the local outlier factor of so many neighbours, which takes a handful of foreign rows
            that are alike for normal. Without it the distance to the two hundredth neighbour counts, too.
        kinds : str, optional
            As in :meth:`duplicates`.
        name : str
            Name of the new column.
        """
        from mmembed.analysis.finding.outliers import find_outliers

        vectors, groups = column_of(self._df, column), _column_or_none(self._df, kinds)
        Written.by("outliers", name).check(self._df)
        return find_outliers(vectors, k, kinds=groups).add_to(self._df, name=name)


def duplicates_to_drop(
    df: pd.DataFrame, column: str, threshold: Threshold, *, keep: str, kinds: str | None, alike: Alike | None
) -> Duplicates:
    """Return the groups of which one row stays, which is the first, the last or the greatest in a column."""
    from mmembed.analysis.finding.duplicates import find_duplicates

    prefer: Any = {"first": None, "last": range(len(df))}
    prefer = prefer[keep] if keep in prefer else column_of(df, keep)
    groups = _column_or_none(df, kinds)
    return find_duplicates(column_of(df, column), threshold, kinds=groups, prefer=prefer, alike=alike)


def _column_or_none(df: pd.DataFrame, column: str | None) -> pd.Series | None:
    return None if column is None else column_of(df, column)
