"""One request to DashScope multimodal embedding through the official SDK; the only module that imports ``dashscope``.

One call here is one HTTP request, with a total deadline, and either checked vectors or a :class:`RequestFailure`. It
must not retry, wait, split or look at files: texts that name files stay texts, and nothing is ever uploaded. With a
release of the SDK where that cannot be made sure, no connection opens; see ``close_upload``.
"""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mmembed.errors import MMEmbedError
from mmembed.providers.dashscope.answer import (
    CONNECTION_FAILED,
    TIMED_OUT,
    UNREADABLE,
    Reply,
    RequestFailure,
    read_refusal,
    read_usage,
    read_vectors,
    shortened,
)
from mmembed.providers.dashscope.http import Attempt, Watchdog

if TYPE_CHECKING:
    from mmembed.providers.dashscope.http import LentSession

_CONNECT_SECONDS = 10.0
GOOD_SDK_VERSIONS = "1.25.19, 1.26.7, 1.27.4 and 2.0.2"  # read, or run by the tests
_UPLOAD_HOOK = "_preprocess_message_inputs"
_UPLOAD_PARAMETERS = ("model", "input_data", "api_key")
_GRACE_SECONDS = 3.0  # after Ctrl-C: an interpreter that ends waits for its threads, and so for the wire


@dataclass(frozen=True, kw_only=True)
class DashScopeProvider:
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

    Raises
    ------
    ValueError
        If key, address or timeout cannot be used; the message shows no part of the key.
    """

    model: str
    dimension: int
    base_address: str
    api_key: str = field(repr=False)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    connections: int = 8
    timeout_seconds: float = 120.0

    def __post_init__(self) -> None:
        # A header that cannot hold the key would be refused deep inside with a message that shows it.
        if not self.api_key or not all(33 <= ord(character) <= 126 for character in self.api_key):
            raise ValueError(
                f"The API key ({len(self.api_key)} characters) is empty, or holds a space, a line end or a letter "
                "outside ASCII. Copy it again, without quotes and line ends."
            )
        if not self.base_address.startswith(("http://", "https://")):
            raise ValueError(
                f"The address {self.base_address!r} does not begin with https://. "
                "Correct or remove DASHSCOPE_HTTP_BASE_URL."
            )
        if not 0 < self.timeout_seconds < 1e6:
            raise ValueError(f"timeout_seconds is {self.timeout_seconds!r}; expected seconds above 0, e.g. 120.")

    def __reduce_ex__(self, protocol: Any) -> str:
        raise TypeError("A DashScopeProvider holds an API key, and is neither pickled nor copied; pickle an Embedder.")

    def open(self) -> DashScopeConnection:
        """Return connections for the threads of one run; close them at the end.

        Raises
        ------
        MMEmbedError
            If the installed SDK could upload files; see ``close_upload``.
        """
        _without_upload()  # half a second of imports, now and not when the first requests have leave to go
        return DashScopeConnection(self)


class DashScopeConnection:
    """The open provider: one pool of connections for this process and this key."""

    def __init__(self, provider: DashScopeProvider) -> None:
        self.provider = provider
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._session: LentSession | None = None
        self._watchdog = Watchdog()

    def __repr__(self) -> str:
        return f"<DashScopeConnection to {self.provider.model} at {self.provider.base_address}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the pool and end the thread of deadlines; requests that are still on the wire get a moment more."""
        if self._process == os.getpid():
            self._watchdog.close(grace_seconds=_GRACE_SECONDS)
            if self._session is not None:
                self._session.close()
        self._session = None

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
        session = self._lent_session()
        sdk = _without_upload()  # before the clock starts, since the first import takes most of a second
        with self._watchdog.attempt(provider.timeout_seconds) as attempt:
            attempt.on_done = on_done
            try:
                response = sdk.call(
                    model=provider.model,
                    input=[_copied(content) for content in contents],
                    api_key=provider.api_key,
                    base_address=provider.base_address,
                    session=session,
                    request_timeout=(min(_CONNECT_SECONDS, provider.timeout_seconds), provider.timeout_seconds),
                    **provider.parameters,
                    **(parameters or {}),
                )
            except (ValueError, TypeError, AttributeError, KeyError) as error:
                if attempt.response is None:
                    raise  # nothing came back yet, so it is our own mistake
                raise self._refused(attempt) from error
        return self._reply(attempt, response, contents, expected)

    def _reply(self, attempt: Attempt, response: Any, contents: Sequence[Mapping[str, Any]], expected: int) -> Reply:
        provider = self.provider
        if attempt.error is not None:
            raise self._broken(attempt)
        if attempt.response.status_code != 200 or response.output is None:
            raise self._refused(attempt)
        try:
            matrix = read_vectors(
                response.output, expected=expected, dimension=provider.dimension, model=provider.model
            )
        except RequestFailure as failure:
            failure.request_id = response.request_id or None
            failure.tokens = read_usage(response.usage, contents)
            raise
        text_tokens, media_tokens = read_usage(response.usage, contents)
        return Reply(matrix, text_tokens, media_tokens, response.request_id or None)

    def _refused(self, attempt: Attempt) -> RequestFailure:
        answer = attempt.response
        failure = read_refusal(answer.status_code, answer.content, answer.headers.get("retry-after"))
        failure.message = self._scrubbed(failure.message)
        failure.args = (f"{failure.code}: {failure.message}",)
        return failure

    def _broken(self, attempt: Attempt) -> RequestFailure:
        import requests

        seconds = self.provider.timeout_seconds
        if attempt.expired or isinstance(attempt.error, requests.Timeout):
            what = "connect" if isinstance(attempt.error, requests.ConnectTimeout) else "answer in full"
            return RequestFailure(TIMED_OUT, f"the service did not {what} within {seconds:g} s", cause=attempt.error)
        if isinstance(attempt.error, requests.exceptions.ContentDecodingError):
            return RequestFailure(UNREADABLE, "the compressed answer is damaged", status=200, cause=attempt.error)
        reason = shortened(self._scrubbed(str(attempt.error)))
        return RequestFailure(CONNECTION_FAILED, f"{type(attempt.error).__name__}: {reason}", cause=attempt.error)

    def _scrubbed(self, message: str) -> str:
        return message.replace(self.provider.api_key, "[API key]")

    def _lent_session(self) -> LentSession:
        if self._process != os.getpid():
            # After a fork: the parent's sockets and locks are not ours; forget them without touching them.
            self._process = os.getpid()
            self._lock = threading.Lock()
            self._session = None
            self._watchdog = Watchdog()
        with self._lock:
            if self._session is None:
                from mmembed.providers.dashscope.http import LentSession

                self._session = LentSession(self.provider.connections)
            return self._session


def _copied(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, list | tuple) else value for key, value in content.items()}


@functools.cache
def _without_upload() -> Any:
    """Return the SDK's class with its upload step taken out: there, a text that names a file becomes the file."""
    import dashscope

    return close_upload(dashscope.MultiModalEmbedding, importlib.metadata.version("dashscope"))


def close_upload(sdk: type[Any], version: str) -> type[Any]:
    """Return a subclass of the SDK's class that sends contents as they are.

    The step is a private method, so that another release may have it elsewhere; then nothing is sent at all.

    Raises
    ------
    MMEmbedError
        If the class has no such step, one with other parameters, or a ``call`` that does not go through it.
    """
    hook = inspect.getattr_static(sdk, _UPLOAD_HOOK, None)
    call = inspect.getattr_static(sdk, "call", None)
    steps = getattr(inspect.unwrap(getattr(call, "__func__", call)), "__code__", None) if call is not None else None
    if not isinstance(hook, classmethod):
        fault = f"has no class method {_UPLOAD_HOOK}"
    elif list(inspect.signature(hook.__func__).parameters) != ["cls", *_UPLOAD_PARAMETERS]:
        fault = f"has a method {_UPLOAD_HOOK}{inspect.signature(hook.__func__)}"
    elif steps is None or _UPLOAD_HOOK not in steps.co_names or "preprocess_message_element" in steps.co_names:
        fault = f"does not go through {_UPLOAD_HOOK} in MultiModalEmbedding.call"
    else:
        return type("MultiModalEmbedding", (sdk,), {_UPLOAD_HOOK: classmethod(_upload_nothing)})
    raise MMEmbedError(
        f"dashscope {version} {fault}, where mmembed keeps texts that name a file from being uploaded as that file; "
        f"expected {_UPLOAD_HOOK}({', '.join(_UPLOAD_PARAMETERS)}). Nothing was sent. Known good are "
        f"{GOOD_SDK_VERSIONS}: install one of them."
    )


def _upload_nothing(cls: type[Any], model: str, input_data: Any, api_key: str) -> bool:
    del cls, model, input_data, api_key
    return False
