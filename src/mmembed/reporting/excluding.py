"""What the page does not show, counted by reason: nothing is left out in silence."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from mmembed.reporting.cards import CardSources
from mmembed.reporting.payload import CutTexts
from mmembed.reporting.selecting import Positions
from mmembed.reporting.wording import WORD_KEYS, Words


def count_excluded(
    words: Words,
    sources: CardSources,
    *,
    on_map: npt.NDArray[np.bool_],
    points: Positions,
    texts: CutTexts,
    reasons: Counter[str],
) -> list[tuple[str, int]]:
    """Return reasons with the number of rows or cells that each one kept off the page.

    Parameters
    ----------
    on_map : numpy.ndarray of bool, shape (n,)
        Rows with coordinates.
    points : numpy.ndarray
        Rows that the map shows.
    reasons : Counter of str
        Rows without a thumbnail, by reason code.
    """
    grouping = sources.grouping
    has_cluster = grouping.codes >= -1
    whole = sources.whole
    unread = 0 if sources.calendar is None else sources.calendar.unreadable
    counts = [
        (words("why_missing"), grouping.missing),
        (words("why_noise"), grouping.noise),
        (words("why_not_drawn"), 0 if whole is None else whole.rows - whole.missing - int(has_cluster.sum())),
        (words("why_off_map"), int((has_cluster & ~on_map).sum())),
        (words("why_sampled"), int((has_cluster & on_map).sum()) - len(points)),
        (words("why_cut", length=str(texts.length)), texts.cut),
        (words("why_date"), unread if whole is None else whole.unreadable),
        *(
            (words("why_thumbnail", reason=words(f"reason_{code}") if f"reason_{code}" in WORD_KEYS else code), count)
            for code, count in sorted(reasons.items(), key=lambda item: -item[1])
        ),
    ]
    return [(why, count) for why, count in counts if count]
