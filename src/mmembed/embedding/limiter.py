"""One limiter for each account, region and model in the process, shared by all frames and threads."""

from __future__ import annotations

import hashlib
import os
import threading

from mmembed._forks import heed_forks
from mmembed.embedding.pacing import Limiter, Permit, RateLimit

__all__ = ["Limiter", "Permit", "RateLimit", "limiter_for"]


class _Registry:
    """The limiters of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limiters: dict[tuple[bytes, str, str], Limiter] = {}
        self._salt = os.urandom(16)  # what is kept of a key is worth nothing outside this process
        heed_forks(self)

    def find(self, api_key: str, region: str, model: str, limit: RateLimit) -> Limiter:
        account = hashlib.blake2b(api_key.encode(), key=self._salt, digest_size=16).digest()
        fresh = Limiter(limit)  # outside the lock, which a fork takes
        with self._lock:
            limiter = self._limiters.setdefault((account, region, model), fresh)
            limiter.limit = limit
            return limiter

    def before_fork(self) -> None:
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        self._lock.release()

    def after_fork_in_child(self) -> None:
        self._lock = threading.Lock()


_registry = _Registry()


def limiter_for(api_key: str, region: str, model: str, limit: RateLimit) -> Limiter:
    """Return the one limiter of this process for an account, region and model.

    All frames and threads share it. A limit that differs from before replaces it. Of the key, only a salted hash is
    kept.

    Examples
    --------
    >>> limiter_for("key", "beijing", "m", RateLimit(600)) is limiter_for("key", "beijing", "m", RateLimit(600))
    True
    """
    return _registry.find(api_key, region, model, limit)
