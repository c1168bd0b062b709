"""What stands out in a table, in sentences: computed once for page, Markdown and JSON, in Chinese and English.

A sentence is made only where a test tells what it says from chance, or where a count is large enough to matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from mmembed.analysis.clusters.record import FitRecord
from mmembed.analysis.names.terms import Language
from mmembed.analysis.tallies.deviations import LEVEL, Deviation, Shift, agreement, share_deviations, shifts
from mmembed.analysis.tallies.totals import WholeTable
from mmembed.frames import one_line
from mmembed.report.cards import Card
from mmembed.report.comparison import Change, Comparison
from mmembed.report.findings import Findings
from mmembed.report.words import Words

Kind = Literal[
    "size", "changes", "unassigned", "agreement", "deviation", "trend", "copies", "labels", "outliers", "unstable"
]

MOST_STATEMENTS = 7
_SPOKEN: tuple[Language, ...] = ("zh", "en")
UNSTABLE = 0.5

_LEAST_UNASSIGNED = 0.1
_LEAST_COPIES = 0.005
# A column that tells so many rows' topics apart is told once instead of for each topic.
_FOLLOWS = 0.8
_FOLLOWS_GAIN = 0.25
# From here on topics and column are nearly the same division of the rows.
_MATCHES, _HALF = 0.95, 0.5
_LEAST_OUTLIER_SCORE = 1.3
_FEW_OUTLIERS, _MOST_OUTLYING = 5, 0.02
_MOST_NAMES = 3
_NORMAL = NormalDist()
_NAME_LENGTH = 40
# The kinds in the order in which they are read, and those that give way first where there are too many.
_ORDER = (
    "size", "changes", "unassigned", "agreement", "deviation", "trend", "copies", "labels", "outliers", "unstable",
)  # fmt: skip
_KEPT_FIRST = (
    "size", "changes", "agreement", "deviation", "trend", "copies", "labels", "unassigned", "unstable", "deviation",
    "trend", "outliers", "deviation", "trend", "deviation", "deviation", "deviation",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence.

    Attributes
    ----------
    kind : str
    target : str
        ``id`` of the place on the page that it is about.
    texts : mapping of language to str
    figures : mapping of str to object
        The same as plain values, for programs.
    """

    kind: Kind
    target: str
    texts: Mapping[Language, str]
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Standings:
    """How each topic stands to the whole table; for the sentences and for the table of topics.

    Attributes
    ----------
    deviations : mapping of label to list of Deviation
        The value with the most rows beyond the topic's part first.
    shifts : mapping of label to Shift
    stabilities : mapping of label to float
    """

    deviations: Mapping[Any, Sequence[Deviation]]
    shifts: Mapping[Any, Shift]
    stabilities: Mapping[Any, float]

    @classmethod
    def of(cls, whole: WholeTable, record: FitRecord | None) -> Standings:
        """Test all topics of a table."""
        groups = whole.groups
        measured = {} if record is None else {key: one for key, one in record.stabilities.items() if np.isfinite(one)}
        return cls(
            share_deviations({key: one.values for key, one in groups.items()}, whole.values),
            shifts({key: one.periods for key, one in groups.items()}, whole.periods),
            measured,
        )

    def outstanding(self, key: Any) -> Deviation | None:
        """Return the value that a topic has most beyond its part, or else below it; None where nothing stands out."""
        found = [one for one in self.deviations.get(key, ()) if one.stands_out]
        more = [one for one in found if one.excess > 0]
        return max(more or found, key=lambda one: abs(one.excess), default=None)


@dataclass(frozen=True)
class Grounds:
    """What the sentences are made from.

    Attributes
    ----------
    column : str or None
        Name of the breakdown column.
    outlier_names : callable
        Gives what the first outliers are called, by how many at most and in which language.
    """

    whole: WholeTable
    cards: Sequence[Card]
    standings: Standings
    findings: Findings
    column: str | None = None
    comparison: Comparison | None = None
    outlier_names: Callable[[int, Language], Sequence[str]] | None = None


def make_statements(grounds: Grounds) -> tuple[Statement, ...]:
    """Return at most seven sentences in the order in which they are read; none of a kind that has nothing to say."""
    found = [
        *_of_size(grounds),
        *_of_changes(grounds),
        *_of_unassigned(grounds),
        *_of_breakdown(grounds),
        *_of_trends(grounds),
        *_of_copies(grounds),
        *_of_labels(grounds),
        *_of_outliers(grounds),
        *_of_stability(grounds),
    ]
    by_kind = {kind: [one for one in found if one.kind == kind] for kind in _ORDER}
    places = Counter(kind for kind in _chosen(by_kind))
    return tuple(one for kind in _ORDER for one in by_kind[kind][: places[kind]])


def _chosen(by_kind: Mapping[str, Sequence[Statement]]) -> list[str]:
    left = {kind: len(found) for kind, found in by_kind.items()}
    chosen: list[str] = []
    for kind in _KEPT_FIRST:
        if left[kind] and len(chosen) < MOST_STATEMENTS:
            chosen.append(kind)
            left[kind] -= 1
    return chosen


def _statement(
    kind: Kind, target: str, key: str, figures: Mapping[str, Any], /, **blanks: str | Mapping[Language, str]
) -> Statement:
    """Return a statement in both languages; a blank that reads differently in them is a mapping."""
    texts: dict[Language, str] = {}
    for language in _SPOKEN:
        filled = {name: blank if isinstance(blank, str) else blank[language] for name, blank in blanks.items()}
        texts[language] = Words(language)(key, **filled)
    return Statement(kind, target, texts, figures)


def _of_size(grounds: Grounds) -> Iterable[Statement]:
    if not grounds.cards or grounds.whole.rows < 2:
        return
    first, rows, noise = grounds.cards[0], grounds.whole.rows, grounds.whole.noise
    yield _statement(
        "size",
        "topics",
        "say_size_rest" if 0 < noise < max(2, _LEAST_UNASSIGNED * rows) and len(grounds.cards) > 1 else "say_size",
        {"rows": rows, "topics": len(grounds.cards), "largest": first.group.name, "size": first.group.size},
        rows=f"{rows:,}",
        rest=f"{noise:,}",
        count=f"{len(grounds.cards):,}",
        name=first.group.name,
        size=f"{first.group.size:,}",
        share=rounded(first.share),
    )


def _of_changes(grounds: Grounds) -> Iterable[Statement]:
    comparison = grounds.comparison
    if comparison is None or not comparison.moved:
        return
    counts = Counter(one.kind for one in comparison.moved)
    moved = {kind: counts[kind] for kind in ("appeared", "vanished", "grew", "shrank") if counts[kind]}
    left = len(comparison.moved) - _MOST_NAMES
    told: dict[Language, str] = {}
    for language in _SPOKEN:
        words = Words(language)
        parts = [_change_told(one, words) for one in comparison.moved[:_MOST_NAMES]]
        parts += [words("more_changes", count=f"{left:,}")] if left > 0 else []
        told[language] = words("semicolon").join(parts)
    when = comparison.when[:10]
    figures = {"since": when, **moved, "topics": [one.name for one in comparison.moved[:_MOST_NAMES]]}
    yield _statement("changes", "changes", "say_changes", figures, when=when, parts=told)


def _change_told(one: Change, words: Words) -> str:
    return words(
        f"say_kind_{one.kind}",
        name=one.name,
        count=f"{one.size or one.size_before:,}",
        before=rounded(one.share_before),
        now=rounded(one.share),
    )


def _of_unassigned(grounds: Grounds) -> Iterable[Statement]:
    noise, rows = grounds.whole.noise, grounds.whole.rows
    if noise < max(2, _LEAST_UNASSIGNED * rows):
        return
    figures = {"rows": noise, "share": noise / rows}
    yield _statement("unassigned", "topics", "say_unassigned", figures, count=f"{noise:,}", share=rounded(noise / rows))


def _of_breakdown(grounds: Grounds) -> Iterable[Statement]:
    if grounds.column is None:
        return
    column = grounds.column
    share, whole = agreement({key: one.values for key, one in grounds.whole.groups.items()})
    outstanding = [(card, grounds.standings.outstanding(card.group.key)) for card in grounds.cards]
    told = [(card, one) for card, one in outstanding if one is not None]
    if told and share >= _FOLLOWS and share - whole >= _FOLLOWS_GAIN:
        yield _of_agreement(grounds, column, share, whole)
        return
    for card, one in sorted(told, key=lambda both: -abs(both[1].excess)):
        yield _statement(
            "deviation",
            place_of(card),
            "say_more",
            {
                "topic": card.group.name, "column": column, "value": one.value, "rows": one.count, "share": one.share,
                "whole": one.whole_share, "probability": one.probability,
            },
            name=card.group.name,
            size=f"{card.group.size:,}",
            column=column,
            value=one.value,
            share=rounded(one.share),
            whole=rounded(one.whole_share),
        )  # fmt: skip


def _of_agreement(grounds: Grounds, column: str, share: float, whole: float) -> Statement:
    """Return how well topics and a column agree, worded by how well, and by whether each value has one topic."""
    values = [{value: count for value, count in one.values.items() if value} for one in grounds.whole.groups.values()]
    commonest = [max(sorted(one), key=one.__getitem__) for one in values if one]
    is_one_to_one = share >= _MATCHES and len(set(commonest)) == len(commonest)
    key = "say_follows"
    if share >= _MATCHES:
        key += ("" if share == 1 else "_nearly") + ("_one" if is_one_to_one else "_each")
    parts = {
        language: Words(language)(
            "follows_parts_only" if whole < _HALF else "follows_parts", share=rounded(share), whole=rounded(whole)
        )
        for language in _SPOKEN
    }
    figures = {"column": column, "share": share, "commonest": whole, "one_to_one": is_one_to_one}
    return _statement("agreement", "topics", key, figures, column=column, parts=parts)


def _of_trends(grounds: Grounds) -> Iterable[Statement]:
    span = grounds.whole.span
    if span is None:
        return
    found = [(card, grounds.standings.shifts.get(card.group.key)) for card in grounds.cards]
    told = [(card, one) for card, one in found if one is not None and one.stands_out]
    for card, one in sorted(told, key=lambda both: -abs(both[1].since - both[1].before)):
        when = span.names[one.period]
        yield _statement(
            "trend",
            place_of(card),
            "say_grew" if one.since > one.before else "say_shrank",
            {
                "topic": card.group.name, "from": when, "before": one.before, "since": one.since,
                "probability": one.probability,
            },
            name=card.group.name,
            when=when,
            since=rounded(one.since),
            before=rounded(one.before),
        )  # fmt: skip


def _of_copies(grounds: Grounds) -> Iterable[Statement]:
    (copies, groups), rows = grounds.findings.count_copies(), grounds.whole.rows
    if copies < max(1, _LEAST_COPIES * rows):
        return
    yield _statement(
        "copies",
        "duplicates",
        "say_copies",
        {"rows": copies, "groups": groups},
        count=f"{copies:,}",
        share=rounded(copies / rows),
        groups=f"{groups:,}",
    )


def _of_labels(grounds: Grounds) -> Iterable[Statement]:
    suspects = grounds.findings.suspects
    if not suspects:
        return
    name = grounds.findings.label_column
    column = {language: name or Words(language)("label_column") for language in _SPOKEN}
    figures = {"rows": len(suspects), "column": name}
    yield _statement("labels", "suspects", "say_labels", figures, count=f"{len(suspects):,}", column=column)


def _of_outliers(grounds: Grounds) -> Iterable[Statement]:
    findings = grounds.findings
    median = findings.median_nearest()
    far = findings.far_rows()
    count = len(far) if median is not None else isolated(findings.outliers or ())
    if not count or grounds.outlier_names is None:
        return
    names: dict[Language, str] = {}
    for language in _SPOKEN:
        words = Words(language)
        told = grounds.outlier_names(min(count, _MOST_NAMES), language)
        names[language] = words("separator").join(words("quoted", name=name) for name in told)
    figures: dict[str, Any] = {"rows": count}
    if median is None:
        yield _statement("outliers", "outliers", "say_high_scores", figures, count=f"{count:,}", names=names)
        return
    most = max(one for row in far if (one := findings.nearest_of(row)) is not None)
    figures |= {"nearest_at_most": most, "median": median}
    yield _statement(
        "outliers",
        "outliers",
        "say_outliers" if count > _MOST_NAMES else "say_few_outliers",
        figures,
        count=f"{count:,}",
        names=names,
        most=f"{most:.2f}",
        median=f"{median:.2f}",
    )


def _of_stability(grounds: Grounds) -> Iterable[Statement]:
    measured = grounds.standings.stabilities
    weak = [card for card in grounds.cards if measured.get(card.group.key, 1.0) < UNSTABLE]
    if not weak:
        return
    weak.sort(key=lambda card: measured[card.group.key])
    names: dict[Language, str] = {}
    for language in _SPOKEN:
        words = Words(language)
        told = [words("quoted", name=card.group.name) for card in weak[:_MOST_NAMES]]
        left = len(weak) - len(told)
        names[language] = words("separator").join(told) + (words("and_more", count=f"{left:,}") if left else "")
    figures = {"topics": [card.group.name for card in weak]}
    yield _statement("unstable", "topics", "say_unstable", figures, count=f"{len(weak):,}", names=names)


def isolated(outliers: Sequence[tuple[int, float]]) -> int:
    """Return how many scores are greater than chance explains among so many rows.

    The logarithms of scores are compared with a normal distribution of their median and their median absolute
    deviation; a score must also be 1.3 times the median. Where more than two in a hundred are so great, none stands
    out: scores then have another shape.

    Examples
    --------
    >>> isolated([(7, 9.0), *((row, 1 + row / 100) for row in range(7))])
    1
    """
    scores = np.array([score for _, score in outliers if score > 0])
    if len(scores) < 5:
        return 0
    logs = np.log(scores)
    middle = float(np.median(logs))
    spread = float(np.median(np.abs(logs - middle))) / _NORMAL.inv_cdf(0.75)
    least = middle + max(-_NORMAL.inv_cdf(LEVEL / len(scores)) * spread, float(np.log(_LEAST_OUTLIER_SCORE)))
    count = int((logs > least).sum())
    return count if count <= max(_FEW_OUTLIERS, _MOST_OUTLYING * len(scores)) else 0


def rounded(share: float) -> str:
    """Return a share as a percentage without digits that nobody needs.

    Examples
    --------
    >>> rounded(0.754), rounded(0.0342), rounded(0.9999), rounded(1.0)
    ('75%', '3.4%', '99.9%', '100%')
    """
    percentage = 100 * share
    if 0 < percentage < 9.95:
        return f"{max(percentage, 0.1):.1f}%"
    return f"{min(percentage, 99.9):.1f}%" if 99 < percentage < 100 else f"{percentage:.0f}%"


def place_of(card: Card) -> str:
    """Return the ``id`` of a topic's card, or of the table of topics where it has none."""
    return f"cluster-{card.code}" if card.exemplars else "topics"


def name_of(texts: Sequence[str], label: str) -> str:
    """Return what a row is called in a sentence: its first text or its label."""
    return one_line(next((text for text in texts if text), label), _NAME_LENGTH)
