"""Misbehaviours that send something other than an answer: errors in every shape that a gateway or the service has."""

from __future__ import annotations

from collections.abc import Callable

from .faults import Fault, Wire
from .protocol import Exchange, Headers, Refusal, Reply, json_reply, refusal_reply


def error(status: int, code: str, message: str = "scripted", retry_after: float | None = None) -> Fault:
    """Refuse with a status and the service's JSON; ``retry_after`` in seconds adds that header."""
    headers: Headers = () if retry_after is None else (("Retry-After", f"{retry_after:g}"),)
    refusal = Refusal(status, code, message, headers)
    return Fault(f"error {status} {code}", reply=lambda exchange: refusal_reply(refusal, exchange.request_id))


def raw(status: int, body: bytes, content_type: str | None, headers: Headers = (), name: str | None = None) -> Fault:
    """Send these very bytes."""
    reply = Reply(status, body, content_type, headers)
    return Fault(name or f"raw {status} {content_type}", reply=_always(reply))


def html(status: int = 502, charset: str = "utf-8") -> Fault:
    """Send a gateway's error page; with ``charset="gbk"`` its bytes are not UTF-8."""
    page = f"<html><head><title>{status}</title></head><body>网关错误，请稍后再试</body></html>"
    return raw(status, page.encode(charset), f"text/html; charset={charset}", name=f"html {status} {charset}")


def empty(status: int = 500, content_type: str | None = None) -> Fault:
    """Send no body at all."""
    return raw(status, b"", content_type, name=f"empty {status} {content_type}")


def broken_json(status: int = 500) -> Fault:
    """Send JSON that stops in the middle of a string."""
    return raw(status, b'{"code":"InternalError","message":"the serv', "application/json", name=f"broken JSON {status}")


def json_value(status: int, value: object) -> Fault:
    """Send any JSON value, e.g. ``None`` for ``null``, a list, or another service's error object."""
    return Fault(f"JSON {type(value).__name__} {status}", reply=_always(json_reply(status, value)))


def openai_style(status: int = 500) -> Fault:
    """Send the error object of the OpenAI-compatible mode, which has no code at its top."""
    return json_value(status, {"error": {"message": "scripted", "type": "server_error", "code": "internal_error"}})


def event_stream(status: int = 500, code: str = "InternalError") -> Fault:
    """Send the error as one server-sent event."""
    body = (
        f'id:1\nevent:error\n:HTTP_STATUS/{status}\ndata:{{"code":"{code}","message":"scripted","request_id":"r"}}\n\n'
    )
    return raw(status, body.encode(), "text/event-stream;charset=UTF-8", name=f"event stream {status}")


def error_under_200(code: str = "InternalError", message: str = "scripted") -> Fault:
    """Say 200 with a code, a message and no output."""

    def reply(exchange: Exchange) -> Reply:
        return json_reply(200, {"code": code, "message": message, "request_id": exchange.request_id})

    return Fault(f"200 with {code}", reply=reply)


def redirect(status: int = 307, location: str | None = None) -> Fault:
    """Send the client to another address; by default to the very same one, with a mark in its query."""

    def reply(exchange: Exchange) -> Reply:
        target = location or f"{exchange.path}?redirected=1"
        return Reply(status, b"", None, (("Location", target),))

    # The redirected request is served and charged; this one is not.
    return Fault(f"redirect {status}", reply=reply, spoils=False)


def endless(status: int = 502, megabytes: int = 50) -> Fault:
    """Send an error page of so many megabytes; the client may hang up before its end."""

    def deliver(wire: Wire, head: bytes, body: bytes) -> None:
        wire.send(head.replace(f"Content-Length: {len(body)}".encode(), f"Content-Length: {megabytes << 20}".encode()))
        wire.send(body + b" " * ((1 << 20) - len(body)))
        for _ in range(megabytes - 1):
            wire.send(b"busy " * ((1 << 20) // 5) + b" ")

    reply = Reply(status, b"<html><body>the gateway is busy</body></html>", "text/html")
    return Fault(f"endless page {status}", reply=_always(reply), deliver=deliver)


def _always(reply: Reply) -> Callable[[Exchange], Reply]:
    return lambda exchange: reply  # noqa: ARG005  # the same for every exchange
