"""The documentation site in a browser without a network: it is whole, and its search finds English and Chinese."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site strictly and return its folder; ``make browser`` has built it and says where it is."""
    if built := os.environ.get("MMEMBED_SITE"):
        return Path(built).resolve(strict=True)
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going"]
    done = subprocess.run(  # noqa: S603  our own pages
        [*command, "--doctree-dir", str(folder / "doctrees"), str(ROOT / "docs"), str(folder / "html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture
def open_page(browser, site):
    """Return a function that opens a page of the site from its file, and notes what it asks the network for."""
    asked = []
    context = browser.new_context(offline=True)

    def visit(name, *, width=1280):
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 844})
        page.on("request", lambda request: asked.append(request.url) if request.url.startswith("http") else None)
        path, _, query = name.partition("?")
        page.goto((site / path).as_uri() + (f"?{query}" if query else ""))
        return page

    yield visit
    context.close()
    assert asked == []


@pytest.mark.parametrize("name", ["index.html", "how-to/budget.html", "reference/verbs.html", "zh/how-to/index.html"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_needs_no_network_and_does_not_scroll_sideways(open_page, name, width):
    """Fonts, scripts and styles are the site's own, and long code scrolls inside its block."""
    page = open_page(name, width=width)
    assert page.inner_text("h1")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("query", "found"),
    [("模态差距", "概念"), ("预算", "操作指南"), ("budget", "Keep under a budget"), ("fit_clusters", "fit_clusters")],
)
def test_search_finds_both_languages(open_page, query, found):
    """Chinese is found by any two of its characters, English by its stems, names as they are."""
    page = open_page(f"search.html?q={query}")
    page.locator("#search-results li", has_text=found).first.wait_for()


def test_chinese_pages_say_that_they_are_chinese(open_page):
    """Browsers and screen readers choose glyphs and voices by it."""
    assert open_page("zh/concepts.html").get_attribute("html", "lang") == "zh-CN"
    assert open_page("concepts/index.html").get_attribute("html", "lang") == "en"
