"""A page that plotly writes, with the picture of the row at the pointer."""

from __future__ import annotations

import pandas as pd
import pytest
from PIL import Image

from mmembed.figures import hover_pictures, plot

pytestmark = pytest.mark.browser

COLORS = [(200, 30, 40), (20, 60, 190), (30, 140, 60)]


def test_the_picture_at_the_pointer_is_that_of_the_row(browser, tmp_path):
    """Pointing at a row shows its own picture beside the pointer; a row without one shows none; offline."""
    for row, color in enumerate(COLORS):
        Image.new("RGB", (40, 30), color).save(tmp_path / f"{row}.png")
    df = pd.DataFrame(
        {
            "map_x": [0.0, 10, 20, 30],
            "map_y": [0.0, 5, 0, 5],
            "kind": list("abab"),
            "photo": ["0.png", "1.png", "2.png", None],
        }
    )
    page_file = tmp_path / "map.html"
    plot(df, color="kind", image="photo", labels=False, root=tmp_path).write_html(
        page_file, post_script=hover_pictures()
    )
    context = browser.new_context(viewport={"width": 1100, "height": 800}, offline=True)
    page = context.new_page()
    page.goto(page_file.as_uri())
    page.wait_for_function("() => document.querySelector('.js-plotly-plot')?._fullLayout?.xaxis?.l2p")
    shown = page.locator(".js-plotly-plot > img")
    for row, color in enumerate([*COLORS, None]):
        x, y = page.evaluate(
            """([x, y]) => { const plot = document.querySelector(".js-plotly-plot"), box = plot.getBoundingClientRect();
              const { xaxis, yaxis } = plot._fullLayout;
              return [box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + yaxis.l2p(y)]; }""",
            [float(df["map_x"][row]), float(df["map_y"][row])],
        )
        page.mouse.move(5, 5)
        page.mouse.move(x, y, steps=3)
        if color is None:
            page.wait_for_function("() => document.querySelector('.js-plotly-plot > img').hidden")
            continue
        shown.wait_for(state="visible")
        seen = page.evaluate(
            """async () => { const image = document.querySelector(".js-plotly-plot > img"); await image.decode();
              const copy = new OffscreenCanvas(4, 4).getContext("2d"); copy.drawImage(image, 0, 0, 4, 4);
              return [...copy.getImageData(1, 1, 1, 1).data.slice(0, 3)]; }"""
        )
        assert max(abs(a - b) for a, b in zip(seen, color, strict=True)) < 24
    context.close()
