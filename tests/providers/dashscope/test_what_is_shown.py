"""What the service says is shown as plain text on one line, without keys and passwords, and the reason is in it."""

import json
import socket
import ssl

import pytest
import requests
import urllib3

from dashscope_server import DashScopeServer, refusing
from mmembed import errors
from mmembed.providers.dashscope.answer import RequestFailure, read_refusal, shortened
from mmembed.providers.dashscope.breakdowns import breakdown
from mmembed.providers.dashscope.connection import ConnectionSettings
from mmembed.providers.dashscope.faults import classify_failure

KEY = "sk-0123456789abcdef"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\x1b[31mred\x1b[0m text", "red text"),
        ("a\x1b]0;title\x07b", "ab"),
        ("\x9b2Jgone", "gone"),
        ("one\r\ntwo\x0bthree\u2028four\x85five", "one two three four five"),
        ("a\u202egnp.exe\u2069", "agnp.exe"),
        ("\u200fa\u061cb\u2066c\u200b", "abc"),
        ("a\x00b\x07c\x7f", "abc"),
        ("\ud800lone", "lone"),
        ("<b>bold</b><script>alert(1)</script> <style>a{}</style>end", "bold end"),
        ("红色 連衣裙 émoji 🙂", "红色 連衣裙 émoji 🙂"),
        ("", "no message"),
    ],
)
def test_a_message_is_plain_text_on_one_line(said, shown):
    """Commands for a terminal, line ends, marks of direction and tags are left out; letters of any script stay."""
    assert shortened(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        KEY,
        KEY.upper(),
        f"Bearer {KEY}.",
        f"sk-0123\x1b[0m456789abcdef and {KEY}",
        "sk-0123\u200b456789\u202eabcdef",
        "x" * 290 + KEY,
        "x" * 8_185 + KEY,
        "<b>" * 2_727 + "k" * 8 + KEY,
    ],
)
def test_no_part_of_a_key_is_shown(said):
    """In any case of letters, with marks within, and where the message is cut."""
    shown = shortened(said, [KEY])
    assert KEY[:10] not in shown.lower()


@pytest.mark.parametrize("place", ["code", "message", "request_id"])
def test_a_key_is_hidden_wherever_the_service_says_it(place):
    """In the code and the name of the request, too."""
    body = {"code": "Bad", "message": "m", "request_id": "r", place: f"Bad {KEY}\n"}
    failure = read_refusal(400, json.dumps(body).encode(), None, secrets=[KEY])
    assert KEY not in f"{failure.code} {failure.message} {failure.request_id} {failure} {classify_failure(failure)}"
    assert "[API key]" in getattr(failure, place)
    assert "\n" not in getattr(failure, place)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("cannot load https://user:pass@example.com/a.png", "cannot load https://[hidden]@example.com/a.png"),
        ("http://user@example.com, oss://k:s@b/x", "http://[hidden]@example.com, oss://[hidden]@b/x"),
        ("ftp://u:p@ss:w@rd@host/a@b", "ftp://[hidden]@host/a@b"),
        ("url=https%3A%2F%2Fuser%3Apass%40example.com%2Fa", "url=https%3A%2F%2F[hidden]@example.com%2Fa"),
        ("https://example.com/@user/a@b.png", "https://example.com/@user/a@b.png"),
        ("mail a@b.c about https://example.com", "mail a@b.c about https://example.com"),
    ],
)
def test_names_and_passwords_in_addresses_are_hidden(said, shown):
    """Of any scheme and also percent-encoded; an @ in a path is none."""
    assert shortened(said) == shown


@pytest.mark.parametrize(
    ("status", "body", "parts"),
    [
        (401, b"<html><body>Unauthorized</body></html>", ["HTTP401", "DASHSCOPE_API_KEY", "region="]),
        (401, b"", ["HTTP401", "DASHSCOPE_API_KEY"]),
        (401, b'{"error": {"code": "invalid_api_key", "message": "no"}}', ["invalid_api_key", "DASHSCOPE_API_KEY"]),
        (403, b"<h1>Forbidden</h1>", ["proxy or firewall"]),
        (404, b"not here", ["DASHSCOPE_HTTP_BASE_URL"]),
        (407, b"<html>Squid</html>", ["proxy asks for a name and a password", "HTTPS_PROXY"]),
    ],
)
def test_a_refusal_without_a_code_has_advice(status, body, parts):
    """By its status, where a gateway's page came and no code of the service's."""
    error = classify_failure(read_refusal(status, body, None))
    assert error.verdict == "job"
    assert all(part in str(error) for part in parts)


@pytest.mark.parametrize("location", ["http://login.hotel.example/portal?user=me", "/login", "http://[::1", None])
@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_says_where_it_leads(status, location):
    """A login page of a network is named, without what follows the question mark."""
    with DashScopeServer(keys={KEY}) as server:
        headers = () if location is None else (("Location", location),)
        server.misbehave(refusing.raw(status, b"<html>moved</html>", "text/html", headers))
        error = classify_failure(failure_of(server.base_url))
    assert error.verdict == "job"
    assert (location.partition("?")[0] if location else "nowhere") in str(error)
    assert "login page of the network" in str(error)
    assert "user=me" not in str(error)


@pytest.mark.parametrize("location", ["http://[::1", "http://elsewhere.example/x", "ftp://a:b@[", "mailto:a@b.c"])
@pytest.mark.parametrize("status", [307, 308])
def test_a_lasting_redirect_to_no_address_is_one_failure(status, location):
    """No error of a parser leaves, and nothing is sent elsewhere."""
    with DashScopeServer(keys={KEY}) as server:
        server.misbehave(refusing.redirect(status, location))
        failure = failure_of(server.base_url)
        assert len(server.requests) == 1
    assert (failure.status, failure.code, classify_failure(failure).verdict) == (status, f"HTTP{status}", "job")
    assert "a:b@" not in failure.message


def failure_of(address, **options):
    one = ConnectionSettings(
        model="qwen3-vl-embedding", dimension=256, base_address=address, api_key=KEY, parameters={}, **options
    )
    with one.open() as connection, pytest.raises(RequestFailure) as caught:
        connection.request([{"text": "a"}], expected=1)
    return caught.value


def broken(error, **options):
    settings = {"address": "https://api.example.com/v1", "is_connecting": False, "is_late": False, "seconds": 10.0}
    return breakdown(error, **{**settings, **options})


def wrapped(reason, kind=requests.exceptions.ConnectionError):
    outer = urllib3.exceptions.MaxRetryError(None, "/services/" + "x" * 400, reason)
    return kind(outer)


UNKNOWN = socket.gaierror(-2, "Name or service not known")


@pytest.mark.parametrize(
    ("error", "code", "verdict", "parts"),
    [
        (
            wrapped(urllib3.exceptions.NameResolutionError("api.example.com", None, UNKNOWN)),
            "ConnectionFailed.NameUnknown",
            "passing",
            ["api.example.com cannot be resolved", "is there a network?"],
        ),
        (wrapped(UNKNOWN), "ConnectionFailed.NameUnknown", "passing", ["Name or service not known"]),
        (
            wrapped(urllib3.exceptions.NewConnectionError(None, "x"), requests.exceptions.ProxyError),
            "ConnectionFailed",
            "passing",
            ["the proxy cannot be reached"],
        ),
        (
            wrapped(OSError("Tunnel connection failed: 407 Proxy Authentication Required")),
            "HTTP407",
            "job",
            ["the proxy made no connection", "Proxy Authentication Required", "HTTPS_PROXY"],
        ),
        (wrapped(OSError("Tunnel connection failed: 403 Forbidden")), "HTTP403", "job", ["Forbidden"]),
        (wrapped(OSError("Tunnel connection failed: 503 Busy")), "HTTP503", "passing", ["Busy"]),
        (
            wrapped(ssl.SSLCertVerificationError(1, "self-signed certificate")),
            "ConnectionFailed.Certificate",
            "job",
            ["not trusted", "self-signed", "REQUESTS_CA_BUNDLE"],
        ),
        (
            wrapped(ConnectionRefusedError(111, "Connection refused")),
            "ConnectionFailed",
            "passing",
            ["no connection", "Connection refused"],
        ),
        (ConnectionResetError(104, "reset by peer"), "ConnectionFailed", "passing", ["reset by peer"]),
    ],
)
def test_the_innermost_reason_is_in_the_message(error, code, verdict, parts):
    """However the HTTP library wraps it and whatever long address it puts before."""
    failure = broken(error)
    judged = classify_failure(failure)
    assert (failure.code, judged.verdict) == (code, verdict)
    assert all(part in str(judged) for part in parts), str(judged)


def test_a_hang_in_the_handshake_says_so():
    """A server that takes the connection and never speaks TLS is told apart from one that does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        failure = failure_of(f"https://127.0.0.1:{mute.getsockname()[1]}/api/v1", timeout_seconds=0.3)
    assert failure.code == "TimedOut"
    assert "(TLS)" in failure.message


@pytest.mark.parametrize(("is_connecting", "part"), [(False, "did not answer in full within 10 s"), (True, "(TLS)")])
def test_what_came_too_late_says_what_it_was(is_connecting, part):
    """The answer, or the connection."""
    failure = broken(requests.exceptions.ReadTimeout(), is_connecting=is_connecting)
    assert (failure.code, part in failure.message) == ("TimedOut", True)
    between_pieces = urllib3.exceptions.ReadTimeoutError(None, "/", "Read timed out.")
    for stalled in (between_pieces, requests.exceptions.ConnectionError(between_pieces)):
        assert broken(stalled).code == "TimedOut"  # whichever of the two clocks was the first to ring
    unreached = requests.exceptions.ConnectTimeout(urllib3.exceptions.ConnectTimeoutError(None, "no"))
    assert "takes no connection" in broken(unreached, is_connecting=True).message


def test_a_page_instead_of_an_answer_is_called_one():
    """A login page that comes with status 200."""
    failure = read_refusal(200, b"<!DOCTYPE html><html><title>Hotel</title><body>Please log in</body></html>", None)
    assert failure.code == "UnreadableAnswer"
    assert failure.message == "a page came instead of an answer: Hotel Please log in"


def test_a_failure_bears_the_name_of_its_own_request():
    """Of the body, or of the headers where a gateway's page came."""
    with DashScopeServer(keys={KEY}) as server:
        server.misbehave(refusing.error(400, "DataInspectionFailed"), 1)
        server.misbehave(refusing.raw(502, b"busy", "text/html", (("X-Request-Id", "r-from-\x1b[0mheader"),)), 2)
        assert failure_of(server.base_url).request_id == server.requests[0].request_id
        assert failure_of(server.base_url).request_id == "r-from-header"


def test_a_service_error_is_one_of_the_errors_of_the_package():
    """It can be caught by its public name."""
    error = classify_failure(RequestFailure("InvalidApiKey", "no", status=401))
    assert type(error) is errors.ServiceError
    assert "ServiceError" in errors.__all__
    assert isinstance(error, errors.MMEmbedError)
    assert isinstance(error, RuntimeError)
