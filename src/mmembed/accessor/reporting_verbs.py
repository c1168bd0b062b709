"""Reports: the verb that writes a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from mmembed.accessor.mixed_kinds import Kinds, kinds_of_rows
from mmembed.accessor.naming_arguments import naming_embedder
from mmembed.frames import as_list, column_of

if TYPE_CHECKING:
    from mmembed.embedding.run import EmbeddingRun
    from mmembed.report.report import Report


class ReportingVerbs:
    """Reports: the verb that writes a page."""

    _df: pd.DataFrame

    def report(
        self,
        column: str,
        *,
        text: str | Sequence[str] | None = None,
        kinds: Kinds = None,
        image: str | None = None,
        video: str | None = None,
        title: str | None = None,
        language: Literal["auto", "zh", "en"] = "auto",
        breakdown: str | None = None,
        date: str | None = None,
        duplicates: Any = None,
        outliers: Any = None,
        label_issues: Any = None,
        run: EmbeddingRun | Sequence[EmbeddingRun] | None = None,
        compare: Any = None,
        random_state: int | None = None,
        budget_bytes: int = 8_000_000,
        max_points: int = 100_000,
        root: Path | str | None = None,
    ) -> Report:
        """Return a report on the clusters of a vector column: one offline HTML page.

        Clusters and map are taken from the frame; where they are missing they are computed with the default settings,
        and the report says so.

        Parameters
        ----------
        column : str
            A vector column.
        text : str or list of str, optional
            Columns of texts to show.
        kinds : str or False, optional
            For clusters and map that are computed: as in :meth:`cluster`. Kinds that are mixed in the column are seen,
            and the mean of each is removed.
        image, video : str, optional
            Columns of pictures and clips to show as thumbnails. Files that their cells name are read, and those of no
            other column.
        title : str, optional
            Title of the page.
        language : {"auto", "zh", "en"}
            Language of the page; by default that of most of the texts.
        breakdown : str, optional
            A column whose shares each cluster's card shows.
        date : str, optional
            A column of dates that each cluster's card counts over time.
        duplicates, outliers, label_issues : column, values or result, optional
            What :meth:`duplicates`, :meth:`outliers` and a classifier's ``label_issues()`` found; the columns
            ``duplicate_group`` and ``outlier_score`` are taken by themselves.
        run : EmbeddingRun or list of them, optional
            What embedding took, for the cost.
        compare : path, mapping or Report, optional
            The ``to_json()`` of an earlier report: adds what grew, shrank, appeared and vanished.
        random_state : int, optional
            Seed for what has to be computed.
        budget_bytes : int
            Most bytes of the page.
        max_points : int
            Most points on the map.
        root : path, optional
            Folder that relative file names start from.

        Warns
        -----
        MixedKindsWarning
            If clusters or map are computed from contents of several kinds.
        """
        from mmembed.report.build import build_report
        from mmembed.report.words import choose_language
        from mmembed.reporting.completing import complete_for_report

        vectors = column_of(self._df, column)
        texts = as_list(self._df, text)
        words = column_of(self._df, texts[0]) if texts else None
        if language == "auto":
            language = choose_language([title or ""] if words is None else words.dropna().astype(str))
        named = "cluster" in self._df.columns
        is_complete = {"cluster", "map_x", "map_y"} <= set(self._df.columns)
        df, notes = complete_for_report(
            self._df,
            vectors,
            text=words,
            kinds=None if is_complete else kinds_of_rows(self._df, column, kinds),
            random_state=random_state,
            language=language,
            embed=None if named else naming_embedder(vectors, "auto", buys=False),
        )
        return build_report(
            df,
            vector=column,
            text=text,
            image=image,
            video=video,
            title=title,
            language=language,
            breakdown=breakdown,
            date=date,
            duplicates=duplicates,
            outliers=outliers,
            label_issues=label_issues,
            run=run,
            compare=compare,
            notes=notes,
            budget_bytes=budget_bytes,
            max_points=max_points,
            root=root,
        )
