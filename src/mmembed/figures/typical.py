"""What is typical of groups whose names say nothing, written beside these names: a reader can tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.names.names import says_nothing
from mmembed.analysis.names.terms import has_han
from mmembed.analysis.tallies.categories import Categories
from mmembed.contents.content import file_name
from mmembed.frames import one_line

_MOST = 2
_CHARACTERS = 24
_HAN_CHARACTERS = 12


def name_by_content(grouping: Categories, typical: Callable[[int], Iterable[str]]) -> Categories:
    """Return groups with typical content beside the names that say nothing; the others keep theirs.

    Parameters
    ----------
    grouping : Categories
    typical : callable
        Gives contents of typical rows of a group by its code, the most typical first; empty ones are passed by.

    Examples
    --------
    >>> from mmembed.analysis.tallies.categories import Category
    >>> groups = Category(0, "mixed", 2), Category(1, "mixed (2)", 1)
    >>> contents = [["zebra", "spoon"], ["a red dress"]]
    >>> [one.name for one in name_by_content(Categories(np.array([0, 0, 1]), groups), contents.__getitem__).groups]
    ['mixed: zebra, spoon', 'mixed (2): a red dress']
    """
    named = []
    for code, group in enumerate(grouping.groups):
        told = _first_different(typical(code)) if says_nothing(group.name) else []
        named.append(replace(group, name=_beside(group.name, told)) if told else group)
    return replace(grouping, groups=tuple(named))


def content_of(texts: Sequence[pd.Series], pictures: Sequence[pd.Series], row: int) -> str:
    """Return the first words of a row: of its texts, or else the name of its file without the suffix."""
    for column in texts:
        if text := one_line(column.iloc[row], 4 * _CHARACTERS):
            return text
    return next((stem for column in pictures if (stem := PurePath(file_name(column.iloc[row])).stem)), "")


def rank_rows(
    rows: npt.NDArray[np.intp],
    scores: npt.NDArray[np.float64] | None,
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
) -> npt.NDArray[np.intp]:
    """Return rows of one group, the most typical first.

    Typical is a high score where there are scores, and otherwise nearness to the median of the group on the map. Rows
    that have neither come last.
    """
    if scores is not None and np.isfinite(scores[rows]).any():
        merit = scores[rows]
    elif np.isfinite(x[rows]).any():
        merit = -np.hypot(x[rows] - np.nanmedian(x[rows]), y[rows] - np.nanmedian(y[rows]))
    else:
        merit = np.zeros(len(rows))
    return rows[np.argsort(-np.nan_to_num(merit, nan=-np.inf), kind="stable")]


def _first_different(contents: Iterable[str]) -> list[str]:
    found: dict[str, str] = {}
    for content in contents:
        short = _first_words(content)
        if short:
            found.setdefault(short.casefold(), short)
        if len(found) == _MOST:
            break
    return list(found.values())


def _first_words(content: str) -> str:
    """Return the beginning of a content, cut between words where it has blanks."""
    line = one_line(content, 4 * _CHARACTERS)
    most = _HAN_CHARACTERS if has_han(line) else _CHARACTERS
    if len(line) <= most:
        return line
    start = line[:most]
    whole = start.rsplit(" ", 1)[0] if " " in start and line[most] != " " else start
    return f"{whole.rstrip()}…"


def _beside(name: str, contents: Sequence[str]) -> str:
    if has_han(name):
        return f"{name}：{'、'.join(contents)}"
    return f"{name}: {', '.join(contents)}"
