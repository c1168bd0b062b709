"""Reports on Dask: the verb that writes a page.

Figures on Dask: of groups the exact ones of all rows, of single rows those of a sample.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from mmembed.accessor.arguments import named_by_rule
from mmembed.analysis.tallies.totals import GroupVectors, WholeTable, columns_of_groups, of_whole
from mmembed.distributed.columns import series_dtype, vector_dtype
from mmembed.distributed.partitions import folded, on_partitions
from mmembed.distributed.report import count_part
from mmembed.distributed.samples import SAMPLE_ROWS, check_sample_rows, draw_by_class
from mmembed.frames import as_list, column_of, require_column

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from mmembed.arrays import Positions
    from mmembed.embedding.run import EmbeddingRun
    from mmembed.report.report import Report


class ReportVerbs:
    """Reports on Dask: the verb that writes a page."""

    _ddf: Any

    def report(
        self,
        column: str,
        *,
        text: str | Sequence[str] | Literal[False] | None = None,
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
        sample_rows: int = SAMPLE_ROWS,
    ) -> Report:
        """Return a report on the clusters of a vector column: one offline HTML page. It computes.

        Rows, shares, noise, missing vectors, cohesion, breakdown, trends and centroids are counted over all rows. The
        map, the search, typical and borderline rows and keywords are those of a sample, and the page says so. Clusters
        that are missing are computed with the default settings; a map that is missing is that of the sample.

        Parameters
        ----------
        column : str
            A vector column.
        text, image, video, title, language, breakdown, date, run, compare, random_state, budget_bytes, max_points, root
            As on pandas. Files that cells name are read in this process, those of the sample only.
        duplicates, outliers, label_issues
            Not on Dask: they name single rows, of which a sample has few.
        sample_rows : int
            About how many rows are shown: of each cluster in proportion, and at least 20. They travel to this process.

        Returns
        -------
        Report

        Raises
        ------
        ValueError
            If duplicates, outliers or label issues are asked for; otherwise as on pandas.
        """
        from mmembed.distributed.clustering import fit_unnamed
        from mmembed.distributed.group_verbs import joined_texts, text_or_source
        from mmembed.distributed.report import report_of_partitions
        from mmembed.report.build import build_report
        from mmembed.report.words import choose_language

        findings = {"duplicates": duplicates, "outliers": outliers, "label_issues": label_issues}
        if given := [name for name, value in findings.items() if value is not None]:
            raise ValueError(
                f"{given[0]}= is not in the report of a Dask DataFrame: it names single rows, and a sample has few "
                "of them. Leave it out, or report on those rows alone: ddf[…].compute().mmembed.report(…)."
            )
        check_sample_rows(sample_rows)
        ddf, texts = self._ddf, [] if text is False else as_list(self._ddf, text)
        vectors = column_of(ddf, column)
        for one in texts[:1]:
            column_of(ddf, one)
        options = {
            "image": image, "video": video, "title": title, "breakdown": breakdown, "date": date, "run": run,
            "compare": compare, "budget_bytes": budget_bytes, "max_points": max_points, "root": root,
        }  # fmt: skip
        nothing = ddf._meta.assign(  # noqa: SLF001 - Dask's own word
            cluster=np.empty(0, dtype=np.int64), map_x=np.empty(0), map_y=np.empty(0)
        ).drop(columns=["duplicate_group", "outlier_score"], errors="ignore")
        # What pandas refuses is refused now, before anything is computed.
        build_report(nothing, vector=column, text=texts or None, language=language, **options)
        vector_dtype(vectors)
        texts, method = as_list(ddf, text_or_source(ddf, column, text)), None
        if "cluster" not in ddf.columns:
            spoken = "auto" if texts else language if language != "auto" else choose_language([title or ""])
            fitted = fit_unnamed(vectors, random_state=random_state, sample_rows=sample_rows)
            clusters = named_by_rule(
                fitted, fitted.empty_vectors, joined_texts(ddf, texts[0]) if texts else None, language=spoken
            )
            ddf, method = clusters.add_to(ddf), clusters.method
        return report_of_partitions(
            ddf,
            column,
            texts=texts,
            options=options,
            language=None if language == "auto" else language,
            random_state=random_state,
            sample_rows=sample_rows,
            method=method,
        )


class DrawingVerbs:
    """Figures on Dask; they compute what they draw."""

    _ddf: Any

    def plot(
        self,
        *,
        color: str | None = None,
        hover: Any = None,
        image: str | None = None,
        sample_rows: int = SAMPLE_ROWS,
        **layout: Any,
    ) -> Figure:
        """Return a plotly figure of the map that :meth:`project` computed, of a sample of the rows that are on it.

        Parameters
        ----------
        color, hover, image, **layout
            As on pandas.
        sample_rows : int
            Most rows that are drawn, each as likely as any other; a line on the figure says of how many.
        """
        from mmembed.figures.map import plot

        check_sample_rows(sample_rows)
        meta = self._ddf._meta  # noqa: SLF001 - Dask's own word
        plot(meta, color=color, hover=hover, image=image, **layout)
        axes = [layout.get("x", "map_x"), layout.get("y", "map_y")]
        used = [*axes, layout.get("z"), color, *as_list(meta, hover), image]
        used += [name for name in ("cluster", layout.get("name", "cluster_name")) if name in meta.columns]
        named = list(dict.fromkeys(name for name in used if name is not None))
        drawn = draw_by_class(self._ddf[named], _OnMap(axes), sample_rows, seed=0)
        figure = plot(drawn.frame, color=color, hover=hover, image=image, **layout)
        if len(drawn.frame) < drawn.of:
            figure.add_annotation(
                text=f"{len(drawn.frame):,} of {drawn.of:,} rows, drawn evenly",
                x=0, y=0, xref="paper", yref="paper", xanchor="left", yanchor="top", yshift=-4, showarrow=False,
                font={"size": 12},
            )  # fmt: skip
        return figure

    def plot_similarity(
        self, column: str, *, by: str | None = None, name: Hashable = "cluster_name", **options: Any
    ) -> Figure:
        """Return a heat map of the mean cosines of groups, of all rows; single rows are for small frames.

        Parameters
        ----------
        column, by, name, **options
            As on pandas. ``by`` is needed: a table in partitions has more rows than a figure of rows can show.

        Raises
        ------
        ValueError
            If ``by`` is not given.
        """
        from mmembed.figures.similarity import draw_similarity, similar_groups

        if by is None:
            raise ValueError(
                "plot_similarity of single rows takes 400 rows at most. Compare groups with by=, or take some rows: "
                f"ddf.sample(frac=…).compute().mmembed.plot_similarity({column!r})."
            )
        found = self._groups(column, by, name if by == "cluster" else None, argument="by")
        return draw_similarity(*similar_groups(found, by), **options)

    def plot_clusters(
        self, column: str, *, cluster: Hashable = "cluster", name: Hashable = "cluster_name", **options: Any
    ) -> Figure:
        """Return bars of the clusters' exact sizes, coloured by exact cohesion; arguments are those of pandas."""
        from mmembed.figures.clusters import draw_clusters

        return draw_clusters(self._groups(column, cluster, name, argument="cluster"), **options)

    def plot_dendrogram(
        self, column: str, *, cluster: Hashable = "cluster", name: Hashable = "cluster_name", **options: Any
    ) -> Figure:
        """Return the tree of the clusters' centroids, of all rows; arguments are those of pandas."""
        from mmembed.figures.clusters import draw_dendrogram

        return draw_dendrogram(self._groups(column, cluster, name, argument="cluster"), **options)

    def _groups(self, column: str, by: Hashable, name: Hashable | None, *, argument: str) -> GroupVectors:
        """Return the groups of all rows with the sums of their vectors."""
        meta = self._ddf._meta  # noqa: SLF001 - Dask's own word
        remedy = f"df = df.mmembed.cluster({column!r})" if by == "cluster" or argument == "cluster" else ""
        require_column(meta, by, argument=argument, remedy=remedy)
        require_column(meta, column, argument="column", remedy="df.mmembed.embed(…)")
        counted = columns_of_groups(meta.columns, column, by, name)
        dtype = series_dtype(self._ddf[column])
        calls = on_partitions(count_part, self._ddf[counted.used], columns=counted, dtype=dtype)
        whole: WholeTable = folded(calls, WholeTable.add)
        return of_whole(whole, column, by)


class _OnMap:
    """Tells which rows of a partition are on the map: all of one class, so that each is as likely as any other."""

    def __init__(self, axes: Sequence[Hashable]) -> None:
        self._axes = list(axes)

    def __call__(self, part: pd.DataFrame) -> tuple[Positions, list[Hashable]]:
        rows = np.flatnonzero(part[self._axes].notna().all(axis=1))
        return rows, ["row"] * len(rows)
