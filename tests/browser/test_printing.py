"""A report on paper: few sheets, headings with what they are over, and the map drawn for the sheet."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mmembed.report import build_report

pytestmark = pytest.mark.browser

SHEET = 842  # points of A4
FOOT = 80  # of it: a heading lower than that has nothing below it but the margin
NAMES = ["food", "animals", "tools", "planets", "birds", "flowers"]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Return a report like that of the demo: 138 rows in six topics, each with a picture, and all kinds of findings."""
    photos = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    code = np.sort(random.integers(0, 6, 138))
    for row in range(138):
        color = tuple(int(one) for one in random.integers(0, 256, 3))
        Image.new("RGB", (200, 150), color).save(photos / f"{row}.png")
    df = pd.DataFrame(
        {
            "text": [f"{NAMES[one]} number {row}" for row, one in enumerate(code)],
            "photo": [f"{row}.png" for row in range(138)],
            "category": [NAMES[one] for one in code],
            "day": pd.date_range("2024-01-01", periods=138, freq="3D"),
            "cluster": code,
            "cluster_name": [NAMES[one] for one in code],
            "cluster_score": random.uniform(0.5, 1, 138),
            "map_x": code % 3 * 6 + random.normal(size=138),
            "map_y": code // 3 * 6 + random.normal(size=138),
            "outlier_score": random.uniform(1, 1.1, 138),
            "duplicate_group": np.arange(138) // 2,
        }
    )
    issues = pd.DataFrame({"position": [1, 2], "given": ["food", "birds"], "suggested": ["birds", "food"]})
    return build_report(
        df, text="text", image="photo", breakdown="category", date="day", label_issues=issues, root=photos
    )


def sheets(pdf: bytes) -> list[bytes]:
    """Return the numbers of the objects that are pages, in their order."""
    return re.findall(rb"(\d+) 0 obj\s*<<[^<>]*?/Type /Page\b(?!s)", pdf)


def headings(pdf: bytes) -> list[tuple[int, float]]:
    """Return the sheet and the height above its foot, in points, of each heading."""
    order = {number: place for place, number in enumerate(sheets(pdf))}
    found = re.findall(rb"/Dest \[(\d+) 0 R /XYZ [\d.]+ ([\d.]+) 0\]", pdf)
    return [(order[page], float(height)) for page, height in found]


def test_a_report_like_the_demo_takes_three_to_five_sheets(open_report, report):
    """No heading stands alone at the foot of a sheet, and none is lost."""
    page = open_report(report)
    pdf = page.pdf(format="A4", print_background=True, outline=True, tagged=True)
    assert 3 <= len(sheets(pdf)) <= 5
    found = headings(pdf)
    assert len(found) >= page.locator("h2").count() + len(NAMES)
    assert [place for place in found if place[1] < FOOT] == []
    assert max(height for _, height in found) <= SHEET


@pytest.mark.parametrize("width", [390, 1280])
def test_the_map_is_drawn_for_the_sheet(open_report, report, width):
    """From a phone as from a wide screen it is as wide as the sheet, and drawn with as many dots as it has room."""
    page = open_report(report, width=width)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    box = page.locator("#map").bounding_box()
    assert (box["width"], box["height"]) == (680, 510)
    assert page.evaluate("() => { const { width, height } = mmembedReport.map.canvas; return [width, height]; }") == [
        680,
        510,
    ]


def test_nothing_that_paper_cannot_do_is_printed(open_report, report):
    """No control is left, links are not marked, and every topic has a line in the table."""
    page = open_report(report, color_scheme="dark")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".link:visible, .tools:visible, input:visible, .sorter:not(th *):visible").count() == 0
    assert page.locator(".topics tbody tr").count() == len(NAMES)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.findings a')).textDecorationLine") == "none"


def test_many_topics_take_few_sheets(open_report):
    """The table of forty topics and their smaller groups is parted between topics, and no sheet is left empty."""
    random = np.random.default_rng(0)
    code = np.arange(1600) % 40
    part = code * 6 + np.arange(1600) // 40 % 6
    df = pd.DataFrame(
        {
            "text": [f"topic {one} row {row} with some more words to read" for row, one in enumerate(code)],
            "category": [f"kind {one % 7}" for one in code],
            "day": pd.date_range("2024-01-01", periods=1600, freq="6h"),
            "cluster": code,
            "cluster_name": [f"topic {one} · and its name" for one in code],
            "cluster_score": random.uniform(0.5, 1, 1600),
            "subcluster": part,
            "subcluster_name": [
                f"topic {one} · and its name / part {two}" for one, two in zip(code, part, strict=True)
            ],
            "map_x": code % 8 * 6 + random.normal(size=1600),
            "map_y": code // 8 * 6 + random.normal(size=1600),
        }
    )
    page = open_report(build_report(df, text="text", breakdown="category", date="day"))
    pdf = page.pdf(format="A4", print_background=True, outline=True, tagged=True)
    assert len(sheets(pdf)) <= 13
    found = headings(pdf)
    assert [place for place in found if place[1] < FOOT] == []
    # The table begins on the sheet after the map's, and the cards begin within five sheets of that.
    assert found[2][0] == 1
