"""Similarity as a heat map: of rows with each other, or of groups."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.tallies.totals import GroupVectors, group_vectors
from mmembed.figures.style import ThemeName, dress, plain, readable, theme_of
from mmembed.frames import column_of, one_line
from mmembed.vectors import as_vector_array

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_MOST_ROWS = 400
_MOST_GROUPS = 80
_MOST_NUMBERS = 14  # of a larger table the numbers would not fit into their squares
_NAME_LENGTH = 24


def plot_similarity(
    df: pd.DataFrame,
    column: Hashable,
    *,
    by: Hashable | None = None,
    name: Hashable = "cluster_name",
    text: Hashable | None = None,
    title: str | None = None,
    size: int = 720,
    theme: ThemeName = "light",
) -> Figure:
    """Draw how similar rows, or groups of rows, are to each other.

    Parameters
    ----------
    df : pandas.DataFrame
    column : column name
        A vector column.
    by : column name, optional
        Compare the groups of this column, such as ``"cluster"``: the mean cosine of a row of one with a row of the
        other and, on the diagonal, of two different rows of one. Without it rows are compared, in the frame's order.
    name : column name
        Names of the groups, where ``by`` is ``"cluster"`` and the frame has the column.
    text : column name, optional
        What to call the rows; their index labels by default.
    title : str, optional
    size : int
        Width and height in pixels.
    theme : {"light", "dark"}

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    ColumnNotFoundError
        If a column is not there; for clusters it names the call that makes them.
    ValueError
        If there are more than 400 rows (or 80 groups) to compare.

    Examples
    --------
    >>> df = pd.DataFrame({"v": list(np.eye(3, dtype="float32")), "kind": ["a", "a", "b"]})
    >>> plot_similarity(df, "v", by="kind").data[0].z.shape
    (2, 2)
    """
    if by is None:
        names, cosines = _of_rows(df, column, text)
    else:
        remedy = f"df = df.mmembed.cluster({column!r})" if by == "cluster" else ""
        found = group_vectors(df, column, by, name if by == "cluster" else None, argument="by", remedy=remedy)
        names, cosines = similar_groups(found, by)
    return draw_similarity(names, cosines, title=title, size=size, theme=theme)


def similar_groups(found: GroupVectors, by: Hashable) -> tuple[list[object], npt.NDArray[np.float64]]:
    """Return names and mean cosines of groups that were counted.

    Raises
    ------
    ValueError
        If there are more than 80.
    """
    if len(found.groups) > _MOST_GROUPS:
        raise ValueError(f"{by!r} has {len(found.groups)} groups; at most {_MOST_GROUPS} can be read. Merge some.")
    return [group.name for group in found.groups], found.mean_cosines()


def draw_similarity(
    names: list[object],
    cosines: npt.NDArray[np.float64],
    *,
    title: str | None = None,
    size: int = 720,
    theme: ThemeName = "light",
) -> Figure:
    """Draw cosines of rows or groups; see :func:`plot_similarity`."""
    from plotly import graph_objects as go

    chosen = theme_of(theme)
    labels = [plain(one_line(one, _NAME_LENGTH)) for one in names]
    places = list(range(len(labels)))
    off_diagonal = cosines[~np.eye(len(cosines), dtype=bool)]
    low = float(np.nanmin(off_diagonal if off_diagonal.size else cosines, initial=1.0))
    figure = go.Figure(
        go.Heatmap(
            z=cosines.astype(np.float32),
            x=places,
            y=places,
            zmin=min(0.0, low) if low < 0.2 else low,
            zmax=1,
            colorscale="Viridis",
            colorbar={"title": "cosine", "thickness": 14},
            customdata=None,
            hovertemplate="%{y} · %{x}<br>cosine %{z:.3f}<extra></extra>",
            xgap=0 if len(labels) > 60 else 1,
            ygap=0 if len(labels) > 60 else 1,
        )
    )
    ticks = {"tickmode": "array", "tickvals": places, "ticktext": labels, "showgrid": False, "zeroline": False}
    if len(labels) > 60:
        ticks["showticklabels"] = False
    span = figure.data[0].zmax - figure.data[0].zmin
    if len(labels) <= _MOST_NUMBERS:
        for row, column_at in np.ndindex(*cosines.shape):
            value = float(cosines[row, column_at])
            figure.add_annotation(
                x=column_at,
                y=row,
                text="–" if np.isnan(value) else f"{value:.2f}",
                showarrow=False,
                font={"size": 12, "color": readable((value - figure.data[0].zmin) / (span or 1))},
            )
    axes: dict[str, Any] = {
        "xaxis": {**ticks, "tickangle": -40, "constrain": "domain"},
        "yaxis": {**ticks, "autorange": "reversed", "scaleanchor": "x", "constrain": "domain"},
    }
    margin = {"l": 20, "r": 20, "t": 56 if title else 20, "b": 20}
    dress(figure, chosen, title=title, size=(size + 60, size), margin=margin, **axes)
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure


def _of_rows(df: pd.DataFrame, column: Hashable, text: Hashable | None) -> tuple[list[object], npt.NDArray[np.float64]]:
    vectors = as_vector_array(column_of(df, column, argument="column", remedy="df.mmembed.embed(…)"))
    if len(vectors) > _MOST_ROWS:
        raise ValueError(
            f"{len(vectors)} rows make {len(vectors) ** 2:,} squares; at most {_MOST_ROWS} rows can be read. "
            "Compare groups with by=, or draw df.sample(100, random_state=0)."
        )
    units = unit_rows(vectors.matrix).astype(np.float64)
    names = df.index if text is None else column_of(df, text, argument="text")
    return list(names), np.clip(units @ units.T, -1, 1)
