"""The data of the report's map as compact JSON that is safe inside a ``<script>`` element."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.tallies.categories import Grouping
from mmembed.frames import cut, one_line
from mmembed.reporting.selecting import Positions

_LENGTHS = (600, 300, 160, 90, 48, 24, 0)
_NOISE = 0xFFFF
# Inside a script element, "</script" and "<!--" end or change the element whatever the JSON says; the two separators
# end a line in old JavaScript. As \u escapes they are the same strings to JSON.parse and nothing to the HTML parser.
_ESCAPES = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class CutTexts:
    """Text columns of the points, cut to one length so that they fit a budget.

    Attributes
    ----------
    columns : list of list of str
        One list a text column, one text a point.
    length : int
        Longest text that was kept whole, in characters.
    cut : int
        How many cells were longer.
    """

    columns: list[list[str]]
    length: int
    cut: int


def to_json(data: object) -> str:
    r"""Return JSON without line breaks that cannot leave a script element.

    Examples
    --------
    >>> to_json("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, escape in _ESCAPES.items():  # many times faster than one str.translate
        text = text.replace(character, escape)
    return text


def cut_texts(columns: Sequence[pd.Series], points: Positions, budget_bytes: int) -> CutTexts:
    """Return the texts of the points, all cut to the largest length with which they fit the budget.

    Parameters
    ----------
    columns : sequence of pandas.Series
        Text columns.
    points : numpy.ndarray
        Positions of the rows.
    budget_bytes : int
        Most bytes as JSON.
    """
    whole = [[one_line(cell, _LENGTHS[0] + 1) for cell in column.iloc[points]] for column in columns]
    for length in _LENGTHS:
        texts = [[cut(text, length) for text in column] for column in whole]
        if length == 0 or len(to_json(texts).encode()) <= budget_bytes:
            break
    return CutTexts(texts, length, sum(len(text) > length for column in whole for text in column))


def point_labels(index: pd.Index, points: Positions) -> list[str] | None:
    """Return the index label of each point as text, or None where the place in the list is the label."""
    if isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1 and len(points) == len(index):
        return None
    return [one_line(label, 40) for label in index[points]]


def map_data(
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    grouping: Grouping,
    points: Positions,
    positions: npt.NDArray[np.int64] | None = None,
) -> dict[str, object]:
    """Return coordinates and groups of the points: 16-bit integers, little endian, as base64.

    Both axes share one scale, so that distances on the map keep their proportions. A step of 1/65535 of the map is a
    fiftieth of a pixel on a screen, and less than one pixel at the deepest zoom. ``positions`` tells where the rows
    stand in the whole table, if they are a sample.
    """
    codes = grouping.codes[points]
    across, up = x[points], y[points]
    left, bottom = (float(axis.min()) if len(points) else 0.0 for axis in (across, up))
    span = max(float(np.ptp(across)), float(np.ptp(up))) if len(points) else 0.0
    scale = 65535 / span if span > 0 else 0.0
    rows = (points if positions is None else positions[points]).astype("<u4").tobytes()
    return {
        "count": len(points),
        "x": _base64((across - left) * scale),
        "y": _base64((up - bottom) * scale),
        "group": _base64(np.where(codes < 0, _NOISE, codes)),
        # Positions in the frame, where they are not simply 0, 1, 2, …
        "rows": None if positions is None and len(points) == len(x) else base64.b64encode(rows).decode("ascii"),
    }


def _base64(values: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> str:
    return base64.b64encode(np.rint(values).astype("<u2").tobytes()).decode("ascii")
