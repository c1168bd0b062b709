"""An interactive Plotly map of a frame: draws the coordinates that are there, fits nothing and shows nothing."""

from __future__ import annotations

import html
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.reporting.cells import as_list, coordinates, one_line, require_column
from mmembed.reporting.grouping import MISSING, NOISE, Grouping, group_rows
from mmembed.reporting.palette import FONT_STACK, MISSING_TONE, NOISE_TONE, tone
from mmembed.reporting.placing import medoid, place_names

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_REMEDY = "df = df.mmembed.project('<vector column>')"
_HOVER_LENGTH = 90
_NAME_LENGTH = 28
_MOST_CATEGORIES = 60  # a longer legend helps nobody
_PICTURES_ACROSS = 14


@dataclass(frozen=True, slots=True)
class _Points:
    """Rows as a figure needs them: two or three axes of shape (n,), which rows are on the map, hover texts, size."""

    axes: list[npt.NDArray[np.float64]]
    on_map: npt.NDArray[np.bool_]
    texts: list[str]
    size: float


def plot(
    df: pd.DataFrame,
    *,
    x: Hashable = "map_x",
    y: Hashable = "map_y",
    z: Hashable | None = None,
    color: Hashable | None = None,
    name: Hashable = "cluster_name",
    hover: Hashable | Sequence[Hashable] | None = None,
    image: Hashable | None = None,
    title: str | None = None,
    labels: bool = True,
    point_size: float | None = None,
    width: int = 960,
    height: int = 680,
    root: str | Path | None = None,
) -> Figure:
    """Draw the map of a frame.

    Parameters
    ----------
    df : pandas.DataFrame, n rows
        A frame with map columns; rows without coordinates are not drawn.
    x, y : column name
        Map columns.
    z : column name, optional
        Third map column, e.g. ``"map_z"`` after ``project(dimensions=3)``; draws a map that can be turned.
    color : column name, optional
        What colours the points: categories get a colour-blind-safe palette, numbers a continuous scale. The column
        ``cluster`` by default, if the frame has it; its −1 (noise) is light grey.
    name : column name
        Column with names of clusters; used while the colour is the cluster column and the frame has it.
    hover : column name or list, optional
        Columns to read when pointing at a row; nothing but the group by default.
    image : column name, optional
        Pictures to draw on the map: small ones of rows that do not hide each other. Never fetched from the network.
    title : str, optional
        Title of the figure.
    labels : bool
        Whether the names of the groups are written on the map.
    point_size : float, optional
        Diameter of a point in pixels; chosen from the number of points by default.
    width, height : int
        Size of the figure in pixels.
    root : path, optional
        Folder that relative picture paths start from; the working directory by default.

    Returns
    -------
    plotly.graph_objects.Figure
        Not shown: let the notebook show it, or call its ``show()`` or ``write_html()``.

    Raises
    ------
    ColumnNotFoundError
        If a column is not there; for the map columns it names the call that makes them.

    Examples
    --------
    >>> df = pd.DataFrame({"map_x": [0.0, 1.0], "map_y": [1.0, 0.0], "cluster": [0, 1]})
    >>> [trace.name for trace in plot(df).data]
    ['Cluster 0 (1)', 'Cluster 1 (1)']
    """
    from plotly import graph_objects as go

    named = [("x", x), ("y", y)] + ([("z", z)] if z is not None else [])
    axes = [coordinates(require_column(df, column, argument=argument, remedy=_REMEDY)) for argument, column in named]
    on_map: npt.NDArray[np.bool_] = np.logical_and.reduce([np.isfinite(axis) for axis in axes])
    if color is None and "cluster" in df.columns:
        color = "cluster"
    texts = _hover_texts(df, as_list(df, hover))
    size = point_size if point_size is not None else float(np.clip(16 - 2.6 * np.log10(max(on_map.sum(), 10)), 3.5, 11))
    points = _Points(axes, on_map, texts, size)
    figure = go.Figure()
    if color is not None and _is_measure(values := require_column(df, color, argument="color"), color):
        numbers = coordinates(values)
        figure.add_trace(_trace(points, on_map, numbers[on_map].astype(np.float32), str(color)))
        figure.data[0].marker.update(colorscale="Viridis", showscale=True, colorbar={"title": html.escape(str(color))})
        figure.update_layout(showlegend=False)
    else:
        grouping = _grouping(df, color, name)
        _add_groups(figure, points, grouping, single=color is None)
        if labels and z is None and color is not None:
            _add_names(figure, points, grouping, (width, height))
    if image is not None and z is None:
        _add_pictures(figure, points, require_column(df, image, argument="image"), root)
    _lay_out(figure, title, (width, height), flat=z is None)
    return figure


def _is_measure(values: pd.Series, color: Hashable) -> bool:
    """Tell whether a column is a quantity: floats, or integers of many values; labels and flags are categories."""
    if color == "cluster" or not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return False
    return bool(pd.api.types.is_float_dtype(values)) or values.nunique() > 20


def _grouping(df: pd.DataFrame, color: Hashable | None, name: Hashable) -> Grouping:
    if color is None:
        return Grouping(np.full(len(df), MISSING, dtype=np.int64), ())
    names = df[name] if color == "cluster" and name in df.columns else None
    return group_rows(require_column(df, color, argument="color"), names, noise=color == "cluster")


def _hover_texts(df: pd.DataFrame, columns: list[Hashable]) -> list[str]:
    lines = [""] * len(df)
    for column in columns:
        head = html.escape(one_line(column, 40), quote=False)
        for row, cell in enumerate(require_column(df, column, argument="hover")):
            text = html.escape(one_line(cell, _HOVER_LENGTH), quote=False)
            lines[row] += f"<br><b>{head}</b>: {text}" if text else ""
    return lines


def _add_groups(figure: Figure, points: _Points, grouping: Grouping, *, single: bool) -> None:
    if single:
        figure.add_trace(_trace(points, points.on_map, tone(0)[0], "all rows"))
        return
    shown = range(min(len(grouping.groups), _MOST_CATEGORIES))
    parts: list[tuple[npt.NDArray[np.bool_], str, str]] = [
        (grouping.codes == MISSING, MISSING_TONE[0], "no value"),
        (grouping.codes == NOISE, NOISE_TONE[0], "noise"),
        (grouping.codes >= len(shown), MISSING_TONE[0], f"{len(grouping.groups) - len(shown)} smaller groups"),
        *((grouping.codes == code, tone(code)[0], grouping.groups[code].name) for code in shown),
    ]
    for rows, color, label in parts:
        if (rows & points.on_map).any():
            figure.add_trace(_trace(points, rows & points.on_map, color, f"{label} ({int(rows.sum())})"))
    # Grey points are drawn first, under the others, but read last.
    greys = sum(trace.marker.color in {NOISE_TONE[0], MISSING_TONE[0]} for trace in figure.data)
    for place, trace in enumerate(figure.data):
        trace.legendrank = 2000 + place if place < greys else 1000 + place


def _trace(points: _Points, rows: npt.NDArray[np.bool_], color: str | npt.NDArray[np.float32], label: str) -> Any:
    from plotly import graph_objects as go

    head = html.escape(label, quote=False)
    texts = points.texts
    hover = [f"<b>{head}</b>{texts[row]}" for row in np.flatnonzero(rows)] if any(texts) else head
    # float32 arrays are written as typed arrays: a third of the size of decimal numbers, and drawn without parsing.
    places = dict(zip("xyz", (axis[rows].astype(np.float32) for axis in points.axes), strict=False))
    flat = len(points.axes) == 2
    return (go.Scattergl if flat else go.Scatter3d)(
        **places,
        mode="markers",
        name=head,
        text=hover,
        hovertemplate="%{text}<extra></extra>",
        marker={"size": points.size if flat else points.size * 0.6, "color": color, "opacity": 0.85},
    )


def _add_names(
    figure: Figure,
    points: _Points,
    grouping: Grouping,
    size: tuple[int, int],
) -> None:
    axes, on_map = points.axes, points.on_map
    anchors, names = [], []
    for code, group in enumerate(grouping.groups[:_MOST_CATEGORIES]):
        rows = np.flatnonzero((grouping.codes == code) & on_map)
        if len(rows):
            center = rows[medoid(axes[0][rows], axes[1][rows])]
            anchors.append((float(axes[0][center]), float(axes[1][center])))
            names.append(one_line(group.name, _NAME_LENGTH))
    # One em is about 13 pixels; the legend takes a quarter of the width, margins and title some of the height.
    em = (13 * _span(axes[0][on_map]) / (0.72 * size[0]), 13 * _span(axes[1][on_map]) / (0.86 * size[1]))
    for place, name in zip(place_names(anchors, names, em), names, strict=True):
        if place is not None:
            figure.add_annotation(
                x=place[0],
                y=place[1],
                text=html.escape(name, quote=False),
                showarrow=False,
                bgcolor="rgba(255,255,255,0.8)",
                borderpad=2,
                font={"size": 13, "color": "#1C1F24"},
            )


def _add_pictures(
    figure: Figure,
    points: _Points,
    cells: pd.Series,
    root: str | Path | None,
) -> None:
    from mmembed.reporting.thumbnails import data_uri, make_thumbnails

    axes, on_map = points.axes, points.on_map
    spans = [_span(axis[on_map]) for axis in axes]
    steps = [span / _PICTURES_ACROSS for span in spans]
    chosen: dict[tuple[int, int], int] = {}
    for row in np.flatnonzero(on_map).tolist():
        chosen.setdefault((int(axes[0][row] // steps[0]), int(axes[1][row] // steps[1])), row)
    folder = Path(root) if root is not None else None
    made, _ = make_thumbnails(
        chosen.values(), lambda row: (cells.iloc[row], "image"), root=folder, edge=80, max_bytes=3_000
    )
    for (across, up), row in chosen.items():
        if row in made:
            figure.add_layout_image(
                source=data_uri(made[row]),
                x=(across + 0.5) * steps[0],
                y=(up + 0.5) * steps[1],
                xref="x",
                yref="y",
                xanchor="center",
                yanchor="middle",
                sizex=steps[0] * 0.86,
                sizey=steps[1] * 0.86,
            )


def _span(values: npt.NDArray[np.float64]) -> float:
    span = float(np.ptp(values)) if len(values) else 0.0
    return span if span > 0 else 1.0


def _lay_out(figure: Figure, title: str | None, size: tuple[int, int], *, flat: bool) -> None:
    bare = {"showticklabels": False, "showgrid": False, "zeroline": False, "title": {"text": ""}}
    figure.update_layout(
        template="plotly_white",
        width=size[0],
        height=size[1],
        font={"family": FONT_STACK, "size": 13, "color": "#1C1F24"},
        title=html.escape(title, quote=False) if title else None,
        margin={"l": 16, "r": 16, "t": 56 if title else 16, "b": 16},
        legend={"itemsizing": "constant", "title": {"text": ""}},
        hoverlabel={"align": "left", "font": {"family": FONT_STACK}},
        **({"xaxis": bare, "yaxis": bare} if flat else {"scene": {"xaxis": bare, "yaxis": bare, "zaxis": bare}}),
    )
