"""The sections of the report beside map and cards as HTML: changes, duplicates, outliers, label suspects, appendix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from mmembed.analysis.tallies.categories import Group
from mmembed.reporting.comparing import Comparison
from mmembed.reporting.markup import percent, rows_list
from mmembed.reporting.shown import ShownRow
from mmembed.reporting.wording import Words

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
