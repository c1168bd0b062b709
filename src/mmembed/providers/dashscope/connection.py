"""One request to DashScope's embedding models through the official SDK, which ``sdk.py`` imports.

One call here is one HTTP request, with a total deadline, and either checked vectors or a :class:`RequestFailure`. It
must not retry, wait, split or look at files: texts that name files stay texts, and the SDK uploads nothing. With a
release of the SDK where that cannot be made sure, no connection opens; see ``sdk.close_upload``. ``exchange`` is for
what the SDK is not asked for: leave to upload, and the upload, where the user has asked for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mmembed._forks import ForkAware
from mmembed.providers.dashscope.answer import (
    Reply,
    RequestFailure,
    kinds_asked_for,
    read_refusal,
    read_request_id,
    read_usage,
    read_vectors,
)
from mmembed.providers.dashscope.breakdowns import breakdown
from mmembed.providers.dashscope.http import Attempt, attempt_of
from mmembed.providers.dashscope.sdk import embedding_call, text_embedding_call

if TYPE_CHECKING:
    from mmembed.providers.dashscope.http import WatchedSession

_CONNECT_SECONDS = 10.0
_RESOLVING: Mapping[str, str] = {"X-DashScope-OssResourceResolve": "enable"}
_REQUEST_ID_HEADERS = ("x-request-id", "x-dashscope-request-id")
# A number of a vector has some 20 characters; with blanks and line ends, fewer than this.
_MOST_BYTES_A_NUMBER = 64
_MOST_BYTES_BESIDE = 1 << 20
_GRACE_SECONDS = 3.0  # after Ctrl-C: an interpreter that ends waits for its threads, and so for the wire


@dataclass(frozen=True, kw_only=True)
class ConnectionSettings:
    """One model at one address with one key, ready to open connections.

    Parameters
    ----------
    model : str
        The service's name of the model.
    dimension : int
        Length of the vectors that must come back.
    base_address : str
        Root of the API, e.g. ``https://dashscope.aliyuncs.com/api/v1``.
    api_key : str
        Shown nowhere; for its sake the provider cannot be pickled.
    parameters : mapping
        Parameters of each request: dimension, instruct, fps, …
    connections : int
        How many threads will call at once.
    timeout_seconds : float
        Total time of one request, from connecting to the last byte.
    workspace : str or None
        Goes into the header ``X-DashScope-WorkSpace``.
    is_text_model : bool
        Whether the model is asked at the address for text models, where texts stand alone.

    Raises
    ------
    ValueError
        If key, address, workspace or timeout cannot be used; the message shows no part of the key.
    """

    model: str
    dimension: int
    base_address: str
    api_key: str = field(repr=False)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    connections: int = 8
    timeout_seconds: float = 120.0
    workspace: str | None = None
    is_text_model: bool = False

    def __post_init__(self) -> None:
        # A header that cannot hold the key would be refused deep inside with a message that shows it.
        if not _fits_a_header(self.api_key):
            raise ValueError(
                f"The API key ({len(self.api_key)} characters) is empty, or holds a space, a line end or a letter "
                "outside ASCII. Copy it again, without quotes and line ends."
            )
        if not self.base_address.startswith(("http://", "https://")):
            raise ValueError(
                f"The address {self.base_address!r} does not begin with https://. "
                "Correct or remove DASHSCOPE_HTTP_BASE_URL, or what dashscope.base_http_api_url was set to."
            )
        workspace_headers(self.workspace)
        if not 0 < self.timeout_seconds < 1e6:
            raise ValueError(f"timeout_seconds is {self.timeout_seconds!r}; expected seconds above 0, e.g. 120.")

    def __reduce_ex__(self, protocol: Any) -> str:
        raise TypeError("A DashScopeProvider holds an API key, and is neither pickled nor copied; pickle an Embedder.")

    def open(self) -> DashScopeConnection:
        """Return connections for the threads of one run; close them at the end.

        Raises
        ------
        MMEmbedError
            If the installed SDK could upload files; see ``sdk.close_upload``.
        """
        embedding_call()  # half a second of imports, now and not when the first requests have leave to go
        return DashScopeConnection(self)


class DashScopeConnection(ForkAware):
    """The open provider: one pool of connections for this process and this key."""

    def __init__(self, provider: ConnectionSettings) -> None:
        self.provider = provider
        self._session: WatchedSession | None = None
        self._under_way: set[Attempt] = set()
        super().__init__()

    def __repr__(self) -> str:
        return f"<DashScopeConnection to {self.provider.model} at {self.provider.base_address}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the pool; requests that are still on the wire get a moment more, since their answers are paid for."""
        for attempt in list(self._under_way):
            attempt.end_in(_GRACE_SECONDS)
        if self._session is not None:
            self._session.close()
        self._session = None

    def after_fork_in_child(self) -> None:
        """Forget the parent's sockets, without a word to the other end."""
        super().after_fork_in_child()
        self._session, self._under_way = None, set()

    def request(
        self,
        contents: Sequence[Mapping[str, Any]],
        *,
        expected: int,
        parameters: Mapping[str, Any] | None = None,
        on_done: Callable[[], None] | None = None,
    ) -> Reply:
        """Send one request and return its checked vectors.

        Parameters
        ----------
        contents : sequence of mapping
            As in ``input.contents``; they are copied, so that nobody's objects are changed.
        expected : int
            How many vectors must come back.
        parameters : mapping, optional
            Parameters of this request alone.
        on_done : callable, optional
            Is called when the wire is done with, before the answer is parsed: another request may leave then.

        Raises
        ------
        RequestFailure
            Whatever went wrong; says nothing about whether to try again.
        """
        provider = self.provider
        session = self._own_session()
        # Before the clock starts, since the first import takes most of a second.
        sdk = text_embedding_call() if provider.is_text_model else embedding_call()
        inputs = [content["text"] if provider.is_text_model else _copy_content(content) for content in contents]
        most_bytes = _MOST_BYTES_BESIDE + expected * provider.dimension * _MOST_BYTES_A_NUMBER
        with attempt_of(provider.timeout_seconds, most_bytes=most_bytes) as attempt:
            attempt.on_done = on_done
            self._under_way.add(attempt)
            try:
                response = sdk.call(
                    model=provider.model,
                    input=inputs,
                    api_key=provider.api_key,
                    base_address=provider.base_address,
                    session=session,
                    workspace=provider.workspace,
                    headers=dict(_RESOLVING) if any(map(_has_stored_media, contents)) else {},
                    request_timeout=(min(_CONNECT_SECONDS, provider.timeout_seconds), provider.timeout_seconds),
                    **provider.parameters,
                    **(parameters or {}),
                )
            except Exception as error:
                if attempt.response is None:
                    raise  # nothing came back yet, so it is our own mistake
                # Whatever it is, the SDK stumbled over what the service sent.
                raise self._refused(attempt) from error
            finally:
                self._under_way.discard(attempt)
        are_fused = bool((parameters or {}).get("enable_fusion"))
        return self._reply(attempt, response, contents, kinds_asked_for(contents, are_fused=are_fused), expected)

    def exchange(
        self, method: str, url: str, *, with_key: bool, seconds: float, secrets: Sequence[str] = (), **sent: Any
    ) -> Any:
        """Send one request that is none for vectors, and return the answer, which has status 200.

        Parameters
        ----------
        with_key : bool
            Whether the key goes along: to the service alone, never to another host.
        seconds : float
            Total time.
        secrets : sequence of str
            What no message may show, besides the key.
        sent : object
            ``params``, ``data`` and ``files`` as ``requests`` takes them.

        Raises
        ------
        RequestFailure
            If nothing came, or another status.
        """
        provider, session = self.provider, self._own_session()
        headers = {"Accept": "application/json"}
        if with_key:
            headers["Authorization"] = f"Bearer {provider.api_key}"
            headers |= workspace_headers(provider.workspace)
        hidden = (provider.api_key, *secrets)
        with attempt_of(seconds, most_bytes=_MOST_BYTES_BESIDE) as attempt:
            self._under_way.add(attempt)
            try:
                times = min(_CONNECT_SECONDS, seconds), seconds
                session.exchange(method, url, headers=headers, timeout=times, **sent)
            finally:
                self._under_way.discard(attempt)
        if attempt.error is not None:
            raise self._broken(attempt, address=url, seconds=seconds, secrets=hidden)
        if attempt.response.status_code != 200:
            raise self._refused(attempt, hidden)
        return attempt.response

    def _reply(
        self,
        attempt: Attempt,
        response: Any,
        contents: Sequence[Mapping[str, Any]],
        kinds: Sequence[str],
        expected: int,
    ) -> Reply:
        provider = self.provider
        if attempt.error is not None:
            raise self._broken(attempt)
        if attempt.response.status_code != 200 or response.output is None:
            raise self._refused(attempt)
        try:
            matrix = read_vectors(
                _indexed(response.output) if provider.is_text_model else response.output,
                expected=expected,
                dimension=provider.dimension,
                model=provider.model,
                kinds=kinds if len(kinds) == expected else None,
            )
        except RequestFailure as failure:
            failure.request_id = self._request_id(attempt, response)
            failure.tokens = read_usage(response.usage, contents)
            raise
        text_tokens, media_tokens = read_usage(response.usage, contents)
        return Reply(matrix, text_tokens, media_tokens, self._request_id(attempt, response))

    def _refused(self, attempt: Attempt, secrets: Sequence[str] | None = None) -> RequestFailure:
        answer = attempt.response
        return read_refusal(
            answer.status_code,
            answer.content,
            answer.headers.get("retry-after"),
            secrets=(self.provider.api_key,) if secrets is None else secrets,
            request_id=_first_of(answer.headers, _REQUEST_ID_HEADERS),
            location=answer.headers.get("location"),
        )

    def _broken(
        self,
        attempt: Attempt,
        *,
        address: str | None = None,
        seconds: float | None = None,
        secrets: Sequence[str] | None = None,
    ) -> RequestFailure:
        provider = self.provider
        most = provider.timeout_seconds if seconds is None else seconds
        assert attempt.error is not None  # noqa: S101 - the caller looked
        connecting = attempt.is_connecting and not attempt.expired
        return breakdown(
            attempt.error,
            address=address or provider.base_address,
            is_connecting=attempt.is_connecting,
            is_late=attempt.expired,
            seconds=min(_CONNECT_SECONDS, most) if connecting else most,
            secrets=(provider.api_key,) if secrets is None else secrets,
        )

    def _request_id(self, attempt: Attempt, response: Any) -> str | None:
        secrets = (self.provider.api_key,)
        named = read_request_id(response.request_id, secrets)
        return named or read_request_id(_first_of(attempt.response.headers, _REQUEST_ID_HEADERS), secrets)

    def _own_session(self) -> WatchedSession:
        with self._lock:
            if self._session is None:
                from mmembed.providers.dashscope.http import WatchedSession

                self._session = WatchedSession(self.provider.connections)
            return self._session


def workspace_headers(workspace: str | None) -> dict[str, str]:
    """Return the header that names the workspace of a request; none where there is no workspace.

    Raises
    ------
    ValueError
        If no header can hold the name.
    """
    if workspace is None:
        return {}
    if not _fits_a_header(workspace):
        raise ValueError(f"workspace is {workspace!r}; expected an id as the console shows it.")
    return {"X-DashScope-WorkSpace": workspace}


def _fits_a_header(value: str) -> bool:
    return bool(value) and all(33 <= ord(character) <= 126 for character in value)


def _has_stored_media(content: Mapping[str, Any]) -> bool:
    """Say whether a picture or a clip is in the service's own storage; a text that looks so is a text."""
    values = (one for kind, one in content.items() if kind != "text")
    return any(
        str(one).startswith("oss://") for value in values for one in (value if isinstance(value, list) else [value])
    )


def _first_of(headers: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((headers[name] for name in names if name in headers), None)


def _copy_content(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, list | tuple) else value for key, value in content.items()}


def _indexed(output: Any) -> Any:
    """Return what a text model sent with its indexes under the name that they have elsewhere."""
    rows = output.get("embeddings") if isinstance(output, Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        return output
    return {"embeddings": [{**row, "index": row.get("text_index")} for row in rows]}
