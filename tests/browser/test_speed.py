"""A hundred thousand points: the file's size, and frames while the map is dragged and zoomed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmembed.report import build_report

pytestmark = pytest.mark.browser

# Drags the map through real frames, across so much of it that the points must be drawn again. In turn with that nothing
# is dragged: the frames of a page at rest tell how much of the machine the browser has at the moment.
PAN = """async () => {
  const { map } = mmembedReport;
  map.camera.set({ k: 3, x: -600, y: -400 });
  let frames = 0, dx = -9;
  const frames_of = (move) => new Promise((done) => {
    let count = 0, began = 0;
    const step = (now) => {
      if (!began) began = now;
      if (now - began > 700) { done(count / (now - began) * 1000); return; }
      count++;
      move();
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
  const drag = () => {
    if (++frames % 90 === 0) dx = -dx;
    map.camera.shift(dx, dx / 3);
  };
  let dragged = 0, resting = 0;
  for (let round = 0; round < 4; round++) {
    dragged = Math.max(dragged, await frames_of(drag));
    resting = Math.max(resting, await frames_of(() => {}));
  }
  return [dragged, resting, map.dots.times];
}"""


# Zooms by one hundredth in each of 120 frames, then waits until the map rests.
ZOOM = """() => new Promise((done) => {
  const { map } = mmembedReport, before = map.dots.times;
  let frames = 0, drawn = 0;
  const step = () => {
    if (frames++ < 120) { map.camera.zoomAt(500, 300, 1.01); requestAnimationFrame(step); return; }
    drawn ||= map.dots.times - before;
    if (!map.settled) { requestAnimationFrame(step); return; }
    requestAnimationFrame(() => requestAnimationFrame(() => done([drawn, map.dots.layer.k, map.view.k])));
  };
  requestAnimationFrame(step);
})"""


def test_a_zoom_scales_the_picture_of_many_points(open_report):
    """While the map is zoomed, 100,000 points are drawn anew in few frames, and once it rests, as they are."""
    rng = np.random.default_rng(0)
    df = pd.DataFrame(rng.normal(size=(100_000, 2)), columns=["map_x", "map_y"]).assign(cluster=np.arange(100_000) % 9)
    drawn, drawn_at, zoom = open_report(build_report(df)).evaluate(ZOOM)
    assert 1 <= drawn <= 20
    assert drawn_at == zoom > 3


def test_a_hundred_thousand_points_are_dragged_fluently(open_report):
    """At most 15 MB, at least 20 frames a second, the nearest point at once, and the search finds its rows.

    A browser that has too little of the machine for 40 frames of a page at rest must draw half of those.
    """
    rng = np.random.default_rng(0)
    n = 100_000
    code = np.arange(n) % 60
    xy = (rng.normal(size=(60, 2)) * 8)[code] + rng.normal(size=(n, 2))
    df = pd.DataFrame(
        {
            "map_x": xy[:, 0],
            "map_y": xy[:, 1],
            "cluster": code,
            "text": [f"商品标题 number {row} 加长" for row in range(n)],
        }
    )
    report = build_report(df, text="text")
    assert len(report.html().encode()) <= 15_000_000
    page = open_report(report)
    assert page.evaluate("mmembedReport.points.count") == n
    dragged, resting, drawn = page.evaluate(PAN)
    assert drawn > 2
    assert dragged >= min(20, resting / 2), (dragged, resting)
    # The quickest of many rounds, between which the machine may do something else.
    milliseconds = page.evaluate(
        """() => Math.min(...Array.from({ length: 30 }, () => { const m = mmembedReport.map, began = performance.now();
          for (let i = 0; i < 10; i++) m.nearest(100 + i * 50, 200, 12);
          return (performance.now() - began) / 10; }))"""
    )
    assert milliseconds < 5
    page.locator("#search").fill("4321 加长")
    expected = [row for row in range(n) if "4321" in str(row)]
    page.wait_for_function("(count) => mmembedReport.panel.hits?.length === count", arg=len(expected))
    assert page.evaluate("mmembedReport.panel.hits") == expected
