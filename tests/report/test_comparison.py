"""What changed since an earlier report: which clusters are the same, and what grew, shrank, came and went."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mmembed.analysis import fit_clusters
from mmembed.report import build_report
from mmembed.report.comparison import compare_facts, read_facts
from mmembed.vectors import VectorArray
from shop import SIZES, shop


def changes(now, before, **options):
    reports = [build_report(df, text="title", vector="vector", **options) for df in (now, before)]
    facts = [json.loads(report.to_json()) for report in reports]
    return {one.name: one.kind for one in compare_facts(*facts).changes}


def test_clusters_grow_shrink_appear_and_vanish():
    """Shares that chance does not explain are changes; one row more is none."""
    now = shop({"red dress": 120, "boots": 20, "earphones": 61, "tent": 40}, start=1000)
    assert changes(now, shop(SIZES)) == {
        "red dress": "grew",
        "boots": "shrank",
        "earphones": "steady",
        "tent": "appeared",
        "lamp": "vanished",
    }


def test_a_cluster_is_known_by_its_direction_when_it_is_renamed():
    """Same vectors under another name and number are the same cluster, and the page says how it was called."""
    before, now = shop(SIZES), shop(SIZES, names={"boots": "shoes"}, start=500)
    report = build_report(
        now.sample(frac=1, random_state=1), text="title", vector="vector", language="en",
        compare=build_report(before, text="title", vector="vector"),
    )  # fmt: skip
    assert set(changes(now, before).values()) == {"steady"}
    assert "4 topics show no change beyond chance" in report.html()
    grown = shop(SIZES | {"boots": 160}, names={"boots": "shoes"}, start=500)
    page = build_report(
        grown, text="title", vector="vector", language="en", compare=build_report(before, text="title", vector="vector")
    )
    assert "was boots" in page.html()


def test_without_vectors_typical_rows_and_names_decide():
    """Two other reports of the same rows are matched though every name changed."""
    before = shop(SIZES)
    now = shop(SIZES, names={kind: f"{kind} renamed" for kind in SIZES})
    reports = [build_report(df, text="title") for df in (now, before)]
    kinds = {one.kind for one in compare_facts(*(json.loads(one.to_json()) for one in reports)).changes}
    assert kinds == {"steady"}


WEEKS = {
    "the same rows": {"seed": 0},
    "other rows of the same groups": {"seed": 9},
    "a group went and another came": {"seed": 9, "sizes": (60, 0, 40, 30, 50)},
    "two groups went": {"seed": 9, "sizes": (60, 50, 0, 0)},
    "half of the rows are new": {"seed": 9, "kept": 90},
}


def week(sizes=(60, 50, 40, 30), *, seed=0, kept=0):
    """Return a table of groups that are the same every week; of other rows, but for the first ones."""
    centers = np.random.default_rng(0).normal(size=(5, 12))
    group = np.repeat(np.arange(len(sizes)), sizes)
    noise = np.random.default_rng(seed).normal(scale=0.2, size=(len(group), 12))
    noise[:kept] = np.random.default_rng(0).normal(scale=0.2, size=(len(group), 12))[:kept]
    rows = (centers[group] + noise).astype(np.float32)
    texts = [f"row {code} {value:.6f}" for code, value in zip(group, rows[:, 0], strict=True)]
    return pd.DataFrame(
        {"v": VectorArray.from_matrix(rows, space="toy"), "title": texts, "map_x": rows[:, 0], "map_y": rows[:, 1]}
    )


@pytest.mark.parametrize("options", WEEKS.values(), ids=WEEKS)
def test_a_report_and_a_match_of_clusters_pair_the_same(options):
    """What ``Clusters.match`` takes for the same cluster, the comparison of two reports does, too."""
    tables = week(), week(**options)
    last, now = (fit_clusters(df["v"]) for df in tables)
    last = last.rename({label: f"last {label}" for label in range(len(last.centroids))})
    now = now.rename({label: f"now {label}" for label in range(len(now.centroids))})
    matched = now.match(last)
    pairs = {
        f"now {label}": matched.names[int(number)] if int(number) < len(last.centroids) else ""
        for label, number in zip(now.numbers, matched.numbers, strict=True)
    }
    reports = [
        json.loads(build_report(clusters.add_to(df), text="title", vector="v").to_json())
        for clusters, df in ((now, tables[1]), (last, tables[0]))
    ]
    changes = compare_facts(*reports).changes
    assert {one.name: one.name_before for one in changes if one.code is not None} == pairs
    assert {one.name for one in changes if one.kind == "vanished"} == set(last.names.values()) - set(pairs.values())


def test_names_decide_where_nothing_else_is_known():
    """Without vectors and with other rows, equal names are the same clusters, and others have come."""
    before, now = shop(SIZES), shop(SIZES | {"lamp": 60}, names={"lamp": "tent", "boots": "Boots "}, start=900)
    reports = [json.loads(build_report(df, text="title").to_json()) for df in (now, before)]
    kinds = {one.name: one.kind for one in compare_facts(*reports).changes}
    assert kinds == {
        "red dress": "steady",
        "Boots": "steady",
        "earphones": "steady",
        "tent": "appeared",
        "lamp": "vanished",
    }


def test_a_name_alone_does_not_outweigh_the_vectors():
    """Two groups that changed their names are told by their vectors, not by what they are called."""
    before = shop(SIZES)
    now = shop(SIZES, names={"boots": "lamp", "lamp": "boots"}, start=500)
    reports = [json.loads(build_report(df, text="title", vector="vector").to_json()) for df in (now, before)]
    called = {one.name: one.name_before for one in compare_facts(*reports).changes}
    assert called == {"red dress": "red dress", "earphones": "earphones", "lamp": "boots", "boots": "lamp"}


def test_the_same_report_has_no_changes(tmp_path):
    """A report compared with its own file has changed in nothing."""
    df = shop(SIZES)
    path = build_report(df, text="title", vector="vector").save(tmp_path / "last.json")
    report = build_report(df, text="title", vector="vector", compare=path, language="en")
    assert "4 topics show no change beyond chance" in report.html()
    assert "Share rose" not in report.html()


@pytest.mark.parametrize(
    ("previous", "error", "message"),
    [
        ("gone.json", FileNotFoundError, "gone.json"),
        ({"format": "other"}, ValueError, "to_json"),
        ("broken.json", ValueError, "is no JSON"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path, monkeypatch, previous, error, message):
    """A missing file, a broken one and another format each say what was expected."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(error, match=message):
        read_facts(previous)


def goods(sizes, seed):
    """Return a table of things for sale whose groups lie where they always lie, with vectors and texts only."""
    centers = np.random.default_rng(0).normal(size=(6, 16))
    words = ("red dress", "winter boots", "desk lamp", "car radio", "camping tent", "garden chair")
    group = np.repeat(np.arange(len(sizes)), sizes)
    rows = centers[group] + np.random.default_rng(seed).normal(scale=0.45, size=(len(group), 16))
    return pd.DataFrame(
        {
            "title_vector": VectorArray.from_matrix(rows.astype(np.float32), space="toy"),
            "title": [f"{words[one]}, number {row}" for row, one in enumerate(group)],
        }
    )


WHAT_CHANGED = {
    "nothing": ((90, 70, 60, 80), {}),
    "a group is gone": ((90, 70, 60, 0), {"radio": "vanished"}),
    "a topic is new": ((90, 70, 60, 80, 60), {"tent": "appeared"}),
    "a share fell though its rows grew": ((90, 75, 240, 80), {"lamp": "grew", "dress": "shrank"}),
}


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("zh", "主题沿用上一份报告的分组；"), ("en", "The topics go on from those of the earlier report;")],
)
def test_the_page_says_in_its_language_that_topics_go_on(tmp_path, language, sentence):
    """No method made them, so that none is named."""
    last = goods((90, 70, 60, 80), 1).mmembed.report("title_vector", language=language).save(tmp_path / "last.json")
    told = goods((90, 70, 60, 80), 2).mmembed.report("title_vector", compare=last, language=language)
    paragraph = told._contents.profile.paragraph
    assert sentence in paragraph
    assert "method" not in paragraph
    assert "方法" not in paragraph


@pytest.mark.parametrize(("sizes", "expected"), WHAT_CHANGED.values(), ids=WHAT_CHANGED)
def test_a_report_says_what_changed_in_the_rows_and_not_in_the_fit(tmp_path, sizes, expected):
    """With ``compare=`` clusters go on from the last report's: what was planted is told, and nothing else."""
    last = goods((90, 70, 60, 80), 1).mmembed.report("title_vector", language="en").save(tmp_path / "last.json")
    report = goods(sizes, 2).mmembed.report("title_vector", compare=last, language="en")
    changes = compare_facts(json.loads(report.to_json()), read_facts(last)).changes
    words = ("dress", "boots", "lamp", "radio", "tent")
    told = {next(word for word in words if word in one.name): one.kind for one in changes if one.kind != "steady"}
    assert expected.items() <= told.items()
    # Where one share doubles, those of all others fall.
    assert set(told) - set(expected) <= ({"boots", "radio"} if "grew" in expected.values() else set())
    assert ("Share fell" in report.to_markdown()) == ("shrank" in expected.values())
    for shown in (report.to_markdown(), report.html()):
        assert ("4 topics show no change beyond chance" in shown) == (not expected)
