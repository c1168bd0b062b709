"""Which rows of the report get a thumbnail, how large, and what of the byte budget each kind of place may take."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from mmembed.contents.thumbnails import data_uri, make_thumbnails
from mmembed.reporting.page import PageContents
from mmembed.reporting.request import Columns
from mmembed.reporting.selecting import Positions, in_turns, thumbnail_order

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
    place = {row: point for point, row in enumerate(points.tolist())}
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
