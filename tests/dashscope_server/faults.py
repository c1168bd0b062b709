"""What a misbehaviour is, and when it strikes; the misbehaviours themselves are in the modules beside this one."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from .protocol import Exchange, Reply

When = Callable[[Exchange], bool]


class Wire(Protocol):
    """The connection as a misbehaviour sees it."""

    def send(self, data: bytes) -> None:
        """Write bytes; raises OSError if the client has gone."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than the server lives."""
        ...

    def wait_until_gone(self, seconds: float) -> bool:
        """Wait until the client hangs up, but not longer than ``seconds``; return whether it did."""
        ...

    def close(self) -> None:
        """End the connection in the ordinary way once the misbehaviour returns."""
        ...

    def reset(self) -> None:
        """End the connection with a reset once the misbehaviour returns."""
        ...


@dataclass(frozen=True)
class Fault:
    """One misbehaviour.

    Attributes
    ----------
    name : str
        Goes into ``Exchange.fault``.
    reply : callable or None
        Gives what is sent instead of an answer: the service does no work and charges nothing.
    change : callable or None
        Turns the JSON of a good answer into another value.
    dress : callable or None
        Turns the finished reply to a good answer (its status, headers, bytes) into another one.
    deliver : callable or None
        Writes the head and the body to the connection in its own way.
    works : bool
        Whether the service does the work, and charges it; without ``reply`` that is the rule, and False is for a
        connection that is lost before.
    spoils : bool
        Whether the client cannot use what arrives; the charge is then marked as not delivered.
    """

    name: str
    reply: Callable[[Exchange], Reply] | None = None
    change: Callable[[dict[str, Any]], object] | None = None
    dress: Callable[[Reply], Reply] | None = None
    deliver: Callable[[Wire, bytes, bytes], None] | None = None
    works: bool = True
    spoils: bool = True


@dataclass
class Misbehaviour:
    """A fault that was scripted for a server.

    Attributes
    ----------
    times : int or None
        How often it strikes at most; None is always.
    struck : int
        How often it has struck.
    """

    fault: Fault
    when: When
    times: int | None = None
    struck: int = 0
    cancelled: bool = False

    def cancel(self) -> None:
        """Behave again."""
        self.cancelled = True


@dataclass
class Script:
    """The misbehaviours of one server; the first that fits a request strikes."""

    entries: list[Misbehaviour] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault, when: When | int | Iterable[int] | None, times: int | None) -> Misbehaviour:
        """Script a fault; ``when`` is a predicate, one request number, several, or None for every request."""
        entry = Misbehaviour(fault, as_predicate(when), times)
        with self._lock:
            self.entries.append(entry)
        return entry

    def strike(self, exchange: Exchange) -> Fault | None:
        """Return the fault for a request, and count it."""
        with self._lock:
            for entry in self.entries:
                spent = entry.times is not None and entry.struck >= entry.times
                if not entry.cancelled and not spent and entry.when(exchange):
                    entry.struck += 1
                    return entry.fault
        return None


def as_predicate(when: When | int | Iterable[int] | None) -> When:
    """Return a predicate for what ``misbehave(when=)`` accepts."""
    if when is None:
        return lambda exchange: True  # noqa: ARG005  # a predicate takes the exchange
    if isinstance(when, int):
        return on_requests(when)
    if callable(when):
        return when
    return on_requests(*when)


def on_requests(*numbers: int) -> When:
    """Strike at these requests to the embedding address, counted from 1."""
    wanted = frozenset(numbers)
    return lambda exchange: exchange.number in wanted


def every(n: int) -> When:
    """Strike at every n-th request."""
    return lambda exchange: exchange.number % n == 0


def containing(marker: str) -> When:
    """Strike where a text or an address holds the marker."""

    def found(value: object) -> bool:
        if isinstance(value, str):
            return marker in value
        if isinstance(value, dict):
            return any(found(one) for one in value.values())
        return isinstance(value, list) and any(found(one) for one in value)

    return lambda exchange: found(exchange.contents)


def embedding(*contents: object) -> When:
    """Strike where one of these contents is asked for, e.g. ``{"text": "a"}`` or ``"a"``."""

    def plain(value: object) -> object:
        return {"text": value} if isinstance(value, str) else value

    wanted = [plain(one) for one in contents]
    return lambda exchange: any(plain(one) in wanted for one in exchange.contents or ())


def with_probability(share: float, seed: int = 0) -> When:
    """Strike at this share of the requests; which ones depends on their number and the seed alone."""
    return lambda exchange: random.Random(f"{seed}:{exchange.number}").random() < share  # noqa: S311  # not a secret
