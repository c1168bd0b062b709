"""The socket side: reads requests off keep-alive connections and writes what the service says, well or badly."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer, TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .protocol import EMBEDDING_PATHS, MEBIBYTE, Exchange

if TYPE_CHECKING:
    from .service import EmbeddingService, Outcome

_LINGER_ZERO = struct.pack("ii", 1, 0)


class LoopbackServer(ThreadingMixIn, TCPServer):
    """One thread a connection; knows its connections so that stopping ends them all.

    Parameters
    ----------
    service : EmbeddingService
        Gives the answers.
    latency : callable
        Gives the seconds that a worked request takes.

    Attributes
    ----------
    exchanges : list of Exchange
        All requests, in the order of arrival.
    most_at_once : int
        The largest number of embedding requests that were in work at one time.
    failures : list of Exception
        Errors of the server itself.
    """

    allow_reuse_address = True
    daemon_threads = False
    block_on_close = True
    request_queue_size = 512

    def __init__(
        self, address: tuple[str, int], service: EmbeddingService, latency: Callable[[Exchange], float]
    ) -> None:
        self.service = service
        self.latency = latency
        self.stopping = threading.Event()
        self.exchanges: list[Exchange] = []
        self.most_at_once = 0
        self.failures: list[Exception] = []
        self._at_once = 0
        self._embeddings = 0
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, ConnectionHandler)

    @property
    def host(self) -> str:
        """The root of all addresses, e.g. ``http://127.0.0.1:8080``."""
        host, port = self.socket.getsockname()
        return f"http://{host}:{port}"

    def enter(self, exchange: Exchange) -> None:
        """Record a request."""
        with self._lock:
            self.exchanges.append(exchange)
            if exchange.path in EMBEDDING_PATHS:
                self._embeddings += 1
                exchange.number = self._embeddings
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)

    def leave(self, exchange: Exchange) -> None:
        """Say that a request is done with."""
        with self._lock:
            self._at_once -= bool(exchange.number)

    def snapshot(self) -> tuple[Exchange, ...]:
        """Return all requests so far."""
        with self._lock:
            return tuple(self.exchanges)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember a new connection, and give it a thread."""
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection: with a reset if its linger time is zero, or else in the ordinary way."""
        with self._lock:
            self._connections.discard(request)
        with contextlib.suppress(OSError):
            if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_LINGER_ZERO)) != _LINGER_ZERO:
                request.shutdown(socket.SHUT_WR)
        request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that went away; keep every other error for the test to see."""
        del request, client_address
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, OSError):
            self.failures.append(error)

    def stop(self) -> None:
        """Take no more connections, end those that there are, and wait for their threads."""
        self.stopping.set()
        self.shutdown()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class ConnectionHandler(BaseHTTPRequestHandler):
    """Serves the requests of one connection; it is also the ``Wire`` of misbehaviours."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LoopbackServer
    connection: socket.socket

    def __init__(self, request: Any, client_address: Any, server: BaseServer) -> None:
        self._dropped = False
        super().__init__(request, client_address, server)

    def answer(self) -> None:
        """Read one request and answer it."""
        parts = urlsplit(self.path)
        body = self._read_body()
        started = time.monotonic()
        exchange = Exchange(
            method=self.command,
            path=parts.path,
            query=parts.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            arrived=self.server.service.settings.clock(),
            body_bytes=len(body),
        )
        self.server.enter(exchange)
        try:
            outcome = self.server.service.answer(exchange, body, self.server.host)
            del body
            self._send(exchange, outcome, started)
        finally:
            self.server.leave(exchange)

    # The base class looks methods up by these names.
    do_DELETE = do_GET = do_HEAD = do_PATCH = do_POST = do_PUT = answer  # noqa: N815  # the base class's own spelling

    def _send(self, exchange: Exchange, outcome: Outcome, started: float) -> None:
        if outcome.worked:
            # Making the vectors is part of the latency, not on top of it.
            self.pause(self.server.latency(exchange) - (time.monotonic() - started))
        head, body = outcome.reply.head(), outcome.reply.body
        # On the bill before the first byte leaves: a client that has its answer must find it there.
        self.server.service.bill.add(outcome.charges)
        try:
            if outcome.fault is not None and outcome.fault.deliver is not None:
                outcome.fault.deliver(self, head, body)
            elif self.wait_until_gone(0):
                raise ConnectionAbortedError("The client did not wait.")
            else:
                self.send(head + body)
        except OSError:
            for charge in outcome.charges:
                charge.delivered = False
            self._dropped = True
        if self._dropped:
            self.close_connection = True

    def _read_body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        whole = self.server.service.settings.body_limits.whole
        if length <= whole:
            return self.rfile.read(length)
        # Too large to keep. It is read all the same: a client that is still sending would not see the refusal.
        body = self.rfile.read(whole + 1)
        rest = length - len(body)
        while rest > 0:
            piece = self.rfile.read(min(rest, MEBIBYTE))
            if not piece:
                break
            rest -= len(piece)
        return body

    def send(self, data: bytes) -> None:
        """Write bytes; raises OSError if the client has gone."""
        self.connection.sendall(data)

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than the server lives."""
        if seconds > 0:
            self.server.stopping.wait(seconds)

    def wait_until_gone(self, seconds: float) -> bool:
        """Wait until the client hangs up or the server stops, at most ``seconds``; return whether that happened."""
        before = self.connection.gettimeout()
        self.connection.settimeout(seconds)
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except (TimeoutError, BlockingIOError):
            return False
        finally:
            self.connection.settimeout(before)

    def close(self) -> None:
        """End the connection in the ordinary way once the misbehaviour returns."""
        self._dropped = True

    def reset(self) -> None:
        """End the connection with a reset once the misbehaviour returns."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._dropped = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class named it
        """Say nothing: requests are recorded, not logged."""
