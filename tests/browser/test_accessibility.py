"""The page for people who do not see it or use no pointer: axe-core's rules, and a walk with the Tab key."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe

from mmembed.report import build_report

pytestmark = pytest.mark.browser


@pytest.fixture
def full():
    """Return the options of a report that has every section, and its frame."""
    rng = np.random.default_rng(0)
    code = np.arange(120) % 3
    df = pd.DataFrame(
        {
            "map_x": code * 10 + rng.normal(size=120),
            "map_y": rng.normal(size=120),
            "cluster": np.where(np.arange(120) % 29 == 0, -1, code),
            "cluster_name": [["红色连衣裙", "蓝牙耳机", "登山鞋"][one] for one in code],
            "cluster_score": rng.uniform(0.4, 1, 120),
            "title": [f"商品 {row} {'舒适' * (row % 3)}" for row in range(120)],
            "photo": list(rng.integers(0, 255, (120, 12, 12, 3), dtype=np.uint8)),
            "shop": np.array(["north", "south"])[rng.integers(0, 2, 120)],
            "when": pd.date_range("2024-01-01", periods=120, freq="3D"),
            "outlier_score": rng.uniform(size=120),
            "duplicate_group": [row // 3 if row < 12 else 1000 + row for row in range(120)],
        }
    )
    issues = pd.DataFrame({"position": [3, 8], "given": ["a", "b"], "suggested": ["b", "a"], "score": [0.9, 0.8]})
    earlier = build_report(df[df["cluster"] != 2], text="title")
    return df, {
        "text": "title",
        "image": "photo",
        "breakdown": "shop",
        "date": "when",
        "label_issues": issues,
        "compare": earlier,
    }


@pytest.mark.parametrize(
    ("scheme", "width", "language"), [("light", 1280, "zh"), ("dark", 390, "en"), ("dark", 1280, "zh")]
)
def test_axe_finds_nothing_serious(open_report, full, scheme, width, language):
    """With a point pinned, a search made and the borderline rows unfolded, axe-core has no serious objection."""
    df, options = full
    page = open_report(build_report(df, language=language, **options), width=width, color_scheme=scheme)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    for step in ("whole", "search", "pinned"):
        if step == "search":
            page.locator("#search").fill("商品 1")
        elif step == "pinned":
            page.locator("#hits button").first.click()
        found = Axe().run(page).response
        assert len(found["passes"]) > 15
        grave = [one for one in found["violations"] if one["impact"] in {"serious", "critical"}]
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in grave] == []


def test_the_tab_key_reaches_every_control_in_sight(open_report, full):
    """Every button, link, field and fold gets the focus by Tab alone, shows it, and is never left behind."""
    df, options = full
    page = open_report(build_report(df, language="en", **options))
    wanted = page.evaluate(
        """() => { const kinds = "a[href], button, input, select, summary, canvas, [tabindex='0']";
          const all = [...document.querySelectorAll(kinds)]
          .filter((one) => one.checkVisibility() && one.tabIndex >= 0);
          all.forEach((one, i) => { one.dataset.walk = i; });
          return all.length; }"""
    )
    assert wanted > 30
    seen, unseen_focus = set(), []
    for _ in range(wanted + 20):  # a field for a date has a stop for its day, month and year
        page.keyboard.press("Tab")
        place, outline = page.evaluate(
            "() => [document.activeElement.dataset.walk, getComputedStyle(document.activeElement).outlineStyle]"
        )
        if place is None:
            break
        seen.add(int(place))
        if outline == "none":
            unseen_focus.append(place)
    assert seen == set(range(wanted)), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    assert unseen_focus == []


def test_every_section_is_on_paper(open_report, full):
    """In print the folded rows are open, no control is left, and nothing is wider than the sheet."""
    df, options = full
    page = open_report(build_report(df, language="en", **options), width=720)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator(".edge img").first.is_visible()
    assert page.locator(".tools").is_hidden()
    for name in ("changes", "details", "duplicates", "outliers", "suspects", "appendix"):
        assert page.locator(f"#{name}").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
