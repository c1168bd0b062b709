"""A provider for tests of the line: vectors by content, with a count of what was asked and failures on demand."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field

import numpy as np

from mmembed.errors import ContentError
from mmembed.providers.protocol import Answer


@dataclass
class CountingProvider:
    """Answers with a vector made of the content's digest; counts each content it is asked for."""

    batch: int = 3
    workers: int = 2
    space: str = "counting"
    dimension: int = 4
    kinds: frozenset = frozenset({"text", "image", "fused"})
    options: dict = field(default_factory=dict)
    refuses: frozenset = frozenset()
    breaks_at: int | None = None
    asked: list = field(default_factory=list)
    sessions: int = 0
    stopped: bool = False
    throttled: bool = False

    def __post_init__(self):
        self._lock = threading.Lock()

    @property
    def threads(self):
        return self.workers

    def plan(self, contents):
        return [
            list(range(start, min(start + self.batch, len(contents)))) for start in range(0, len(contents), self.batch)
        ]

    @contextlib.contextmanager
    def session(self):
        self.sessions += 1
        yield self

    def stop(self):
        self.stopped = True

    def embed(self, batch):
        with self._lock:
            self.asked.extend(content.digest for content in batch)
            if self.breaks_at is not None and len(self.asked) > self.breaks_at:
                raise KeyboardInterrupt
        matrix = np.stack([vector_of(content.digest, self.dimension) for content in batch])
        failures = {}
        for position, content in enumerate(batch):
            if content.text in self.refuses:
                matrix[position] = np.nan
                failures[position] = ContentError("Refused", f"{content.text!r} is refused")
        return Answer(matrix, failures, tokens=len(batch), cost=0.5 * len(batch), request_id="r-1")


def vector_of(digest, dimension):
    return np.frombuffer(digest, np.uint8)[:dimension].astype(np.float32) + 1
