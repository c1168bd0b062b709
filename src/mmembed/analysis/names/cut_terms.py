"""Terms that are cut from a longer one: a phrase has so many words and characters at most.

Where texts always go on in the same way, as with a ministry's department whose name is longer than a phrase may be, the
phrase is no term but a piece of one. Where words have spaces between them the last word says what a thing is, so a
phrase is cut if its end is missing: "stainless steel frying" of "stainless steel frying pan".
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

from mmembed.analysis.names.terms import (
    ENGLISH,
    LONGEST_HAN_PHRASE,
    is_han,
    says_nothing_in_chinese,
    word_runs,
    words_of,
)

# Fewer texts are chance.
_FEWEST_TEXTS = 5

# So many of the texts go on in the same way.
_ALWAYS = 0.8

# Characters beside a term that are read.
_BESIDE = 10

# With a word of two more characters, or as a fourth word, the phrase would be too long to be a term.
_WORD, _MOST_WORDS = 2, 3


def may_be_cut(term: str) -> bool:
    """Return whether a term is as long as terms may be, so that there may be more of it in the texts.

    Examples
    --------
    >>> may_be_cut("国务院标准化行政"), may_be_cut("标准化"), may_be_cut("steel frying pan"), may_be_cut("pan")
    (True, False, True, False)
    """
    count = len(words_of(term))
    return count >= _MOST_WORDS or (is_han(term) and count > 1 and len(term) + _WORD > LONGEST_HAN_PHRASE)


def is_cut(term: str, texts: Sequence[str]) -> bool:
    """Return whether texts that have a term nearly always have the same word after it, or in Chinese before it.

    Examples
    --------
    >>> texts = [f"国务院标准化行政主管部门{one}强制性标准" for one in ("制定", "公布", "组织", "审查", "备案")]
    >>> is_cut("国务院标准化行政", texts), is_cut("强制性标准", texts)
    (True, False)
    >>> texts = [f"{one} steel frying pan" for one in ("new", "old", "large", "small", "round")]
    >>> is_cut("steel frying", texts), is_cut("steel frying pan", texts)
    (True, False)
    """
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    read = 0
    for text in texts:
        beside = _beside_han(term, text) if is_han(term) else _after_words(words_of(term), text)
        if beside is not None:
            read += 1
            before[beside[0]] += 1
            after[beside[1]] += 1
    needed = _ALWAYS * read
    return read >= _FEWEST_TEXTS and any(
        count >= needed for counts in (before, after) for word, count in counts.items() if word
    )


def _beside_han(term: str, text: str) -> tuple[str, str] | None:
    """Return the words before and after a Chinese term in a text; None where the text does not have it."""
    shown = unicodedata.normalize("NFKC", text)
    start = shown.find(term)
    return None if start < 0 else _words_beside(shown, start, start + len(term))


def _after_words(words: Sequence[str], text: str) -> tuple[str, str] | None:
    """Return nothing and the word after a phrase in a text; None where the text does not have it."""
    for run in word_runs(text):
        for start in range(len(run) - len(words) + 1):
            if run[start : start + len(words)] == list(words):
                after = run[start + len(words)] if start + len(words) < len(run) else ""
                return "", "" if after in ENGLISH else after
    return None


def _words_beside(text: str, start: int, end: int) -> tuple[str, str]:
    """Return the words directly before and after a place in a text; nothing where they say nothing or there is none."""
    import rjieba

    left = max(0, start - _BESIDE)
    while left < start and not all(map(is_han, text[left:start])):
        left += 1
    right = end
    while right < min(len(text), end + _BESIDE) and is_han(text[right]):
        right += 1
    at, found = left, {"before": "", "after": ""}
    for word, tag in rjieba.tag(text[left:right]):
        side = "before" if at + len(word) == start else "after" if at == end else ""
        if side and len(word) > 1 and not says_nothing_in_chinese(word, tag):
            found[side] = word
        at += len(word)
    return found["before"], found["after"]
