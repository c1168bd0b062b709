"""The canvas that page and notebook share: its script, its style, and the table behind it as compact data.

Numbers are 16-bit or 32-bit integers, little endian. :func:`as_base64` turns them into text for a page; a notebook
sends them as bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Hashable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.graphs.graph import has_graph, neighbors
from mmembed.analysis.tallies.categories import Categories, group_rows
from mmembed.analysis.tallies.dates import read_dates
from mmembed.arrays import Positions
from mmembed.figures.canvas_words import CanvasWords
from mmembed.figures.hues import color_by_place
from mmembed.figures.style import MISSING_TONE, NOISE_TONE, is_measure, tone
from mmembed.frames import coordinates, cut, one_line

# Each file may use what the ones before it define; together they are one script.
CANVAS_SCRIPTS = (
    "table.js", "coloring.js", "grid.js", "raster.js", "camera.js", "density.js", "dots.js", "names.js", "pictures.js",
    "lasso.js", "gestures.js", "map.js", "csv.js", "board.js", "tip.js", "panel.js", "state.js", "explorer.js",
)  # fmt: skip

CANVAS_STYLE = "explorer.css"

NEIGHBORS = 15

_FEWEST_NEIGHBORS = 3

_COMPUTED_ROWS = 20_000  # up to here the graph takes 2 or 3 seconds

_MOST_VALUES = 40

_VALUE_LENGTH = 40

_NO_CODE = 0xFFFF

# Viridis without its ends, which vanish on dark and on white: 16 steps, the same on both.
_SCALE = (
    "#46327E", "#424086", "#3B4F8A", "#355E8D", "#2E6C8E", "#287B8E", "#23898E", "#1F978B",
    "#22A585", "#2EB37C", "#46C06F", "#65CB5E", "#89D548", "#AFDD2F", "#CEE11E", "#E7E419",
)  # fmt: skip


@cache
def canvas_script() -> str:
    """Return the definitions of the canvas as one script, without what starts it."""
    return "\n".join(map(canvas_source, CANVAS_SCRIPTS))


@cache
def canvas_source(name: str) -> str:
    """Return the text of one of the canvas's files."""
    return files("mmembed.figures").joinpath("scripts", name).read_text(encoding="utf-8")


def as_base64(data: object) -> object:
    """Return data with every bytes object in it as base64 text."""
    if isinstance(data, bytes):
        return base64.b64encode(data).decode("ascii")
    if isinstance(data, Mapping):
        return {key: as_base64(value) for key, value in data.items()}
    if isinstance(data, list) and data and not isinstance(data[0], str):
        return [as_base64(one) for one in data]
    return data


def point_data(
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    grouping: Categories,
    points: Positions,
    positions: Positions | None = None,
) -> dict[str, object]:
    """Return coordinates, groups and colours of the points.

    Both axes share one scale, so that distances on the map keep their proportions. A step of 1/65535 of the map is a
    fiftieth of a pixel on a screen, and less than one pixel at the deepest zoom.

    Parameters
    ----------
    x, y : numpy.ndarray of float, shape (n,)
        Coordinates of the rows.
    grouping : Categories
        Groups of the rows.
    points : numpy.ndarray of int, shape (m,)
        Rows that are on the map.
    positions : numpy.ndarray of int, shape (n,), optional
        Where the rows stand in the whole table, if they are a sample.
    """
    codes = grouping.codes[points]
    across, up = x[points], y[points]
    left, bottom = (float(axis.min()) if len(points) else 0.0 for axis in (across, up))
    span = max(float(np.ptp(across)), float(np.ptp(up))) if len(points) else 0.0
    scale = 65535 / span if span > 0 else 0.0
    rows = (points if positions is None else positions[points]).astype("<u4").tobytes()
    colors = color_by_place(across, up, codes, len(grouping.groups))
    return {
        "count": len(points),
        "x": _packed((across - left) * scale),
        "y": _packed((up - bottom) * scale),
        "group": _packed(np.where(codes < 0, _NO_CODE, codes)),
        # Positions in the frame, where they are not simply 0, 1, 2, …
        "rows": None if positions is None and len(points) == len(x) else rows,
        "groups": [{"key": one_line(one.key, 60), "name": one.name, "size": one.size} for one in grouping.groups],
        "noise": grouping.noise,
        "tones": colors.tones,
        "inks": colors.inks,
        "noiseTone": NOISE_TONE,
        "fadedTone": MISSING_TONE,
        "scale": [[one, one] for one in _SCALE],
    }


def text_data(words: CanvasWords, columns: Sequence[pd.Series], texts: list[list[str]]) -> dict[str, object]:
    """Return the texts of the points with the names of their columns, and the words of the interface."""
    return {
        "words": words.as_dict(),
        "language": words.tag,
        "texts": texts,
        "columns": [one_line(column.name, 40) for column in columns],
    }


def neighbor_data(vectors: pd.Series, points: Positions, *, most_bytes: int) -> dict[str, object] | None:
    """Return the nearest neighbours of each point among the points, nearest first; None where there is no room.

    They come from the graph of the whole column, which clusters and maps have computed before; of more than 20,000 rows
    it is not computed for this alone.

    Parameters
    ----------
    vectors : pandas.Series, length n
        The vector column.
    points : numpy.ndarray of int, shape (m,)
        Rows that are on the map.
    most_bytes : int
        Room; fewer neighbours are kept where 15 do not fit.
    """
    size = 2 if len(points) < _NO_CODE else 4
    k = min(NEIGHBORS, most_bytes // max(size * len(points), 1), len(points) - 1)
    if k < min(_FEWEST_NEIGHBORS, len(points) - 1) or k < 1:
        return None
    if len(vectors) > _COMPUTED_ROWS and not has_graph(vectors):
        return None
    found = neighbors(vectors, NEIGHBORS).indices[points]
    place = np.full(len(vectors) + 1, -1, dtype=np.int64)  # the last place serves −1, no neighbour
    place[points] = np.arange(len(points))
    near = place[found]
    # Neighbours that are not on the map leave no gap.
    near = np.take_along_axis(near, np.argsort(near < 0, axis=1, kind="stable"), axis=1)[:, :k]
    none = (1 << 8 * size) - 1
    return {"k": k, "bytes": size, "points": np.where(near < 0, none, near).astype(f"<u{size}").tobytes()}


def choice_data(
    df: pd.DataFrame, points: Positions, *, color: Sequence[Hashable], keep: Sequence[Hashable], other: str
) -> list[dict[str, Any]]:
    """Return the columns that colour and filter the points.

    Parameters
    ----------
    df : pandas.DataFrame, n rows
        Has the columns.
    points : numpy.ndarray of int, shape (m,)
        Rows that are on the map.
    color, keep : sequence of column name
        Columns that colour, and columns that filter; one may do both.
    other : str
        What values beyond the most frequent 40 are called together, with ``{count}``.
    """
    return [
        {"name": one_line(name, 40), "color": name in color, "filter": name in keep}
        | _read_choice(df[name].iloc[points], other)
        for name in dict.fromkeys([*color, *keep])
    ]


def _read_choice(cells: pd.Series, other: str) -> dict[str, Any]:
    if pd.api.types.is_datetime64_any_dtype(cells):
        moments, _ = read_dates(cells)
        milliseconds = moments.to_numpy("datetime64[ms]").astype(np.float64)
        return _steps("time", np.where(moments.notna(), milliseconds, np.nan))
    if is_measure(cells):
        return _steps("number", coordinates(cells))
    grouping = group_rows(cells, noise=False)
    groups, codes = grouping.groups, grouping.codes
    shown = groups if len(groups) <= _MOST_VALUES + 1 else groups[:_MOST_VALUES]
    values = [one_line(one.key, _VALUE_LENGTH) or "–" for one in shown]
    tones = [tone(place) for place in range(len(shown))]
    if len(shown) < len(groups):
        values.append(other.format(count=len(groups) - len(shown)))
        tones.append(MISSING_TONE)
        codes = np.minimum(codes, len(shown))
    return {
        "kind": "category",
        "values": values,
        "tones": tones,
        "codes": _packed(np.where(codes < 0, _NO_CODE, codes)),
    }


def _steps(kind: str, numbers: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Return numbers as 65,535 steps between the least and the most; the step above them is a missing one."""
    known = np.isfinite(numbers)
    low, high = (float(numbers[known].min()), float(numbers[known].max())) if known.any() else (0.0, 0.0)
    # Halves, because the difference of two huge numbers may be none.
    span = high / 2 - low / 2
    shares = (np.where(known, numbers, low) / 2 - low / 2) / span if span > 0 else np.zeros(len(numbers))
    steps = np.where(known, shares * (_NO_CODE - 1), _NO_CODE)
    return {"kind": kind, "low": low, "high": high, "codes": _packed(steps)}


def _packed(values: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> bytes:
    return np.rint(values).astype("<u2").tobytes()


_LENGTHS = (600, 300, 160, 90, 48, 24, 0)


def point_labels(index: pd.Index, points: Positions) -> list[str] | None:
    """Return the index label of each point as text, or None where the place in the list is the label."""
    if isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1 and len(points) == len(index):
        return None
    return [one_line(label, 40) for label in index[points]]


def whole_texts(columns: Sequence[pd.Series], points: Positions, length: int) -> list[list[str]]:
    """Return the texts of the points, one list a column, each cut to a length."""
    return [[cut(one_line(cell, length + 1), length) for cell in column.iloc[points]] for column in columns]
