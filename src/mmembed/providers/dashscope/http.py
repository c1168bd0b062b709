"""The HTTP session that the SDK is given: own pool, no netrc, no cookies, no silent second send, watched deadlines.

What happens on the wire is noted in the thread's attempt; the SDK itself sees clean JSON or a plain status. This module
must not know what is asked or answered. A connection is used again only when its answer was understood to the end: what
is left over would be taken for the answer to the next request. A total time limit ends an attempt by shutting its
socket down, since a socket's own timeout begins anew with each byte of a slow answer. Answers are read in large pieces
and parsed by a fast parser, since vectors are long; what it cannot parse goes to the ordinary parser.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import threading
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import orjson
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

NO_ANSWER = 599  # what the SDK is told where there was no HTTP answer at all

_MOST_INTERIM = 1_000  # answers before the answer

_REMEMBERED = 32  # answers of one connection, to know one that comes again

_MOST_BYTES = 1 << 28  # of an answer, where nobody says how long it may be

_MOST_OF_A_REFUSAL = 65_536  # bytes; the rest of an error page says nothing more


class _FinalAnswer(http.client.HTTPResponse):
    """Reads past interim answers (102, 103, …); the base class does so for 100 alone, and takes others for the end."""

    def begin(self) -> None:
        super().begin()
        for _ in range(_MOST_INTERIM):
            if not 100 <= self.status < 200 or self.status == http.client.SWITCHING_PROTOCOLS:
                return
            self.headers = self.msg = None  # type: ignore[assignment]  # as before the first status line
            super().begin()
        raise http.client.HTTPException(f"{_MOST_INTERIM:,} interim answers came, and no answer")


class _Watched:
    """Tells the thread's attempt which connection it runs over."""

    sock: socket.socket | None
    answers: deque[tuple[str, int]]  # what came over it lately: the service's name for each, and a hash

    def connect(self) -> None:
        self._note()
        self.answers = deque(maxlen=_REMEMBERED)
        attempt = current_attempt()
        if attempt is not None:
            attempt.is_connecting = True
        super().connect()  # type: ignore[misc]  # of HTTPConnection
        if attempt is not None:
            attempt.is_connecting = False

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._note()
        super().request(*args, **kwargs)  # type: ignore[misc]  # of HTTPConnection

    def getresponse(self, *args: Any, **kwargs: Any) -> Any:
        attempt = current_attempt()
        if attempt is not None:
            # With "Connection: close" the response takes the socket over and the connection forgets it.
            attempt.socket = self.sock
        return super().getresponse(*args, **kwargs)  # type: ignore[misc]  # of HTTPConnection

    def _note(self) -> None:
        attempt = current_attempt()
        if attempt is not None:
            if attempt.expired:
                raise TimeoutError("The time of the attempt is up.")
            attempt.connection, attempt.socket = self, None


class _WatchedHTTP(_Watched, HTTPConnection):
    """An HTTP connection under a deadline."""

    response_class = _FinalAnswer


class _WatchedHTTPS(_Watched, HTTPSConnection):
    """An HTTPS connection under a deadline."""

    response_class = _FinalAnswer


class _Holding:
    """A pool that takes a connection back when the attempt says so, not already when the body has ended."""

    def _put_conn(self, conn: Any) -> None:
        attempt = current_attempt()
        if conn is None or attempt is None:
            super()._put_conn(conn)  # type: ignore[misc]  # of HTTPConnectionPool
        else:
            attempt.held = self, conn

    def take_back(self, conn: Any, *, is_clean: bool) -> None:
        """Keep a connection for other requests, closed if something may still come over it."""
        if not is_clean:
            conn.close()
        super()._put_conn(conn)  # type: ignore[misc]  # of HTTPConnectionPool


class _HTTPPool(_Holding, HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class _HTTPSPool(_Holding, HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPS


class _Adapter(HTTPAdapter):
    """Pools of watched connections with TCP keep-alive, so that a connection dropped by a gateway is noticed."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, socket_options=_socket_options(), **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        return QuickAnswer.of(super().build_response(req, resp))

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, socket_options=_socket_options(), **kwargs)
        manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
        return manager


def _socket_options() -> list[tuple[int, int, int]]:
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    idle = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))  # Linux, macOS
    if idle is not None:
        options.append((socket.IPPROTO_TCP, idle, 60))
    return options


class WatchedSession(requests.Session):
    """A session for one account, to be used by the threads of one process.

    Parameters
    ----------
    connections : int
        How many threads use it at once.
    """

    def __init__(self, connections: int) -> None:
        super().__init__()
        # A callable that changes nothing keeps netrc out, which would replace the key; proxies stay as the
        # environment has them.
        self.auth = _unchanged
        self._environment: dict[tuple[str, str], Any] = {}
        # What can be unpacked within bounds.
        self.headers["Accept-Encoding"] = "gzip, deflate"
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _Adapter(pool_connections=4, pool_maxsize=connections)
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Read proxies and certificates from the environment once for each server, not for each request."""
        parts = urlsplit(url)
        server = parts.scheme, parts.netloc
        if server not in self._environment:
            self._environment[server] = super().merge_environment_settings(url, proxies, stream, verify, cert)
        return dict(self._environment[server])

    def resolve_redirects(self, *_: Any, **__: Any) -> Generator[requests.Response, None, None]:
        """Follow nothing: where an answer leads is read in ``_send_once``, whatever it is."""
        yield from ()

    def post(self, url: Any, data: Any = None, json: Any = None, **kwargs: Any) -> requests.Response:
        """Send once; never raise for what the wire does, since the SDK would send again and log the traceback."""
        attempt = current_attempt()
        assert attempt is not None  # noqa: S101 - only the provider uses this session, within an attempt
        try:
            attempt.response = self._send_once(url, data=data, json=json, **kwargs)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            attempt.error = error
            return _plain(NO_ANSWER)
        finally:
            attempt.done()
        if attempt.response.status_code != requests.codes.ok:
            return _plain(attempt.response.status_code)
        answer: requests.Response = attempt.response
        return answer if _is_object(answer) else _plain(answer.status_code)

    def exchange(self, method: str, url: str, **kwargs: Any) -> None:
        """Send once beside the SDK, and follow no redirect; the attempt has what came, or why nothing did."""
        attempt = current_attempt()
        assert attempt is not None  # noqa: S101 - as in post
        try:
            attempt.response = self._read(url, method, **kwargs)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            attempt.error = error

    def _send_once(self, url: str, **kwargs: Any) -> requests.Response:
        response = self._read(url, **kwargs)
        if response.status_code in {307, 308}:
            target = _same_server(url, response.headers.get("location", ""))
            if target is not None and target != url:
                return self._read(target, **kwargs)
        return response

    def _read(self, url: str, method: str = "POST", **kwargs: Any) -> requests.Response:
        """Send and read the whole body; a connection whose answer was not understood is closed."""
        attempt = current_attempt()
        assert attempt is not None  # noqa: S101 - as in post
        is_understood = False
        try:
            response = super().request(method, url, **{**kwargs, "allow_redirects": False, "stream": True})
            try:
                if isinstance(response, QuickAnswer):
                    is_ok = response.status_code == requests.codes.ok
                    response.read(attempt.most_bytes if is_ok else _MOST_OF_A_REFUSAL, is_cut=not is_ok)
            except BaseException:
                response.close()
                raise
            is_understood = _is_understood(response, attempt.connection)
        finally:
            attempt.give_back(is_understood=is_understood)
        return response


def _same_server(url: str, location: str) -> str | None:
    """Return the address that a redirect leads to if it is on the same server: the key is for nobody else."""
    try:
        target = urljoin(url, location)
        return target if urlsplit(target)[:2] == urlsplit(url)[:2] else None
    except ValueError:
        return None  # no address at all


def _is_object(answer: requests.Response) -> bool:
    """Say whether a body is a JSON object; the SDK stumbles over anything else, and logs that at length."""
    try:
        return isinstance(answer.json(), dict)
    except (ValueError, RecursionError):
        return False


def _is_understood(response: requests.Response, connection: Any) -> bool:
    """Say whether an answer is a whole one with an output, so that nothing more can follow.

    A refusal is no end: a gateway may report a failure and hand on the answer all the same, when it comes. Refusals are
    few, and another connection costs little beside the pause after them.

    Raises
    ------
    urllib3.exceptions.ProtocolError
        If it is the answer to an earlier request, come a second time.
    """
    is_ok = response.status_code == requests.codes.ok
    body = response.parsed() if is_ok and isinstance(response, QuickAnswer) else None
    if not isinstance(body, dict) or not body.get("output"):
        return False
    name = body.get("request_id")
    answer = (name, hash(response.content)) if isinstance(name, str) and name else None
    if answer is not None:
        if answer in connection.answers:
            raise urllib3.exceptions.ProtocolError("the answer to an earlier request came once more")
        connection.answers.append(answer)
    return True


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _plain(status: int) -> requests.Response:
    """Return an answer that the SDK reads without stumbling; what really came is in the attempt."""
    response = requests.Response()
    response.status_code = status
    response.headers["Content-Type"] = "application/json; charset=utf-8"
    response.raw = io.BytesIO(b"{}")
    return response


_current = threading.local()


class Attempt:
    """One request under way in one thread.

    Attributes
    ----------
    connection : object or None
        The connection it runs over, with the attribute ``sock``.
    held : tuple or None
        The pool and the connection that is to go back to it, once the answer is understood.
    expired : bool
        Whether its time ran out.
    response : object or None
        What came back, whatever its status.
    error : Exception or None
        Why nothing came back.
    on_done : callable or None
        Is called when the wire is done with, before what came is parsed.
    is_connecting : bool
        Whether a connection is being made, TLS included.
    most_bytes : int
        The largest answer that is read, unpacked.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._lock = threading.Lock()  # between its timer and its thread
        self._timers: list[threading.Timer] = []
        self.is_connecting = False
        self.most_bytes = most_bytes
        self.on_done: Callable[[], None] | None = None
        self.connection: Any = None
        self.held: tuple[Any, Any] | None = None
        self.socket: socket.socket | None = None
        self.expired = False
        self.response: Any = None
        self.error: Exception | None = None

    def done(self) -> None:
        """Say that nothing more goes over the wire."""
        if self.on_done is not None:
            self.on_done()

    def give_back(self, *, is_understood: bool) -> None:
        """Let other requests have the connection, unless more may come over it than was understood."""
        with self._lock:  # from here on the time of this attempt is nothing to the connection
            self.connection = self.socket = None
            is_understood = is_understood and not self.expired
        if self.held is not None:
            (pool, connection), self.held = self.held, None
            pool.take_back(connection, is_clean=is_understood)

    def end_in(self, seconds: float) -> None:
        """End it after so many seconds, if nothing ends it before."""
        timer = threading.Timer(seconds, self.end)
        timer.name, timer.daemon = "mmembed-deadline", True
        self._timers.append(timer)
        timer.start()

    def stop_timers(self) -> None:
        """Let nothing end it any more."""
        for timer in self._timers:
            timer.cancel()
            timer.join()

    def end(self) -> None:
        """Wake whoever reads from or writes to the connection."""
        with self._lock:
            self.expired = True
            held = self.socket or getattr(self.connection, "sock", None)
            if held is None:
                return  # still connecting, which has a timeout of its own
            with contextlib.suppress(OSError):
                # Not the method of an SSL socket, which would take the TLS state from under the thread that reads.
                socket.socket.shutdown(held, socket.SHUT_RDWR)


def current_attempt() -> Attempt | None:
    """Return the attempt that this thread has under way."""
    found: Attempt | None = getattr(_current, "attempt", None)
    return found


@contextlib.contextmanager
def attempt_of(seconds: float, *, most_bytes: int = _MOST_BYTES) -> Iterator[Attempt]:
    """Give the block so many seconds and bytes; the connection that it uses is shut down after that."""
    attempt = _current.attempt = Attempt(most_bytes)
    attempt.end_in(seconds)
    try:
        yield attempt
    finally:
        _current.attempt = None
        attempt.stop_timers()


_PIECE_BYTES = 1 << 20  # an answer with twenty vectors is about one of these

_PACKED_PIECE_BYTES = 1 << 16


class AnswerTooLong(requests.exceptions.ContentDecodingError):
    """An answer that is longer than any right one."""


class QuickAnswer(requests.Response):
    """An answer of ``requests`` with the same contents and errors, in a third of the time."""

    @classmethod
    def of(cls, plain: requests.Response) -> QuickAnswer:
        """Return the same answer, not yet read, as one of this class."""
        answer = cls()
        vars(answer).update(vars(plain))
        return answer

    def iter_content(self, chunk_size: Any = 1, decode_unicode: Any = False) -> Iterator[Any]:  # noqa: FBT002  # as the base class has it
        """Give the body in pieces at least as large as an ordinary answer."""
        return super().iter_content(max(chunk_size or 0, _PIECE_BYTES), decode_unicode)

    def read(self, most: int, *, is_cut: bool = False) -> None:
        """Read the body, which is unpacked here so that a small one cannot become a huge one.

        Parameters
        ----------
        most : int
            The most bytes that are kept.
        is_cut : bool
            Whether a longer body is cut there, instead of being refused.

        Raises
        ------
        AnswerTooLong
            If it is longer, and not to be cut.
        requests.exceptions.ContentDecodingError
            If it is packed in a way that was not asked for, or damaged.
        """
        try:
            self._content = self._unpack(most, is_cut=is_cut)
        except requests.exceptions.ContentDecodingError:
            if not is_cut:
                raise
            self._content = b""  # the status says what there is to say
        self._content_consumed = True

    def _unpack(self, most: int, *, is_cut: bool) -> bytes:
        unpack = _unpacking(self.headers.get("content-encoding", ""))
        kept, length = [], 0
        for packed in self.raw.stream(_PACKED_PIECE_BYTES if unpack else _PIECE_BYTES, decode_content=False):
            piece = unpack(packed, most + 1 - length) if unpack else packed
            kept.append(piece)
            length += len(piece)
            if length > most:
                self.close()
                if not is_cut:
                    raise AnswerTooLong(f"the answer is longer than {most:,} bytes")
                break
        return b"".join(kept)[:most]

    def parsed(self) -> Any:
        """Return the body's JSON, or None if the fast parser cannot read it."""
        found = vars(self).get("_parsed")
        if found is None:
            try:
                found = orjson.loads(self.content)
            except orjson.JSONDecodeError:
                return None
            vars(self)["_parsed"] = found  # it is asked for twice: is it whole, and what does it say
        return found

    def json(self, **options: Any) -> Any:
        """Return the body's JSON.

        NaN, other encodings than UTF-8 and whatever is no JSON go to the ordinary parser, which reads the first two
        and raises its own error for the last.
        """
        found = self.parsed()
        return super().json(**options) if found is None else found


def _unpacking(encoding: str) -> Callable[[bytes, int], bytes] | None:
    """Return what unpacks the pieces of a body, each to so many bytes at most; None if it is not packed."""
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return None
    if name not in {"gzip", "x-gzip", "deflate"}:
        raise requests.exceptions.ContentDecodingError(f"the answer is packed as {name[:40]!r}")
    state = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, whichever it is
    is_first = True

    def unpack(piece: bytes, most: int) -> bytes:
        nonlocal state, is_first
        try:
            try:
                return state.decompress(piece, most)
            except zlib.error:
                if not is_first:
                    raise
                state = zlib.decompressobj(-zlib.MAX_WBITS)  # what some servers mean by deflate
                return state.decompress(piece, most)
        except zlib.error as error:
            raise requests.exceptions.ContentDecodingError("the compressed answer is damaged") from error
        finally:
            is_first = False

    return unpack
