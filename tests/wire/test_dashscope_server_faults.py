"""The server misbehaves as scripted, and the official SDK takes each misbehaviour the way the library counts on."""

from __future__ import annotations

import math
import threading
import time
from importlib.metadata import version

import pytest
import requests

import dashscope_server
from dashscope_server import (
    FAULTS,
    GARBLED,
    HARMLESS,
    ONE_CONTENT,
    TRANSIENT,
    WHOLE_JOB,
    Account,
    DashScopeServer,
    dropping,
    garbling,
    patience_with,
    refusing,
)
from dashscope_server.calling import ask, call

QWEN = "qwen3-vl-embedding"
GOOD = (200, "", "")
# Status 200, an empty code and no output at all: what the SDK makes of many kinds of nonsense.
NOTHING = (200, "", "", None)
GATEWAY_PAGE = "<html><head><title>502</title></head><body>网关错误，请稍后再试</body></html>"
NO_GET = (405, "InvalidParameter", "Request method 'GET' is not supported.")
ERRORS = requests.exceptions
# Since 1.26.7 the SDK sends a request again when its connection was lost.
RESENDS = tuple(int(part) for part in version("dashscope").split(".")[:3]) >= (1, 26, 7)


@pytest.fixture
def server():
    """A server without rate limits."""
    with DashScopeServer(keys={"sk-test"}) as running:
        yield running


def outcome(server, **arguments):
    """Return what the SDK gives: status, code, message (and output if there is none), or the type of what it raises."""
    try:
        response = call(server, [{"text": "a"}], **arguments)
    except Exception as error:  # noqa: BLE001  # which type it is, is what is tested
        return type(error)
    known = (response.status_code, response.code, response.message)
    return (*known, None) if response.status_code == 200 and response.output is None else known


def arrived(server):
    """Return the requests; the first one may still be on its way to the server when its client has given up."""
    deadline = time.monotonic() + 60
    while not server.embedding_requests or not (server.embedding_requests[0].fault or server.bill.charges):
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)  # the server's thread is at work; there is nothing to inject
    return server.embedding_requests


@pytest.mark.parametrize(
    ("fault", "expected", "requests_sent"),
    [
        (refusing.error(400, "InvalidParameter"), (400, "InvalidParameter", "scripted"), 1),
        (refusing.error(500, "InternalError"), (500, "InternalError", "scripted"), 1),
        (refusing.error(429, "Throttling", retry_after=2), (429, "Throttling", "scripted"), 1),
        (refusing.html(502), (502, "Unknown", GATEWAY_PAGE), 1),
        (refusing.html(502, "gbk"), UnicodeDecodeError, 1),
        (refusing.empty(500), (500, "Unknown", ""), 1),
        (refusing.empty(500, "application/json"), ERRORS.JSONDecodeError, 1),
        (refusing.broken_json(500), ERRORS.JSONDecodeError, 1),
        (refusing.openai_style(400), (400, None, ""), 1),
        (refusing.json_value(400, []), (400, None, ""), 1),
        (refusing.json_value(400, None), TypeError, 1),
        (refusing.event_stream(400, "InvalidParameter"), (400, "InvalidParameter", "scripted"), 1),
        (garbling.other_status(201), (201, None, ""), 1),
        (garbling.other_status(202), (202, None, ""), 1),
        (refusing.html(200), ERRORS.JSONDecodeError, 1),
        (refusing.event_stream(200), ERRORS.JSONDecodeError, 1),
        (refusing.empty(200), ERRORS.JSONDecodeError, 1),
        (refusing.broken_json(200), ERRORS.JSONDecodeError, 1),
        (garbling.other_type("text/plain"), GOOD, 1),
        (garbling.other_type(None), GOOD, 1),
        (refusing.json_value(200, []), NOTHING, 1),
        (garbling.null_output(), NOTHING, 1),
        (refusing.error_under_200("DataInspectionFailed"), NOTHING, 1),
        (garbling.code_beside_output(), GOOD, 1),
        (refusing.json_value(200, None), TypeError, 1),
        (garbling.gzipped(), GOOD, 1),
        (garbling.bad_gzip(), ERRORS.ContentDecodingError, 1),
        (dropping.truncated(), ERRORS.ChunkedEncodingError, 1),
        (dropping.reset_in_body(), ERRORS.ChunkedEncodingError, 1),
        (dropping.closed(), ERRORS.ConnectionError, 1 + RESENDS),
        (dropping.connection_reset(), ERRORS.ConnectionError, 1 + RESENDS),
        *((refusing.redirect(status), NO_GET, 2) for status in (301, 302, 303)),
        (refusing.redirect(307), GOOD, 2),
        (refusing.redirect(308), GOOD, 2),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_the_sync_sdk_takes_each_misbehaviour_as_known(server, fault, expected, requests_sent):
    """What the SDK returns or raises, and how many requests it sends for one call."""
    # A redirect strikes once, so that its second request is served; everything else strikes each time.
    server.misbehave(fault, times=1 if fault.name.startswith("redirect") else None)
    assert outcome(server) == expected
    assert len(server.embedding_requests) == requests_sent
    assert server.embedding_requests[0].fault == fault.name


@pytest.mark.parametrize(
    ("fault", "deadline", "expected", "requests_sent"),
    [
        (dropping.silent(), 0.2, ERRORS.ReadTimeout, 1),
        (dropping.stalled(), 2.0, ERRORS.ConnectionError, 1 + RESENDS),
        (dropping.late(0.01), 60.0, GOOD, 1),
        (dropping.dripping(seconds=3.0, pieces=30), 2.0, GOOD, 1),
    ],
    ids=["silent", "stalled", "late", "dripping"],
)
def test_the_sync_sdk_has_a_deadline_for_each_read_only(server, fault, deadline, expected, requests_sent):
    """Silence ends at the timeout, a stall is tried again by later releases, a dripping body is awaited far past it."""
    server.misbehave(fault)
    started = time.monotonic()
    assert outcome(server, request_timeout=deadline) == expected
    taken = time.monotonic() - started
    assert len(arrived(server)) == requests_sent
    if fault.name == "dripping body":
        assert taken >= 3.0 > deadline
    if fault.name == "stalled body":
        assert taken >= deadline * (1 + RESENDS)


@pytest.mark.parametrize("fault", [dropping.closed(), dropping.connection_reset()], ids=lambda fault: fault.name)
def test_the_sdk_resends_once_by_itself(server, fault):
    """A connection lost before the response is hidden from the caller; if the work was done, it is charged twice.

    Releases before 1.26.7 hand the error on.
    """
    server.misbehave(fault, when=1)
    if not RESENDS:
        assert outcome(server) is ERRORS.ConnectionError
        assert server.bill.vectors == 0
        return
    assert outcome(server) == GOOD
    assert len(server.embedding_requests) == 2
    assert server.bill.vectors == 1
    server.misbehave(dropping.closed(works=True), when=3)
    assert outcome(server) == GOOD
    assert (server.bill.vectors, server.bill.wasted) == (3, 1)


def test_a_redirect_to_another_host_gets_the_body_without_the_key(server):
    """The SDK posts the contents to whatever host a 307 names, and leaves the key out."""
    with DashScopeServer(keys={"sk-test"}) as other:
        path = other.base_url + "/services/embeddings/multimodal-embedding/multimodal-embedding"
        server.misbehave(refusing.redirect(307, path))
        assert outcome(server)[:2] == (401, "InvalidApiKey")
        (seen,) = other.embedding_requests
        assert seen.contents == [{"text": "a"}]
        assert "authorization" not in seen.headers


def test_a_cookie_goes_along_with_the_next_key():
    """A shared session sends what was set for one key with the request of another."""
    keys = {"sk-one": Account("one"), "sk-two": Account("two")}
    with DashScopeServer(keys=keys) as running, requests.Session() as session:
        session.trust_env = False
        running.misbehave(garbling.cookies("mark=1"), when=1)
        for key in keys:
            assert outcome(running, session=session, api_key=key) == GOOD
        first, second = running.embedding_requests
    assert "cookie" not in first.headers
    assert second.headers["cookie"] == "mark=1"


def test_retry_after_is_in_the_headers_under_its_own_spelling(server):
    """The response's headers are a plain dict: the name has to be spelled as it was sent."""
    server.misbehave(refusing.error(429, "Throttling", retry_after=1.5))
    response = call(server, [{"text": "a"}])
    assert response.headers["Retry-After"] == "1.5"
    assert "retry-after" not in response.headers


@pytest.mark.parametrize("name", ["201", "202", "nulls", "NaN", "infinity", "zeros"])
def test_garbled_numbers_pass_through_the_sdk(server, name):
    """The SDK checks no vector: NaN, infinity and nulls arrive as they were sent."""
    faults = {**GARBLED, "zeros": garbling.all_zero()}
    server.misbehave(faults[name])
    response = call(server, ["a"])
    if name in {"201", "202"}:
        assert response.output is None
        return
    first = response.output["embeddings"][0]["embedding"][0]
    checks = {"nulls": lambda x: x is None, "NaN": math.isnan, "infinity": math.isinf, "zeros": lambda x: x == 0}
    assert checks[name](first)


@pytest.mark.parametrize(
    ("name", "indices"),
    [
        ("reversed order", [2, 1, 0]),
        ("fewer", [0, 1]),
        ("more", [0, 1, 2, 3]),
        ("duplicate index", [0, 1, 0]),
        ("index out of range", [1, 2, 3]),
        ("no index", [None, None, None]),
    ],
)
def test_garbled_rows_pass_through_the_sdk(server, name, indices):
    """Order, count and indices arrive as they were sent; a row that kept its index kept its vector."""
    server.misbehave(FAULTS[name])
    rows = call(server, ["a", "b", "c"]).output["embeddings"]
    assert [row.get("index") for row in rows] == indices
    if name == "reversed order":
        assert [row["embedding"] for row in rows] == server.vectors(["a", "b", "c"], QWEN)[::-1]


def test_a_wrong_length_passes_through_the_sdk(server):
    """Vectors that are shorter than was asked for arrive as they were sent."""
    server.misbehave(garbling.wrong_length(7))
    assert [len(row["embedding"]) for row in call(server, ["a", "b"]).output["embeddings"]] == [7, 7]


def test_garbled_answers_are_charged_but_not_delivered(server):
    """What was spoilt on the way is on the bill as waste, so that buying it again is not the client's fault."""
    server.misbehave(GARBLED["NaN"], when=1)
    server.misbehave(TRANSIENT["500"], when=2)
    for _ in range(3):
        call(server, ["a", "b"])
    assert (server.bill.vectors, server.bill.wasted, server.bill.paid_twice) == (4, 2, {})
    assert [one.status for one in server.embedding_requests] == [200, 500, 200]
    call(server, ["b"])
    assert len(server.bill.paid_twice) == 1


@pytest.mark.parametrize("name", list(FAULTS))
def test_every_misbehaviour_passes(server, name):
    """Each entry of the catalogue strikes the request it was scripted for, and the next one is answered rightly."""
    server.misbehave(FAULTS[name], times=1)
    outcome(server, request_timeout=patience_with(name))
    assert arrived(server)[0].fault == FAULTS[name].name
    assert call(server, ["b"]).output["embeddings"][0]["embedding"] == server.vector("b", QWEN)
    assert server.embedding_requests[-1].fault is None


def test_the_groups_of_the_catalogue_are_apart():
    """No misbehaviour asks for two reactions at once, and none hides another of the same name."""
    groups = [HARMLESS, TRANSIENT, ONE_CONTENT, WHOLE_JOB]
    assert len(FAULTS) == sum(len(group) for group in groups)
    assert all(not fault.spoils for fault in HARMLESS.values())
    assert all(fault.spoils for group in groups[1:] for fault in group.values())
    assert set(GARBLED) < set(TRANSIENT)


def test_misbehaviours_strike_when_they_are_told(server):
    """By number, by content, every n-th time, a number of times, and never again once cancelled."""
    fault = refusing.error(500, "InternalError")
    numbered = server.misbehave(fault, when=[1, 3])
    assert [ask(server, ["a"])[0] for _ in range(4)] == [500, 200, 500, 200]
    assert numbered.struck == 2
    marked = server.misbehave(fault, dashscope_server.containing("毒"))
    assert [ask(server, one)[0] for one in (["a", {"text": "有毒"}], ["a"], [{"image": "毒"}])] == [500, 200, 500]
    marked.cancel()
    assert ask(server, ["有毒"])[0] == 200
    server.misbehave(fault, dashscope_server.embedding("b"), times=1)
    assert [ask(server, [{"text": one}])[0] for one in ("ab", "b", "b")] == [200, 500, 200]
    server.misbehave(fault, dashscope_server.every(4))
    assert [ask(server, ["a"])[0] for _ in range(5)] == [500, 200, 200, 200, 500]


def test_chance_is_decided_by_the_number_and_the_seed():
    """A share of requests is struck; the same ones in every run, and others with another seed."""

    def struck(seed):
        with DashScopeServer() as server:
            server.misbehave(refusing.error(500, "InternalError"), dashscope_server.with_probability(0.3, seed))
            return [ask(server, ["a"])[0] for _ in range(60)]

    once, again, other = struck(1), struck(1), struck(2)
    assert once == again != other
    assert 8 <= once.count(500) <= 30


def test_a_refusal_for_one_content_refuses_the_whole_request(server):
    """A marked content takes the others of its request down with it, and nothing is charged."""
    server.misbehave(ONE_CONTENT["moderation"], dashscope_server.containing("forbidden"))
    response = call(server, ["a", "forbidden fruit", "b"])
    assert (response.status_code, response.code, response.output) == (400, "DataInspectionFailed", None)
    assert server.bill.vectors == 0
    assert call(server, ["a", "b"]).status_code == 200


@pytest.mark.parametrize("scripted", [True, False])
def test_a_client_that_hangs_up_is_noticed(scripted):
    """An answer that comes after the client has gone is charged as not delivered, so the next one is no double."""
    gone = threading.Event()

    def latency(exchange):
        # The first answer is not ready before its client has given up.
        if exchange.number == 1 and not scripted:
            gone.wait(timeout=60)
        return 0.0

    with DashScopeServer(latency=latency) as server:
        if scripted:
            server.misbehave(dropping.late(60), when=1)
        assert outcome(server, request_timeout=0.05) is ERRORS.ReadTimeout
        gone.set()
        arrived(server)
        assert outcome(server) == GOOD
        deadline = time.monotonic() + 60
        while not server.bill.wasted and time.monotonic() < deadline:
            threading.Event().wait(0.005)
        assert (server.bill.vectors, server.bill.wasted, server.bill.paid_twice) == (2, 1, {})
