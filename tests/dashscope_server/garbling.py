"""Misbehaviours that garble a good answer: the service has done the work, and charges it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .faults import Fault

if TYPE_CHECKING:
    from .protocol import Headers, Reply

Rows = list[dict[str, Any]]


def reversed_order() -> Fault:
    """Send the rows last first; each keeps its index, so nothing is lost."""
    return _rows("reversed order", lambda rows: rows[::-1], spoils=False)


def fewer(count: int = 1) -> Fault:
    """Leave the last vectors out."""
    return _rows("fewer vectors", lambda rows: rows[:-count])


def more(count: int = 1) -> Fault:
    """Add vectors for contents that were not there."""
    return _rows("more vectors", lambda rows: rows + [{**rows[-1], "index": len(rows) + i} for i in range(count)])


def duplicate_index() -> Fault:
    """Give the last vector the index of the first; in an answer with one vector, repeat that vector."""
    return _rows("duplicate index", lambda rows: [*(rows[:-1] or rows), {**rows[-1], "index": rows[0]["index"]}])


def index_out_of_range() -> Fault:
    """Count indices from 1."""
    return _rows("index out of range", lambda rows: [{**row, "index": row["index"] + 1} for row in rows])


def without_index() -> Fault:
    """Leave the indices out."""
    return _rows("no index", lambda rows: [{k: v for k, v in row.items() if k != "index"} for row in rows])


def wrong_length(dimension: int = 3) -> Fault:
    """Cut every vector to another dimension."""
    return _vectors("wrong length", lambda vector: vector[:dimension])


def not_finite(value: float = float("nan")) -> Fault:
    """Put NaN (or an infinity) into every vector, as JSON writers of some languages do."""
    return _vectors("not finite", lambda vector: [value, *vector[1:]])


def no_numbers() -> Fault:
    """Put nulls where numbers belong."""
    return _vectors("nulls in vectors", lambda vector: [None for _ in vector])


def all_zero() -> Fault:
    """Send zeros only."""
    return _vectors("zeros", lambda vector: [0.0 for _ in vector])


def nested() -> Fault:
    """Put every number into a list of its own."""
    return _vectors("nested vectors", lambda vector: [[value] for value in vector])


def texts_for_numbers() -> Fault:
    """Write every number as a string."""
    return _vectors("strings in vectors", lambda vector: [str(value) for value in vector])


def index_as(index: object) -> Fault:
    """Give every vector this index."""
    return _rows(f"index {index!r}", lambda rows: [{**row, "index": index} for row in rows])


def swapped_index() -> Fault:
    """Exchange the indices of the first two rows, each of which keeps its vector and its type."""

    def swapped(rows: Rows) -> Rows:
        first, second = rows[0]["index"], rows[1]["index"]
        return [{**rows[0], "index": second}, {**rows[1], "index": first}, *rows[2:]]

    return _rows("swapped index", swapped)


def typed(kind: object) -> Fault:
    """Say this type of every vector."""
    return _rows(f"type {kind!r}", lambda rows: [{**row, "type": kind} for row in rows], spoils=kind != "vl")


def without_type() -> Fault:
    """Leave the types out."""
    return _rows("no type", lambda rows: [{k: v for k, v in row.items() if k != "type"} for row in rows], spoils=False)


def first_number(written: str) -> Fault:
    """Write the first number of every vector in this way, e.g. ``1e400``, which no parser reads alike."""
    marked = _vectors("", lambda vector: ["@", *vector[1:]])
    return replace(
        marked,
        name=f"number {written}",
        dress=lambda reply: replace(reply, body=reply.body.replace(b'"@"', written.encode())),
    )


def nesting(depth: int = 5_000) -> Fault:
    """Send lists within lists as the output."""
    body = b'{"output":' + b"[" * depth + b"]" * depth + b',"request_id":"r"}'
    return Fault(f"nesting of {depth}", dress=lambda reply: replace(reply, body=body))


def named(name: object) -> Fault:
    """Give the request this name."""
    return Fault(f"request_id {name!r}", change=lambda body: {**body, "request_id": name}, spoils=False)


def counted(usage: object) -> Fault:
    """Send this as ``usage``."""
    return Fault(f"usage {usage!r}", change=lambda body: {**body, "usage": usage}, spoils=False)


def counted_as(written: str) -> Fault:
    """Write the figure of ``usage.input_tokens`` in this way."""
    return Fault(
        f"usage {written}",
        change=lambda body: {**body, "usage": {"input_tokens": "@"}},
        dress=lambda reply: replace(reply, body=reply.body.replace(b'"@"', written.encode())),
        spoils=False,
    )


def bomb(megabytes: int = 200) -> Fault:
    """Send blanks that unpack to so many megabytes behind the good answer."""

    def packed(body: bytes) -> bytes:
        packing = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        pieces = [packing.compress(body), *(packing.compress(b" " * 1_000_000) for _ in range(megabytes))]
        return b"".join([*pieces, packing.flush()])

    return _dressed("gzip bomb", (("Content-Encoding", "gzip"),), packed, spoils=True)


def null_output() -> Fault:
    """Send ``"output": null``."""
    return Fault("null output", change=lambda body: {**body, "output": None})


def one_peace_shape() -> Fault:
    """Send ``output.embedding``, the shape of an older model, in place of ``output.embeddings``."""
    return Fault(
        "output.embedding",
        change=lambda body: {**body, "output": {"embedding": body["output"]["embeddings"][0]["embedding"]}},
    )


def code_beside_output(code: str = "Warning") -> Fault:
    """Send a code and a message beside a good output."""
    return Fault("code beside output", change=lambda body: {**body, "code": code, "message": "scripted"}, spoils=False)


def without_usage() -> Fault:
    """Leave ``usage`` out."""
    return Fault("no usage", change=lambda body: {k: v for k, v in body.items() if k != "usage"}, spoils=False)


def other_status(status: int) -> Fault:
    """Send the good body under another status, e.g. 201 or 202."""
    return Fault(f"status {status}", dress=lambda reply: replace(reply, status=status))


def other_type(content_type: str | None) -> Fault:
    """Send the good body under another content type, or under none."""
    return Fault(f"type {content_type}", dress=lambda reply: replace(reply, content_type=content_type), spoils=False)


def cookies(value: str = "session=scripted") -> Fault:
    """Set a cookie along with a good answer."""
    return _dressed("cookies", (("Set-Cookie", f"{value}; Path=/"),), lambda body: body, spoils=False)


def gzipped() -> Fault:
    """Compress the body."""
    return _dressed("gzip", (("Content-Encoding", "gzip"),), lambda body: gzip.compress(body, 1), spoils=False)


def bad_gzip() -> Fault:
    """Say that the body is compressed when it is not."""
    return _dressed("bad gzip", (("Content-Encoding", "gzip"),), lambda body: body, spoils=True)


def _rows(name: str, change: Callable[[Rows], Rows], *, spoils: bool = True) -> Fault:
    def changed(body: dict[str, Any]) -> object:
        return {**body, "output": {"embeddings": change(body["output"]["embeddings"])}}

    return Fault(name, change=changed, spoils=spoils)


def _vectors(name: str, change: Callable[[list[float]], list[Any]]) -> Fault:
    return _rows(name, lambda rows: [{**row, "embedding": change(row["embedding"])} for row in rows])


def _dressed(name: str, headers: Headers, change: Callable[[bytes], bytes], *, spoils: bool) -> Fault:
    def dress(reply: Reply) -> Reply:
        return replace(reply, body=change(reply.body), headers=reply.headers + headers)

    return Fault(name, dress=dress, spoils=spoils)
