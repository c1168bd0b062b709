"""The provider of the service's models: its settings, its address, and the sessions that it opens.

Sessions wait for the limiter, try again, halve what is refused, and count. The pipeline knows rows and their order, the
cache and progress; ``connection.py`` knows the wire.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import urlsplit

from mmembed.contents.content import Content, ContentKind
from mmembed.errors import MissingCredentialsError
from mmembed.providers.costs import likely_on_the_wire
from mmembed.providers.dashscope.answer import MALFORMED, WRONG_LENGTH, Reply, RequestFailure
from mmembed.providers.dashscope.batches import plan_batches
from mmembed.providers.dashscope.connection import ConnectionSettings
from mmembed.providers.dashscope.limiter import LimiterSource, RateLimit, limiter_for
from mmembed.providers.dashscope.sdk import address_of_sdk, key_of_sdk
from mmembed.providers.dashscope.sender import Connection, Patience, RequestSender
from mmembed.providers.dashscope.session import ApiSession
from mmembed.providers.dashscope.temporary_storage import TemporaryStorage
from mmembed.providers.models import ModelSpec
from mmembed.providers.settings import ModelSettings

KEY_VARIABLE = "DASHSCOPE_API_KEY"

_DEFAULT_WORKERS = 8

# Parameters that have an argument of their own, and names that the SDK takes for itself instead of sending them.
_OWN_ARGUMENTS = frozenset({"model", "dimension", "instruct", "fps", "input", "api_key", "workspace", "enable_fusion"})


_TAKEN_BY_SDK = frozenset(
    {
        *("api_protocol", "async_request", "base_address", "enable_encryption", "extra_url_parameters", "form"),
        *("flattened_output", "function", "headers", "http_method", "is_binary_input", "is_service", "pre_task_id"),
        *("query", "request_timeout", "resources", "sdk_module", "session", "stream", "task", "task_group", "task_id"),
        *("user_agent", "ws_stream_mode"),
    }
)


@dataclass(frozen=True)
class DashScopeProvider:
    """One model of the API with its options; implements :class:`mmembed.providers.protocol.Provider`.

    Parameters
    ----------
    settings : ModelSettings
        How it is asked.
    spec : ModelSpec
        The model.
    limiters : callable
        Gives the limiter of the account and model; by default the one of this process.
    patience : Patience
        How often and how long a request is tried.
    """

    settings: ModelSettings
    spec: ModelSpec
    limiters: LimiterSource = field(default=limiter_for, repr=False)
    patience: Patience = field(default_factory=Patience)

    @classmethod
    def of(cls, settings: ModelSettings, spec: ModelSpec, limiters: LimiterSource = limiter_for) -> Self:
        """Return the provider of a model, after checking what the table of models does not check.

        Raises
        ------
        ValueError
            If there are no workers, or ``extra`` cannot be sent.
        """
        workers = settings.workers
        if workers is not None and workers < 1:
            raise ValueError(f"workers is {workers!r}; expected at least 1. Leave it out for {_DEFAULT_WORKERS}.")
        _check_extra(settings.extra)
        return cls(settings, spec, limiters)

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
        server = foreign_server(self.base_address)
        named = {"model": self.spec.name, "dimension": self.dimension, **self.parameters}
        return named if server is None else {**named, "server": server}

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        asked = self.settings.dimension
        return self.spec.default_dimension if asked is None else int(asked)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What each request says besides its contents."""
        named = {
            "dimension": self.dimension if self.spec.sends_dimension else None,
            "instruct": self.settings.instruct,
            "fps": self.settings.fps,
            "text_type": "document" if self.spec.is_text_model else None,  # queries say so in extra
        }
        return {name: value for name, value in named.items() if value is not None} | dict(self.settings.extra)

    @property
    def base_address(self) -> str:
        """Root of the API, as the environment and the SDK have it now."""
        return base_address(self.settings.region, self.settings.workspace)

    @property
    def workers(self) -> int:
        """How many requests may be in flight."""
        return self.settings.workers or _DEFAULT_WORKERS

    @property
    def threads(self) -> int:
        """More than there are workers: some read and store answers while all places on the wire are taken."""
        return self.workers + max(1, self.workers // 2)

    def plan(self, contents: Sequence[Content]) -> list[list[int]]:
        """Return the batches that become requests."""
        return plan_batches(contents, self.spec, region=self.settings.region)

    def files_to_upload(self, content: Content) -> Mapping[bytes, int]:
        """Return the sizes in bytes, by hash, of what would be put into the temporary storage for a content."""
        if self.settings.upload is None:
            return {}
        most = math.inf if self.spec.video_mb is None else self.spec.video_mb * 1e6
        clips = [leaf for leaf in content.leaves if leaf.kind == "video" and leaf.media and leaf.media.url is None]
        sizes = {leaf.digest: leaf.media.size() for leaf in clips if leaf.media is not None}
        return {digest: size for digest, size in sizes.items() if size <= most}

    def api_key(self) -> str:
        """Return the key: the one given, that of the environment, or the SDK's own.

        Raises
        ------
        MissingCredentialsError
            If there is none; names the variable, where to get a key, and the way without one.
        """
        key = self.settings.api_key or os.environ.get(KEY_VARIABLE) or key_of_sdk()
        if not key:
            raise MissingCredentialsError(
                f"Model {self.spec.name!r} needs an API key and there is none. Set the environment variable "
                f"{KEY_VARIABLE}, or give api_key= (what the SDK was given counts, too); keys are made at "
                "https://help.aliyun.com/zh/model-studio/get-api-key. A key given as api_key= is left out when an "
                "Embedder is pickled or copied: in another process (a Dask or joblib worker, a loaded pipeline) set "
                f"{KEY_VARIABLE} there. model='local' needs no key and no network."
            )
        return key

    @contextmanager
    def session(self) -> Iterator[ApiSession]:
        """Open connections for a run.

        Raises
        ------
        MissingCredentialsError
            If there is no key.
        """
        settings, key = self.settings, self.api_key()
        raw = ConnectionSettings(
            model=self.spec.name,
            dimension=self.dimension,
            base_address=self.base_address,
            api_key=key,
            parameters=self.parameters,
            connections=self.workers,
            timeout_seconds=settings.timeout_seconds,
            workspace=settings.workspace,
            is_text_model=self.spec.is_text_model,
        )
        limit = RateLimit(
            settings.requests_per_minute or self.spec.requests_per_minute,
            settings.tokens_per_minute or self.spec.tokens_per_minute,
            settings.workers,
        )
        limiter = self.limiters(key, raw.base_address, self.spec.name, limit)
        with raw.open() as connection:
            charging = _ChargingConnection(connection, self.spec)
            sender = RequestSender(charging, limiter, self.patience, at_once=self.workers)
            store = TemporaryStorage(connection, sender, self.spec).address_of if settings.upload else None
            session = ApiSession(sender, self.spec, self.dimension, store)
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


def _check_extra(extra: Mapping[str, Any]) -> None:
    for name in extra:
        if name in _OWN_ARGUMENTS:
            raise ValueError(f"extra holds {name!r}, which has a place of its own. Give it as an argument instead.")
        if name in _TAKEN_BY_SDK:
            raise ValueError(f"extra holds {name!r}, which the SDK takes for itself: no model gets it. Leave it out.")
    try:
        json.dumps(dict(extra), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"extra cannot be written as JSON: {error}. Expected plain numbers, strings, lists and dicts."
        ) from error


ADDRESSES: Mapping[str, str] = {
    "beijing": "https://dashscope.aliyuncs.com/api/v1",
    "singapore": "https://dashscope-intl.aliyuncs.com/api/v1",
}

ADDRESS_VARIABLE = "DASHSCOPE_HTTP_BASE_URL"

_WORKSPACE_VARIABLE = "DASHSCOPE_WORKSPACE_ID"

_WORKSPACE_OF_ADDRESS = "{workspace_id}"

_OWNER = "aliyuncs.com"


def base_address(region: str, workspace: str | None = None) -> str:
    """Return the root of the API, as things are now.

    The first of: ``DASHSCOPE_HTTP_BASE_URL``; where the region is Beijing, which nobody need have asked for, what the
    SDK was told (:func:`mmembed.providers.dashscope.sdk.address_of_sdk`); the region's own.

    Raises
    ------
    ValueError
        If it has a place for a workspace, and there is none or one that no address can hold.
    """
    address = os.environ.get(ADDRESS_VARIABLE, "") or (address_of_sdk() if region == "beijing" else None)
    address = (address or ADDRESSES[region]).rstrip("/")
    if _WORKSPACE_OF_ADDRESS not in address:
        return address
    name = workspace or os.environ.get(_WORKSPACE_VARIABLE, "")
    # It becomes part of the host's name: nothing in it may lead to another host.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise ValueError(
            f"The address {address!r} needs the id of a workspace, and got {name!r}. Give Embedder(workspace=), or set "
            f"{_WORKSPACE_VARIABLE}."
        )
    return address.replace(_WORKSPACE_OF_ADDRESS, name)


def foreign_server(base: str) -> str | None:
    """Return host and port of the server at an address, or None if it is Alibaba Cloud's own.

    What another server calls by a model's name need not be that model, so its vectors are not taken for the service's.
    """
    address = urlsplit(base)
    host = (address.hostname or "").rstrip(".")
    if host == _OWNER or host.endswith(f".{_OWNER}"):
        return None
    return address.netloc.rpartition("@")[2].lower()  # without a name and a password, if there are any
