"""The verbs that find rows, on Dask: search and join, near duplicates, leaks between the parts of a split, outliers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import pandas as pd
from dask.base import is_dask_collection

from mmembed.accessor import FrameAccessor
from mmembed.accessor.arguments import query_modality
from mmembed.accessor.copied_contents import Contents
from mmembed.accessor.find_verbs import SearchOptions
from mmembed.accessor.search_query import allowed_rows, check_search_columns, keyword_queries, reranking_of, row_query
from mmembed.distributed.columns import no_vectors, vector_dtype
from mmembed.distributed.copied_contents import ComparedTable, compared_by_column
from mmembed.distributed.partitions import each, frame_of, reduced
from mmembed.distributed.search import SearchPlan
from mmembed.distributed.twins import as_on_pandas
from mmembed.embedding.queries import embed_queries, is_many
from mmembed.frames import Written, column_of
from mmembed.vectors import VectorDtype

if TYPE_CHECKING:
    import dask.dataframe as dd

    from mmembed.analysis.finding.bm25 import KeywordStatistics
    from mmembed.analysis.finding.duplicate_threshold import Threshold
    from mmembed.distributed.duplicates import DistributedDuplicates


_PARTS_AT_ONCE = 8  # whose candidates are merged in one task


class SearchingVerbs:
    """Searching and joining on Dask: the answers of pandas, from partitions and pairs of them."""

    _ddf: dd.DataFrame

    @as_on_pandas(FrameAccessor.search)
    def search(self, query: Any, column: str, k: int = 10, **options: Unpack[SearchOptions]) -> dd.DataFrame:
        """Return the rows nearest to a query, best first, with their cosine similarity: a frame of one partition.

        The query is embedded at once. ``hybrid`` reads the texts at once, to count in how many each word is, and
        ``calibrate`` the vectors, to learn their means. All else happens when the frame is computed.

        Rows, order and numbers are those of pandas on the same rows in the same order. With ``calibrate``, means are
        summed in another order, and similarities may differ by 1e-6.

        Parameters
        ----------
        where : Dask Series of bool or callable, optional
            Of this frame, such as ``ddf["price"] < 100``, or a callable that makes one.
        index : None
            An index is of one pandas column; partitions are searched exactly.

        Raises
        ------
        ValueError
            If an index is given, or as on pandas.
        TypeError
            If where is no Dask Series of bool.
        """
        minus, hybrid, calibrate, kinds = options["minus"], options["hybrid"], options["calibrate"], options["kinds"]
        modality, embedder, where = options["modality"], options["embedder"], options["where"]
        meta = self._ddf._meta  # noqa: SLF001  Dask has no other name for it
        dtype = vector_dtype(self._ddf[column_of(meta, column).name])
        if options["index"] is not None:
            raise ValueError(
                "An index is of one pandas column, and this table has partitions, which are searched exactly. "
                "Leave index out."
            )
        for asked in (query, minus):
            _refuse_lazy(asked)
        empty, asking = no_vectors(dtype), row_query(query, meta, column)
        second = reranking_of(
            options["rerank"],
            meta,
            column,
            query if asking.is_row else asking.query,
            k,
            depth=options["rerank_depth"],
            on=options["rerank_on"],
            modality=modality,
            embedder=embedder,
            max_cost=options["max_cost"],
            is_row=asking.is_row,
        )
        is_scored = minus is not None or options["diverse"] is not None or hybrid is not None or second is not None
        many = is_many(asking.query)
        check_search_columns(meta, options["name"], many=many, scored=is_scored, calibrated=calibrate is not None)
        mask = None if where is None else self._mask(where)
        settings: dict[str, Any] = {"instruct": options["instruct"], "embedder": embedder}
        queries = embed_queries(asking.query, empty, modality=query_modality(asking.query, modality), **settings)
        unlike = None
        if minus is not None:
            unlike = embed_queries(minus, empty, modality=query_modality(minus, modality), **settings)
        calibration = None
        if calibrate is not None:
            from mmembed.distributed.search import learn_calibration

            dtypes = dtype, vector_dtype(self._ddf[column_of(meta, calibrate).name])
            calibration = learn_calibration(self._ddf, column, calibrate, dtypes=dtypes, kinds=kinds)
            queries = calibration.prepare(queries)
            unlike = None if unlike is None else calibration.prepare(unlike)
        elif kinds is not None:
            from mmembed.accessor.search_query import calibration_of

            calibration_of(meta, None, kinds, empty)  # which says what is missing
        plan = SearchPlan(
            asking,
            queries,
            column,
            dtype,
            k,
            minus=unlike,
            diverse=options["diverse"],
            hybrid=hybrid,
            statistics=None if hybrid is None else self._keyword_statistics(hybrid, asking.query),
            calibration=calibration,
            kinds=kinds,
            name=options["name"],
            reranking=second,
        )
        answer = plan.answer(meta)  # raises what any part would
        found: dd.DataFrame
        if mask is None:
            found = self._ddf.map_partitions(plan.candidates, meta=meta)
        else:
            found = frame_of(each(plan.candidates, self._ddf, mask), meta, self._ddf.divisions)
        hits: dd.DataFrame = found.reduction(
            _themselves,
            aggregate=plan.answer,
            combine=plan.candidates,
            meta=answer,
            split_every=_PARTS_AT_ONCE,
            token="mmembed-search",  # noqa: S106  the first part of the tasks' names
        )
        return hits

    @as_on_pandas(FrameAccessor.join)
    def join(
        self,
        other: dd.DataFrame | pd.DataFrame,
        left_on: str,
        right_on: str | None = None,
        k: int = 1,
        *,
        threshold: float | None = None,
        one_to_one: bool = False,
        suffixes: tuple[str, str] = ("", "_right"),
        name: str | None = None,
    ) -> dd.DataFrame:
        """Return the pairs of a row and its k most similar rows of another frame, with their ``similarity``.

        Pairs, order and numbers are those of pandas, in the partitions of this frame. Each partition of one frame is
        compared with each of the other, so memory is that of two partitions and time grows with the product of the
        rows. With ``one_to_one`` the k partners of all rows come together in one task, for the matching is of the
        whole: some 20 bytes for each.

        Parameters
        ----------
        other : dask DataFrame or pandas DataFrame
            The frame to find partners in.
        """
        from mmembed.distributed.join import JoinPlan, join_blocks

        options = {"k": k, "threshold": threshold, "one_to_one": one_to_one, "suffixes": suffixes, "name": name}
        return join_blocks(self._ddf, other, JoinPlan.of(self._ddf, other, left_on, right_on, **options))

    def _mask(self, where: Any) -> dd.Series:
        """Return a mask of this frame's partitions."""
        import dask.dataframe as dd

        mask = where(self._ddf) if callable(where) else where
        if isinstance(mask, dd.DataFrame):
            mask = mask._meta  # noqa: SLF001
        if not isinstance(mask, dd.Series):
            allowed_rows(self._ddf._meta, mask if isinstance(mask, pd.DataFrame | str) else None, None)  # noqa: SLF001
            raise TypeError(
                f"where={type(mask).__name__} is no Dask Series, so its rows cannot be put beside the partitions. "
                "Make it from this frame, such as ddf['price'] < 100."
            )
        if mask.npartitions != self._ddf.npartitions:
            raise ValueError("where has other partitions than the frame. Make the mask from this frame.")
        return mask

    def _keyword_statistics(self, hybrid: str, query: Any) -> KeywordStatistics:
        from mmembed.analysis.finding.bm25 import keyword_statistics

        queries = keyword_queries(hybrid, query)
        texts = self._ddf[column_of(self._ddf._meta, hybrid).name]  # noqa: SLF001
        return reduced(each(keyword_statistics, texts, queries=queries))


def _themselves(part: pd.DataFrame) -> pd.DataFrame:
    return part


def _refuse_lazy(query: Any) -> None:
    if is_dask_collection(query):
        raise TypeError(
            f"The query is a lazy {type(query).__name__}. Compute it first: query.compute(); "
            "one row is ddf.loc[label].compute().iloc[0]."
        )


class DuplicateVerbs:
    """Near duplicates, leaks between the parts of a split, and outliers, on Dask."""

    _ddf: dd.DataFrame

    @as_on_pandas(FrameAccessor.duplicates)
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
    ) -> dd.DataFrame:
        """Return the rows that have near duplicates, group by group, with ``group`` and ``similarity``.

        The pairs are computed at once, in blocks of rows with nearby
        centroids; the rows when the frame is computed. Up to 10,000 different rows, and wherever it is proven that the
        blocks hold every pair, the answer is that of pandas with an exact graph. Otherwise pairs may be missed:
        :func:`mmembed.distributed.find_duplicates` and ``find_leaks`` give the same with the ``recall``, measured on a
        sample, and below nine tenths there is a warning.

        Contents are compared in tables of up to 10,000 rows, which come into this process for it. Of more rows the
        vectors alone tell, with a warning where there are contents that pandas would compare.

        Raises
        ------
        ValueError
            As on pandas, if there are more than 20 million pairs, and if contents are named of more than 10,000 rows.
        """
        vectors, groups = self._column(column), self._column_or_none(kinds)
        Written.by("duplicates", name).check(self._ddf._meta)  # noqa: SLF001
        from mmembed.distributed import duplicates as found

        compared = compared_by_column(self._ddf, column, contents, threshold, root=root)
        if across is not None:
            parts = self._column(across)
            leaks = (
                found.find_leaks(vectors, parts, threshold, kinds=groups)
                if compared is None
                else found.find_compared_leaks(compared, parts, kinds=groups)
            )
            return leaks.rows_of(self._ddf, name=name)
        return _duplicates_of(compared, vectors, threshold, groups).rows_of(self._ddf, name=name)

    @as_on_pandas(FrameAccessor.duplicate_levels)
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
    ) -> dd.DataFrame:
        """Return example pairs at several thresholds, to choose one for :meth:`duplicates`; computed at once.

        A frame of one partition, with the columns of pandas. Levels with more than 20
        million pairs are left out, with a warning. Contents are compared as in :meth:`duplicates`.
        """
        import dask.dataframe as dd

        from mmembed.distributed.duplicates import duplicate_levels

        meta = self._ddf._meta  # noqa: SLF001  Dask has no other name for it
        shown: list[Hashable]
        if show is None:
            shown = [name for name, dtype in meta.dtypes.items() if not isinstance(dtype, VectorDtype)]
        else:
            shown = [column_of(meta, name).name for name in ([show] if isinstance(show, str) else show)]
        table = duplicate_levels(
            self._ddf[shown],
            self._column(column),
            levels,
            examples=examples,
            kinds=self._column_or_none(kinds),
            compared=compared_by_column(self._ddf, column, contents, "auto", root=root),
        )
        found: dd.DataFrame = dd.from_pandas(table, npartitions=1)
        return found

    @as_on_pandas(FrameAccessor.deduplicate)
    def deduplicate(
        self,
        column: str,
        threshold: Threshold = "auto",
        *,
        keep: str = "first",
        kinds: str | None = None,
        contents: Contents = None,
        root: Path | str | None = None,
    ) -> dd.DataFrame:
        """Return the frame without near duplicates; of each group one row stays.

        The pairs are computed at once, and contents are compared, as in :meth:`duplicates`.

        Warns
        -----
        UserWarning
            If more than a fifth of the rows go, of which some are not equal; tells the least similar pair. If near
            pairs were missed, as in :meth:`duplicates`.
        """
        from mmembed.analysis.finding.duplicates import tell_many_dropped

        vectors, groups = self._column(column), self._column_or_none(kinds)
        prefer: Any = keep if keep in {"first", "last"} else self._column(keep)
        compared = compared_by_column(self._ddf, column, contents, threshold, root=root)
        found = _duplicates_of(compared, vectors, threshold, groups, prefer)
        tell_many_dropped(found.among, sum(found.pairing.counts), found.positions, stacklevel=4)
        return found.drop_from(self._ddf)

    @as_on_pandas(FrameAccessor.outliers)
    def outliers(
        self, column: str, k: int | None = None, *, kinds: str | None = None, name: str = "outlier_score"
    ) -> dd.DataFrame:
        """Add ``outlier_score``: about 1 for a row that lies as others do, more for one that belongs to no others.

        Up to 20,000 different rows the scores are those of pandas. Of more, a
        random sample of so many is read at once, and each row is compared with its neighbours in the sample: the scores
        put rows in nearly the order of the full ones, but a group of fewer than 100 rows of the sample (or k) may count
        as outliers.
        """
        from mmembed.distributed.outliers import find_outliers

        vectors, groups = self._column(column), self._column_or_none(kinds)
        Written.by("outliers", name).check(self._ddf._meta)  # noqa: SLF001
        return find_outliers(vectors, k, kinds=groups).add_to(self._ddf, name=name)

    def _column(self, column: str) -> dd.Series:
        found: dd.Series = self._ddf[column_of(self._ddf._meta, column).name]  # noqa: SLF001
        return found

    def _column_or_none(self, column: str | None) -> dd.Series | None:
        return None if column is None else self._column(column)


def _duplicates_of(
    compared: ComparedTable | None,
    vectors: dd.Series,
    threshold: Threshold,
    kinds: dd.Series | None,
    prefer: Any = "first",
) -> DistributedDuplicates:
    """Return the groups by contents where these are compared, and otherwise by the vectors alone."""
    from mmembed.distributed.duplicates import find_compared_duplicates, find_duplicates

    if compared is None:
        return find_duplicates(vectors, threshold, kinds=kinds, prefer=prefer)
    return find_compared_duplicates(compared, kinds=kinds, prefer=prefer)
