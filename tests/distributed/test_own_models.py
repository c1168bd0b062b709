"""Models of one's own on Dask: equal to pandas on every scheduler, whether workers know the name or not."""

from __future__ import annotations

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from dask.base import tokenize

import mmembed
from mmembed.distributed.embed_job import EmbedJob
from mmembed.embedding.embedder import Embedder

TEXTS = [f"{colour} {number}" for number in range(6) for colour in ("red", "blue")]


@pytest.fixture(autouse=True)
def model(tmp_path, monkeypatch):
    """Return a model that only this process knows by its name."""
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))
    return mmembed.register_model(
        "lengths", dimension=2, version="1", text=lambda texts: [[len(one), "red" in one] for one in texts]
    )


@pytest.fixture
def frame():
    """Return texts in three partitions."""
    return dd.from_pandas(pd.DataFrame({"t": TEXTS}), npartitions=3)


def test_processes_that_do_not_know_the_name_get_the_model(cluster, frame, tmp_path):
    """The model travels to the workers with its callables; the table is that of pandas."""
    embedder = Embedder(model="lengths", cache=tmp_path / "shared")
    with cluster.as_current():
        found = frame.mmembed.embed("t", "text", embedder=embedder).compute()
    wanted = frame.compute().mmembed.embed("t", "text", model="lengths")
    np.testing.assert_array_equal(found["t_vector"].mmembed.to_matrix(), wanted["t_vector"].mmembed.to_matrix())


def test_threads_plan_embed_and_search(frame):
    """Plan, vectors and hits are those of pandas."""
    assert frame.mmembed.plan("t", "text", model="lengths").unique == 12
    found = frame.mmembed.embed("t", "text", model="lengths").persist(scheduler="threads")
    hits = found.mmembed.search("red 7", "t_vector", k=2).compute(scheduler="threads")
    assert hits["t"].str.startswith("red").all()


def test_a_graph_is_named_by_name_and_version(model):
    """Equal models have equal tasks; another version has others; no weights are hashed for that."""

    def token():
        return tokenize(EmbedJob(Embedder(model=model), {"t": "text"}, {"t": "t_vector"}))

    first = token()
    assert first == token()
    model = mmembed.register_model("lengths", dimension=2, version="2", text=model.text)
    assert first != token()
