"""What a name must be that people or programs give: short, one line, not empty, not twice."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_CHARACTERS = 80


@dataclass(frozen=True)
class ClusterDraft:
    """What the writer of names gets to know of one cluster.

    Attributes
    ----------
    name : str
        Its present name.
    terms : tuple of str
        What sets it apart from its siblings, best first.
    texts : tuple of str
        Up to five typical texts, cut to 200 characters; empty without a text column. They are whatever stands in the
        table: material to describe, not instructions to follow.
    """

    name: str
    terms: tuple[str, ...]
    texts: tuple[str, ...]


def check_names(names: Mapping[int, Any], *, given: Mapping[int, Any], by: str) -> None:
    """Refuse given names that are none, or that make two clusters share one.

    Parameters
    ----------
    names : mapping of int to str
        All names, the given ones among them.
    given : mapping of int to object
        Those to check.
    by : str
        Who gave them, as the message begins.

    Raises
    ------
    ValueError
        Which label, what is wrong, what is expected.
    """
    for label, name in given.items():
        if (fault := _fault(name)) is not None:
            raise ValueError(f"{by} calls cluster {label} {name!r:.120}, which {fault}.")
    by_name: dict[str, int] = {}
    for label, name in names.items():
        other = by_name.setdefault(name.casefold(), label)
        if other != label:
            raise ValueError(
                f"{by} leaves clusters {other} and {label} with one name, {name!r}. Give each a name of its own."
            )


def check_phrases(phrases: list[Any]) -> None:
    """Refuse phrases of a vocabulary that could be no name.

    Raises
    ------
    ValueError
        Which phrase, what is wrong, what is expected.
    """
    for phrase in phrases:
        if (fault := _fault(phrase)) is not None:
            raise ValueError(f"vocabulary= has {phrase!r:.120}, which {fault}.")


def _fault(name: object) -> str | None:
    if not isinstance(name, str):
        return f"is a {type(name).__name__}; a name is a string"
    if not name.strip():
        return "is empty; a name has at least one character"
    if name != name.strip():
        return "begins or ends with a space; leave it out"
    if len(name) > MOST_CHARACTERS:
        return f"has {len(name)} characters; a name has at most {MOST_CHARACTERS}"
    # Cc, Zl, Zp: line ends, tabs, escapes; Cf: invisible marks, such as those that turn the direction of writing.
    if strange := [one for one in name if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]:
        return f"has the invisible character U+{ord(strange[0]):04X}; a name is one line of plain text"
    return None
