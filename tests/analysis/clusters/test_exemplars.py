"""Typical rows of clusters: positions by cluster, and the rows of the frame itself."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

import mmembed
from mmembed.errors import ColumnExistsError


@pytest.fixture
def df():
    """Return two groups of rows, named by their texts, of which the first row of each is in the middle."""
    angles = np.array([0.0, 0.1, -0.1, 1.5, 1.6, 1.4, 1.7])
    return pd.DataFrame(
        {
            "text": ["red dress", "long dress", "dress", "running shoe", "shoe", "leather shoe", "shoe"],
            "v": mmembed.VectorArray.from_matrix(np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)),
        },
        index=list("abcdefg"),
    )


def test_exemplars_are_positions_and_rows(df):
    """The rows come cluster by cluster, the most typical first, under their own labels."""
    clusters = mmembed.fit_clusters(df["v"], "kmeans", n_clusters=2, text=df["text"])
    found = clusters.exemplars(2)
    assert {label: len(rows) for label, rows in found.items()} == {0: 2, 1: 2}
    rows = found.add_to(df)
    assert rows["cluster"].tolist() == [0, 0, 1, 1]
    assert rows["cluster_rank"].tolist() == [1, 2, 1, 2]
    assert rows["cluster_name"].tolist() == ["shoe", "shoe", "dress", "dress"]
    assert rows.index.tolist() == [df.index[row] for positions in found.values() for row in positions]
    assert rows.index[2] == "a"
    assert list(df.columns) == ["text", "v"]


def test_rows_are_found_by_their_labels(df):
    """A frame in another order gives the same rows; columns that cluster wrote may be there."""
    clusters = mmembed.fit_clusters(df["v"], "kmeans", n_clusters=2, text=df["text"])
    grouped = clusters.add_to(df)
    pd.testing.assert_frame_equal(
        clusters.exemplars().add_to(grouped.iloc[::-1])[["text", "cluster", "cluster_name", "cluster_rank"]],
        clusters.exemplars().add_to(df)[["text", "cluster", "cluster_name", "cluster_rank"]],
    )


def test_columns_of_the_users_stay(df):
    """A rank of one's own is not replaced; another name is taken."""
    clusters = mmembed.fit_clusters(df["v"], "kmeans", n_clusters=2)
    own = df.assign(cluster_rank=["first"] * len(df))
    with pytest.raises(ColumnExistsError, match="cluster_rank"):
        clusters.exemplars().add_to(own)
    assert clusters.exemplars(1).add_to(own, name="typical")["typical_rank"].tolist() == [1, 1]


def test_they_go_through_pickle_and_may_be_empty(df):
    """As every result does."""
    found = mmembed.fit_clusters(df["v"], "kmeans", n_clusters=2).exemplars()
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.add_to(df), found.add_to(df))
    none = mmembed.fit_clusters(df["v"].iloc[:0], "kmeans").exemplars()
    assert (none, len(none.add_to(df.iloc[:0]))) == ({}, 0)
