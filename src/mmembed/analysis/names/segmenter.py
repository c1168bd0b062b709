"""Chinese words: those of the dictionary, and those that the texts of a table have and the dictionary lacks.

A segmenter that meets a word it does not know guesses anew in each text: 猫粮 comes out as 猫猫 and 粮, as 粮幼 or as
粮成. What all texts show together is surer: a string is a word where its characters seldom stand without each other,
and what stands beside it varies.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

# Texts that a string must stand in, the share of texts with one of its ends that also have the whole, and the largest
# share of one and the same character beside it.
_FEWEST_TEXTS, _TOGETHER, _SAME_BESIDE = 3, 0.5, 0.8

_LONGEST_WORD = 4

# Marks what stands beside a string within a stretch of characters that the dictionary has no word for.
_INSIDE = "+"

# A string is a phrase of a word that stands in so many times as many texts.
_WITHOUT = 2

# How often a word that was learnt would stand in the texts that the dictionary was counted in.
_FREQUENCY = 1000

# Characters that stand beside any word: what they are next to makes no word with them. Those that say where may begin
# one (后端, 中控), but end none and stand in none.
FUNCTION_CHARACTERS = frozenset(
    "的地得了着过么吗呢吧啊呀哦嘛啦是在有和与及或而但且因为于由从到向对把被给让使令将就都也又再还才只很太最更挺"
    "不未非无没能会可要想该应敢肯说去来找看听做拿走坐跑起完掉住好够成人我你您他她它们咱这那哪谁其此每各某"
    "一二两三四五六七八九十几个块元次号时"
)
_PLACES = frozenset("上下里外内中前后")

# How much of something: with what follows it may be a word (很差).
_DEGREES = frozenset("很太最更挺")


@dataclass(frozen=True)
class Segmenter:
    """Cuts Chinese text into words.

    Attributes
    ----------
    words : tuple of str
        Words that the dictionary lacks.
    """

    words: tuple[str, ...] = ()

    def cut(self, text: str) -> list[str]:
        """Return the words of a text.

        Examples
        --------
        >>> Segmenter().cut("成猫猫粮"), Segmenter(("猫粮",)).cut("成猫猫粮")
        (['成', '猫猫', '粮'], ['成猫', '猫粮'])
        """
        return list(_dictionary(self.words).cut(text))

    def tag(self, text: str) -> list[tuple[str, str]]:
        """Return the words of a text and their parts of speech, as jieba tags them."""
        return list(_dictionary(self.words).tag(text))

    def parts(self, word: str) -> list[str]:
        """Return the words that are parts of a word."""
        return [part for part in _dictionary(self.words).cut_for_search(word) if 1 < len(part) < len(word)]

    def is_wrong(self, word: str) -> bool:
        """Return whether a word that no dictionary has was guessed of one and of what stands beside any (能发)."""
        ends = {word[0], word[-1]} - _DEGREES
        return len(word) > 1 and not FUNCTION_CHARACTERS.isdisjoint(ends) and not _dictionary(self.words).has_word(word)


@lru_cache(maxsize=8)
def _dictionary(words: tuple[str, ...]) -> Any:
    import rjieba

    if not words:
        return rjieba
    dictionary = rjieba.Jieba()
    for word in words:
        dictionary.add_word(word, _FREQUENCY, "n")
    return dictionary


def learn_words(runs: Iterable[Iterable[str]]) -> Segmenter:
    """Return a segmenter that knows the words which texts have and the dictionary lacks.

    Parameters
    ----------
    runs : iterable of iterable of str
        The stretches of Han characters of each text.

    Examples
    --------
    >>> learn_words([["花呗还款"], ["退回花呗"], ["用花呗支付"], ["花钱买的呗"]]).words
    ('花呗',)
    """
    stretches = [list(_unknown(text)) for text in runs]
    texts: Counter[str] = Counter()
    for text in stretches:
        texts.update({string for characters in text for string in _strings(characters)})
    likely = {
        string
        for string, count in texts.items()
        if len(string) > 1 and count >= _FEWEST_TEXTS and _PLACES.isdisjoint(string[1:]) and _is_together(string, texts)
    }
    before: defaultdict[str, Counter[str]] = defaultdict(Counter)
    after: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text in stretches:
        for characters in text:
            for start, string in _places(characters):
                if string in likely:
                    before[string][characters.beside(start - 1)] += 1
                    after[string][characters.beside(start + len(string))] += 1
    words = {one for one in likely if _is_free(before[one]) and _is_free(after[one]) and _begins_words(before[one])}
    return Segmenter(tuple(sorted(one for one in words if not _is_phrase(one, words, texts))))


@dataclass(frozen=True)
class _Stretch:
    """Single characters of one text that the dictionary knows no word for, and what stands beside them."""

    text: str
    before: str
    after: str

    def beside(self, at: int) -> str:
        """Return the character at a place of the stretch, marked, or what stands before or after all of it."""
        if at < 0:
            return self.before
        return _INSIDE + self.text[at] if at < len(self.text) else self.after


def _unknown(runs: Iterable[str]) -> Iterator[_Stretch]:
    """Yield the stretches of characters in which the dictionary finds no word of several."""
    import rjieba

    for run in runs:
        words = ["", *rjieba.cut(run, hmm=False), ""]
        start = 1
        for at in range(1, len(words)):
            if len(words[at]) == 1 and words[at] not in FUNCTION_CHARACTERS:
                continue
            if at - start > 1:
                yield _Stretch("".join(words[start:at]), words[start - 1][-1:], words[at][:1])
            elif at - start == 1:
                yield _Stretch(words[start], "", "")
            start = at + 1


def _places(characters: _Stretch) -> Iterator[tuple[int, str]]:
    text = characters.text
    for start in range(len(text)):
        for end in range(start + 1, min(len(text), start + _LONGEST_WORD) + 1):
            yield start, text[start:end]


def _strings(characters: _Stretch) -> Iterator[str]:
    return (string for _, string in _places(characters))


def _is_together(string: str, texts: Counter[str]) -> bool:
    """Return whether, wherever a string is parted, one part seldom stands without the other."""
    return all(texts[string] >= _TOGETHER * min(texts[string[:at]], texts[string[at:]]) for at in range(1, len(string)))


def _is_phrase(string: str, words: set[str], texts: Counter[str]) -> bool:
    """Return whether a string begins or ends with a word that as many texts have without it."""
    parts = [part for at in range(2, len(string)) for part in (string[:at], string[-at:]) if part in words]
    return string[0] == string[-1] or any(texts[part] >= _WITHOUT * texts[string] for part in parts)


def _is_free(beside: Counter[str]) -> bool:
    """Return whether what stands beside a string varies, or is nothing that a word could go on with."""
    same = max((count for one, count in beside.items() if one and one not in FUNCTION_CHARACTERS), default=0)
    return same < _SAME_BESIDE * beside.total()


def _begins_words(before: Counter[str]) -> bool:
    """Return whether a string is more than the end of words that the dictionary lacks: 蛾科 of 螟蛾科 and 夜蛾科."""
    inside = sum(count for one, count in before.items() if one.startswith(_INSIDE))
    return inside < _SAME_BESIDE * before.total()
