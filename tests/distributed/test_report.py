"""Reports over partitions: figures are of all rows, and the page says what is of a sample."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.distributed.tables import clustered, cut, untouchable

import mmembed.distributed  # noqa: F401  registers the accessor
from mmembed.analysis.tallies.totals import CountedColumns, count_table
from mmembed.errors import ColumnNotFoundError


@pytest.fixture(scope="module")
def df():
    """Return the table with clusters, some noise and a map."""
    df = clustered(rows=900).rename(columns={"v": "title_vector"})
    df = df.mmembed.cluster("title_vector", "kmeans", n_clusters=4, text="title")
    noise = (np.arange(len(df)) % 50 == 7) & df["cluster"].notna().to_numpy()
    df["cluster"] = df["cluster"].mask(noise, -1)
    return df.mmembed.project("title_vector", "pca")


OPTIONS = {"text": ["title", "group"], "breakdown": "group", "date": "day", "title": "Things"}


def facts_of(report):
    return json.loads(report.to_json())


def test_a_table_that_fits_into_the_sample_has_the_report_of_pandas(df, cluster):
    """Facts, tiles and what is not shown are those of pandas; the page adds that they are of all rows."""
    want = df.mmembed.report("title_vector", **OPTIONS, duplicates=False)
    with cluster.as_current():
        got = cut(df, [0, 200, 700]).mmembed.report("title_vector", **OPTIONS)
    assert got.tiles == want.tiles
    one, other = facts_of(got), facts_of(want)
    assert one.keys() == other.keys()
    for mine, theirs in zip(one.pop("clusters"), other.pop("clusters"), strict=True):
        assert mine.pop("cohesion") == pytest.approx(theirs.pop("cohesion"))
        mine.pop("centroid"), theirs.pop("centroid")
        assert mine == theirs
    assert {**one, "created": 0} == {**other, "created": 0}
    assert "counted over all 900 rows" in got.html()
    assert "counted over all" not in want.html()


@pytest.mark.parametrize(("language", "said"), [("en", "a sample of"), ("zh", "按主题抽取的")])
def test_figures_are_of_all_rows_and_the_page_says_what_is_not(df, language, said):
    """With a sample of a tenth, sizes, shares, breakdown, trend, noise and missing rows are exact."""
    report = cut(df, [300, 301]).mmembed.report("title_vector", **OPTIONS, language=language, sample_rows=90)
    facts, page = facts_of(report), report.html()
    assert said in page
    assert said in report.to_markdown()
    labels = df["cluster"].fillna(-2)
    assert (facts["rows"], facts["noise"]) == (900, (labels == -1).sum())
    assert facts["without_vector"] == df["title_vector"].isna().sum()
    for found in facts["clusters"]:
        inside = df[(labels == found["id"]).to_numpy()]
        assert found["size"] == len(inside)
        assert found["share"] == pytest.approx(len(inside) / 900)
        assert found["breakdown"] == inside["group"].value_counts().to_dict()
        assert sum(one["rows"] for one in found["trend"]) == len(inside)
        assert found["cohesion"] == pytest.approx(inside["cluster_score"].mean())
        assert len(found["exemplars"]) >= 4
        for row in found["exemplars"]:
            assert df["title"].iloc[row["position"]] == row["texts"][0]
            assert labels.iloc[row["position"]] == found["id"]
    shown = json.loads(page.split('id="data">')[1].split("</script>")[0])["count"]
    assert 90 <= shown < 200


def test_what_is_missing_is_computed_and_told():
    """Without clusters and map both are made, the map of the sample, and notes say so."""
    df = clustered(rows=240)
    report = cut(df, [100]).mmembed.report("v", text="title", language="en", sample_rows=120)
    assert len(facts_of(report)["clusters"]) > 1
    assert sum(one["size"] for one in facts_of(report)["clusters"]) + facts_of(report)["noise"] == 232
    assert "The frame had no column 'cluster'" in report.to_markdown()
    assert "The frame had no columns" in report.to_markdown()


def test_two_reports_are_compared(df):
    """The facts of an earlier report of a part show what grew."""
    earlier = cut(df.iloc[:300], [100]).mmembed.report("title_vector", sample_rows=100)
    later = cut(df, [100]).mmembed.report("title_vector", sample_rows=100, compare=earlier, language="en")
    assert "300 rows" in later.html()


def test_figures_of_parts_add_up(df):
    """Counting parts, some without rows, gives the figures of the whole frame."""
    columns = CountedColumns("title_vector", "cluster", "cluster_name", "cluster_score", "title", "group")
    parts = [count_table(df.iloc[at], columns) for at in (slice(0, 0), slice(0, 250), slice(250, 251), slice(251, 900))]
    total, whole = (parts[0] + parts[1]) + (parts[2] + parts[3]), count_table(df, columns)
    assert (total.rows, total.noise, total.missing, total.failed) == (
        whole.rows,
        whole.noise,
        whole.missing,
        whole.failed,
    )
    assert total.failed == df["title_vector"].isna().sum()
    for key, figures in whole.groups.items():
        mine = total.of(key)
        assert (mine.size, mine.names, mine.values) == (figures.size, figures.names, figures.values)
        assert mine.cohesion == pytest.approx(figures.cohesion)
        np.testing.assert_allclose(mine.vector_sum, figures.vector_sum, atol=1e-3)


WRONG = {
    "no such column": (ColumnNotFoundError, {"column": "w"}),
    "no such text": (ColumnNotFoundError, {"column": "title_vector", "text": "titel"}),
    "no such image": (ColumnNotFoundError, {"column": "title_vector", "image": "photo"}),
    "no language": (ValueError, {"column": "title_vector", "language": "fr"}),
    "numbers for dates": (ValueError, {"column": "title_vector", "date": "cluster_score"}),
    "a page that is too small": (ValueError, {"column": "title_vector", "budget_bytes": 10}),
}


@pytest.mark.parametrize(("error", "arguments"), WRONG.values(), ids=WRONG)
def test_errors_are_those_of_pandas_before_anything_is_computed(df, error, arguments):
    """What pandas refuses is refused in the same words, without touching a partition."""
    with pytest.raises(error) as local:
        df.mmembed.report(**arguments)
    with pytest.raises(error) as distributed:
        untouchable(df).mmembed.report(**arguments)
    assert str(distributed.value) == str(local.value)


def test_findings_of_single_rows_are_refused_with_the_way_out(df):
    """Near duplicates, outliers and label issues name rows that a sample has not."""
    with pytest.raises(ValueError, match=r"outliers= is not in the report.*compute\(\)"):
        untouchable(df).mmembed.report("title_vector", outliers="outlier_score")


def test_rows_are_found_in_the_sample_unless_they_are_left_out(df):
    """Outliers and doubtful labels are those of the sample, at their places in the table; False is no refusal."""
    ddf, options = cut(df, [300]), {**OPTIONS, "sample_rows": 200}
    found = facts_of(ddf.mmembed.report("title_vector", **options))
    places = [one["position"] for one in found["outliers"]]
    assert max(places) >= 300
    assert not df["title_vector"].iloc[places].isna().any()
    nothing = {"duplicates": False, "outliers": False, "label_issues": False}
    left = facts_of(ddf.mmembed.report("title_vector", **options, **nothing))
    assert [left[name] for name in nothing] == [None, None, None]


def test_groups_are_drawn_with_all_rows(df):
    """Bars, tree and heat map of groups are those of pandas, however the table is cut."""
    ddf = cut(df, [0, 400, 401])
    for verb, options in {
        "plot_clusters": {},
        "plot_dendrogram": {},
        "plot_similarity": {"by": "group"},
    }.items():
        want = getattr(df.mmembed, verb)("title_vector", **options)
        got = getattr(ddf.mmembed, verb)("title_vector", **options)
        for mine, theirs in zip(got.data, want.data, strict=True):
            for axis in ("x", "y", "z"):
                if getattr(theirs, axis, None) is not None:
                    np.testing.assert_allclose(getattr(mine, axis), getattr(theirs, axis), atol=1e-5)
            assert np.array_equal(mine.text, theirs.text)
    with pytest.raises(ValueError, match="Compare groups with by="):
        ddf.mmembed.plot_similarity("title_vector")
    with pytest.raises(ColumnNotFoundError, match="cluster"):
        untouchable(df.drop(columns="cluster")).mmembed.plot_clusters("title_vector")


def test_the_map_is_drawn_of_a_sample_that_is_told(df):
    """All rows where they fit, and else some, with a line that says how many of how many."""
    ddf = cut(df, [400])
    want, got = df.mmembed.plot(hover="title"), ddf.mmembed.plot(hover="title")
    assert [trace.name for trace in got.data] == [trace.name for trace in want.data]
    some = ddf.mmembed.plot(sample_rows=100)
    on_map = df["map_x"].notna().sum()
    assert f"100 of {on_map} rows, drawn evenly" in [one.text for one in some.layout.annotations]
    assert sum(len(trace.x) for trace in some.data) <= 100
    with pytest.raises(ColumnNotFoundError, match="project"):
        untouchable(df.drop(columns="map_x")).mmembed.plot()
