"""Texts that are too long for a model, cut where that was asked for: what is left is the content from then on."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

from mmembed.embedding.content import content_of_text, fused_of
from mmembed.embedding.estimating import estimate_text
from mmembed.embedding.model_spec import ModelSpec
from mmembed.errors import ContentError
from mmembed.providers.protocol import Content

__all__ = ["TruncationWarning", "cut_texts"]

Read = Content | ContentError | None


class TruncationWarning(UserWarning):
    """Texts were longer than the model takes, and were cut because ``truncate=True`` was asked for."""


def cut_texts(cells: Sequence[Read], spec: ModelSpec) -> list[Read]:
    """Return the cells with each text, also in fused rows, cut to the longest beginning that the model surely takes.

    Warns once, with how many texts were cut and how much the shortest remainder is.
    """
    most = spec.text_tokens
    if most is None:
        return list(cells)
    kept: list[float] = []

    def cut(cell: Read) -> Read:
        if not isinstance(cell, Content):
            return cell
        if cell.text is not None:
            # The high estimate is never above the number of characters, so most texts pass without counting.
            if len(cell.text) <= most or estimate_text(cell.text).high <= most:
                return cell
            text = _beginning(cell.text, most)
            kept.append(len(text) / len(cell.text))
            return content_of_text(text)
        if cell.kind == "fused":
            parts = tuple(part for part in map(cut, cell.parts) if isinstance(part, Content))
            return cell if parts == cell.parts else fused_of(parts)
        return cell

    done = [cut(cell) for cell in cells]
    if kept:
        warnings.warn(
            f"Model {spec.name!r} takes {most} tokens: {len(kept)} longer texts are cut (truncate=True); what is left "
            f"of the longest is {math.floor(100 * min(kept))} % of its characters.",
            TruncationWarning,
            stacklevel=2,
        )
    return done


def _beginning(text: str, most: int) -> str:
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if estimate_text(text[:middle]).high <= most:
            fits = middle
        else:
            too_long = middle
    return text[: max(1, fits)]
