"""Figures: the verbs that draw what other verbs computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from mmembed.figures.selection import MapSelection


class DrawingVerbs:
    """Figures: the verbs that draw what other verbs computed; none fits anything."""

    _df: pd.DataFrame

    def plot(self, *, color: str | None = None, hover: Any = None, image: str | None = None, **layout: Any) -> Figure:
        """Return a plotly figure of the map that :meth:`project` computed; see :func:`mmembed.plot`."""
        from mmembed.figures.map import plot

        return plot(self._df, color=color, hover=hover, image=image, **layout)

    def plot_select(self, *, image: str | None = None, text: str | None = None, **options: Any) -> MapSelection:
        """Show the map in a notebook so that rows can be lassoed; see :func:`mmembed.plot_select`."""
        from mmembed.figures.selection import plot_select

        return plot_select(self._df, image=image, text=text, **options)

    def plot_similarity(self, column: str, *, by: str | None = None, **options: Any) -> Figure:
        """Return a heat map of the cosines of rows, or of groups; see :func:`mmembed.plot_similarity`."""
        from mmembed.figures.similarity import plot_similarity

        return plot_similarity(self._df, column, by=by, **options)

    def plot_clusters(self, column: str, **options: Any) -> Figure:
        """Return bars of the clusters' sizes, coloured by cohesion; see :func:`mmembed.plot_clusters`."""
        from mmembed.figures.clusters import plot_clusters

        return plot_clusters(self._df, column, **options)

    def plot_dendrogram(self, column: str, **options: Any) -> Figure:
        """Return the tree of the clusters' centroids; see :func:`mmembed.plot_dendrogram`."""
        from mmembed.figures.clusters import plot_dendrogram

        return plot_dendrogram(self._df, column, **options)

    def plot_neighbors(self, *, image: str | None = None, text: str | None = None, **options: Any) -> Figure:
        """Return a gallery of the rows, which :meth:`search` found; see :func:`mmembed.plot_neighbors`."""
        from mmembed.figures.neighbors import plot_neighbors

        return plot_neighbors(self._df, image=image, text=text, **options)
