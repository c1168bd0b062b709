"""Results as a notebook shows them: small tables, escaped, without scripts and without columns of numbers."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from mmembed import VectorArray, find_duplicates, fit_clusters, search

ATTACK = "<script>alert(1)</script>"


@pytest.fixture
def df():
    """Return 90 rows in three groups; the first two are equal, and texts and labels of the index are hostile."""
    rows = np.eye(3, 8)[np.arange(90) % 3] + np.random.default_rng(0).normal(0, 0.1, (90, 8))
    rows[1] = rows[0]
    words = np.array(["dress", "shoe", "lamp"])[np.arange(90) % 3]
    return pd.DataFrame(
        {"text": [f"{word} {ATTACK}" for word in words], "v": VectorArray.from_matrix(rows.astype(np.float32))},
        index=[f"{ATTACK}{row}" for row in range(90)],
    )


def test_clusters_show_names_sizes_shares_and_texts(df):
    """One line a cluster, with up to three typical texts where names come from texts."""
    clusters = fit_clusters(df["v"], "kmeans", n_clusters=3, text=df["text"], names="text")
    html = clusters._repr_html_()
    assert html.count("<tr") == 4
    for name in clusters.names.values():
        assert name in html
    assert "33.3%" in html
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_hits_and_duplicates_show_where_rows_are(df):
    """Positions, labels and similarities, a screen of them at most."""
    hits = search(df["v"].iloc[0], df["v"], k=50)
    html = hits._repr_html_()
    assert html.count("<tr") == 21
    assert "30 more" in html
    assert "1.000" in html
    assert "<script" not in html
    found = find_duplicates(df["v"], 0.9999)._repr_html_()
    assert found.count("<tr") == 3
    assert "<script" not in found


def test_a_frame_of_hits_is_shown_without_its_vectors(df):
    """The frame keeps all columns; only its HTML leaves the vectors out and says so. Copies are pandas' own."""
    found = search(df["v"].iloc[0], df["v"], k=3).add_to(df)
    assert type(found) is pd.DataFrame
    assert list(found.columns) == ["text", "v", "similarity"]
    html = found._repr_html_()
    assert "<th>v</th>" not in html
    assert "Not shown: 'v'" in html or "Not shown: &#x27;v&#x27;" in html
    for same in (found.copy(), pickle.loads(pickle.dumps(found)), found[["text", "v"]]):
        assert "<th>v</th>" in same._repr_html_()
    repeated = find_duplicates(df["v"], 0.9999).rows_of(df)
    assert "<th>v</th>" not in repeated._repr_html_()
