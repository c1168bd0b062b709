"""The shapes that go over the wire: addresses, refusals, answers and the record of one exchange."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

BASE_PATH = "/api/v1"
EMBEDDING_PATH = f"{BASE_PATH}/services/embeddings/multimodal-embedding/multimodal-embedding"
TEXT_PATH = f"{BASE_PATH}/services/embeddings/text-embedding/text-embedding"
EMBEDDING_PATHS = frozenset({EMBEDDING_PATH, TEXT_PATH})
RERANK_PATH = f"{BASE_PATH}/services/rerank/text-rerank/text-rerank"
UPLOAD_POLICY_PATH = f"{BASE_PATH}/uploads"
OBJECT_STORE_PATH = "/object-store"

MEBIBYTE = 1024 * 1024
JSON_TYPE = "application/json; charset=utf-8"

UsageShape = Literal["flat", "detailed", "none"]
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class BodyLimits:
    """How large a request's body may be, in bytes.

    ``plain`` bounds the body without its Base64 data, ``base64_item`` each Base64 text, ``whole`` the body with all.
    """

    plain: int = 16 * MEBIBYTE
    base64_item: int = 20 * MEBIBYTE
    whole: int = 64 * MEBIBYTE


class Refusal(Exception):  # noqa: N818  # the service refuses; nothing went wrong in it
    """Why the service does not answer: an HTTP status with a code and a message."""

    def __init__(self, status: int, code: str, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


def invalid(message: str, code: str = "InvalidParameter") -> Refusal:
    """Return the refusal of a request that the documentation does not allow."""
    return Refusal(400, code, f"<400> {message}")


@dataclass(frozen=True)
class Reply:
    """What is written back: a status, headers and bytes."""

    status: int
    body: bytes = b""
    content_type: str | None = JSON_TYPE
    headers: Headers = ()

    def head(self, *, keep_alive: bool = True) -> bytes:
        """Return the status line and the headers as bytes."""
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Status')}"]
        if self.content_type is not None:
            lines.append(f"Content-Type: {self.content_type}")
        lines.append(f"Content-Length: {len(self.body)}")
        lines.append(f"Connection: {'keep-alive' if keep_alive else 'close'}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


_REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Payload Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def json_reply(status: int, value: object, headers: Headers = ()) -> Reply:
    """Return a reply with a JSON body; NaN and Infinity are written as Python writes them."""
    return Reply(status, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), headers=headers)


def refusal_reply(refusal: Refusal, request_id: str) -> Reply:
    """Return the service's JSON for a refusal."""
    body = {"code": refusal.code, "message": refusal.message, "request_id": request_id}
    return json_reply(refusal.status, body, refusal.headers)


@dataclass
class Exchange:
    """One request and, once it is known, what was answered.

    Attributes
    ----------
    number : int
        Position among the requests to the embedding address, from 1; 0 for a request to any other address.
    path, query : str
        The address, without and with what follows the question mark.
    contents : list or None
        ``input.contents`` as it came; None if the body was not understood, or if the server does not keep contents.
    digests : tuple of bytes
        Hash of each content that was understood.
    status : int or None
        The answered HTTP status; None while there is none, or if the connection was dropped instead.
    fault : str or None
        Name of the misbehaviour that was scripted for it.
    arrived : float
        When it had been read, in seconds of the server's clock.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    arrived: float
    body_bytes: int = 0
    number: int = 0
    model: str | None = None
    contents: list[Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    digests: tuple[bytes, ...] = ()
    status: int | None = None
    code: str | None = None
    fault: str | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class TokenCount:
    """What one request is charged for."""

    text: int = 0
    media: int = 0
    images: int = 0
    video_seconds: int = 0

    def __add__(self, other: TokenCount) -> TokenCount:
        return TokenCount(
            self.text + other.text,
            self.media + other.media,
            self.images + other.images,
            self.video_seconds + other.video_seconds,
        )

    @property
    def total(self) -> int:
        """All input tokens."""
        return self.text + self.media


def usage_body(tokens: TokenCount, shape: UsageShape) -> dict[str, Any]:
    """Return ``usage`` in one of the two shapes that the documentation shows."""
    if shape == "detailed":
        return {
            "input_tokens": tokens.total,
            "input_tokens_details": {"image_tokens": tokens.media, "text_tokens": tokens.text},
            "output_tokens": 1,
            "total_tokens": tokens.total + 1,
        }
    usage = {"input_tokens": tokens.text, "image_tokens": tokens.media}
    if tokens.images:
        usage["image_count"] = tokens.images
    if tokens.video_seconds:
        usage["duration"] = tokens.video_seconds
    return usage


def success_text(embeddings: Sequence[tuple[str, str]], tokens: TokenCount, shape: UsageShape, request_id: str) -> str:
    """Return the JSON of an answered request; ``embeddings`` holds the type and the vector's JSON of each index."""
    rows = ",".join(
        f'{{"index":{index},"embedding":{vector},"type":"{kind}"}}' for index, (kind, vector) in enumerate(embeddings)
    )
    usage = "" if shape == "none" else f',"usage":{json.dumps(usage_body(tokens, shape))}'
    return f'{{"output":{{"embeddings":[{rows}]}}{usage},"request_id":"{request_id}"}}'


def text_success_text(vectors: Sequence[str], tokens: TokenCount, request_id: str) -> str:
    """Return the JSON of an answered request to a text model, whose rows and usage have other names."""
    rows = ",".join(f'{{"embedding":{vector},"text_index":{index}}}' for index, vector in enumerate(vectors))
    usage = f'{{"total_tokens":{tokens.total}}}'
    return f'{{"output":{{"embeddings":[{rows}]}},"usage":{usage},"request_id":"{request_id}"}}'
