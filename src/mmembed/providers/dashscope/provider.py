"""The provider of the service's models: its settings, its address, and the sessions that it opens.

Sessions wait for the limiter, try again, halve what is refused, and count. The pipeline knows rows and their order, the
cache and progress; ``connection.py`` knows the wire.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from mmembed.contents.content import Content, ContentKind
from mmembed.errors import MissingCredentialsError
from mmembed.providers.costs import likely_on_the_wire
from mmembed.providers.dashscope.answer import MALFORMED, WRONG_LENGTH, Reply, RequestFailure
from mmembed.providers.dashscope.batches import plan_batches
from mmembed.providers.dashscope.connection import ConnectionSettings
from mmembed.providers.dashscope.limiter import LimiterSource, RateLimit, limiter_for
from mmembed.providers.dashscope.sender import Connection, Patience, RequestSender
from mmembed.providers.dashscope.session import ApiSession
from mmembed.providers.models import ModelSpec, Region, check_request, find_model

KEY_VARIABLE = "DASHSCOPE_API_KEY"

_DEFAULT_WORKERS = 8

# Parameters that have an argument of their own, and names that the SDK takes for itself instead of sending them.
_OWN_ARGUMENTS = frozenset({"model", "dimension", "instruct", "fps", "input", "api_key", "enable_fusion"})


def base_address(region: str) -> str:
    """Return the root of the API: ``DASHSCOPE_HTTP_BASE_URL`` as it is now, or the region's own."""
    return os.environ.get(ADDRESS_VARIABLE, "").rstrip("/") or ADDRESSES[region]


_TAKEN_BY_SDK = frozenset(
    {
        *("api_protocol", "async_request", "base_address", "enable_encryption", "extra_url_parameters", "form"),
        *("flattened_output", "function", "headers", "http_method", "is_binary_input", "is_service", "pre_task_id"),
        *("query", "request_timeout", "resources", "sdk_module", "session", "stream", "task", "task_group", "task_id"),
        *("user_agent", "workspace", "ws_stream_mode"),
    }
)


@dataclass(frozen=True, kw_only=True)
class DashScopeProvider:
    """One model of the API with its options; implements :class:`mmembed.providers.protocol.Provider`.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    dimension : int
        Length of the vectors.
    region : {"beijing", "singapore"}
        Where it is called.
    workers : int
        How many requests may be in flight.
    parameters : mapping
        What each request says besides its contents.
    requests_per_minute, tokens_per_minute : int or None
        The account's limits; None is no limit.
    timeout_seconds : float
        Total time of one attempt.
    patience : Patience
        How often and how long a request is tried.
    api_key : str or None
        ``DASHSCOPE_API_KEY``, read when a session opens, if not given. Shown nowhere, and left out of pickles.
    at_once : int or None
        The most requests in flight of all sessions that share a limiter, where that can be kept.
    limiters : callable
        Gives the limiter of the account and model.
    """

    spec: ModelSpec
    dimension: int
    region: Region = "beijing"
    workers: int = _DEFAULT_WORKERS
    parameters: Mapping[str, Any] = field(default_factory=dict)
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    timeout_seconds: float = 120.0
    patience: Patience = field(default_factory=Patience)
    api_key: str | None = field(default=None, repr=False)
    at_once: int | None = None
    limiters: LimiterSource = field(default=limiter_for, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "api_key": None}

    @property
    def space(self) -> str:
        """The model's name: vectors of one model can be compared."""
        return self.spec.name

    @property
    def kinds(self) -> frozenset[ContentKind]:
        """The content kinds that the model embeds."""
        return self.spec.kinds

    @property
    def options(self) -> Mapping[str, Any]:
        """Whatever besides the content changes a vector; a server that is not the service's own may change all."""
        server = foreign_server(self.region)
        named = {"model": self.spec.name, "dimension": self.dimension, **self.parameters}
        return named if server is None else {**named, "server": server}

    @property
    def threads(self) -> int:
        """More than there are workers: some read and store answers while all places on the wire are taken."""
        return self.workers + max(1, self.workers // 2)

    def plan(self, contents: Sequence[Content]) -> list[list[int]]:
        """Return the batches that become requests."""
        return plan_batches(contents, self.spec, region=self.region)

    @contextmanager
    def session(self) -> Iterator[ApiSession]:
        """Open connections for a run.

        Raises
        ------
        MissingCredentialsError
            If there is no key.
        """
        key = self.api_key or api_key_from_environment(self.spec.name)
        raw = ConnectionSettings(
            model=self.spec.name,
            dimension=self.dimension,
            base_address=base_address(self.region),
            api_key=key,
            parameters=self.parameters,
            connections=self.workers,
            timeout_seconds=self.timeout_seconds,
        )
        limit = RateLimit(self.requests_per_minute, self.tokens_per_minute, self.at_once)
        limiter = self.limiters(key, raw.base_address, self.spec.name, limit)
        with raw.open() as connection:
            charging = _ChargingConnection(connection, self.spec)
            sender = RequestSender(charging, limiter, self.patience, at_once=self.workers)
            session = ApiSession(sender, self.spec, self.dimension)
            try:
                yield session
            finally:
                session.stop()


@dataclass(frozen=True)
class _ChargingConnection:
    """Charges the likely tokens where an answer does not say what it counts: nothing that was embedded is free.

    So ``max_cost`` holds, and a bill is never 0, against a service or a gateway that leaves ``usage`` out.
    """

    connection: Connection
    spec: ModelSpec

    def request(
        self,
        contents: Sequence[Mapping[str, Any]],
        *,
        expected: int,
        parameters: Mapping[str, Any] | None = None,
        on_done: Callable[[], None] | None = None,
    ) -> Reply:
        """Send once."""
        try:
            reply = self.connection.request(contents, expected=expected, parameters=parameters, on_done=on_done)
        except RequestFailure as failure:
            if failure.code in _ANSWERED and not any(failure.tokens):
                failure.tokens = likely_on_the_wire(contents, self.spec)
            raise
        if reply.text_tokens or reply.media_tokens:
            return reply
        text, media = likely_on_the_wire(contents, self.spec)
        return replace(reply, text_tokens=text, media_tokens=media)


_ANSWERED = frozenset({MALFORMED, WRONG_LENGTH})  # vectors came, and were computed, but cannot be used


def build_api_provider(
    model: str | ModelSpec,
    *,
    dimension: int | None = None,
    instruct: str | None = None,
    fps: float | None = None,
    region: Region = "beijing",
    workers: int | None = None,
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    timeout_seconds: float = 120.0,
    api_key: str | None = None,
    extra: Mapping[str, Any] | None = None,
    needs_key: bool = True,
    limiters: LimiterSource = limiter_for,
) -> DashScopeProvider:
    """Return the provider of a model of the API, after checking all that can be checked without a request.

    Parameters
    ----------
    model : str or ModelSpec
        The model.
    dimension : int, optional
        Length of the vectors; the model's default if not given.
    instruct, fps : optional
        Parameters of the request, for models that take them.
    region : {"beijing", "singapore"}
        Where it is called; a key belongs to one region. ``DASHSCOPE_HTTP_BASE_URL`` replaces the region's address.
    workers : int, optional
        How many requests may be in flight, 8 if not given.
    requests_per_minute, tokens_per_minute : float, optional
        The account's limits where they differ from the published ones.
    timeout_seconds : float
        Total time of one attempt.
    api_key : str, optional
        ``DASHSCOPE_API_KEY`` if not given.
    extra : mapping, optional
        Further parameters of each request, sent as they are.
    needs_key : bool
        Whether to insist on a key now; a provider that only plans needs none.
    limiters : callable
        Gives the limiter of the account and model; by default the one of this process.

    Raises
    ------
    ValueError
        If the model does not have the dimension, the region or a parameter, or ``extra`` cannot be sent.
    MissingCredentialsError
        If there is no key.
    """
    spec = find_model(model)
    check_request(spec, dimension=dimension, region=region, instruct=instruct, fps=fps)
    if needs_key and not api_key:
        api_key_from_environment(spec.name)  # refuse now what would fail when the session opens
    if workers is not None and workers < 1:
        raise ValueError(f"workers is {workers!r}; expected at least 1. Leave it out for {_DEFAULT_WORKERS}.")
    length = spec.default_dimension if dimension is None else int(dimension)
    named = {"dimension": length if spec.sends_dimension else None, "instruct": instruct, "fps": fps}
    return DashScopeProvider(
        spec=spec,
        dimension=length,
        region=region,
        workers=workers or _DEFAULT_WORKERS,
        parameters={name: value for name, value in named.items() if value is not None} | _checked(extra or {}),
        requests_per_minute=requests_per_minute or spec.requests_per_minute,
        tokens_per_minute=tokens_per_minute or spec.tokens_per_minute,
        timeout_seconds=timeout_seconds,
        api_key=api_key or None,
        at_once=workers,
        limiters=limiters,
    )


def api_key_from_environment(model: str) -> str:
    """Return the key of the environment.

    Raises
    ------
    MissingCredentialsError
        If there is none; names the variable, where to get a key, and the way without one.
    """
    key = os.environ.get(KEY_VARIABLE, "")
    if not key:
        raise MissingCredentialsError(
            f"Model {model!r} needs an API key and there is none. Set the environment variable {KEY_VARIABLE}, or give "
            "api_key=; keys are made at https://help.aliyun.com/zh/model-studio/get-api-key. A key given as api_key= "
            "is left out when an Embedder is pickled or copied: in another process (a Dask or joblib worker, a loaded "
            f"pipeline) set {KEY_VARIABLE} there. model='local' needs no key and no network."
        )
    return key


def _checked(extra: Mapping[str, Any]) -> dict[str, Any]:
    for name in extra:
        if name in _OWN_ARGUMENTS:
            raise ValueError(f"extra holds {name!r}, which has a place of its own. Give it as an argument instead.")
        if name in _TAKEN_BY_SDK:
            raise ValueError(f"extra holds {name!r}, which the SDK keeps for itself and never sends. Leave it out.")
    try:
        json.dumps(dict(extra), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"extra cannot be written as JSON: {error}. Expected plain numbers, strings, lists and dicts."
        ) from error
    return dict(extra)


ADDRESSES: Mapping[str, str] = {
    "beijing": "https://dashscope.aliyuncs.com/api/v1",
    "singapore": "https://dashscope-intl.aliyuncs.com/api/v1",
}

ADDRESS_VARIABLE = "DASHSCOPE_HTTP_BASE_URL"

_OWNER = "aliyuncs.com"


def foreign_server(region: str) -> str | None:
    """Return host and port of the server that is called, or None if it is Alibaba Cloud's own.

    What another server calls by a model's name need not be that model, so its vectors are not taken for the service's.
    """
    address = urlsplit(base_address(region))
    host = (address.hostname or "").rstrip(".")
    if host == _OWNER or host.endswith(f".{_OWNER}"):
        return None
    return address.netloc.rpartition("@")[2].lower()  # without a name and a password, if there are any
