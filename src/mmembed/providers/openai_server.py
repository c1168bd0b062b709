"""An OpenAI-compatible server that embeds: vLLM, Infinity, TEI, DashScope's compatible mode.

The key goes to that server and nowhere else, and no pickle holds it. An answer is untrusted: its length, its order and
its numbers are checked before anything is kept.
"""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from mmembed.arrays import FloatMatrix
from mmembed.contents.pictures import encode
from mmembed.errors import MissingCredentialsError, one_of
from mmembed.providers.callable_session import Calls, Counted
from mmembed.providers.json_client import JsonClient

if TYPE_CHECKING:
    from PIL.Image import Image

_BYTES_A_NUMBER, _MOST_NUMBERS = 40, 1 << 16

_KEY_VARIABLES = (("aliyuncs.com", "DASHSCOPE_API_KEY"), ("openai.com", "OPENAI_API_KEY"))


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
        return server_key(self.base_url, self.model, self.api_key, self.api_key_variable)

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


def server_key(base_url: str, model: str, api_key: str | None, variable: str | None) -> str | None:
    """Return the key for a server: the one given, that of a variable, or None where it needs none.

    Raises
    ------
    MissingCredentialsError
        If a variable is to hold it and does not.
    """
    if api_key:
        return api_key
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    known = [one for owner, one in _KEY_VARIABLES if host == owner or host.endswith(f".{owner}")]
    named = variable or next(iter(known), None)
    if named is None:
        return None
    if not (key := os.environ.get(named, "")):
        raise MissingCredentialsError(
            f"Model {model!r} at {host} needs an API key and there is none. Set the environment variable {named}, or "
            "give api_key=, which is left out when the model is pickled."
        )
    return key


@dataclass(frozen=True)
class PrefixedTexts:
    """Embeds texts that are searched with, behind what the model wants before them."""

    server: OpenAIServer
    prefix: str

    def __call__(self, texts: list[str]) -> Any:
        """Embed texts."""
        return self.server.texts([self.prefix + text for text in texts])


class _Connection:
    """What a server is asked over the connections of one run; several threads ask at once."""

    def __init__(self, server: OpenAIServer, key: str | None, workers: int) -> None:
        self._server = server
        self._client = JsonClient(
            server.address,
            key,
            timeout_seconds=server.timeout_seconds,
            connections=workers,
            pause=server.pause,
            not_found=" Check base_url= (it usually ends in /v1) and model=.",
        )
        self.close, self.stop = self._client.close, self._client.stop

    def texts(self, texts: Sequence[str]) -> Counted:
        return self._ask({"input": list(texts)}, len(texts))

    def pictures(self, pictures: Sequence[Image]) -> Counted:
        addresses = [_data_address(picture) for picture in pictures]
        if self._server.image == "infinity":
            return self._ask({"input": addresses, "modality": "image"}, len(addresses))
        answers = [self._ask({"messages": _messages(address)}, 1) for address in addresses]
        return Counted(np.concatenate([one.matrix for one in answers]), sum(one.tokens for one in answers))

    def _ask(self, asked: Mapping[str, Any], count: int) -> Counted:
        return self._client.ask(
            {**self._server.extra, "model": self._server.model, **asked, "encoding_format": "float"},
            lambda answer: _vectors_of(answer, count),
            most_bytes=count * _MOST_NUMBERS * _BYTES_A_NUMBER,
            wanted=f"{count} vectors of model {self._server.model!r}",
        )


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
