"""The report's page in a real browser: pointing, searching, choosing, small screens, dark screens, hostile cells."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mmembed.report import build_report

pytestmark = pytest.mark.browser

KINDS = [
    ("红色连衣裙", "red dress", (200, 30, 40)),
    ("蓝牙耳机", "earphones", (20, 60, 190)),
    ("登山鞋", "boots", (30, 140, 60)),
]
# What a script in a cell would leave behind if it ran.
ATTACK = '</script><script>window.attacked=1;alert(1)</script><img src=x onerror="window.attacked=1">'
# The contrast (WCAG 2) of every visible text with what lies behind it; returns the texts that are hard to read.
HARD_TO_READ = """() => {
  const parse = (color) => (color.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, place) => sum + v * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = parse(getComputedStyle(one).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const poor = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest("script, noscript, .unseen")) continue;
    seen++;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${walker.currentNode.data.trim()}: ${ratio.toFixed(2)}`);
  }
  return seen > 40 ? poor : [`only ${seen} texts were seen`];
}"""

# The colour of the map's corner, read from a copy: reading the map itself again and again makes Chromium complain.
CORNER = """() => {
  const copy = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  copy.drawImage(document.getElementById("canvas"), 2, 2, 1, 1, 0, 0, 1, 1);
  return [...copy.getImageData(0, 0, 1, 1).data];
}"""

ALL_OF_IT = "() => document.getElementById('canvas').toDataURL()"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Return the folder of the shop's photographs."""
    return tmp_path_factory.mktemp("photos")


@pytest.fixture(scope="module")
def shop(photos):
    """Return 60 rows in three clusters with pictures of one colour each, four of them noise."""
    rng = np.random.default_rng(5)
    rows = []
    for row in range(60):
        code = row % 3
        chinese, english, color = KINDS[code]
        Image.new("RGB", (300, 220), color).save(photos / f"{row}.png")
        place = [(0, 0), (12, 3), (5, 11)][code]
        rows.append(
            {
                "text_zh": f"{chinese} 第{row}款",
                "text_en": f"{english} number {row}",
                "photo": f"{row}.png",
                "shop": ["north", "south"][row % 2],
                "cluster": -1 if row in {7, 23, 41, 59} else code,
                "cluster_name": chinese,
                "cluster_score": 0.9,
                "map_x": place[0] + rng.normal() * 1.5,
                "map_y": place[1] + rng.normal() * 1.5,
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def report(shop, photos):
    """Return the Chinese report of the shop."""
    return build_report(shop, text=["text_zh", "text_en"], image="photo", breakdown="shop", root=photos, notes=["测试"])


def place_of(page, point):
    """Return where a point is on the screen, with the map scrolled into sight and at rest."""
    settle(page)
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#canvas").bounding_box()
    x, y = page.evaluate("(i) => [mmembedReport.map.screenX(i), mmembedReport.map.screenY(i)]", point)
    return box["x"] + x, box["y"] + y


def free_points(page):
    """Return points that can be pointed at: under no name, and no other point nearer."""
    settle(page)
    return page.evaluate(
        """() => { const m = mmembedReport.map; return [...Array(m.points.count).keys()].filter((i) => {
          const x = m.screenX(i), y = m.screenY(i);
          return m.nameAt(x, y) < 0 && m.nearest(x, y, 12) === i; }); }"""
    )


def settle(page):
    """Wait until names and pictures have found their places, and two frames are drawn."""
    page.wait_for_function("() => mmembedReport.map.settled")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def color_of(page, selector):
    """Return the colour in the middle of a picture on the page."""
    return page.evaluate(
        """async (selector) => {
          const image = document.querySelector(selector);
          await image.decode();
          const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
          canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
          context.drawImage(image, 0, 0);
          return [...context.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data.slice(0, 3)];
        }""",
        selector,
    )


def test_pointing_at_a_point_shows_its_picture_and_texts(open_report, report, shop):
    """The card beside the pointer has the row's own texts, cluster and picture, and goes when the pointer leaves."""
    page = open_report(report)
    points = free_points(page)
    assert len(points) > 20
    for point in points[:3]:
        page.mouse.move(*place_of(page, point))
        text = page.locator("#tip").inner_text()
        assert shop.loc[point, "text_zh"] in text
        assert shop.loc[point, "text_en"] in text
        assert f"行 {point}" in text
        assert (KINDS[point % 3][0] if shop.loc[point, "cluster"] >= 0 else "未归类") in text
        assert np.abs(np.subtract(color_of(page, "#tip img"), KINDS[point % 3][2])).max() < 24
    page.mouse.move(5, 5)
    assert page.locator("#tip").is_hidden()


def test_the_card_stays_inside_the_map(open_report, report):
    """Wherever the point is, its card is not cut off."""
    page = open_report(report)
    for point in free_points(page):
        page.mouse.move(*place_of(page, point))
        tip, frame = page.locator("#tip").bounding_box(), page.locator("#map").bounding_box()
        assert tip["x"] >= frame["x"]
        assert tip["y"] >= frame["y"]
        assert tip["x"] + tip["width"] <= frame["x"] + frame["width"]
        assert tip["y"] + tip["height"] <= frame["y"] + frame["height"]


def test_search_finds_the_rows_that_have_all_the_words(open_report, report):
    """The hits are exactly the rows with every word, in any column; clearing shows everything again."""
    page = open_report(report)
    page.locator("#search").fill("RED number 1")
    hits = page.locator("#hits button").evaluate_all("(all) => all.map((one) => Number(one.dataset.point))")
    assert hits == [row for row in range(0, 60, 3) if "1" in str(row)]
    assert f"找到 {len(hits)} 行" in page.locator("#status").inner_text()
    assert page.evaluate("mmembedReport.map.active.reduce((a, b) => a + b)") == len(hits) == 5
    page.locator("#hits button").first.click()
    assert "红色连衣裙 第12款" in page.locator("#tip").inner_text()
    page.locator("#search").fill("ｅａｒｐｈｏｎｅｓ")
    assert page.locator("#hits button").count() == 20
    page.locator("#search").fill("没有这样的东西")
    assert "没有匹配的行" in page.locator("#status").inner_text()
    page.locator("#clear").click()
    assert "全部 60 个点" in page.locator("#status").inner_text()


def test_choosing_a_cluster_zooms_to_it_and_lists_it(open_report, report, shop):
    """From the legend, the name on the map or the card, the cluster is enlarged and its rows are listed."""
    page = open_report(report)
    size = int((shop["cluster"] == 0).sum())
    for choose in (
        lambda: page.locator("#legend button", has_text="红色连衣裙").click(),
        lambda: page.locator(".card", has_text="红色连衣裙").locator("[data-group]").click(),
        lambda: page.mouse.click(*name_place(page, "红色连衣裙")),
    ):
        choose()
        settle(page)
        assert f"本主题 {size} 行" in page.locator("#status").inner_text()
        assert page.evaluate("mmembedReport.map.view.k") > 1.2
        assert page.locator(".card.chosen").count() == 1
        assert "红色连衣裙" in page.locator(".card.chosen").inner_text()
        page.keyboard.press("Escape")
        settle(page)
        assert page.evaluate("mmembedReport.map.view.k") == 1
        assert page.locator(".card.chosen").count() == 0


def name_place(page, name):
    settle(page)
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#canvas").bounding_box()
    left, top, right, bottom = page.evaluate(
        "(name) => mmembedReport.map.names.find((one) => mmembedReport.points.names[one[4]] === name).slice(0, 4)", name
    )
    return box["x"] + (left + right) / 2, box["y"] + (top + bottom) / 2


# The boxes of names; how many points lie under any of them, and whether one crosses another or the edge.
NAMES = """() => {
  const { map, points } = mmembedReport, names = map.names, radius = map.dots.radius();
  let covered = 0;
  for (let i = 0; i < points.count; i++) {
    const x = map.screenX(i), y = map.screenY(i);
    const near = (one) => x > one[0] - radius && x < one[2] + radius && y > one[1] - radius && y < one[3] + radius;
    covered += names.some(near);
  }
  const crossing = names.some((one, place) => names.slice(0, place).some((other) =>
    one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3]));
  const cut = names.some((one) => one[0] < 0 || one[1] < 0 || one[2] > map.width || one[3] > map.height);
  const texts = map.labels.layout.places.map((one) => [points.names[one.g], one.lines.join(" ")]);
  return { groups: names.map((one) => one[4]), covered, crossing, cut, texts };
}"""


def named_clusters(groups, rows, spread, name):
    """Return a table of crowded clusters with long names."""
    rng = np.random.default_rng(2)
    code = np.arange(rows) % groups
    middle = rng.normal(size=(groups, 2)) * spread
    xy = middle[code] + rng.normal(size=(rows, 2)) * 0.3
    df = pd.DataFrame({"map_x": xy[:, 0], "map_y": xy[:, 1], "cluster": code})
    return df.assign(cluster_name=[name.format(one) for one in code])


@pytest.mark.parametrize(
    ("groups", "name"), [(20, "很长的簇名 · 连衣裙 · {} · with English words"), (37, "topic {} · words · of it")]
)
def test_every_group_is_named_beside_the_points(open_report, groups, name):
    """On the whole map every name is there in full, over no point, no other name and no edge."""
    page = open_report(build_report(named_clusters(groups, 900, 2.5, name)))
    settle(page)
    found = page.evaluate(NAMES)
    assert sorted(found["groups"]) == list(range(groups))
    assert (found["covered"], found["crossing"], found["cut"]) == (0, False, False)
    assert [told.split() for _, told in found["texts"]] == [whole.split() for whole, _ in found["texts"]]


# Which drawn lines from names to their points cross: pairs of topics.
CROSSED = """() => {
  const { map } = mmembedReport;
  const side = (a, b, x, y) => Math.sign((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]));
  const lines = map.labels.shown.map(({ one, line: [x0, y0, x1, y1] }) => ({ g: one.g, a: [x0, y0], b: [x1, y1] }))
    .filter(({ a, b }) => Math.hypot(a[0] - b[0], a[1] - b[1]) >= 12);
  const apart = (one, other) => side(one.a, one.b, ...other.a) * side(one.a, one.b, ...other.b) < 0;
  const crossed = lines.flatMap((one, n) => lines.slice(0, n).filter((other) => apart(one, other) && apart(other, one))
    .map((other) => [one.g, other.g]));
  return [lines.length, crossed];
}"""


@pytest.mark.parametrize(("groups", "spread", "seed"), [(18, 1.2, 1), (37, 2.5, 0), (37, 1.2, 1)])
def test_no_two_lines_of_names_cross(open_report, groups, spread, seed):
    """However crowded the middle of the map is, lines lead from names to points without crossing, enlarged too."""
    rng = np.random.default_rng(seed)
    code = np.arange(1200) % groups
    xy = (rng.normal(size=(groups, 2)) * spread)[code] + rng.normal(size=(1200, 2)) * 0.3
    names = ["连衣裙 · 夏季", "很长的簇名 · 蓝牙耳机", "topic · words of it", "short", "shoes · leather boots · hiking"]
    df = pd.DataFrame({"map_x": xy[:, 0], "map_y": xy[:, 1], "cluster": code})
    page = open_report(build_report(df.assign(cluster_name=[f"{names[one % 5]} {one}" for one in code])))
    settle(page)
    lines, crossed = page.evaluate(CROSSED)
    assert (lines >= groups * 0.8, crossed) == (True, [])
    page.evaluate("mmembedReport.map.camera.zoomAt(200, 200, 2.5)")
    settle(page)
    lines, crossed = page.evaluate(CROSSED)
    assert (lines >= 5, crossed) == (True, [])


def test_on_a_phone_names_without_a_place_are_numbers_of_the_legend(open_report):
    """Where twenty long names cannot all stand on a small screen, the others are numbers on map and legend alike."""
    page = open_report(
        build_report(named_clusters(20, 600, 2, "很长的簇名 · 连衣裙 · {} · with English words")), width=390
    )
    settle(page)
    found = page.evaluate(NAMES)
    named = {group for group in found["groups"] if group not in page.evaluate("mmembedReport.map.whole.missing")}
    assert len(named) >= 5
    numbered = page.locator("#legend .numbered").all_inner_texts()
    assert sorted(found["groups"]) == list(range(20))
    assert {int(one) - 1 for one in numbered} == set(range(20)) - named


@pytest.mark.parametrize("width", [390, 1280])
def test_names_on_an_enlarged_map_do_not_overlap(open_report, width):
    """Names of what is in sight keep clear of each other and of the edges once the map rests."""
    page = open_report(
        build_report(named_clusters(20, 600, 2, "很长的簇名 · 连衣裙 · {} · with English words")), width=width
    )
    page.evaluate("mmembedReport.map.camera.zoomAt(150, 150, 2.5)")
    settle(page)
    found = page.evaluate(NAMES)
    assert len(found["groups"]) >= 4
    assert (found["crossing"], found["cut"]) == (False, False)


def test_sizes_beside_long_names_stay_on_one_line(open_report):
    """However long the name of a cluster, its number of rows is not broken."""
    n_rows = 360
    df = pd.DataFrame(
        {
            "map_x": np.arange(n_rows, dtype=float),
            "map_y": np.arange(n_rows, dtype=float) % 7,
            "cluster": np.arange(n_rows) % 3,
            "cluster_name": [f"手机屏幕碎 · phone screen cracked again · {'abc'[row % 3]}" for row in range(n_rows)],
        }
    )
    page = open_report(build_report(df, language="zh"))
    heights = page.eval_on_selector_all(".legend .count", "all => all.map(one => one.getBoundingClientRect().height)")
    assert len(heights) == 3
    assert max(heights) < 26


def test_dragging_and_the_wheel_move_and_zoom_the_map(open_report, report):
    """A drag moves the points with the pointer; the wheel enlarges what is under the pointer and leaves it there."""
    page = open_report(report)
    point = free_points(page)[0]
    x, y = place_of(page, point)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -300)
    page.wait_for_function("() => mmembedReport.map.view.k > 1.5")
    assert np.hypot(*np.subtract(place_of(page, point), (x, y))) < 2
    page.mouse.down()
    page.mouse.move(x - 60, y - 40, steps=6)
    page.mouse.up()
    assert np.hypot(*np.subtract(place_of(page, point), (x - 60, y - 40))) < 2


def test_scrolling_down_over_the_whole_map_scrolls_the_page(open_report, report):
    """A reader on the way down is not held up by the map."""
    page = open_report(report)
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.wheel(0, 400)
    page.wait_for_function("() => scrollY > 100")
    assert page.evaluate("mmembedReport.map.view.k") == 1


def test_everything_can_be_reached_by_keyboard(open_report, report, shop):
    """Map, typical rows and hits take the focus and answer to keys."""
    page = open_report(report)
    page.locator("#canvas").focus()
    page.keyboard.press("+")
    page.wait_for_function("() => mmembedReport.map.view.k > 1.2")
    page.keyboard.press("0")
    page.wait_for_function("() => mmembedReport.map.view.k === 1")
    exemplar = page.locator(".card [data-point]").first
    point = int(exemplar.get_attribute("data-point"))
    exemplar.focus()
    page.keyboard.press("Enter")
    assert shop.loc[point, "text_zh"] in page.locator("#tip").inner_text()
    unnamed = page.locator("button, input, canvas").evaluate_all(
        """(all) => all.filter((one) => one.checkVisibility() && !(one.innerText || "").trim()
          && !one.getAttribute("aria-label") && !one.labels?.length).map((one) => one.outerHTML)"""
    )
    assert unnamed == []


def test_pictures_can_be_drawn_on_the_map(open_report, report):
    """The switch draws thumbnails in place of points: the map then shows the colour of a picture."""
    page = open_report(report)
    page.locator("#pictures").check()
    page.wait_for_function(
        """() => {
          const canvas = document.getElementById("canvas");
          const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
          copy.drawImage(canvas, 0, 0);
          const pixels = copy.getImageData(0, 0, canvas.width, canvas.height).data;
          let found = 0;
          for (let i = 0; i < pixels.length; i += 4) {
            const off = [200, 30, 40].map((value, place) => Math.abs(pixels[i + place] - value));
            found += Math.max(...off) < 12;
          }
          return found > 800;
        }"""
    )


def test_a_tap_on_a_phone_shows_the_row(open_report, report, shop):
    """On a small touch screen the card lies along the lower edge, with a button that closes it."""
    page = open_report(report, width=390, height=844, has_touch=True, is_mobile=True, device_scale_factor=2)
    point = free_points(page)[0]
    page.touchscreen.tap(*place_of(page, point))
    assert shop.loc[point, "text_zh"] in page.locator("#tip").inner_text()
    page.locator("#tip-close").tap()
    assert page.locator("#tip").is_hidden()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_page_scrolls_sideways(open_report, shop, photos, language, width):
    """Even with long words, names and notes, the page is as wide as the screen."""
    long = "unbreakable" * 30
    df = shop.assign(cluster_name=long, shop=long, text_en=long)
    report = build_report(
        df,
        text=["text_en"],
        image="photo",
        breakdown="shop",
        title=long,
        notes=[long],
        language=language,
        root=photos,
    )
    page = open_report(report, width=width, height=844)
    page.locator("#search").fill("unbreakable")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_are_readable_in_light_and_dark(open_report, report, scheme):
    """Every text has a contrast of at least 4.5 to 1, in the lists and cards too, and the schemes differ."""
    page = open_report(report, color_scheme=scheme)
    page.locator(".card [data-point]").first.click()
    assert page.evaluate(HARD_TO_READ) == []
    page.locator("#search").fill("第1")
    assert page.evaluate(HARD_TO_READ) == []
    settle(page)
    assert page.evaluate(CORNER) == ([25, 28, 33, 255] if scheme == "dark" else [255, 255, 255, 255])


def test_the_map_follows_a_change_of_the_scheme(open_report, report):
    """When the system turns dark, the open map is drawn anew."""
    page = open_report(report, color_scheme="light")
    page.wait_for_function(f"() => String(({CORNER})()) === '255,255,255,255'")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"() => String(({CORNER})()) === '25,28,33,255'")


def test_a_map_that_the_graphics_card_lost_is_drawn_anew(open_report, report):
    """A reset empties every canvas, also the stamps that dots are made with."""
    page = open_report(report)
    settle(page)
    drawn = page.evaluate(ALL_OF_IT)
    page.evaluate("""() => {
      const { canvas, context, dots } = mmembedReport.map;
      for (const one of [canvas, ...dots.sprites.values()]) {
        const lost = one === canvas ? context : one.getContext("2d");
        lost.setTransform(1, 0, 0, 1, 0, 0);
        lost.globalAlpha = 1;
        lost.fillStyle = "#000000";
        lost.fillRect(0, 0, one.width, one.height);
      }
    }""")
    assert page.evaluate(ALL_OF_IT) != drawn
    page.evaluate("() => mmembedReport.map.canvas.dispatchEvent(new Event('contextrestored'))")
    assert page.evaluate(ALL_OF_IT) == drawn


def test_markup_in_cells_is_only_text(open_report, shop, photos):
    """A script or an image in any cell or name does nothing but appear, in cards, hits and the card of a point."""
    columns = {name: [ATTACK] * len(shop) for name in ("text_zh", "text_en", "shop", "cluster_name")}
    df = shop.assign(**columns).set_index(pd.Index([ATTACK] * len(shop)))
    report = build_report(
        df, text=["text_zh", "text_en"], image="photo", breakdown="shop", title=ATTACK, notes=[ATTACK], root=photos
    )
    page = open_report(report)
    page.mouse.move(*place_of(page, free_points(page)[0]))
    assert ATTACK in page.locator("#tip").inner_text()
    page.locator("#search").fill("script")
    assert page.locator("#hits button").count() == 60
    page.locator("#hits button").first.click()
    settle(page)
    assert page.evaluate("window.attacked") is None
    assert page.locator("script").count() == 2
    assert page.locator("img:not([src^='data:'])").count() == 0
    assert page.title() == ATTACK


def test_columns_of_a_list_begin_at_one_height(open_report, shop):
    """The first rows of all columns of a list stand beside each other, whatever line parts them from the next."""
    page = open_report(build_report(shop.assign(outlier_score=np.linspace(0, 1, 60)), text="text_zh"))
    tops = page.evaluate(
        """() => {
          const first = {};
          for (const row of document.querySelectorAll(".strip li")) {
            const { left } = row.getBoundingClientRect(), { top } = row.querySelector(".line").getBoundingClientRect();
            first[left] = Math.min(first[left] ?? Infinity, top);
          }
          return Object.values(first);
        }"""
    )
    assert len(tops) > 1
    assert max(tops) - min(tops) < 0.5


def test_rows_of_no_topic_are_called_that(open_report, shop):
    """The legend's last entry lists the rows that belong nowhere, and says how many they are."""
    page = open_report(build_report(shop, text="text_zh"))
    page.locator("#legend button", has_text="未归类").click()
    settle(page)
    noise = int((shop["cluster"] == -1).sum())
    assert page.locator("#status").inner_text() == f"未归类 {noise} 行"
    assert page.locator("#hits button").count() == noise


def test_markup_in_findings_and_earlier_reports_is_only_text(open_report, shop, photos):
    """Labels, dates, notes of lists and names in the file of an earlier report are as harmless as cells."""
    breakout = "\"' onmouseover=window.attacked=1 x='\"><svg onload=window.attacked=1>"
    earlier = json.loads(build_report(shop, text="text_zh").to_json())
    earlier["created"] = ATTACK
    for cluster in earlier["clusters"]:
        cluster |= {"name": breakout, "size": 1, "exemplars": []}
    issues = pd.DataFrame({"position": [0], "given": [ATTACK], "suggested": [breakout], "score": [0.5]})
    df = shop.assign(text_zh=breakout, when=[ATTACK, "2024-01-01", "2024-05-01"] * 20, duplicate_group=1)
    report = build_report(
        df, text="text_zh", image="photo", date="when", label_issues=issues, compare=earlier, root=photos
    )
    page = open_report(report)
    assert breakout in page.locator("main").inner_text()
    for place in page.locator("main [data-point]").all()[:30]:
        place.hover()
    settle(page)
    assert page.evaluate("window.attacked") is None
    assert page.locator("script").count() == 2
    assert page.evaluate(
        """() => [...document.querySelectorAll("*")].every((one) =>
          !one.getAttributeNames().some((name) => name.startsWith("on")))"""
    )


def test_the_policy_stops_a_script_that_was_not_on_the_page(browser, report, tmp_path):
    """Even a script element that got into the page cannot run, and a request cannot leave it."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(report.save(tmp_path / "report.html").as_uri())
    refused = page.evaluate(
        """() => new Promise((done) => {
          const seen = [];
          document.addEventListener("securitypolicyviolation", (event) => {
            seen.push(event.effectiveDirective);
            if (seen.length === 2) done(seen.sort());
          });
          const script = document.createElement("script");
          script.textContent = "window.attacked = 1";
          document.body.append(script);
          fetch("https://example.com/").catch(() => null);
        })"""
    )
    assert refused == ["connect-src", "script-src-elem"]
    assert page.evaluate("window.attacked") is None
    context.close()


def test_the_clusters_are_readable_without_scripts(open_report, report):
    """Where scripts are off, as in many previews, names, pictures and counts are still there."""
    page = open_report(report, java_script_enabled=False)
    text = page.locator("main").inner_text()
    for chinese, _, _ in KINDS:
        assert chinese in text
    assert "需要启用 JavaScript" in text
    assert page.locator(".card > .rows img").count() == 18


def test_printing_shows_the_map_and_the_cards_on_white(open_report, report):
    """On paper there are no controls, and a page that is dark on the screen is light."""
    page = open_report(report, color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".tools, .search, .status").evaluate_all("all => all.every((one) => !one.checkVisibility())")
    assert page.locator("#legend button").count() == 4
    assert page.locator("#legend").is_visible()
    assert page.locator(".card").count() == 3
    page.wait_for_function(f"() => String(({CORNER})()) === '255,255,255,255'")
    assert page.pdf()[:5] == b"%PDF-"


def test_twenty_thousand_points_are_dragged_without_drawing_them_again(open_report):
    """While the map is dragged, a picture of the points is moved; only the first frame stamps them."""
    rng = np.random.default_rng(0)
    code = np.arange(20_000) % 24
    xy = (rng.normal(size=(24, 2)) * 8)[code] + rng.normal(size=(20_000, 2))
    df = pd.DataFrame(
        {"map_x": xy[:, 0], "map_y": xy[:, 1], "cluster": code, "text": [f"文本 {row}" for row in range(20_000)]}
    )
    page = open_report(build_report(df, text="text"))
    stamped = page.evaluate(
        """async () => {
          const map = mmembedReport.map;
          const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const before = map.dots.times;
          map.camera.set({ k: 2, x: -300, y: -200 });
          await frame();
          for (let i = 0; i < 20; i++) { map.camera.shift(-5, -3); await frame(); }
          return map.dots.times - before;
        }"""
    )
    assert stamped == 1
    page.locator("#search").fill("文本 1999")
    assert page.locator("#hits button").count() == 12  # 1999, 11999 and 19990 to 19999


def test_a_frame_without_a_map_has_a_page(open_report, shop):
    """Without coordinates the page says so and shows the clusters."""
    page = open_report(build_report(shop.assign(map_x=np.nan), text="text_zh"))
    assert "没有带坐标的行" in page.locator("main").inner_text()
    assert page.locator(".board").is_hidden()
    assert page.locator(".card").count() == 3


@pytest.mark.parametrize(("topics", "is_open"), [(5, True), (20, False)])
def test_smaller_groups_of_many_topics_are_folded(open_report, topics, is_open):
    """A table of many topics is a glance until its reader asks for the smaller groups; scripts have no part in it."""
    code = np.arange(400) % topics
    df = pd.DataFrame(
        {
            "map_x": np.arange(400.0),
            "map_y": np.arange(400.0) % 9,
            "cluster": code,
            "cluster_name": [f"topic {one}" for one in code],
            "subcluster": np.arange(400) % (3 * topics),
            "subcluster_name": [f"topic {row % topics} / part {row % (3 * topics)}" for row in range(400)],
        }
    )
    page = open_report(build_report(df))
    assert page.locator(".topics .part").count() == 3 * topics
    assert page.locator(".topics .part:visible").count() == (3 * topics if is_open else 0)
    page.locator("#parts").click()
    assert page.locator(".topics .part:visible").count() == (0 if is_open else 3 * topics)
