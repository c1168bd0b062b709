"""The report beside its page: facts as JSON, Markdown, trends, keywords, the bill, and files by their suffix."""

from __future__ import annotations

import base64
import json

import numpy as np
import pandas as pd
import pytest

from mmembed import Embedder
from mmembed.analysis.tallies.dates import read_dates
from mmembed.analysis.tallies.totals import CountedColumns, count_table
from mmembed.analysis.tallies.trend import Span
from mmembed.report import build_report
from mmembed.vectors import VectorArray


def test_the_facts_are_those_of_the_frame(goods):
    """Sizes, positions and scores come back from the JSON; the language changes none of it."""
    df = goods.assign(vector=VectorArray.from_matrix(np.ones((24, 3), dtype=np.float32), space="toy"))
    options = {"text": ["标题", "title"], "breakdown": "shop", "vector": "vector"}
    facts = json.loads(build_report(df, language="en", **options).to_json())
    chinese = json.loads(build_report(df, language="zh", **options).to_json())
    changing = {"language", "title", "created"}
    assert {key: facts[key] for key in facts.keys() - changing} == {
        key: chinese[key] for key in chinese.keys() - changing
    }
    assert (facts["rows"], facts["noise"], facts["space"], facts["dimension"]) == (24, 2, "toy", 3)
    first = facts["clusters"][0]
    members = df["cluster"].eq(first["id"]).fillna(value=False)
    assert first["size"] == int(members.sum())
    assert first["cohesion"] == pytest.approx(df.loc[members, "cluster_score"].mean())
    assert first["breakdown"] == df.loc[members, "shop"].value_counts().to_dict()
    for row in first["exemplars"]:
        assert row["texts"] == [df["标题"].iloc[row["position"]], df["title"].iloc[row["position"]]]
        assert members.iloc[row["position"]]
    centroid = np.frombuffer(base64.b64decode(first["centroid"]), dtype="<f2")
    np.testing.assert_allclose(centroid, np.full(3, 3**-0.5), atol=1e-3)


def test_markdown_says_what_the_page_says_and_cells_stay_text(goods):
    """Names, sizes and findings are there; markup in a cell is escaped."""
    df = goods.assign(
        cluster_name=goods["cluster_name"].mask(goods["cluster"].eq(0).fillna(value=False), "<b>*bold*</b> | x")
    )
    df = df.assign(outlier_score=np.linspace(0, 1, 24), duplicate_group=[1, 1, *range(2, 24)])
    text = build_report(df, text="title", breakdown="shop", language="en").to_markdown()
    for part in ("# ", "## Topics", "7 rows · 29.2%", "## Near duplicates", "## Outliers", "north", "| Rows | 24 |"):
        assert part in text
    assert "<b>" not in text.replace("\\<b", "")
    assert "\\*bold\\*" in text


def test_the_suffix_decides_what_is_saved(goods, tmp_path):
    """.json and .md get the facts and the Markdown, all else the page."""
    report = build_report(goods, text="title")
    assert json.loads(report.save(tmp_path / "a.json").read_text("utf-8"))["rows"] == 24
    assert report.save(tmp_path / "a.MD").read_text("utf-8") == report.to_markdown()
    assert report.save(tmp_path / "a.htm").read_text("utf-8") == report.html()


@pytest.mark.parametrize(
    ("first", "last", "step", "count"),
    [
        ("2024-01-01", "2024-01-31", "D", 31),
        ("2024-01-01", "2024-06-30", "W", 26),
        ("2023-01-15", "2024-12-31", "M", 24),
        ("1990-05-01", "2024-02-01", "Y", 35),
    ],
)
def test_periods_follow_the_span(first, last, step, count):
    """Days for a month, weeks for half a year, months for two, years for more; every date falls into one of them."""
    dates = pd.Series(pd.to_datetime([first, last, None, first]))
    span = Span.of(dates)
    assert (span.step, len(span.names)) == (step, count)
    assert span.places(dates).tolist() == [0, count - 1, -1, 0]
    whole = count_table(pd.DataFrame({"label": [0, 0, 0, 1], "day": dates}), CountedColumns(None, "label", date="day"))
    assert sum(one.count for one in whole.trend(0)) == 2


@pytest.mark.parametrize(
    "dates",
    [
        pd.Series(["2024-01-02", "2024-03-01T10:00+08:00", None, "soon"]),
        pd.Series(pd.to_datetime(["2024-01-02", "2024-03-01", None, None]).tz_localize("Asia/Shanghai")),
        pd.Series(pd.PeriodIndex(["2024-01", "2024-03", None, None], freq="M")),
        pd.Series([pd.Timestamp("2024-01-02"), pd.Timestamp("2024-03-01"), pd.NaT, "soon"], dtype=object),
    ],
)
def test_dates_are_read_in_all_their_forms(dates):
    """Texts, zones, periods and objects; what is no date is counted and has no period."""
    known, unreadable = read_dates(dates)
    span = Span.of(known)
    assert span.step == "W"
    assert span.places(known)[2:].tolist() == [-1, -1]
    assert unreadable == int((dates == "soon").sum())


def test_numbers_are_no_dates():
    """Seconds and days cannot be told apart, so the caller has to say which they are."""
    with pytest.raises(ValueError, match="to_datetime"):
        read_dates(pd.Series([1.7e9], name="when"))


def test_trend_and_unreadable_dates_are_on_the_page(goods):
    """Each card describes its trend in words, and the appendix counts the cells that are no date."""
    dates = pd.Series(pd.date_range("2024-01-01", periods=24, freq="30D").astype(str), index=goods.index)
    dates.iloc[5] = "soon"
    page = build_report(goods.assign(when=dates), text="title", date="when", language="en").html()
    assert page.count('class="trend"') == 3
    assert "2024-01 to 2025-11" in page
    assert "Cells that are no date" in page


def test_keywords_set_clusters_apart_and_do_not_repeat_the_name(goods):
    """Terms of the texts of one cluster are on its card, without those that its name says already."""
    extra = ["silk", "bluetooth", "leather"]
    df = goods.assign(title=[f"{extra[row % 3]} thing {goods['title'].iloc[row]}" for row in range(24)])
    facts = json.loads(
        build_report(df.assign(cluster_name=[f"{extra[row % 3]}" for row in range(24)]), text="title").to_json()
    )
    for cluster in facts["clusters"]:
        assert cluster["name"] in cluster["keywords"]
        assert not set(cluster["keywords"]) & (set(extra) - {cluster["name"]})
    page = build_report(df.assign(cluster_name=[extra[row % 3] for row in range(24)]), text="title").html()
    assert '<li dir="auto">silk</li>' not in page
    assert 'class="keywords"' in page


def test_failed_cells_are_told_from_missing_ones(goods):
    """A row whose cell has content but no vector failed; a row without content did not."""
    mask = np.arange(24) >= 20
    df = goods.assign(
        photo=["p.png"] * 22 + [None] * 2,
        photo_vector=VectorArray.from_matrix(np.ones((24, 3), dtype=np.float32), space="toy", mask=mask),
    )
    report = build_report(df, vector="photo_vector", language="en")
    assert json.loads(report.to_json())["failed"] == 2
    assert "2 failed" in report.html()


def test_blank_cells_are_empty_as_they_are_for_the_model(goods):
    """A blank text, an empty list or a file cell without a file is no failed one, and is counted among empty cells."""
    mask = np.arange(24) >= 18
    cells = ["p.png"] * 18 + ["", " \u3000", [], {"bytes": None, "path": None}, None, "gone.png"]
    vectors = VectorArray.from_matrix(np.ones((24, 3), dtype=np.float32), space="toy", mask=mask)
    df = goods.assign(photo=pd.Series(cells, index=goods.index, dtype=object), photo_vector=vectors)
    report = build_report(df, image="photo", vector="photo_vector", language="en")
    assert json.loads(report.to_json())["failed"] == 1
    assert {one.name: one.missing for one in report._contents.profile.columns}["photo"] == 5


def test_the_bill_of_a_run_is_in_the_summary():
    """Requests and cost are those of the run; a plan that two columns shared counts once."""
    df = pd.DataFrame({"text": ["a dog", "a cat", "a car", "狗"]})
    run = Embedder(model="local", cache=None).embed(df["text"], "text")
    df = run.add_to(df).assign(cluster=[0, 0, 1, 0], map_x=[0.0, 1, 2, 3], map_y=[0.0, 1, 0, 1])
    facts = json.loads(build_report(df, text="text", vector="text_vector", run=[run, run], language="en").to_json())
    assert (facts["cost_cny"], facts["requests"]) == (0.0, run.usage.requests)
    assert "Cost" in build_report(df, text="text", run=run, language="en").html()


def test_rows_of_pictures_are_called_by_their_files(pictured, tmp_path):
    """Without a text, Markdown, JSON, page and the page's data say the name of the file, not the number of the row."""
    df = pictured.assign(outlier_score=np.linspace(0, 1, 24))
    report = build_report(df, image="photo", root=tmp_path, language="en")
    markdown = report.to_markdown()
    assert "- 21.png" in markdown
    assert "Row " not in markdown
    shown = [row for cluster in json.loads(report.to_json())["clusters"] for row in cluster["exemplars"]]
    assert [row["file"] for row in shown] == [f"{row['position']}.png" for row in shown]
    assert 'alt="Picture: 21.png"' in report.html() or "21.png" in report.html()
    assert json.loads(build_report(pictured, text="title").to_json())["clusters"][0]["exemplars"][0]["file"] is None


def test_a_peak_is_told_only_where_it_stands_out(goods):
    """Rows that are spread evenly over time have a beginning and an end, and a month of many rows is named."""
    df = pd.concat([goods] * 5)
    flat = df.assign(day=pd.date_range("2024-01-01", periods=len(df), freq="5D"))
    markdown = build_report(flat, text="title", date="day", language="en").to_markdown()
    assert "Over time, by month: 2024-01 to 2025-08, 1 to 2 rows each\n" in markdown
    assert "most in" not in markdown
    burst = flat.assign(day=flat["day"].mask(flat["cluster"].eq(0).fillna(value=False), pd.Timestamp("2024-03-05")))
    report = build_report(burst, text="title", date="day", language="zh")
    assert report.to_markdown().count("最多在 2024-03，35 行") == 1
    assert report.html().count("最多 35（2024-03）") == 1


def test_weeks_are_called_weeks(goods):
    """A week is called by its Monday, which is said, and is not taken for the first date of the table."""
    df = pd.concat([goods] * 5)
    dated = df.assign(day=pd.date_range("2026-01-01", periods=len(df), freq="D"))
    report = build_report(dated, text="title", date="day", language="en")
    assert "Over time, by week from Monday: 2025-12-29 to 2026-04-27" in report.to_markdown()
    assert "Over time, by week from Monday" in report.html()
    counted = CountedColumns(None, "cluster", date="day")
    sample = build_report(dated.iloc[::2], date="day", whole=count_table(dated, counted), language="en")
    assert "The dates run from 2026-01-01 to 2026-04-30." in sample.to_markdown()


def test_groups_whose_names_say_nothing_are_told_apart(goods):
    """Table, cards and map show what is typical beside "mixed"; facts keep the names of the table."""
    names = goods["cluster"].map({0: "混合", 1: "混合 (2)", 2: "登山鞋", -1: "noise"})
    df = goods.assign(cluster_name=names)
    report = build_report(df, text="标题", language="zh")
    page = report.html()
    assert page.count("混合 (2)：蓝牙耳机") >= 3
    assert "混合：红色连衣裙" in page
    assert [one["name"] for one in json.loads(report.to_json())["clusters"]] == ["混合", "混合 (2)", "登山鞋"]


def test_a_table_without_near_duplicates_says_so(goods):
    """Page and Markdown say that there are none, and count nothing."""
    report = build_report(goods.assign(duplicate_group=range(24)), text="title", language="en")
    for told in (report.html(), report.to_markdown()):
        assert "No row is a near duplicate of another." in told
        assert "Groups: 0" not in told
