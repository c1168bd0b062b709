"""An OpenAI-compatible server that embeds: vLLM, Infinity, TEI, DashScope's compatible mode.

The key goes to that server and nowhere else: no redirect is followed, and no message, pickle or log holds it. An answer
is untrusted: its length, its order and its numbers are checked before anything is kept.
"""

from __future__ import annotations

import base64
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import orjson
import requests
from requests.adapters import HTTPAdapter

from mmembed.arrays import FloatMatrix
from mmembed.contents.pictures import encode
from mmembed.errors import ContentError, MissingCredentialsError, ModelError, ServiceError, Verdict, one_of
from mmembed.providers.callable_session import Calls, Counted

if TYPE_CHECKING:
    from PIL.Image import Image

_ATTEMPTS = 6

_ATTEMPTS_AT_AN_ERROR = 2  # a server that says 500 is up, and stumbles over something, most likely the content

_LONGEST_PAUSE_SECONDS = 60.0

_BYTES_A_NUMBER = 40

_KEY_VARIABLES = (("aliyuncs.com", "DASHSCOPE_API_KEY"), ("openai.com", "OPENAI_API_KEY"))

_PASSING = frozenset({408, 409, 425, 500, 502, 503, 504})

_JOB = frozenset({301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 407})


@dataclass(frozen=True)
class OpenAIServer:
    """Where a server is, what it calls the model, and how it is asked.

    Parameters
    ----------
    base_url, model, api_key, api_key_variable, image, timeout_seconds, extra
        As in :meth:`mmembed.CustomModel.openai`.
    pause : callable
        Waits so many seconds, or until the event is set.
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    api_key_variable: str | None = None
    image: str | None = None
    timeout_seconds: float = 120.0
    extra: Mapping[str, Any] = field(default_factory=dict)
    pause: Callable[[threading.Event, float], object] = field(default=threading.Event.wait, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"base_url={self.base_url!r} is no address of a server. Give one such as 'http://localhost:8000/v1'."
            )
        if parts.username or parts.password:
            raise ValueError("base_url holds a name or a password, which would be shown. Give the key as api_key=.")
        if self.image is not None:
            one_of("image", self.image, ("vllm", "infinity"))
        if bad := sorted({"model", "input", "messages", "encoding_format"} & set(self.extra)):
            raise ValueError(f"extra holds {bad[0]!r}, which has a place of its own. Leave it out.")

    def __getstate__(self) -> dict[str, Any]:
        # A pickle lies in files, and goes to other machines and into their logs: no place for a key.
        return {**vars(self), "api_key": None}

    @property
    def address(self) -> str:
        """Where embeddings are asked for."""
        return f"{self.base_url.rstrip('/')}/embeddings"

    def key(self) -> str | None:
        """Return the key for this server, or None where it needs none.

        Raises
        ------
        MissingCredentialsError
            If a variable is to hold it and does not.
        """
        if self.api_key:
            return self.api_key
        host = (urlsplit(self.base_url).hostname or "").rstrip(".")
        known = [variable for owner, variable in _KEY_VARIABLES if host == owner or host.endswith(f".{owner}")]
        variable = self.api_key_variable or next(iter(known), None)
        if variable is None:
            return None
        if not (key := os.environ.get(variable, "")):
            raise MissingCredentialsError(
                f"Model {self.model!r} at {host} needs an API key and there is none. Set the environment variable "
                f"{variable}, or give api_key=, which is left out when the model is pickled."
            )
        return key

    def texts(self, texts: list[str]) -> Any:
        """Embed texts over a connection that is opened for this call."""
        with self._connected() as connection:
            return connection.texts(texts)

    def pictures(self, pictures: list[Image]) -> Any:
        """Embed pictures over a connection that is opened for this call."""
        with self._connected() as connection:
            return connection.pictures(pictures)

    def with_prefix(self, prefix: str) -> PrefixedTexts:
        """Return what embeds texts behind a prefix."""
        return PrefixedTexts(self, prefix)

    def ask_dimension(self) -> int:
        """Return the length of the vectors, by the vector of one short text."""
        with self._connected() as connection:
            return int(np.asarray(connection.texts(["mmembed"]).matrix).shape[1])

    @contextmanager
    def opened(self, calls: Calls, workers: int) -> Iterator[Calls]:
        """Give the calls of a run over connections that it shares."""
        with self._connected(workers) as connection:
            text = calls.text
            if isinstance(text, PrefixedTexts):
                prefix = text.prefix
                asked: Any = lambda texts: connection.texts([prefix + one for one in texts])  # noqa: E731
            else:
                asked = connection.texts
            image = None if calls.image is None else connection.pictures
            yield replace(calls, text=asked, image=image, stop=connection.stop)

    @contextmanager
    def _connected(self, workers: int = 1) -> Iterator[_Connection]:
        connection = _Connection(self, self.key(), workers)
        try:
            yield connection
        finally:
            connection.close()


@dataclass(frozen=True)
class PrefixedTexts:
    """Embeds texts that are searched with, behind what the model wants before them."""

    server: OpenAIServer
    prefix: str

    def __call__(self, texts: list[str]) -> Any:
        """Embed texts."""
        return self.server.texts([self.prefix + text for text in texts])


class _Connection:
    """Connections of one run; several threads ask at once."""

    def __init__(self, server: OpenAIServer, key: str | None, workers: int) -> None:
        self._server, self._key = server, key
        self._stopped = threading.Event()
        self._session = requests.Session()
        self._session.trust_env = True
        self._session.auth = _no_netrc
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=max(1, workers))
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)

    def close(self) -> None:
        self.stop()
        for manager in (self._adapter.poolmanager, *self._adapter.proxy_manager.values()):
            for server in manager.pools.keys():  # noqa: SIM118  it cannot be iterated
                # Clearing alone leaves connections open for as long as an error's traceback holds the pool.
                if (pool := manager.pools.get(server)) is not None:
                    pool.close()
        self._session.close()

    def stop(self) -> None:
        self._stopped.set()

    def texts(self, texts: Sequence[str]) -> Counted:
        return self._ask({"input": list(texts)}, len(texts))

    def pictures(self, pictures: Sequence[Image]) -> Counted:
        addresses = [_data_address(picture) for picture in pictures]
        if self._server.image == "infinity":
            return self._ask({"input": addresses, "modality": "image"}, len(addresses))
        answers = [self._ask({"messages": _messages(address)}, 1) for address in addresses]
        return Counted(np.concatenate([one.matrix for one in answers]), sum(one.tokens for one in answers))

    def _ask(self, asked: Mapping[str, Any], count: int) -> Counted:
        """Return what the server says, tried again where that can help."""
        body = orjson.dumps({**self._server.extra, "model": self._server.model, **asked, "encoding_format": "float"})
        attempt = 0
        while True:
            attempt += 1
            if self._stopped.is_set():
                raise CancelledError
            failure = self._try(body, count)
            if isinstance(failure, Counted):
                return failure
            most = _ATTEMPTS_AT_AN_ERROR if failure.status == 500 else _ATTEMPTS
            if failure.verdict not in ("passing", "throttled") or attempt >= most:
                raise self._final(failure)
            asked_for = failure.retry_after_seconds
            seconds = random.uniform(0.5, 1.0) * 2 ** (attempt - 1) if asked_for is None else asked_for  # noqa: S311
            self._server.pause(self._stopped, min(seconds, _LONGEST_PAUSE_SECONDS))

    def _final(self, failure: ServiceError) -> Exception:
        """Return what is raised in the end: a content may be to blame, or nothing else can succeed either."""
        if failure.verdict in ("content", "size") or failure.status == 500:
            return ContentError(failure.code, str(failure), request_id=failure.request_id)
        failure.ends_job = True
        return failure

    def _try(self, body: bytes, count: int) -> Counted | ServiceError:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        seconds = self._server.timeout_seconds
        try:
            with self._session.post(
                self._server.address,
                data=body,
                headers=headers,
                timeout=(min(10.0, seconds), seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                most = 1 << 20
                if response.status_code == requests.codes.ok:
                    most += count * (1 << 16) * _BYTES_A_NUMBER
                return self._read(response, _body_of(response, most, time.monotonic() + seconds), count)
        except requests.RequestException as error:
            return ServiceError(
                self._plain(f"No answer came from {self._server.address}: {type(error).__name__}: {error}."),
                code="Timeout" if isinstance(error, requests.Timeout) else "ConnectionFailed",
                verdict="passing",
            )

    def _read(self, response: requests.Response, body: bytes, count: int) -> Counted | ServiceError:
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            answer = None
        if response.status_code != requests.codes.ok:
            return self._refusal(response, answer, body)
        try:
            return _vectors_of(answer, count)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ModelError(
                f"{self._server.address} answered for model {self._server.model!r} with something that is no "
                f"{count} vectors: {self._plain(str(error))[:200]}. Check base_url= and model=."
            ) from None

    def _refusal(self, response: requests.Response, answer: Any, body: bytes) -> ServiceError:
        status = response.status_code
        held = answer.get("error", answer) if isinstance(answer, Mapping) else None
        said = held if not isinstance(held, Mapping) else held.get("message", held.get("detail", ""))
        text = str(said) if said else body[:300].decode("utf-8", "replace")
        code = held.get("code") or held.get("type") if isinstance(held, Mapping) else None
        advice = {
            401: " Check the key: api_key=, or the variable that holds it.",
            403: " Check that the key may use the model.",
            404: " Check base_url= (it usually ends in /v1) and model=.",
        }.get(status, "")
        return ServiceError(
            self._plain(f"{self._server.address} answered HTTP {status}: {' '.join(text.split())[:300]}.{advice}"),
            code=self._plain(str(code or f"HTTP{status}"))[:60],
            verdict=_verdict(status),
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


def _vectors_of(answer: Any, count: int) -> Counted:
    """Return the vectors of an answer in the order of what was asked, and the tokens that it counted."""
    found = answer["data"]
    if len(found) != count:
        raise ValueError(f"it holds {len(found)} vectors for {count} contents")
    rows: list[Any] = [None] * count
    for place, one in enumerate(found):
        index = one.get("index", place)
        if not isinstance(index, int) or not 0 <= index < count or rows[index] is not None:
            raise ValueError(f"its index {index!r} is none of 0 to {count - 1}, or comes twice")
        held = one["embedding"]
        rows[index] = np.frombuffer(base64.b64decode(held), "<f4") if isinstance(held, str) else held
    lengths = {len(row) for row in rows}
    if len(lengths) != 1:
        raise ValueError(f"its vectors have the lengths {sorted(lengths)[:5]}")
    matrix: FloatMatrix = np.asarray([[np.nan if one is None else one for one in row] for row in rows], np.float32)
    usage = answer.get("usage")
    tokens = usage.get("total_tokens", usage.get("prompt_tokens", 0)) if isinstance(usage, Mapping) else 0
    return Counted(matrix, tokens if isinstance(tokens, int) and tokens > 0 else 0)


def _data_address(picture: Image) -> str:
    return f"data:image/png;base64,{base64.b64encode(encode(picture, 'PNG', compress_level=1)).decode()}"


def _messages(address: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": address}}]}]
