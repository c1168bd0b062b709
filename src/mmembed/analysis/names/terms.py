"""Candidate words and phrases of a text, in Chinese and in languages that put spaces between words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from mmembed.analysis.names.stop_words import CHINESE, CHINESE_TAGS, ENGLISH

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# Addresses, tags and entities of web pages; then runs of Han characters, words, and whatever parts phrases: digits with
# what is attached to them, punctuation, line ends.
_DEBRIS = re.compile(
    r"https?://\S+|www\.\S+|[a-z0-9._%+-]+@[a-z0-9-]+\.[a-z0-9.-]+|<(script|style)\b.*?</\1>|<[a-z/!][^<>]{0,200}>|"
    r"&#?[a-z0-9]{1,8};|\x1b\[[\d;]*m",
    re.IGNORECASE | re.DOTALL | re.ASCII,
)
_TOKENS = re.compile(
    rf"[{_HAN}]+|[^\W\d_{_HAN}][^\W_{_HAN}]*(?:['’-][^\W\d_{_HAN}]+)*|\d[^\W_{_HAN}]*|[^\w '’-]|_|(?<= )-(?= )"
)
_IS_HAN = re.compile(rf"[{_HAN}]")
# Stands before a part of a Chinese compound, which may be a word (咖啡 in 热咖啡) or mere syllables (尼亚 in 肯尼亚).
PART = "+"
_LONGEST_PHRASE = 3
_LONGEST_HAN_PHRASE = 8
# A term longer than this is no word of any language but a key, a hash, or a run without spaces.
LONGEST_TERM = 40


def terms_of(text: str) -> list[str]:
    """Return the candidate terms of a text, each once: words and phrases of up to three, in lower case.

    Chinese is segmented by ``rjieba``; a single character is a term only where it is a noun that stands alone. No term
    begins or ends with a word that says nothing, or reaches across punctuation, a number or such a word (but "of").
    Parts of Chinese compounds come with a ``+``: they are terms if some text has them as a word.

    Examples
    --------
    >>> terms_of("A red Dress")
    ['red', 'dress', 'red dress']
    >>> terms_of("The Bank of England's rate")
    ['bank', 'england', 'rate', 'england rate', 'bank of england']
    >>> terms_of("一条红色的裙子")
    ['红色', '裙子']
    >>> terms_of("手机壳"), terms_of("热咖啡")
    (['手机', '手机壳'], ['热咖啡', '+咖啡'])
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    found: dict[str, None] = {}
    words: list[str] = []
    for token in _TOKENS.findall(_DEBRIS.sub("\n", text).casefold().replace("’", "'")):
        if _IS_HAN.match(token):
            found.update(dict.fromkeys(_phrases(words)))
            words = []
            found.update(dict.fromkeys(_han_terms(token)))
        elif token[0].isalpha():
            words.append(token.removesuffix("'s"))
        else:
            found.update(dict.fromkeys(_phrases(words)))
            words = []
    found.update(dict.fromkeys(_phrases(words)))
    return list(found)


def words_of(term: str) -> list[str]:
    """Return the words of a term.

    Examples
    --------
    >>> words_of("bank of england"), words_of("红色连衣裙")
    (['bank', 'of', 'england'], ['红色', '连衣裙'])
    """
    if not is_han(term):
        return term.split(" ")
    import rjieba

    return list(rjieba.cut(term))


def is_han(term: str) -> bool:
    """Return whether a term is written in Han characters, without spaces between words."""
    return bool(_IS_HAN.match(term))


def has_han(text: str) -> bool:
    """Return whether a text has a Han character."""
    return bool(_IS_HAN.search(text))


def is_part(piece: str, term: str) -> bool:
    """Return whether a term is a proper part of another, word by word.

    Examples
    --------
    >>> is_part("dress", "red dress"), is_part("red", "tired dress"), is_part("连衣裙", "红色连衣裙")
    (True, False, True)
    """
    if piece == term:
        return False
    return piece in term if is_han(piece) else f" {piece} " in f" {term} "


def overlap(left: str, right: str) -> bool:
    """Return whether two terms say partly the same: a word, its plural, or Han characters.

    Examples
    --------
    >>> overlap("running shoes", "shoe"), overlap("运动鞋", "跑步鞋"), overlap("cat", "dog")
    (True, True, False)
    """
    if is_han(left) and is_han(right):
        # One shared character is chance within longer words, but at their ends it is what they are.
        return left in right or right in left or left[-1] == right[-1] or bool(_pairs(left) & _pairs(right))
    return bool({singular(word) for word in left.split()} & {singular(word) for word in right.split()})


def _pairs(term: str) -> set[str]:
    return {term[start : start + 2] for start in range(len(term) - 1)}


def singular(word: str) -> str:
    """Return a term without the plural s of its last word, as far as that can be told from the letters."""
    return word.removesuffix("s") if len(word) > 3 and not word.endswith("ss") else word


def _phrases(words: Sequence[str]) -> Iterator[str]:
    """Yield the words that say something, and the runs of two or three that begin and end with one."""
    says = [1 < len(word) <= LONGEST_TERM and word not in ENGLISH for word in words]
    for word, said in zip(words, says, strict=True):
        if said:
            yield word
    for start in range(len(words) - 1):
        if says[start] and says[start + 1]:
            yield f"{words[start]} {words[start + 1]}"
    for start in range(len(words) - 2):
        if says[start] and says[start + 2] and (says[start + 1] or words[start + 1] == "of"):
            yield f"{words[start]} {words[start + 1]} {words[start + 2]}"


def _han_terms(run: str) -> Iterator[str]:
    """Yield the words of a run of Han characters and the phrases of adjacent ones."""
    import rjieba

    stretch: list[tuple[str, str]] = []
    for word, tag in rjieba.tag(run):
        if tag in CHINESE_TAGS or tag.startswith("u") or word in CHINESE:
            yield from _han_phrases(stretch)
            stretch = []
        else:
            stretch.append((word, tag))
    yield from _han_phrases(stretch)


def _han_phrases(tagged: list[tuple[str, str]]) -> Iterator[str]:
    import rjieba

    words = [word for word, _ in tagged]
    for word, tag in tagged:
        if len(word) > 1 or (len(words) == 1 and tag.startswith("n")):
            yield word
        if len(word) > 2:
            yield from (PART + part for part in rjieba.cut_for_search(word) if 1 < len(part) < len(word))
    for length in range(2, _LONGEST_PHRASE + 1):
        for start in range(len(words) - length + 1):
            phrase = "".join(words[start : start + length])
            if len(phrase) <= _LONGEST_HAN_PHRASE:
                yield phrase
