"""The whole road over real HTTP: columns in, the right vector in the right row, everything paid once."""

import asyncio
import concurrent.futures
import dataclasses
import functools
import itertools
import math
import threading
import time
import traceback

import numpy as np
import pytest

from dashscope_server import (
    GARBLED,
    HARMLESS,
    ONE_CONTENT,
    TRANSIENT,
    WHOLE_JOB,
    DashScopeServer,
    RateLimits,
    containing,
    embedding,
    patience_with,
    refusing,
)
from dashscope_server import MODELS as SERVER_MODELS
from mmembed import Embedder
from mmembed.contents.content import Content, read_contents, read_fused
from mmembed.contents.media import Media
from mmembed.embedding.pipeline import embed_columns
from mmembed.errors import MissingCredentialsError
from mmembed.providers.dashscope.faults import ServiceError
from mmembed.providers.dashscope.sender import Patience
from mmembed.providers.models import find_model

KEY = "sk-of-the-road"
MODEL = "qwen3-vl-embedding"
QUICK = Patience(first_pause_seconds=0.001, longest_pause_seconds=0.01)


@pytest.fixture
def server(monkeypatch):
    with DashScopeServer(keys={KEY}) as running:
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", running.base_url)
        monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
        yield running


def provider(model=MODEL, dimension=256, **options):
    settings = {"requests_per_minute": 1e9, "tokens_per_minute": 1e12, "dimension": dimension, **options}
    patience = settings.pop("patience", QUICK)
    return dataclasses.replace(Embedder(model=model, **settings).provider(), patience=patience)


def rows_of(texts, one=None):
    return embed_columns([read_contents(texts, "text")], one or provider(), None, progress=False)


def expected(server, texts, model=MODEL, **parameters):
    parameters = parameters or {"dimension": 256}
    return np.array([server.vector({"text": text}, model, **parameters) for text in texts], dtype=np.float32)


def some_texts(count):
    return [f"商品 {number}" for number in range(count)]


@pytest.mark.parametrize("name", sorted({**HARMLESS, **TRANSIENT}))
def test_whatever_passes_leaves_every_row_right(server, name):
    """Each passing fault, struck at the second request: all rows are right, none is delivered and paid twice."""
    fault = {**HARMLESS, **TRANSIENT}[name]
    server.misbehave(fault, 2)
    texts = some_texts(50)
    done = rows_of(texts, provider(timeout_seconds=patience_with(name)))
    assert done.failures == []
    assert np.array_equal(done.matrices[0], expected(server, texts))
    assert server.bill.paid_twice == {}
    assert server.bill.distinct == 50
    assert server.bill.wasted <= 20
    assert server.uploads == {}


@pytest.mark.parametrize("name", sorted(WHOLE_JOB))
def test_what_concerns_the_whole_job_stops_it(server, name):
    """Wrong key, no access, arrears, unknown model: nothing is tried again beyond the requests in flight."""
    server.misbehave(WHOLE_JOB[name])
    with pytest.raises(ServiceError) as caught:
        rows_of(some_texts(2_000), provider(workers=4))
    assert caught.value.verdict == "job"
    assert not caught.value.retryable
    assert len(server.requests) <= 8
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("name", sorted(ONE_CONTENT))
def test_one_refused_content_fails_alone(server, name):
    """The row that is to blame fails with the service's code; every other row is right, with few further requests."""
    server.misbehave(ONE_CONTENT[name], containing("商品 13"))
    texts = some_texts(20)
    done = rows_of(texts)
    wanted = expected(server, texts)
    wanted[13] = np.nan
    assert np.array_equal(done.matrices[0], wanted, equal_nan=True)
    (failure,) = done.failures
    assert failure.position == 13
    assert failure.error.code in {"InvalidParameter", "InvalidURL", *[_code(ONE_CONTENT[name])]}
    assert failure.error.retryable == name.startswith("media")
    assert len(server.requests) - 1 <= 2 * math.log2(20) + 2
    assert server.bill.vectors == 19


def _code(fault):
    return fault.name.split()[-1]


def test_many_refused_contents_fail_and_no_other(server):
    """A tenth of the rows is refused; exactly those fail, nothing is bought twice."""
    server.misbehave(ONE_CONTENT["moderation"], containing("bad"))
    texts = [f"bad {number}" if number % 10 == 3 else f"good {number}" for number in range(200)]
    done = rows_of(texts)
    assert [failure.position for failure in done.failures] == list(range(3, 200, 10))
    assert server.bill.vectors == server.bill.distinct == 180


def test_a_content_that_breaks_the_service_is_found_too(server):
    """A picture that makes the service answer 500 each time fails alone, and may be tried another day."""
    server.misbehave(TRANSIENT["500 algorithm"], containing("商品 7"))
    done = rows_of(some_texts(40))
    (failure,) = done.failures
    assert (failure.position, failure.error.code, failure.error.retryable) == (7, "InternalError.Algo", True)
    assert server.bill.vectors == server.bill.distinct == 39


def test_a_service_that_is_down_stops_the_job(server):
    """Errors without any answer in between end the run when its time is up, within a bounded number of requests."""
    server.misbehave(TRANSIENT["503"])
    patience = Patience(first_pause_seconds=0.01, longest_pause_seconds=0.5, budget_seconds=1.5)
    with pytest.raises(ServiceError, match="Nothing else was answered") as caught:
        rows_of(some_texts(5_000), provider(patience=patience))
    assert caught.value.retryable
    assert len(server.requests) < 500  # 250 batches, each tried ten times, would be 2,500


def test_contents_that_are_all_refused_alike_stop_the_job(server):
    """A parameter that the service does not know is not blamed on a hundred thousand rows one after the other."""
    with pytest.raises(ServiceError, match="no_such_parameter"):
        rows_of(some_texts(5_000), provider(extra={"no_such_parameter": 1}))
    assert len(server.requests) <= 60


def test_a_model_that_ignores_the_dimension_is_told(server):
    """Vectors of another length are an error that says so, after two charged requests."""
    server.misbehave(GARBLED["wrong length"])
    with pytest.raises(ServiceError, match="length 3 where dimension=256 was asked for"):
        rows_of(some_texts(20))
    assert len(server.requests) == 2


def test_fewer_contents_a_request_than_documented_are_learned(monkeypatch):
    """Where an account takes five in a request, the refused first ones are split, and later ones begin with less."""
    models = {**SERVER_MODELS, MODEL: dataclasses.replace(SERVER_MODELS[MODEL], contents=5)}
    with DashScopeServer(keys={KEY}, models=models) as strict:
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", strict.base_url)
        texts = some_texts(400)
        done = rows_of(texts, provider(workers=1, api_key=KEY))
        assert done.failures == []
        assert np.array_equal(done.matrices[0], expected(strict, texts))
        assert strict.bill.vectors == 400
        assert sum(one.status == 400 for one in strict.requests) <= 6  # 20, 10, 5 for each batch that was ready


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_the_number_of_workers_changes_no_vector(server, workers):
    """The same rows, whatever runs at once."""
    texts = some_texts(130)
    done = rows_of(texts, provider(workers=workers))
    assert np.array_equal(done.matrices[0], expected(server, texts))
    assert server.most_at_once <= workers
    assert len(server.requests) == 7


@pytest.mark.parametrize("model", sorted(set(SERVER_MODELS)))
def test_every_model_embeds_what_it_says_it_embeds(server, model):
    """Texts, pictures, videos, lists and fused rows, as far as the model has them, with the default dimension."""
    spec = find_model(model)
    text, picture = Content("text", text="a", digest=b"1"), Content("image", media=at_example("a.png"), digest=b"2")
    clip = Content("video", media=at_example("a.mp4"), digest=b"3")
    every = {
        "text": text,
        "image": picture,
        "video": clip,
        "multi_images": Content("multi_images", parts=(picture, picture), digest=b"4"),
        "fused": Content("fused", parts=(text, picture), digest=b"5"),
    }
    contents = [every[kind] for kind in sorted(spec.kinds)]
    done = embed_columns([contents], provider(model, None), None, progress=False)
    assert done.failures == []
    wire = {
        "text": {"text": "a"},
        "image": {"image": "https://example.com/a.png"},
        "video": {"video": "https://example.com/a.mp4"},
        "multi_images": {"multi_images": ["https://example.com/a.png"] * 2},
        "fused": {"text": "a", "image": "https://example.com/a.png"},
    }
    vectors = {kind: [wire[kind]] for kind in sorted(spec.kinds)}
    if spec.fuses_alone:
        vectors["multi_images"] = [wire["image"]] * 2
    for row, (kind, one) in zip(done.matrices[0], vectors.items(), strict=True):
        is_fused = {"enable_fusion": True} if len(one) > 1 else {}
        (wanted,) = server.vectors(one, model, **is_fused)
        assert np.array_equal(row, np.array(wanted, np.float32)), kind


def test_fused_rows_are_one_vector_in_either_reading_of_the_pages(server, monkeypatch):
    """Whether several kinds in one object fuse by themselves or only when asked, one vector a row comes back."""
    split = dataclasses.replace(SERVER_MODELS[MODEL], object_fusion=False)
    rows = [read_fused({"text": f"text {number}", "image": f"https://example.com/{number}.png"}) for number in range(3)]
    with DashScopeServer(keys={KEY}, models={**SERVER_MODELS, MODEL: split}) as other:
        found = []
        for one in (server, other):
            monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", one.base_url)
            done = embed_columns([rows], provider(), None, progress=False)
            assert done.failures == []
            assert len(one.requests) == 3
            found.append(done.matrices[0])
    assert np.array_equal(*found)


@pytest.mark.parametrize("usage", ["flat", "detailed"])
def test_the_bill_is_the_servers(usage, monkeypatch):
    """Tokens and CNY are those that were charged, in both shapes of usage, by kind."""
    with DashScopeServer(keys={KEY}, usage=usage) as server:
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", server.base_url)
        column = [*read_contents(some_texts(30), "text"), *read_contents(["https://example.com/a.png"], "image")]
        done = embed_columns([column], provider(api_key=KEY), None, progress=False)
        assert done.bill.tokens == server.bill.tokens
        assert done.bill.cost == pytest.approx(server.bill.cost)


def test_an_answer_that_was_charged_and_spoilt_is_on_the_bill(server):
    """What was paid for nothing counts as well."""
    server.misbehave(GARBLED["fewer"], 1)
    done = rows_of(some_texts(20))
    assert done.bill.tokens == server.bill.tokens


def test_contents_that_cannot_be_sent_fail_without_a_request(server, tmp_path):
    """A local video and a broken picture fail alone, the others of their batch are embedded."""
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    column = [
        *read_contents([tmp_path / "clip.mp4"], "video"),
        *read_contents([tmp_path / "broken.png"], "image"),
        *read_contents(["a"], "text"),
    ]
    done = embed_columns([column], provider(), None, progress=False)
    assert [(one.position, one.error.code) for one in done.failures] == [(0, "LocalVideo"), (1, "UnknownFormat")]
    assert np.array_equal(done.matrices[0][2:], expected(server, ["a"]))
    assert len(server.requests) == 1


def test_throttling_slows_down_and_loses_nothing(monkeypatch):
    """At a server that allows a fraction of what is believed, all rows arrive, once."""
    limits = RateLimits(requests_per_minute=1_200)
    # Two looks at the clock a request: 25 requests in a second of the server's own, on any machine.
    clock = functools.partial(next, itertools.count(0, 0.02))
    with DashScopeServer(keys={KEY}, limits=limits, clock=clock) as server:
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", server.base_url)
        texts = some_texts(600)
        done = rows_of(texts, provider(api_key=KEY, patience=Patience(first_pause_seconds=0.05)))
        assert done.failures == []
        assert np.array_equal(done.matrices[0], expected(server, texts))
        assert server.bill.vectors == 600
        assert sum(one.status == 429 for one in server.requests) > 0


def test_a_failure_of_the_whole_job_ends_the_waiting_of_the_others(server):
    """One thread waits minutes for another attempt when a second finds the key withdrawn: both end with that."""
    server.misbehave(refusing.error(503, "ModelUnavailable", retry_after=300), containing("slow"))
    server.misbehave(WHOLE_JOB["access"], containing("denied"))
    with provider(patience=Patience()).session() as session, concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(session.embed, [Content("text", text="slow")])
        while not server.requests or server.requests[0].status is None:
            time.sleep(0)
        denied = pool.submit(session.embed, [Content("text", text="denied")])
        for one in (denied, waiting):
            with pytest.raises(ServiceError, match="AccessDenied"):
                one.result(timeout=60)


def test_stopping_wakes_those_who_wait(server):
    """A session that is stopped ends a pause of minutes at once, and says that it was stopped."""
    server.misbehave(refusing.error(503, "ModelUnavailable", retry_after=300))
    with provider(patience=Patience()).session() as session, concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(session.embed, [Content("text", text="a")])
        while not server.requests or server.requests[0].status is None:
            time.sleep(0)
        started = time.monotonic()
        session.stop()
        with pytest.raises(concurrent.futures.CancelledError):
            waiting.result(timeout=100)
        assert time.monotonic() - started < 60  # of five minutes


def test_a_running_event_loop_is_no_obstacle(server):
    """As in a notebook."""

    async def cell():
        return rows_of(["a"])

    assert np.array_equal(asyncio.run(cell()).matrices[0], expected(server, ["a"]))


def test_several_runs_at_once_keep_their_rows(server):
    """Four threads embed four columns at the same time."""
    columns = [[f"{letter} {number}" for number in range(60)] for letter in "abcd"]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for texts, done in zip(columns, pool.map(rows_of, columns), strict=True):
            assert np.array_equal(done.matrices[0], expected(server, texts))
    assert not [one for one in threading.enumerate() if one.name.startswith("mmembed")]


def test_no_key_says_where_to_get_one(monkeypatch):
    """The variable, the page and the way without a key are named."""
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)
    with pytest.raises(MissingCredentialsError, match=r"DASHSCOPE_API_KEY.*https://.*model='local'"):
        Embedder(model=MODEL).provider()


def test_the_refused_content_need_not_be_text(server):
    """A picture that cannot be downloaded fails alone among texts."""
    address = "https://example.com/gone.png"
    server.misbehave(ONE_CONTENT["download"], embedding({"image": address}))
    column = [*read_contents(some_texts(5), "text"), *read_contents([address], "image")]
    done = embed_columns([column], provider(), None, progress=False)
    assert [(one.position, one.error.code) for one in done.failures] == [(5, "BadRequest.InputDownloadFailed")]
    assert server.bill.vectors == 5


def at_example(name):
    return Media(url=f"https://example.com/{name}")
