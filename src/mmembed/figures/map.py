"""An interactive Plotly map of a frame: draws the coordinates that are there, fits nothing and shows nothing.

What stands on a map beside its points: names of groups that do not hide each other, and small pictures.

What is read when pointing at a row: chosen columns, as texts that a figure carries once and a template joins.

Where names stand on a map: at a medoid of their points, and never on top of each other.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.tallies.categories import MISSING, NOISE, Categories, group_rows
from mmembed.figures.hues import color_by_place
from mmembed.figures.style import Theme, ThemeName, dress, is_measure, plain, theme_of
from mmembed.figures.typical import content_of, name_by_content, rank_rows
from mmembed.frames import as_list, column_of, coordinates, one_line

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


_REMEDY = "df = df.mmembed.project('<vector column>')"

_MOST_CATEGORIES = 60  # a longer legend helps nobody

# The palette has 14 hues in three rounds; another shape tells the rounds apart.
_HUES = 14

_SHAPES = ("circle", "diamond", "square")

_TYPICAL = 6  # rows among which what is typical of a group without a name is looked for

_MOST_STACKED = 32  # from here on a stack of rows at one place is drawn no larger


@dataclass(frozen=True, slots=True)
class _Points:
    """Rows as a figure needs them: two or three axes of shape (n,), which rows are on the map, hover, sizes."""

    axes: Axes
    on_map: npt.NDArray[np.bool_]
    hover: Hover
    size: float | npt.NDArray[np.float32]
    theme: Theme


@dataclass(frozen=True, slots=True)
class DrawnMap:
    """A figure, and the positions of the rows that each of its traces draws."""

    figure: Figure
    rows: list[npt.NDArray[np.intp]]


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
    theme: ThemeName = "light",
    root: str | Path | None = None,
) -> Figure:
    """Draw the map of a frame.

    Rows that share a place are drawn as one larger point, whose size tells how many they are.

    Parameters
    ----------
    df : pandas.DataFrame, n rows
        A frame with map columns; rows without coordinates are not drawn.
    x, y : column name
        Map columns.
    z : column name, optional
        Third map column, e.g. ``"map_z"`` after ``project(dimensions=3)``; draws a map that can be turned.
    color : column name, optional
        What colours the points: categories get a palette that colour-blind readers can tell apart, numbers a
        continuous scale. The column ``cluster`` by default, if the frame has it: clusters have the colours of the
        report's page and of :func:`mmembed.explore`, by their place, and −1 (noise) is grey. To colour by
        similarity to a query, add it as a column: ``df.assign(similarity=df["v"].mmembed.similarity(query))``.
    name : column name
        Column with names of clusters; used while the colour is the cluster column and the frame has it.
    hover : column name or list, optional
        Columns to read when pointing at a row; nothing but the group by default.
    image : column name, optional
        Pictures to draw on the map: small ones of rows that do not hide each other. Never fetched from the network.
        The figure also carries thumbnails of the rows, up to 3 MB, and a page shows the one at the pointer if it is
        written with ``figure.write_html("map.html", post_script=mmembed.figures.hover_pictures())``. In a notebook
        :func:`mmembed.explore` shows them.
    title : str, optional
        Title of the figure.
    labels : bool
        Whether the names of the groups are written on the map.
    point_size : float, optional
        Diameter of a point in pixels; chosen from the number of points by default.
    width, height : int
        Size of the figure in pixels.
    theme : {"light", "dark"}
        Paper and ink.
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
    return draw_map(
        df, x=x, y=y, z=z, color=color, name=name, hover=hover, image=image, title=title, labels=labels,
        point_size=point_size, width=width, height=height, theme=theme, root=root,
    ).figure  # fmt: skip


def draw_map(
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
    theme: ThemeName = "light",
    root: str | Path | None = None,
) -> DrawnMap:
    """Return the figure of :func:`plot` with the rows of each trace."""
    from plotly import graph_objects as go

    named = [("x", x), ("y", y)] + ([("z", z)] if z is not None else [])
    axes = [coordinates(column_of(df, column, argument=argument, remedy=_REMEDY)) for argument, column in named]
    on_map: npt.NDArray[np.bool_] = np.logical_and.reduce([np.isfinite(axis) for axis in axes])
    if color is None and "cluster" in df.columns:
        color = "cluster"
    size = point_size if point_size is not None else float(np.clip(16 - 2.6 * np.log10(max(on_map.sum(), 10)), 3.5, 11))
    points = _mark_stacked(_Points(axes, on_map, hover_of(df, as_list(df, hover)), size, theme_of(theme)), size)
    drawn = DrawnMap(go.Figure(), [])
    if color is not None and color != "cluster" and is_measure(values := column_of(df, color, argument="color")):
        _add_measure(drawn, points, coordinates(values), str(color))
    else:
        grouping = _grouping(df, color, name)
        if color == "cluster":
            grouping = _name_by_content(df, grouping, axes, as_list(df, hover), image)
        _add_groups(drawn, points, grouping, None if color is None else _colors(points, grouping, color))
        if labels and z is None and color is not None:
            add_names(
                drawn.figure, axes, on_map, grouping, size=(width, height), most=_MOST_CATEGORIES, theme=points.theme
            )
    if image is not None and z is None:
        cells = column_of(df, image, argument="image")
        add_pictures(drawn.figure, axes, on_map, cells, root)
        _carry_pictures(drawn, cells, root)
    bare = {"showticklabels": False, "showgrid": False, "zeroline": False, "title": {"text": ""}}
    flat = {"xaxis": bare, "yaxis": bare} if z is None else {"scene": {"xaxis": bare, "yaxis": bare, "zaxis": bare}}
    legend = {"itemsizing": "constant", "title": {"text": ""}}
    dress(drawn.figure, points.theme, title=title, size=(width, height), legend=legend, **flat)
    return drawn


def _mark_stacked(points: _Points, size: float) -> _Points:
    """Return the points with larger ones where several rows share a place, and their number in the hover."""
    places = np.column_stack([axis[points.on_map].astype(np.float32) for axis in points.axes])
    _, place, counts = np.unique(places, axis=0, return_inverse=True, return_counts=True)
    if not len(counts) or counts.max() == 1:
        return points
    here = np.ones(len(points.on_map), dtype=np.int64)
    here[points.on_map] = counts[place.reshape(-1)]
    sizes = (size * np.sqrt(1 + np.log2(np.minimum(here, _MOST_STACKED)))).astype(np.float32)
    texts = np.array([str(number) if number > 1 else "1" for number in here.tolist()], dtype=object)
    return _Points(points.axes, points.on_map, points.hover.with_column("rows here", texts), sizes, points.theme)


def _grouping(df: pd.DataFrame, color: Hashable | None, name: Hashable) -> Categories:
    if color is None:
        return Categories(np.full(len(df), MISSING, dtype=np.int64), ())
    names = df[name] if color == "cluster" and name in df.columns else None
    return group_rows(column_of(df, color, argument="color"), names, noise=color == "cluster")


def _add_measure(drawn: DrawnMap, points: _Points, numbers: npt.NDArray[np.float64], label: str) -> None:
    there = np.isfinite(numbers)
    if (without := ~there & points.on_map).any():
        _add_trace(drawn, points, without, points.theme.missing, f"no value ({int((~there).sum())})")
    rows = there & points.on_map
    _add_trace(drawn, points, rows, numbers[rows].astype(np.float32), label)
    drawn.figure.data[-1].marker.update(
        colorscale="Viridis", showscale=True, colorbar={"title": plain(label), "thickness": 14}
    )
    drawn.figure.update_layout(showlegend=False)


def _name_by_content(
    df: pd.DataFrame, grouping: Categories, axes: Axes, hover: Sequence[Hashable], image: Hashable | None
) -> Categories:
    """Return the groups with typical content beside names that say nothing: texts at the pointer, or pictures."""
    texts = [column_of(df, one, argument="hover") for one in hover]
    texts = [
        one for one in texts if not (pd.api.types.is_numeric_dtype(one) or pd.api.types.is_datetime64_any_dtype(one))
    ]
    pictures = [] if image is None else [column_of(df, image, argument="image")]
    scores = coordinates(df["cluster_score"]) if "cluster_score" in df.columns else None

    def typical(code: int) -> list[str]:
        rows = rank_rows(grouping.rows(code), scores, axes[0], axes[1])[:_TYPICAL]
        return [content_of(texts, pictures, row) for row in rows.tolist()]

    return name_by_content(grouping, typical)


def _colors(points: _Points, grouping: Categories, color: Hashable) -> list[str]:
    """Return the colour of each group: of clusters by their place, of other categories by their rank."""
    if color != "cluster":
        return [points.theme.tone(code) for code in range(len(grouping.groups))]
    rows, (x, y) = points.on_map, points.axes[:2]
    found = color_by_place(x[rows], y[rows], grouping.codes[rows], len(grouping.groups))
    return [pair[points.theme.side] for pair in found.tones]


def _add_groups(drawn: DrawnMap, points: _Points, grouping: Categories, colors: Sequence[str] | None) -> None:
    theme = points.theme
    if colors is None:
        _add_trace(drawn, points, points.on_map, theme.tone(0), "all rows")
        return
    shown = range(min(len(grouping.groups), _MOST_CATEGORIES))
    # Grey points are drawn first, under the others, but read last.
    greys = [
        (grouping.codes == MISSING, theme.missing, "no value"),
        (grouping.codes == NOISE, theme.noise, "noise"),
        (grouping.codes >= len(shown), theme.missing, f"{len(grouping.groups) - len(shown)} smaller groups"),
    ]
    for place, (rows, color, label) in enumerate(greys):
        if (rows & points.on_map).any():
            _add_trace(drawn, points, rows & points.on_map, color, f"{label} ({int(rows.sum())})")
            drawn.figure.data[-1].legendrank = 2000 + place
    for code in shown:
        rows = grouping.codes == code
        if (rows & points.on_map).any():
            label = f"{grouping.groups[code].name} ({int(rows.sum())})"
            _add_trace(drawn, points, rows & points.on_map, colors[code], label)
            drawn.figure.data[-1].legendrank = 1000 + code
            drawn.figure.data[-1].marker.symbol = _SHAPES[code // _HUES % len(_SHAPES)]


def _add_trace(
    drawn: DrawnMap,
    points: _Points,
    rows: npt.NDArray[np.bool_],
    color: str | npt.NDArray[np.float32],
    label: str,
) -> None:
    from plotly import graph_objects as go

    positions = np.flatnonzero(rows)
    # float32 arrays are written as typed arrays: a third of the size of decimal numbers, and drawn without parsing.
    places = dict(zip("xyz", (axis[positions].astype(np.float32) for axis in points.axes), strict=False))
    flat = len(points.axes) == 2
    size: Any = points.size if isinstance(points.size, float) else points.size[positions]
    trace = (go.Scattergl if flat else go.Scatter3d)(
        **places,
        mode="markers",
        name=plain(label),
        marker={"size": size if flat else size * 0.6, "color": color, "opacity": 0.85, "line": {"width": 0}},
        **points.hover.options(positions, label),
    )
    drawn.figure.add_trace(trace)
    drawn.rows.append(positions)


Axes = list[npt.NDArray[np.float64]]

_NAME_LENGTH = 28

_PICTURES_ACROSS = 14


def add_names(
    figure: Figure,
    axes: Axes,
    on_map: npt.NDArray[np.bool_],
    grouping: Categories,
    *,
    size: tuple[int, int],
    most: int,
    theme: Theme,
) -> None:
    """Write the names of the largest groups at their medoids; one without a free place is left to the legend."""
    anchors, names = [], []
    for code, group in enumerate(grouping.groups[:most]):
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
                text=plain(name),
                showarrow=False,
                bgcolor=theme.veil,
                borderpad=2,
                font={"size": 13, "color": theme.ink},
            )


def add_pictures(
    figure: Figure, axes: Axes, on_map: npt.NDArray[np.bool_], cells: pd.Series, root: str | Path | None
) -> None:
    """Draw pictures of rows that do not hide each other: of each square of a grid, its first row."""
    from mmembed.contents.thumbnails import data_uri, make_thumbnails

    steps = [_span(axis[on_map]) / _PICTURES_ACROSS for axis in axes]
    chosen: dict[tuple[int, int], int] = {}
    for row in np.flatnonzero(on_map).tolist():
        chosen.setdefault((int(axes[0][row] // steps[0]), int(axes[1][row] // steps[1])), row)
    made, _ = make_thumbnails(
        chosen.values(),
        lambda row: (cells.iloc[row], "image"),
        root=Path(root) if root is not None else None,
        edge=80,
        max_bytes=3_000,
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


_CARRIED_BYTES = 3_000_000


def _carry_pictures(drawn: DrawnMap, cells: pd.Series, root: str | Path | None) -> None:
    """Give each trace the thumbnails of its rows as ``meta``, for :func:`hover_pictures`; None where there is none."""
    from mmembed.contents.thumbnails import data_uri, make_thumbnails

    made, _ = make_thumbnails(
        [row for rows in drawn.rows for row in rows.tolist()],
        lambda row: (cells.iloc[row], "image"),
        root=Path(root) if root is not None else None,
        edge=160,
        max_bytes=6_000,
        budget_bytes=_CARRIED_BYTES,
    )
    for trace, rows in zip(drawn.figure.data, drawn.rows, strict=True):
        trace.meta = [data_uri(made[row]) if row in made else None for row in rows.tolist()]


# Only a picture that is written into the page is shown, whatever else ``meta`` may hold.
_HOVER_SCRIPT = """
const plot = document.getElementById("{plot_id}"), picture = document.createElement("img");
picture.alt = "";
picture.style.cssText = "position:fixed;z-index:9;pointer-events:none;max-width:160px;max-height:160px;background:#fff;"
  + "border-radius:6px;box-shadow:0 2px 12px rgb(0 0 0/35%)";
picture.hidden = true;
plot.append(picture);
plot.on("plotly_hover", ({ points: [point], event }) => {
  const source = Array.isArray(point.data.meta) ? point.data.meta[point.pointNumber] : null;
  picture.hidden = typeof source !== "string" || !source.startsWith("data:image/");
  if (picture.hidden) return;
  picture.src = source;
  const right = event.clientX < innerWidth / 2;
  picture.style.left = right ? `${event.clientX + 14}px` : "auto";
  picture.style.right = right ? "auto" : `${innerWidth - event.clientX + 14}px`;
  picture.style.top = `${Math.max(event.clientY - 180, 6)}px`;
});
plot.on("plotly_unhover", () => { picture.hidden = true; });
"""


def hover_pictures() -> str:
    """Return the script that shows the picture of the row at the pointer on a page that plotly writes.

    ``plot(df, image="photo").write_html("map.html", post_script=hover_pictures())``; the pictures are in the figure,
    and nothing is loaded for them.

    Examples
    --------
    >>> "plotly_hover" in hover_pictures()
    True
    """
    return _HOVER_SCRIPT


def _span(values: npt.NDArray[np.float64]) -> float:
    span = float(np.ptp(values)) if len(values) else 0.0
    return span if span > 0 else 1.0


_CELL_LENGTH = 90

_HEAD_LENGTH = 40

_BLANK = "–"


@dataclass(frozen=True, slots=True)
class Hover:
    """Texts of the chosen columns, by row; the heads stand in the template, once and not in every row."""

    heads: tuple[str, ...]
    texts: tuple[npt.NDArray[np.object_], ...]

    def options(self, rows: npt.NDArray[np.intp], label: str) -> dict[str, Any]:
        """Return the options of a trace that shows its label and the cells of its rows."""
        first = f"<b>{plain(label)}</b>"
        if not self.heads:
            return {"hovertemplate": f"{first}<extra></extra>"}
        if len(self.heads) == 1:
            # ``text`` is shorter in JSON than ``customdata`` of one column.
            return {
                "text": self.texts[0][rows].tolist(),
                "hovertemplate": f"{first}<br><b>{self.heads[0]}</b>: %{{text}}<extra></extra>",
            }
        lines = "".join(f"<br><b>{head}</b>: %{{customdata[{at}]}}" for at, head in enumerate(self.heads))
        return {
            "customdata": np.column_stack([column[rows] for column in self.texts]),
            "hovertemplate": f"{first}{lines}<extra></extra>",
        }

    def with_column(self, head: str, texts: npt.NDArray[np.object_]) -> Hover:
        """Return a hover with one more column."""
        return Hover((*self.heads, plain(head)), (*self.texts, texts))


def hover_of(df: pd.DataFrame, columns: Sequence[Hashable]) -> Hover:
    """Return the hover of some columns of a frame; markup in a cell is shown as it is written."""
    heads, texts = [], []
    for column in columns:
        heads.append(plain(one_line(column, _HEAD_LENGTH)))
        texts.append(_texts(column_of(df, column, argument="hover")))
    return Hover(tuple(heads), tuple(texts))


def _texts(values: pd.Series) -> npt.NDArray[np.object_]:
    texts = np.empty(len(values), dtype=object)
    if pd.api.types.is_float_dtype(values.dtype):
        texts[:] = [_BLANK if pd.isna(one) else f"{one:.4g}" for one in values]
    elif pd.api.types.is_datetime64_any_dtype(values.dtype):
        texts[:] = [_BLANK if pd.isna(one) else str(one).removesuffix(" 00:00:00") for one in values]
    else:
        texts[:] = [plain(one_line(cell, _CELL_LENGTH)) or _BLANK for cell in values]
    return texts


Point = tuple[float, float]


def medoid(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> int:
    """Return the position of the point nearest to the median of the points.

    A name at the mean of a bent or split cluster may stand where no point is; at a point it never does.

    Parameters
    ----------
    x, y : numpy.ndarray, shape (n,)
        Coordinates without NaN, n ≥ 1.
    """
    return int(np.argmin((x - np.median(x)) ** 2 + (y - np.median(y)) ** 2))


def text_width(text: str) -> float:
    """Return the width of a text in ems, with Chinese characters one em wide and others a little over half.

    Examples
    --------
    >>> text_width("猫ab")
    2.12
    """
    return round(sum(1.0 if east_asian_width(character) in "WF" else 0.56 for character in text), 2)


def place_names(anchors: Sequence[Point], names: Sequence[str], em: Point) -> list[Point | None]:
    """Place names near their anchors so that no two overlap; the first names choose first.

    Parameters
    ----------
    anchors : sequence of (x, y)
        Where each name belongs, in map units.
    names : sequence of str
        One a place.
    em : (float, float)
        Width and height of one em, in map units.

    Returns
    -------
    list of (x, y) or None
        Centre of each name; None where no place near the anchor is free: a legend must carry that name.
    """
    taken: list[tuple[float, float, float, float]] = []
    places: list[Point | None] = []
    for (x, y), name in zip(anchors, names, strict=True):
        half_width = (text_width(name) / 2 + 0.5) * em[0]
        half_height = 0.85 * em[1]
        place = None
        for across, up in ((0, 0), (0, 1), (0, -1), (0.6, 1), (-0.6, 1), (0.6, -1), (-0.6, -1), (0, 2), (0, -2)):
            center = (x + across * 2 * half_width, y + up * 2.1 * half_height)
            box = (center[0] - half_width, center[1] - half_height, center[0] + half_width, center[1] + half_height)
            if not any(_overlap(box, other) for other in taken):
                taken.append(box)
                place = center
                break
        places.append(place)
    return places


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
