"""The account's limits as leases: who may send when, which run is embedding what, and what all have paid.

One book serves all workers of a cluster. It is plain state and never waits; ``quota_client.py`` puts it on the
scheduler.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from mmembed.providers.dashscope.limiter import Limiter, LimiterPermit, RateLimit

__all__ = ["Lease", "Outcome", "QuotaBook"]

_HORIZON_SECONDS = 2.0  # how far ahead departures are leased: what a dead worker leaves unused of them is lost
_LATELY_SECONDS = 120.0  # longer than any cache goes without looking for what others stored

Outcome = Literal["succeeded", "throttled", "failed"]


@dataclass(frozen=True, slots=True)
class Lease:
    """What a worker is told.

    Attributes
    ----------
    number : int or None
        Names the lease when it is given back; None if there is none yet.
    seconds : float
        When the request may leave, or when to ask again.
    is_throttled : bool
        Whether the service refused requests lately.
    """

    number: int | None
    seconds: float
    is_throttled: bool


class QuotaBook:
    """The leases, claims and bills of all workers.

    A lease is the right to one departure at one moment, with its tokens and a place in flight. All come from one
    limiter for each account and model, so that their sum is never above the account's limits however many workers
    there are, and a worker that has nothing to send holds nothing.

    Parameters
    ----------
    clock : callable
        Seconds that only rise.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._limiters: dict[str, Limiter] = {}
        self._leases: dict[int, tuple[str, str, LimiterPermit]] = {}
        self._claims: dict[bytes, str] = {}
        self._given_back: dict[bytes, tuple[float, str]] = {}
        self._bills: dict[str, float] = {}
        self._numbers = itertools.count(1)

    def lease(self, account: str, holder: str, limit: RateLimit, tokens: float) -> Lease:
        """Lease the next departure that is free, or say when to ask again."""
        limiter = self._limiters.get(account)
        if limiter is None:
            limiter = self._limiters[account] = Limiter(limit, clock=self._clock)
        limiter.limit = limit
        permit, seconds = limiter.reserve(tokens, within_seconds=_HORIZON_SECONDS)
        if permit is None:
            return Lease(None, seconds, limiter.is_throttled)
        number = next(self._numbers)
        self._leases[number] = (account, holder, permit)
        return Lease(number, seconds, limiter.is_throttled)

    def give_back(
        self, number: int, outcome: Outcome, *, tokens: float | None = None, retry_after_seconds: float | None = None
    ) -> None:
        """End a lease and learn from what became of the request; one that is unknown, or ended before, is ignored."""
        _, _, permit = self._leases.pop(number, ("", "", None))
        if permit is None:
            return
        with permit:
            if tokens is not None:
                permit.settle(tokens)
            if outcome == "succeeded":
                permit.succeeded()
            elif outcome == "throttled":
                permit.throttled(retry_after_seconds)

    def __len__(self) -> int:
        return len(self._leases)

    def in_flight(self, account: str) -> int:
        """Return how many leases of an account are out."""
        return sum(one == account for one, _, _ in self._leases.values())

    def take(self, keys: Sequence[bytes], holder: str) -> list[bool]:
        """Claim contents; return for each whether it is this holder's now, or another one's still."""
        return [self._claims.setdefault(key, holder) == holder for key in keys]

    def are_new_elsewhere(self, keys: Sequence[bytes], holder: str) -> bool:
        """Return whether another holder gave back one of these claims lately, and so probably embedded the content."""
        before = self._clock() - _LATELY_SECONDS
        while self._given_back:
            oldest = next(iter(self._given_back))
            if self._given_back[oldest][0] > before:
                break
            del self._given_back[oldest]
        return any(self._given_back.get(key, (0.0, holder))[1] != holder for key in keys)

    def give_back_claims(self, keys: Sequence[bytes], holder: str) -> None:
        """End claims, whether the contents were embedded or not."""
        for key in keys:
            if self._claims.get(key) == holder:
                del self._claims[key]
                self._given_back.pop(key, None)  # the order is that of the times
                self._given_back[key] = self._clock(), holder

    def bill(self, run: str, cost: float) -> float:
        """Add what an answer of a run cost, and return what the run has cost so far, in CNY."""
        self._bills[run] = self._bills.get(run, 0.0) + cost
        return self._bills[run]

    def forget(self, worker: str) -> None:
        """Take back all that a worker holds, since it is gone; holders are named ``worker`` or ``worker|…``."""

        def is_its(holder: str) -> bool:
            return holder.partition("|")[0] == worker

        for number in [number for number, (_, holder, _) in self._leases.items() if is_its(holder)]:
            self.give_back(number, "failed")
        self._claims = {key: holder for key, holder in self._claims.items() if not is_its(holder)}
