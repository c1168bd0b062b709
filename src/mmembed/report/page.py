"""The report as one HTML page: fills the templates, joins styles and scripts, and locks the page.

The data of the report's map as compact JSON that is safe inside a ``<script>`` element.

A cluster's card as HTML.

The sections of the report beside map and cards as HTML: changes, duplicates, outliers, label suspects, appendix.

Small pieces of HTML that cards and lists share; every text from the frame is escaped here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from html import escape
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.tallies.categories import Group, Grouping
from mmembed.contents.thumbnails import data_uri
from mmembed.figures.style import FONT_STACK, MISSING_TONE, NOISE_TONE, tone
from mmembed.frames import cut, one_line
from mmembed.report.cards import Card, Positions, ShownRow
from mmembed.report.comparison import Comparison
from mmembed.report.summary import Tile
from mmembed.report.words import Words

_BLANK = re.compile(r"\{\{(\w+)\}\}")

# Each file may use what the ones before it define; together they are one script.
SCRIPTS = (
    "decoding.js", "grid.js", "raster.js", "camera.js", "dots.js", "names.js", "pictures.js",
    "lasso.js", "gestures.js", "map.js", "csv.js", "tip.js", "lists.js", "page.js",
)  # fmt: skip

STYLES = ("base.css", "map.css", "cards.css", "sections.css", "media.css")


@dataclass(frozen=True)
class PageContents:
    """Everything the page says; nothing in it is HTML yet.

    Attributes
    ----------
    rows : int
        Of the table.
    sampled : int or None
        Rows that the page was made from, where figures are of more: of the whole table.
    pictures, small : mapping of int to bytes
        Thumbnails of the typical rows in cards, and of the rows in lists, by row.
    duplicates, outliers, suspects : or None
        Rows to show in these sections; None where nobody looked for them.
    """

    title: str
    words: Words
    created: datetime
    rows: int
    sampled: int | None
    tiles: list[Tile]
    grouping: Grouping
    cards: list[Card]
    data: Mapping[str, object]
    shown: int
    breakdown: str | None
    excluded: list[tuple[str, int]]
    notes: list[str]
    parameters: list[tuple[str, str]]
    versions: list[tuple[str, str]]
    pictures: Mapping[int, bytes] = field(default_factory=dict)
    small: Mapping[int, bytes] = field(default_factory=dict)
    duplicates: tuple[tuple[int, tuple[ShownRow, ...]], ...] | None = None
    duplicate_totals: tuple[int, int] = (0, 0)
    outliers: tuple[ShownRow, ...] | None = None
    suspects: tuple[ShownRow, ...] | None = None
    suspect_total: int = 0
    comparison: Comparison | None = None


def render_page(contents: PageContents) -> str:
    """Return the whole page.

    Its Content-Security-Policy forbids every request and every script and style but the page's own, which are named by
    hash: even a text that slipped through the escaping could not run.
    """
    words = contents.words
    tones = [tone(code) for code in range(len(contents.grouping.groups))]
    style = "".join(map(_template, STYLES)).replace("/*fonts*/", FONT_STACK) + _tone_rules(tones)
    script = '(() => {\n"use strict";\n' + "\n".join(map(_template, SCRIPTS)) + "})();\n"
    data = {
        **contents.data,
        "words": words.for_page(),
        "language": words("lang"),
        "tones": tones,
        "noiseTone": NOISE_TONE,
        "fadedTone": MISSING_TONE,
        "groups": [
            {"key": one_line(group.key, 60), "name": group.name, "size": group.size}
            for group in contents.grouping.groups
        ],
        "noise": contents.grouping.noise,
    }
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    some = (
        ""
        if contents.shown == contents.rows
        else words("map_some", shown=f"{contents.shown:,}", total=f"{contents.rows:,}")
    )
    if contents.sampled is not None:
        some = words("sampled_map", shown=f"{contents.shown:,}", total=f"{contents.rows:,}")
    rest = contents.grouping.groups[len(contents.cards) :]
    parts = {
        "policy": escape(policy),
        "style": style,
        "script": script,
        "data": to_json(data),
        "title": escape(contents.title),
        "generated_at": escape(words("generated", when=f"{contents.created:%Y-%m-%d %H:%M}")),
        "created": contents.created.isoformat(timespec="minutes"),
        "tiles": "".join(map(_tile, contents.tiles)),
        "sample_note": ""
        if contents.sampled is None
        else f'<p class="quiet sample-note">{escape(sampled_note(contents))}</p>',
        "map_note": escape(" ".join(part for part in (words("map_hint"), some) if part)),
        "map_label_filled": escape(words("map_label", points=f"{contents.shown:,}")),
        "map_hidden": "" if contents.shown else "hidden",
        "map_shown": "hidden" if contents.shown else "",
        "changes_section": "" if contents.comparison is None else changes_section(contents.comparison, words),
        "cards": _cards(contents),
        "smaller_groups": smaller_groups(rest, words),
        "findings": _findings(contents),
        "excluded_rows": excluded_table(contents.excluded, words),
        "notes_list": notes_list(contents.notes, words),
        "parameters_list": definitions(contents.parameters),
        "versions_list": definitions(contents.versions),
    }
    return _fill(_template("report.html"), parts, words)


def sampled_note(contents: PageContents) -> str:
    """Return what on the page is of all rows, and what of a sample."""
    rows, sample = f"{contents.rows:,}", f"{contents.sampled or 0:,}"
    return contents.words("sampled", rows=rows, sample=sample)


def _fill(template: str, parts: Mapping[str, str], words: Words) -> str:
    """Fill all blanks in one pass, so that a text with braces in it is never filled again."""

    def fill(blank: re.Match[str]) -> str:
        key = blank[1]
        return parts[key] if key in parts else escape(words(key))

    return _BLANK.sub(fill, template)


@cache
def _template(name: str) -> str:
    return files("mmembed.report").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _tone_rules(tones: Iterable[tuple[str, str]]) -> str:
    both = list(tones)
    light = "".join(f".tone-{code}{{--tone:{pair[0]}}}" for code, pair in enumerate(both))
    dark = "".join(f".tone-{code}{{--tone:{pair[1]}}}" for code, pair in enumerate(both))
    return f"{light}@media screen and (prefers-color-scheme:dark){{{dark}}}"


def _tile(tile: Tile) -> str:
    note = f'<span class="tile-note">{escape(tile.note)}</span>' if tile.note else ""
    size = " tile-long" if len(tile.value) > 12 else ""
    return (
        f'<div class="tile{size}"><dt>{escape(tile.label)}</dt>'
        f'<dd><span class="tile-value" dir="auto">{escape(tile.value)}</span>{note}</dd></div>'
    )


def _cards(contents: PageContents) -> str:
    if not contents.cards:
        return f'<p class="quiet">{escape(contents.words("no_clusters"))}</p>'
    cards = (
        card_markup(card, contents.pictures, contents.small, contents.words, breakdown=contents.breakdown)
        for card in contents.cards
    )
    return f'<div class="cards">{"".join(cards)}</div>'


def _findings(contents: PageContents) -> str:
    """Return the sections of what was looked for: each only if somebody did."""
    words, pictures = contents.words, contents.small
    sections = []
    if contents.duplicates is not None:
        sections.append(duplicates_section(contents.duplicates, contents.duplicate_totals, pictures, words))
    if contents.outliers is not None:
        hint = words("outliers_hint", count=f"{len(contents.outliers):,}")
        sections.append(rows_section("outliers", contents.outliers, pictures, words, hint=hint))
    if contents.suspects is not None:
        hint = words("suspects_hint", count=f"{contents.suspect_total:,}")
        sections.append(rows_section("suspects", contents.suspects, pictures, words, hint=hint))
    return "".join(sections)


_LENGTHS = (600, 300, 160, 90, 48, 24, 0)

_NOISE = 0xFFFF

# Inside a script element, "</script" and "<!--" end or change the element whatever the JSON says; the two separators
# end a line in old JavaScript. As \u escapes they are the same strings to JSON.parse and nothing to the HTML parser.
_ESCAPES = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class CutTexts:
    """Text columns of the points, cut to one length so that they fit a budget.

    Attributes
    ----------
    columns : list of list of str
        One list a text column, one text a point.
    length : int
        Longest text that was kept whole, in characters.
    cut : int
        How many cells were longer.
    """

    columns: list[list[str]]
    length: int
    cut: int


def to_json(data: object) -> str:
    r"""Return JSON without line breaks that cannot leave a script element.

    Examples
    --------
    >>> to_json("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, code in _ESCAPES.items():  # many times faster than one str.translate
        text = text.replace(character, code)
    return text


def cut_texts(columns: Sequence[pd.Series], points: Positions, budget_bytes: int) -> CutTexts:
    """Return the texts of the points, all cut to the largest length with which they fit the budget.

    Parameters
    ----------
    columns : sequence of pandas.Series
        Text columns.
    points : numpy.ndarray
        Positions of the rows.
    budget_bytes : int
        Most bytes as JSON.
    """
    whole = [[one_line(cell, _LENGTHS[0] + 1) for cell in column.iloc[points]] for column in columns]
    for length in _LENGTHS:
        texts = [[cut(text, length) for text in column] for column in whole]
        if length == 0 or len(to_json(texts).encode()) <= budget_bytes:
            break
    return CutTexts(texts, length, sum(len(text) > length for column in whole for text in column))


def point_labels(index: pd.Index, points: Positions) -> list[str] | None:
    """Return the index label of each point as text, or None where the place in the list is the label."""
    if isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1 and len(points) == len(index):
        return None
    return [one_line(label, 40) for label in index[points]]


def map_data(
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    grouping: Grouping,
    points: Positions,
    positions: npt.NDArray[np.int64] | None = None,
) -> dict[str, object]:
    """Return coordinates and groups of the points: 16-bit integers, little endian, as base64.

    Both axes share one scale, so that distances on the map keep their proportions. A step of 1/65535 of the map is a
    fiftieth of a pixel on a screen, and less than one pixel at the deepest zoom. ``positions`` tells where the rows
    stand in the whole table, if they are a sample.
    """
    codes = grouping.codes[points]
    across, up = x[points], y[points]
    left, bottom = (float(axis.min()) if len(points) else 0.0 for axis in (across, up))
    span = max(float(np.ptp(across)), float(np.ptp(up))) if len(points) else 0.0
    scale = 65535 / span if span > 0 else 0.0
    rows = (points if positions is None else positions[points]).astype("<u4").tobytes()
    return {
        "count": len(points),
        "x": _base64((across - left) * scale),
        "y": _base64((up - bottom) * scale),
        "group": _base64(np.where(codes < 0, _NOISE, codes)),
        # Positions in the frame, where they are not simply 0, 1, 2, …
        "rows": None if positions is None and len(points) == len(x) else base64.b64encode(rows).decode("ascii"),
    }


def _base64(values: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> str:
    return base64.b64encode(np.rint(values).astype("<u2").tobytes()).decode("ascii")


def card_markup(
    card: Card, pictures: Mapping[int, bytes], small: Mapping[int, bytes], words: Words, *, breakdown: str | None
) -> str:
    """Return the card of one cluster.

    Parameters
    ----------
    pictures, small : mapping of int to bytes
        Thumbnails of typical and of borderline rows.
    breakdown : str or None
        Name of the breakdown column.
    """
    facts = [words.rows(card.group.size), percent(card.share)]
    if card.cohesion is not None:
        facts.append(words("cohesion", score=f"{card.cohesion:.2f}"))
    name = escape(card.group.name)
    title = f"cluster-{card.code}"
    return (
        f'<article class="card tone-{card.code}" aria-labelledby="{title}">'
        f'<header><h3 id="{title}" dir="auto"><span class="swatch" aria-hidden="true"></span>{name}</h3>'
        f'<p class="facts">{escape(" · ".join(facts))}</p>{bar(card.share)}{_keywords(card, words)}</header>'
        f"{rows_list(card.exemplars, pictures, words, label=words('exemplars'))}"
        f"{_borderline(card, small, words)}"
        f"{_breakdown(card, words, breakdown)}"
        f"{_trend(card, words)}"
        f'<button type="button" class="link" data-group="{card.code}" hidden '
        f'aria-label="{escape(words("show_on_map"))}: {name}">{escape(words("show_on_map"))}</button></article>'
    )


def _keywords(card: Card, words: Words) -> str:
    """Return the keywords that the name does not have already."""
    named = card.group.name.casefold()
    more = [one for one in card.keywords if one.casefold() not in named]
    if not more:
        return ""
    items = "".join(f'<li dir="auto">{escape(one)}</li>' for one in more)
    return f'<ul class="keywords" aria-label="{escape(words("keywords"))}">{items}</ul>'


def _borderline(card: Card, pictures: Mapping[int, bytes], words: Words) -> str:
    if not card.borderline:
        return ""
    head = escape(words("borderline"))
    rows = rows_list(card.borderline, pictures, words, label=words("borderline"))
    return f'<details class="edge"><summary>{head}</summary>{rows}</details>'


def _breakdown(card: Card, words: Words, column: str | None) -> str:
    if not card.breakdown or column is None:
        return ""
    lines = "".join(
        f'<li><span class="value" dir="auto">{escape(one.name)}</span>{bar(one.share)}'
        f'<span class="number">{percent(one.share)}</span></li>'
        for one in card.breakdown
    )
    return f'<div class="breakdown"><h4>{escape(words("breakdown", column=column))}</h4><ul>{lines}</ul></div>'


def _trend(card: Card, words: Words) -> str:
    """Return the counts over time as columns; their description says first, last and highest in words."""
    if len(card.trend) < 2:
        return ""
    most = max(card.trend, key=lambda one: one.count)
    if not most.count:
        return ""
    step = 100 / len(card.trend)
    columns = "".join(
        f'<rect x="{place * step:.2f}" y="{30 * (1 - one.count / most.count):.2f}" width="{step * 0.8:.2f}" '
        f'height="{30 * one.count / most.count:.2f}"/>'
        for place, one in enumerate(card.trend)
        if one.count
    )
    first, last = card.trend[0].name, card.trend[-1].name
    told = words("trend_told", first=first, last=last, most=most.name, count=f"{most.count:,}")
    return (
        f'<div class="trend"><h4>{escape(words("trend"))}</h4>'
        f'<svg viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label="{escape(told)}">{columns}</svg>'
        f'<p class="ends" aria-hidden="true"><span>{escape(first)}</span>'
        f"<span>{escape(words('trend_most', most=most.name, count=f'{most.count:,}'))}</span>"
        f"<span>{escape(last)}</span></p></div>"
    )


_MOST_CHANGES = 40


def section(identity: str, title: str, hint: str, body: str) -> str:
    """Return a section of the page with its heading."""
    return (
        f'<section aria-labelledby="{identity}"><div class="section-head"><h2 id="{identity}">{escape(title)}</h2>'
        f'<p class="quiet">{escape(hint)}</p></div>{body}</section>'
    )


def changes_section(comparison: Comparison, words: Words) -> str:
    """Return the table of what grew, shrank, appeared and vanished; what stayed is one line."""
    moved = [one for one in comparison.changes if one.kind != "steady"]
    steady = len(comparison.changes) - len(moved)
    rows = "".join(
        f'<tr><td><span class="kind {one.kind}">{escape(words(f"kind_{one.kind}"))}</span></td>'
        f'<th scope="row" dir="auto">{escape(one.name)}{_formerly(one.name, one.name_before, words)}</th>'
        f'<td class="number">{one.size_before:,}</td><td class="number">{one.size:,}</td>'
        f'<td class="number">{percent(one.share_before)}</td><td class="number">{percent(one.share)}</td></tr>'
        for one in moved[:_MOST_CHANGES]
    )
    keys = ("change", "name", "rows_before", "rows_now", "share_before", "share_now")
    kinds = ["", "", *[' class="number"'] * 4]
    heads = "".join(f'<th scope="col"{kind}>{escape(words(key))}</th>' for key, kind in zip(keys, kinds, strict=True))
    table = (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(words("changes"))}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    last = f'<p class="quiet">{escape(words("changes_steady", count=f"{steady:,}"))}</p>'
    when = comparison.created_before.replace("T", " ")[:16]
    hint = words("changes_hint", when=when, rows=f"{comparison.rows_before:,}")
    return section("changes", words("changes"), hint, (table if moved else "") + last)


def duplicates_section(
    groups: Sequence[tuple[int, tuple[ShownRow, ...]]],
    totals: tuple[int, int],
    pictures: Mapping[int, bytes],
    words: Words,
) -> str:
    """Return groups of near duplicates, each with its size and its first rows.

    Parameters
    ----------
    totals : (int, int)
        All groups, and all rows in them.
    """
    items = "".join(
        f"<li><p>{escape(words('duplicate_group', count=f'{size:,}'))}</p>"
        f"{rows_list(rows, pictures, words, label=words('duplicate_group', count=f'{size:,}'))}</li>"
        for size, rows in groups
    )
    hint = words("duplicates_hint", groups=f"{totals[0]:,}", rows=f"{totals[1]:,}")
    return section("duplicates", words("duplicates"), hint, f'<ul class="groups">{items}</ul>' if items else "")


def rows_section(
    identity: str, rows: tuple[ShownRow, ...], pictures: Mapping[int, bytes], words: Words, *, hint: str
) -> str:
    """Return a section that is one list of rows: outliers or label suspects."""
    return section(
        identity,
        words(identity),
        hint,
        f'<div class="strip">{rows_list(rows, pictures, words, label=words(identity))}</div>' if rows else "",
    )


def smaller_groups(rest: Sequence[Group], words: Words) -> str:
    """Return the clusters that have no card as a folded table."""
    if not rest:
        return ""
    rows = "".join(
        f'<tr><td dir="auto">{escape(group.name)}</td><td class="number">{group.size:,}</td></tr>' for group in rest
    )
    return (
        f'<details class="smaller"><summary>{escape(words("smaller_hint", count=f"{len(rest):,}"))}</summary>'
        f'<table><thead><tr><th scope="col">{escape(words("name"))}</th>'
        f'<th scope="col" class="number">{escape(words("rows"))}</th></tr></thead><tbody>{rows}</tbody></table>'
        "</details>"
    )


def excluded_table(excluded: Sequence[tuple[str, int]], words: Words) -> str:
    """Return what the page does not show, with the reasons."""
    if not excluded:
        return f"<p>{escape(words('excluded_none'))}</p>"
    rows = "".join(f'<tr><td>{escape(why)}</td><td class="number">{count:,}</td></tr>' for why, count in excluded)
    return f"<table><tbody>{rows}</tbody></table>"


def notes_list(notes: Iterable[str], words: Words) -> str:
    """Return the notes of the appendix, or nothing."""
    items = "".join(f'<li dir="auto">{escape(note)}</li>' for note in notes)
    if not items:
        return ""
    head = escape(words("notes"))
    return f'<section aria-labelledby="notes-title"><h3 id="notes-title">{head}</h3><ul>{items}</ul></section>'


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """Return names with their values."""
    return "".join(f'<div><dt>{escape(name)}</dt><dd dir="auto">{escape(value)}</dd></div>' for name, value in pairs)


def _formerly(name: str, before: str, words: Words) -> str:
    if not before or before == name:
        return ""
    return f' <span class="quiet">{escape(words("formerly", name=before))}</span>'


def percent(share: float) -> str:
    """Return a share as a percentage with one digit.

    Examples
    --------
    >>> percent(0.125)
    '12.5%'
    """
    return f"{100 * share:.1f}%"


def bar(share: float) -> str:
    """Return a thin bar that is filled up to a share; the number beside it says the same in words."""
    width = f"{min(max(share, 0), 1):.2%}"
    return f'<svg class="bar" aria-hidden="true"><rect width="{width}" height="100%" rx="2"/></svg>'


def rows_list(rows: tuple[ShownRow, ...], pictures: Mapping[int, bytes], words: Words, *, label: str) -> str:
    """Return rows as a list of buttons that lead to the map.

    Parameters
    ----------
    pictures : mapping of int to bytes
        Thumbnails by row.
    label : str
        What the list is called for those who do not see it.
    """
    items = "".join(_item(row, pictures.get(row.row), words) for row in rows)
    kind = "pictures" if any(row.row in pictures for row in rows) else "texts"
    return f'<ul class="rows {kind}" aria-label="{escape(label)}">{items}</ul>' if items else ""


def _item(row: ShownRow, thumbnail: bytes | None, words: Words) -> str:
    texts = [text for text in row.texts if text]
    name = words("page_row", label=row.label)
    shown = texts or ([] if thumbnail else [name])
    lines = "".join(
        f'<span class="line{" second" if place else ""}" dir="auto">{escape(text)}</span>'
        for place, text in enumerate(shown)
    )
    picture = ""
    if thumbnail:
        described = words("page_picture", text=texts[0] if texts else name)
        badge = '<span class="play" aria-hidden="true"></span>' if row.is_video else ""
        point = "" if row.point is None else f' data-picture="{row.point}"'
        picture = (
            f'<span class="frame"><img src="{data_uri(thumbnail)}" alt="{escape(described)}" decoding="async"'
            f"{point}>{badge}</span>"
        )
    note = f'<span class="note" dir="auto">{escape(row.note)}</span>' if row.note else ""
    inside = f"{picture}{lines}{note}"
    if row.point is None:
        return f'<li><span class="still">{inside}</span></li>'
    return f'<li><button type="button" data-point="{row.point}">{inside}</button></li>'
