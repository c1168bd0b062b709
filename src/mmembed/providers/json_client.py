"""JSON over HTTP for servers that are not asked through the SDK: one address, one key, tried again where that helps.

No redirect is followed, no file of passwords is read, no message holds the key, and no answer is read without end.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import orjson
import requests
from requests.adapters import HTTPAdapter

from mmembed.errors import ContentError, ModelError, ServiceError, Verdict

T = TypeVar("T")

_ATTEMPTS = 6

_ATTEMPTS_AT_AN_ERROR = 2  # a server that says 500 is up, and stumbles over something, most likely the content

_LONGEST_PAUSE_SECONDS = 60.0

_SMALL = 1 << 20  # bytes of an answer that are always read

_PASSING = frozenset({408, 409, 425, 500, 502, 503, 504})

_JOB = frozenset({301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 407})

_ADVICE: Mapping[int, str] = {
    401: " Check the key: api_key=, or the variable that holds it.",
    403: " Check that the key may use the model.",
}


class JsonClient:
    """Connections to one server, shared by the threads of a run.

    Parameters
    ----------
    address : str
        Where requests are posted.
    key : str or None
        Sent as a bearer token.
    headers : mapping of str to str
        Sent with each request, besides.
    timeout_seconds : float
        Longest time of one attempt.
    connections : int
        How many requests may be on the wire.
    pause : callable
        Waits so many seconds, or until the event is set.
    not_found : str
        What to check where there is nothing at the address.
    verdict_of : callable
        Returns whom a refusal concerns by its code, or None where its status decides.
    """

    def __init__(
        self,
        address: str,
        key: str | None,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        timeout_seconds: float = 120.0,
        connections: int = 1,
        pause: Callable[[threading.Event, float], object] = threading.Event.wait,
        not_found: str = "",
        verdict_of: Callable[[str, str], Verdict | None] = lambda _code, _message: None,
    ) -> None:
        self.address = address
        self._key, self._headers, self._seconds, self._pause = key, headers, timeout_seconds, pause
        self._not_found, self._verdict_of = not_found, verdict_of
        self._stopped = threading.Event()
        self._session = requests.Session()
        self._session.auth = _no_netrc
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=max(1, connections))
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)

    def close(self) -> None:
        """Close all connections."""
        self.stop()
        for manager in (self._adapter.poolmanager, *self._adapter.proxy_manager.values()):
            for server in manager.pools.keys():  # noqa: SIM118  it cannot be iterated
                # Clearing alone leaves connections open for as long as an error's traceback holds the pool.
                if (pool := manager.pools.get(server)) is not None:
                    pool.close()
        self._session.close()

    def stop(self) -> None:
        """Wake whoever waits for another attempt, and begin none."""
        self._stopped.set()

    def ask(self, body: Mapping[str, Any], read: Callable[[Any], T], *, most_bytes: int, wanted: str) -> T:
        """Post a JSON object, and return what is read from the answer.

        Parameters
        ----------
        body : mapping
            What is posted.
        read : callable
            Reads the answer; raises KeyError, TypeError, ValueError or IndexError where it is something else.
        most_bytes : int
            The longest right answer.
        wanted : str
            What the answer should hold, for messages.

        Raises
        ------
        ContentError
            If the server refuses what was posted.
        ServiceError
            If nothing else can succeed either: key, address, a server that stays away.
        ModelError
            If the answer is something else.
        """
        posted = orjson.dumps(body)
        attempt = 0
        while True:
            attempt += 1
            if self._stopped.is_set():
                raise CancelledError
            answer = self._try(posted, most_bytes)
            if not isinstance(answer, ServiceError):
                return self._read(answer, read, wanted)
            most = _ATTEMPTS_AT_AN_ERROR if answer.status == 500 else _ATTEMPTS
            if answer.verdict not in ("passing", "throttled") or attempt >= most:
                raise self._final(answer)
            asked_for = answer.retry_after_seconds
            seconds = random.uniform(0.5, 1.0) * 2 ** (attempt - 1) if asked_for is None else asked_for  # noqa: S311
            self._pause(self._stopped, min(seconds, _LONGEST_PAUSE_SECONDS))

    def _read(self, body: bytes, read: Callable[[Any], T], wanted: str) -> T:
        try:
            return read(orjson.loads(body))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            said = self._plain(str(error))[:200]
            raise ModelError(f"{self.address} answered with something that is no {wanted}: {said}.") from None

    def _final(self, failure: ServiceError) -> Exception:
        """Return what is raised in the end: a content may be to blame, or nothing else can succeed either."""
        if failure.verdict in ("content", "size") or failure.status == 500:
            return ContentError(failure.code, str(failure), request_id=failure.request_id)
        failure.ends_job = True
        return failure

    def _try(self, body: bytes, most_bytes: int) -> bytes | ServiceError:
        headers = {**self._headers, "Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        seconds = self._seconds
        try:
            with self._session.post(
                self.address,
                data=body,
                headers=headers,
                timeout=(min(10.0, seconds), seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                is_ok = response.status_code == requests.codes.ok
                most = _SMALL + most_bytes if is_ok else _SMALL
                read = _body_of(response, most, time.monotonic() + seconds)
                return read if is_ok else self._refusal(response, read)
        except requests.RequestException as error:
            return ServiceError(
                self._plain(f"No answer came from {self.address}: {type(error).__name__}: {error}."),
                code="Timeout" if isinstance(error, requests.Timeout) else "ConnectionFailed",
                verdict="passing",
            )

    def _refusal(self, response: requests.Response, body: bytes) -> ServiceError:
        status = response.status_code
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            answer = None
        held = answer.get("error", answer) if isinstance(answer, Mapping) else None
        said = held if not isinstance(held, Mapping) else held.get("message", held.get("detail", ""))
        text = str(said) if said else body[:300].decode("utf-8", "replace")
        code = held.get("code") or held.get("type") if isinstance(held, Mapping) else None
        named = str(code or f"HTTP{status}")
        advice = self._not_found if status == 404 else _ADVICE.get(status, "")
        what = f"{code} (HTTP {status})" if code else f"HTTP {status}"
        return ServiceError(
            self._plain(f"{self.address} answered {what}: {' '.join(text.split())[:300]}.{advice}"),
            code=self._plain(named)[:60],
            verdict=self._verdict_of(named, text) or _verdict(status),
            status=status,
            request_id=self._plain(response.headers.get("x-request-id", ""))[:80] or None,
            retry_after_seconds=_seconds(response.headers.get("retry-after")),
        )

    def _plain(self, text: str) -> str:
        """Return a text without the key, whoever put it there."""
        return text.replace(self._key, "…") if self._key else text


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _body_of(response: requests.Response, most: int, until: float) -> bytes:
    kept, length = [], 0
    for piece in response.iter_content(1 << 16):
        kept.append(piece)
        length += len(piece)
        if length > most:
            raise requests.exceptions.ContentDecodingError(f"the answer is longer than {most:,} bytes")
        if time.monotonic() > until:
            raise requests.ReadTimeout("the answer did not end in time")
    return b"".join(kept)


def _verdict(status: int) -> Verdict:
    if status == 429:
        return "throttled"
    if status in _PASSING or status > 504:
        return "passing"
    if status in _JOB or status < 400:
        return "job"
    return "size" if status == 413 else "content"


def _seconds(header: str | None) -> float | None:
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return min(max(0.0, seconds), _LONGEST_PAUSE_SECONDS) if np.isfinite(seconds) else None
