"""What stands on a map beside its points: names of groups that do not hide each other, and small pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.tallies.categories import Grouping
from mmembed.frames import one_line
from mmembed.reporting.placing import medoid, place_names
from mmembed.reporting.theming import Theme, plain

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Axes = list[npt.NDArray[np.float64]]

_NAME_LENGTH = 28
_PICTURES_ACROSS = 14


def add_names(
    figure: Figure,
    axes: Axes,
    on_map: npt.NDArray[np.bool_],
    grouping: Grouping,
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


def _span(values: npt.NDArray[np.float64]) -> float:
    span = float(np.ptp(values)) if len(values) else 0.0
    return span if span > 0 else 1.0
