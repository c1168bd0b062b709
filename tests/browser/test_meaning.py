"""Meaning inside the page: likeness, search beyond the words, colour, filter, the address, keys, pictures up close."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mmembed.report import build_report
from mmembed.vectors import VectorArray

pytestmark = pytest.mark.browser

KINDS = ["dress", "phone", "boots"]


@pytest.fixture
def table(tmp_path):
    """Return 120 rows in three groups with vectors, pictures, a category, a number and a date."""
    rng = np.random.default_rng(4)
    code = np.arange(120) % 3
    for row in range(120):
        Image.new("RGB", (60, 40), [(200, 30, 40), (20, 60, 190), (30, 140, 60)][row % 3]).save(tmp_path / f"{row}.png")
    vectors = (np.eye(3)[code] + rng.normal(size=(120, 3)) * 0.1).astype(np.float32)
    return pd.DataFrame(
        {
            "title": [f"{KINDS[one]} {row}" if row % 12 else f"item {row}" for row, one in enumerate(code)],
            "title_vector": VectorArray.from_matrix(vectors),
            "photo": [f"{row}.png" for row in range(120)],
            "cluster": code,
            "cluster_name": np.array(["red things", "blue things", "green things"])[code],
            "shop": np.where(np.arange(120) % 2, "north", "south"),
            "price": np.arange(120.0),
            "when": pd.date_range("2024-01-01", periods=120),
            "map_x": code * 10 + rng.normal(size=120),
            "map_y": (code == 1) * 8 + rng.normal(size=120),
        }
    )


@pytest.fixture
def report(table):
    """Return its report in English, with two columns to colour and filter by besides the shop."""
    return build_report(
        table,
        text="title",
        vector="title_vector",
        breakdown="shop",
        color="price",
        filter=["price", "when"],
        language="en",
    )


def hits(page):
    return page.evaluate("mmembedReport.panel.hits")


def rest(page):
    page.wait_for_function("() => mmembedReport.map.settled")


def nearest_rows(table, row, k=15):
    similarity = table["title_vector"].mmembed.similarity(table["title_vector"].iloc[row]).to_numpy().copy()
    similarity[row] = 2
    return np.argsort(-similarity)[: k + 1].tolist()


def test_more_like_this_lists_the_nearest_rows(open_report, report, table):
    """Of a pinned row, the 15 most similar ones by vector, nearest first, and lines lead to them."""
    page = open_report(report)
    page.locator(".card [data-point]").first.click()
    row = page.evaluate("mmembedReport.explorer.tip.pinned")
    page.get_by_role("button", name="More like this").click()
    assert hits(page) == nearest_rows(table, row)
    assert page.evaluate("mmembedReport.map.links[1]") == nearest_rows(table, row)[1:]
    assert "The 15 rows most like this" in page.locator("#status").inner_text()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert hits(page) is None
    assert page.evaluate("mmembedReport.map.links") is None


def test_a_search_also_lists_rows_that_are_alike_without_the_word(open_report, report):
    """Words hit the rows that have them; below stand unnamed rows of the same group, and none of another."""
    page = open_report(report)
    page.locator("#search").fill("dress")
    found = hits(page)
    assert found == [row for row in range(0, 120, 3) if row % 12]
    alike = page.locator("#alike button").evaluate_all("(all) => all.map((one) => Number(one.dataset.point))")
    assert sorted(alike) == list(range(0, 120, 12))
    assert "Alike, without the words: 10 rows" in page.locator("#alike-head").inner_text()
    active = page.evaluate("[...mmembedReport.map.active]")
    assert [row for row, one in enumerate(active) if one] == list(range(0, 120, 3))


def test_colour_and_filter_by_columns(open_report, report, table):
    """A category, a range of numbers and one of dates keep their rows; the legend is that of what colours."""
    page = open_report(report)
    page.get_by_label("shop", exact=True).select_option(label="north (60)")
    page.get_by_label("price: to").fill("20")
    page.get_by_label("price: to").press("Enter")
    assert hits(page) == list(range(1, 20, 2))
    page.get_by_label("when: from").fill("2024-01-10")
    page.get_by_label("when: from").press("Tab")
    assert hits(page) == [row for row in range(1, 20, 2) if table["when"][row] >= pd.Timestamp("2024-01-10")]
    page.locator("#clear").click()
    assert page.get_by_label("price: to").input_value() == ""
    page.get_by_label("Colour", exact=True).select_option(label="shop")
    assert page.locator("#legend .name").all_inner_texts() == ["north", "south"]
    tones = page.evaluate("[0, 1].map((i) => mmembedReport.map.toneOf(i))")
    assert tones[0] != tones[1]
    page.locator("#legend button").first.click()
    assert hits(page) == list(range(1, 120, 2))
    page.get_by_label("Colour", exact=True).select_option(label="price")
    page.locator("#clear").click()
    assert page.locator(".scale-ends span").all_inner_texts() == ["≤ 2", "≥ 117"]


def test_the_address_keeps_what_is_seen(open_report, report):
    """What was searched, filtered, coloured, pinned and enlarged is there again when the address is opened."""
    page = open_report(report)
    page.locator("#search").fill("boots 1")
    page.get_by_label("price: from").fill("12.5")
    page.get_by_label("price: from").press("Enter")
    page.get_by_label("Colour", exact=True).select_option(label="price")
    page.evaluate("mmembedReport.map.camera.goTo({ x: 0.5, y: 0.2, k: 3 })")
    rest(page)
    page.evaluate("mmembedReport.explorer.pin(14)")
    page.wait_for_function("() => location.hash.includes('point=14') && location.hash.includes('view=')")
    before = page.evaluate("JSON.stringify([mmembedReport.panel.hits, mmembedReport.explorer.coloring.key])")
    address = page.evaluate("location.href")
    page.goto("about:blank")
    page.goto(address)
    assert page.evaluate("JSON.stringify([mmembedReport.panel.hits, mmembedReport.explorer.coloring.key])") == before
    assert page.locator("#search").input_value() == "boots 1"
    assert page.evaluate("mmembedReport.explorer.tip.pinned") == 14
    place = page.evaluate("mmembedReport.map.camera.place")
    assert (round(place["x"], 2), round(place["y"], 2), place["k"]) == (0.5, 0.2, 3)
    page.evaluate("location.hash = '#topic=1'")
    page.wait_for_function("() => mmembedReport.panel.hits?.length === 40")
    assert page.evaluate("mmembedReport.panel.group") == 1


def test_an_address_that_is_entered_while_the_page_would_write_its_own_is_read(open_report, report):
    """The page waits before it writes; what was entered meanwhile is not lost, whichever event comes first."""
    page = open_report(report)
    page.evaluate(
        """() => {
          const later = window.setTimeout, due = [];
          window.setTimeout = (call, wait) => (wait === 200 ? due.push(call) : later(call, wait));
          mmembedReport.explorer.pin(14);
          location.hash = "#topic=1";
          for (const call of due) call();  // the event is still to come
          window.setTimeout = later;
        }"""
    )
    page.wait_for_function("() => mmembedReport.panel.hits?.length === 40")
    assert page.evaluate("mmembedReport.panel.group") == 1
    page.wait_for_function("() => location.hash.includes('topic=1')")


ODD = [
    "topic=99999",
    "topic=-1&like=1e9&point=abc",
    "like=constructor&color=__proto__&keep-0=__proto__",
    "color=column-99&keep-99=1&keep-1=9~99999999&view=NaN~1~2",
    "view=1e308~-1e308~1e308",
    "q=%3Cimg%20src%3Dx%20onerror%3Dwindow.attacked%3D1%3E",
    "q=" + "a" * 100_000,
    "%=%&%E0%A4%A=1",
    "details",
]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_an_address_from_anyone_is_only_read_as_what_it_may_say(open_report, report, odd):
    """Numbers out of range, names of methods, markup and long queries neither break the page nor run in it."""
    page = open_report(report)
    page.evaluate(
        """(hash) => new Promise((done) => {
          addEventListener("hashchange", () => setTimeout(done));  // the page's own listener was there before
          location.hash = hash;
        })""",
        odd,
    )
    page.wait_for_function("() => mmembedReport.map.settled")
    assert page.evaluate("window.attacked") is None
    state = page.evaluate(
        "() => { const one = mmembedReport.explorer.state; return [one.group, one.color, one.like, one.point]; }"
    )
    assert state == [None, "topics", None, -1]
    assert len(page.locator("#search").input_value()) <= 200
    k, x, y = page.evaluate("[mmembedReport.map.view.k, mmembedReport.map.view.x, mmembedReport.map.view.y]")
    assert 1 <= k <= 80
    assert np.isfinite([x, y]).all()
    page.locator("#search").fill("dress 3")
    assert len(hits(page)) >= 1


def test_keys_go_from_point_to_point(open_report, report, table):
    """Enter picks the nearest point, arrows go on in their direction, Enter finds more like it, Escape leaves it."""
    page = open_report(report)
    page.locator("#canvas").focus()
    page.keyboard.press("Enter")
    first = page.evaluate("mmembedReport.explorer.tip.pinned")
    assert first >= 0
    said = page.locator("#announce").inner_text()
    assert table["title"][first] in said
    assert table["cluster_name"][first] in said
    x = [page.evaluate("mmembedReport.map.screenX(mmembedReport.explorer.tip.pinned)")]
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
        x.append(page.evaluate("mmembedReport.map.screenX(mmembedReport.explorer.tip.pinned)"))
    assert x == sorted(x, reverse=True)
    assert len(set(x)) == 4
    pinned = page.evaluate("mmembedReport.explorer.tip.pinned")
    page.keyboard.press("Enter")
    assert hits(page) == nearest_rows(table, pinned)
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()


def test_a_topic_up_close_shows_all_its_pictures(open_report, table, tmp_path):
    """Zoomed to twelve rows one sees twelve pictures, each on its own place; from afar only some."""
    df = table.assign(cluster=np.where(np.arange(120) % 10 == 0, 7, table["cluster"]))
    df.loc[df["cluster"] == 7, ["map_x", "map_y"]] = [[30 + (row % 3) * 0.02, 5.0] for row in range(12)]
    page = open_report(build_report(df, text="title", image="photo", root=tmp_path, language="en"))
    small = page.evaluate("mmembedReport.points.names.length - 1")
    page.evaluate("(g) => mmembedReport.explorer.pickGroup(g)", small)
    rest(page)
    page.wait_for_function("() => mmembedReport.map.pictures.boxes?.length === 12")
    boxes = page.evaluate("mmembedReport.map.pictures.boxes")
    for place, one in enumerate(boxes):
        for other in boxes[:place]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    page.locator("#pictures").uncheck()
    assert page.evaluate("mmembedReport.map.pictures") is None


def test_the_page_without_vectors_promises_no_likeness(open_report, table):
    """Without neighbours there is no button, and a search lists the words' rows alone."""
    page = open_report(build_report(table.drop(columns="title_vector"), text="title", language="en"))
    page.locator(".card [data-point]").first.click()
    assert page.get_by_role("button", name="More like this").count() == 0
    page.locator("#search").fill("dress")
    assert page.locator("#alike").is_hidden()


def test_neighbours_of_four_thousand_rows_are_small():
    """They take some 160 kB of the page."""
    rng = np.random.default_rng(0)
    df = pd.DataFrame({"map_x": rng.normal(size=4000), "map_y": rng.normal(size=4000), "cluster": np.arange(4000) % 5})
    df["v"] = VectorArray.from_matrix(rng.normal(size=(4000, 8)).astype(np.float32))
    with_them, without = (len(build_report(df, vector=one).html()) for one in ("v", None))
    assert 150_000 < with_them - without < 170_000
    assert json.dumps(with_them)


def test_the_whole_map_is_above_the_fold_and_filled(open_report, report):
    """On a laptop's screen nothing has to be scrolled to see the map, and the points span most of it."""
    page = open_report(report)
    box = page.locator("#map").bounding_box()
    assert box["y"] + box["height"] <= 900
    spans = page.evaluate(
        """() => { const m = mmembedReport.map, ends = (of) => {
            const all = Array.from({ length: m.points.count }, (_, i) => of(i));
            return Math.max(...all) - Math.min(...all);
          };
          return [ends((i) => m.screenX(i)) / m.width, ends((i) => m.screenY(i)) / m.height]; }"""
    )
    assert max(spans) > 0.8
    assert min(spans) > 0.55
