"""Reading what the service sent back: vectors that are checked, or a failure that is named; nothing is decided here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmembed.arrays import FloatMatrix

# Codes of failures that have no code of the service's own.
TIMED_OUT = "TimedOut"
CONNECTION_FAILED = "ConnectionFailed"
NAME_UNKNOWN = "ConnectionFailed.NameUnknown"
BAD_CERTIFICATE = "ConnectionFailed.Certificate"
UNREADABLE = "UnreadableAnswer"
MALFORMED = "MalformedAnswer"
WRONG_LENGTH = "WrongLength"

_LONGEST_MESSAGE = 300
_LONGEST_NAME = 120
_LONGEST_READ = 8_192  # of a message, to find the shown part in
_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_TERMINAL_COMMANDS = re.compile(
    r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)?|\x9b[0-?]*[ -/]*[@-~]", re.DOTALL
)
# Name and password before the host of a URL, plain or percent-encoded.
_CREDENTIALS = re.compile(r"(?<=://)[^\s/?#\"'<>]+@|(?<=%3A%2F%2F)[^\s%/?#]+(%3A[^\s/?#]*?)?%40", re.IGNORECASE)

# Far above what any request can hold, and a count over it is none.
_MOST_TOKENS = 10_000_000

_NUMBERS = frozenset({int, float})

_PLAIN_KINDS = frozenset({"text", "image", "video", "multi_images"})
FUSED = "vl"  # what the service calls several contents in one vector


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


def kinds_asked_for(contents: Sequence[Mapping[str, Any]], *, are_fused: bool = False) -> list[str]:
    """Return the kind of each vector that must come back for ``input.contents``; fused, all of it gives one."""
    return [FUSED] if are_fused else [next(iter(one)) if len(one) == 1 else FUSED for one in contents]


def read_vectors(
    output: Any, *, expected: int, dimension: int, model: str, kinds: Sequence[str] | None = None
) -> FloatMatrix:
    """Return the vectors of an answer in the order of the request.

    Parameters
    ----------
    kinds : sequence of str, optional
        The kind of each content; the ``type`` of its vector may be that, ``vl``, or missing.

    Raises
    ------
    RequestFailure
        With code ``MalformedAnswer`` if count, indexes, types or numbers are wrong; with ``WrongLength`` if all vectors
        have one other length than was asked for.
    """
    rows = output.get("embeddings") if isinstance(output, Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise RequestFailure(MALFORMED, "the answer holds no list of embeddings", status=200)
    if len(rows) != expected:
        message = f"{expected} vectors were asked for and {len(rows)} came back"
        raise RequestFailure(MALFORMED, message, status=200)
    indexes = [row.get("index") for row in rows]
    if not all(type(index) is int for index in indexes):
        raise RequestFailure(MALFORMED, "the indexes of the vectors are no whole numbers", status=200)
    by_index = dict(zip(indexes, rows, strict=True))
    if set(by_index) != set(range(expected)):
        raise RequestFailure(MALFORMED, f"the indexes of {expected} vectors are {indexes[:20]}", status=200)
    if kinds is not None:
        _check_types([by_index[place].get("type") for place in range(expected)], kinds)
    vectors = [by_index[place].get("embedding") for place in range(expected)]
    lengths = {len(vector) if isinstance(vector, list) else 0 for vector in vectors}
    if lengths != {dimension}:
        _refuse_lengths(lengths, dimension, model)
    return _as_matrix(vectors)


def _check_types(types: Sequence[Any], kinds: Sequence[str]) -> None:
    """Refuse a vector that is said to be of another kind than its content: rows were mixed up."""
    for place, (found, kind) in enumerate(zip(types, kinds, strict=True)):
        if found is None:
            continue
        named = found.casefold() if isinstance(found, str) else None
        # Pages differ on what a fused vector is called; none calls it by a kind.
        is_right = named not in {None, *_PLAIN_KINDS} if kind == FUSED else named in {kind, FUSED}
        if not is_right:
            said = shortened(found)[:_LONGEST_NAME] if isinstance(found, str) else f"a {type(found).__name__}"
            raise RequestFailure(MALFORMED, f"content {place} is of kind {kind}, its vector of type {said}", status=200)


def _as_matrix(vectors: list[Any]) -> FloatMatrix:
    if not all({*map(type, vector)} <= _NUMBERS for vector in vectors):
        raise RequestFailure(MALFORMED, "a vector holds something that is no number", status=200)
    try:
        with np.errstate(all="ignore"):  # what is too large for float32 becomes infinite, and is refused as that
            matrix: FloatMatrix = np.array(vectors, dtype=np.float32)
    except OverflowError as error:
        raise RequestFailure(MALFORMED, "a vector holds numbers that are not finite", status=200) from error
    if not np.isfinite(matrix).all():
        raise RequestFailure(MALFORMED, "a vector holds numbers that are not finite", status=200)
    if not matrix.any(axis=1).all():
        raise RequestFailure(MALFORMED, "a vector holds zeros only", status=200)
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
    """Return a count of tokens; what cannot be one (infinite, absurd, no number) is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MOST_TOKENS:
        return 0
    return int(value)


def read_request_id(value: Any, secrets: Sequence[str] = ()) -> str | None:
    """Return the service's name for a request, if what came is one."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        return None
    return shortened(str(value), secrets)[:_LONGEST_NAME]


def read_refusal(
    status: int,
    body: bytes,
    retry_after: str | None,
    *,
    secrets: Sequence[str] = (),
    request_id: str | None = None,
    location: str | None = None,
) -> RequestFailure:
    """Return the failure that a refusing answer describes, whatever its body is.

    Parameters
    ----------
    secrets : sequence of str
        What must not be shown although the service says it.
    request_id, location : str, optional
        What the headers say: the name of the request, and where a redirect leads.
    """
    text = _decode_body(body)
    described = _parse_error(text)
    code = described.get("code")
    message = described.get("message")
    nested = described.get("error")
    if not code and isinstance(nested, Mapping):  # the shape of the OpenAI-compatible mode
        code, message = nested.get("code") or nested.get("type"), nested.get("message")
    if not isinstance(code, str) or not code:
        code = f"HTTP{status}" if status != 200 else UNREADABLE
        # Other 2xx answers may carry a whole matrix, which no message should.
        message = message or (text if status >= 300 or "output" not in described else "an answer without vectors")
        if not described and _PAGE.search(text[:1000]):
            message = f"a page came instead of an answer: {text}"
    if 300 <= status < 400:
        message = _led_elsewhere(location)
    return RequestFailure(
        shortened(code, secrets)[:_LONGEST_NAME],
        shortened(str(message or "no message"), secrets),
        status=status,
        request_id=read_request_id(described.get("request_id"), secrets) or read_request_id(request_id, secrets),
        retry_after=retry_after,
    )


_PAGE = re.compile(r"<!doctype html|<html|<head|<body", re.IGNORECASE)


def _led_elsewhere(location: str | None) -> str:
    where = f"to {location.partition('?')[0]}" if location else "nowhere"
    return (
        f"a redirect {where}, which is not followed since key and contents are for nobody else; "
        "a login page of the network, a proxy, or a wrong DASHSCOPE_HTTP_BASE_URL may be the reason"
    )


def _decode_body(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        if error.start > len(body) - 4:
            return body.decode(errors="ignore")  # a long page, cut within a letter
        return body.decode("gb18030", errors="replace")  # what Chinese gateways write


def _parse_error(text: str) -> Mapping[str, Any]:
    import json

    # An error may come as a server-sent event.
    lines = [line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:")]
    try:
        value = json.loads(lines[-1] if lines else text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}


def shortened(message: str, secrets: Sequence[str] = ()) -> str:
    """Return a message on one line, without HTML tags, fit to be shown, cut where it is long.

    What could change a terminal or the order of letters is left out; secrets, and names and passwords in URLs, are
    hidden before anything is cut.
    """
    line = _TERMINAL_COMMANDS.sub("", _TAGS.sub(" ", _without_secrets(message, secrets)[:_LONGEST_READ]))
    line = " ".join("".join(filter(_is_shown, line)).split()) or "no message"
    line = _without_secrets(line, secrets)  # once more: marks within a secret are gone now
    return line if len(line) <= _LONGEST_MESSAGE else line[:_LONGEST_MESSAGE] + "…"


def _without_secrets(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = re.sub(re.escape(secret), "[API key]", text, flags=re.IGNORECASE)
    return _CREDENTIALS.sub("[hidden]@", text)


def _is_shown(character: str) -> bool:
    # Marks of direction, other invisible ones, halves of pairs, and control characters that are no blanks.
    return character.isspace() or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co"}
