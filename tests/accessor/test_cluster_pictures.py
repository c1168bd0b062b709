"""Clusters with pictures: thumbnails of typical rows in what a notebook shows."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmembed

COLORS = [(230, 20, 20), (20, 200, 20), (20, 20, 230)]


@pytest.fixture
def vectors():
    """Return three groups of eight rows."""
    rng = np.random.default_rng(0)
    return (np.repeat(np.eye(3, 8), 8, axis=0) + rng.normal(scale=0.02, size=(24, 8))).astype("float32")


@pytest.fixture
def cells():
    """Return a large picture of one colour for each row, the colour of its group."""
    return [Image.new("RGB", (900, 600), COLORS[row // 8]) for row in range(24)]


def shown_colors(html):
    """Return the colours of the pictures of each line of a table."""
    found = []
    for line in re.findall(r"<tr>.*?</tr>", html, re.DOTALL):
        pictures = re.findall(r'<img src="data:image/webp;base64,([^"]+)" alt="" height="48">', line)
        opened = [Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB") for one in pictures]
        assert all(max(one.size) <= 96 for one in opened)
        found.append([int(np.argmax(one.getpixel((9, 9)))) for one in opened])
    return found


def test_a_notebook_shows_three_pictures_of_each_cluster(vectors, cells):
    """Each line has small pictures of its own typical rows, inline and without scripts."""
    clusters = mmembed.fit_clusters(vectors, "kmeans", n_clusters=3, image=cells)
    html = clusters._repr_html_()
    assert "<script" not in html
    assert len(html) < 60_000
    assert sorted(map(tuple, shown_colors(html))) == [(0, 0, 0), (1, 1, 1), (2, 2, 2)]
    assert {row: clusters.pictures[row] for rows in clusters.exemplars().values() for row in rows} == clusters.pictures


def test_pictures_stay_when_clusters_are_renamed(vectors, cells):
    """Other names leave the pictures alone; clusters without pictures have no column of them."""
    clusters = mmembed.fit_clusters(vectors, "kmeans", n_clusters=3, image=cells)
    renamed = clusters.rename({0: "<b>first</b>"})
    assert shown_colors(renamed._repr_html_()) == shown_colors(clusters._repr_html_())
    assert "&lt;b&gt;first" in renamed._repr_html_()
    assert "<b>first" not in renamed._repr_html_()
    assert "<img" not in mmembed.fit_clusters(vectors, "kmeans", n_clusters=3)._repr_html_()


def test_pictures_belong_to_their_rows(vectors, cells):
    """Cells go by their labels, a clip stands in for a missing picture, and a broken file is passed by."""
    order = np.random.default_rng(1).permutation(24)
    labels = [f"row {row}" for row in range(24)]
    image = pd.Series(cells, index=labels)
    image.iloc[8:16] = None
    image.iloc[16:] = b"broken"
    clip = io.BytesIO()
    cells[8].save(clip, "GIF")
    video = pd.Series([None] * 8 + [clip.getvalue()] * 16, index=labels)
    column = mmembed.VectorArray.from_matrix(vectors[:24], space="own")
    clusters = mmembed.fit_clusters(
        pd.Series(column, index=labels), "kmeans", n_clusters=3, image=image.iloc[order], video=video.iloc[order]
    )
    assert sorted(map(tuple, shown_colors(clusters._repr_html_()))) == [(), (0, 0, 0), (1, 1, 1)]


def test_as_many_pictures_as_rows_are_asked_for(vectors, cells):
    """The error says how many there are of both."""
    with pytest.raises(ValueError, match="image= has 23 cells, and there are 24 vectors"):
        mmembed.fit_clusters(vectors, "kmeans", n_clusters=3, image=cells[1:])
