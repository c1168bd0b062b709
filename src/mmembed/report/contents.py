"""From columns to the contents of the report: what is shown within the byte budget, and what is counted as left out.

Lists of findings show a screen's worth. The byte budget is divided among the places that show thumbnails. What the page
does not show is counted by reason: nothing is left out in silence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.clusters.record import recall_fit
from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.names.terms import Language
from mmembed.analysis.tallies.categories import group_rows
from mmembed.contents.thumbnails import data_uri, make_thumbnails
from mmembed.embedding.run import EmbeddingRun
from mmembed.figures.canvas import NEIGHBORS, choice_data, neighbor_data, point_data, point_labels, text_data
from mmembed.figures.canvas_words import CanvasWords, choose_language
from mmembed.figures.typical import content_of, name_by_content
from mmembed.frames import coordinates, one_line
from mmembed.report.cards import (
    CardSources,
    Positions,
    RowReader,
    ShownRow,
    choose_borderline,
    choose_exemplars,
    choose_points,
    count_columns,
    find_keywords,
    in_turns,
    looks,
    make_cards,
    rank_in_groups,
    thumbnail_order,
)
from mmembed.report.comparison import compare_facts
from mmembed.report.facts import report_facts, told_plainly
from mmembed.report.findings import Findings, Suspect
from mmembed.report.page import CutTexts, PageContents, cut_texts, render_page
from mmembed.report.profile import describe_data
from mmembed.report.request import Columns, Options
from mmembed.report.statements import Grounds, Standings, isolated, make_statements, name_of
from mmembed.report.summary import describe_parameters, describe_versions, summarise, summary_tiles
from mmembed.report.topics import make_topic_lines
from mmembed.report.words import Words
from mmembed.vectors import as_vector_array

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
    breakdown = None if columns.breakdown is None else one_line(columns.breakdown.name, 40)
    sources, ranked, axes = _sources(columns, words)
    grouping, reader = sources.grouping, RowReader(columns)
    summary = summarise(columns, sources.whole, runs)
    cards = make_cards(sources, reader, words)
    record = recall_fit(columns.cluster)
    standings = Standings.of(sources.whole, record)
    facts = report_facts(columns, options, cards, names=sources.names, summary=summary, findings=findings)
    # Groupings were compared only where these groups are a fit of their own.
    is_anew = record is not None and record.compared > 0
    comparison = None if previous is None else compare_facts(facts, previous, is_anew=is_anew)
    statements = make_statements(
        Grounds(
            whole=sources.whole,
            cards=cards,
            standings=standings,
            # Of a sample nobody wants to know how many rows it has of a kind.
            findings=findings if columns.whole is None else Findings(),
            column=breakdown,
            comparison=comparison,
            outlier_names=partial(_outlier_names, findings, reader),
        )
    )
    facts = {
        **facts,
        "findings": [told_plainly(one) for one in statements],
        "changes": None if comparison is None else comparison.as_plain(),
    }
    on_map = np.isfinite(axes[0]) & np.isfinite(axes[1])
    most = options.max_points
    while True:
        points = choose_points(on_map, grouping.codes, most)
        texts = cut_texts(columns.texts, points, _text_budget(columns, options, points))
        draft = PageContents(
            title=one_line(options.title, 200) or words("default_title"),
            words=words,
            created=options.created,
            rows=summary.rows,
            sampled=None if columns.whole is None else len(columns.cluster),
            tiles=summary_tiles(summary, words),
            grouping=grouping,
            cards=cards[:_MOST_CARDS],
            data=_data(columns, sources, axes, points=points, texts=texts, words=CanvasWords(words.language)),
            points={row: point for point, row in enumerate(points.tolist())},
            breakdown=breakdown,
            excluded=[],
            notes=[one_line(note, 1000) for note in options.notes],
            parameters=describe_parameters(columns, options, words),
            versions=describe_versions(),
            comparison=comparison,
            statements=statements,
            topics=make_topic_lines(cards[:_MOST_CARDS], standings, columns, words),
            profile=describe_data(columns, options, summary, record, words),
            are_nearest_only=findings.are_nearest_only,
        )
        draft = list_findings(draft, findings, reader)
        left = options.budget_bytes - len(render_page(draft).encode()) - _neighbor_bytes(columns, options, points)
        if left >= 0 or most <= _FEWEST_POINTS:
            break
        most = min(most, len(points)) // 2
    reasons: Counter[str] = Counter()
    if columns.vector is not None:
        near = neighbor_data(columns.vector, points, most_bytes=options.budget_bytes // _NEIGHBOR_SHARE)
        draft = replace(draft, data={**draft.data, "neighbors": near})
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
    whole, prefix = count_columns(columns), words("cluster_prefix")
    grouping = whole.regroup(group_rows(columns.cluster, columns.names, prefix=prefix), prefix=prefix)
    axes = coordinates(columns.x), coordinates(columns.y)
    scores = None if columns.scores is None else coordinates(columns.scores)
    ranked = rank_in_groups(grouping, scores, *axes)
    wanted = 6 if columns.has_pictures else 4
    exemplars = [
        choose_exemplars(rows, wanted, lambda row: looks(columns, row), partial(_units, columns))
        for rows in ranked[:_MOST_CARDS]
    ]
    pictures = [one for one in (columns.image, columns.video) if one is not None]
    sources = CardSources(
        whole=whole,
        grouping=name_by_content(
            grouping,
            lambda code: (
                content_of(columns.texts, pictures, row) for row in (exemplars[code] if code < len(exemplars) else ())
            ),
        ),
        names=tuple(one.name for one in grouping.groups),
        exemplars=exemplars,
        borderline=[
            choose_borderline(rows, exemplars[place], scores, lambda row: looks(columns, row))
            for place, rows in enumerate(ranked[:_MOST_CARDS])
        ],
        terms=find_keywords(grouping, columns.texts[0] if columns.texts else None, scores),
        scores=scores,
    )
    return sources, ranked, axes


def _outlier_names(findings: Findings, reader: RowReader, most: int, language: Language) -> list[str]:
    """Return what the first outliers are called, each name once: their text, the name of their file, or their label."""
    names: dict[str, None] = {}
    words = Words(language)
    for place, _ in findings.listed_outliers()[:most]:
        row = reader.row(place)
        names.setdefault(name_of((*row.texts, row.file), words("row", label=row.label)))
    return list(names)


def _units(columns: Columns, rows: list[int]) -> npt.NDArray[np.float32] | None:
    """Return the unit vectors of some rows; None where a row has none."""
    if columns.vector is None:
        return None
    array = as_vector_array(columns.vector.iloc[rows])
    return None if array.isna().any() else unit_rows(array.matrix)


def _language(columns: Columns, options: Options) -> Language:
    if options.language != "auto":
        return options.language
    for source in (*columns.texts[:1], columns.names):
        if source is not None:
            texts = [one_line(cell, 200) for cell in source.dropna().head(1000)]
            if any(texts):
                return choose_language(texts)
    return choose_language([options.title or ""])


# Neighbours of the points may take a sixth of the budget, and a third more as base64.
_NEIGHBOR_SHARE = 6


def _neighbor_bytes(columns: Columns, options: Options, points: Positions) -> int:
    if columns.vector is None:
        return 0
    size = 2 if len(points) < 65535 else 4
    return min(NEIGHBORS * size * len(points), options.budget_bytes // _NEIGHBOR_SHARE) * 4 // 3


def _text_budget(columns: Columns, options: Options, points: Positions) -> int:
    room = options.budget_bytes - 200_000 - _neighbor_bytes(columns, options, points)
    return int(room * (0.5 if columns.has_pictures else 0.85))


def _data(
    columns: Columns, sources: CardSources, axes: Axes, *, points: Positions, texts: CutTexts, words: CanvasWords
) -> dict[str, object]:
    return {
        **point_data(*axes, sources.grouping, points, columns.positions),
        **text_data(words, columns.texts, texts.columns),
        "labels": point_labels(columns.cluster.index, points),
        "files": _files(columns, points),
        "choices": choice_data(columns.choices, points, color=columns.color, keep=columns.filter, other=words["other"]),
        "thumbnails": {},
    }


# Names of files may take as many characters; of more, the list says which row it is.
_FILE_CHARACTERS = 400_000


def _files(columns: Columns, points: Positions) -> list[str] | None:
    """Return the names of the files of the points; None where a text column says what a row is, or none has a name."""
    if columns.texts or not columns.has_pictures:
        return None
    files = [columns.file(row) for row in points.tolist()]
    return files if 0 < sum(map(len, files)) <= _FILE_CHARACTERS else None


def _listed_rows(draft: PageContents) -> list[list[int]]:
    """Return the rows of all lists beside the typical ones."""
    lists = [card.borderline for card in draft.cards]
    lists += [rows for _, rows in draft.duplicates or ()]
    lists += [draft.suspects or (), draft.outliers or ()]
    return [[one.row for one in rows] for rows in lists]


_MOST_GROUPS = 12

_MOST_OF_GROUP = 4

_MOST_OUTLIERS = 12

# Rows that are read for each that is listed: equal ones are listed once.
_READ_FOR_EACH = 8

_MOST_SUSPECTS = 24


def list_findings(draft: PageContents, findings: Findings, reader: RowReader) -> PageContents:
    """Return the page with its sections of near duplicates, outliers and label suspects, as far as there are any."""
    groups, outliers, suspects = findings.duplicates, findings.outliers, findings.suspects
    return replace(
        draft,
        duplicates=None
        if groups is None
        else tuple((len(rows), tuple(map(reader.row, rows[:_MOST_OF_GROUP]))) for rows in groups[:_MOST_GROUPS]),
        duplicate_totals=(len(groups or ()), sum(map(len, groups or ()))),
        outliers=None if outliers is None else tuple(_first_outliers(findings, reader, draft.words)),
        outlier_median=findings.median_nearest(),
        suspects=None
        if suspects is None
        else tuple(reader.row(one.row, _doubt(one)) for one in suspects[:_MOST_SUSPECTS]),
        suspect_total=len(suspects or ()),
    )


def _first_outliers(findings: Findings, reader: RowReader, words: Words) -> list[ShownRow]:
    """Return the first rows that differ in what a reader sees of them, or in their score."""
    shown: dict[Hashable, ShownRow] = {}
    listed = findings.listed_outliers()
    knows = findings.nearest is not None
    apart = len(findings.far_rows()) if knows else isolated(listed)
    for place, (row, score) in enumerate(listed[: _READ_FOR_EACH * _MOST_OUTLIERS]):
        near = findings.nearest_of(row)
        told = [f"{score:.3g}"]
        told += [] if near is None else [words("nearest", near=f"{near:.2f}")]
        told += [words("stands_out" if knows else "high_score")] if place < apart else []
        one = reader.row(row, " · ".join(told))
        shown.setdefault((*one.texts, one.file, one.note) if any(one.texts) or one.file else row, one)
    return list(shown.values())[:_MOST_OUTLIERS]


def _doubt(suspect: Suspect) -> str:
    score = "" if suspect.score is None else f" · {suspect.score:.2f}"
    return f"{suspect.given} → {suspect.suggested}{score}"


# HTML around a thumbnail in a card (its description is the row's text), and JSON around one in the map's data.
_CARD_PICTURE_BYTES = 900

_POINT_PICTURE_BYTES = 40

_CARD_SHARE = 0.6

_LIST_SHARE = 0.3


def illustrate(
    draft: PageContents,
    columns: Columns,
    *,
    exemplars: list[list[int]],
    listed: list[list[int]],
    ranked: list[Positions],
    points: Positions,
    left: int,
    root: Path,
) -> tuple[PageContents, Counter[str]]:
    """Return the page with thumbnails, and how many rows have none, by reason.

    Typical rows come first and get the largest ones; then the rows of lists; what is left goes to the other points of
    the map, so that most of them have one while they can be large.

    Parameters
    ----------
    exemplars, listed : list of list of int
        Rows of the cards, and of borderline rows, duplicates, outliers and label suspects.
    left : int
        Bytes that the page may still grow.
    """
    typical = in_turns(exemplars)
    pictures, reasons = make_thumbnails(
        typical,
        columns.picture,
        root=root,
        edge=240,
        max_bytes=14_000,
        budget_bytes=max(0, int(left * _CARD_SHARE) - _CARD_PICTURE_BYTES * len(typical)),
    )
    left -= sum(len(data_uri(data)) + _CARD_PICTURE_BYTES for data in pictures.values())
    shown = in_turns(listed)
    # A row may be in several lists, and its picture is on the page as often.
    repeats = max(Counter(shown).values(), default=1)
    small, why = make_thumbnails(
        dict.fromkeys(shown),
        columns.picture,
        root=root,
        edge=160,
        max_bytes=6_000,
        budget_bytes=max(0, int(left * _LIST_SHARE) - _CARD_PICTURE_BYTES * len(shown)) // repeats,
    )
    reasons += why
    left -= sum(len(data_uri(small[row])) + _CARD_PICTURE_BYTES for row in shown if row in small)

    known = set(typical) | set(shown)
    rest = [row for row in thumbnail_order(exemplars, ranked, points) if row not in known]
    left -= _POINT_PICTURE_BYTES * len(rest)
    edge, most = _point_size(left, len(rest))
    others, why = make_thumbnails(
        rest, columns.picture, root=root, edge=edge, max_bytes=most, budget_bytes=max(0, left)
    )
    place = draft.points
    videos = [
        place[row]
        for row in points.tolist()
        if (row in pictures or row in small or row in others) and columns.picture(row)[1] == "video"
    ]
    data = {
        **draft.data,
        "thumbnails": {str(place[row]): data_uri(picture) for row, picture in others.items()},
        "videos": videos,
    }
    return replace(draft, pictures=pictures, small=small, data=data), reasons + why


def _point_size(left: int, count: int) -> tuple[int, int]:
    """Return the side in pixels and the bytes of a thumbnail, so that most rows get one while they can be large."""
    each = left / count if count else left
    return (224, 9_000) if each > 9_000 else (160, 5_000) if each > 4_500 else (112, 3_000)


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
    in_words: Counter[str] = Counter()
    for code, count in reasons.items():
        in_words[words.reason(code)] += count
    counts = [
        (words("why_missing"), grouping.missing),
        (words("why_noise"), grouping.noise),
        (words("why_not_drawn"), whole.rows - whole.missing - int(has_cluster.sum())),
        (words("why_off_map"), int((has_cluster & ~on_map).sum())),
        (words("why_sampled"), int((has_cluster & on_map).sum()) - len(points)),
        (words("why_cut", length=str(texts.length)), texts.cut),
        (words("why_date"), whole.unreadable),
        *((words("why_thumbnail", reason=reason), count) for reason, count in in_words.most_common()),
    ]
    return [(why, count) for why, count in counts if count]
