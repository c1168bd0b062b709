"""A server on loopback for what is asked as JSON over HTTP: it keeps what it is asked, and answers as a test says."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any, Mapping[str, Any]]


class LoopbackServer(ThreadingHTTPServer):
    """A server on a free port.

    Attributes
    ----------
    asked : list of tuple
        Path, headers and JSON of each request.
    answers : deque
        What is answered first: a status, a body (JSON or bytes), and headers.
    """

    daemon_threads = False

    def __init__(self, answer: Callable[[Mapping[str, Any], Mapping[str, str]], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.answers: deque[Answer] = deque()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Return the address that clients of OpenAI's interface are given."""
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LoopbackServer

    def do_POST(self) -> None:
        """Answer one request."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked.append((self.path, dict(self.headers), body))
            planned = self.server.answers.popleft() if self.server.answers else None
        status, answer, headers = planned or self.server.answer(body, self.headers)
        sent = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Length": len(sent), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served_by(answer: Callable[[Mapping[str, Any], Mapping[str, str]], Answer]) -> Iterator[LoopbackServer]:
    """Run a server whose answers, after those that are planned, come from a function of a request's JSON and headers.

    Its requests end before it does.
    """
    server = LoopbackServer(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
