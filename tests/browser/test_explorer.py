"""The explorer as a notebook runs it: the widget's own module in a plain page, with a model that Python answers."""

from __future__ import annotations

import base64
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mmembed.figures import explore
from mmembed.figures.explorer import widget_source
from mmembed.vectors import VectorArray

pytestmark = pytest.mark.browser

# A model as notebooks make one: bytes are DataViews, changes and messages go to Python and back.
PAGE = """<!doctype html><meta charset="utf-8"><body style="background:%s"><div id="cell"></div><script type="module">
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer);
const read = (key, value) => (value && value.bytes64 !== undefined ? bytes(value.bytes64) : value);
const state = JSON.parse(await window.fromPython(), read), listeners = new Map();
const model = {
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; },
  save_changes: () => window.toPython(JSON.stringify({ chosen: state.chosen })),
  on: (name, listener) => listeners.set(name, listener),
  off: (name) => listeners.delete(name),
  send: async (content) => {
    const answer = JSON.parse(await window.askPython(JSON.stringify(content)), read);
    listeners.get("msg:custom")?.(answer.content, answer.buffers);
  },
};
const url = URL.createObjectURL(new Blob([await window.source()], { type: "text/javascript" }));
const { default: widget } = await import(url);
const el = document.getElementById("cell");
const end = await widget.render({ model, el });
window.explorer = el.firstChild.explorer;
window.end = end;
window.listeners = listeners;
</script>"""


def as_json(value):
    """Return JSON in which bytes are base64."""
    return json.dumps(value, default=lambda one: {"bytes64": base64.b64encode(bytes(one)).decode()})


def answer_of(explorer, content):
    """Return what the explorer's Python side answers to a message of its script."""
    answers = []
    explorer.widget.send = lambda content, buffers=None: answers.append({"content": content, "buffers": buffers or []})
    explorer.widget._handle_custom_msg(json.loads(content), [])
    return as_json(answers[0] if answers else {"content": {}, "buffers": []})


@pytest.fixture
def open_explorer(browser, tmp_path):
    """Return a function that opens an explorer as a cell of a page; complaints of the page fail the test."""
    complaints, contexts = [], []

    def visit(explorer, *, width=900, background="white"):
        context = browser.new_context(viewport={"width": width, "height": 700}, offline=True, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        state = {"data": explorer.widget.data, "height": explorer.widget.height, "chosen": None}
        page.expose_function("fromPython", lambda: as_json(state))
        page.expose_function("source", widget_source)
        page.expose_function("toPython", lambda text: explorer.widget.set_state(json.loads(text)))
        page.expose_function("askPython", lambda content: answer_of(explorer, content))
        path = tmp_path / "cell.html"
        path.write_text(PAGE % background, encoding="utf-8")
        page.goto(path.as_uri())
        page.wait_for_function("() => window.explorer?.map.settled")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def table(tmp_path):
    """Return 90 rows in three groups with vectors, pictures, a category and a number."""
    rng = np.random.default_rng(4)
    code = np.arange(90) % 3
    for row in range(90):
        Image.new("RGB", (60, 40), [(200, 30, 40), (20, 60, 190), (30, 140, 60)][row % 3]).save(tmp_path / f"{row}.png")
    vectors = np.eye(3)[code] + rng.normal(size=(90, 3)) * 0.1
    return pd.DataFrame(
        {
            "title": [f"{['dress', 'phone', 'boots'][one]} {row}" for row, one in enumerate(code)],
            "title_vector": VectorArray.from_matrix(vectors.astype(np.float32)),
            "photo": [f"{row}.png" for row in range(90)],
            "cluster": code,
            "cluster_name": [["dresses", "phones", "boots"][one] for one in code],
            "shop": np.where(np.arange(90) % 2, "north", "south"),
            "price": np.arange(90.0),
            "map_x": code * 10 + rng.normal(size=90),
            "map_y": (code == 1) * 8 + rng.normal(size=90),
        },
        index=[f"sku-{row}" for row in range(90)],
    )


def listed(page, explorer, count):
    """Wait until Python knows of a number of listed rows, and return them."""
    for _ in range(3600):
        if len(explorer.selected) == count:
            return explorer.selected
        page.wait_for_timeout(50)
    raise AssertionError(f"{len(explorer.selected)} rows are listed, not {count}: {explorer.selected.index.tolist()}")


def test_a_lasso_becomes_a_frame(open_explorer, table):
    """The rows in the loop are .selected, in order, and functions hear of them; Escape shows everything again."""
    explorer = table.mmembed.explore()
    heard = []
    explorer.on_change(lambda rows: heard.append(len(rows)))
    page = open_explorer(explorer)
    box = page.locator("#canvas").bounding_box()
    x, y = page.evaluate("() => { const m = explorer.map; return [m.screenX(0) + m.screenX(1), m.height]; }")
    page.locator("#lasso").click()
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    page.mouse.down()
    for corner in ((x / 2, 3), (x / 2, y - 3), (3, y - 3)):
        page.mouse.move(box["x"] + corner[0], box["y"] + corner[1], steps=4)
    page.mouse.up()
    assert listed(page, explorer, 30).equals(table.iloc[::3])
    page.locator("#canvas").focus()
    page.keyboard.press("Escape")
    listed(page, explorer, 0)
    assert heard == [30, 0]


def test_search_colour_filter_and_likeness(open_explorer, table):
    """Words, a value, a range and likeness each list their rows, and what is combined lists what all allow."""
    explorer = table.mmembed.explore()
    page = open_explorer(explorer)
    page.locator("#search").fill("phone 1")
    assert set(listed(page, explorer, 7)["cluster_name"]) == {"phones"}
    assert page.locator("#alike button").count() > 3
    page.locator("#search").fill("")
    page.get_by_label("shop", exact=True).select_option(label="north (45)")
    page.get_by_label("price: from").fill("60")
    page.get_by_label("price: from").press("Enter")
    assert listed(page, explorer, 15)["price"].tolist() == list(range(61, 90, 2))
    page.get_by_label("Colour", exact=True).select_option(label="price")
    assert page.locator(".scale-bar").count() == 1
    page.locator("#clear").click()
    page.evaluate("explorer.goTo(5)")
    page.get_by_role("button", name="More like this").click()
    like = listed(page, explorer, 16)
    assert set(like["cluster_name"]) == {"boots"}
    similarity = table["title_vector"].mmembed.similarity(table["title_vector"].iloc[5]).to_numpy()
    expected = set(np.argsort(-similarity)[:16].tolist())
    assert set(explorer.positions.tolist()) == expected


def test_pictures_come_when_they_come_into_sight(open_explorer, table, tmp_path):
    """The map and the card show thumbnails that Python made on request."""
    page = open_explorer(table.mmembed.explore(image="photo", root=tmp_path))
    page.wait_for_function("() => explorer.pictures.sources.size > 5")
    page.evaluate("explorer.goTo(2)")
    page.wait_for_function("() => document.querySelector('#cell > div').shadowRoot.querySelector('#tip img')")
    assert "boots 2" in page.locator("#tip").inner_text()


def test_the_explorer_follows_the_notebooks_theme_and_goes_quietly(open_explorer, table):
    """On a dark notebook the surface is dark, it turns with the theme, and a closed cell listens to nothing."""
    page = open_explorer(table.mmembed.explore(), background="#111")
    surface = "getComputedStyle(explorer.root).backgroundColor"
    assert page.evaluate(surface) == "rgb(25, 28, 33)"
    page.evaluate("document.body.style.background = 'white'; document.body.dataset.theme = 'light'")
    page.wait_for_function("() => explorer.colors.surface === '#ffffff'")
    assert page.evaluate(surface) == "rgb(255, 255, 255)"
    page.evaluate("end()")
    assert page.evaluate("listeners.size") == 0


def test_a_narrow_cell_puts_the_lists_below_the_map(open_explorer, table):
    """In a narrow column nothing is cut off."""
    page = open_explorer(table.mmembed.explore(), width=420)
    canvas, search = page.locator("#canvas").bounding_box(), page.locator("#search").bounding_box()
    assert search["y"] >= canvas["y"] + canvas["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 420


def test_a_narrow_cell_shows_its_lists_whole(open_explorer, table):
    """In a column of 680 pixels, as marimo has it, the lists below the map are not cut off by the explorer's height."""
    page = open_explorer(table.mmembed.explore(height=400), width=680)
    board = page.locator(".board").bounding_box()
    legend = page.locator("#legend button").last.bounding_box()
    assert page.locator("#canvas").bounding_box()["height"] <= 400
    assert legend["y"] + legend["height"] <= board["y"] + board["height"]


@pytest.mark.parametrize(
    ("background", "is_dark"),
    [("oklch(1 0 0)", False), ("oklch(0.18 0.01 260)", True), ("color(srgb 0.98 0.98 0.98)", False), ("#eee", False)],
)
def test_any_form_of_a_colour_tells_light_from_dark(open_explorer, table, background, is_dark):
    """The ground of a notebook counts as it looks, however the browser tells its colour."""
    page = open_explorer(table.mmembed.explore(), background=background)
    assert page.evaluate("explorer.colors.shade") == int(is_dark)


def test_cells_of_the_table_stay_text(open_explorer, table):
    """Markup in texts, names, labels and values is shown as it is written, and runs nowhere."""
    attack = '<img src=x onerror="window.attacked=1">'
    df = table.assign(title=attack, cluster_name=attack, shop=attack + table["shop"])
    df.index = [attack] * len(df)
    page = open_explorer(df.rename(columns={"shop": attack}).mmembed.explore(text="title"))
    page.evaluate("explorer.goTo(2)")
    page.locator("#search").fill("img")
    assert attack in page.locator("#hits").inner_text()
    assert page.evaluate("window.attacked") is None
    assert page.locator("#cell img").count() == 0


def test_a_hundred_thousand_points_open_and_move(open_explorer):
    """A large table is shown whole and dragged without drawing its points again."""
    rng = np.random.default_rng(0)
    code = np.arange(100_000) % 30
    xy = (rng.normal(size=(30, 2)) * 8)[code] + rng.normal(size=(100_000, 2))
    df = pd.DataFrame({"map_x": xy[:, 0], "map_y": xy[:, 1], "cluster": code})
    page = open_explorer(explore(df))
    assert page.evaluate("explorer.table.count") == 100_000
    drawn = page.evaluate(
        """async () => {
          const { map } = explorer, next = requestAnimationFrame;
          const frame = () => new Promise((done) => next(() => next(done)));
          map.camera.set({ k: 2, x: -300, y: -200 });
          await frame();
          const before = map.dots.times;
          for (let i = 0; i < 20; i++) { map.camera.shift(-4, -2); await frame(); }
          return map.dots.times - before;
        }"""
    )
    assert drawn <= 1
