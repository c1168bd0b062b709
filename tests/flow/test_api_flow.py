"""From a frame to vectors over the API: the official SDK and real HTTP to the test server.

Each fault kind must end with every row right, none lost, and none bought twice.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashscope_server import HARMLESS, ONE_CONTENT, TRANSIENT, WHOLE_JOB, containing, on_requests, patience_with
from dashscope_server.reaching import KEY
from mmembed import Embedder
from mmembed.errors import BudgetError, EmbeddingError, MissingCredentialsError, MMEmbedError

MODEL = "tongyi-embedding-vision-flash"
TESTS = Path(__file__).parents[1]


def texts(n):
    return pd.DataFrame({"text": [f"第{number}条 review {number}" for number in range(n)]})


def assert_right(server, df, model=MODEL, **parameters):
    """Each row holds the vector that the server makes of its own text."""
    right = [server.vector({"text": text}, model, **parameters) for text in df["text"]]
    np.testing.assert_allclose(df["text_vector"].mmembed.to_matrix(), np.array(right, np.float32), atol=1e-6)


def fast(**settings):
    """Return an embedder without the published rates, which would slow a test down."""
    return Embedder(model=MODEL, dimension=64, requests_per_minute=60_000, tokens_per_minute=10**9, **settings)


def test_rows_get_their_vectors_and_nothing_is_bought_twice(server):
    """Also with duplicates, and a second run sends nothing."""
    df = pd.concat([texts(120), texts(30)], ignore_index=True)
    out = df.mmembed.embed("text", "text", embedder=fast())
    assert_right(server, out, dimension=64)
    assert server.bill.distinct == 120
    assert not server.bill.paid_twice
    before = len(server.embedding_requests)
    again = df.mmembed.embed("text", "text", embedder=fast())
    assert len(server.embedding_requests) == before
    assert again["text_vector"].array.equals(out["text_vector"].array)


# One of each kind, with the pauses of a real run between the attempts; tests/wire/test_api_road.py goes through all.
PASSING = ["gzip", "redirect 307", "dripping", "500", "503 Retry-After", "429 rate", "HTML", "200 broken JSON"]
PASSING += ["closed", "closed after work", "reset", "silent", "fewer", "NaN", "bad gzip", "truncated", "stalled"]


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_fault_costs_no_row(server, name):
    """The first two requests go wrong in this way; every row is right all the same."""
    fault = (HARMLESS | TRANSIENT)[name]
    server.misbehave(fault, on_requests(0, 1))
    df = texts(60)
    embedder = Embedder(model="qwen3-vl-embedding", dimension=256, timeout_seconds=patience_with(name))
    out = df.mmembed.embed("text", "text", embedder=embedder)
    assert_right(server, out, "qwen3-vl-embedding", dimension=256)
    assert not server.bill.paid_twice
    assert not server.uploads


@pytest.mark.parametrize("name", sorted(ONE_CONTENT))
def test_one_refused_content_fails_alone(server, name):
    """The other rows of its request have their vectors; bisection asks little."""
    server.misbehave(ONE_CONTENT[name], containing("review 33"))
    df = texts(60)
    with pytest.raises(EmbeddingError) as caught:
        df.mmembed.embed("text", "text", model="qwen3-vl-embedding", dimension=256)
    assert caught.value.errors["position"].tolist() == [33]
    with pytest.warns(UserWarning, match="1 of 60 cells"):
        out = df.mmembed.embed("text", "text", model="qwen3-vl-embedding", dimension=256, errors="coerce")
    assert out["text_vector"].isna().to_numpy().nonzero()[0].tolist() == [33]
    assert_right(server, out.drop(index=33), "qwen3-vl-embedding", dimension=256)
    assert not server.bill.paid_twice


@pytest.mark.parametrize("name", sorted(WHOLE_JOB))
def test_a_fault_of_the_account_stops_the_job(server, name):
    """Within what is in flight, with the service's code and never the key."""
    server.misbehave(WHOLE_JOB[name], lambda _: True)
    df = texts(400)
    with pytest.raises(MMEmbedError) as caught:
        df.mmembed.embed("text", "text", model="qwen3-vl-embedding", dimension=256)
    assert KEY not in str(caught.value)
    assert len(server.embedding_requests) <= 16


def test_a_text_that_names_a_file_is_embedded_as_a_text(server, tmp_path, monkeypatch):
    """Nothing is ever uploaded, also for fused rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.txt").write_text("secret")
    names = ["secret.txt", str(tmp_path / "secret.txt"), (tmp_path / "secret.txt").as_uri(), "oss://bucket/x"]
    df = pd.DataFrame({"text": names, "image": ["https://example.org/a.png"] * 4})
    out = df.mmembed.embed("text", "text", embedder=fast())
    assert_right(server, out, dimension=64)
    fused = df.mmembed.fuse(text="text", image="image", model="qwen3-vl-embedding")
    assert fused["fused_vector"].notna().all()
    assert not server.uploads


def test_the_price_is_known_before_the_first_request(server):
    """plan() sends nothing and needs no key; a budget below the lowest price is refused."""
    df = texts(205)
    plan = df.mmembed.plan("text", "text", model="qwen3-vl-embedding")
    assert (plan.rows, plan.unique, plan.cached, plan.requests) == (205, 205, 0, 11)
    assert plan.cost_range[0] <= plan.cost <= plan.cost_range[1]
    assert "CNY" in plan._repr_html_()
    with pytest.raises(BudgetError, match="Nothing was sent"):
        df.mmembed.embed("text", "text", model="qwen3-vl-embedding", max_cost=plan.cost_range[0] / 2)
    assert not server.requests
    df.mmembed.embed("text", "text", model="qwen3-vl-embedding", max_cost=1.0)
    assert len(server.embedding_requests) == 11
    assert df.mmembed.plan("text", "text", model="qwen3-vl-embedding").requests == 0


def test_a_run_stops_when_the_bill_reaches_the_budget(server):
    """What was answered stays in the cache, and running again continues."""
    df = texts(1000)
    plan = df.mmembed.plan("text", "text", model="qwen3-vl-embedding", dimension=256)
    with pytest.raises(BudgetError, match="was stopped at"):
        df.mmembed.embed("text", "text", model="qwen3-vl-embedding", dimension=256, max_cost=plan.cost_range[0] * 1.01)
    bought = server.bill.vectors
    assert 0 < bought < 1000
    df.mmembed.embed("text", "text", model="qwen3-vl-embedding", dimension=256)
    assert server.bill.distinct == 1000
    assert not server.bill.paid_twice


def test_it_works_in_a_running_event_loop(server):
    """As in a notebook."""

    async def cell():
        return texts(5).mmembed.embed("text", "text", embedder=fast())

    assert_right(server, asyncio.run(cell()), dimension=64)


def test_a_query_is_embedded_with_the_columns_own_model_and_dimension(server):
    """The model and the length travel with the column."""
    out = texts(20).mmembed.embed("text", "text", embedder=fast())
    hits = out.mmembed.search("第7条 review 7", "text_vector", k=1, embedder=fast())
    assert hits.index.tolist() == [7]
    assert hits["similarity"].iloc[0] == pytest.approx(1, abs=1e-5)
    hits = out.mmembed.search("第8条 review 8", "text_vector", k=1)
    assert hits.index.tolist() == [8]
    assert len(server.embedding_requests) == 1  # both queries are texts of the table, so they are in the cache


def test_no_key_says_what_to_do(server, monkeypatch):
    """The variable, where to get a key, and the model that needs none."""
    monkeypatch.delenv("DASHSCOPE_API_KEY")
    with pytest.raises(MissingCredentialsError, match=r"DASHSCOPE_API_KEY.*local"):
        texts(1).mmembed.embed("text", "text")
    assert not server.requests


KILLED = """
import sys, pandas as pd, mmembed
df = pd.DataFrame({"text": [f"第{n}条 review {n}" for n in range(2000)]})
e = mmembed.Embedder(model="qwen3-vl-embedding", dimension=256, requests_per_minute=60_000, tokens_per_minute=10**9)
df.mmembed.embed("text", "text", embedder=e)
"""


def running(code):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE)  # noqa: S603


def wait_for(server, vectors, process):
    """Wait until the server has sold that many vectors; the process must be at work meanwhile."""
    deadline = time.monotonic() + 300
    while server.bill.vectors < vectors:
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.01)  # another process is at work; there is nothing to inject


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_run_stopped_in_the_middle_goes_on_where_it_was(server, sent):
    """After kill -9 or Ctrl-C at half of 2,000 rows, at most what was in flight is bought again."""
    server.latency = 0.05
    process = running(KILLED)
    wait_for(server, 1000, process)
    started = time.monotonic()
    process.send_signal(sent)
    process.wait(timeout=100)
    stopping = time.monotonic() - started
    process.stderr.close()
    assert process.returncode != 0
    assert stopping < 60  # a moment on an idle machine; all rows would take longer
    df = texts(2000)
    embedder = Embedder(model="qwen3-vl-embedding", dimension=256, requests_per_minute=60_000, tokens_per_minute=10**9)
    started = time.monotonic()
    out = df.mmembed.embed("text", "text", embedder=embedder)
    assert time.monotonic() - started < 100  # what the dead process was buying is not waited for
    assert_right(server, out, "qwen3-vl-embedding", dimension=256)
    # After Ctrl-C what is in flight is still taken if it comes within a second, which is for the machine to say.
    in_flight = 2 * embedder.provider().workers * 20
    assert server.bill.vectors <= 2000 + in_flight


CLIPS = Path(__file__).parents[2] / "data" / "videos"


def test_a_local_video_is_refused_with_advice_or_sent_as_frames(server):
    """The service takes videos by URL; a model with multi_images takes up to 8 frames of a file when asked to."""
    df = pd.DataFrame({"clip": [str(path) for path in sorted(CLIPS.glob("*.mp4"))[:3]]})
    with pytest.raises(EmbeddingError, match=r"(?s)3 of 3 cells.*URL.*video_frames"):
        df.mmembed.embed("clip", "video", model=MODEL)
    assert not server.embedding_requests
    out = df.mmembed.embed("clip", "video", embedder=fast(video_frames=4))
    assert out["clip_vector"].notna().all()
    sent = [content for request in server.embedding_requests for content in request.contents]
    assert [len(content["multi_images"]) for content in sent] == [4, 4, 4]
    before = len(server.embedding_requests)
    df.mmembed.embed("clip", "video", embedder=fast(video_frames=4))
    assert len(server.embedding_requests) == before
    with pytest.raises(ValueError, match="takes no lists of pictures"):
        df.mmembed.embed("clip", "video", embedder=Embedder(model="qwen2.5-vl-embedding", video_frames=4))


def test_a_run_says_what_was_saved(server):
    """What was billed, beside the likely price without cache and deduplication; and never the key."""
    df = pd.concat([texts(20)] * 5, ignore_index=True)
    run = fast().embed(df["text"], "text")
    assert run.usage.cost == pytest.approx(server.bill.cost)
    assert 0 < run.usage.cost < run.usage.cost_otherwise / 2
    assert "CNY" in repr(run)
    again = fast().embed(df["text"], "text")
    assert (again.usage.cost, again.usage.cached, again.usage.requests) == (0, 20, 0)
    assert again.usage.cost_otherwise == run.usage.cost_otherwise
    assert KEY not in repr(Embedder(api_key=KEY)) + repr(run) + repr(Embedder(model=MODEL, api_key=KEY).provider())


def test_a_query_may_have_an_instruct_of_its_own(server):
    """It is sent for the query and changes its vector; the column is left as it is."""
    model = "qwen3-vl-embedding"
    out = texts(5).mmembed.embed("text", "text", model=model, dimension=256)
    plain = out.mmembed.search("第3条 review 3", "text_vector", k=1)
    told = out.mmembed.search("第3条 review 3", "text_vector", k=1, instruct="Find the same review.")
    assert server.embedding_requests[-1].parameters["instruct"] == "Find the same review."
    assert plain["similarity"].iloc[0] == pytest.approx(1, abs=1e-5)
    assert told["similarity"].iloc[0] < 0.99
