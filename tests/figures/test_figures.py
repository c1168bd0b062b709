"""Heat map, cluster bars, dendrogram and gallery: the numbers that they show and what they refuse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmembed  # noqa: F401 - registers the accessor
from mmembed.errors import ColumnNotFoundError
from mmembed.figures import plot_clusters, plot_dendrogram, plot_neighbors, plot_similarity
from mmembed.vectors import VectorArray


@pytest.fixture
def vectors(goods):
    """Return the goods with vectors: boots lie near dresses, earphones apart; one row has none."""
    rng = np.random.default_rng(3)
    centers = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0.8, 0, 0.6, 0]], dtype=np.float32)
    rows = centers[np.arange(24) % 3] + rng.normal(scale=0.05, size=(24, 4)).astype(np.float32)
    return goods.assign(v=VectorArray.from_matrix(rows * 3, mask=np.arange(24) == 5))


def units(df):
    matrix = df["v"].array.matrix.astype(float)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def members_of(df, code):
    return np.flatnonzero(df["cluster"].eq(code).fillna(value=False) & df["v"].notna())


def test_rows_are_compared_by_cosine(vectors):
    """Each square is the cosine of two rows; a row without a vector is NaN and not 0."""
    figure = plot_similarity(vectors, "v", text="title")
    expected = units(vectors) @ units(vectors).T
    np.testing.assert_allclose(figure.data[0].z, expected, atol=1e-6)
    assert np.isnan(figure.data[0].z[5]).all()
    assert figure.layout.xaxis.ticktext[0] == "red dress 0"


def test_groups_are_compared_by_the_mean_cosine_of_pairs(vectors):
    """Off the diagonal of all pairs, on it of pairs of different rows; noise and missing vectors count nowhere."""
    figure = plot_similarity(vectors, "v", by="cluster")
    members = [members_of(vectors, code) for code in (0, 1, 2)]
    cosines = units(vectors) @ units(vectors).T
    order = [list(figure.layout.xaxis.ticktext).index(name) for name in ("红色连衣裙", "蓝牙耳机", "登山鞋")]
    for one in range(3):
        for other in range(3):
            block = cosines[np.ix_(members[one], members[other])]
            expected = block.mean() if one != other else block[~np.eye(len(block), dtype=bool)].mean()
            assert figure.data[0].z[order[one], order[other]] == pytest.approx(expected, abs=1e-5)


def test_a_group_of_one_row_has_no_pairs(vectors):
    """The mean of no pairs is NaN, and is written as a dash."""
    df = vectors.iloc[:4].assign(kind=["a", "a", "a", "b"])
    figure = plot_similarity(df, "v", by="kind")
    assert np.isnan(figure.data[0].z[1, 1])
    assert [one.text for one in figure.layout.annotations].count("–") == 1


def test_too_many_rows_are_refused(vectors):
    """The message says what can be drawn instead."""
    with pytest.raises(ValueError, match=r"401 rows.*by="):
        plot_similarity(pd.concat([vectors] * 20).iloc[:401], "v")


def test_clusters_are_bars_with_size_cohesion_and_nearest(vectors):
    """Boots and dresses are each other's nearest; sizes count rows with a vector; noise is told in the caption."""
    bar = plot_clusters(vectors.drop(columns="cluster_score"), "v")
    names = [one[0] for one in bar.data[0].customdata]
    nearest = {one[0]: one[3] for one in bar.data[0].customdata}
    assert nearest["登山鞋"] == "红色连衣裙"
    assert nearest["红色连衣裙"] == "登山鞋"
    assert dict(zip(names, bar.data[0].x.tolist(), strict=True)) == {"红色连衣裙": 7, "蓝牙耳机": 7, "登山鞋": 6}
    assert names == ["红色连衣裙", "蓝牙耳机", "登山鞋"]
    for code, cohesion in enumerate(bar.data[0].marker.color):
        rows = units(vectors)[members_of(vectors, code)]
        centroid = rows.sum(axis=0) / np.linalg.norm(rows.sum(axis=0))
        assert cohesion == pytest.approx((rows @ centroid).mean(), abs=1e-5)
    assert "2 rows of noise" in bar.layout.xaxis.title.text


def test_the_tree_joins_the_nearest_first(vectors):
    """The lowest branch joins boots and dresses at the cosine distance of their centroids."""
    figure = vectors.mmembed.plot_dendrogram("v")
    joins = [trace for trace in figure.data if trace.mode == "lines"]
    lowest = min(joins, key=lambda trace: max(trace.x))
    leaves = list(figure.layout.yaxis.ticktext)
    joined = {leaves[round(float(place))].split(" (")[0] for place in np.unique(lowest.y)}
    assert joined == {"红色连衣裙", "登山鞋"}
    centroids = [units(vectors)[members_of(vectors, code)].sum(axis=0) for code in (0, 2)]
    first, second = (one / np.linalg.norm(one) for one in centroids)
    assert max(lowest.x) == pytest.approx(1 - first @ second, abs=1e-5)


def test_a_tree_of_one_cluster_is_refused(vectors):
    """One cluster has no neighbours to join."""
    with pytest.raises(ValueError, match="from 2 to 120"):
        plot_dendrogram(vectors.assign(cluster=0), "v")


@pytest.mark.parametrize("draw", [plot_clusters, plot_dendrogram, lambda df, v: plot_similarity(df, v, by="cluster")])
def test_missing_clusters_name_the_call_that_makes_them(vectors, draw):
    """Nothing is fitted in a plot; the message says what to call."""
    with pytest.raises(ColumnNotFoundError, match=r"df\.mmembed\.cluster\('v'\)"):
        draw(vectors.drop(columns="cluster"), "v")


def test_a_gallery_shows_pictures_texts_and_similarities(pictured, tmp_path):
    """Each hit has its picture as a data URI, its text as it is written, and its similarity."""
    hits = pictured.iloc[:7].assign(similarity=np.linspace(0.9, 0.3, 7), title=["<i>x</i>", *"bcdefg"])
    figure = hits.mmembed.plot_neighbors(image="photo", text="title", root=tmp_path, across=3)
    assert len(figure.layout.images) == 7
    assert all(one.source.startswith("data:image/") for one in figure.layout.images)
    texts = [one.text for one in figure.layout.annotations]
    assert "<b>0.900</b>" in texts
    assert "&lt;i&gt;x&lt;/i&gt;" in texts
    assert len(set(figure.data[0].y)) == 3


def test_each_query_begins_a_new_line(goods):
    """Hits of several queries stand under their queries, not mixed."""
    hits = goods.iloc[:4].assign(similarity=0.5, query=["red", "red", "boots", "boots"])
    figure = plot_neighbors(hits, text="标题", across=5)
    assert [one for one in (note.text for note in figure.layout.annotations) if one in {"<b>red</b>", "<b>boots</b>"}]
    assert len(set(figure.data[0].y)) == 2


def test_a_gallery_that_cannot_be_drawn_says_why(goods):
    """No column to show, no similarity, or too many hits."""
    hits = goods.assign(similarity=0.5)
    with pytest.raises(ValueError, match="image=, text="):
        plot_neighbors(hits)
    with pytest.raises(ColumnNotFoundError, match=r"df\.mmembed\.search"):
        plot_neighbors(goods, text="title")
    with pytest.raises(ValueError, match="lower k"):
        plot_neighbors(pd.concat([hits] * 10), text="title")


def test_a_missing_picture_is_said(pictured, tmp_path):
    """A hit whose file is gone keeps its place, with a word instead of the picture."""
    hits = pictured.iloc[:2].assign(similarity=0.5, photo=["0.png", "gone.png"])
    figure = plot_neighbors(hits, image="photo", root=tmp_path)
    assert len(figure.layout.images) == 1
    assert "no picture" in [one.text for one in figure.layout.annotations]


def test_figures_can_be_dark(vectors):
    """Paper and ink follow the theme; an unknown theme is explained."""
    for draw in (plot_clusters, plot_dendrogram, plot_similarity):
        assert draw(vectors, "v", theme="dark").layout.paper_bgcolor == "#15181D"
    with pytest.raises(ValueError, match="Expected one of 'light', 'dark'"):
        plot_clusters(vectors, "v", theme="black")
