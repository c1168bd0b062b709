"""What a search found, side by side: pictures or texts with their similarity, best first."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmembed.figures.map import hover_of, text_width
from mmembed.figures.style import Theme, ThemeName, dress, plain, theme_of
from mmembed.frames import as_list, column_of, one_line

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_MOST_TILES = 200
_REMEDY = "df.mmembed.search(query, '<vector column>')"
_TEXT_PIXELS = 13
_LINES = 6
_GAP = 14
_HEAD = 30


def plot_neighbors(
    hits: pd.DataFrame,
    *,
    image: Hashable | None = None,
    text: Hashable | None = None,
    hover: Hashable | Sequence[Hashable] | None = None,
    similarity: Hashable = "similarity",
    across: int = 5,
    tile: int = 160,
    title: str | None = None,
    theme: ThemeName = "light",
    root: str | Path | None = None,
) -> Figure:
    """Draw search hits as a gallery.

    Parameters
    ----------
    hits : pandas.DataFrame
        What ``df.mmembed.search`` returned, for one query or for many; each query begins a new line.
    image : column name, optional
        Pictures; they are drawn small, and never fetched from the network.
    text : column name, optional
        Texts, under the pictures or on their own.
    hover : column name or list, optional
        Columns to read when pointing at a hit.
    similarity : column name
        Cosine with the query.
    across : int
        Hits in a line.
    tile : int
        Width of a hit in pixels.
    title : str, optional
    theme : {"light", "dark"}
    root : path, optional
        Folder that relative picture paths start from; the working directory by default.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    ColumnNotFoundError
        If a column is not there; for the similarity it names the call that makes it.
    ValueError
        If neither pictures nor texts are named, or there are more than 200 hits.

    Examples
    --------
    >>> hits = pd.DataFrame({"title": ["a cat", "a dog"], "similarity": [0.8, 0.6]})
    >>> len(plot_neighbors(hits, text="title").data[0].x)
    2
    """
    from plotly import graph_objects as go

    if image is None and text is None:
        raise ValueError("A gallery needs something to show. Name a column: image=, text= or both.")
    if len(hits) > _MOST_TILES:
        raise ValueError(
            f"{len(hits)} hits are too many for one gallery; at most {_MOST_TILES}. Search with a lower k."
        )
    if across < 1 or tile < 40:
        raise ValueError(f"across={across}, tile={tile} leave no room. Give at least 1 hit a line and 40 pixels.")
    scores = column_of(hits, similarity, argument="similarity", remedy=_REMEDY)
    chosen = theme_of(theme)
    lines = _LINES if image is None else 2
    texts_height = 0 if text is None else round(lines * _TEXT_PIXELS * 1.35) + 4
    height = 22 + texts_height + (tile if image is not None else 0)
    places, heads, bottom = _arrange(hits, across, height)
    width = across * (tile + _GAP) + _GAP
    x = np.array([_GAP + column * (tile + _GAP) for column, _ in places], dtype=np.float32)
    y = np.array([top for _, top in places], dtype=np.float32)
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            x=x + tile / 2,
            y=y + height / 2,
            mode="markers",
            marker={"size": min(tile, height), "opacity": 0, "symbol": "square"},
            showlegend=False,
            **hover_of(hits, as_list(hits, hover)).options(np.arange(len(hits)), "hit"),
        )
    )
    names = [f"{value:.3f}" if pd.notna(value) else "–" for value in scores]
    for place, name in enumerate(names):
        _write(figure, x[place], y[place] + height - 20, f"<b>{name}</b>", chosen)
    if text is not None:
        offset = tile if image is not None else 0
        for place, cell in enumerate(column_of(hits, text, argument="text")):
            wrapped = "<br>".join(plain(line) for line in _wrap(one_line(cell, 200), tile, lines))
            _write(figure, x[place], y[place] + offset + 2, wrapped, chosen)
    for top, query in heads:
        _write(figure, _GAP, top, f"<b>{plain(one_line(query, 80))}</b>", chosen)
    if image is not None:
        _add_pictures(figure, column_of(hits, image, argument="image"), x, y, tile=tile, root=root)
    dress(
        figure,
        chosen,
        title=title,
        size=(int(width), int(bottom) + (56 if title else 8)),
        margin={"l": 0, "r": 0, "t": 48 if title else 0, "b": 0},
        xaxis={"visible": False, "range": [0, float(width)], "fixedrange": True},
        yaxis={"visible": False, "range": [float(bottom), 0.0], "fixedrange": True},
    )
    return figure


def _arrange(
    hits: pd.DataFrame, across: int, height: int
) -> tuple[list[tuple[int, int]], list[tuple[int, object]], int]:
    """Return column and top of each hit, top and name of each query, and the bottom of all."""
    queries = hits["query"].tolist() if "query" in hits.columns else [None] * len(hits)
    places: list[tuple[int, int]] = []
    heads: list[tuple[int, object]] = []
    top, column, last = _GAP, 0, object()
    for query in queries:
        is_new = "query" in hits.columns and not (query is last or query == last)
        if (is_new and places) or column == across:
            top, column = top + height + _GAP, 0
        if is_new:
            heads.append((top, query))
            top += _HEAD
        last = query
        places.append((column, top))
        column += 1
    return places, heads, top + height + _GAP


def _write(figure: Figure, x: float, y: float, text: str, theme: Theme) -> None:
    figure.add_annotation(
        x=float(x), y=float(y), text=text, showarrow=False, xanchor="left", yanchor="top", align="left", borderpad=0,
        font={"size": _TEXT_PIXELS, "color": theme.ink},
    )  # fmt: skip


def _wrap(text: str, pixels: int, most: int) -> list[str]:
    """Return a text in lines that fit: broken at spaces where there are any, else, as in Chinese, at any character."""
    room = pixels / _TEXT_PIXELS
    lines = [""]
    for word in text.split(" "):
        candidate = f"{lines[-1]} {word}".strip()
        if text_width(candidate) <= room:
            lines[-1] = candidate
            continue
        if lines[-1]:
            lines.append("")
        for character in word:
            if text_width(lines[-1] + character) > room:
                lines.append("")
            lines[-1] += character
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1][:-1] + "…"]
    return lines


def _add_pictures(
    figure: Figure,
    cells: pd.Series,
    x: np.ndarray[tuple[int], np.dtype[np.float32]],
    y: np.ndarray[tuple[int], np.dtype[np.float32]],
    *,
    tile: int,
    root: str | Path | None,
) -> None:
    from mmembed.contents.thumbnails import data_uri, make_thumbnails

    made, reasons = make_thumbnails(
        range(len(cells)),
        lambda row: (cells.iloc[row], "image"),
        root=Path(root) if root is not None else None,
        edge=2 * tile if len(cells) <= 30 else tile,
        max_bytes=20_000,
    )
    for row, data in made.items():
        figure.add_layout_image(
            source=data_uri(data), x=float(x[row]), y=float(y[row]), xref="x", yref="y", xanchor="left", yanchor="top",
            sizex=tile, sizey=tile, sizing="contain",
        )  # fmt: skip
    for row in range(len(cells)):
        if row not in made:
            why = "no picture" if reasons else ""
            figure.add_annotation(x=float(x[row]) + tile / 2, y=float(y[row]) + tile / 2, text=why, showarrow=False)
