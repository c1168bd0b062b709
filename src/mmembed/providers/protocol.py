"""The contract between the embedding line and whatever turns contents into vectors.

A provider knows one model; it gets contents that were already read and checked, in batches, and answers with a matrix.
It knows nothing of frames, caches or retries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from mmembed.arrays import FloatMatrix
from mmembed.errors import ContentError
from mmembed.providers.content_digest import digest_of

ContentKind = Literal["text", "image", "video", "multi_images", "fused"]


@dataclass(frozen=True, slots=True)
class Media:
    """Where the bytes of a picture or a clip are: exactly one of a local file, bytes in memory, or a URL.

    Whoever made it has decided that a string is a path or a URL; a provider never guesses.

    Attributes
    ----------
    path, data, url
        Where the bytes are.
    hashed : (str, bytes) or None
        The kind and the digest under which the file was read before: from then on no other bytes are given out, since
        their vector would be kept under the digest of those that are gone.
    """

    path: Path | None = None
    data: bytes | None = field(default=None, repr=False)
    url: str | None = None
    hashed: tuple[str, bytes] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.path, self.data, self.url)) != 1:
            raise ValueError("Media needs exactly one of path, data and url.")

    def read(self) -> bytes:
        """Return the encoded bytes of the file, read anew at each call.

        Raises
        ------
        ContentError
            If the file cannot be read, if it is no longer the one that was hashed, or if there is only a URL.
        """
        if self.data is not None:
            return self.data
        if self.path is None:
            raise ContentError("RemoteContent", f"{self.url!r} is a URL; its bytes are not on this machine.")
        try:
            data = self.path.read_bytes()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ContentError("FileUnreadable", f"File {str(self.path)!r} cannot be read: {reason}.") from error
        if self.hashed is not None and digest_of(self.hashed[0], b"bytes", data) != self.hashed[1]:
            raise ContentError(
                "FileChanged",
                f"File {str(self.path)!r} was changed while the run went on. Nothing is kept for it; run again to "
                "embed what it holds now.",
                retryable=True,
            )
        return data


@dataclass(frozen=True, slots=True)
class Content:
    """One thing that gets one vector.

    Attributes
    ----------
    kind : {"text", "image", "video", "multi_images", "fused"}
        Says which of the other fields are set: ``text`` for a text, ``media`` for a picture or a clip, ``parts`` for
        the pictures of ``multi_images`` and for the differing kinds of a ``fused`` row.
    digest : bytes
        Hash of what is embedded: bytes of a file, characters of a text; never of a path.
    """

    kind: ContentKind
    text: str | None = None
    media: Media | None = None
    parts: tuple[Content, ...] = ()
    digest: bytes = field(default=b"", repr=False)


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
        The service's name for the request, for support.
    """

    matrix: FloatMatrix
    failures: Mapping[int, ContentError] = field(default_factory=dict)
    tokens: int = 0
    cost: float = 0.0
    request_id: str | None = None


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
