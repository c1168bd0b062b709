"""What a run shares with other runs: the account's limits, the claims on contents, the money that may be spent.

By default with the runs of this process (limits) and of this machine (claims); whoever spreads a run over several
machines gives other ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from mmembed.embedding.limiter import RateLimit, limiter_for

__all__ = ["ALONE", "ClaimBook", "Leave", "LimiterSource", "Pacer", "Sharing"]


class Leave(Protocol):
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
    """Says when a request may leave; :class:`mmembed.embedding.limiter.Limiter` is the one of a process."""

    @property
    def is_throttled(self) -> bool:
        """Whether the service refused requests lately."""
        ...

    def acquire(
        self, tokens_estimate: float = 0, *, stop: threading.Event | None = None, deadline: float | None = None
    ) -> Leave:
        """Wait until a request may leave."""
        ...


class ClaimBook(Protocol):
    """Who is buying which content at this moment."""

    def take(self, keys: Sequence[bytes]) -> list[bool]:
        """Claim keys; return for each whether it is this run's now."""
        ...

    def give_back(self, keys: Sequence[bytes]) -> None:
        """End the claims, whether the contents were bought or not."""
        ...


LimiterSource = Callable[[str, str, str, RateLimit], Pacer]
"""From API key, address, model and limits to what paces the requests of that account."""


@dataclass(frozen=True)
class Sharing:
    """What a run shares, and with whom.

    Attributes
    ----------
    limiters : callable
        Gives the pacer of an account and model; by default the one of this process.
    claims : ClaimBook, optional
        Claims on contents; by default those of the cache's folder.
    bill : callable, optional
        Is told what each answer cost, in CNY, and returns what all who share ``max_cost`` have paid so far; by default
        only this run does. Where it is given, whoever gives it has checked the price of the whole.
    """

    limiters: LimiterSource = limiter_for
    claims: ClaimBook | None = None
    bill: Callable[[float], float] | None = None


ALONE = Sharing()
