"""What version 0.1 wrote still reads: caches, saved clusters, an index, Parquet and pickles."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmembed
from mmembed.cache.keys import content_keys
from mmembed.cache.local import VectorCache
from mmembed.cache.shared import SharedCache
from mmembed.contents.content import read_contents

DATA = Path(__file__).parent / "data"
FACTS = json.loads((DATA / "facts.json").read_text("utf-8"))
KEYS = [bytes.fromhex(key) for key in FACTS["keys"]]
MATRIX = np.arange(16, dtype="float32").reshape(2, 8)


def unpickled(name):
    return pickle.loads((DATA / f"{name}.pickle").read_bytes())


@pytest.fixture
def frame():
    return pd.read_parquet(DATA / "frame.parquet")


def test_contents_have_the_keys_that_they_had():
    """A vector that was paid for is found again: hash and key of a text are what they were."""
    contents = read_contents(pd.Series(["红色连衣裙", "red dress"]), "text")
    assert [content.digest.hex() for content in contents] == FACTS["digests"]
    options = {"dimension": 1024}
    assert content_keys([one.digest for one in contents], space="qwen3-vl-embedding", options=options) == KEYS


def test_the_cache_of_this_machine_reads(tmp_path):
    """Both vectors are there, each under its key."""
    shutil.copytree(DATA / "cache", tmp_path / "cache")
    with VectorCache(tmp_path / "cache") as cache:
        found, known = cache.lookup([KEYS[1], b"\0" * 32, KEYS[0]], 8)
    assert known.tolist() == [True, False, True]
    np.testing.assert_array_equal(found[[2, 0]], MATRIX)


def test_the_shared_cache_reads(tmp_path):
    """Both vectors are there, each under its key."""
    shutil.copytree(DATA / "shared", tmp_path / "shared")
    found, known = SharedCache(str(tmp_path / "shared")).lookup([KEYS[1], KEYS[0]], 8)
    assert known.all()
    np.testing.assert_array_equal(found[::-1], MATRIX)


def test_parquet_gives_the_vector_column_back(frame):
    """Type, space, numbers and the missing row."""
    assert str(frame["v"].dtype) == "vector[8, my-model]"
    assert frame["v"].isna().tolist() == [False] * 35 + [True]
    pd.testing.assert_frame_equal(unpickled("frame"), frame)


def test_saved_clusters_read(frame):
    """Labels and names are what they were, and rows are predicted."""
    clusters = mmembed.load_clusters(DATA / "clusters.npz")
    assert [None if pd.isna(label) else int(label) for label in clusters.labels] == FACTS["labels"]
    assert {str(number): name for number, name in dict(clusters.names).items()} == FACTS["names"]
    assert clusters.predict(frame["v"].iloc[[0, 12, 24]]).tolist() == [0, 1, 2]


def test_pickled_clusters_read(frame):
    """The modules of their classes have other names today."""
    clusters = unpickled("clusters")
    assert dict(clusters.names) == {int(number): name for number, name in FACTS["names"].items()}
    assert clusters.add_to(frame)["cluster"].isna().sum() == 1
    assert clusters.predict(frame["v"].iloc[[0, 12, 24]]).tolist() == [0, 1, 2]


def test_a_pickled_classifier_reads(frame):
    """It predicts what it predicted."""
    assert list(unpickled("classifier").predict(frame["v"].iloc[[0, 12, 24]])) == FACTS["predicted"]


def test_a_pickled_map_reads():
    """It has the coordinates that it had."""
    np.testing.assert_allclose(np.asarray(unpickled("projection").coordinates)[:3], FACTS["coordinates"])


def test_pickled_settings_and_steps_read(frame):
    """Embedder and both scikit-learn steps have the settings that they had."""
    embedder = unpickled("embedder")
    assert (embedder.model, embedder.dimension, embedder.workers) == ("qwen3-vl-embedding", 512, 3)
    assert unpickled("vector_matrix").fit_transform(frame.iloc[:35]).shape == (35, 8)
    assert unpickled("transformer").model == "local"


def test_an_index_reads(frame):
    """The nearest row of a row is the row itself."""
    index = mmembed.VectorIndex.load(DATA / "index")
    hits = index.search(frame["v"].iloc[[12]], frame["v"], k=1)
    assert hits.positions.ravel().tolist() == [12]
