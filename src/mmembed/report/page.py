"""The report as one HTML page: fills the templates, joins styles and scripts, and locks the page.

The data of the map are compact JSON that is safe inside a ``<script>`` element.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pandas as pd

from mmembed.analysis.tallies.categories import Categories
from mmembed.contents.thumbnails import data_uri
from mmembed.figures.canvas import CANVAS_STYLE, as_base64, canvas_script, canvas_source
from mmembed.figures.style import FONT_STACK
from mmembed.frames import cut, one_line
from mmembed.report.cards import Card, Positions, ShownRow
from mmembed.report.comparison import Comparison
from mmembed.report.profile import Profile
from mmembed.report.statements import Statement, rounded
from mmembed.report.summary import Tile
from mmembed.report.topics import TopicLine
from mmembed.report.words import Words, percent

if TYPE_CHECKING:
    from jinja2 import Environment

# Each file may use what the ones before it define, and all of them the canvas.
SCRIPTS = ("sorting.js", "links.js", "page.js")
STYLES = ("base.css", CANVAS_STYLE, "cards.css", "sections.css", "media.css")

_MOST_CHANGES = 40


@dataclass(frozen=True)
class PageContents:
    """Everything the page says; nothing in it is HTML yet.

    Attributes
    ----------
    rows : int
        Of the table.
    sampled : int or None
        Rows that the page was made from, where figures are of more: of the whole table.
    points : mapping of int to int
        Place of each row on the map in the map's data.
    pictures, small : mapping of int to bytes
        Thumbnails of the typical rows in cards, and of the rows in lists, by row.
    duplicates, outliers, suspects : or None
        Rows to show in these sections; None where nobody looked for them.
    outlier_median : float or None
        Median of the cosines of rows with the nearest other one, where that is known.
    profile : Profile
        What the data are and what was done.
    topics : tuple of TopicLine
        The table of topics.
    statements : tuple of Statement
        What stands out, in sentences.
    are_nearest_only : bool
        Whether nothing sets the near duplicates apart from other pairs.
    """

    title: str
    words: Words
    created: datetime
    rows: int
    sampled: int | None
    tiles: list[Tile]
    grouping: Categories
    cards: list[Card]
    data: Mapping[str, Any]
    points: Mapping[int, int]
    breakdown: str | None
    excluded: list[tuple[str, int]]
    notes: list[str]
    parameters: list[tuple[str, str]]
    versions: list[tuple[str, str]]
    profile: Profile
    topics: tuple[TopicLine, ...] = ()
    pictures: Mapping[int, bytes] = field(default_factory=dict)
    small: Mapping[int, bytes] = field(default_factory=dict)
    duplicates: tuple[tuple[int, tuple[ShownRow, ...]], ...] | None = None
    duplicate_totals: tuple[int, int] = (0, 0)
    outliers: tuple[ShownRow, ...] | None = None
    outlier_median: float | None = None
    suspects: tuple[ShownRow, ...] | None = None
    suspect_total: int = 0
    comparison: Comparison | None = None
    statements: tuple[Statement, ...] = ()
    are_nearest_only: bool = False


def render_page(contents: PageContents) -> str:
    """Return the whole page.

    Its Content-Security-Policy forbids every request and every script and style but the page's own, which are named by
    hash: even a text that slipped through the escaping could not run.
    """
    words, groups = contents.words, contents.grouping.groups
    style = "".join(map(_source, STYLES)).replace("/*fonts*/", FONT_STACK) + _tone_rules(contents.data["tones"])
    script = "\n".join(["(() => {", '"use strict";', canvas_script(), *map(_source, SCRIPTS), "})();\n"])
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return render(
        "report.html",
        **{one.name: getattr(contents, one.name) for one in fields(contents)}
        | {"data": to_json(as_base64(contents.data))},
        policy=policy,
        style=style,
        script=script,
        map_note=" ".join(part for part in (words("map_hint"), _note_of_shown(contents)) if part),
        sample_note="" if contents.sampled is None else sampled_note(contents),
        smaller_groups=groups[len(contents.cards) :],
        outliers_hint=outliers_hint(contents),
        most_changes=_MOST_CHANGES,
    )


def render(template: str, **values: object) -> str:
    """Return a template filled with values: each is text, and only the template can say that it is more."""
    return _templates().get_template(template).render(values)


def sampled_note(contents: PageContents) -> str:
    """Return what on the page is of all rows, and what of a sample."""
    rows, sample = f"{contents.rows:,}", f"{contents.sampled or 0:,}"
    return contents.words("sampled", rows=rows, sample=sample)


def outliers_hint(contents: PageContents) -> str:
    """Return in which order outliers are listed, and what stands beside them."""
    words, count = contents.words, len(contents.outliers or ())
    if not count or contents.outlier_median is None:
        return words.counted("outliers", count)
    return words("outliers_hint_near", count=f"{count:,}", median=f"{contents.outlier_median:.2f}")


def _note_of_shown(contents: PageContents) -> str:
    """Return how many of the rows are on the map, or nothing where all are."""
    shown = len(contents.points)
    if contents.sampled is None and shown == contents.rows:
        return ""
    key = "map_some" if contents.sampled is None else "sampled_map"
    return contents.words(key, shown=f"{shown:,}", total=f"{contents.rows:,}")


@cache
def _templates() -> Environment:
    """Return the templates of the page, which escape every value that is not marked as markup."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["bar_width"] = lambda share: f"{min(max(share, 0), 1):.2%}"
    made.filters["data_uri"] = data_uri
    made.filters["percent"] = percent
    made.filters["rounded"] = rounded
    made.filters["thousands"] = "{:,}".format
    return made


@cache
def _source(name: str) -> str:
    if name == CANVAS_STYLE:
        return canvas_source(name)
    return files("mmembed.report").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _tone_rules(tones: Iterable[tuple[str, str]]) -> str:
    both = list(tones)
    light = "".join(f".tone-{code}{{--tone:{pair[0]}}}" for code, pair in enumerate(both))
    dark = "".join(f".tone-{code}{{--tone:{pair[1]}}}" for code, pair in enumerate(both))
    return f"{light}@media screen and (prefers-color-scheme:dark){{{dark}}}"


_LENGTHS = (600, 300, 160, 90, 48, 24, 0)

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
