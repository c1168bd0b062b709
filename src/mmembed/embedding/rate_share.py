"""How much of the documented rate is used: a quick rise to the first refusal, then what the service bears."""

from __future__ import annotations

import math

__all__ = ["RateShare"]

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
