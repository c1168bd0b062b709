"""What was sold: each content of each answered request, so that a test can say what was bought twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .protocol import TokenCount


@dataclass
class Charge:
    """One vector that was made and charged.

    Attributes
    ----------
    request : int
        Number of the request, from 1.
    key : bytes
        What was bought: content, model, dimension and options in one hash.
    delivered : bool
        Whether a whole, right answer was handed to the connection; a broken one is charged all the same.
    """

    request: int
    account: str
    model: str
    kind: str
    key: bytes
    tokens: TokenCount
    cost: float
    delivered: bool = True


class Bill:
    """All charges of one server, safe to read while it runs."""

    def __init__(self) -> None:
        self._charges: list[Charge] = []
        self._lock = threading.Lock()

    def add(self, charges: Iterable[Charge]) -> None:
        """Charge the vectors of one request."""
        with self._lock:
            self._charges.extend(charges)

    @property
    def charges(self) -> tuple[Charge, ...]:
        """Every charge, in the order of answering."""
        with self._lock:
            return tuple(self._charges)

    @property
    def vectors(self) -> int:
        """How many vectors were sold, the same one counted each time."""
        return len(self.charges)

    @property
    def distinct(self) -> int:
        """How many different vectors were sold."""
        return len(self.counts)

    @property
    def counts(self) -> Counter[bytes]:
        """How often each vector was sold, by key."""
        return Counter(charge.key for charge in self.charges)

    @property
    def paid_twice(self) -> dict[bytes, int]:
        """The vectors that were handed over whole more than once, with how often: what no client should ever cause."""
        delivered = Counter(charge.key for charge in self.charges if charge.delivered)
        return {key: count for key, count in delivered.items() if count > 1}

    @property
    def wasted(self) -> int:
        """How many vectors were charged although their answer did not arrive whole and right."""
        return sum(not charge.delivered for charge in self.charges)

    @property
    def requests(self) -> int:
        """How many requests were charged."""
        return len({charge.request for charge in self.charges})

    @property
    def tokens(self) -> int:
        """All input tokens."""
        return sum(charge.tokens.total for charge in self.charges)

    @property
    def cost(self) -> float:
        """All charges, in CNY."""
        return sum(charge.cost for charge in self.charges)

    def __repr__(self) -> str:
        return (
            f"<Bill: {self.vectors} vectors ({self.distinct} distinct, {len(self.paid_twice)} paid twice, "
            f"{self.wasted} wasted) in {self.requests} requests, {self.tokens} tokens, {self.cost:.6f} CNY>"
        )
