"""The HTTP session that is lent to the SDK: own pool, no netrc, no cookies, no silent second send, watched deadlines.

Whatever happens on the wire is noted in the thread's attempt; the SDK itself sees clean JSON or a plain status.
This module must not know what is asked or answered.
"""

from __future__ import annotations

import io
import socket
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from mmembed.providers.deadline import current_attempt
from mmembed.providers.http_answer import QuickAnswer

NO_ANSWER = 599  # what the SDK is told where there was no HTTP answer at all


class _Watched:
    """Tells the thread's attempt which connection it runs over."""

    sock: socket.socket | None

    def connect(self) -> None:
        self._note()
        super().connect()  # type: ignore[misc]  # of HTTPConnection

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


class _WatchedHTTPS(_Watched, HTTPSConnection):
    """An HTTPS connection under a deadline."""


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class _HTTPSPool(HTTPSConnectionPool):
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


class LentSession(requests.Session):
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
        return answer

    def _send_once(self, url: str, **kwargs: Any) -> requests.Response:
        response = self._read(url, **kwargs)
        if response.status_code in {307, 308}:
            target = urljoin(url, response.headers.get("location", ""))
            # Only to the same server: contents and key are for nobody else.
            if urlsplit(target)[:2] == urlsplit(url)[:2] and target != url:
                return self._read(target, **kwargs)
        return response

    def _read(self, url: str, **kwargs: Any) -> requests.Response:
        """Post and read the whole body; a connection whose body broke off is closed, not left to the collector."""
        response = super().post(url, **{**kwargs, "allow_redirects": False, "stream": True})
        try:
            response.content  # noqa: B018 - reads it
        except BaseException:
            response.close()
            raise
        return response


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _plain(status: int) -> requests.Response:
    """Return an answer that the SDK reads without stumbling; what really came is in the attempt."""
    response = requests.Response()
    response.status_code = status
    response.headers["Content-Type"] = "application/json; charset=utf-8"
    response.raw = io.BytesIO(b"{}")
    return response
