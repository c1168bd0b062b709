"""Near duplicates, leaks between the parts of a split, and outliers: what to look at before trusting a table."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from mmembed.frames import column_of


class DuplicateVerbs:
    """Near duplicates, leaks between the parts of a split, and outliers."""

    _df: pd.DataFrame

    def duplicates(
        self, column: str, threshold: float = 0.95, *, across: str | None = None, kinds: str | None = None
    ) -> pd.DataFrame:
        """Return the rows that have near duplicates, group by group, with ``group`` and ``similarity``.

        Parameters
        ----------
        column : str
            A vector column.
        threshold : float
            Least cosine similarity. It depends on the model: :meth:`duplicate_levels` shows pairs at several levels.
        across : str, optional
            A column that names the part of a split, such as train and test. Then each group is a pair: a row and its
            nearest duplicate in another part. :func:`mmembed.find_leaks` counts them by part.
        kinds : str, optional
            A column that says which kind of content each row's vector is of; each kind's mean is removed first.

        Returns
        -------
        pandas.DataFrame
            Each group's representative first, then its members with their similarity to it, from near to far.
        """
        vectors, groups = column_of(self._df, column), _column_or_none(self._df, kinds)
        if across is not None:
            from mmembed.analysis.finding.leaks import find_leaks

            return find_leaks(vectors, column_of(self._df, across), threshold, kinds=groups).rows_of(self._df)
        from mmembed.analysis.finding.duplicates import find_duplicates

        return find_duplicates(vectors, threshold, kinds=groups).rows_of(self._df)

    def duplicate_levels(
        self,
        column: str,
        levels: Sequence[float] | None = None,
        *,
        show: str | Sequence[str] | None = None,
        examples: int = 3,
        kinds: str | None = None,
    ) -> pd.DataFrame:
        """Return example pairs at several thresholds, to choose one for :meth:`duplicates` and :meth:`deduplicate`.

        Parameters
        ----------
        column : str
            A vector column.
        levels : sequence of float, optional
            Thresholds to try; 0.99 to 0.8 without it.
        show : str or list of str, optional
            The columns to show of both rows of a pair; all but vector columns without it.
        examples : int
            Pairs of each level, the least similar ones that it would still call duplicates.
        kinds : str, optional
            As in :meth:`duplicates`.

        Returns
        -------
        pandas.DataFrame
            ``level``, ``dropped`` (rows that :meth:`deduplicate` would drop), ``similarity``, and each shown column
            twice, ``…_left`` and ``…_right``.
        """
        from mmembed.analysis.finding.duplicates import LEVELS, duplicate_levels
        from mmembed.vectors import VectorDtype

        shown: list[Hashable]
        if show is None:
            shown = [name for name, dtype in self._df.dtypes.items() if not isinstance(dtype, VectorDtype)]
        else:
            shown = [column_of(self._df, name).name for name in ([show] if isinstance(show, str) else show)]
        vectors, groups = column_of(self._df, column), _column_or_none(self._df, kinds)
        found = duplicate_levels(vectors, LEVELS if levels is None else levels, examples=examples, kinds=groups)
        return found.examples(self._df, shown)

    def deduplicate(
        self, column: str, threshold: float = 0.95, *, keep: str = "first", kinds: str | None = None
    ) -> pd.DataFrame:
        """Return the frame without near duplicates; of each group one row stays.

        Parameters
        ----------
        column : str
            A vector column; rows without a vector stay.
        threshold : float
            Least cosine similarity of a dropped row with the row that stays for it.
        keep : {"first", "last"} or str
            Which row of a group stays: the first or the last one, or the name of a column: the row with the greatest
            value there (the longest text, the latest date).
        kinds : str, optional
            As in :meth:`duplicates`.
        """
        from mmembed.analysis.finding.duplicates import find_duplicates

        vectors, groups = column_of(self._df, column), _column_or_none(self._df, kinds)
        prefer: Any
        if keep in ("first", "last"):
            prefer = None if keep == "first" else range(len(self._df))
        else:
            prefer = column_of(self._df, keep)
        return find_duplicates(vectors, threshold, kinds=groups, prefer=prefer).drop_from(self._df)

    def outliers(
        self, column: str, k: int = 15, *, kinds: str | None = None, name: str = "outlier_score"
    ) -> pd.DataFrame:
        """Add ``outlier_score``: the local outlier factor, about 1 for a row that lies as its neighbours do.

        Parameters
        ----------
        column : str
            A vector column; a row without a vector has no score.
        k : int
            Neighbours to compare with. A group of k rows or fewer may count as outliers.
        kinds : str, optional
            As in :meth:`duplicates`.
        name : str
            Name of the new column.
        """
        from mmembed.analysis.finding.outliers import find_outliers

        vectors, groups = column_of(self._df, column), _column_or_none(self._df, kinds)
        return find_outliers(vectors, k, kinds=groups).add_to(self._df, name=name)


def _column_or_none(df: pd.DataFrame, column: str | None) -> pd.Series | None:
    return None if column is None else column_of(df, column)
