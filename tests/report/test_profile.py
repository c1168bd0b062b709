"""What the data are and what was done: the lead, the table of columns, the code; and the table of topics."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmembed.report import build_report
from mmembed.vectors import VectorArray


@pytest.fixture
def df():
    """Return 60 rows in two clusters with two smaller groups each, as the verbs write them."""
    rows = np.eye(4, 6)[np.repeat(np.arange(4), 15)] + np.random.default_rng(0).normal(0, 0.02, (60, 6))
    frame = pd.DataFrame({"v": VectorArray.from_matrix(rows, space="toy"), "text": ["ab"] * 30 + ["abcd"] * 30})
    part = np.repeat(np.arange(4), 15)
    return frame.assign(
        cluster=part // 2,
        cluster_name=[f"group {one}" for one in part // 2],
        subcluster=part,
        subcluster_name=[f"group {one // 2} / part {one}" for one in part],
        map_x=rows[:, 0],
        map_y=rows[:, 1],
        kind=[None, "x", "y"] * 20,
        day=pd.date_range("2024-03-01", periods=60).astype(str),
        unread="no",
    )


def contents(df, **options):
    return build_report(df, text="text", vector="v", **options)._contents


def test_the_lead_says_what_the_rows_are(df):
    """Rows, columns by what is in them, dates and model; in one or two lines."""
    made = contents(df, breakdown="kind", date="day", language="en")
    assert made.profile.lead == (
        "60 rows with texts (“text”), categories (“kind”), dates (“day”). The dates run from 2024-03-01 to "
        "2024-04-29. The vectors are by the model toy."
    )
    assert contents(df, breakdown="kind", language="zh").profile.lead == (
        "60 行数据，含文本「text」、类别「kind」。向量由模型 toy 生成。"
    )


def test_the_columns_of_the_page_are_listed_and_no_others(df):
    """Missing cells are counted; a column that nobody asked for is not named, but counted."""
    made = contents(df, breakdown="kind", language="en")
    assert [(one.name, one.role, one.missing, one.content) for one in made.profile.columns] == [
        ("text", "texts", 0, "some 3 characters each"),
        ("kind", "categories", 20, "2 different values"),
        ("v", "vectors", 0, "6 numbers, toy"),
    ]
    assert made.profile.notes == ("2 other columns are not on this page.",)
    assert "unread" not in build_report(df, text="text", vector="v").html()


def test_the_code_makes_the_page_again(df):
    """What was asked of clusters and page is in it; it runs, and gives the same page but for its time."""
    plain = df.drop(columns=[one for one in df.columns if one.startswith(("cluster", "subcluster", "map_"))])
    made = plain.mmembed.cluster("v", "kmeans", n_clusters=2, text="text").mmembed.project("v")
    report = made.mmembed.report("v", text="text", breakdown="kind", title="It's")
    code = report._contents.profile.code
    assert "cluster('v', text='text', method='kmeans', n_clusters=2)" in code
    again: dict[str, object] = {"df": plain}
    exec(code.replace('.save("report.html")', "").replace("df.mmembed.report", "made = df.mmembed.report"), again)  # noqa: S102
    assert again["made"].to_markdown().split("\n", 4)[4] == report.to_markdown().split("\n", 4)[4]


def test_the_code_gives_what_was_given(df, tmp_path):
    """Findings, options and files are in it; a comment names what no text can be, and no folder of this machine."""
    earlier = df.mmembed.report("v").save(tmp_path / "earlier.json")
    with_scores = df.assign(odd=np.linspace(0, 1, len(df)), names="a.png")
    report = with_scores.mmembed.report(
        "v",
        text=False,
        image="names",
        duplicates=df["kind"],
        outliers="odd",
        label_issues=False,
        compare=earlier,
        random_state=7,
        root=tmp_path,
        language="en",
    )
    lines = report._contents.profile.code.splitlines()
    assert lines[-1] == (
        "df.mmembed.report('v', image='names', language='en', text=False, random_state=7, duplicates=duplicates, "
        "outliers='odd', label_issues=False, compare=compare, root=root).save(\"report.html\")"
    )
    assert [line.split(":")[0] for line in lines if line.startswith("#")] == [
        *("# df", "# duplicates", "# compare", "# root")
    ]
    assert str(tmp_path) not in report.html()
    plain = df.drop(columns=[one for one in df.columns if one.startswith(("cluster", "subcluster", "map_"))])
    made_here = plain.mmembed.report("v", language="en")
    assert "cluster(" not in made_here._contents.profile.code
    other = build_report(df.rename(columns={"cluster": "topic"}), vector="v", cluster="topic")
    assert other._contents.profile.code.endswith(
        "mmembed.report.build_report(df, vector='v', cluster='topic').save(\"report.html\")"
    )


def test_values_of_numpy_and_labels_of_several_parts_are_written_out(df):
    """The code needs no import for them, and a report of them is made."""
    plain = df.drop(columns=[one for one in df.columns if one.startswith(("cluster", "subcluster", "map_"))])
    table = plain.assign(half=np.arange(len(plain)) % 2).rename(columns={"half": ("a", "half")})
    seven = np.int64(7)
    code = table.mmembed.report("v", kinds=("a", "half"), random_state=seven, language="en")._contents.profile.code
    assert code.endswith("language='en', kinds=('a', 'half'), random_state=7).save(\"report.html\")")
    made = plain.mmembed.cluster("v", "kmeans", n_clusters=np.int64(2), random_state=seven).mmembed.project("v")
    code = made.mmembed.report("v", max_points=np.int64(50))._contents.profile.code
    assert "n_clusters=2, random_state=7)" in code
    assert "max_points=50" in code


def test_topics_have_a_line_each_with_the_groups_in_them(df):
    """Names of parts are shown without that of their topic; sizes and shares are those of the frame."""
    lines = contents(df, breakdown="kind").topics
    told = [(one.card.group.name, one.card.group.size, one.card.share) for one in lines]
    assert told == [("group 0", 30, 0.5), ("group 1", 30, 0.5)]
    assert [(one.name, one.size, one.share) for one in lines[1].parts] == [("part 2", 15, 0.25), ("part 3", 15, 0.25)]
    page = build_report(df, text="text").html()
    assert page.count('<tr class="part">') == 4
    assert build_report(df.drop(columns="subcluster"), text="text").html().count('<tr class="part">') == 0
