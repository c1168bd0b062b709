"""Near duplicates, leaks between the parts of a split, and outliers, on Dask."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from mmembed.frames import column_of
from mmembed.vectors import VectorDtype

if TYPE_CHECKING:
    import dask.dataframe as dd


class DuplicateVerbs:
    """Near duplicates, leaks between the parts of a split, and outliers, on Dask."""

    _ddf: dd.DataFrame

    def duplicates(
        self, column: str, threshold: float = 0.95, *, across: str | None = None, kinds: str | None = None
    ) -> dd.DataFrame:
        """Return the rows that have near duplicates, group by group, with ``group`` and ``similarity``.

        Parameters as in ``df.mmembed.duplicates``. The pairs are computed at once, in blocks of rows with nearby
        centroids; the rows when the frame is computed. Up to 10,000 different rows, and wherever it is proven that the
        blocks hold every pair, the answer is that of pandas with an exact graph. Otherwise pairs may be missed:
        :func:`mmembed.distributed.find_duplicates` and ``find_leaks`` give the same with the ``recall``, measured on a
        sample, and below nine tenths there is a warning.

        Raises
        ------
        ValueError
            As on pandas, and if there are more than 20 million pairs.
        """
        vectors, groups = self._column(column), self._column_or_none(kinds)
        if across is not None:
            from mmembed.distributed.duplicates import find_leaks

            return find_leaks(vectors, self._column(across), threshold, kinds=groups).rows_of(self._ddf)
        from mmembed.distributed.duplicates import find_duplicates

        return find_duplicates(vectors, threshold, kinds=groups).rows_of(self._ddf)

    def duplicate_levels(
        self,
        column: str,
        levels: Sequence[float] | None = None,
        *,
        show: str | Sequence[str] | None = None,
        examples: int = 3,
        kinds: str | None = None,
    ) -> dd.DataFrame:
        """Return example pairs at several thresholds, to choose one for :meth:`duplicates`; computed at once.

        Parameters and columns as in ``df.mmembed.duplicate_levels``; a frame of one partition. Levels with more than 20
        million pairs are left out, with a warning.
        """
        import dask.dataframe as dd

        from mmembed.analysis.finding.duplicates import LEVELS
        from mmembed.distributed.levels import duplicate_levels

        meta = self._ddf._meta  # noqa: SLF001  Dask has no other name for it
        shown: list[Hashable]
        if show is None:
            shown = [name for name, dtype in meta.dtypes.items() if not isinstance(dtype, VectorDtype)]
        else:
            shown = [column_of(meta, name).name for name in ([show] if isinstance(show, str) else show)]
        table = duplicate_levels(
            self._ddf[shown],
            self._column(column),
            LEVELS if levels is None else levels,
            examples=examples,
            kinds=self._column_or_none(kinds),
        )
        found: dd.DataFrame = dd.from_pandas(table, npartitions=1)
        return found

    def deduplicate(
        self, column: str, threshold: float = 0.95, *, keep: str = "first", kinds: str | None = None
    ) -> dd.DataFrame:
        """Return the frame without near duplicates; of each group one row stays.

        Parameters as in ``df.mmembed.deduplicate``. The pairs are computed at once, as in :meth:`duplicates`.
        """
        from mmembed.distributed.duplicates import find_duplicates

        vectors, groups = self._column(column), self._column_or_none(kinds)
        prefer: Any = keep if keep in {"first", "last"} else self._column(keep)
        return find_duplicates(vectors, threshold, kinds=groups, prefer=prefer).drop_from(self._ddf)

    def outliers(
        self, column: str, k: int = 15, *, kinds: str | None = None, name: str = "outlier_score"
    ) -> dd.DataFrame:
        """Add ``outlier_score``: the local outlier factor, about 1 for a row that lies as its neighbours do.

        Parameters as in ``df.mmembed.outliers``. Up to 20,000 different rows the scores are those of pandas. Of more, a
        random sample of so many is read at once, and each row is compared with its neighbours in the sample: the scores
        put rows in nearly the order of the full ones, but a group of fewer than k rows of the sample may count as
        outliers.
        """
        from mmembed.distributed.outliers import find_outliers

        vectors, groups = self._column(column), self._column_or_none(kinds)
        return find_outliers(vectors, k, kinds=groups).add_to(self._ddf, name=name)

    def _column(self, column: str) -> dd.Series:
        found: dd.Series = self._ddf[column_of(self._ddf._meta, column).name]  # noqa: SLF001
        return found

    def _column_or_none(self, column: str | None) -> dd.Series | None:
        return None if column is None else self._column(column)
