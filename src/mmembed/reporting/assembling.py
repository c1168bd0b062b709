"""From columns to the contents of the report: what is shown within the byte budget, and what is counted as left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.names.terms import Language
from mmembed.analysis.tallies.categories import group_rows
from mmembed.analysis.tallies.trend import read_calendar
from mmembed.embedding.run import EmbeddingRun
from mmembed.frames import coordinates, one_line
from mmembed.reporting.cards import CardSources, choose_borderline, find_keywords, make_cards
from mmembed.reporting.comparing import compare_facts
from mmembed.reporting.describing import describe_parameters, describe_versions
from mmembed.reporting.excluding import count_excluded
from mmembed.reporting.findings import Findings
from mmembed.reporting.illustrating import illustrate
from mmembed.reporting.listing import list_findings
from mmembed.reporting.page import PageContents, render_page
from mmembed.reporting.payload import CutTexts, cut_texts, map_data, point_labels
from mmembed.reporting.request import Columns, Options
from mmembed.reporting.selecting import Positions, choose_exemplars, choose_points, rank_in_groups
from mmembed.reporting.shown import RowTeller, looks
from mmembed.reporting.stating import state_facts
from mmembed.reporting.summarising import summarise, summary_tiles
from mmembed.reporting.wording import Words, choose_language

_MOST_CARDS = 48
_FEWEST_POINTS = 200
Axes = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Assembled:
    """The contents of the page, and the same as facts for programs."""

    contents: PageContents
    facts: Mapping[str, Any]


def assemble(
    columns: Columns,
    options: Options,
    findings: Findings,
    *,
    runs: Sequence[EmbeddingRun] = (),
    previous: Mapping[str, Any] | None = None,
) -> Assembled:
    """Return the contents of the page.

    The page is first laid out without pictures; what that leaves of the budget goes to thumbnails. Were it over the
    budget already, the points would be thinned out until it fits.
    """
    words = Words(_language(columns, options))
    sources, ranked, axes = _sources(columns, words)
    grouping = sources.grouping
    summary = summarise(columns, grouping, runs)
    facts = state_facts(columns, options, sources, summary=summary, findings=findings)
    on_map = np.isfinite(axes[0]) & np.isfinite(axes[1])
    most = options.max_points
    while True:
        points = choose_points(on_map, grouping.codes, most)
        texts = cut_texts(columns.texts, points, _text_budget(columns, options))
        teller = RowTeller(columns, points)
        draft = PageContents(
            title=one_line(options.title, 200) or words("default_title"),
            words=words,
            created=options.created,
            rows=summary.rows,
            sampled=None if columns.whole is None else len(columns.cluster),
            tiles=summary_tiles(summary, words),
            grouping=grouping,
            cards=make_cards(sources, teller, words),
            data=_data(columns, sources, axes, points, texts),
            shown=len(points),
            breakdown=None if columns.breakdown is None else one_line(columns.breakdown.name, 40),
            excluded=[],
            notes=[one_line(note, 1000) for note in options.notes],
            parameters=describe_parameters(columns, options, words),
            versions=describe_versions(),
            comparison=None if previous is None else compare_facts(facts, previous),
        )
        draft = list_findings(draft, findings, teller)
        left = options.budget_bytes - len(render_page(draft).encode())
        if left >= 0 or most <= _FEWEST_POINTS:
            break
        most = min(most, len(points)) // 2
    reasons: Counter[str] = Counter()
    if columns.has_pictures:
        draft, reasons = illustrate(
            draft,
            columns,
            exemplars=[list(rows) for rows in sources.exemplars],
            listed=_listed_rows(draft),
            ranked=ranked,
            points=points,
            left=max(left, 0),
            root=options.root,
        )
    excluded = count_excluded(words, sources, on_map=on_map, points=points, texts=texts, reasons=reasons)
    return Assembled(replace(draft, excluded=excluded), facts)


def _sources(columns: Columns, words: Words) -> tuple[CardSources, list[Positions], Axes]:
    grouping = group_rows(columns.cluster, columns.names, prefix=words("cluster_prefix"))
    if columns.whole is not None:
        grouping = columns.whole.regroup(grouping, prefix=words("cluster_prefix"))
    axes = coordinates(columns.x), coordinates(columns.y)
    scores = None if columns.scores is None else coordinates(columns.scores)
    ranked = rank_in_groups(grouping, scores, *axes)
    wanted = 6 if columns.has_pictures else 4
    exemplars = [choose_exemplars(rows, wanted, lambda row: looks(columns, row)) for rows in ranked[:_MOST_CARDS]]
    sources = CardSources(
        grouping=grouping,
        exemplars=exemplars,
        borderline=[
            choose_borderline(rows, exemplars[place], scores) for place, rows in enumerate(ranked[:_MOST_CARDS])
        ],
        terms=find_keywords(grouping, columns.texts[0] if columns.texts else None, scores),
        scores=scores,
        breakdown=columns.breakdown,
        calendar=None if columns.date is None else read_calendar(columns.date),
        whole=columns.whole,
    )
    return sources, ranked, axes


def _language(columns: Columns, options: Options) -> Language:
    if options.language != "auto":
        return options.language
    for source in (*columns.texts[:1], columns.names):
        if source is not None:
            texts = [one_line(cell, 200) for cell in source.dropna().head(1000)]
            if any(texts):
                return choose_language(texts)
    return choose_language([options.title or ""])


def _text_budget(columns: Columns, options: Options) -> int:
    return int((options.budget_bytes - 200_000) * (0.5 if columns.has_pictures else 0.85))


def _data(columns: Columns, sources: CardSources, axes: Axes, points: Positions, texts: CutTexts) -> dict[str, object]:
    return {
        **map_data(*axes, sources.grouping, points, columns.positions),
        "texts": texts.columns,
        "columns": [one_line(column.name, 40) for column in columns.texts],
        "labels": point_labels(columns.cluster.index, points),
        "thumbnails": {},
    }


def _listed_rows(draft: PageContents) -> list[list[int]]:
    """Return the rows of all lists beside the typical ones."""
    lists = [card.borderline for card in draft.cards]
    lists += [rows for _, rows in draft.duplicates or ()]
    lists += [draft.suspects or (), draft.outliers or ()]
    return [[one.row for one in rows] for rows in lists]
