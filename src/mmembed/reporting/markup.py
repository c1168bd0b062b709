"""Small pieces of HTML that cards and lists share; every text from the frame is escaped here."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from mmembed.contents.thumbnails import data_uri
from mmembed.reporting.shown import ShownRow
from mmembed.reporting.wording import Words


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
