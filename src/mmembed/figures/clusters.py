"""Clusters at a glance: how large and how tight each is, and a tree of which are near which."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmembed.analysis.tallies.totals import GroupVectors, group_vectors
from mmembed.figures.style import ThemeName, dress, plain, theme_of
from mmembed.frames import one_line

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


_MOST_BARS = 60

_NAME_LENGTH = 30


def plot_clusters(
    df: pd.DataFrame,
    column: Hashable,
    *,
    cluster: Hashable = "cluster",
    name: Hashable = "cluster_name",
    title: str | None = None,
    width: int = 860,
    theme: ThemeName = "light",
) -> Figure:
    """Draw the clusters of a frame as bars: length is size, colour is cohesion, and each names its nearest cluster.

    Parameters
    ----------
    df : pandas.DataFrame
        With the column that ``df.mmembed.cluster`` adds, or any column of labels.
    column : column name
        A vector column. Cohesion is the mean cosine of the rows of a cluster with its centroid, as in
        ``Clusters.summary()`` and the report: of ``cluster_score`` where the frame has it beside ``cluster``, else of
        the vectors. The nearest cluster is the one with the most similar centroid.
    cluster, name : column name
        Labels and, where the frame has them, names.
    title : str, optional
    width : int
        In pixels; the height follows from the number of clusters.
    theme : {"light", "dark"}

    Returns
    -------
    plotly.graph_objects.Figure
        The largest cluster on top; of more than 60, the largest ones. Noise, if any, is in the caption.

    Raises
    ------
    ColumnNotFoundError
        If a column is not there; for clusters it names the call that makes them.

    Examples
    --------
    >>> df = pd.DataFrame({"v": list(np.eye(3, dtype="float32")), "cluster": [0, 0, 1]})
    >>> plot_clusters(df, "v").data[0].x.tolist()
    [2, 1]
    """
    remedy = f"df = df.mmembed.cluster({column!r})"
    found = group_vectors(df, column, cluster, name, argument="cluster", remedy=remedy)
    return draw_clusters(found, title=title, width=width, theme=theme)


def draw_clusters(
    found: GroupVectors, *, title: str | None = None, width: int = 860, theme: ThemeName = "light"
) -> Figure:
    """Draw groups that were counted; see :func:`plot_clusters`."""
    from plotly import graph_objects as go

    chosen = theme_of(theme)
    shown = min(len(found.groups), _MOST_BARS)
    cohesion = found.cohesions[:shown]
    names = [plain(one_line(group.name, _NAME_LENGTH)) for group in found.groups]
    nearest = ["–" if at < 0 else names[at] for at in found.nearest()[:shown]]
    total = max(1, int(found.counts.sum()))
    shares = [f"{count / total:.1%}" for count in found.counts[:shown]]
    tight = [f"{one:.2f}" for one in cohesion]
    figure = go.Figure(
        go.Bar(
            x=found.counts[:shown],
            y=list(range(shown)),
            orientation="h",
            marker={
                "color": cohesion.astype(np.float32),
                "colorscale": "Viridis",
                "colorbar": {"title": "cohesion", "thickness": 14},
                "line": {"width": 0},
            },
            text=[f"{count:,} → {near}" for count, near in zip(found.counts[:shown], nearest, strict=True)],
            textposition="outside",
            cliponaxis=False,
            customdata=np.column_stack([names[:shown], shares, tight, nearest]),
            hovertemplate=(
                "<b>%{customdata[0]}</b><br>%{x:,} rows, %{customdata[1]}<br>cohesion %{customdata[2]}"
                "<br>nearest: %{customdata[3]}<extra></extra>"
            ),
        )
    )
    left = [f"{rest} smaller clusters"] if (rest := len(found.groups) - shown) else []
    left += [f"{found.noise:,} rows of noise"] if found.noise else []
    dress(
        figure,
        chosen,
        title=title,
        size=(width, 110 + 26 * shown + (40 if title else 0)),
        margin={"l": 20, "r": 20, "t": 56 if title else 20, "b": 46},
        bargap=0.25,
        xaxis={
            "title": {"text": plain("rows (→ nearest cluster)" + "".join(f"; not drawn: {one}" for one in left))},
            "range": [0, float(found.counts.max()) * 1.35],
            "zeroline": False,
        },
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(shown)),
            "ticktext": names[:shown],
            "autorange": "reversed",
            "automargin": True,
            "showgrid": False,
        },
    )
    return figure


_MOST_LEAVES = 120


def plot_dendrogram(
    df: pd.DataFrame,
    column: Hashable,
    *,
    cluster: Hashable = "cluster",
    name: Hashable = "cluster_name",
    title: str | None = None,
    width: int = 860,
    theme: ThemeName = "light",
) -> Figure:
    """Draw how clusters join into larger ones: the tree of their centroids by cosine distance, with average linkage.

    Nothing is clustered again: the tree arranges the labels that the frame has.

    Parameters
    ----------
    df : pandas.DataFrame
        With the column that ``df.mmembed.cluster`` adds, or any column of labels.
    column : column name
        A vector column.
    cluster, name : column name
        Labels and, where the frame has them, names.
    title : str, optional
    width : int
        In pixels; the height follows from the number of clusters.
    theme : {"light", "dark"}

    Returns
    -------
    plotly.graph_objects.Figure
        Names on the left with their sizes; two branches join at the mean cosine distance of their clusters.

    Raises
    ------
    ColumnNotFoundError
        If a column is not there; for clusters it names the call that makes them.
    ValueError
        If there are fewer than 2 clusters, or more than 120.

    Examples
    --------
    >>> df = pd.DataFrame({"v": list(np.eye(3, dtype="float32")), "cluster": [0, 1, 2]})
    >>> len(plot_dendrogram(df, "v").data)
    3
    """
    remedy = f"df = df.mmembed.cluster({column!r})"
    found = group_vectors(df, column, cluster, name, argument="cluster", remedy=remedy)
    return draw_dendrogram(found, title=title, width=width, theme=theme)


def draw_dendrogram(
    found: GroupVectors, *, title: str | None = None, width: int = 860, theme: ThemeName = "light"
) -> Figure:
    """Draw the tree of groups that were counted; see :func:`plot_dendrogram`."""
    from plotly import graph_objects as go
    from scipy.cluster.hierarchy import dendrogram, linkage

    n_groups = len(found.groups)
    if not 2 <= n_groups <= _MOST_LEAVES:
        raise ValueError(f"A tree of {n_groups} clusters cannot be read; it takes from 2 to {_MOST_LEAVES}.")
    cosines = found.centroids @ found.centroids.T
    apart = np.maximum(1 - cosines[np.triu_indices(n_groups, 1)], 0)
    tree = dendrogram(linkage(apart, "average", optimal_ordering=True), no_plot=True)
    chosen = theme_of(theme)
    figure = go.Figure()
    for heights, places in zip(tree["dcoord"], tree["icoord"], strict=True):
        figure.add_trace(
            go.Scatter(
                x=np.asarray(heights, dtype=np.float32),
                y=(np.asarray(places, dtype=np.float32) - 5) / 10,
                mode="lines",
                line={"color": chosen.tone(0), "width": 1.6},
                hovertemplate=f"joined at {max(heights):.3f}<extra></extra>",
                showlegend=False,
            )
        )
    leaves = tree["leaves"]
    labels = [f"{plain(one_line(found.groups[at].name, _NAME_LENGTH))} ({found.counts[at]:,})" for at in leaves]
    figure.add_trace(
        go.Scatter(
            x=np.zeros(n_groups, dtype=np.float32),
            y=np.arange(n_groups, dtype=np.float32),
            mode="markers",
            marker={"color": [chosen.tone(at) for at in leaves], "size": 9},
            cliponaxis=False,
            text=labels,
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
        )
    )
    dress(
        figure,
        chosen,
        title=title,
        size=(width, 110 + 24 * n_groups + (40 if title else 0)),
        margin={"l": 20, "r": 24, "t": 56 if title else 20, "b": 46},
        xaxis={"title": {"text": "cosine distance"}, "zeroline": False, "rangemode": "tozero"},
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(n_groups)),
            "ticktext": labels,
            "automargin": True,
            "showgrid": False,
            "zeroline": False,
            "range": [-0.6, n_groups - 0.4],
        },
    )
    return figure
