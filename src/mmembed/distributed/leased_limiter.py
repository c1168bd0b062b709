"""A worker's side of the quota: what paces its requests by leases from the coordinator."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from typing import Any, Protocol, Self

from mmembed.distributed.quota_book import Outcome
from mmembed.providers.dashscope.limiter import RateLimit

__all__ = ["ClusterClaims", "LeasedLimiter", "leased_limiter"]

_LATEST_SECONDS = 0.25  # after its time a departure is let go
_SHORTEST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.005, 0.5  # until it asks again


class Exchange(Protocol):
    """The line to the coordinator; see :class:`mmembed.distributed.coordinator.Line`."""

    holder: str
    salt: bytes

    def ask(self, what: str, **arguments: Any) -> Any:
        """Ask and wait for the answer."""
        ...

    def tell(self, what: str, **arguments: Any) -> None:
        """Say something without waiting."""
        ...


def leased_limiter(line: Exchange, api_key: str, address: str, model: str, limit: RateLimit) -> LeasedLimiter:
    """Return what paces the requests of an account; of the key, only a hash with the scheduler's salt leaves here."""
    digest = hashlib.blake2b(f"{api_key}\0{address}\0{model}".encode(), key=line.salt, digest_size=16)
    return LeasedLimiter(line, digest.hexdigest(), limit)


class LeasedLimiter:
    """Lets each request leave when the coordinator has leased it a departure; a ``Pacer``.

    Parameters
    ----------
    line : Exchange
        To the coordinator.
    account : str
        Names account, address and model.
    limit : RateLimit
        What the service allows all workers together.
    clock, wait : callable
        As in :class:`mmembed.providers.dashscope.limiter.Limiter`.
    """

    def __init__(
        self,
        line: Exchange,
        account: str,
        limit: RateLimit,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float, threading.Event], None] | None = None,
    ) -> None:
        self._line = line
        self._account = account
        self._limit = limit
        self._clock = clock
        self._wait = wait or (lambda seconds, stop: stop.wait(seconds) and None)
        self._is_throttled = False

    @property
    def is_throttled(self) -> bool:
        """Whether the service refused requests of any worker lately."""
        return self._is_throttled

    def acquire(
        self, tokens_estimate: float = 0, *, stop: threading.Event | None = None, deadline: float | None = None
    ) -> LeasedPermit:
        """Wait until a request may leave; as :meth:`mmembed.providers.dashscope.limiter.Limiter.acquire`."""
        stop = stop or threading.Event()
        limit = [self._limit.requests_per_minute, self._limit.tokens_per_minute, self._limit.at_once]
        while True:
            if stop.is_set():
                raise CancelledError("The wait for the rate limit was stopped.")
            number, seconds, self._is_throttled = self._line.ask(
                "lease", account=self._account, holder=self._line.holder, limit=limit, tokens=tokens_estimate
            )
            permit = None if number is None else LeasedPermit(self._line, number)
            if deadline is not None and self._clock() + seconds > deadline:
                if permit is not None:
                    permit.__exit__()
                raise TimeoutError(f"The rate limit lets this request leave in {seconds:.1f} s, after its deadline.")
            if permit is None:
                self._wait(min(max(seconds, _SHORTEST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS), stop)
                continue
            leaves_at = self._clock() + seconds
            if seconds > 0:
                self._wait(seconds, stop)
            if stop.is_set():
                permit.__exit__()
                raise CancelledError("The wait for the rate limit was stopped.")
            if self._clock() <= leaves_at + _LATEST_SECONDS:
                return permit
            permit.__exit__()  # a process that stood still would send all it had leave for at one moment


class LeasedPermit:
    """The right to send one request; what became of it is told when the block ends."""

    def __init__(self, line: Exchange, number: int) -> None:
        self._line = line
        self._number = number
        self._outcome: Outcome = "failed"
        self._tokens: float | None = None
        self._retry_after_seconds: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.tell(
            "give-back",
            number=self._number,
            outcome=self._outcome,
            tokens=self._tokens,
            retry_after_seconds=self._retry_after_seconds,
        )

    def settle(self, actual_tokens: float) -> None:
        """Replace the estimate by the tokens that the service counted."""
        self._tokens = actual_tokens

    def succeeded(self) -> None:
        """Say that the request was let through."""
        self._outcome = "succeeded"

    def throttled(self, retry_after_seconds: float | None = None) -> None:
        """Say that the request was refused for its rate."""
        self._outcome, self._retry_after_seconds = "throttled", retry_after_seconds


class ClusterClaims:
    """Claims of one run on contents, among those of all workers; a ``ClaimBook``.

    Parameters
    ----------
    line : Exchange
        To the coordinator.
    look : callable
        Looks into the cache for what others have stored; called when one of them has lately bought what is claimed.
    """

    def __init__(self, line: Exchange, look: Callable[[], None]) -> None:
        self._line = line
        self._look = look
        self._holder = f"{line.holder}|{uuid.uuid4().hex}"

    def take(self, keys: Sequence[bytes]) -> list[bool]:
        """Claim keys; return for each whether it is this run's now."""
        is_own, are_new_elsewhere = self._line.ask("take", keys=list(keys), holder=self._holder)
        if are_new_elsewhere:
            self._look()
        return list(is_own)

    def give_back(self, keys: Sequence[bytes]) -> None:
        """End the claims; waited for, so that whoever takes them next finds what was bought."""
        self._line.ask("give-back-claims", keys=list(keys), holder=self._holder)
