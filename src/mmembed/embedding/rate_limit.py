"""What the service allows an account."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RateLimit"]


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
