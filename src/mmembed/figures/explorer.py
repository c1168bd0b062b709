"""The map in a notebook: look, search, find more like a row, lasso; the rows that are listed come back as a frame.

The canvas is the one of the report's page. In a notebook it is an anywidget, which needs the extra ``widget``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from mmembed._optional import import_optional
from mmembed.analysis.tallies.categories import MISSING, NOISE, Categories, Category, group_rows
from mmembed.arrays import Positions
from mmembed.contents.content import file_name
from mmembed.errors import ContentError, one_of
from mmembed.figures.canvas import (
    CANVAS_STYLE,
    canvas_script,
    canvas_source,
    choice_data,
    neighbor_data,
    point_data,
    point_labels,
    text_data,
    whole_texts,
)
from mmembed.figures.canvas_words import CanvasWords, choose_language
from mmembed.figures.style import FONT_STACK
from mmembed.figures.typical import content_of, name_by_content, rank_rows
from mmembed.frames import as_list, column_of, coordinates, is_missing, one_line

_PROJECT = "df = df.mmembed.project('<vector column>')"
_PURPOSE = "Exploring a map in a notebook"
_NEIGHBOR_BYTES = 40_000_000
_MANY = 20_000
_TEXT_LENGTHS = (400, 160)  # of tables up to _MANY rows, and of larger ones
_THUMBNAIL = {"edge": 192, "max_bytes": 10_000}
_MOST_ASKED = 200  # pictures that one message may ask for
_MOST_OWN_CHOICES = 6
_SCORE = "cluster_score"
_TYPICAL = 6  # rows among which what is typical of a group without a name is looked for


class Explorer:
    """A map that a notebook shows, and the rows of the frame that its reader lists.

    Rows are listed by a lasso, a search, a choice of a topic or a value, or as the ones most like a row. A notebook
    shows the explorer as the last value of a cell.

    Attributes
    ----------
    widget : anywidget.AnyWidget
        What the notebook shows, for layouts of widgets.
    """

    def __init__(self, df: pd.DataFrame, points: Positions, widget: Any) -> None:
        self._df = df
        self._points = points
        self._callbacks: list[Callable[[pd.DataFrame], object]] = []
        self.widget = widget
        widget.observe(self._tell, names="chosen")

    @property
    def positions(self) -> Positions:
        """Positions of the listed rows in the frame, ascending; none while everything is shown."""
        chosen = self.widget.chosen or []
        return np.sort(self._points[np.asarray([one for one in chosen if 0 <= one < len(self._points)], dtype=np.intp)])

    @property
    def selected(self) -> pd.DataFrame:
        """The listed rows, in the order of the frame; none while everything is shown."""
        return self._df.iloc[self.positions]

    def on_change(self, callback: Callable[[pd.DataFrame], object]) -> Callable[[], None]:
        """Call a function with the listed rows whenever they change.

        Parameters
        ----------
        callback : callable
            Takes a frame.

        Returns
        -------
        callable
            Ends that.
        """
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    def _tell(self, _change: object) -> None:
        for callback in tuple(self._callbacks):
            callback(self.selected)

    def __repr__(self) -> str:
        return (
            f"Explorer(rows={len(self._df)}, on the map={len(self._points)}, listed={len(self.positions)}); "
            "lasso or search, then see .selected"
        )

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)

    def _display_(self) -> Any:  # marimo's name for what an object shows
        return self.widget


def explore(
    df: pd.DataFrame,
    column: Hashable | None = None,
    *,
    text: Hashable | Sequence[Hashable] | None = None,
    image: Hashable | None = None,
    video: Hashable | None = None,
    color: Hashable | Sequence[Hashable] | None = None,
    filter: Hashable | Sequence[Hashable] | None = None,  # noqa: A002 - as in the report
    cluster: Hashable = "cluster",
    name: Hashable = "cluster_name",
    x: Hashable = "map_x",
    y: Hashable = "map_y",
    language: Literal["auto", "zh", "en"] = "auto",
    height: int = 560,
    max_points: int = 100_000,
    root: str | Path | None = None,
) -> Explorer:
    """Show the map of a frame in a notebook, to look, search and choose rows: ``.selected`` is a frame of them.

    It draws what :func:`mmembed.fit_projection` computed, without a network. Texts and pictures of a row are shown at
    the pointer; pictures are read when they come into sight. A lasso, a search, a topic or "more like this" lists rows,
    which are then in ``.selected``. It runs as an anywidget, and was driven in JupyterLab and marimo.

    Parameters
    ----------
    df : pandas.DataFrame, n rows
        A frame with map columns; rows without coordinates are not drawn.
    column : column name, optional
        The vector column, for "more like this" and for searches that find beyond the words.
    text : column name or list, optional
        Texts to read and to search; the first one is the headline of a row.
    image, video : column name, optional
        Pictures and clips to show. Files that their cells name are read, and those of no other column.
    color, filter : column name or list, optional
        Columns to colour and to filter by: categories, numbers or dates. By default the frame's first few that suit.
    cluster, name : column name
        Labels (−1 is noise) and names of the groups; either may be absent.
    x, y : column name
        Map columns.
    language : {"auto", "zh", "en"}
        Language of the buttons; by default that of most of the texts.
    height : int
        Of the explorer in pixels.
    max_points : int
        Most points; more rows are thinned out evenly.
    root : path, optional
        Folder that relative picture paths start from; the working directory by default.

    Returns
    -------
    Explorer

    Raises
    ------
    MissingExtraError
        If the extra ``widget`` is not installed.
    ColumnNotFoundError
        If a column is not there; for the map columns it names the call that makes them.
    ValueError
        If the language is unknown, or the height or the number of points too small.
    """
    anywidget: Any = import_optional("anywidget", extra="widget", purpose=_PURPOSE)
    one_of("language", language, ("auto", "zh", "en"))
    for argument, value, least in (("height", height, 240), ("max_points", max_points, 1)):
        if value < least:
            raise ValueError(
                f"{argument}={value!r} is too small; expected {least} or more. Leave it out for the default."
            )
    axes = [
        coordinates(column_of(df, one, argument=argument, remedy=_PROJECT)) for argument, one in (("x", x), ("y", y))
    ]
    texts = [column_of(df, one, argument="text") for one in as_list(df, text)]
    pictures = {
        kind: column_of(df, one, argument=kind) for kind, one in (("image", image), ("video", video)) if one is not None
    }
    points = np.flatnonzero(np.isfinite(axes[0]) & np.isfinite(axes[1]))
    if len(points) > max_points:
        points = points[np.linspace(0, len(points) - 1, max_points).round().astype(np.intp)]
    words = CanvasWords(_language_of(texts) if language == "auto" else language)
    grouping = _grouping(df, cluster, name, words)
    scores = coordinates(df[_SCORE]) if cluster == "cluster" and _SCORE in df.columns else None
    told = [*pictures.values()]
    grouping = name_by_content(
        grouping,
        lambda code: (content_of(texts, told, row) for row in rank_rows(grouping.rows(code), scores, *axes)[:_TYPICAL]),
    )
    own = _suitable(
        df,
        {x, y, cluster, name, f"{cluster}_score", text if isinstance(text, Hashable) else None, image, video, column},
    )
    colors, filters = (own if given is None else as_list(df, given) for given in (color, filter))
    for argument, names in (("color", colors), ("filter", filters)):
        for one in names:
            column_of(df, one, argument=argument)
    data: dict[str, Any] = {
        **point_data(axes[0], axes[1], grouping, points),
        **text_data(words, texts, whole_texts(texts, points, _TEXT_LENGTHS[len(points) > _MANY])),
        "labels": point_labels(df.index, points),
        "choices": choice_data(df, points, color=colors, keep=filters, other=words["other"]),
        **_picture_data(pictures, points, texts),
    }
    if column is not None:
        data["neighbors"] = neighbor_data(column_of(df, column), points, most_bytes=_NEIGHBOR_BYTES)
    widget = _widget_class(anywidget)(data=data, height=int(height))
    widget.on_msg(_Thumbnails(pictures, points, Path(root) if root is not None else Path.cwd()).answer)
    return Explorer(df, points, widget)


def plot_select(df: pd.DataFrame, *, column: Hashable | None = None, **options: Any) -> Explorer:
    """Show the map in a notebook so that rows can be lassoed: another name for :func:`mmembed.explore`."""
    if options.pop("z", None) is not None:
        raise ValueError("A map of three dimensions has no lasso. Leave z= out, or use plot(df, z=…) to look at it.")
    return explore(df, column, **options)


def _language_of(texts: list[pd.Series]) -> Literal["zh", "en"]:
    return choose_language(one_line(cell, 200) for one in texts[:1] for cell in one.dropna().head(1000))


def _grouping(df: pd.DataFrame, cluster: Hashable, name: Hashable, words: CanvasWords) -> Categories:
    """Return the groups of the rows; a frame without clusters is one group."""
    if cluster == "cluster" and cluster not in df.columns:
        whole = Category(None, words["all_rows"], len(df))
        return Categories(np.zeros(len(df), dtype=np.int64), (whole,) if len(df) else ())
    names = df[name] if name in df.columns else None
    grouping = group_rows(column_of(df, cluster, argument="cluster"), names, prefix=words["topics"])
    # Rows without a label are as grey as noise.
    return Categories(np.where(grouping.codes == MISSING, NOISE, grouping.codes), grouping.groups)


def _suitable(df: pd.DataFrame, used: set[Any]) -> list[Hashable]:
    """Return the first few columns that colour and filter well: dates, numbers, and categories of few values."""
    found: list[Hashable] = []
    for name in df.columns:
        cells = df[name]
        if name in used or cells.ndim != 1 or hasattr(cells.dtype, "space") or str(name) in {"map_x", "map_y", "map_z"}:
            continue
        if _suits(cells):
            found.append(name)
        if len(found) == _MOST_OWN_CHOICES:
            break
    return found


def _suits(cells: pd.Series) -> bool:
    if pd.api.types.is_numeric_dtype(cells) or pd.api.types.is_datetime64_any_dtype(cells):
        return True
    if not all(isinstance(cell, str | bool) or is_missing(cell) for cell in cells.head(1000)):
        return False
    return 1 < cells.nunique() <= max(2, min(40, int(cells.notna().sum()) // 4))


def _picture_data(pictures: dict[str, pd.Series], points: Positions, texts: list[pd.Series]) -> dict[str, Any]:
    """Return which points have pictures, which of them are clips and, where there are no texts, their files."""
    if not pictures:
        return {}
    there = {kind: ~cells.iloc[points].map(is_missing).to_numpy(dtype=bool) for kind, cells in pictures.items()}
    pictured = np.logical_or.reduce(list(there.values()))
    clips = there.get("video", np.zeros(len(points), dtype=bool)) & ~there.get(
        "image", np.zeros(len(points), dtype=bool)
    )
    files = _files(pictures, points) if not texts else []
    named = {"files": files} if any(files) else {}
    return {"pictured": pictured.astype("u1").tobytes(), "videos": np.flatnonzero(clips).tolist(), **named}


def _files(pictures: dict[str, pd.Series], points: Positions) -> list[str]:
    """Return the name of the file of each point, nothing where its cells name none."""
    columns = [cells.iloc[points] for cells in pictures.values()]
    return [next((one for one in map(file_name, cells) if one), "") for cells in zip(*columns, strict=True)]


class _Thumbnails:
    """Answers a widget that asks for the pictures of points."""

    def __init__(self, pictures: dict[str, pd.Series], points: Positions, root: Path) -> None:
        self._pictures = pictures
        self._points = points
        self._root = root

    def answer(self, widget: Any, message: Any, _buffers: object) -> None:
        """Send the thumbnails that a message asks for; what is no such message, or no point, is passed by."""
        asked = message.get("points") if isinstance(message, dict) and message.get("kind") == "pictures" else None
        if not isinstance(asked, list):
            return
        made = {}
        for point in asked[:_MOST_ASKED]:
            if type(point) is int and 0 <= point < len(self._points):
                data = self._thumbnail(int(self._points[point]))
                if data is not None:
                    made[point] = data
        widget.send({"kind": "pictures", "points": list(made)}, buffers=list(made.values()))

    def _thumbnail(self, row: int) -> bytes | None:
        from mmembed.contents.thumbnails import make_thumbnail

        for kind, cells in self._pictures.items():
            cell = cells.iloc[row]
            if is_missing(cell):
                continue
            try:
                return make_thumbnail(cell, modality=kind, root=self._root, **_THUMBNAIL)
            except ContentError:
                continue
        return None


@cache
def widget_source() -> str:
    """Return the module that a notebook loads."""
    style = canvas_source("widget.css").replace("/*fonts*/", FONT_STACK) + canvas_source(CANVAS_STYLE)
    return f"const STYLE = {json.dumps(style)};\n{canvas_script()}\n{canvas_source('widget.js')}"


@cache
def _widget_class(anywidget: Any) -> Any:
    import traitlets

    class ExplorerWidget(anywidget.AnyWidget):  # type: ignore[misc]
        """The canvas in a notebook: its data, and the points that its reader lists."""

        _esm = widget_source()
        data = traitlets.Dict().tag(sync=True)
        height = traitlets.Int(560).tag(sync=True)
        chosen = traitlets.List(traitlets.Int(), default_value=None, allow_none=True).tag(sync=True)

    return ExplorerWidget
