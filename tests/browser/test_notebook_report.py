"""A report within a notebook's page: it works in its frame, and reaches nothing around it."""

from __future__ import annotations

import pytest

from mmembed.report import build_report

pytestmark = pytest.mark.browser


def test_the_page_works_in_its_frame_and_has_no_rights(browser, goods, tmp_path):
    """Map and table answer, links stay within the frame, and the notebook around it is out of reach."""
    report = build_report(goods, text="title", breakdown="shop", language="en")
    around = tmp_path / "notebook.html"
    around.write_text(f"<!doctype html><meta charset=utf-8><h1>notebook</h1>{report._repr_html_()}", encoding="utf-8")
    context = browser.new_context(offline=True)
    page = context.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(around.as_uri())
    frame = page.frames[1]
    frame.wait_for_function("() => window.mmembedReport")
    frame.locator(".findings a").first.click()
    frame.wait_for_function("() => document.activeElement.id === 'topics' && scrollY > 0")
    frame.locator(".topics .sorter").nth(1).click()
    assert frame.locator(".topics thead th").nth(1).get_attribute("aria-sort") == "descending"
    assert frame.evaluate("origin") == "null"
    assert (
        frame.evaluate("() => { try { return parent.document.title; } catch (error) { return error.name; } }")
        == "SecurityError"
    )
    assert page.url == around.as_uri()
    assert complaints == []
    context.close()


def test_the_table_of_topics_is_sorted_by_a_pick(open_report, goods):
    """Numbers from the greatest, then from the least; names from the first letter; each click says so."""
    goods = goods.assign(cluster_name=goods["cluster"].map({0: "b", 1: "c", 2: "a"}))
    page = open_report(build_report(goods.iloc[1:], text="title", language="en"))

    def names():
        return page.locator(".topics tbody th").all_inner_texts()

    heads = page.locator(".topics .sorter")
    heads.nth(0).click()
    assert names() == ["a", "b", "c"]
    heads.nth(0).click()
    assert names() == ["c", "b", "a"]
    heads.nth(1).click()
    sizes = [int(one) for one in page.locator(".topics tbody td:nth-child(2)").all_inner_texts()]
    assert sizes == sorted(sizes, reverse=True)
    assert page.locator(".topics tfoot").inner_text().startswith("Unassigned")
