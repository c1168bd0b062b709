"""Selecting rows on the map: the messages that plotly's script sends become rows of the frame."""

from __future__ import annotations

import pandas as pd
import pytest

from mmembed.figures import plot_select
from mmembed.figures.selection import MapSelection


def send(selection: MapSelection, kind: str, points: list[tuple[int, int]]):
    """Hand the figure what its script sends: (trace, point) pairs that are inside the lasso, or at the pointer."""
    selector = {"type": "lasso", "selector_state": {"xs": [0, 1, 1], "ys": [0, 0, 1]}}
    selection.figure._js2py_pointsCallback = {
        "event_type": kind,
        "points": {
            "trace_indexes": [trace for trace, _ in points],
            "point_indexes": [point for _, point in points],
            "xs": [0.0] * len(points),
            "ys": [0.0] * len(points),
        },
        "device_state": None,
        "selector": selector if kind == "plotly_selected" else None,
    }


def test_the_lasso_gives_the_rows_of_the_frame(goods):
    """Points of several traces are one frame, in its order, with its index and columns."""
    picked = plot_select(goods)
    assert picked.selected.empty
    traces = {trace.name: number for number, trace in enumerate(picked.figure.data)}
    send(
        picked,
        "plotly_selected",
        [(traces["蓝牙耳机 (7)"], 1), (traces["红色连衣裙 (7)"], 0), (traces["noise (2)"], 1)],
    )
    pd.testing.assert_frame_equal(picked.selected, goods.iloc[[0, 4, 22]])
    assert "3 of 24" in picked._status.value
    assert "selected=3" in repr(picked)


def test_a_new_lasso_replaces_the_old_one_and_a_double_click_clears(goods):
    """A trace without a point in the new lasso keeps none of the old."""
    picked = plot_select(goods, color="shop")
    send(picked, "plotly_selected", [(0, 0), (1, 0)])
    send(picked, "plotly_selected", [(1, 2)])
    assert picked.positions.tolist() == [5]
    send(picked, "plotly_deselect", [])
    assert picked.selected.empty


def test_pointing_at_a_row_shows_its_picture_and_text(pictured, tmp_path):
    """The panel has the row's thumbnail and its escaped text; a missing file is said."""
    df = pictured.assign(
        title=["<b>bold</b>", *pictured["title"][1:]], photo=[*pictured["photo"][:3], *["gone.png"] * 21]
    )
    picked = plot_select(df, image="photo", text="title", color="shop", root=tmp_path)
    panel = picked.widget.children[1]
    send(picked, "plotly_hover", [(0, 0)])
    assert "data:image/webp;base64," in panel.value
    assert "&lt;b&gt;bold" in panel.value
    send(picked, "plotly_hover", [(1, 5)])
    assert "gone.png" in panel.value


def test_a_notebook_can_show_it(goods):
    """The object offers the widget's own representation."""
    picked = plot_select(goods)
    assert "application/vnd.jupyter.widget-view+json" in picked._repr_mimebundle_()
    assert picked.figure.layout.dragmode == "lasso"


def test_a_map_that_turns_has_no_lasso(goods):
    """Three dimensions are refused with what to do."""
    with pytest.raises(ValueError, match="no lasso"):
        plot_select(goods.assign(map_z=0.0), z="map_z")
