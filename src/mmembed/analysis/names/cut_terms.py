"""Terms that are cut from a longer one: a phrase has so many words and characters at most.

Where texts always go on in the same way, as with a ministry's department whose name is longer than a phrase may be, the
phrase is no term but a piece of one. Where words have spaces between them the last word says what a thing is, so a
phrase is cut if its end is missing: "stainless steel frying" of "stainless steel frying pan". A Chinese phrase that
begins with a single character is cut if that character ends another word: 员态度 of 配送员态度 and 快递员态度.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from mmembed.analysis.names.segmenter import Segmenter
from mmembed.analysis.names.terms import (
    DENIES,
    ENGLISH,
    LONGEST_HAN_PHRASE,
    STANDARD,
    is_han,
    says_nothing_in_chinese,
    word_runs,
    words_of,
)

# Fewer texts are chance; where words differ and only their being there counts, two are enough.
_FEWEST_TEXTS, _FEWEST_ENDS = 5, 2

# So many of the texts go on in the same way.
_ALWAYS = 0.8

# Characters beside a term that are read.
_BESIDE = 10

_NUMERALS = frozenset("第零〇一二两三四五六七八九十百千万几")

# With a word of two more characters, or as a fourth word, the phrase would be too long to be a term.
_WORD, _MOST_WORDS = 2, 3


def may_be_cut(term: str, segmenter: Segmenter = STANDARD) -> bool:
    """Return whether there may be more of a term in texts: it is as long as terms may be, or its first word is short.

    Examples
    --------
    >>> may_be_cut("国务院标准化行政"), may_be_cut("标准化"), may_be_cut("steel frying pan"), may_be_cut("pan")
    (True, False, True, False)
    >>> may_be_cut("员态度"), may_be_cut("服务态度")
    (True, False)
    """
    words = words_of(term, segmenter)
    count = len(words)
    if _begins_with_character(words):
        return True
    return count >= _MOST_WORDS or (is_han(term) and count > 1 and len(term) + _WORD > LONGEST_HAN_PHRASE)


def is_cut(term: str, texts: Sequence[str], segmenter: Segmenter = STANDARD) -> bool:
    """Return whether texts that have a term nearly always go on in a word of which the term has only a part.

    It is cut where they nearly always have the same word after it, or in Chinese before it; and where its first word is
    a single character that nearly always stands directly after a number or, unless it is a noun, another word.

    Examples
    --------
    >>> texts = [f"国务院标准化行政主管部门{one}强制性标准" for one in ("制定", "公布", "组织", "审查", "备案")]
    >>> is_cut("国务院标准化行政", texts), is_cut("强制性标准", texts)
    (True, False)
    >>> texts = [f"{one} steel frying pan" for one in ("new", "old", "large", "small", "round")]
    >>> is_cut("steel frying", texts), is_cut("steel frying pan", texts)
    (True, False)
    >>> is_cut("员态度", ["配送员态度很差", "快递员态度好"]), is_cut("退运费", ["退运费吗", "商家不退运费"])
    (True, False)
    """
    ends_words = is_han(term) and _begins_with_character(words_of(term, segmenter))
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    read = ends = 0
    for text in texts:
        beside = _beside_han(term, text, segmenter) if is_han(term) else _after_words(words_of(term), text)
        if beside is not None:
            read += 1
            before[beside.before] += 1
            after[beside.after] += 1
            ends += beside.is_joined
    needed = _ALWAYS * read
    if ends_words and read >= _FEWEST_ENDS and ends >= needed:
        return True
    return read >= _FEWEST_TEXTS and any(
        count >= needed for counts in (before, after) for word, count in counts.items() if word
    )


def _begins_with_character(words: Sequence[str]) -> bool:
    """Return whether a Chinese phrase begins with a single character that may be the end of another word."""
    return len(words) > 1 and len(words[0]) == 1 and is_han(words[0]) and words[0] not in DENIES


class _Beside(NamedTuple):
    """What stands directly beside a term in one text.

    Attributes
    ----------
    before, after : str
        Words; nothing where one says nothing or there is none.
    is_joined : bool
        Whether the first character of the term may end what stands before it: a letter, a number, or a word of whatever
        length that says something, unless the character is a noun.
    """

    before: str
    after: str
    is_joined: bool


def _beside_han(term: str, text: str, segmenter: Segmenter) -> _Beside | None:
    """Return what is beside a Chinese term in a text; None where the text does not have it."""
    shown = unicodedata.normalize("NFKC", text)
    start = shown.find(term)
    return None if start < 0 else _words_beside(shown, start, start + len(term), segmenter)


def _after_words(words: Sequence[str], text: str) -> _Beside | None:
    """Return the word after a phrase in a text; None where the text does not have it."""
    for run in word_runs(text):
        for start in range(len(run) - len(words) + 1):
            if run[start : start + len(words)] == list(words):
                after = run[start + len(words)] if start + len(words) < len(run) else ""
                return _Beside("", "" if after in ENGLISH else after, is_joined=False)
    return None


def _words_beside(text: str, start: int, end: int, segmenter: Segmenter) -> _Beside:
    left = max(0, start - _BESIDE)
    while left < start and not all(map(is_han, text[left:start])):
        left += 1
    right = end
    while right < min(len(text), end + _BESIDE) and is_han(text[right]):
        right += 1
    at, before, after = left, "", ""
    is_joined = text[start - 1 : start].isalnum() and left == start
    for word, tag in segmenter.tag(text[left:right]):
        if at + len(word) == start:
            before = _said(word, tag)
            is_joined = _NUMERALS.issuperset(word)
        elif at == start:
            # A noun of one character may begin a term after any word: 核安全 in 国务院核安全监督管理部门.
            is_joined |= bool(before) and not tag.startswith("n")
        elif at == end:
            after = _said(word, tag)
        at += len(word)
    return _Beside(before if len(before) > 1 else "", after if len(after) > 1 else "", is_joined)


def _said(word: str, tag: str) -> str:
    """Return a Chinese word, or nothing where it says nothing."""
    return "" if says_nothing_in_chinese(word, tag) else word
