"""Columns of texts and pictures: grouped by meaning, and told."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmembed.errors import MixedKindsWarning
from mmembed.vectors import VectorArray

PICTURE = Path("picture.png")  # never opened: only what is embedded is read


def mixed(texts, pictures, *, cell=PICTURE):
    """Return rows of two meanings, of which one half are texts and the other half lie apart as pictures."""
    random = np.random.default_rng(0)
    n = texts + pictures
    meaning, is_text = np.arange(n) % 2, np.arange(n) < texts
    rows = 0.05 * random.normal(size=(n, 8))
    rows[np.arange(n), meaning] += 1.0
    rows[~is_text, 4] += 3.0
    content = pd.Series(["a text"] * texts + [cell] * pictures, dtype=object)
    return pd.DataFrame({"x": content, "x_vector": VectorArray.from_matrix(rows.astype("float32")), "meaning": meaning})


def pairs_by_meaning(df):
    """Return the share of rows whose cluster is that of their meaning, with the clusters called as suits best."""
    same = float((df["cluster"].astype(int) == df["meaning"]).mean())
    return max(same, 1 - same)


def test_texts_and_pictures_group_by_meaning_with_a_warning():
    """The mean of each kind is removed without being asked for, and the warning says how to leave it."""
    df = mixed(40, 40)
    with pytest.warns(MixedKindsWarning, match=r"40 of kind text and 40 of kind image.*kinds=False"):
        found = df.mmembed.cluster("x_vector", "kmeans", n_clusters=2)
    assert pairs_by_meaning(found) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        apart = df.mmembed.cluster("x_vector", "kmeans", n_clusters=2, kinds=False)
    assert pairs_by_meaning(apart) < 0.8
    with pytest.warns(MixedKindsWarning):
        mapped = df.mmembed.project("x_vector", "pca")
    assert mapped["map_x"].notna().all()


@pytest.mark.ours
def test_a_report_groups_by_meaning_too():
    """Clusters and map that a report has to make are made like those of the verbs, with one warning for both."""
    df = mixed(40, 40)
    with pytest.warns(MixedKindsWarning) as told:
        by_meaning = json.loads(df.mmembed.report("x_vector").to_json())
    assert len(told) == 1
    assert [one["size"] for one in by_meaning["clusters"]] == [40, 40]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_kind = json.loads(df.mmembed.report("x_vector", kinds=False).to_json())
        ready = json.loads(df.assign(cluster=0, map_x=0.0, map_y=0.0).mmembed.report("x_vector").to_json())
    assert len(by_kind["clusters"]) != 2
    assert len(ready["clusters"]) == 1


def test_a_column_of_kinds_is_taken_at_its_word():
    """What is said is not looked for."""
    df = mixed(40, 40).assign(kind=["a"] * 40 + ["b"] * 40)
    found = df.mmembed.cluster("x_vector", "kmeans", n_clusters=2, kinds="kind")
    assert pairs_by_meaning(found) == 1


def test_few_rows_of_a_kind_are_told_and_left():
    """The mean of three rows would be mostly those rows."""
    with pytest.warns(MixedKindsWarning, match="too few"):
        mixed(40, 3).mmembed.cluster("x_vector", "kmeans", n_clusters=2)


@pytest.mark.parametrize("cell", ["another text", "picture.png", "https://example.com/a.jpg", None, 3])
def test_what_may_be_of_one_kind_is_left_alone(cell):
    """Texts, names and addresses that any modality may have read, and cells that made no vector, say nothing."""
    mixed(40, 40, cell=cell).mmembed.cluster("x_vector", "kmeans", n_clusters=2)


def test_other_names_and_missing_vectors_say_nothing():
    """Only x is looked at for x_vector, and only in rows that have a vector."""
    df = mixed(40, 40)
    df.rename(columns={"x": "y"}).mmembed.cluster("x_vector", "kmeans", n_clusters=2)
    df.loc[40:, "x_vector"] = pd.NA
    df.mmembed.cluster("x_vector", "kmeans", n_clusters=2)
