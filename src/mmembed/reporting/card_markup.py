"""A cluster's card as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from mmembed.reporting.cards import Card
from mmembed.reporting.markup import bar, percent, rows_list
from mmembed.reporting.wording import Words


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
