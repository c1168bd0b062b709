"""The Plotly map: what is drawn, in which colour, under which name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmembed.errors import ColumnNotFoundError
from mmembed.figures import explore, plot
from mmembed.figures.map import medoid, place_names, text_width
from mmembed.figures.style import NOISE_TONE, tone
from mmembed.report import build_report


def by_name(figure):
    return {trace.name: trace for trace in figure.data}


def test_each_cluster_is_a_trace_with_its_name_and_count(goods):
    """Clusters are named with their sizes; noise and rows without a vector have traces of their own."""
    traces = by_name(plot(goods))
    assert set(traces) == {"红色连衣裙 (7)", "蓝牙耳机 (7)", "登山鞋 (7)", "noise (2)"}
    assert sum(len(trace.x) for trace in traces.values()) == 23


def test_coordinates_are_float32_in_the_order_of_the_rows(goods):
    """Every trace holds its rows' own coordinates, as float32 arrays that are written as typed arrays."""
    trace = by_name(plot(goods))["蓝牙耳机 (7)"]
    mine = goods[goods["cluster"] == 1]
    assert trace.type == "scattergl"
    assert trace.x.dtype == np.float32
    np.testing.assert_allclose(trace.x, mine["map_x"], rtol=1e-6)
    np.testing.assert_allclose(trace.y, mine["map_y"], rtol=1e-6)
    assert "bdata" in plot(goods).to_json()


def test_noise_is_grey_and_drawn_first_and_listed_last(goods):
    """Noise lies under the clusters and closes the legend."""
    figure = plot(goods)
    noise = by_name(figure)["noise (2)"]
    assert noise.marker.color == NOISE_TONE[0]
    assert figure.data[0] is noise
    assert noise.legendrank > max(trace.legendrank for trace in figure.data if trace is not noise)


def test_numbers_get_a_continuous_scale(goods):
    """A float column colours one trace by value."""
    figure = plot(goods, color="cluster_score")
    assert len(figure.data) == 1
    assert figure.data[0].marker.showscale
    assert len(figure.data[0].marker.color) == len(figure.data[0].x) == 23


def test_a_category_column_is_counted_over_all_rows(goods):
    """Colour by any column of strings gives a trace for each value."""
    assert set(by_name(plot(goods, color="shop"))) == {"north (12)", "south (12)"}


def test_minus_one_is_noise_only_among_cluster_labels(goods):
    """A category that happens to be −1 in another column is an ordinary category."""
    df = goods.assign(grade=[-1, 1] * 12)
    assert set(by_name(plot(df, color="grade"))) == {"Cluster -1 (12)", "Cluster 1 (12)"}


def test_hover_texts_are_escaped_and_cut(goods):
    """Markup in a cell is shown as it is written, and a long text is cut."""
    df = goods.assign(title=["<b>bold</b>" + "x" * 500, *goods["title"][1:]])
    text = by_name(plot(df, hover="title"))["红色连衣裙 (7)"].text[0]
    assert "&lt;b&gt;bold" in text
    assert "<b>bold" not in text
    assert len(text) < 250
    assert "…" in text


def test_names_stand_on_the_map_without_overlapping(goods):
    """Each cluster's name is an annotation; crowded names find other places."""
    figure = plot(goods)
    assert {one.text for one in figure.layout.annotations} == {"红色连衣裙", "蓝牙耳机", "登山鞋"}
    crowded = place_names([(0.0, 0.0)] * 4, ["猫猫", "狗狗", "鸟鸟", "鱼鱼"], (1.0, 1.0))
    placed = [place for place in crowded if place is not None]
    assert len(placed) == 4
    width, height = (text_width("猫猫") + 1), 1.7
    for first in range(4):
        for second in range(first):
            across, up = (abs(placed[first][axis] - placed[second][axis]) for axis in (0, 1))
            assert across >= width or up >= height


def test_a_name_without_a_free_place_is_left_to_the_legend():
    """When every place near the anchor is taken, the name is not drawn over another."""
    assert place_names([(0.0, 0.0)] * 30, ["猫"] * 30, (1.0, 1.0)).count(None) > 0


def test_the_medoid_is_one_of_the_points():
    """A name's anchor is a real point near the middle, even where the middle is empty."""
    x, y = np.array([0.0, 0.0, 10.0, 10.1]), np.array([0.0, 1.0, 0.0, 1.0])
    assert medoid(x, y) in range(4)
    assert medoid(np.array([0.0, 5.0, 100.0]), np.zeros(3)) == 1


def test_missing_map_columns_name_the_call_that_makes_them(goods):
    """The error says what is missing and that project makes it."""
    with pytest.raises(ColumnNotFoundError, match=r"'map_x'.*df\.mmembed\.project"):
        plot(goods.drop(columns="map_x"))


def test_a_third_coordinate_draws_in_space(goods):
    """With z, the map is a three-dimensional scatter without flat annotations."""
    figure = plot(goods.assign(map_z=1.0), z="map_z")
    assert {trace.type for trace in figure.data} == {"scatter3d"}
    assert not figure.layout.annotations


def test_pictures_are_drawn_on_the_map(pictured, tmp_path):
    """Pictures become small data URIs; nothing refers to a file or an address."""
    figure = plot(pictured, image="photo", root=tmp_path)
    assert figure.layout.images
    assert all(one.source.startswith("data:image/webp;base64,") for one in figure.layout.images)


@pytest.mark.parametrize("rows", [0, 1])
def test_tiny_frames_are_drawn(goods, rows):
    """No row and one row are ordinary frames."""
    assert sum(len(trace.x) for trace in plot(goods.iloc[:rows], hover=["title"]).data) == rows


def test_a_frame_without_clusters_is_one_trace(goods):
    """Without a cluster column and a colour, all rows are one trace."""
    figure = plot(goods[["map_x", "map_y"]])
    assert [len(trace.x) for trace in figure.data] == [23]


def test_the_frame_is_left_alone(goods):
    """Drawing changes nothing in the frame."""
    before = goods.copy(deep=True)
    plot(goods, hover=["title", "标题"], color="shop", title="<i>Title</i>")
    pd.testing.assert_frame_equal(goods, before)


def test_tones_repeat_only_after_three_rounds():
    """The palette has forty-two different colours on white and on dark."""
    for side in (0, 1):
        assert len({tone(position)[side] for position in range(42)}) == 42


def test_rows_at_one_place_are_one_larger_point_that_tells_their_number(goods):
    """Copies lie exactly on each other; the size and the hover say how many they are."""
    df = pd.concat([goods, goods.iloc[[0, 0, 0]]])
    figure = plot(df, hover="title")
    trace = by_name(figure)["红色连衣裙 (10)"]
    assert trace.customdata[0].tolist() == ["red dress 0", "4"]
    assert trace.marker.size.dtype == np.float32
    assert trace.marker.size[0] > trace.marker.size[1]
    assert "rows here" in trace.hovertemplate


def test_hover_heads_stand_once_in_the_template(goods):
    """Names of columns are not repeated in each row, and cells cannot reach the template."""
    trace = by_name(plot(goods.assign(title="%{x} <b>"), hover=["title", "cluster_score"]))["蓝牙耳机 (7)"]
    assert trace.hovertemplate.count("title") == 1
    assert trace.customdata[0][0] == "%&#123;x} &lt;b&gt;"
    assert trace.customdata[0][1] == f"{goods['cluster_score'].iloc[1]:.4g}"


def test_rows_without_a_number_are_grey(goods):
    """A missing number is not drawn as a low one."""
    df = goods.assign(cluster_score=goods["cluster_score"].mask(np.arange(24) < 4))
    traces = by_name(plot(df, color="cluster_score"))
    assert len(traces["no value (4)"].x) == 4
    assert len(traces["cluster_score"].x) == 19


def test_a_hundred_thousand_points_stay_small():
    """The JSON of 100,000 points in 20 groups is under 2 MB."""
    random = np.random.default_rng(0)
    df = pd.DataFrame({
        "map_x": random.normal(size=100_000), "map_y": random.normal(size=100_000),
        "cluster": random.integers(0, 20, size=100_000),
    })  # fmt: skip
    assert len(plot(df).to_json()) < 2_000_000


def test_the_second_round_of_colours_has_another_shape():
    """Past the 14 hues a category is told apart by its shape, too."""
    df = pd.DataFrame({"map_x": np.arange(30.0), "map_y": 0.0, "kind": [f"k{at:02}" for at in range(30)]})
    symbols = [trace.marker.symbol for trace in plot(df, color="kind").data]
    assert symbols[0] == "circle"
    assert symbols[14] == "diamond"
    assert symbols[28] == "square"


def relative_light(color):
    """Return how light a colour is, from 0 to 1."""
    return sum(int(color[at : at + 2], 16) * part for at, part in ((1, 0.21), (3, 0.72), (5, 0.07))) / 255


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_topic_has_one_colour_on_map_page_and_explorer(goods, theme):
    """A trace of plotly has the colour that the report's page and the notebook give the same topic."""
    side = ["light", "dark"].index(theme)
    traces = by_name(plot(goods, theme=theme))
    data = explore(goods, text="title").widget.data
    assert len({pair[side] for pair in data["tones"]}) == 3
    for group, pair in zip(data["groups"], data["tones"], strict=True):
        assert traces[f"{group['name']} ({group['size']})"].marker.color == pair[side]
    page = build_report(goods, text="title").html()
    assert all(f'["{light}","{dark}"]' in page for light, dark in data["tones"])


def test_groups_whose_names_say_nothing_show_what_is_typical(goods):
    """Beside "mixed (2)" and a mere number stand the first words of two typical rows, or the names of their files."""
    names = goods["cluster"].map({0: "mixed", 1: "mixed (2)", 2: "连衣裙", -1: "noise"})
    df = goods.assign(cluster_name=names, photo=[f"photos/{row % 3}-{row}.png" for row in range(24)])
    told = by_name(plot(df, hover=["title", "cluster_score"]))
    best = df[df["cluster"] == 1].sort_values("cluster_score", ascending=False)["title"].iloc[:2].tolist()
    assert f"mixed (2): {best[0]}, {best[1]} (7)" in told
    assert "连衣裙 (7)" in told
    chinese = plot(df.assign(cluster_name=names.replace({"mixed (2)": "混合 (2)"})), hover="标题", labels=False)
    assert any(name.startswith("混合 (2)：") and "耳机" in name for name in by_name(chinese))
    pictured = plot(df.assign(cluster_name=names.replace({"mixed": "cluster 0"})), image="photo", labels=False)
    assert any(name.startswith("cluster 0: 0-") for name in by_name(pictured))


def test_a_dark_map_has_light_tones(goods):
    """Colours, paper and names follow the theme."""
    light, figure = plot(goods), plot(goods, theme="dark")
    tones = [by_name(one)["红色连衣裙 (7)"].marker.color for one in (light, figure)]
    assert relative_light(tones[1]) > relative_light(tones[0])
    assert by_name(figure)["noise (2)"].marker.color == NOISE_TONE[1]
    assert figure.layout.paper_bgcolor == "#15181D"
