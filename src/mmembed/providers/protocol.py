"""The contract between the embedding line and whatever turns contents into vectors.

A provider knows one model; it gets contents that were already read and checked, in batches, and answers with a matrix.
It knows nothing of frames, caches or retries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from mmembed.arrays import FloatMatrix
from mmembed.contents.content import Content, ContentKind
from mmembed.errors import ContentError, ServiceError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider says to one batch of n contents.

    Attributes
    ----------
    matrix : numpy.ndarray, shape (n, d), float32
        Row i belongs to content i; a row that failed is NaN.
    failures : mapping of int to ContentError
        Why row i has no vector; its keys are exactly the NaN rows.
    tokens : int
        Tokens the service counted for the batch; 0 for a provider without a bill.
    cost : float
        What the batch cost, in CNY.
    request_id : str or None
        The service's name for the request, for support; None where the batch took several. A failure bears its own.
    unasked : sequence of int
        Rows that were not asked for, since all contents so far were refused; NaN rows that are to be asked for later,
        one by one.
    ends_with : ServiceError or None
        What the run may have to end with: a refusal of all contents so far, or a service that is down.
    """

    matrix: FloatMatrix
    failures: Mapping[int, ContentError] = field(default_factory=dict)
    tokens: int = 0
    cost: float = 0.0
    request_id: str | None = None
    unasked: Sequence[int] = ()
    ends_with: ServiceError | None = None


class Session(Protocol):
    """An open provider: pools, connections and loaded weights, shared by the threads of one run."""

    def embed(self, batch: Sequence[Content]) -> Answer:
        """Embed one batch; called from several threads at once."""
        ...

    @property
    def throttled(self) -> bool:
        """Whether the service is being asked more slowly than allowed, because it said that it was too much."""
        ...

    def stop(self) -> None:
        """Give up what is being waited for: the run ends early. Called while other threads are in ``embed``."""
        ...


@runtime_checkable
class PartwiseSession(Protocol):
    """A session that may answer a batch in several requests, and hands each part over as soon as it is there."""

    def embed_by_parts(self, batch: Sequence[Content], keep: Callable[[Sequence[int], FloatMatrix], None]) -> Answer:
        """Embed one batch; ``keep(rows, matrix)`` stores what was paid for, before anything else is sent.

        The answer may have rows that were not asked for.
        """
        ...


@runtime_checkable
class OptionsByKind(Protocol):
    """A provider of which contents of some kinds rest on more than its ``options``, such as weights of their own."""

    def options_of(self, kind: ContentKind) -> Mapping[str, Any]:
        """Return what, besides the content, changes the vector of a content of this kind."""
        ...


@runtime_checkable
class UploadingProvider(Protocol):
    """A provider that puts files of some contents into a storage before it asks for their vectors."""

    def files_to_upload(self, content: Content) -> Mapping[bytes, int]:
        """Return the sizes in bytes, by hash, of what would be uploaded for a content."""
        ...


class Provider(Protocol):
    """One model with its options, not yet open.

    Attributes
    ----------
    space : str
        The space its vectors live in; goes into ``VectorDtype.space``.
    dimension : int
        Length d of its vectors.
    kinds : frozenset of str
        The content kinds that it embeds.
    options : mapping of str to JSON value
        Whatever, besides the content, changes a vector (model version, dimension, instruct, fps, …); part of the
        cache key.
    workers : int
        How many batches it computes, or has on the wire, at once.
    threads : int
        How many threads call it: more than that, where answers are to be read and stored while others are awaited.
    """

    @property
    def space(self) -> str:  # noqa: D102  described in the class docstring
        ...
    @property
    def dimension(self) -> int:  # noqa: D102  described in the class docstring
        ...
    @property
    def kinds(self) -> frozenset[ContentKind]:  # noqa: D102  described in the class docstring
        ...
    @property
    def options(self) -> Mapping[str, Any]:  # noqa: D102  described in the class docstring
        ...
    @property
    def workers(self) -> int:  # noqa: D102  described in the class docstring
        ...
    @property
    def threads(self) -> int:  # noqa: D102  described in the class docstring
        ...

    def plan(self, contents: Sequence[Content]) -> list[list[int]]:
        """Return batches of positions in ``contents``: each position once, each batch within the model's limits."""
        ...

    def session(self) -> AbstractContextManager[Session]:
        """Open what the run needs (weights, connections, thread limits) and release it at the end."""
        ...
