"""Figures on Dask: of groups the exact ones of all rows, of single rows those of a sample."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmembed.analysis.tallies.totals import CountedColumns, GroupVectors, WholeTable, of_whole
from mmembed.distributed.columns import series_dtype
from mmembed.distributed.folding import folded, on_partitions
from mmembed.distributed.labelled_rows import draw_by_class
from mmembed.distributed.reporting import count_part
from mmembed.distributed.sampling import SAMPLE_ROWS, check_sample_rows
from mmembed.frames import as_list, require_column

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from mmembed.arrays import Positions


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
        named = name if name is not None and name in meta.columns else None
        counted = CountedColumns(column, by, named, noise=by == "cluster")
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
