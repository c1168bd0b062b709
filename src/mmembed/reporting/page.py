"""The report as one HTML page: fills the templates, joins styles and scripts, and locks the page."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from html import escape
from importlib.resources import files

from mmembed.analysis.tallies.categories import Grouping
from mmembed.frames import one_line
from mmembed.reporting.card_markup import card_markup
from mmembed.reporting.cards import Card
from mmembed.reporting.comparing import Comparison
from mmembed.reporting.palette import FONT_STACK, MISSING_TONE, NOISE_TONE, tone
from mmembed.reporting.payload import to_json
from mmembed.reporting.section_markup import (
    changes_section,
    definitions,
    duplicates_section,
    excluded_table,
    notes_list,
    rows_section,
    smaller_groups,
)
from mmembed.reporting.shown import ShownRow
from mmembed.reporting.summarising import Tile
from mmembed.reporting.wording import Words

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
    return files("mmembed.reporting").joinpath("templates", name).read_text(encoding="utf-8")


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
