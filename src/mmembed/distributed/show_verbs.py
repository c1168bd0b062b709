"""The verbs that show, on Dask: a report, and figures (exact for groups, of a sample for single rows)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd

from mmembed.accessor import FrameAccessor
from mmembed.accessor.cluster_names import named_by_rule
from mmembed.accessor.show_verbs import ReportOptions
from mmembed.analysis.tallies.totals import GroupVectors, WholeTable, columns_of_groups, of_whole
from mmembed.distributed.columns import vector_dtype
from mmembed.distributed.partitions import each, reduced
from mmembed.distributed.report import count_part
from mmembed.distributed.samples import SAMPLE_ROWS, check_sample_rows, draw_by_class
from mmembed.distributed.twins import as_on_pandas
from mmembed.frames import as_list, column_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from mmembed.arrays import Positions
    from mmembed.report.report import Report


class ReportVerbs:
    """Reports on Dask: the verb that writes a page."""

    _ddf: Any

    @as_on_pandas(
        FrameAccessor.report,
        adds="sample_rows",
        lacks={
            "kinds": "clusters that are computed for a report treat all rows alike. Compute them first: "
            "ddf.mmembed.cluster(column, kinds=…).mmembed.project(column, kinds=…)"
        },
    )
    def report(self, column: str, *, sample_rows: int = SAMPLE_ROWS, **options: Unpack[ReportOptions]) -> Report:
        """Return a report on the clusters of a vector column: one offline HTML page. It computes.

        Rows, shares, noise, missing vectors, cohesion, breakdown, trends and centroids are counted over all rows. The
        map, the search, typical and borderline rows and keywords are those of a sample, and the page says so. Clusters
        that are missing are computed with the default settings; a map that is missing is that of the sample. Files that
        cells name are read in this process, those of the sample only.

        Parameters
        ----------
        duplicates, outliers, label_issues
            Not to be given on Dask: they name single rows, of which a sample has few. Outliers and doubtful values of
            ``breakdown`` are looked for among the rows of the sample; False leaves them out.
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
        from mmembed.figures.canvas_words import choose_language
        from mmembed.report.build import build_report

        shown: dict[str, Any] = {**options}
        findings = ("duplicates", "outliers", "label_issues")
        wanted = {name: shown.pop(name) for name in findings}
        if given := [name for name, one in wanted.items() if one is not None and one is not False]:
            raise ValueError(
                f"{given[0]}= is not in the report of a Dask DataFrame: it names single rows, and a sample has few "
                "of them. Leave it out, or report on those rows alone: ddf[…].compute().mmembed.report(…)."
            )
        check_sample_rows(sample_rows)
        ddf, text, random_state = self._ddf, shown.pop("text"), shown.pop("random_state")
        texts, language = [] if text is False else as_list(ddf, text), options["language"]
        vectors = column_of(ddf, column)
        for one in texts[:1]:
            column_of(ddf, one)
        nothing = ddf._meta.assign(  # noqa: SLF001 - Dask's own word
            cluster=np.empty(0, dtype=np.int64), map_x=np.empty(0), map_y=np.empty(0)
        ).drop(columns=["duplicate_group", "outlier_score"], errors="ignore")
        # What pandas refuses is refused now, before anything is computed.
        build_report(nothing, vector=column, text=texts or None, **shown)
        del shown["language"]
        vector_dtype(vectors)
        texts, method = as_list(ddf, text_or_source(ddf, column, text)), None
        if "cluster" not in ddf.columns:
            spoken = "auto" if texts else language if language != "auto" else choose_language([options["title"] or ""])
            fitted = fit_unnamed(vectors, random_state=random_state, sample_rows=sample_rows)
            clusters = named_by_rule(
                fitted, fitted.empty_vectors, joined_texts(ddf, texts[0]) if texts else None, language=spoken
            )
            ddf, method = clusters.add_to(ddf), clusters.method
        return report_of_partitions(
            ddf,
            column,
            texts=texts,
            options=shown,
            language=None if language == "auto" else language,
            random_state=random_state,
            sample_rows=sample_rows,
            method=method,
            left_out=[name for name, one in wanted.items() if one is False],
        )


class DrawingVerbs:
    """Figures on Dask; they compute what they draw."""

    _ddf: Any

    @as_on_pandas(FrameAccessor.plot, adds="sample_rows")
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
            As of :func:`mmembed.plot`.
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

    @as_on_pandas(FrameAccessor.plot_similarity, adds="name")
    def plot_similarity(
        self, column: str, *, by: str | None = None, name: Hashable = "cluster_name", **options: Any
    ) -> Figure:
        """Return a heat map of the mean cosines of groups, of all rows; single rows are for small frames.

        Parameters
        ----------
        column, by, name, **options
            As of :func:`mmembed.plot_similarity`. ``by`` is needed: a table in partitions has more rows than a figure
            of rows can show.

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

    @as_on_pandas(FrameAccessor.plot_clusters, adds=("cluster", "name"))
    def plot_clusters(
        self, column: str, *, cluster: Hashable = "cluster", name: Hashable = "cluster_name", **options: Any
    ) -> Figure:
        """Return bars of the clusters' exact sizes, coloured by exact cohesion; see :func:`mmembed.plot_clusters`."""
        from mmembed.figures.clusters import draw_clusters

        return draw_clusters(self._groups(column, cluster, name, argument="cluster"), **options)

    @as_on_pandas(FrameAccessor.plot_dendrogram, adds=("cluster", "name"))
    def plot_dendrogram(
        self, column: str, *, cluster: Hashable = "cluster", name: Hashable = "cluster_name", **options: Any
    ) -> Figure:
        """Return the tree of the clusters' centroids, of all rows; see :func:`mmembed.plot_dendrogram`."""
        from mmembed.figures.clusters import draw_dendrogram

        return draw_dendrogram(self._groups(column, cluster, name, argument="cluster"), **options)

    def _groups(self, column: str, by: Hashable, name: Hashable | None, *, argument: str) -> GroupVectors:
        """Return the groups of all rows with the sums of their vectors."""
        meta = self._ddf._meta  # noqa: SLF001 - Dask's own word
        remedy = f"df = df.mmembed.cluster({column!r})" if by == "cluster" or argument == "cluster" else ""
        column_of(meta, by, argument=argument, remedy=remedy)
        column_of(meta, column, argument="column", remedy="df.mmembed.embed(…)")
        counted = columns_of_groups(meta.columns, column, by, name)
        dtype = vector_dtype(self._ddf[column])
        whole: WholeTable = reduced(each(count_part, self._ddf[counted.used], columns=counted, dtype=dtype))
        return of_whole(whole, column, by)


class _OnMap:
    """Finds the rows of a partition that are on the map: all of one class, so that each is as likely as any other."""

    def __init__(self, axes: Sequence[Hashable]) -> None:
        self._axes = list(axes)

    def __call__(self, part: pd.DataFrame) -> tuple[Positions, None]:
        return np.flatnonzero(part[self._axes].notna().all(axis=1)), None
