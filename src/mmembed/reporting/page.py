"""The report as one HTML page: fills the templates; every text from the frame is escaped here, once."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from html import escape
from importlib.resources import files

from mmembed.reporting.cards import Card, Exemplar
from mmembed.reporting.grouping import Grouping
from mmembed.reporting.palette import FONT_STACK, MISSING_TONE, NOISE_TONE, tone
from mmembed.reporting.payload import to_json
from mmembed.reporting.thumbnails import data_uri
from mmembed.reporting.wording import Words

_BLANK = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of the summary."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class PageContents:
    """Everything the page says; nothing in it is HTML yet."""

    title: str
    words: Words
    created: datetime
    rows: int
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


def render_page(contents: PageContents) -> str:
    """Return the whole page.

    Its Content-Security-Policy forbids every request and every script and style but the page's own, which are named by
    hash: even a text that slipped through the escaping could not run.
    """
    words = contents.words
    tones = [tone(code) for code in range(len(contents.grouping.groups))]
    style = _template("report.css").replace("/*fonts*/", FONT_STACK) + _tone_rules(tones)
    script = _template("map.js") + _template("report.js")
    data = {
        **contents.data,
        "words": words.for_page(),
        "language": words("lang"),
        "tones": tones,
        "noiseTone": NOISE_TONE,
        "fadedTone": MISSING_TONE,
        "groups": [{"name": group.name, "size": group.size} for group in contents.grouping.groups],
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
    parts = {
        "policy": escape(policy),
        "style": style,
        "script": script,
        "data": to_json(data),
        "title": escape(contents.title),
        "generated_at": escape(words("generated", when=f"{contents.created:%Y-%m-%d %H:%M}")),
        "created": contents.created.isoformat(timespec="minutes"),
        "tiles": "".join(map(_tile, contents.tiles)),
        "map_note": escape(" ".join(part for part in (words("map_hint"), some) if part)),
        "map_label_filled": escape(words("map_label", points=f"{contents.shown:,}")),
        "map_hidden": "" if contents.shown else "hidden",
        "map_shown": "hidden" if contents.shown else "",
        "cards": _cards(contents),
        "smaller_groups": _smaller(contents),
        "excluded_rows": _excluded(contents),
        "notes_list": _notes(contents),
        "parameters_list": _definitions(contents.parameters),
        "versions_list": _definitions(contents.versions),
    }
    return _fill(_template("report.html"), parts, words)


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
    return '<div class="cards">' + "".join(_card(card, contents) for card in contents.cards) + "</div>"


def _card(card: Card, contents: PageContents) -> str:
    words = contents.words
    facts = [words.rows(card.group.size), percent(card.share)]
    if card.cohesion is not None:
        facts.append(words("cohesion", score=f"{card.cohesion:.2f}"))
    name = escape(card.group.name)
    has_pictures = any(exemplar.thumbnail for exemplar in card.exemplars)
    exemplars = "".join(_exemplar(exemplar, words) for exemplar in card.exemplars)
    kind = "pictures" if has_pictures else "texts"
    title = f"cluster-{card.code}"
    return (
        f'<article class="card tone-{card.code}" aria-labelledby="{title}">'
        f'<header><h3 id="{title}" dir="auto"><span class="swatch" aria-hidden="true"></span>{name}</h3>'
        f'<p class="facts">{escape(" · ".join(facts))}</p>'
        f'<svg class="bar" aria-hidden="true"><rect width="{card.share:.2%}" height="100%" rx="2"/></svg></header>'
        f'<ul class="exemplars {kind}" aria-label="{escape(words("exemplars"))}">{exemplars}</ul>'
        f"{_breakdown(card, contents)}"
        f'<button type="button" class="link" data-group="{card.code}" hidden '
        f'aria-label="{escape(words("show_on_map"))}: {name}">{escape(words("show_on_map"))}</button></article>'
    )


def _exemplar(exemplar: Exemplar, words: Words) -> str:
    texts = [text for text in exemplar.texts if text]
    lines = "".join(
        f'<span class="line{" second" if place else ""}" dir="auto">{escape(text)}</span>'
        for place, text in enumerate(texts)
    )
    picture = ""
    if exemplar.thumbnail:
        described = words("page_picture", text=texts[0]) if texts else words("exemplars")
        badge = '<span class="play" aria-hidden="true"></span>' if exemplar.is_video else ""
        point = "" if exemplar.point is None else f' data-picture="{exemplar.point}"'
        picture = (
            f'<span class="frame"><img src="{data_uri(exemplar.thumbnail)}" alt="{escape(described)}" decoding="async"'
            f"{point}>{badge}</span>"
        )
    if not picture and not lines:
        return ""
    if exemplar.point is None:
        return f"<li>{picture}{lines}</li>"
    return f'<li><button type="button" data-point="{exemplar.point}">{picture}{lines}</button></li>'


def _breakdown(card: Card, contents: PageContents) -> str:
    if not card.breakdown or contents.breakdown is None:
        return ""
    lines = "".join(
        f'<li><span class="value" dir="auto">{escape(one.name)}</span>'
        f'<svg class="bar" aria-hidden="true"><rect width="{one.share:.2%}" height="100%" rx="2"/></svg>'
        f'<span class="number">{percent(one.share)}</span></li>'
        for one in card.breakdown
    )
    head = escape(contents.words("breakdown", column=contents.breakdown))
    return f'<div class="breakdown"><h4>{head}</h4><ul>{lines}</ul></div>'


def _smaller(contents: PageContents) -> str:
    rest = contents.grouping.groups[len(contents.cards) :]
    if not rest:
        return ""
    words = contents.words
    rows = "".join(
        f'<tr><td dir="auto">{escape(group.name)}</td><td class="number">{group.size:,}</td></tr>' for group in rest
    )
    return (
        f'<details class="smaller"><summary>{escape(words("smaller_hint", count=f"{len(rest):,}"))}</summary>'
        f'<table><thead><tr><th scope="col">{escape(words("name"))}</th>'
        f'<th scope="col" class="number">{escape(words("rows"))}</th></tr></thead><tbody>{rows}</tbody></table>'
        "</details>"
    )


def _excluded(contents: PageContents) -> str:
    if not contents.excluded:
        return f"<p>{escape(contents.words('excluded_none'))}</p>"
    rows = "".join(
        f'<tr><td>{escape(why)}</td><td class="number">{count:,}</td></tr>' for why, count in contents.excluded
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _notes(contents: PageContents) -> str:
    if not contents.notes:
        return ""
    items = "".join(f'<li dir="auto">{escape(note)}</li>' for note in contents.notes)
    head = escape(contents.words("notes"))
    return f'<section aria-labelledby="notes-title"><h3 id="notes-title">{head}</h3><ul>{items}</ul></section>'


def _definitions(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f'<div><dt>{escape(name)}</dt><dd dir="auto">{escape(value)}</dd></div>' for name, value in pairs)


def percent(share: float) -> str:
    """Return a share as a percentage with one digit.

    Examples
    --------
    >>> percent(0.125)
    '12.5%'
    """
    return f"{100 * share:.1f}%"
