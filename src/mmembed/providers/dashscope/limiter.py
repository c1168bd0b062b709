"""When a request may be sent, so that the limits of the service are used and kept.

There is one limiter for each account, region and model in the process, shared by all frames and threads. It knows the
clock, counts and tokens. The share of the documented rate that it uses rises quickly to the first refusal, and then
follows what the service accepts.
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Protocol, Self

from mmembed._forks import ForkAware

__all__ = ["Limiter", "LimiterPermit", "RateLimit", "RateShare", "limiter_for"]


class Permit(Protocol):
    """The right to send one request, given back at the end of a ``with`` block."""

    def __enter__(self) -> Self:
        """Send."""
        ...

    def __exit__(self, *exception: object) -> None:
        """Say that the request is over."""
        ...

    def settle(self, actual_tokens: float) -> None:
        """Replace the estimate by the tokens that the service counted."""
        ...

    def succeeded(self) -> None:
        """Say that the request was let through."""
        ...

    def throttled(self, retry_after_seconds: float | None = None) -> None:
        """Say that the request was refused for its rate."""
        ...


class Pacer(Protocol):
    """Says when a request may leave; :class:`mmembed.providers.dashscope.limiter.Limiter` is the one of a process."""

    @property
    def is_throttled(self) -> bool:
        """Whether the service refused requests lately."""
        ...

    def acquire(
        self, tokens_estimate: float = 0, *, stop: threading.Event | None = None, deadline: float | None = None
    ) -> Permit:
        """Wait until a request may leave."""
        ...


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What the service allows; None is no limit.

    The limits a minute also hold for each second, with a sixtieth. ``at_once`` is the most requests in flight, where
    several processes share them; inside one process, each run keeps its own.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    at_once: int | None = None

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "tokens_per_minute", "at_once"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(
                    f"{name}={value!r} lets nothing through. Give a positive number, or None for no limit."
                )

    @property
    def rates(self) -> tuple[float | None, float | None]:
        """Requests and tokens a minute."""
        return self.requests_per_minute, self.tokens_per_minute


LimiterSource = Callable[[str, str, str, RateLimit], Pacer]

_HEADROOM = 0.97  # requests that leave evenly arrive unevenly; the service counts arrivals

_GUESSED_RATE = 20.0  # requests a second where no page gives a limit: the largest published one

_LONGEST_PAUSE_SECONDS = 60.0  # that a refusal or a count may impose; the account is shared by the whole process

_SHORTEST_SLEEP_SECONDS, _LONGEST_SLEEP_SECONDS = 0.005, 0.1  # in the queue; its first sleeps as long as it must


def _share_of(limit: RateLimit) -> RateShare:
    return RateShare() if limit.requests_per_minute is not None else RateShare(most=float("inf"))


def _wait(seconds: float, stop: threading.Event | None) -> None:
    if stop is None:
        time.sleep(seconds)
    else:
        stop.wait(seconds)


class LimiterPermit:
    """The right to send one request; tells the limiter what became of it. Use it in a ``with`` block."""

    def __init__(self, limiter: Limiter, sent_at: float, tokens: float, share: float) -> None:
        self.sent_at = sent_at
        self.tokens = tokens
        self.share = share
        self.sent = 1  # in the second up to then, this one included
        self.mean_share = share  # of those
        self._limiter = limiter

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._limiter._release()  # noqa: SLF001 - the two classes are one mechanism

    def settle(self, actual_tokens: float) -> None:
        """Replace the estimate by the tokens that the service counted."""
        self._limiter._settle(self, actual_tokens)  # noqa: SLF001

    def succeeded(self) -> None:
        """Say that the request was let through: the rate may rise."""
        self._limiter._succeeded()  # noqa: SLF001

    def throttled(self, retry_after_seconds: float | None = None) -> None:
        """Say that the request was refused for its rate: the rate falls, and nothing leaves before the time named."""
        self._limiter._throttled(self, retry_after_seconds)  # noqa: SLF001


class Limiter(ForkAware):
    """Lets requests leave evenly, within the limits, and slower for as long as the service refuses some.

    Parameters
    ----------
    limit : RateLimit
        The documented limits of the account for the model. May be replaced at any time.
    clock : callable
        Seconds that only rise.
    wait : callable
        ``wait(seconds, stop)`` returns after so many seconds, or as soon as the event ``stop`` is set.

    Notes
    -----
    The rate is the limit times a share that rises and falls, see ``RateShare``; it falls at most once a second, and no
    second has more requests than the rate, so that after a fall nothing leaves before there is room. Without a limit
    for requests the rate begins at ten a second and doubles every other second until the first refusal.

    Tokens are counted when a request leaves, by its estimate, so what is in flight is counted too. A request of more
    than a second's tokens leaves alone and the next waits until the average is right again.
    """

    def __init__(
        self,
        limit: RateLimit,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float, threading.Event | None], None] = _wait,
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._wait = wait
        self._queue: deque[object] = deque()
        self._sent: deque[LimiterPermit] = deque()  # of the last second
        self._refused: deque[float] = deque(maxlen=1000)  # when they had been sent
        self._in_flight = 0
        self._share = _share_of(limit)
        self._last_sent_at = self._last_decrease_at = self._paused_until = self._tokens_even_at = (
            self._first_ready_at
        ) = float("-inf")
        super().__init__()

    def __repr__(self) -> str:
        return f"Limiter({self._limit}): {self._share.value:.0%} of the rate, {self._in_flight} requests in flight"

    @property
    def limit(self) -> RateLimit:
        """The limits believed in; with other ones, what was learned of the old ones is forgotten."""
        return self._limit

    @limit.setter
    def limit(self, limit: RateLimit) -> None:
        with self._lock:
            if limit.rates != self._limit.rates:
                self._share = _share_of(limit)
            self._limit = limit

    @property
    def in_flight(self) -> int:
        """Requests that left and whose outcome is not known."""
        return self._in_flight

    @property
    def is_throttled(self) -> bool:
        """Whether the service refused requests lately, so that they leave more slowly than allowed."""
        with self._lock:
            return self._share.is_lowered or self._clock() < self._paused_until

    def acquire(
        self, tokens_estimate: float = 0, *, stop: threading.Event | None = None, deadline: float | None = None
    ) -> LimiterPermit:
        """Wait until a request may leave; first come, first served.

        Parameters
        ----------
        tokens_estimate : float
            Tokens that the request will probably count.
        stop : threading.Event, optional
            Ends the waiting at once when it is set.
        deadline : float, optional
            Time of the limiter's clock until which the request must have left.

        Raises
        ------
        concurrent.futures.CancelledError
            If ``stop`` was set.
        TimeoutError
            If the deadline will pass first; raised as soon as that is certain.
        """
        ticket = object()
        with self._lock:
            self._queue.append(ticket)
        try:
            while True:
                if stop is not None and stop.is_set():
                    raise CancelledError("The wait for the rate limit was stopped.")
                with self._lock:
                    now = self._clock()
                    if self._queue[0] is ticket:
                        delay = self._delay(now, tokens_estimate)
                        self._first_ready_at = now + delay
                    else:
                        delay = self._queue_delay(now, ticket)
                    if delay <= 0:
                        return self._depart(now, tokens_estimate)
                if deadline is not None and now + delay > deadline:
                    raise TimeoutError(f"The rate limit lets this request leave in {delay:.1f} s, after its deadline.")
                self._wait(delay, stop)
        finally:
            with self._lock:
                self._queue.remove(ticket)

    def reserve(self, tokens_estimate: float = 0, *, within_seconds: float) -> tuple[LimiterPermit | None, float]:
        """Return a permit and in how many seconds its request may leave, without waiting.

        For one who hands out permits to others: each call gets the next departure that is free. Where that lies
        further ahead than ``within_seconds``, or too many requests are in flight, there is no permit, and the seconds
        say when to ask again.
        """
        with self._lock:
            if self._limit.at_once is not None and self._in_flight >= self._limit.at_once:
                return None, _LONGEST_SLEEP_SECONDS / 2
            now = self._clock()
            begin = max(now, self._last_sent_at)  # earlier permits may not have left yet
            leaves_at = begin + max(0.0, self._delay(begin, tokens_estimate))
            if leaves_at - now > within_seconds:
                return None, leaves_at - now - within_seconds
            return self._depart(leaves_at, tokens_estimate), leaves_at - now

    def _request_rate(self) -> float:
        """Return requests a second at this time."""
        per_minute = self._limit.requests_per_minute
        full_rate = _GUESSED_RATE if per_minute is None else per_minute / 60
        return full_rate * self._share.value * _HEADROOM

    def _token_rate(self) -> float | None:
        per_minute = self._limit.tokens_per_minute
        return None if per_minute is None else per_minute / 60 * min(1.0, self._share.value) * _HEADROOM

    def _delay(self, now: float, tokens: float) -> float:
        rate = self._request_rate()
        ready = max(self._paused_until, self._last_sent_at + 1 / rate)
        self._forget_before(now - 1)
        too_many = len(self._sent) + 1 - math.ceil(rate)
        if too_many > 0:
            ready = max(ready, self._sent[too_many - 1].sent_at + 1)
        token_rate = self._token_rate()
        if token_rate is not None:
            ready = max(ready, self._tokens_even_at, self._room_at(now, tokens, token_rate))
        return ready - now

    def _room_at(self, now: float, tokens: float, tokens_in_a_second: float) -> float:
        """Return when the second before has room for so many tokens, or is empty."""
        counted = sum(permit.tokens for permit in self._sent)
        room_at = now
        for permit in self._sent:
            if counted + tokens <= tokens_in_a_second:
                break
            counted -= permit.tokens
            room_at = permit.sent_at + 1
        return room_at

    def _queue_delay(self, now: float, ticket: object) -> float:
        """Return when to look again who is not first: when it will be at this pace, or sooner as the pace may rise."""
        behind = (self._queue.index(ticket) - 1) / self._request_rate()
        return min(max(self._first_ready_at + behind - now, _SHORTEST_SLEEP_SECONDS), _LONGEST_SLEEP_SECONDS)

    def _depart(self, now: float, tokens: float) -> LimiterPermit:
        self._forget_before(now - 1)
        permit = LimiterPermit(self, now, tokens, self._share.value)
        self._sent.append(permit)
        permit.sent = len(self._sent)
        permit.mean_share = (self._sent[0].share + permit.share) / 2
        self._last_sent_at = now
        self._in_flight += 1
        token_rate = self._token_rate()
        if token_rate is not None:
            self._tokens_even_at = max(now - 1, self._tokens_even_at) + tokens / token_rate
        return permit

    def _forget_before(self, moment: float) -> None:
        while self._sent and self._sent[0].sent_at <= moment:
            self._sent.popleft()

    def _release(self) -> None:
        with self._lock:
            self._in_flight = max(0, self._in_flight - 1)  # a fork in between has set it to 0

    def _settle(self, permit: LimiterPermit, actual_tokens: float) -> None:
        with self._lock:
            token_rate = self._token_rate()
            if token_rate is not None:
                # What one request was counted as may cost a minute and no more, whatever the server says.
                most = max(permit.tokens, token_rate * _LONGEST_PAUSE_SECONDS)
                actual_tokens = min(max(0.0, actual_tokens), most)
                self._tokens_even_at += (actual_tokens - permit.tokens) / token_rate
            permit.tokens = actual_tokens

    def _succeeded(self) -> None:
        with self._lock:
            self._share.rise(self._clock())

    def _throttled(self, permit: LimiterPermit, retry_after_seconds: float | None) -> None:
        with self._lock:
            now = self._clock()
            if retry_after_seconds is not None:
                self._paused_until = max(self._paused_until, now + min(retry_after_seconds, _LONGEST_PAUSE_SECONDS))
            self._refused.append(permit.sent_at)
            if permit.sent_at <= self._last_decrease_at + 1:
                return  # it had left when the rate was lowered, or in the same second: the same refusal, seen again
            self._last_decrease_at = now
            refused = sum(permit.sent_at - 1 < sent_at <= permit.sent_at for sent_at in self._refused)
            self._share.fall(
                now,
                sent_at=permit.sent_at,
                sent=permit.sent,
                accepted=max(0, permit.sent - refused),
                share=permit.mean_share,
            )

    def after_fork_in_child(self) -> None:
        """Keep the pace, forget the threads and requests that stayed in the parent."""
        super().after_fork_in_child()
        self._queue.clear()
        self._in_flight = 0


_FIRST = 0.5  # a full rate from nothing is refused as a burst

_LEAST = 0.02

_FIRST_RISE = 0.25  # a second, until the full rate or the first refusal

_DOUBLING_SECONDS = 2.0  # of the first rise where no limit is known

_HOLD_SECONDS = 30.0  # after a refusal, before it rises again

_LATER_RISE = 0.002  # a second squared: little at first, tenfold within two minutes

_SEARCH_SECONDS = 5.0  # how long a limit that the first rise ran into is looked for

_CLEARLY_LOWER = 0.85  # than the most; what is nearer to it may be the documented limit and uneven arrivals

_DEEPEST_FALL = 0.5

_SHALLOWEST_FALL = 0.985


class RateShare:
    """A share of the full rate that rises with successes and falls with refusals. It knows no lock.

    A refusal amid the first rise shows a limit that is lower than believed: the share falls to what the service let
    through in the second before. One that comes later is mostly an accident of arrival, several requests having come
    together on the way, and lowers it a little; more of them in one second lower it by their part. Then the share
    stays for half a minute, so that a limit that was found is rarely touched, and rises ever faster, so that one that
    went away is forgotten within two minutes.

    Parameters
    ----------
    value : float
        Where it begins.
    most : float
        Where it ends; infinite if the full rate is a guess, and then the first rise doubles it every other second.
    """

    def __init__(self, value: float = _FIRST, *, most: float = 1.0) -> None:
        self.value = value
        self._most = most
        self._highest = value
        self._rose_at: float | None = None
        self._risen_at: float | None = None  # when the first rise ended at the most
        self._fell_at: float | None = None
        self._search_ends_at = float("-inf")

    @property
    def is_lowered(self) -> bool:
        """Whether a refusal holds it down still."""
        return self._fell_at is not None and self.value < 0.9 * min(self._most, self._highest)

    def rise(self, now: float) -> None:
        """Take a success into account; it stands for the time since the last one, at most a second."""
        elapsed = 0.0 if self._rose_at is None else min(1.0, now - self._rose_at)
        self._rose_at = now
        if self._fell_at is not None:
            self.value *= math.exp(_LATER_RISE * max(0.0, now - self._fell_at - _HOLD_SECONDS) * elapsed)
        elif math.isinf(self._most):
            self.value *= 2.0 ** (elapsed / _DOUBLING_SECONDS)
        else:
            self.value += _FIRST_RISE * elapsed
        if self.value >= self._most:
            self.value = self._most
            self._risen_at = now if self._risen_at is None else self._risen_at
        self._highest = max(self._highest, self.value)

    def fall(self, now: float, *, sent_at: float, sent: int, accepted: int, share: float) -> None:
        """Take a refusal into account.

        Parameters
        ----------
        sent_at : float
            When the refused request had left.
        sent : int
            How many requests left in the second up to then, itself included.
        accepted : int
            Those of them that are not known as refused.
        share : float
            The mean share at which they left.
        """
        let_through = share * accepted / sent
        was_rising = self._fell_at is None and (self._risen_at is None or sent_at <= self._risen_at + 1)
        if was_rising and let_through < _CLEARLY_LOWER * self._most:
            self._search_ends_at = now + _SEARCH_SECONDS
        expected = self.value * min(1.0, (accepted + 1) / sent)  # the refused one alone may be an accident
        target = let_through if now <= self._search_ends_at else expected
        highest, lowest = self.value * _SHALLOWEST_FALL, self.value * _DEEPEST_FALL
        self.value = max(_LEAST, min(max(target, lowest), highest))
        self._fell_at = now


class _Registry(ForkAware):
    """The limiters of this process."""

    def __init__(self) -> None:
        super().__init__()
        self._limiters: dict[tuple[bytes, str, str], Limiter] = {}
        self._salt = os.urandom(16)  # what is kept of a key is worth nothing outside this process

    def find(self, api_key: str, region: str, model: str, limit: RateLimit) -> Limiter:
        account = hashlib.blake2b(api_key.encode(), key=self._salt, digest_size=16).digest()
        fresh = Limiter(limit)  # outside the lock, which a fork takes
        with self._lock:
            limiter = self._limiters.setdefault((account, region, model), fresh)
            limiter.limit = limit
            return limiter


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
