"""What the report says of each cluster, computed once for page, Markdown and JSON.

A card has figures (size, share, cohesion, breakdown, trend, centroid), keywords, and the typical and borderline rows.
The rows that a report shows are chosen here: an even sample for the map, typical rows for the cards, an order for
thumbnails.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.names.keywords import keywords
from mmembed.analysis.names.names import parts_of, says_nothing
from mmembed.analysis.names.terms import HAN, has_han
from mmembed.analysis.tallies.categories import MISSING, Categories, Category
from mmembed.analysis.tallies.deviations import has_peak
from mmembed.analysis.tallies.totals import CountedColumns, WholeTable, count_table
from mmembed.analysis.tallies.trend import Period
from mmembed.figures.typical import rank_rows
from mmembed.frames import one_line
from mmembed.report.request import Columns
from mmembed.report.words import Words, percent

_BREAKDOWN_LINES = 4

_MOST_KEYWORDS = 6

# The rows of each of so many periods are told one by one, of more the fewest and the most.
_LISTED_PERIODS = 14

_KEYWORD_LENGTH = 40

# Rows that are read to see whether a group's texts have the terms of its name.
_READ_FOR_NAME = 5_000
_BESIDE_WORD = rf"[^\W_{HAN}]"


@dataclass(frozen=True, slots=True)
class Share:
    """A value of the breakdown column: its name, rows and share of the cluster."""

    name: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Card:
    """What a report says of one cluster.

    Attributes
    ----------
    code : int
        Its rank, which gives its colour.
    share : float
        Of all rows of the table.
    cohesion : float or None
        Mean cosine of its rows with its centroid; see :attr:`mmembed.analysis.tallies.totals.GroupFigures.cohesion`.
    exemplars, borderline : tuple of ShownRow
        Typical rows, and rows that barely belong to it; of the largest clusters only.
    values : mapping of str to int
        Rows by value of the breakdown column, an empty text for a missing one.
    breakdown : tuple of Share
        The most frequent values in the language of the report.
    trend : tuple of Period
        Its rows over time, in the periods that all cards share.
    step : {"D", "W", "M", "Y"} or None
        How long a period is; None without dates.
    centroid : numpy.ndarray of float64, shape (d,), or None
        Mean of its unit rows.
    """

    code: int
    group: Category
    share: float
    cohesion: float | None
    keywords: tuple[str, ...]
    exemplars: tuple[ShownRow, ...]
    borderline: tuple[ShownRow, ...]
    values: Mapping[str, int]
    breakdown: tuple[Share, ...]
    trend: tuple[Period, ...]
    step: str | None
    centroid: npt.NDArray[np.float64] | None

    @property
    def new_keywords(self) -> list[str]:
        """The keywords that the name does not have already."""
        named = self.group.name.casefold()
        return [one for one in self.keywords if one.casefold() not in named]

    @property
    def peak(self) -> Period | None:
        """The period with the most rows; None where there is no trend to show."""
        most = max(self.trend, key=lambda one: one.count, default=None)
        return most if most is not None and most.count and len(self.trend) > 1 else None

    @property
    def has_peak(self) -> bool:
        """Whether the period with the most rows stands out from the others."""
        return has_peak([one.count for one in self.trend])

    def figures(self, words: Words) -> str:
        """Return size, share and cohesion in one line."""
        told = [words.rows(self.group.size), percent(self.share)]
        if self.cohesion is not None:
            told.append(words("cohesion", score=f"{self.cohesion:.2f}"))
        return " · ".join(told)

    def trend_title(self, words: Words) -> str:
        """Return what the trend shows, and how long its periods are."""
        return words("trend" if self.step is None else f"trend_{self.step}")

    def trend_told(self, words: Words) -> str:
        """Return the trend in words and numbers, or nothing where there is none."""
        if self.peak is None:
            return ""
        ends = {"first": self.trend[0].name, "last": self.trend[-1].name}
        counts = [one.count for one in self.trend]
        if len(counts) <= _LISTED_PERIODS:
            told = words("trend_told", **ends, counts=words("separator").join(f"{one:,}" for one in counts))
        else:
            told = words("trend_told_range", **ends, low=f"{min(counts):,}", high=f"{max(counts):,}")
        if self.has_peak:
            told = words("trend_told_peak", told=told, most=self.peak.name, count=f"{self.peak.count:,}")
        return told


@dataclass(frozen=True)
class CardSources:
    """What cards are made from: the figures of the table, and the rows of each group that are shown.

    Attributes
    ----------
    whole : WholeTable
        Figures of all rows, which the rows at hand may be a sample of.
    exemplars, borderline : sequence of sequence of int
        Positions of the typical and of the least typical rows of the first groups.
    terms : mapping of int to tuple of str
        Keywords by group.
    names : tuple of str
        Names of the groups in the table, without what the page writes beside them.
    """

    whole: WholeTable
    grouping: Categories
    exemplars: Sequence[Sequence[int]]
    borderline: Sequence[Sequence[int]]
    terms: dict[int, tuple[str, ...]]
    names: tuple[str, ...]
    scores: npt.NDArray[np.float64] | None = None


def count_columns(columns: Columns) -> WholeTable:
    """Return the figures of all rows: those that were counted before where the rows are a sample of a table."""
    if columns.whole is not None:
        return columns.whole
    counted = CountedColumns(
        vector=_name(columns.vector),
        cluster=columns.cluster.name,
        name=_name(columns.names),
        score=_name(columns.scores),
        source=_name(columns.source),
        breakdown=_name(columns.breakdown),
        date=_name(columns.date),
    )
    parts = (columns.vector, columns.cluster, columns.names, columns.scores, columns.source, columns.breakdown)
    return count_table(pd.DataFrame({one.name: one for one in (*parts, columns.date) if one is not None}), counted)


def _name(column: pd.Series | None) -> Hashable | None:
    return None if column is None else column.name


def make_cards(sources: CardSources, reader: RowReader, words: Words) -> list[Card]:
    """Return a card for each group, the largest group first; those without exemplars show no rows."""
    whole, scores = sources.whole, sources.scores
    cards = []
    for code, group in enumerate(sources.grouping.groups):
        figures = whole.of(group.key)
        has_rows = code < len(sources.exemplars)
        exemplars, borderline = (sources.exemplars[code], sources.borderline[code]) if has_rows else ((), ())
        cards.append(
            Card(
                code=code,
                group=group,
                share=group.size / max(whole.rows, 1),
                cohesion=figures.cohesion,
                keywords=sources.terms.get(code, ()),
                exemplars=tuple(map(reader.row, exemplars)),
                borderline=tuple(reader.row(row, "" if scores is None else f"{scores[row]:.2f}") for row in borderline),
                values=figures.values,
                breakdown=share_out(figures.values, words=words),
                trend=whole.trend(group.key),
                step=None if whole.span is None else whole.span.step,
                centroid=figures.vector_sum / figures.vectors if figures.vectors else None,
            )
        )
    return cards


def find_keywords(
    grouping: Categories, texts: pd.Series | None, scores: npt.NDArray[np.float64] | None
) -> dict[int, tuple[str, ...]]:
    """Return the terms of each group: those of its name that its texts have, then what sets it apart, best first.

    There are none without texts or with one group.
    """
    if texts is None or len(grouping.groups) < 2:
        return {}
    weights = np.ones(len(texts)) if scores is None else np.nan_to_num(np.clip(scores, 0, 1))
    cells = texts.tolist()
    found = keywords(grouping.codes.astype(np.intp), cells, weights)
    told = {}
    for label, terms in found.items():
        rows = grouping.rows(label)[:_READ_FOR_NAME].tolist()
        named = _terms_of_name(grouping.groups[label].name, [cells[row] for row in rows])
        # Of two spellings that differ in case alone the first stays.
        by_spelling: dict[str, str] = {}
        for one in (*named, *(one_line(term.shown, _KEYWORD_LENGTH) for term in terms)):
            by_spelling.setdefault(one.casefold(), one)
        told[label] = tuple(by_spelling.values())[:_MOST_KEYWORDS]
    return told


def _terms_of_name(name: str, texts: Sequence[object]) -> list[str]:
    """Return the parts of a name that are words of texts; a name that says nothing has none.

    Examples
    --------
    >>> _terms_of_name("zip · leak · goods", ["The zip leaks", "goods"])
    ['zip', 'goods']
    """
    if says_nothing(name):
        return []
    parts = [part.strip() for part in parts_of(name)]
    read = [text for text in texts if isinstance(text, str)]
    return [part for part in parts if 0 < len(part) <= _KEYWORD_LENGTH and any(map(_word(part).search, read))]


def _word(part: str) -> re.Pattern[str]:
    """Return a pattern for a word: letters beside it are those of another one, signs of Chinese are none."""
    first, last = (sign.isalnum() and not has_han(sign) for sign in (part[0], part[-1]))
    before, after = f"(?<!{_BESIDE_WORD})" if first else "", f"(?!{_BESIDE_WORD})" if last else ""
    return re.compile(f"{before}{re.escape(part)}{after}", re.IGNORECASE)


def choose_borderline(
    ranked: Positions,
    chosen: Sequence[int],
    scores: npt.NDArray[np.float64] | None,
    looks: Callable[[int], Hashable],
) -> list[int]:
    """Return up to three rows of a group that barely belong to it and differ, the least typical first.

    Without scores nobody can say, and a group that is not twice as large as what is shown has no border to speak of.

    Parameters
    ----------
    ranked : numpy.ndarray
        Rows of the group, the most typical first.
    chosen : sequence of int
        Its typical rows.
    looks : callable
        Gives what a reader would see of a row; rows with equal looks are repeats.
    """
    if scores is None or len(ranked) < 2 * (len(chosen) + _BORDERLINE):
        return []
    # Where all scores are alike there is no border either.
    least = min((scores[row] for row in chosen), default=np.inf)
    known = ranked[np.isfinite(scores[ranked]) & (scores[ranked] < least)]
    seen: set[Hashable] = {looks(row) for row in chosen}
    found: list[int] = []
    for row in known[::-1][:_MOST_REPEATS].tolist():
        if len(found) < _BORDERLINE and (look := looks(row)) not in seen:
            found.append(row)
            seen.add(look)
    return found


def share_out(found: Mapping[str, int], *, words: Words) -> tuple[Share, ...]:
    """Return the most frequent of counted values with their shares; the rest is one line at the end."""
    named: Counter[str] = Counter()
    for name, count in found.items():
        named[name or words("no_value")] += count
    counts = sorted(named.items(), key=lambda item: (-item[1], item[0]))
    total = max(named.total(), 1)
    # A rest of one value is shown as itself.
    top = counts if len(counts) == _BREAKDOWN_LINES + 1 else counts[:_BREAKDOWN_LINES]
    shares = [Share(str(name), int(count), count / total) for name, count in top]
    rest = sum(int(count) for _, count in counts[len(top) :])
    if rest:
        shares.append(Share(words("breakdown_other", count=f"{len(counts) - len(top):,}"), rest, rest / total))
    return tuple(shares)


Positions = npt.NDArray[np.intp]

# Rows among which typical ones that differ are chosen, for each that is wanted.
_POOL = 4

# Rows at the border of a group that are shown, and those among which they are looked for.
_BORDERLINE, _MOST_REPEATS = 3, 60


def choose_points(on_map: npt.NDArray[np.bool_], codes: npt.NDArray[np.int64], most: int) -> Positions:
    """Return the positions of at most ``most`` rows on the map, ascending, every group thinned alike.

    The same frame gives the same rows: of each group every so-many-th row is taken, in the order of the frame.

    Parameters
    ----------
    on_map : numpy.ndarray of bool, shape (n,)
        Rows with coordinates.
    codes : numpy.ndarray, shape (n,)
        Group of each row.
    most : int
        Limit.
    """
    rows = np.flatnonzero(on_map & (codes != MISSING))
    if len(rows) <= most:
        return rows
    by_group = rows[np.argsort(codes[rows], kind="stable")]
    return np.sort(by_group[np.linspace(0, len(by_group) - 1, most).round().astype(np.intp)])


def rank_in_groups(
    grouping: Categories, scores: npt.NDArray[np.float64] | None, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> list[Positions]:
    """Return the rows of each group, the most typical first; see :func:`mmembed.figures.typical.rank_rows`."""
    return [rank_rows(grouping.rows(code), scores, x, y) for code in range(len(grouping.groups))]


def choose_exemplars(
    ranked: Positions,
    most: int,
    looks: Callable[[int], Hashable],
    vectors: Callable[[list[int]], npt.NDArray[np.float32] | None] | None = None,
) -> list[int]:
    """Return typical rows that differ: the most typical one, then each time the one least like those chosen.

    They are chosen among the most typical half of the group, four times as many as are wanted at most, so that no row
    at its edge stands for it. Without vectors they are the most typical rows that look different. Where there are too
    few, repeats fill up the rest.

    Parameters
    ----------
    ranked : numpy.ndarray
        Rows of one group, the most typical first.
    most : int
        How many are wanted.
    looks : callable
        Gives what a reader would see of a row; rows with equal looks are repeats.
    vectors : callable, optional
        Gives the unit vectors of rows, shape (r, d), or None where they have none.
    """
    different: list[int] = []
    repeats: list[int] = []
    seen: set[Hashable] = set()
    wanted = most if vectors is None else max(most, min(_POOL * most, (len(ranked) + 1) // 2))
    for row in ranked[: most * 20].tolist():
        if len(different) == wanted:
            break
        look = looks(row)
        (repeats if look in seen else different).append(row)
        seen.add(look)
    units = vectors(different) if vectors is not None and len(different) > most else None
    chosen = different[:most] if units is None else [different[at] for at in _farthest_first(units, most)]
    return chosen + repeats[: most - len(chosen)]


def _farthest_first(units: npt.NDArray[np.float32], most: int) -> list[int]:
    """Return the first row, then each time the one whose nearest chosen row is farthest (Gonzalez 1985)."""
    chosen = [0]
    # The last digits of a product depend on how many rows there are.
    nearest = np.round(units @ units[0], 5)
    while len(chosen) < most:
        nearest[chosen] = np.inf
        chosen.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, np.round(units @ units[chosen[-1]], 5))
    return chosen


def thumbnail_order(exemplars: list[list[int]], ranked: list[Positions], points: Positions) -> list[int]:
    """Return rows in the order in which they should get thumbnails: exemplars, then all groups in turn, then noise."""
    first = in_turns(exemplars)
    seen = set(first)
    shown = set(points.tolist())
    turns = sorted((turn, code, int(row)) for code, rows in enumerate(ranked) for turn, row in enumerate(rows))
    rest = [row for _, _, row in turns if row in shown and row not in seen]
    seen.update(rest)
    return [*first, *rest, *(row for row in points.tolist() if row not in seen)]


def in_turns(lists: list[list[int]]) -> list[int]:
    """Return the first items of all lists, then the second ones, and so on.

    Examples
    --------
    >>> in_turns([[1, 2, 3], [4]])
    [1, 4, 2, 3]
    """
    longest = max(map(len, lists), default=0)
    return [one[place] for place in range(longest) for one in lists if place < len(one)]


_TEXT_LENGTH = 150

_LABEL_LENGTH = 40


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One row in a card or a list.

    Attributes
    ----------
    row : int
        Position in the frame.
    label : str
        Its index label.
    texts : tuple of str
        One a text column, each one line.
    is_video : bool
        Whether its picture is a frame of a clip.
    note : str
        What the list says of it, e.g. a score.
    file : str
        Name of the file of its picture or clip; nothing where its cell names none.
    """

    row: int
    label: str
    texts: tuple[str, ...]
    is_video: bool
    note: str = ""
    file: str = ""


class RowReader:
    """Reads rows of a frame as a report shows them."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def row(self, row: int, note: str = "") -> ShownRow:
        """Return one row with what a list says of it."""
        columns = self._columns
        return ShownRow(
            row=row,
            label=one_line(columns.cluster.index[row], _LABEL_LENGTH),
            texts=tuple(one_line(column.iloc[row], _TEXT_LENGTH) for column in columns.texts),
            is_video=columns.has_pictures and columns.picture(row)[1] == "video",
            note=note,
            file=columns.file(row),
        )


def looks(columns: Columns, row: int) -> Hashable:
    """Return what a reader would see of a row: rows with equal looks are repeats of each other."""
    texts = tuple(one_line(column.iloc[row], _TEXT_LENGTH) for column in columns.texts)
    if not columns.has_pictures:
        return texts or (row,)
    cell, _ = columns.picture(row)
    return (*texts, cell if isinstance(cell, str) else row)
