"""The phrases that may name a cluster: those that the package ships, and the user's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mmembed.analysis.names.names import check_phrases
from mmembed.analysis.names.terms import Language

# "mouse (animal)" is embedded as it is, and shown as "mouse".
_SENSE = re.compile(r" \([^)]*\)$")


@dataclass(frozen=True)
class Phrase:
    """One thing or topic.

    Attributes
    ----------
    en, zh : str
        What it is called; the same for a phrase that the user gave.
    is_broad : bool
        Whether a name may begin with it: a kind of things or a topic, such as "animal".
    """

    en: str
    zh: str
    is_broad: bool = False

    def shown(self, language: Language) -> str:
        """Return the phrase as it stands in a name."""
        return _SENSE.sub("", self.en) if language == "en" else self.zh


@cache
def shipped_phrases() -> tuple[Phrase, ...]:
    """Return the shipped vocabulary, some 1,900 phrases."""
    lines = files("mmembed.analysis.names").joinpath("vocabulary.tsv").read_text(encoding="utf-8").splitlines()
    return tuple(Phrase(en, zh, is_broad == "1") for en, zh, is_broad in (line.split("\t") for line in lines[1:]))


def phrases_with(extra: Sequence[str] | None) -> tuple[Phrase, ...]:
    """Return the shipped phrases and those of the user, each once.

    Raises
    ------
    ValueError
        If a given phrase is none: no string, empty, long, or of several lines.
    """
    given = [] if extra is None else [extra] if isinstance(extra, str) else list(extra)
    check_phrases(given)
    known = {phrase.en for phrase in shipped_phrases()} | {phrase.zh for phrase in shipped_phrases()}
    own = [Phrase(one, one, is_broad=True) for one in dict.fromkeys(given) if one not in known]
    return (*shipped_phrases(), *own)


def wordings(phrases: Sequence[Phrase]) -> list[str]:
    """Return the texts to embed, each once: both wordings of each phrase.

    A phrase is where the mean of its two wordings is: it is nearer to what both mean than either, and names in the two
    languages rest on the same ranking.
    """
    return list(dict.fromkeys(text for phrase in phrases for text in (phrase.en, phrase.zh)))
