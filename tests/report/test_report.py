"""The report's page: what it says, in which language, within which size, and that cells stay text."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from mmembed.errors import ColumnNotFoundError
from mmembed.figures.canvas import CANVAS_SCRIPTS
from mmembed.figures.canvas_words import _WORDS as _CANVAS_WORDS
from mmembed.figures.canvas_words import choose_language
from mmembed.report import build_report
from mmembed.report.page import SCRIPTS
from mmembed.report.words import _WORDS, Words
from mmembed.vectors import VectorArray

ATTACKS = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload='alert(1)'>",
    "a\u2028b\u2029c",
    "{{data}} {{title}} {0} {row}",
    "\ud800 lone surrogate",
    "nul \x00 and bell \x07",
    "&lt;b&gt; &amp;",
]


class Elements(HTMLParser):
    """Collects start tags with their attributes, and the visible text."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.text = []
        self.inside = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.inside.append(tag)

    def handle_endtag(self, tag):
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data):
        if not self.inside:
            self.text.append(data)

    def named(self, tag):
        return [attrs for one, attrs in self.tags if one == tag]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def integers(text):
    return np.frombuffer(base64.b64decode(text), dtype="<u2")


def test_the_page_says_what_is_in_the_frame(goods):
    """Title, counts, names, shares, cohesion and breakdown of the frame are on the page as text."""
    report = build_report(
        goods,
        text=["标题", "title"],
        title="商品聚类",
        breakdown="shop",
        created=datetime(2026, 3, 4, 5, 6, tzinfo=UTC),
    )
    words = Elements(report.html()).words
    for part in (
        "商品聚类",
        "2026-03-04 05:06",
        "总行数 24",
        "缺失向量 1",
        "主题数 3",
        "8.7%",
        "7 行 · 29.2%",
        "按「shop」分布",
        "north",
    ):
        assert part in words
    assert f"内部相似度 {goods.loc[goods['cluster'].eq(0).fillna(False), 'cluster_score'].mean():.2f}" in words


def test_the_data_of_the_map_are_the_rows(goods, page_data):
    """Coordinates, groups, texts and labels of the points come back from the page in the order of the frame."""
    data = page_data(build_report(goods, text=["标题", "title"]).html())
    on_map = goods[goods["map_x"].notna()]
    assert data["count"] == 23
    assert data["texts"] == [on_map["标题"].tolist(), on_map["title"].tolist()]
    assert data["labels"] == on_map.index.tolist()
    x, y = (on_map[column].to_numpy() for column in ("map_x", "map_y"))
    scale = max(np.ptp(x), np.ptp(y)) / 65535
    np.testing.assert_allclose(integers(data["x"]) * scale + x.min(), x, atol=scale)
    np.testing.assert_allclose(integers(data["y"]) * scale + y.min(), y, atol=scale)
    assert integers(data["group"]).tolist() == [65535 if code == -1 else code for code in on_map["cluster"]]


@pytest.mark.parametrize(
    ("options", "language"),
    [
        ({"text": "标题"}, "zh"),
        ({"text": "title"}, "en"),
        ({"text": ["title", "标题"]}, "en"),
        ({}, "zh"),
        ({"text": "标题", "language": "en"}, "en"),
        ({"text": "title", "language": "zh"}, "zh"),
    ],
)
def test_the_language_follows_the_texts_unless_it_is_given(goods, options, language):
    """The first text column decides, without one the cluster names; a given language wins."""
    report = build_report(goods, **options)
    assert report.language == language
    assert ("总行数" in report.html()) == (language == "zh")


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (["连衣裙 Nike Air Max", "衬衫"], "zh"),
        (["red dress 红", "a long English sentence", "猫"], "en"),
        (["123", "!!", "猫"], "zh"),
        (["ありがとうございます 日本", "カタカナ"], "en"),
        ([], "en"),
        (["", "42"], "en"),
    ],
)
def test_texts_without_letters_have_no_vote(texts, language):
    """Numbers and signs decide nothing; mixed texts count by which script carries more."""
    assert choose_language(texts) == language


def test_every_wording_has_both_languages_with_the_same_blanks():
    """No entry of the dictionary is empty, and both languages fill the same blanks."""
    for key, (chinese, english) in {**_WORDS, **_CANVAS_WORDS}.items():
        assert chinese, key
        assert english, key
        assert set(re.findall(r"\{(\w+)\}", chinese)) == set(re.findall(r"\{(\w+)\}", english)), key


@pytest.mark.parametrize(("count", "told"), [("0", "0 rows"), ("1", "1 row"), ("1,001", "1,001 rows")])
def test_one_row_is_told_in_the_singular(count, told):
    """Counts of one have a wording of their own where English asks for it."""
    assert Words("en")("size", count=count) == told
    assert Words("zh")("size", count=count) == f"{count} 行"


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_cell_stays_text_wherever_it_appears(goods, attack, page_data):
    """Markup in texts, names, labels, notes, titles and values adds no element and no attribute to the page."""
    plain = build_report(goods, text=["标题", "title"], breakdown="shop", title="t", notes=["n"], language="en")
    cells = pd.Series([attack] * len(goods), index=goods.index, dtype=object)
    df = goods.assign(cluster_name=cells, shop=cells, 标题=cells)
    df.columns = pd.Index([attack if name == "title" else name for name in df.columns], dtype=object)
    df.index = pd.Index([attack] * len(df), dtype=object)
    report = build_report(
        df,
        text=["标题", attack],
        breakdown="shop",
        title=attack,
        notes=[attack],
        language="en",
        parameters={attack: attack},
    )
    hostile, expected = Elements(report.html()), Elements(plain.html())
    assert [tag for tag, _ in hostile.tags if tag in {"script", "img", "svg", "style"}].count("script") == 2
    kept = {"script", "img", "style", "meta", "link", "h1", "h3", "article", "canvas", "input"}
    assert [tag for tag, _ in hostile.tags if tag in kept] == [tag for tag, _ in expected.tags if tag in kept]
    assert not [name for _, attrs in hostile.tags for name in attrs if name.startswith("on")]
    data = page_data(report.html())
    shown = " ".join(attack.replace("\ud800", "").replace("\x00", "").replace("\x07", "").split())
    assert data["texts"][0][0] == shown
    assert data["groups"][0]["name"] == shown


def test_the_policy_allows_the_pages_own_script_and_style_only(goods):
    """The hashes in the policy are those of the elements; nothing else may load or run."""
    page = build_report(goods, text="标题").html()
    elements = Elements(page)
    policy = next(
        one["content"] for one in elements.named("meta") if one.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    assert "http" not in policy
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        body = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy


def test_nothing_on_the_page_refers_to_the_outside(pictured, tmp_path):
    """No element points at an address or a file: sources are data, links are fragments."""
    elements = Elements(build_report(pictured, text="标题", image="photo", root=tmp_path).html())
    sources = [
        value for _, attrs in elements.tags for name, value in attrs.items() if name in {"src", "href", "srcset"}
    ]
    assert sources
    assert all(value.startswith(("data:", "#")) for value in sources)
    assert not [attrs for _, attrs in elements.tags if "style" in attrs]


def test_the_script_never_parses_markup():
    """The page's script has no way to turn a text into elements."""
    from importlib.resources import files

    folders = files("mmembed.report").joinpath("templates"), files("mmembed.figures").joinpath("scripts")
    sources = {
        path.name: path.read_text(encoding="utf-8")
        for folder in folders
        for path in folder.iterdir()
        if path.name.endswith(".js")
    }
    assert set(sources) == {*CANVAS_SCRIPTS, *SCRIPTS, "widget.js"}
    for source in sources.values():
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", source)


def test_pictures_are_in_cards_and_data_once(pictured, tmp_path, page_data):
    """Every row on the map has its thumbnail, either in a card or in the data, with a description."""
    page = build_report(pictured, text="标题", image="photo", root=tmp_path).html()
    images = Elements(page).named("img")
    inside = page_data(page)["thumbnails"]
    in_cards = {one["data-picture"] for one in images}
    assert len(in_cards) == 18
    assert set(inside) | in_cards == {str(point) for point in range(23)}
    assert not set(inside) & in_cards
    assert all(one["alt"] for one in images)


def test_what_has_no_thumbnail_is_counted_by_reason(pictured, tmp_path):
    """Missing, broken and remote pictures are counted in the appendix; a text column is never opened."""
    (tmp_path / "2.png").write_bytes(b"broken")
    photo = pictured["photo"].tolist()
    photo[0], photo[1], photo[3], photo[4] = None, "https://example.com/x.png", "gone.png", "gone.png"
    df = pictured.assign(photo=photo, title=[f"{row}.png" for row in range(24)])
    words = Elements(build_report(df, text="title", image="photo", root=tmp_path, language="en").html()).words
    assert "No thumbnail: the cell is empty 1" in words
    assert "No thumbnail: a web address; the report downloads nothing 1" in words
    assert "No thumbnail: the file does not exist 2" in words
    assert "No thumbnail: the file is broken or of an unknown format 1" in words
    only_text = build_report(df, text="title", root=tmp_path).html()
    assert not Elements(only_text).named("img")


def test_the_budget_holds_for_pictures_that_do_not_compress(goods):
    """The page stays within its budget, and says how many thumbnails were left out for it."""
    rng = np.random.default_rng(0)
    df = pd.concat([goods] * 20)
    df = df.assign(photo=list(rng.integers(0, 256, (len(df), 90, 90, 3), dtype=np.uint8)))
    report = build_report(df, text="title", image="photo", budget_bytes=600_000)
    size = len(report.html().encode())
    assert 400_000 < size <= 600_000
    assert "over the size budget of the file" in Elements(report.html()).words


@pytest.mark.ours
@pytest.mark.parametrize("budget", [600_000, 1_200_000])
def test_the_budget_holds_where_rows_are_in_several_lists(goods, budget):
    """Typical rows that are duplicates, outliers and label suspects too repeat their pictures within the budget."""
    rng = np.random.default_rng(0)
    df = pd.concat([goods] * 20).reset_index(drop=True)
    df = df.assign(photo=list(rng.integers(0, 256, (len(df), 90, 90, 3), dtype=np.uint8)))
    typical = df.sort_values("cluster_score", ascending=False).index[:40]
    df["outlier_score"] = df["cluster_score"]
    df["duplicate_group"] = pd.Series(np.arange(40) // 4, index=typical).reindex(df.index).astype("Int64")
    issues = pd.DataFrame({"position": typical, "given": "a", "suggested": "b"})
    page = build_report(df, text="title", image="photo", label_issues=issues, budget_bytes=budget, language="en").html()
    assert 0.6 * budget < len(page.encode()) <= budget
    assert len(Elements(page).named("img")) > 18


@pytest.mark.ours
def test_the_budget_holds_for_long_texts_and_many_rows(goods):
    """Texts are cut, then points thinned out evenly, and both are counted."""
    df = pd.concat([goods] * 1500)
    df["title"] = [f"{row} " + "long text " * 60 for row in range(len(df))]
    report = build_report(df, text="title", budget_bytes=900_000)
    assert len(report.html().encode()) <= 900_000
    words = Elements(report.html()).words
    assert "Texts cut to" in words
    assert "The map shows" in words


def test_a_large_frame_is_thinned_evenly(goods, page_data):
    """Past max_points, every cluster keeps its share of the points, and the typical rows of the cards stay."""
    df = pd.concat([goods] * 100)
    data = page_data(build_report(df, text="title", max_points=230).html())
    counts = np.bincount(integers(data["group"])[integers(data["group"]) < 3])
    assert 230 <= data["count"] <= 245
    assert counts.min() > 60


def test_notes_and_parameters_are_in_the_appendix(goods):
    """What the caller says about the way the columns were made is on the page."""
    words = Elements(
        build_report(
            goods, notes=["Clusters were computed with k-means."], parameters={"random_state": 7}, language="en"
        ).html()
    ).words
    assert "Clusters were computed with k-means." in words
    assert "random_state 7" in words
    assert "pandas" in words


def test_a_vector_column_gives_the_space(goods):
    """The vector column counts the rows without a vector and names the model."""
    matrix = np.ones((24, 3), dtype=np.float32)
    mask = np.arange(24) >= 20
    df = goods.assign(vector=VectorArray.from_matrix(matrix, space="some-model", mask=mask))
    words = Elements(build_report(df, vector="vector", language="en").html()).words
    assert "some-model" in words
    assert "Without a vector 4" in words


@pytest.mark.parametrize(
    "change",
    [
        lambda df: df.iloc[:0],
        lambda df: df.iloc[:1],
        lambda df: df.iloc[21:23],
        lambda df: df.iloc[23:],
        lambda df: df.assign(map_x=np.nan),
        lambda df: df.assign(map_x=1.0, map_y=2.0),
        lambda df: df.assign(map_x=np.inf),
        lambda df: df.drop(columns=["cluster_name", "cluster_score"]),
        lambda df: df.set_index(["shop", "title"], drop=False),
        lambda df: df.assign(cluster=df["cluster"].astype("float64")),
        lambda df: df.assign(cluster=df["shop"].astype("category")),
        lambda df: df.assign(title=None),
    ],
    ids=[
        "empty",
        "one-row",
        "all-noise",
        "no-vector",
        "no-map",
        "one-place",
        "infinite",
        "bare",
        "multiindex",
        "float",
        "category",
        "no-text",
    ],
)
def test_unusual_frames_have_a_report(goods, change, page_data):
    """Empty, tiny, all-noise and unmapped frames are ordinary: the page counts the rows and warns of nothing."""
    df = change(goods)
    for options in ({"text": "title"}, {}):
        report = build_report(df, language="en", breakdown="shop", **options)
        assert report.tiles[0].value == str(len(df))
        assert page_data(report.html())["count"] <= len(df)


def test_float_labels_of_a_csv_round_trip_give_the_same_clusters(goods, page_data):
    """Labels that became floats mean the same clusters, names and noise."""
    plain = page_data(build_report(goods).html())
    floats = page_data(build_report(goods.assign(cluster=goods["cluster"].astype("float64"))).html())
    assert floats["groups"] == plain["groups"]
    assert floats["noise"] == plain["noise"] == 2


def test_the_order_of_the_rows_changes_no_cluster(goods, page_data):
    """Shuffled rows give the same clusters in the same order and colours."""
    shuffled = goods.sample(frac=1, random_state=3)
    assert page_data(build_report(shuffled).html())["groups"] == page_data(build_report(goods).html())["groups"]


def test_the_frame_is_left_alone(pictured, tmp_path):
    """Building a report changes nothing in the frame."""
    before = pictured.copy(deep=True)
    build_report(pictured, text=["标题", "title"], image="photo", breakdown="shop", root=tmp_path)
    pd.testing.assert_frame_equal(pictured, before)


def test_the_same_frame_gives_the_same_page(pictured, tmp_path):
    """With the time given, a report is reproducible to the byte."""
    when = datetime(2026, 1, 1, tzinfo=UTC)
    pages = {build_report(pictured, text="title", image="photo", root=tmp_path, created=when).html() for _ in range(2)}
    assert len(pages) == 1


def test_missing_columns_name_the_call_that_makes_them(goods):
    """Without clusters or map, the error names cluster or project; other columns get the nearest name."""
    with pytest.raises(ColumnNotFoundError, match=r"'cluster'.*df\.mmembed\.cluster"):
        build_report(goods.drop(columns="cluster"))
    with pytest.raises(ColumnNotFoundError, match=r"'map_y'.*df\.mmembed\.project"):
        build_report(goods.drop(columns="map_y"))
    with pytest.raises(ColumnNotFoundError, match=r"'titel'.*Did you mean 'title'"):
        build_report(goods, text="titel")
    with pytest.raises(ColumnNotFoundError, match="'topic'"):
        build_report(goods, name="topic")


@pytest.mark.parametrize("options", [{"language": "fr"}, {"budget_bytes": 1000}, {"max_points": 0}])
def test_impossible_options_are_refused(goods, options):
    """The message repeats the value and says what was expected."""
    with pytest.raises(ValueError, match=re.escape(str(next(iter(options.values()))))):
        build_report(goods, **options)


def test_two_columns_of_one_name_are_refused(goods):
    """A name that stands for two columns cannot be read as one."""
    df = pd.concat([goods, goods[["title"]]], axis=1)
    with pytest.raises(ColumnNotFoundError, match="2 columns named 'title'"):
        build_report(df, text="title")


def test_save_writes_the_whole_page_or_nothing(goods, tmp_path):
    """Saving returns the path, replaces an older report, leaves no other file, and needs the folder."""
    report = build_report(goods, text="标题")
    target = tmp_path / "report.html"
    target.write_text("old")
    assert report.save(str(target)) == target
    assert target.read_text(encoding="utf-8") == report.html()
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(FileNotFoundError, match="does not exist"):
        report.save(tmp_path / "none" / "report.html")


def test_a_notebook_shows_the_page_in_a_frame_without_rights(goods):
    """The whole page is text of one attribute; its scripts run in a frame that has nothing of the notebook's."""
    report = build_report(goods, title="<script>x</script>")
    shown = Elements(report._repr_html_())
    (frame,) = shown.named("iframe")
    assert frame["srcdoc"] == report.html()
    assert frame["sandbox"] == "allow-scripts allow-downloads"
    assert [tag for tag, _ in shown.tags if tag == "script"] == []


def test_a_page_too_large_for_a_notebook_shows_its_numbers(goods):
    """Above three megabytes a notebook gets numbers only, escaped; the repr is one line that says what to do next."""
    report = build_report(goods, title="<script>x</script>")
    report = dataclasses.replace(report, _page=report.html() + "<!--" + "x" * 3_000_000 + "-->")
    assert "<script" not in report._repr_html_()
    assert len(report._repr_html_()) < 3000
    assert "\n" not in repr(report)
    assert ".save(" in repr(report)
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.title = "other"
