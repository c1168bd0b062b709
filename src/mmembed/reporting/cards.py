"""What the report says of each cluster: size, typical rows, and how a chosen column is distributed in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.reporting.cells import one_line
from mmembed.reporting.grouping import Group, Grouping
from mmembed.reporting.wording import Words
from mmembed.vectors.construction import is_missing

_EXEMPLAR_LENGTH = 150
_BREAKDOWN_LINES = 4
_VALUE_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One typical row of a cluster.

    Attributes
    ----------
    point : int or None
        Its place in the map's data; None if it is not on the map.
    thumbnail : bytes or None
        Small picture.
    is_video : bool
        Whether the picture is a frame of a clip.
    """

    point: int | None
    texts: tuple[str, ...]
    thumbnail: bytes | None
    is_video: bool


@dataclass(frozen=True, slots=True)
class Share:
    """A value of the breakdown column: its name, rows and share of the cluster."""

    name: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Card:
    """One cluster on the page; ``code`` is its rank and gives its colour."""

    code: int
    group: Group
    share: float
    cohesion: float | None
    exemplars: tuple[Exemplar, ...]
    breakdown: tuple[Share, ...]


def make_cards(
    grouping: Grouping,
    exemplars: Sequence[Sequence[int]],
    *,
    points: npt.NDArray[np.intp],
    texts: Sequence[pd.Series],
    scores: npt.NDArray[np.float64] | None,
    breakdown: pd.Series | None,
    words: Words,
) -> list[Card]:
    """Return a card for each group that has exemplars, the largest group first, still without pictures.

    Parameters
    ----------
    exemplars : sequence of sequence of int
        Positions of the typical rows of the first groups.
    points : numpy.ndarray
        Positions of the rows on the map, ascending.
    """
    place = {row: point for point, row in enumerate(points.tolist())}
    total = len(grouping.codes)
    cards = []
    for code, rows in enumerate(exemplars):
        members = grouping.rows(code)
        shown = tuple(
            Exemplar(
                place.get(row),
                tuple(one_line(column.iloc[row], _EXEMPLAR_LENGTH) for column in texts),
                None,
                is_video=False,
            )
            for row in rows
        )
        group = grouping.groups[code]
        values = None if breakdown is None else breakdown.iloc[members]
        shares = () if values is None else count_values(values, words)
        cards.append(Card(code, group, group.size / total, _mean(scores, members), shown, shares))
    return cards


def count_values(values: pd.Series, words: Words) -> tuple[Share, ...]:
    """Return the most frequent values of a column with their shares; the rest is one line at the end."""
    empty = words("no_value")
    names = pd.Series([empty if is_missing(cell) else one_line(cell, _VALUE_LENGTH) or empty for cell in values])
    counts = sorted(names.value_counts().items(), key=lambda item: (-item[1], str(item[0])))
    total = max(len(names), 1)
    # A rest of one value is shown as itself.
    top = counts if len(counts) == _BREAKDOWN_LINES + 1 else counts[:_BREAKDOWN_LINES]
    shares = [Share(str(name), int(count), count / total) for name, count in top]
    rest = sum(int(count) for _, count in counts[len(top) :])
    if rest:
        shares.append(Share(words("breakdown_other", count=f"{len(counts) - len(top):,}"), rest, rest / total))
    return tuple(shares)


def _mean(scores: npt.NDArray[np.float64] | None, rows: npt.NDArray[np.intp]) -> float | None:
    if scores is None or not np.isfinite(scores[rows]).any():
        return None
    return float(np.nanmean(scores[rows]))
