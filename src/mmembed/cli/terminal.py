"""What reaches a terminal: plain text without the control characters that cells may hold."""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import Any

import pandas as pd

from mmembed.vectors import VectorDtype

# C0 and C1 controls (escape sequences begin with them), DEL, and the marks that turn the direction of text.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_WIDEST_CELL = 60


def visible(text: str, *, keep: str = "") -> str:
    r"""Return a text in which control characters are written out, so that a terminal does not obey them.

    Parameters
    ----------
    text : str
        What a cell, a file name or a message says.
    keep : str
        Controls that stay, such as the newlines of a message.

    Examples
    --------
    >>> visible("red\x1b[2J")
    'red\\x1b[2J'
    """
    return _CONTROLS.sub(lambda found: found[0] if found[0] in keep else ascii(found[0])[1:-1], text)


def say(text: str) -> None:
    """Write a line to the standard error, where messages and progress go."""
    _write(sys.stderr, visible(text, keep="\n\t") + "\n")


def show(text: str) -> None:
    """Write a line to the standard output, where results go."""
    _write(sys.stdout, visible(text, keep="\n\t") + "\n")


def text_table(df: pd.DataFrame, *, index: bool = False) -> str:
    """Return a frame as aligned text for people: cells on one line, long ones cut, vector columns left out.

    Parameters
    ----------
    df : pandas.DataFrame
        What to show.
    index : bool
        Whether to show the index labels.
    """
    kept = df.loc[:, [not isinstance(dtype, VectorDtype) for dtype in df.dtypes]]
    plain = kept.map(_cell).set_axis([visible(str(name)) for name in kept.columns], axis=1)
    if plain.empty:
        return f"{len(df)} rows"
    # Chinese characters are two columns wide.
    with pd.option_context("display.unicode.east_asian_width", True):  # noqa: FBT003  pandas' own way
        return plain.to_string(index=index, na_rep="", float_format="{:.4g}".format)


def _cell(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    return _cut(visible(str(value)))


def _cut(text: str) -> str:
    """Return a text of at most so many columns of a terminal, in which Chinese characters take two."""
    widths = [1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text[: _WIDEST_CELL + 1]]
    if sum(widths) <= _WIDEST_CELL and len(text) <= _WIDEST_CELL:
        return text
    room, end = _WIDEST_CELL - 1, 0
    while end < len(widths) and widths[end] <= room:
        room -= widths[end]
        end += 1
    return text[:end].rstrip() + "…"


def _write(stream: Any, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:  # an old code page on Windows, or LC_ALL=C with UTF-8 mode switched off
        stream.write(text.encode(stream.encoding, "backslashreplace").decode(stream.encoding))
    stream.flush()
