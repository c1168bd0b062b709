"""Reading what the service sent back: vectors that are checked, or a failure that is named; nothing is decided here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmembed.arrays import FloatMatrix

# Codes of failures that have no code of the service's own.
TIMED_OUT = "TimedOut"
CONNECTION_FAILED = "ConnectionFailed"
UNREADABLE = "UnreadableAnswer"
MALFORMED = "MalformedAnswer"
WRONG_LENGTH = "WrongLength"

_LONGEST_MESSAGE = 300
_TAGS = re.compile(r"<[^>]*>")


class RequestFailure(Exception):  # noqa: N818 - a failure may be a passing one
    """One request that gave no vectors.

    Attributes
    ----------
    status : int or None
        HTTP status; None if there was no answer.
    code : str
        The service's code, or one of this module's.
    message : str
        What it said, without the key.
    request_id : str or None
        The service's name for the request.
    retry_after : str or None
        The header of that name, as it came.
    cause : Exception or None
        What the connection raised, if it did.
    tokens : tuple of (int, int)
        Tokens of texts and of media that the service counted although its answer cannot be used.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: str | None = None,
        cause: Exception | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.retry_after = retry_after
        self.cause = cause
        self.tokens = (0, 0)


@dataclass(frozen=True)
class Reply:
    """The good answer to one request.

    Attributes
    ----------
    matrix : numpy.ndarray, shape (n, d), float32
        Row i belongs to content i of the request.
    text_tokens, media_tokens : int
        What the service counted, by price.
    """

    matrix: FloatMatrix = field(repr=False)
    text_tokens: int = 0
    media_tokens: int = 0
    request_id: str | None = None


def read_vectors(output: Any, *, expected: int, dimension: int, model: str) -> FloatMatrix:
    """Return the vectors of an answer in the order of the request.

    Raises
    ------
    RequestFailure
        With code ``MalformedAnswer`` if count, indexes or numbers are wrong; with ``WrongLength`` if all vectors have
        one other length than was asked for.
    """
    rows = output.get("embeddings") if isinstance(output, Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise RequestFailure(MALFORMED, "the answer holds no list of embeddings", status=200)
    if len(rows) != expected:
        raise RequestFailure(MALFORMED, f"{expected} contents were sent and {len(rows)} vectors came back", status=200)
    by_index = {row.get("index"): row.get("embedding") for row in rows}
    if set(by_index) != set(range(expected)):
        raise RequestFailure(MALFORMED, f"the indexes of {expected} vectors are {list(by_index)[:20]}", status=200)
    vectors = [by_index[place] for place in range(expected)]
    lengths = {len(vector) if isinstance(vector, list) else 0 for vector in vectors}
    if lengths != {dimension}:
        _refuse_lengths(lengths, dimension, model)
    try:
        matrix = np.array(vectors, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise RequestFailure(MALFORMED, "a vector holds something that is no number", status=200) from error
    if not np.isfinite(matrix).all():
        raise RequestFailure(MALFORMED, "a vector holds numbers that are not finite", status=200)
    return matrix


def _refuse_lengths(lengths: set[int], dimension: int, model: str) -> None:
    if len(lengths) > 1 or 0 in lengths:
        raise RequestFailure(MALFORMED, f"the vectors have the lengths {sorted(lengths)}", status=200)
    raise RequestFailure(
        WRONG_LENGTH,
        f"model {model!r} gave vectors of length {lengths.pop()} where dimension={dimension} was asked for; "
        "if it goes on, the model ignores dimension: ask for the length that it gives",
        status=200,
    )


def read_usage(usage: Any, contents: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return the tokens of texts and of pictures and videos, from either shape of ``usage``."""
    if not isinstance(usage, Mapping):
        return 0, 0
    details = usage.get("input_tokens_details")
    if isinstance(details, Mapping):
        media = _count(details.get("image_tokens")) + _count(details.get("video_tokens"))
        total = _count(usage.get("input_tokens"))
        text = _count(details.get("text_tokens")) if "text_tokens" in details else max(0, total - media)
        return text, media
    counted = _count(usage.get("input_tokens", usage.get("total_tokens")))
    if "image_tokens" in usage:
        return counted, _count(usage["image_tokens"])
    # One figure for all: at the higher price if there is any picture or video, so that a budget is never overrun.
    has_media = any(set(content) - {"text"} for content in contents)
    return (0, counted) if has_media else (counted, 0)


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and value > 0 else 0


def read_refusal(status: int, body: bytes, retry_after: str | None) -> RequestFailure:
    """Return the failure that a refusing answer describes, whatever its body is."""
    text = _decoded(body)
    described = _described(text)
    code = described.get("code")
    message = described.get("message")
    nested = described.get("error")
    if not code and isinstance(nested, Mapping):  # the shape of the OpenAI-compatible mode
        code, message = nested.get("code") or nested.get("type"), nested.get("message")
    if not isinstance(code, str) or not code:
        code = f"HTTP{status}" if status != 200 else UNREADABLE
        # Other 2xx answers may carry a whole matrix, which no message should.
        message = message or (text if status >= 300 or "output" not in described else "an answer without vectors")
    request_id = described.get("request_id")
    return RequestFailure(
        code,
        shortened(str(message or "no message")),
        status=status,
        request_id=request_id if isinstance(request_id, str) else None,
        retry_after=retry_after,
    )


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("gb18030", errors="replace")  # what Chinese gateways write


def _described(text: str) -> Mapping[str, Any]:
    import json

    # An error may come as a server-sent event.
    lines = [line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:")]
    try:
        value = json.loads(lines[-1] if lines else text)
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}


def shortened(message: str) -> str:
    """Return a message on one line, without HTML tags, cut where it is long."""
    line = " ".join(_TAGS.sub(" ", message).split()) or "no message"
    return line if len(line) <= _LONGEST_MESSAGE else line[:_LONGEST_MESSAGE] + "…"
