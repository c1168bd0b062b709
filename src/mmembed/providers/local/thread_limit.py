"""One BLAS thread for as long as somebody embeds.

Many small matrix products gain nothing from more threads and lose much to their meetings. Rows are what runs in
parallel. The limit belongs to the whole process, so runs at the same time share it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["single_blas_thread"]


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
