"""Raw sockets that answer in parts, early, twice or late: the right vector comes to the right row, or none at all."""

import contextlib
import dataclasses
import hashlib
import itertools
import json
import select
import socket
import threading

import numpy as np
import pytest

from mmembed import Embedder
from mmembed.cache.local import VectorCache
from mmembed.contents.content import read_contents
from mmembed.embedding.pipeline import embed_columns
from mmembed.providers.dashscope.sender import Patience

DIMENSION = 256
TEXTS = [f"row {number}" for number in range(400)]


def vector(text):
    """Return the vector that the server has for a text: sixteenths, which float32 holds exactly."""
    noise = np.frombuffer(hashlib.shake_256(text.encode()).digest(DIMENSION), np.uint8)
    return (noise.astype(np.float64) - 128.5) / 16


def answer_to(body, number):
    embeddings = [
        {"index": index, "embedding": vector(one["text"]).tolist(), "type": "text"}
        for index, one in enumerate(json.loads(body)["input"]["contents"])
    ]
    payload = {"output": {"embeddings": embeddings}, "usage": {"input_tokens": 3}, "request_id": f"request-{number}"}
    return json.dumps(payload).encode()


def framed(body, status="200 OK", length=None):
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length or len(body)}\r\n\r\n"
    return head.encode() + body


class RawServer:
    """Reads requests over kept connections, and lets a test write the bytes of each answer.

    Parameters
    ----------
    odd : callable
        ``odd(answer)`` returns the pieces of every third answer (see ``every``): what goes out at once, piece by
        piece, and last what goes out before the next answer over the same connection. Between pieces it waits for a
        request that should not come.
    """

    def __init__(self, odd):
        self.odd = odd
        self.too_early = 0
        self.requests = 0
        self.every = 3
        self.connections = 0
        self._numbers = itertools.count(1)
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/api/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listening.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        late = b""
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as read:
            while body := self._request(read):
                number = next(self._numbers)
                self.requests += 1
                answer = answer_to(body, number)
                pieces = self.odd(answer) if number % self.every == 1 % self.every else (framed(answer), b"")
                connection.sendall(late)
                for piece in pieces[:-1]:
                    connection.sendall(piece)
                    if piece is not pieces[-2]:
                        self.too_early += bool(select.select([connection], [], [], 0.03)[0])
                late = pieces[-1]

    def _request(self, read):
        length = 0
        while (line := read.readline()) not in {b"\r\n", b""}:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return read.read(length)


@pytest.fixture
def serve(monkeypatch):
    with contextlib.ExitStack() as running:

        def start(odd):
            server = running.enter_context(contextlib.closing(RawServer(odd)))
            monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", server.url)
            return server

        yield start


def embedded(cache=None, workers=4, attempts=12):
    options = {"requests_per_minute": 1e9, "tokens_per_minute": 1e12, "api_key": "sk-raw", "timeout_seconds": 20.0}
    provider = Embedder(model="qwen3-vl-embedding", dimension=DIMENSION, workers=workers, **options).provider()
    patience = Patience(attempts=attempts, first_pause_seconds=0.001, longest_pause_seconds=0.002)
    provider = dataclasses.replace(provider, patience=patience)
    return embed_columns([read_contents(TEXTS, "text")], provider, cache, progress=False)


def wanted():
    return np.array([vector(text) for text in TEXTS], np.float32)


EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
INTERIM = {
    "103, later the answer": lambda answer: (EARLY, framed(answer), b""),
    "102, later the answer": lambda answer: (PROCESSING, framed(answer), b""),
    "100, later the answer": lambda answer: (CONTINUE, framed(answer), b""),
    "an unknown 1xx": lambda answer: (b"HTTP/1.1 199 Odd\r\n\r\n", framed(answer), b""),
    "several, one after the other": lambda answer: (CONTINUE, PROCESSING, EARLY, framed(answer), b""),
    "several and the answer at once": lambda answer: (CONTINUE + EARLY + PROCESSING * 3 + framed(answer), b""),
    "cut within the headers": lambda answer: (EARLY[:40], EARLY[40:] + framed(answer), b""),
    "with a length that means nothing": lambda answer: (
        b"HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n",
        framed(answer),
        b"",
    ),
}


@pytest.mark.parametrize("workers", [1, 6])
@pytest.mark.parametrize("name", sorted(INTERIM))
def test_an_interim_answer_is_not_the_answer(serve, name, workers):
    """Whatever 1xx comes before, together or alone: the next request waits, and every row has its own vector."""
    server = serve(INTERIM[name])
    done = embedded(workers=workers)
    assert done.failures == []
    assert np.array_equal(done.matrices[0], wanted())
    assert (server.too_early, server.requests) == (0, len(TEXTS) // 20)


REFUSAL = json.dumps({"code": "Throttling", "message": "busy", "request_id": "r"}).encode()
LEFT_OVER = {
    "204, then the answer": lambda answer: (b"HTTP/1.1 204 No Content\r\n\r\n", framed(answer)),
    "101, then the answer": lambda answer: (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", framed(answer)),
    "an empty 200, then the answer": lambda answer: (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        framed(answer),
    ),
    "a page of an error, then the answer": lambda answer: (framed(b"<h1>busy</h1>", "503 Busy"), framed(answer)),
    "too late a time-out, then the answer": lambda answer: (framed(REFUSAL, "504 Gateway Timeout"), framed(answer)),
    "a refusal, then the answer": lambda answer: (framed(REFUSAL, "429 Too Many Requests"), framed(answer)),
    "an error in a 200, then the answer": lambda answer: (framed(REFUSAL), framed(answer)),
    "half of the answer, then all of it": lambda answer: (framed(answer[:99]), framed(answer)),
    "an answer that is no object": lambda answer: (framed(b"[1]"), framed(answer)),
    "the answer twice": lambda answer: (framed(answer), framed(answer)),
    "the answer twice, early hints between": lambda answer: (framed(answer), EARLY + framed(answer)),
}


@pytest.mark.parametrize("workers", [1, 6])
@pytest.mark.parametrize("name", sorted(LEFT_OVER))
def test_what_is_left_over_is_nobodys_answer(serve, tmp_path, name, workers):
    """After an answer that was not understood, or came twice, the connection is done with; the cache is right, too."""
    serve(LEFT_OVER[name])
    cache = VectorCache(tmp_path / "cache")
    done = embedded(cache, workers=workers)
    assert done.failures == []
    assert np.array_equal(done.matrices[0], wanted())
    kept = embedded(cache, workers=workers)
    assert kept.bill.requests == 0
    assert np.array_equal(kept.matrices[0], wanted())


def test_good_answers_keep_the_connection(serve):
    """One worker needs one connection for all its requests."""
    server = serve(lambda answer: (framed(answer), b""))
    assert np.array_equal(embedded(workers=1).matrices[0], wanted())
    assert (server.requests, server.connections) == (20, 1)


def test_an_answer_that_comes_again_much_later_is_known(serve):
    """Between an answer and its twin others may have come over the same connection."""
    earlier = []

    def odd(answer):
        earlier.append(framed(answer))
        # The first answer comes again before the fifth, over the one connection there is till then.
        return (framed(answer), earlier[0] if len(earlier) == 2 else b"")

    serve(odd)
    done = embedded(workers=1)
    assert done.failures == []
    assert np.array_equal(done.matrices[0], wanted())


def test_a_server_that_always_says_the_same_is_believed(serve):
    """A stand-in that repeats one answer, its name included, is slower to ask, and gives what it says."""
    same = []
    server = serve(lambda answer: (framed(same[0] if same else same.append(answer) or answer), b""))
    server.every = 1
    # Every other attempt fails. Two threads share the one place on the wire, so that it may be the same request's each
    # time; there are not so many others that it would be given up for their sake.
    done = embedded(workers=1, attempts=100)
    assert done.failures == []
    # Whichever request came first, all have its answer.
    first, each = done.matrices[0][:20], wanted().reshape(20, 20, -1)
    assert np.array_equal(done.matrices[0], np.tile(first, (20, 1)))
    assert any(np.array_equal(first, one) for one in each)


def test_interim_answers_without_end_are_a_failed_attempt(serve):
    """A server that says nothing else is given up, with a reason."""
    serve(lambda answer: (PROCESSING * 1_001 + framed(answer), b""))
    assert np.array_equal(embedded().matrices[0], wanted())
