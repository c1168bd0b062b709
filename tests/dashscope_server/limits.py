"""How fast one account may ask one model: by the minute, by the second, and no sudden bursts."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .protocol import Refusal


@dataclass(frozen=True)
class RateLimits:
    """How many requests and tokens are let in.

    Attributes
    ----------
    requests_per_minute, tokens_per_minute : float or None
        None is no limit. Tokens already let in count; the request at hand may go over, since a single one can be
        larger than the share of a second.
    each_second : bool
        Whether a sixtieth of both is also enforced each second, as the service does.
    aligned : bool
        Whether windows begin on whole seconds and minutes of the clock; if not, any span of that length counts.
    burst_requests : int or None
        Most requests within ``burst_seconds``.
    retry_after : float or None
        Seconds to put into a ``Retry-After`` header; None sends none, as the real service is not known to.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    each_second: bool = True
    aligned: bool = False
    burst_requests: int | None = None
    burst_seconds: float = 0.1
    retry_after: float | None = None


@dataclass
class _Window:
    """What was let in within the last span of time."""

    seconds: float
    aligned: bool
    entries: deque[tuple[float, int]] = field(default_factory=deque)
    tokens: int = 0

    def forget(self, now: float) -> None:
        """Drop what lies before the span that ends now."""
        start = now // self.seconds * self.seconds if self.aligned else now - self.seconds
        while self.entries and (self.entries[0][0] < start or (not self.aligned and self.entries[0][0] == start)):
            self.tokens -= self.entries.popleft()[1]

    def add(self, now: float, tokens: int) -> None:
        """Count one request."""
        self.entries.append((now, tokens))
        self.tokens += tokens


class _Meter:
    """The three windows of one account and model."""

    def __init__(self, limits: RateLimits) -> None:
        self.limits = limits
        self.minute = _Window(60.0, limits.aligned)
        self.second = _Window(1.0, limits.aligned)
        self.burst = _Window(limits.burst_seconds, aligned=False)

    def admit(self, now: float, tokens: int) -> Refusal | None:
        """Count the request and return None, or return why it is refused (a refused one counts for nothing)."""
        windows = (self.minute, self.second, self.burst)
        for window in windows:
            window.forget(now)
        reason = self._reason()
        if reason is None:
            for window in windows:
                window.add(now, tokens)
        return reason

    def _reason(self) -> Refusal | None:
        limits = self.limits
        if limits.burst_requests is not None and len(self.burst.entries) >= limits.burst_requests:
            return self._refusal(
                "Throttling.BurstRate",
                "Request rate increased too quickly. To ensure system stability, please adjust your client logic to "
                "scale requests more smoothly over time.",
            )
        spans = [(self.minute, 1.0)]
        if limits.each_second:
            spans.append((self.second, 1 / 60))
        for window, share in spans:
            # A share below one request a second still lets one in: the minute's window does the rest.
            if limits.requests_per_minute is not None and len(window.entries) >= max(
                1, int(limits.requests_per_minute * share + 1e-9)
            ):
                return self._refusal("Throttling.RateQuota", "Requests rate limit exceeded, please try again later.")
            if limits.tokens_per_minute is not None and window.tokens >= max(1, limits.tokens_per_minute * share):
                return self._refusal(
                    "Throttling.AllocationQuota", "Allocated quota exceeded, please increase your quota limit."
                )
        return None

    def _refusal(self, code: str, message: str) -> Refusal:
        wait = self.limits.retry_after
        headers = () if wait is None else (("Retry-After", f"{wait:g}"),)
        return Refusal(429, code, message, headers)


class RateLimiter:
    """Enforces the limits of each account and model.

    Parameters
    ----------
    clock : callable
        Gives seconds; injected so that tests of the limiter need not wait.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._meters: dict[tuple[str, str], _Meter] = {}
        self._lock = threading.Lock()

    def admit(self, account: str, model: str, limits: RateLimits, tokens: int) -> Refusal | None:
        """Let a request in and return None, or return the refusal to send."""
        with self._lock:
            meter = self._meters.get((account, model))
            if meter is None or meter.limits != limits:
                meter = self._meters[account, model] = _Meter(limits)
            return meter.admit(self._clock(), tokens)
