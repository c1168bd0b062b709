"""The rule on which vectors may be compared: one dimension, one space, or a space that nobody named."""

from __future__ import annotations

from typing import Protocol

from mmembed.errors import DimensionMismatchError, SpaceMismatchError


class InSpace(Protocol):
    """Anything that has a dimension and a space: a dtype, an array, a single vector."""

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        ...

    @property
    def space(self) -> str | None:
        """Name of the model, or None if unknown."""
        ...


def check_comparable(left: InSpace, right: InSpace) -> None:
    """Refuse to compare vectors that do not mean the same.

    A space of None is unknown (vectors that did not come from ``embed``) and is taken at the caller's word.

    Raises
    ------
    SpaceMismatchError
        If both spaces are known and differ; the message names both.
    DimensionMismatchError
        If the dimensions differ.
    """
    if left.space is not None and right.space is not None and left.space != right.space:
        raise SpaceMismatchError(
            f"Vectors of {left.space!r} cannot be compared with vectors of {right.space!r}: "
            "each model has a space of its own. Embed both with one model."
        )
    if left.dimension != right.dimension:
        raise DimensionMismatchError(
            f"Vectors of dimension {left.dimension} cannot be compared with vectors of dimension {right.dimension}. "
            "Embed both with one dimension, or shorten the longer with series.mmembed.truncate(dimension)."
        )
