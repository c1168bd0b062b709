"""The verbs on the sample data, on two worker processes: every answer is that of pandas."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

import mmembed.distributed  # noqa: F401  registers the accessor
from distributed_tables import same
from mmembed.accessor.frame import FrameAccessor
from mmembed.distributed.frame import ABSENT

DEMO = Path(__file__).parents[2] / "data" / "demo.csv"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Return the sample data with vectors of both captions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMEMBED_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        df = pd.read_csv(DEMO)
        df["known"] = df["category"].where(np.arange(len(df)) % 3 > 0)
        df = df.mmembed.embed({"text_zh": "text", "text_en": "text"}, model="local")
        df = df.mmembed.cluster("text_en_vector", "kmeans", n_clusters=6, text="text_en")
        yield df.mmembed.project("text_en_vector", "pca")


CALLS = {
    "search": lambda df: df.mmembed.search("水果", "text_en_vector", k=5),
    "many queries": lambda df: df.mmembed.search(["a dog", "火车"], "text_zh_vector", k=3),
    "keywords": lambda df: df.mmembed.search("红色的花", "text_zh_vector", k=8, hybrid="text_zh", diverse=0.2),
    "filter": lambda df: df.mmembed.search(
        "something to eat", "text_en_vector", where=lambda df: df["category"] != "food", minus="fruit"
    ),
    "calibrated": lambda df: df.mmembed.search("tools", "text_zh_vector", k=6, calibrate="text_en_vector"),
    "join": lambda df: df.mmembed.join(df[["text_zh", "text_zh_vector"]], "text_en_vector", "text_zh_vector", k=2),
    "one to one": lambda df: df.mmembed.join(df, "text_en_vector", "text_zh_vector", k=5, one_to_one=True),
    "duplicates": lambda df: df.mmembed.duplicates("text_en_vector", 0.85),
    "leaks": lambda df: df.mmembed.duplicates("text_zh_vector", 0.8, across="category"),
    "deduplicate": lambda df: df.mmembed.deduplicate("text_zh_vector", 0.85, keep="text_en"),
    "levels": lambda df: df.mmembed.duplicate_levels("text_en_vector", [0.95, 0.85, 0.75], show="text_en"),
    "outliers": lambda df: df.mmembed.outliers("text_en_vector", k=5),
    "learned labels": lambda df: df.mmembed.classify("text_en_vector", target="known", threshold=0.3),
    "labels from words": lambda df: df.mmembed.classify("text_zh_vector", labels=["食物", "动物", "交通工具"]),
    "map": lambda df: df.mmembed.project("text_en_vector", name="umap"),
    "components": lambda df: df.mmembed.project("text_zh_vector", "pca", dimensions=3, name="pca"),
    "k-means": lambda df: df.mmembed.cluster("text_en_vector", "kmeans", n_clusters=7, names="space", name="group"),
    "column against column": lambda df: df.mmembed.compare(
        ["text_en_vector", "text_zh_vector"], target="category"
    ).drop(columns="seconds"),
}
OTHERS = {"embed", "fuse", "plan", "report", "plot", "plot_clusters", "plot_dendrogram", "plot_similarity"}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_answer_is_that_of_pandas(call, demo, cluster):
    """Rows, order, labels and numbers."""
    with cluster.as_current():
        same(call(dd.from_pandas(demo, npartitions=3)), call(demo), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("verb", ["embed", "fuse"])
def test_vectors_are_those_of_pandas(verb, demo, cluster):
    """To a millionth: other cells are in one matrix product."""
    with cluster.as_current():
        one, other = (
            df.mmembed.embed("category", "text", model="local", name="new")
            if verb == "embed"
            else df.mmembed.fuse(text="text_en", image="missing", model="local", name="new")
            for df in (dd.from_pandas(demo.assign(missing=None), npartitions=3), demo.assign(missing=None))
        )
        one = one.compute()
    assert one["new"].dtype == other["new"].dtype
    np.testing.assert_allclose(one["new"].mmembed.to_matrix(), other["new"].mmembed.to_matrix(), atol=1e-6)


def test_a_plan_is_that_of_pandas(demo, cluster):
    """Rows, distinct contents, tokens and prices; partitions are sent apart, so that there may be more requests."""
    with cluster.as_current():
        mine, theirs = (
            one.mmembed.plan({"text_zh": "text", "text_en": "text"}, model="qwen3-vl-embedding")
            for one in (dd.from_pandas(demo, npartitions=3), demo)
        )
    assert theirs.requests <= mine.requests <= theirs.requests + 2 * 3
    assert mine == dataclasses.replace(theirs, requests=mine.requests, seconds=mine.seconds)


def test_a_report_has_the_facts_of_pandas(demo, cluster):
    """Counts, shares, breakdown and typical rows are equal, mean cosines to a millionth."""
    options = {"text": "text_en", "breakdown": "category", "title": "Stamps"}
    # What a report looks for by itself it looks for in a sample there.
    options |= dict.fromkeys(("duplicates", "outliers", "label_issues"), False)
    with cluster.as_current():
        mine, theirs = (
            one.mmembed.report("text_en_vector", **options) for one in (dd.from_pandas(demo, npartitions=3), demo)
        )
    assert mine.tiles == theirs.tiles
    mine, theirs = (json.loads(one.to_json()) for one in (mine, theirs))
    for one, other in zip(mine["clusters"], theirs["clusters"], strict=True):
        assert one.pop("cohesion") == pytest.approx(other.pop("cohesion"), abs=1e-6)
        centroids = [np.frombuffer(base64.b64decode(each.pop("centroid")), "<f2") for each in (one, other)]
        np.testing.assert_allclose(*centroids, atol=1e-3)  # 16 bits
        assert one == other
    assert {**mine, "created": 0} == {**theirs, "created": 0}


def test_figures_are_those_of_pandas(demo, cluster):
    """Maps, heat maps, sizes and dendrograms have the marks of pandas."""
    ddf = dd.from_pandas(demo, npartitions=3)
    calls = {
        "plot": lambda df: df.mmembed.plot(hover="text_en"),
        "plot_similarity": lambda df: df.mmembed.plot_similarity("text_en_vector", by="category"),
        "plot_clusters": lambda df: df.mmembed.plot_clusters("text_en_vector"),
        "plot_dendrogram": lambda df: df.mmembed.plot_dendrogram("text_en_vector"),
    }
    with cluster.as_current():
        for call in calls.values():
            mine, theirs = (call(one).data for one in (ddf, demo))
            assert len(mine) == len(theirs) > 0
            for one, other in zip(mine, theirs, strict=True):
                for axis in ("x", "y"):
                    np.testing.assert_array_equal(*(np.asarray(each[axis], dtype=str) for each in (one, other)))


def test_every_verb_is_held_against_pandas():
    """What is added to pandas is added here."""
    used = {name for call in CALLS.values() for name in call.__code__.co_names}
    verbs = {name for name in dir(FrameAccessor) if not name.startswith("_")}
    assert verbs - used == OTHERS | set(ABSENT)
