"""The map in a notebook, and back: rows that are lassoed become a frame, and the row at the pointer shows its picture.

A figure that talks to Python is plotly's FigureWidget, which needs the extra ``widget``.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed._optional import import_optional
from mmembed.errors import ContentError
from mmembed.figures.map import draw_map
from mmembed.frames import column_of, one_line

if TYPE_CHECKING:
    from plotly.graph_objects import FigureWidget

_PICTURE_PIXELS = 140
# The cell of a notebook is some 800 pixels wide on a laptop, and wider figures are cut off.
_FITS_A_CELL = {"width": 760, "height": 560}


class MapSelection:
    """A map whose rows can be lassoed, and the rows that are.

    Attributes
    ----------
    figure : plotly.graph_objects.FigureWidget
        The map. Lasso or box; with Shift, more is added; a double click selects nothing.
    widget : ipywidgets.VBox
        What a notebook shows: what is selected, the picture at the pointer, and the map.
    """

    def __init__(self, df: pd.DataFrame, figure: FigureWidget, widget: Any, status: Any) -> None:
        self._df = df
        self.figure = figure
        self.widget = widget
        self._status = status
        self._parts: dict[int, npt.NDArray[np.intp]] = {}

    @property
    def positions(self) -> npt.NDArray[np.intp]:
        """Positions of the selected rows, ascending."""
        parts = [part for part in self._parts.values() if len(part)]
        return np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.intp)

    @property
    def selected(self) -> pd.DataFrame:
        """The selected rows, in the order of the frame; none before something is selected."""
        return self._df.iloc[self.positions]

    def __repr__(self) -> str:
        return f"MapSelection(rows={len(self._df)}, selected={len(self.positions)}); lasso rows, then see .selected"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)

    def _take(self, trace: int, rows: npt.NDArray[np.intp]) -> None:
        self._parts[trace] = rows
        self._status.value = f"{len(self.positions):,} of {len(self._df):,} rows selected"


def plot_select(
    df: pd.DataFrame,
    *,
    image: Hashable | None = None,
    text: Hashable | None = None,
    root: str | Path | None = None,
    **options: Any,
) -> MapSelection:
    """Show the map in a notebook so that rows can be lassoed: ``picked = plot_select(df)``, then ``picked.selected``.

    Parameters
    ----------
    df : pandas.DataFrame
        A frame with map columns.
    image : column name, optional
        Pictures; that of the row at the pointer is shown above the map.
    text : column name, optional
        Texts, shown likewise.
    root : path, optional
        Folder that relative picture paths start from.
    **options
        As for :func:`mmembed.plot`; not ``z``: a map that turns has no lasso. 760 by 560 pixels unless told otherwise.

    Returns
    -------
    MapSelection

    Raises
    ------
    MissingExtraError
        If the extra ``widget`` is not installed.
    ColumnNotFoundError
        If a column is not there; for the map columns it names the call that makes them.
    """
    if options.get("z") is not None:
        raise ValueError("A map of three dimensions has no lasso. Leave z= out, or use plot(df, z=…) to look at it.")
    import_optional("anywidget", extra="widget", purpose="Selecting rows on a map")
    widgets: Any = import_optional("ipywidgets", extra="widget", purpose="Selecting rows on a map")
    from plotly import graph_objects as go

    pictures = None if image is None else column_of(df, image, argument="image")
    texts = None if text is None else column_of(df, text, argument="text")
    drawn = draw_map(df, root=root, **(_FITS_A_CELL | options))
    figure = go.FigureWidget(drawn.figure)
    figure.update_layout(dragmode="lasso")
    status = widgets.Label(f"0 of {len(df):,} rows selected")
    # Above the map: at its side it would be cut off in a narrow window, below it out of sight.
    panel = widgets.HTML(layout={"min_height": f"{_PICTURE_PIXELS + 10}px"})
    shown = [status] if pictures is None and texts is None else [status, panel]
    selection = MapSelection(df, figure, widgets.VBox([*shown, figure]), status)
    show = _shower(panel, pictures, texts, Path(root) if root is not None else Path.cwd())
    for number, rows in enumerate(drawn.rows):
        trace = figure.data[number]
        trace.on_selection(_on_selection(selection, number, rows))
        trace.on_deselect(_on_deselect(selection, number))
        trace.on_hover(_on_hover(show, rows))
    return selection


def _on_selection(selection: MapSelection, number: int, rows: npt.NDArray[np.intp]) -> Callable[..., None]:
    # Plotly tells every trace which of its points are selected, also where there are none.
    return lambda _trace, points, _selector: selection._take(number, rows[points.point_inds])  # noqa: SLF001


def _on_deselect(selection: MapSelection, number: int) -> Callable[..., None]:
    return lambda _trace, _points: selection._take(number, np.empty(0, dtype=np.intp))  # noqa: SLF001


def _on_hover(show: Callable[[int], None], rows: npt.NDArray[np.intp]) -> Callable[..., None]:
    def hovered(_trace: Any, points: Any, _state: Any) -> None:
        if points.point_inds:
            show(int(rows[points.point_inds[0]]))

    return hovered


def _shower(panel: Any, pictures: pd.Series | None, texts: pd.Series | None, root: Path) -> Callable[[int], None]:
    """Return what puts the picture and text of a row into the panel."""

    def show(row: int) -> None:
        parts = []
        if pictures is not None:
            parts.append(_picture(pictures.iloc[row], root))
        if texts is not None:
            parts.append(f"<p>{html.escape(one_line(texts.iloc[row], 300))}</p>")
        panel.value = f'<div style="display:flex;gap:12px;align-items:center">{"".join(parts)}</div>'

    return show


def _picture(cell: object, root: Path) -> str:
    from mmembed.contents.thumbnails import data_uri, make_thumbnail

    try:
        data = make_thumbnail(cell, root=root, edge=2 * _PICTURE_PIXELS, max_bytes=40_000)
    except ContentError as error:
        return f"<p><i>{html.escape(str(error))}</i></p>"
    return f'<img src="{data_uri(data)}" alt="" style="max-height:{_PICTURE_PIXELS}px">'
