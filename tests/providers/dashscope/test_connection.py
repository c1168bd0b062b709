"""One request through the official SDK over real HTTP: what goes out, what comes back, and every trap on the way."""

import concurrent.futures
import logging
import os
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import numpy as np
import pytest

from dashscope_server import FAULTS, HARMLESS, Account, DashScopeServer, garbling, patience_with, refusing
from mmembed.providers.dashscope.answer import RequestFailure, read_usage
from mmembed.providers.dashscope.connection import ConnectionSettings

KEY = "sk-test-of-one-account"
MODEL = "qwen3-vl-embedding"


@pytest.fixture
def server():
    with DashScopeServer(keys={KEY}) as running:
        yield running


def provider(server, **options):
    settings = {"model": MODEL, "dimension": 256, "base_address": server.base_url, "api_key": KEY, **options}
    return ConnectionSettings(parameters={"dimension": settings["dimension"]}, **settings)


def ask(server, *contents, **options):
    with provider(server, **options).open() as connection:
        return connection.request(list(contents), expected=len(contents))


def expected(server, *contents):
    return np.array([server.vector(content, MODEL, dimension=256) for content in contents], dtype=np.float32)


def test_each_content_gets_its_own_vector(server):
    """The rows are in the order of the request, as float32, with what the service counted."""
    contents = [{"text": "红色连衣裙"}, {"image": "https://example.com/a.png"}, {"text": "a red dress"}]
    reply = ask(server, *contents)
    assert reply.matrix.dtype == np.float32
    assert np.array_equal(reply.matrix, expected(server, *contents))
    assert (reply.text_tokens + reply.media_tokens, reply.media_tokens) == (server.bill.tokens, 896)
    assert reply.request_id == server.requests[0].request_id


@pytest.mark.parametrize("name", sorted(HARMLESS))
def test_harmless_oddities_change_nothing(server, name):
    """Another order, another content type, cookies, compression or a redirect on the same server give right rows."""
    contents = [{"text": "a"}, {"text": "b"}]
    server.misbehave(HARMLESS[name], times=1)
    assert np.array_equal(ask(server, *contents).matrix, expected(server, *contents))


@pytest.mark.parametrize("name", sorted(set(FAULTS) - set(HARMLESS)))
def test_every_fault_is_one_request_and_one_named_failure(server, name, caplog):
    """Whatever the wire does, the SDK sends once, and what comes out is a failure with a code, never a wrong row."""
    server.misbehave(FAULTS[name])
    with pytest.raises(RequestFailure) as caught:
        ask(server, {"text": "a"}, {"text": "b"}, timeout_seconds=patience_with(name))
    assert caught.value.code
    assert len(server.requests) == 1
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert KEY not in shown


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("200 with an error", 200, "InternalError"),
        ("HTML gbk", 502, "HTTP502"),
        ("broken JSON", 500, "HTTP500"),
        ("OpenAI style", 500, "internal_error"),
        ("event stream", 500, "InternalError"),
        ("200 null", 200, "UnreadableAnswer"),
        ("NaN", 200, "MalformedAnswer"),
        ("wrong length", 200, "WrongLength"),
        ("silent", None, "TimedOut"),
        ("stalled", None, "TimedOut"),
        ("closed", None, "ConnectionFailed"),
        ("arrears", 400, "Arrearage"),
    ],
)
def test_status_and_code_survive_the_sdk(server, name, status, code):
    """Where the SDK drops the status or the text of an error, they are read from the answer itself."""
    server.misbehave(FAULTS[name])
    with pytest.raises(RequestFailure) as caught:
        ask(server, {"text": "a"}, {"text": "b"}, timeout_seconds=patience_with(name))
    assert (caught.value.status, caught.value.code) == (status, code)


def test_retry_after_is_found_whatever_its_case(server):
    """The header is kept as it came, for whoever decides how long to wait."""
    server.misbehave(refusing.error(429, "Throttling", retry_after=2.5))
    with pytest.raises(RequestFailure) as caught:
        ask(server, {"text": "a"})
    assert caught.value.retry_after == "2.5"


def test_what_a_garbled_answer_cost_is_kept(server):
    """An answer that cannot be used is charged all the same, and the failure says how much."""
    server.misbehave(garbling.fewer())
    with pytest.raises(RequestFailure) as caught:
        ask(server, {"text": "aaaa"}, {"text": "bbbb"})
    assert caught.value.tokens == (server.bill.tokens, 0)


def test_a_text_that_names_a_file_stays_a_text(server, tmp_path, monkeypatch):
    """Texts that are existing paths, absolute, relative, with ~ or file://, also in fused rows, are never uploaded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "notes.txt").write_text("secret")
    (tmp_path / "a.png").write_text("secret")
    named = ["notes.txt", str(tmp_path / "notes.txt"), "~/notes.txt", f"file://{tmp_path}/notes.txt", "oss://a/b"]
    contents = [{"text": name} for name in [*named, "file:///gone"]]
    fused = [{"text": "notes.txt", "image": "https://example.com/a.png"}]
    assert np.array_equal(ask(server, *contents).matrix, expected(server, *contents))
    ask(server, *fused)
    assert server.uploads == {}
    assert len(server.requests) == len(server.embedding_requests) == 2
    assert [list(one.contents) for one in server.requests] == [contents, fused]
    assert all("x-dashscope-ossresourceresolve" not in one.headers for one in server.requests)


def test_nobodys_objects_are_changed(server):
    """The dicts and lists that were given look the same afterwards, and are not those that the SDK held."""
    contents = [{"text": __file__}]
    ask(server, *contents)
    assert contents == [{"text": __file__}]


def test_a_dripping_answer_ends_at_the_deadline(server):
    """An answer that comes a byte at a time, each within the socket's timeout, is cut off when the total is up."""
    from dashscope_server import dropping

    server.misbehave(dropping.dripping(seconds=600, pieces=6000))
    started = time.monotonic()
    with pytest.raises(RequestFailure) as caught:
        ask(server, {"text": "a"}, timeout_seconds=0.5)
    assert caught.value.code == "TimedOut"
    assert time.monotonic() - started < 60  # of ten minutes


def test_a_refused_connection_is_a_failure_that_names_it():
    """An address where nobody listens gives a failure, not an exception of the HTTP library."""
    with DashScopeServer() as gone:
        address = gone.base_url
    refused = ConnectionSettings(model=MODEL, dimension=256, base_address=address, api_key=KEY)
    with refused.open() as connection, pytest.raises(RequestFailure) as caught:
        connection.request([{"text": "a"}], expected=1)
    assert caught.value.code == "ConnectionFailed"
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", ["", "sk-abc\n", "sk abc", "sk-钥匙", " sk-abc"])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(key):
    """The refusal comes before the HTTP library would print the key."""
    with pytest.raises(ValueError, match="Copy it again") as caught:
        ConnectionSettings(model=MODEL, dimension=256, base_address="https://example.com", api_key=key)
    assert not key.strip() or key.strip() not in "".join(traceback.format_exception(caught.value))


def test_the_key_is_in_no_repr_and_scrubbed_from_what_the_service_says(server):
    """A message of the service that repeats the key loses it."""
    server.misbehave(refusing.error(401, "InvalidApiKey", f"Incorrect API key provided: {KEY}"))
    one = provider(server)
    with one.open() as connection, pytest.raises(RequestFailure) as caught:
        connection.request([{"text": "a"}], expected=1)
    assert "[API key]" in caught.value.message
    assert not any(KEY in shown for shown in (str(caught.value), repr(caught.value), repr(one), repr(connection)))


def test_nothing_of_the_key_is_logged(server, caplog):
    """Even with all logging on and an answer that makes the SDK stumble, no record shows the key."""
    server.misbehave(FAULTS["200 broken JSON"])
    with caplog.at_level(logging.DEBUG), pytest.raises(RequestFailure):
        ask(server, {"text": "a"})
    assert KEY not in caplog.text


def test_netrc_cookies_and_the_sdks_own_key_stay_out(server, tmp_path, monkeypatch):
    """A netrc entry for the host, a cookie from before and a key in the environment do not reach the wire."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-of-another-account")
    server.misbehave(garbling.cookies())
    with provider(server).open() as connection:
        for _ in range(2):
            connection.request([{"text": "a"}], expected=1)
    assert [one.headers["authorization"] for one in server.requests] == [f"Bearer {KEY}"] * 2
    assert all("cookie" not in one.headers for one in server.requests)


def test_a_redirect_elsewhere_is_not_followed(server):
    """Contents and key are sent to the address that was asked for and to no other."""
    with DashScopeServer(keys={KEY}) as elsewhere:
        server.misbehave(refusing.redirect(307, f"{elsewhere.base_url}/services"))
        with pytest.raises(RequestFailure) as caught:
            ask(server, {"text": "a"})
        assert elsewhere.requests == ()
    assert caught.value.status == 307


def test_threads_share_a_pool_and_get_their_own_rows():
    """Sixteen threads over one pool: each gets the vector of its text, over no more connections than threads."""
    with DashScopeServer(keys={KEY}, latency=0.01) as server:
        with provider(server, connections=16).open() as connection:

            def one(number):
                return connection.request([{"text": f"text {number}"}], expected=1).matrix[0]

            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                rows = list(pool.map(one, range(160)))
        assert np.array_equal(rows, expected(server, *({"text": f"text {number}"} for number in range(160))))


def test_two_keys_and_two_addresses_do_not_mix():
    """Connections of two accounts at two addresses send their own key to their own address."""
    other = "sk-of-the-other"
    with DashScopeServer(keys={KEY}) as first, DashScopeServer(keys={other}) as second:
        with provider(first).open() as one, provider(second, api_key=other).open() as two:
            for _ in range(3):
                one.request([{"text": "a"}], expected=1)
                two.request([{"text": "a"}], expected=1)
        assert {server.bill.requests for server in (first, second)} == {3}


_FORKS = """
import os, sys
import numpy as np
from mmembed.providers.dashscope.connection import ConnectionSettings
address, key = sys.argv[1:]
one = ConnectionSettings(
    model="qwen3-vl-embedding", dimension=256, base_address=address, api_key=key, parameters={"dimension": 256}
)
connection = one.open()
def row(name):
    return connection.request([{"text": name}], expected=1).matrix[0]
wanted = {name: row(name) for name in ("parent", "child 0", "child 1", "child 2")}
children = []
for child in range(3):
    process = os.fork()
    if process == 0:
        good = all(np.array_equal(row(f"child {child}"), wanted[f"child {child}"]) for _ in range(30))
        os._exit(0 if good else 1)
    children.append(process)
good = all(np.array_equal(row("parent"), wanted["parent"]) for _ in range(30))
codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in children]
connection.close()
sys.exit(0 if good and codes == [0, 0, 0] else 1)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_fork_shares_no_connection(server):
    """Children forked from a process with warm connections get their own vectors, as does the parent."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", _FORKS, server.base_url, KEY], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr


def test_it_works_in_a_running_event_loop(server):
    """As in a notebook, where a loop runs in the thread that calls."""
    import asyncio

    async def cell():
        return ask(server, {"text": "a"})

    assert np.array_equal(asyncio.run(cell()).matrix, expected(server, {"text": "a"}))


def test_closing_leaves_no_thread(server):
    """After the connections are closed no thread of theirs is left."""
    before = set(threading.enumerate())
    ask(server, {"text": "a"})
    left = {one.name for one in set(threading.enumerate()) - before}
    assert not any(name.startswith("mmembed") for name in left)


def test_unexpected_mistakes_are_not_swallowed(server):
    """A parameter that is no JSON is our own mistake, and its error comes through as it is."""
    with provider(server).open() as connection, pytest.raises(TypeError, match="JSON"):
        connection.request([{"text": "a"}], expected=1, parameters={"extra": object()})
    assert server.requests == ()


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_refused(seconds):
    """Zero, negative and endless timeouts are refused where they are given."""
    with pytest.raises(ValueError, match="timeout_seconds"):
        ConnectionSettings(model=MODEL, dimension=1, base_address="https://a", api_key=KEY, timeout_seconds=seconds)


@pytest.mark.parametrize(
    ("usage", "contents", "tokens"),
    [
        ({"input_tokens": 10, "image_tokens": 896, "image_count": 1}, [{"text": "a"}, {"image": "b"}], (10, 896)),
        (
            {"input_tokens": 10, "input_tokens_details": {"image_tokens": 0, "text_tokens": 10}},
            [{"text": "a"}],
            (10, 0),
        ),
        ({"input_tokens": 906, "input_tokens_details": {"image_tokens": 896}}, [{"image": "b"}], (10, 896)),
        ({"total_tokens": 7}, [{"text": "a"}], (7, 0)),
        ({"total_tokens": 900}, [{"text": "a"}, {"image": "b"}], (0, 900)),
        (None, [{"text": "a"}], (0, 0)),
        ({"input_tokens": None}, [{"text": "a"}], (0, 0)),
    ],
)
def test_usage_is_read_in_both_shapes(usage, contents, tokens):
    """Flat or with details, text and media are told apart; one figure for both goes to the dearer."""
    assert read_usage(usage, contents) == tokens


def test_only_one_module_imports_the_sdk():
    """Everything else stays free of it, so that importing the package stays cheap."""
    source = Path(sys.modules[ConnectionSettings.__module__].__file__).parents[2]
    found = [path.name for path in source.rglob("*.py") if "import dashscope\n" in path.read_text()]
    assert found == ["sdk.py"]


def test_an_account_without_access_is_told_apart_from_a_wrong_key():
    """The service's own codes come through."""
    with DashScopeServer(keys={KEY: Account("one")}) as server, pytest.raises(RequestFailure) as caught:
        ask(server, {"text": "a"}, api_key="sk-wrong")
    assert caught.value.code == "InvalidApiKey"
