"""The table of topics: one line each with what is measured of it, and the smaller groups within it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmembed.analysis.tallies.categories import group_rows
from mmembed.analysis.tallies.deviations import Deviation, Shift
from mmembed.report.cards import Card
from mmembed.report.request import Columns
from mmembed.report.statements import UNSTABLE, Standings
from mmembed.report.words import Words

_MOST_PARTS = 12


@dataclass(frozen=True, slots=True)
class PartLine:
    """A smaller group within a topic."""

    name: str
    size: int
    share: float


@dataclass(frozen=True, slots=True)
class TopicLine:
    """What the table says of one topic beside its card.

    Attributes
    ----------
    card : Card
    stability : float or None
        None where nobody measured it.
    deviation : Deviation or None
        The value that it has most beyond its part of the table; None where none stands out.
    shift : Shift or None
        None where its share did not change over time.
    """

    card: Card
    stability: float | None
    deviation: Deviation | None
    shift: Shift | None
    parts: tuple[PartLine, ...] = ()

    @property
    def is_unstable(self) -> bool:
        """Whether the topic would be another one in other rows."""
        return self.stability is not None and self.stability < UNSTABLE


def make_topic_lines(
    cards: Sequence[Card], standings: Standings, columns: Columns, words: Words
) -> tuple[TopicLine, ...]:
    """Return a line for each card, in the same order."""
    parts = _parts(cards, columns, words)
    lines = []
    for card in cards:
        shift = standings.shifts.get(card.group.key)
        lines.append(
            TopicLine(
                card=card,
                stability=standings.stabilities.get(card.group.key),
                deviation=standings.outstanding(card.group.key),
                shift=shift if shift is not None and shift.stands_out else None,
                parts=parts.get(card.code, ()),
            )
        )
    return tuple(lines)


def _parts(cards: Sequence[Card], columns: Columns, words: Words) -> dict[int, tuple[PartLine, ...]]:
    """Return the smaller groups of each topic, the largest first; nothing where one is all of its topic.

    A sample does not tell the sizes of a whole table, so that there are none where the rows are a sample.
    """
    if columns.parts is None or columns.whole is not None:
        return {}
    above = group_rows(columns.cluster, columns.names)
    below = group_rows(columns.parts, columns.part_names, prefix=words("cluster_prefix"))
    found: dict[int, list[PartLine]] = {}
    for code, group in enumerate(below.groups):
        owners = above.codes[below.rows(code)]
        owner = int(np.bincount(owners[owners >= 0]).argmax()) if (owners >= 0).any() else -1
        if 0 <= owner < len(cards):
            name = group.name.removeprefix(f"{cards[owner].group.name} / ")
            found.setdefault(owner, []).append(PartLine(name, group.size, group.size / max(len(columns.cluster), 1)))
    return {owner: tuple(lines[:_MOST_PARTS]) for owner, lines in found.items() if len(lines) > 1}
