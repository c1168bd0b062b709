"""Pickles, copies and saved pipelines hold no key: where it is needed, the environment is read."""

import copy
import dataclasses
import io
import pickle
import subprocess
import sys

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline

from dashscope_server.reaching import KEY, reachable
from mmembed import Embedder, EmbeddingTransformer
from mmembed.errors import MissingCredentialsError
from mmembed.providers.dashscope.connection import ConnectionSettings

MODEL = "tongyi-embedding-vision-flash"
TEXTS = pd.Series([f"text {number}" for number in range(12)])
LABELS = [0, 1] * 6


@pytest.fixture
def server(monkeypatch, tmp_path):
    with reachable(monkeypatch, tmp_path / "cache") as running:
        monkeypatch.delenv("DASHSCOPE_API_KEY")
        yield running


def embedder(**settings):
    return Embedder(model=MODEL, dimension=64, api_key=KEY, instruct=None, cache=None, **settings)


def pipeline():
    return make_pipeline(EmbeddingTransformer("text", embedder=embedder()), RidgeClassifier())


def dumped(value, compress=0):
    out = io.BytesIO()
    joblib.dump(value, out, compress=compress)
    return out.getvalue()


HOLDERS = {
    "embedder": embedder,
    "transformer": lambda: EmbeddingTransformer("text", embedder=embedder()),
    "pipeline": pipeline,
    "search": lambda: GridSearchCV(pipeline(), {"ridgeclassifier__alpha": [1.0, 2.0]}),
    "provider": lambda: Embedder(model=MODEL, api_key=KEY).provider(),
    "provider of an embedder": lambda: embedder().provider(),
    "method": lambda: embedder().embed,
    "several": lambda: {"one": [embedder(), embedder(root="data")]},
}


@pytest.mark.parametrize("name", sorted(HOLDERS))
def test_no_pickle_holds_the_key(name):
    """Whatever holds an embedder, and however it is written."""
    held = HOLDERS[name]()
    written = [cloudpickle.dumps(held), dumped(held), dumped(copy.deepcopy(held)), dumped(copy.copy(held))]
    # The oldest protocols cannot write what has slots, such as the table's frozen entries.
    written += [pickle.dumps(held, protocol) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    assert not any(KEY.encode() in data for data in written)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_all_but_the_key_is_copied(copied):
    """The copy is the same embedder without its key; the original still has it."""
    original = embedder(root="data", workers=3, extra={"res_level": 2})
    found = copied(original)
    assert found == dataclasses.replace(original, api_key=None)
    assert original.api_key == KEY


def test_a_copy_reads_the_key_where_it_is_used(server, monkeypatch):
    """Without the variable the error names it and says where the key went; with it, the copy works."""
    found = pickle.loads(pickle.dumps(embedder()))
    with pytest.raises(MissingCredentialsError, match=r"left out when an Embedder is pickled.*set DASHSCOPE_API_KEY"):
        found.embed(TEXTS, "text")
    assert server.requests == ()
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    wanted = np.array([server.vector({"text": text}, MODEL, dimension=64) for text in TEXTS], np.float32)
    assert np.array_equal(found.embed(TEXTS, "text").vectors.mmembed.to_matrix(), wanted)


def test_replacing_a_setting_keeps_the_key(server):
    """A variant of the settings in the same process is not a copy that travels."""
    assert dataclasses.replace(embedder(), workers=2).embed(TEXTS, "text").vectors.notna().all()
    assert server.bill.vectors == len(TEXTS)


@pytest.mark.usefixtures("server")
def test_cross_validation_in_one_process_keeps_the_key():
    """Scikit-learn clones what it fits, again and again; nothing of that leaves the process."""
    assert clone(pipeline()).steps[0][1].embedder.api_key == KEY
    assert len(cross_val_predict(pipeline(), TEXTS, LABELS, cv=2)) == len(TEXTS)
    search = GridSearchCV(pipeline(), {"ridgeclassifier__alpha": [1.0, 2.0]}, cv=2).fit(TEXTS, LABELS)
    assert len(search.predict(TEXTS)) == len(TEXTS)


LOADS = """
import joblib, sys, pandas as pd
print(joblib.load(sys.argv[1]).predict(pd.Series(["text 1", "text 2"])).tolist())
"""


def test_a_saved_pipeline_works_where_the_variable_is(server, monkeypatch, tmp_path):
    """Saved here with a key as argument, loaded in another process that has its own."""
    path = tmp_path / "pipeline.joblib"
    fitted = pipeline().fit(TEXTS, LABELS)
    joblib.dump(fitted, path)
    assert KEY.encode() not in path.read_bytes()
    command = [sys.executable, "-c", LOADS, str(path)]
    without = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)  # noqa: S603 - our own
    assert "MissingCredentialsError" in without.stderr
    assert KEY not in without.stderr
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)  # noqa: S603 - our own
    assert done.stdout.strip() == str(fitted.predict(pd.Series(["text 1", "text 2"])).tolist())
    assert server.requests


@pytest.mark.parametrize("written", [pickle.dumps, copy.copy, copy.deepcopy])
def test_what_must_hold_the_key_is_not_pickled(written):
    """The provider on the wire refuses, with a reason and without the key."""
    provider = ConnectionSettings(model=MODEL, dimension=64, base_address="https://example.com", api_key=KEY)
    with pytest.raises(TypeError, match="holds an API key") as caught:
        written(provider)
    assert KEY not in str(caught.value)
