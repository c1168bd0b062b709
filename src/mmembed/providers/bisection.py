"""Finding the contents for whose sake a batch is refused, with few further tries.

It knows only positions and a function that sends them; what a refusal is, others say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Refusal = TypeVar("Refusal", bound=Exception)


class Bisection(Generic[Refusal]):
    """Halves a refused request until what is left is accepted or is a single content.

    One bad content among n costs at most 2·⌈log2(n)⌉ requests besides the refused one. Where one half was accepted, the
    blame is on the other, which is halved without being sent again.

    Parameters
    ----------
    send : callable
        Sends the contents at these positions; keeps their vectors; raises a refusal.
    refusal : type
        What ``send`` raises where contents are to blame.
    give_up : callable
        Is told the position and the refusal of each content that is refused alone.
    """

    def __init__(
        self,
        send: Callable[[Sequence[int]], None],
        refusal: type[Refusal],
        give_up: Callable[[int, Refusal], None],
    ) -> None:
        self._send = send
        self._refusal = refusal
        self._give_up = give_up

    def run(self, positions: Sequence[int], *, blames_size: Callable[[Refusal], bool]) -> None:
        """Send the positions, and halve them where they are refused.

        Parameters
        ----------
        positions : sequence of int
            The contents of one request.
        blames_size : callable
            Whether a refusal is for the number or the bytes of all contents together, so that nothing follows for one
            half from the other.
        """
        refusal = self._try(positions)
        if refusal is not None and len(positions) > 1:
            self._halve(positions, blames_size, whole=blames_size(refusal))

    def _halve(self, positions: Sequence[int], blames_size: Callable[[Refusal], bool], *, whole: bool) -> None:
        middle = (len(positions) + 1) // 2
        first, second = positions[:middle], positions[middle:]
        refusal = self._try(first)
        if refusal is not None and len(first) > 1:
            self._halve(first, blames_size, whole=blames_size(refusal))
        if refusal is not None or whole or len(second) == 1:
            self.run(second, blames_size=blames_size)
        else:
            self._halve(second, blames_size, whole=False)

    def _try(self, positions: Sequence[int]) -> Refusal | None:
        """Send; return the refusal, which is final where it is for one content."""
        try:
            self._send(positions)
        except self._refusal as refusal:
            if len(positions) == 1:
                self._give_up(positions[0], refusal)
            return refusal
        return None
