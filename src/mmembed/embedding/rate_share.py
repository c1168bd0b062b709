"""How much of the documented rate is used: additive increase, multiplicative decrease."""

from __future__ import annotations

__all__ = ["RateShare"]

_FIRST = 0.5  # a full rate from nothing is refused as a burst
_LEAST = 0.02
_FIRST_RISE = 0.25  # a second, until the full rate or the first refusal
_LATER_RISE = 0.0001  # a second squared: little at first, all of it within two minutes
_BELOW_MEASURED = 0.97
_DEEPEST_FALL = 0.5
_SHALLOWEST_FALL = 0.97


class RateShare:
    """A share of the full rate that rises with successes and falls with refusals. It knows no lock.

    A refusal lowers it by the part of requests that the service refused lately, the best estimate there is of how far
    above the true limit it was. After that it rises with the square of the time, so that a limit that stays is rarely
    touched, and one that went away is soon forgotten.

    Parameters
    ----------
    value : float
        Where it begins.
    most : float
        Where it ends; infinite if the full rate is a guess.
    """

    def __init__(self, value: float = _FIRST, *, most: float = 1.0) -> None:
        self.value = value
        self._most = most
        self._fell_at: float | None = None
        self._rose_at: float | None = None

    @property
    def is_lowered(self) -> bool:
        """Whether a refusal holds it down still."""
        return self._fell_at is not None and self.value < 0.9

    def rise(self, now: float) -> None:
        """Take a success into account; it stands for the time since the last one, at most a second."""
        elapsed = 0.0 if self._rose_at is None else min(1.0, now - self._rose_at)
        slope = _FIRST_RISE if self._fell_at is None else 2 * _LATER_RISE * (now - self._fell_at)
        self.value = min(self._most, self.value + slope * elapsed)
        self._rose_at = now

    def fall(self, now: float, *, let_through: float) -> None:
        """Take a refusal into account; ``let_through`` is the accepted part of the requests of the second before."""
        factor = min(max(let_through * _BELOW_MEASURED, _DEEPEST_FALL), _SHALLOWEST_FALL)
        self.value = max(_LEAST, self.value * factor)
        self._fell_at = now
