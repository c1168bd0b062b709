"""From columns to the contents of the report: what is shown within the byte budget, and what is counted as left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mmembed.reporting.cards import Card, make_cards
from mmembed.reporting.cells import coordinates, one_line
from mmembed.reporting.describing import describe_parameters, describe_versions, summary_tiles
from mmembed.reporting.grouping import Grouping, group_rows
from mmembed.reporting.page import PageContents, render_page
from mmembed.reporting.payload import CutTexts, cut_texts, map_data, point_labels
from mmembed.reporting.request import Columns, Options
from mmembed.reporting.selecting import Positions, choose_exemplars, choose_points, rank_in_groups, thumbnail_order
from mmembed.reporting.thumbnails import data_uri, make_thumbnails
from mmembed.reporting.wording import WORD_KEYS, Language, Words, choose_language

_MOST_CARDS = 48
_FEWEST_POINTS = 200
# HTML around a thumbnail in a card (its description is the row's text), and JSON around one in the map's data.
_CARD_PICTURE_BYTES = 900
_POINT_PICTURE_BYTES = 40


def assemble(columns: Columns, options: Options) -> PageContents:
    """Return the contents of the page.

    The page is first laid out without pictures; what that leaves of the budget goes to thumbnails. Were it over the
    budget already, the points would be thinned out until it fits.
    """
    words = Words(_language(columns, options))
    grouping = group_rows(columns.cluster, columns.names, prefix=words("cluster_prefix"))
    x, y = coordinates(columns.x), coordinates(columns.y)
    scores = None if columns.scores is None else coordinates(columns.scores)
    ranked = rank_in_groups(grouping, scores, x, y)
    wanted = 6 if columns.has_pictures else 4
    exemplars = [choose_exemplars(rows, wanted, lambda row: _looks(columns, row)) for rows in ranked[:_MOST_CARDS]]
    on_map = np.isfinite(x) & np.isfinite(y)
    most = options.max_points
    while True:
        points = choose_points(on_map, grouping.codes, most)
        texts = cut_texts(columns.texts, points, _text_budget(columns, options))
        draft = _draft(columns, options, words=words, grouping=grouping, axes=(x, y), points=points, texts=texts)
        cards = make_cards(
            grouping,
            exemplars,
            points=points,
            texts=columns.texts,
            scores=scores,
            breakdown=columns.breakdown,
            words=words,
        )
        draft = replace(draft, cards=cards)
        left = options.budget_bytes - len(render_page(draft).encode())
        if left >= 0 or most <= _FEWEST_POINTS:
            break
        most = min(most, len(points)) // 2
    reasons: Counter[str] = Counter()
    if columns.has_pictures:
        draft, reasons = _add_pictures(
            draft,
            columns,
            exemplars=exemplars,
            ranked=ranked,
            points=points,
            left=max(left, 0),
            root=options.root,
        )
    return replace(
        draft, excluded=_excluded(words, grouping, on_map=on_map, points=points, texts=texts, reasons=reasons)
    )


def _language(columns: Columns, options: Options) -> Language:
    if options.language != "auto":
        return options.language
    for source in (*columns.texts[:1], columns.names):
        if source is not None:
            texts = [one_line(cell, 200) for cell in source.dropna().head(1000)]
            if any(texts):
                return choose_language(texts)
    return choose_language([options.title or ""])


def _looks(columns: Columns, row: int) -> tuple[object, ...]:
    texts = tuple(one_line(column.iloc[row], 150) for column in columns.texts)
    cell, _ = columns.picture(row)
    return (*texts, cell if isinstance(cell, str) else row if columns.has_pictures or not texts else None)


def _text_budget(columns: Columns, options: Options) -> int:
    return int((options.budget_bytes - 200_000) * (0.5 if columns.has_pictures else 0.85))


def _draft(
    columns: Columns,
    options: Options,
    *,
    words: Words,
    grouping: Grouping,
    axes: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    points: Positions,
    texts: CutTexts,
) -> PageContents:
    return PageContents(
        title=one_line(options.title, 200) or words("default_title"),
        words=words,
        created=options.created,
        rows=len(columns.cluster),
        tiles=summary_tiles(columns, words, grouping),
        grouping=grouping,
        cards=[],
        data={
            **map_data(*axes, grouping, points),
            "texts": texts.columns,
            "columns": [one_line(column.name, 40) for column in columns.texts],
            "labels": point_labels(columns.cluster.index, points),
            "thumbnails": {},
        },
        shown=len(points),
        breakdown=None if columns.breakdown is None else one_line(columns.breakdown.name, 40),
        excluded=[],
        notes=[one_line(note, 1000) for note in options.notes],
        parameters=describe_parameters(columns, options, words),
        versions=describe_versions(),
    )


def _add_pictures(
    draft: PageContents,
    columns: Columns,
    *,
    exemplars: list[list[int]],
    ranked: list[Positions],
    points: Positions,
    left: int,
    root: Path,
) -> tuple[PageContents, Counter[str]]:
    order = thumbnail_order(exemplars, ranked, points)
    number = sum(map(len, exemplars))
    first, reasons = make_thumbnails(
        order[:number],
        columns.picture,
        root=root,
        edge=240,
        max_bytes=14_000,
        budget_bytes=max(0, int(left * 0.7) - _CARD_PICTURE_BYTES * number),
    )
    cards = [_with_pictures(card, rows, first, columns) for card, rows in zip(draft.cards, exemplars, strict=True)]
    draft = replace(draft, cards=cards)
    left -= sum(len(data_uri(data)) + _CARD_PICTURE_BYTES for data in first.values())
    rest = order[number:]
    left -= _POINT_PICTURE_BYTES * len(rest)
    edge, most = _point_size(left, len(rest))
    others, more = make_thumbnails(
        rest, columns.picture, root=root, edge=edge, max_bytes=most, budget_bytes=max(0, left)
    )
    place = {row: point for point, row in enumerate(points.tolist())}
    thumbnails = {str(place[row]): data_uri(data) for row, data in others.items()}
    videos = [
        place[row] for row in points.tolist() if (row in first or row in others) and columns.picture(row)[1] == "video"
    ]
    return replace(draft, data={**draft.data, "thumbnails": thumbnails, "videos": videos}), reasons + more


def _point_size(left: int, count: int) -> tuple[int, int]:
    """Return the side in pixels and the bytes of a thumbnail, so that most rows get one while they can be large."""
    each = left / count if count else left
    return (224, 9_000) if each > 9_000 else (160, 5_000) if each > 4_500 else (112, 3_000)


def _with_pictures(card: Card, rows: list[int], thumbnails: dict[int, bytes], columns: Columns) -> Card:
    exemplars = tuple(
        replace(exemplar, thumbnail=thumbnails.get(row), is_video=columns.picture(row)[1] == "video")
        for exemplar, row in zip(card.exemplars, rows, strict=True)
    )
    return replace(card, exemplars=exemplars)


def _excluded(
    words: Words,
    grouping: Grouping,
    *,
    on_map: npt.NDArray[np.bool_],
    points: Positions,
    texts: CutTexts,
    reasons: Counter[str],
) -> list[tuple[str, int]]:
    has_cluster = grouping.codes >= -1
    counts = [
        (words("why_missing"), grouping.missing),
        (words("why_noise"), grouping.noise),
        (words("why_off_map"), int((has_cluster & ~on_map).sum())),
        (words("why_sampled"), int((has_cluster & on_map).sum()) - len(points)),
        (words("why_cut", length=str(texts.length)), texts.cut),
        *(
            (words("why_thumbnail", reason=words(f"reason_{code}") if f"reason_{code}" in WORD_KEYS else code), count)
            for code, count in sorted(reasons.items(), key=lambda item: -item[1])
        ),
    ]
    return [(why, count) for why, count in counts if count]
