"""What a candidate for the name of a cluster rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True)
class Evidence:
    """One candidate term of one cluster, as ``.audit()`` shows it.

    Attributes
    ----------
    term : str
        The word or phrase.
    source : {"text", "vocabulary"}
        Whether it stands in the texts of the cluster, or is near to its vectors.
    score : float
        How much it sets the cluster apart from its siblings; comparable within one source only.
    inside, outside : int
        Rows of the cluster, and of the other clusters, that speak for the term: whose text, as far as it was read, has
        it, or whose vector is nearer to it than halfway between the cluster's mean and that of the others.
    inside_share, outside_share : float
        The same as shares of the rows looked at.
    examples : tuple of int
        Positions of up to three rows of the cluster that speak for it.
    is_broad : bool
        Whether it is a wide word of the vocabulary, such as "food", that says what many things are.
    """

    term: str
    source: Literal["text", "vocabulary"]
    score: float
    inside: int
    inside_share: float
    outside: int
    outside_share: float
    examples: tuple[int, ...] = ()
    is_broad: bool = False
