"""The lasso and the CSV file: the right rows, in a form that no spreadsheet runs."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmembed.report import build_report

pytestmark = pytest.mark.browser

FORMULAS = [
    "=1+1",
    "+SUM(A1)",
    "-2+3",
    "@cmd",
    "\t=x",
    "＝1+1",
    "|calc",
    '"=1',
    " =HYPERLINK(1)",
    "-12.5",
    'plain, "quoted"',
]


@pytest.fixture
def table():
    """Return 200 rows in two clusters; 22 of them have cells that a spreadsheet would run."""
    rng = np.random.default_rng(3)
    code = np.arange(200) % 2
    df = pd.DataFrame(
        {
            "map_x": code * 10 + rng.normal(size=200),
            "map_y": rng.normal(size=200),
            "cluster": code,
            "cluster_name": np.where(code == 0, "=left", "right"),
            "=title": [FORMULAS[row % 11] if row < 22 else f"row {row}" for row in range(200)],
        },
        index=[f"sku-{row // 2}" for row in range(200)],
    )
    df.loc[df.index[10:12], "map_x"] = np.nan
    return df


def draw_loop(page, corners, *, shift=False):
    """Drag a loop over the map through corners in map pixels."""
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#canvas").bounding_box()
    places = [(box["x"] + x, box["y"] + y) for x, y in corners]
    if shift:
        page.keyboard.down("Shift")
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
    if shift:
        page.keyboard.up("Shift")


def download(page, folder):
    """Return the lines of the CSV file that the page gives."""
    with page.expect_download() as event:
        page.locator("#download").click()
    path = folder / event.value.suggested_filename
    event.value.save_as(path)
    raw = Path(path).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(raw.decode("utf-8-sig").splitlines()))


@pytest.mark.parametrize("by_key", [True, False])
def test_a_lasso_gives_exactly_the_rows_inside(open_report, table, tmp_path, by_key):
    """Left of a slanted line, by the button or with Shift: the list and the CSV file are the rows in the loop."""
    page = open_report(build_report(table, text="=title", language="en"))
    width, height = page.evaluate("[mmembedReport.map.width, mmembedReport.map.height]")
    if not by_key:
        page.locator("#lasso").click()
        assert page.locator("#lasso").get_attribute("aria-pressed") == "true"
    corners = [(4, 4), (width * 0.4, 4), (width * 0.2, height - 4), (4, height - 4)]
    draw_loop(page, corners, shift=by_key)
    expected = page.evaluate(
        """([w, h]) => { const m = mmembedReport.map; return [...Array(m.points.count).keys()].filter((i) => {
          const x = m.screenX(i), y = m.screenY(i);
          return x > 4 && x < w * 0.4 + (y - 4) / (h - 8) * (w * -0.2); })
          .map((i) => mmembedReport.points.rows[i]); }""",
        [width, height],
    )
    assert 20 < len(expected) < 150
    assert f"{len(expected)} rows selected" in page.locator("#status").inner_text()
    assert page.locator("#lasso").get_attribute("aria-pressed") == "false"
    lines = download(page, tmp_path)
    assert [int(line[0]) for line in lines[1:]] == expected
    for line in lines[1:]:
        row = table.iloc[int(line[0])]
        assert line[1] == table.index[int(line[0])]
        assert line[2] == str(row["cluster"])
        assert line[3].removeprefix("'") == row["cluster_name"]
        assert line[4].removeprefix("'").split() == row["=title"].split()


def test_no_cell_of_the_file_is_a_formula(open_report, table, tmp_path):
    """Cells, names and headings that a spreadsheet would run begin with an apostrophe; numbers and quotes stay."""
    page = open_report(build_report(table, text="=title", language="en"))
    page.locator("#legend button", has_text="=left").click()
    lines = download(page, tmp_path)
    assert len(lines) == 1 + 99
    assert lines[0][4] == "'=title"
    assert {line[3] for line in lines[1:]} == {"'=left"}
    cells = {line[4] for line in lines[1:] if not line[4].startswith("row ")}
    assert cells == {"-12.5"} | {"'" + " ".join(one.split()) for one in FORMULAS[:9]}


def test_a_lasso_around_nothing_changes_nothing(open_report, table):
    """An empty loop selects nothing and the map can be dragged again."""
    page = open_report(build_report(table, text="=title", language="en"))
    page.locator("#lasso").click()
    draw_loop(page, [(20, 20), (40, 20), (40, 40), (20, 40)])
    assert "All 198 points" in page.locator("#status").inner_text()
    page.locator("#lasso").click()
    page.keyboard.press("Escape")
    assert page.locator("#lasso").get_attribute("aria-pressed") == "false"


def test_search_narrows_a_lasso(open_report, table, tmp_path):
    """A word in the search box keeps the rows of the loop that have it."""
    page = open_report(build_report(table, text="=title", language="en"))
    width, height = page.evaluate("[mmembedReport.map.width, mmembedReport.map.height]")
    draw_loop(page, [(20, 4), (width / 2, 4), (width / 2, height - 4), (20, height - 4)], shift=True)
    page.locator("#search").fill("row sku-7")
    rows = [int(line[0]) for line in download(page, tmp_path)[1:]]
    assert rows == [row for row in range(22, 200, 2) if str(row // 2).startswith("7")]
