"""What a report says of changes: told from chance by rows alone, named with numbers, and never that nothing changed."""

from __future__ import annotations

import json

import pytest

from mmembed.report import build_report
from mmembed.report.comparison import compare_facts
from shop import SIZES, shop


def facts(sizes):
    """Return the facts of a report whose topics are numbered and called alike each week."""
    clusters = [{"id": number, "name": f"topic {number}", "size": size} for number, size in enumerate(sizes) if size]
    return {
        "format": "mmembed-report-1",
        "created": "2025-11-10T08:00",
        "rows": sum(sizes),
        "clusters": clusters,
    }


def kinds(before, now, **options):
    changes = compare_facts(facts(now), facts(before), **options).changes
    return {one.name: one.kind for one in changes if one.kind != "steady"}


OTHERS = [62, 50, 45, 42, 40, 36, 34, 22]
CHANGES = {
    "halved": ([72, *OTHERS], [34, *OTHERS], {"topic 0": "shrank"}),
    "doubled": ([36, *OTHERS], [72, *OTHERS], {"topic 0": "grew"}),
    "a tenth less": ([72, *OTHERS], [65, *OTHERS], {}),
    "a small one fell": ([14, *[60] * 32], [1, *[60] * 32], {}),
    "a tiny one is gone": ([4, *OTHERS], [0, *OTHERS], {}),
    "one is gone": ([30, *OTHERS], [0, *OTHERS], {"topic 0": "vanished"}),
    "many rows, a little less": ([10_000, *[10_000] * 9], [9_500, *[10_000] * 9], {}),
    "many rows, a third less": ([10_000, *[10_000] * 9], [6_600, *[10_000] * 9], {"topic 0": "shrank"}),
}


@pytest.mark.parametrize(("before", "now", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_told_beyond_chance_and_the_borders_of_groups(before, now, expected):
    """A share that halved is told; rows that a small group had by chance, and some at a border, are not."""
    assert kinds(before, now) == expected


def test_groups_that_were_drawn_anew_change_by_more_before_it_is_told():
    """Two fits draw other borders: what doubled may be that, what is six times as large is not."""
    assert kinds([36, *OTHERS], [72, *OTHERS], is_anew=True) == {}
    assert kinds([20, *OTHERS], [150, *OTHERS], is_anew=True)["topic 0"] == "grew"


def test_a_tiny_group_that_is_gone_is_listed_with_its_numbers():
    """It may come again by chance, so it is no news; nothing is left out in silence."""
    gone = next(one for one in compare_facts(facts([0, *OTHERS]), facts([4, *OTHERS])).changes if one.name == "topic 0")
    assert (gone.kind, gone.size_before, gone.size, gone.code) == ("steady", 4, 0, None)


def compared(now, before, language, **options):
    last = build_report(before, text="title", vector="vector")
    report = build_report(now, text="title", vector="vector", language=language, compare=last, **options)
    return report, json.loads(report.to_json())


@pytest.mark.parametrize(
    ("language", "some", "none"),
    [
        ("zh", "另有 2 个主题的变化未超出随机波动", "4 个主题的变化都未超出随机波动"),
        ("en", "2 more topics show no change beyond chance", "4 topics show no change beyond chance"),
    ],
)
def test_topics_without_a_change_have_their_numbers(language, some, none):
    """Page, Markdown and JSON say what each had and has; none says that nothing has changed."""
    before = shop(SIZES)
    for now, sentence, listed in (
        (shop(SIZES | {"red dress": 150, "lamp": 0, "tent": 40}, start=900), some, ("boots", "earphones")),
        (shop(SIZES | {"boots": 63}, start=900), none, ("boots", "earphones", "lamp", "red dress")),
    ):
        report, told = compared(now, before, language)
        steady = {one["name"]: one for one in told["changes"]["topics"] if one["kind"] == "steady"}
        assert set(steady) == set(listed)
        page, markdown = report.html(), report.to_markdown()
        assert sentence in page
        assert sentence in markdown
        folded = page[page.index(sentence) :].split("</details>")[0]
        for name, one in steady.items():
            assert f">{name}" in folded
            figures = [f"{one['rows_before']:,}", f"{one['rows']:,}"]
            figures += [f"{100 * one[key]:.1f}%" for key in ("share_before", "share")]
            assert f"| {name} | {' | '.join(figures)} |" in markdown
            assert all(f'<td class="number">{figure}</td>' in folded for figure in figures)
        for shown in (page, markdown):
            assert "have not changed" not in shown
            assert "Nothing has changed" not in shown
            assert "没有变化" not in shown


def headline(report_facts):
    (found,) = [one for one in report_facts["findings"] if one["kind"] == "changes"]
    return found


def test_the_first_sentence_names_what_changed():
    """The most important topics with their numbers, in both languages."""
    sizes = dict.fromkeys(("a", "b", "c", "d", "e"), 100)
    before, now = shop(sizes), shop(sizes | {"a": 240, "b": 30, "e": 0, "f": 60}, start=2000)
    report, told = compared(now, before, "zh")
    one = headline(told)
    day = told["changes"]["since"][:10]
    assert one["text"]["zh"] == (
        f"与 {day} 的报告相比：「a」由 20% 升至 45%；「e」消失（之前 100 行，20%）；「b」由 20% 降至 5.7%；"
        "另有 1 个主题有变化。"
    )
    assert one["text"]["en"] == (
        f"Since the report of {day}: “a” rose from 20% to 45%; “e” is gone (100 rows, 20% before); "
        "“b” fell from 20% to 5.7%; and 1 more topic changed."
    )
    assert one["figures"]["grew"] == 1
    assert one["text"]["zh"] in report.to_markdown()
    assert one["text"]["zh"] in report.html()
    alone = headline(compared(shop(SIZES | {"tent": 15}, start=900), shop(SIZES), "en")[1])["text"]
    assert alone["zh"].endswith("新出现「tent」（15 行，5.9%）。")
    assert alone["en"].endswith("“tent” is new (15 rows, 5.9%).")


def test_names_in_the_first_sentence_stay_text():
    """A name is a cell, or stands in the file of an earlier report: it is one line, and never markup."""
    before = json.loads(build_report(shop(SIZES), text="title", vector="vector").to_json())
    for one in before["clusters"]:
        if one["name"] == "lamp":
            one["name"] = "<img src=x>\n# *lamp* {0}"
    now = shop(SIZES | {"lamp": 0, "tent": 60}, names={"tent": "<script>`tent`"}, start=900)
    report = build_report(now, text="title", vector="vector", compare=before, language="en")
    page, markdown = report.html(), report.to_markdown()
    assert "<img src=x>" not in page
    assert "<script>`tent`" not in page
    assert "“&lt;script&gt;`tent`” is new" in page
    assert "\n# \\*lamp" not in markdown
    assert "“\\<img src=x\\> \\# \\*lamp\\* \\{0\\}” is gone" in markdown


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("zh", "两份报告的主题是分别分出来的"), ("en", "The topics of the two reports were found separately")],
)
def test_a_page_says_where_topics_were_found_separately(language, sentence):
    """Where this process fitted the groups of today, a change may be that of the fit; given groups are no fit."""
    before, now = shop(SIZES), shop(SIZES, start=500)
    columns = ["cluster", "cluster_name", "map_x", "map_y"]
    rows = now.drop(columns=columns).iloc[7:]
    fitted = rows.mmembed.cluster("vector").assign(map_x=now["map_x"], map_y=now["map_y"])
    for frame, is_said in ((now, False), (fitted, True)):
        report, told = compared(frame, before, language)
        assert told["changes"]["anew"] == is_said
        assert (sentence in report.html()) == is_said
        assert (sentence in report.to_markdown()) == is_said
