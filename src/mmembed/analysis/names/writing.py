"""How the texts of a table write a term: counted in lower case, it is shown as "XP" where the cells say "XP"."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from mmembed.analysis.names.terms import HAN

# What stands before the first word of a sentence, where a capital says nothing.
_BEGINS = re.compile(r"(?:^|[.!?:;\n\r\u3002\uff01\uff1f\u2026|\u00b7])[\s\"'\u2018\u201c(\[*#>-]*$")
_LOOKED_BACK = 8

# What no word ends before: a letter, but for Han characters, which have no spaces beside them.
_LETTER = rf"[^\W{HAN}]"


def written(term: str, texts: Iterable[str]) -> str:
    """Return a term in the writing that texts use most often, word by word; of equally frequent ones the lower case.

    A capital at the beginning of a sentence is passed by. Words that no text has stay as they are. A word before
    another one has an "'s" where most texts write one, which terms are counted without.

    Parameters
    ----------
    term : str
        In lower case, words parted by one space.
    texts : iterable of str
        Some that have it.

    Examples
    --------
    >>> written("fix ac", ["Please fix AC", "Fix AC again", "ac broken"])
    'fix AC'
    >>> written("dress", ["Dress in red", "a dress"]), written("bank of england", ["the Bank of England said"])
    ('dress', 'Bank of England')
    >>> written("java", ["招Java工程师", "会Java优先"])
    'Java'
    >>> written("chef knife", ["a chef's knife", "the chef's Knife", "a knife"])
    "chef's knife"
    """
    if not any(one.isalpha() and one.lower() != one.upper() for one in term):
        return term  # no letters of two cases, such as Han characters
    words = term.split(" ")
    forms: dict[str, Counter[str]] = {word: Counter() for word in words}
    seen, owning = Counter[str](), Counter[str]()
    # Letters that lower case makes two of, such as the German sharp s, are not looked for.
    searched = re.compile(
        rf"(?<!{_LETTER})(?:{'|'.join(map(re.escape, sorted(set(words), key=len, reverse=True)))})(?!{_LETTER})",
        re.IGNORECASE,
    )
    for text in texts:
        shown = text if text.isascii() else unicodedata.normalize("NFKC", text).replace("\u2019", "'")
        for found in searched.finditer(shown):
            form, start = found.group(), found.start()
            seen[form.casefold()] += 1
            owning[form.casefold()] += shown[found.end() : found.end() + 2].casefold() == "'s"
            if form[1:].islower() and form[0].isupper() and _BEGINS.search(shown, max(0, start - _LOOKED_BACK), start):
                continue
            if (word := form.casefold()) in forms:
                forms[word][form] += 1
    ends = ["'s" if 2 * owning[word] > seen[word] else "" for word in words[:-1]] + [""]
    return " ".join(_commonest(word, forms[word]) + end for word, end in zip(words, ends, strict=True))


def _commonest(word: str, forms: Counter[str]) -> str:
    return min(forms, key=lambda form: (-forms[form], form != word, form), default=word)
