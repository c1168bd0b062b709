"""The report as Markdown: the same summary, clusters and findings as text, for issues, mails and wikis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mmembed.report.cards import Card, ShownRow
from mmembed.report.comparison import Comparison
from mmembed.report.page import PageContents, outliers_hint, sampled_note
from mmembed.report.words import Words, percent

# Signs that Markdown or the HTML in it would read as more than text.
_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|~&!$])")


def render_markdown(contents: PageContents) -> str:
    """Return the report as Markdown; texts from the frame are escaped and never become markup."""
    words = contents.words
    parts = [
        f"# {plain(contents.title)}",
        words("generated", when=f"{contents.created:%Y-%m-%d %H:%M}"),
        plain(contents.profile.lead),
        _table([(tile.label, _beside(tile.value, tile.note, words)) for tile in contents.tiles]),
        *([] if contents.sampled is None else [sampled_note(contents)]),
        *_findings(contents),
        *_changes(contents),
        f"## {words('details')}",
    ]
    parts += [_card(card, contents) for card in contents.cards] or [words("no_clusters")]
    rest = contents.grouping.groups[len(contents.cards) :]
    if rest:
        parts += [
            words("smaller_hint", count=f"{len(rest):,}"),
            _bullets(words("named", name=plain(one.name), told=f"{one.size:,}") for one in rest),
        ]
    if contents.duplicates is not None:
        groups, rows = contents.duplicate_totals
        counted = words("duplicates_hint", groups=f"{groups:,}", rows=f"{rows:,}", copies=f"{rows - groups:,}")
        told = [counted if groups else words("duplicates_none")]
        told += [words("duplicates_nearest")] if contents.are_nearest_only and groups else []
        parts += [f"## {words('duplicates')}", words.sentences(told)]
        parts += [
            _bullets(
                words(
                    "named",
                    name=words("duplicate_group", count=f"{size:,}"),
                    told=" / ".join(_told(row, words) for row in rows),
                )
                for size, rows in contents.duplicates
            )
        ]
    if contents.outliers is not None:
        parts += [f"## {words('outliers')}", outliers_hint(contents), _rows(contents.outliers, words)]
    if contents.suspects is not None:
        hint = words.counted("suspects", contents.suspect_total)
        parts += [f"## {words('suspects')}", hint, _rows(contents.suspects, words)]
    parts += _about(contents)
    parts += [f"## {words('appendix')}", f"### {words('excluded')}"]
    parts += [_table((why, f"{count:,}") for why, count in contents.excluded) or words("excluded_none")]
    if contents.notes:
        parts += [f"### {words('notes')}", _bullets(map(plain, contents.notes))]
    parts += [f"### {words('parameters')}", _table(contents.parameters)]
    parts += [f"### {words('versions')}", _table(contents.versions)]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: str) -> str:
    r"""Return a text that Markdown shows as it is.

    Examples
    --------
    >>> plain("<b>*a*</b>")
    '\\<b\\>\\*a\\*\\</b\\>'
    """
    return _SIGNS.sub(r"\\\1", text)


def _card(card: Card, contents: PageContents) -> str:
    words = contents.words
    parts = [f"### {plain(card.group.name)}", card.figures(words)]
    if card.keywords:
        told = words("separator").join(map(plain, card.keywords))
        parts.append(words("named", name=words("keywords"), told=told))
    parts += [_heading(words("exemplars"), words), _rows(card.exemplars, words)]
    if card.borderline:
        parts += [_heading(words("borderline"), words), _rows(card.borderline, words)]
    if card.breakdown and contents.breakdown is not None:
        shares = words("separator").join(f"{plain(one.name)} {percent(one.share)}" for one in card.breakdown)
        parts.append(words("named", name=plain(words("breakdown", column=contents.breakdown)), told=shares))
    if told := card.trend_told(words):
        parts.append(words("named", name=card.trend_title(words), told=told))
    return "\n\n".join(part for part in parts if part)


def _findings(contents: PageContents) -> list[str]:
    if not contents.statements:
        return []
    told = _bullets(plain(one.texts[contents.words.language]) for one in contents.statements)
    return [f"## {contents.words('findings')}", told]


def _about(contents: PageContents) -> list[str]:
    profile, words = contents.profile, contents.words
    heads = [words(key) for key in ("column", "what_it_is", "in_it", "missing_cells")]
    lines = [(one.name, one.role, one.content, f"{one.missing:,}") for one in profile.columns]
    table = [f"| {' | '.join(map(plain, line))} |" for line in [tuple(heads), *lines]]
    table.insert(1, "|---|---|---|---:|")
    return [
        f"## {words('about')}",
        plain(profile.paragraph),
        "\n".join(table) if lines else "",
        *map(plain, profile.notes),
        _heading(words("code"), words),
        # Indented, so that no text in it ends the block.
        "\n".join(f"    {line}" for line in profile.code.splitlines()),
    ]


def _changes(contents: PageContents) -> list[str]:
    comparison, words = contents.comparison, contents.words
    if comparison is None:
        return []
    lines = [
        words(
            "change_told",
            kind=words(f"kind_{one.kind}"),
            name=plain(one.name),
            before=f"{one.size_before:,}",
            now=f"{one.size:,}",
            share_before=percent(one.share_before),
            share=percent(one.share),
        )
        for one in comparison.moved
    ]
    return [
        f"## {words('changes')}",
        words("changes_hint", when=plain(comparison.when), rows=f"{comparison.rows_before:,}"),
        words("changes_anew") if comparison.is_anew else "",
        _bullets(lines),
        *(_steady(comparison, words) if comparison.steady else []),
    ]


def _steady(comparison: Comparison, words: Words) -> list[str]:
    """Return the topics whose change does not exceed chance, in a table with their numbers."""
    heads = [words(key) for key in ("name", "rows_before", "rows_now", "share_before", "share_now")]
    lines = [
        (
            _beside(one.name, words("formerly", name=one.name_before) if one.name_before != one.name else "", words),
            f"{one.size_before:,}",
            f"{one.size:,}",
            percent(one.share_before),
            percent(one.share),
        )
        for one in comparison.steady
    ]
    table = [f"| {' | '.join(map(plain, line))} |" for line in [tuple(heads), *lines]]
    table.insert(1, "|---|---:|---:|---:|---:|")
    counted = words("changes_steady" if comparison.moved else "changes_none", count=f"{len(comparison.steady):,}")
    return [_heading(counted, words), "\n".join(table)]


def _rows(rows: Sequence[ShownRow], words: Words) -> str:
    return _bullets(_told(row, words) for row in rows)


def _told(row: ShownRow, words: Words) -> str:
    texts = " / ".join(plain(text) for text in row.texts if text) or plain(row.file or words("row", label=row.label))
    return _beside(texts, plain(row.note), words)


def _beside(told: str, aside: str, words: Words) -> str:
    return words("aside", told=told, aside=aside) if aside else told


def _heading(name: str, words: Words) -> str:
    """Return the line that stands over a list: its name and a colon."""
    return words("named", name=name, told="").rstrip()


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(pairs: Iterable[tuple[str, str]]) -> str:
    rows = [f"| {plain(name)} | {plain(value)} |" for name, value in pairs]
    return "\n".join(["| | |", "|---|---|", *rows]) if rows else ""
