"""Candidate words and phrases of a caption, in Chinese and in languages that put spaces between words."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Han runs have no spaces: every stretch of 2 to 6 characters is a candidate, and statistics find the words among them.
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUNS = re.compile(rf"(?P<han>[{_HAN}]+)|(?P<word>[^\W\d_{_HAN}][^\W_{_HAN}]*(?:['’-][^\W_{_HAN}]+)*)")
_POSSESSIVE = re.compile("['’]s$")
_HAN_LENGTHS = range(2, 7)
_WORD_LENGTHS = range(1, 3)

# Words that say nothing of a group. A phrase does not begin or end with one.
_EMPTY_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a about above after again all along also among an and another any are around as at be because been before
        behind being below beside between both but by can close closeup could did do does down each for from front had
        has have he her here hers him his how if in inside into is it its itself just like many more most much near next
        no not of off on one only onto or other our out outside over own several she so some such than that the
        their them then there these they this those through to too top two under up upon us very was we were what
        when where which while who whose will with without would you your""",
    )
)
# Function characters that are hardly ever the first or last of a word that names something.
_EMPTY_ENDS = frozenset("了着过是在和与及或而但也都就还又很更最这那其之以被让给从由于为对等们一")
# 的 parts what it joins, and a number with its measure word ("一只", "三块") only counts what follows.
_HAN_BREAK = re.compile(
    "的|[一二两三四五六七八九十几半数这那每][只个条张位名辆头匹棵朵颗粒枚块片把杯碗瓶盒袋双件座架艘台支根幅本册串群对锅罐株盘份套层种些]"
)


def terms_of(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the candidate terms of a caption in lower case, each with whether it is surely whole.

    A word between spaces is whole, and so is a short stretch of Han characters between breaks; a part of that stretch
    may or may not be a word, and needs other captions to vouch for it.

    Examples
    --------
    >>> [term for term, _ in terms_of("A red Dress")]
    ['red', 'dress', 'red dress']
    >>> [term for term, _ in terms_of("It's a plumber’s wrench")]
    ['plumber', 'wrench', 'plumber wrench']
    >>> list(terms_of("一条红色的裙子"))
    [('红色', True), ('裙子', True)]
    """
    words: list[str] = []
    end = 0
    for run in _RUNS.finditer(text.casefold()):
        if run["word"] and words and not text[end : run.start()].strip(" "):
            words.append(_POSSESSIVE.sub("", run["word"]))
        else:
            yield from _phrases(words)
            words = [_POSSESSIVE.sub("", run["word"])] if run["word"] else []
        if run["han"]:
            yield from _han_terms(run["han"])
        end = run.end()
    yield from _phrases(words)


def overlap(left: str, right: str) -> bool:
    """Return whether two terms say partly the same: a word, or Han characters at an end."""
    if is_han(left) and is_han(right):
        return left in right or right in left or _ends_as_begins(left, right) or _ends_as_begins(right, left)
    return bool(set(left.split()) & set(right.split()))


def _ends_as_begins(left: str, right: str) -> bool:
    return any(left.endswith(right[:length]) for length in range(1, min(len(left), len(right))))


def _phrases(words: list[str]) -> Iterator[tuple[str, bool]]:
    for length in _WORD_LENGTHS:
        for start in range(len(words) - length + 1):
            phrase = words[start : start + length]
            if all(len(word) > 1 and word not in _EMPTY_WORDS for word in phrase):
                yield " ".join(phrase), True


def _han_terms(run: str) -> Iterator[tuple[str, bool]]:
    for stretch in _HAN_BREAK.split(run):
        if len(stretch) == 1 and stretch not in _EMPTY_ENDS:
            yield stretch, True
        for length in _HAN_LENGTHS:
            for start in range(len(stretch) - length + 1):
                term = stretch[start : start + length]
                if term[0] not in _EMPTY_ENDS and term[-1] not in _EMPTY_ENDS:
                    yield term, length == len(stretch)


def is_han(term: str) -> bool:
    """Return whether a term is written in Han characters, without spaces between words."""
    return bool(re.match(rf"[{_HAN}]", term))
