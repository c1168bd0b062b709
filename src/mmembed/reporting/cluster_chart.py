"""Clusters at a glance: how large each is, how tight, and which is next to it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmembed.analysis.tallies.totals import GroupVectors, group_vectors
from mmembed.frames import one_line
from mmembed.reporting.theming import ThemeName, dress, plain, theme_of

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
        A vector column: cohesion is the mean cosine of two different rows of a cluster, and the nearest cluster is the
        one with the most similar centroid.
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
    cohesion = found.mean_cosines().diagonal()[:shown]
    names = [plain(one_line(group.name, _NAME_LENGTH)) for group in found.groups]
    nearest = ["–" if at < 0 else names[at] for at in found.nearest()[:shown]]
    total = max(1, int(found.counts.sum()))
    shares = [f"{count / total:.1%}" for count in found.counts[:shown]]
    tight = ["–" if np.isnan(one) else f"{one:.2f}" for one in cohesion]
    figure = go.Figure(
        go.Bar(
            x=found.counts[:shown],
            y=list(range(shown)),
            orientation="h",
            marker={
                "color": np.nan_to_num(cohesion, nan=1.0).astype(np.float32),
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
