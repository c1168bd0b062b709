"""The terms of queries: words and, in Chinese, characters and pairs of them, without the words that say nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.names.terms import CHINESE, CHINESE_TAGS, ENGLISH

if TYPE_CHECKING:
    import pandas as pd

HAN_RANGES = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF))
HAN = "".join(f"{chr(first)}-{chr(last)}" for first, last in HAN_RANGES)

# A word goes on after an apostrophe: "can't" is a stop word, and "can" and "t" of it are not looked for.
_PIECES = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+(?:['’][^\W_{HAN}]+)*")

_ONE_HAN = re.compile(rf"[{HAN}]")

# What is left of "that's", "we've" and "I'd" after the apostrophe.
_ENDINGS = frozenset({"s", "t", "d", "m", "ll", "re", "ve"})

# How questions are put, beside the stop words that no name has.
_ASKING = frozenset(
    re.findall(
        r"\S+",
        "怎么办 怎么样 怎么回事 什么样 为啥 为何 要不要 多久",
    )
)

# Of the parts of speech that name nothing, those that say something to a query, or that the segmenter gives to words
# that it does not know: numbers with their measure words, foreign and unknown words.
_TELLING_TAGS = frozenset({"m", "mq", "q", "x"})

# A letter beside a digit, or three digits: an order number, a model. Vectors hardly know these.
_CODE = re.compile(r"(?=.*\d)(?=.*[^\W\d_])|\d{3}")
WORTH_OF_A_CODE = 4.0


def keyword_terms(text: str) -> list[str]:
    """Return the different terms of a query: words, and single and paired Han characters.

    Stop words are none, but for words in capitals among others that are not ("WHO", "IT"); and no pair reaches across
    one. Only the query is segmented for that, not the texts that are searched.

    Examples
    --------
    >>> keyword_terms("Where is the red 连衣裙")
    ['red', '连衣', '衣裙', '连', '衣', '裙']
    """
    terms: list[str] = []
    shown = unicodedata.normalize("NFKC", text)
    shouted = shown.upper() == shown
    for piece in _PIECES.findall(shown):
        if _ONE_HAN.match(piece):
            for run in _telling_runs(piece):
                terms += [run[start : start + 2] for start in range(len(run) - 1)]
                terms += list(run)
        elif len(piece) > 1 and piece.isupper() and not shouted:
            terms.append(piece.casefold())
        else:
            terms += _words(piece.casefold())
    return list(dict.fromkeys(terms))


def worth_of_terms(terms: Sequence[str]) -> dict[str, float]:
    """Return how much more than its rarity each term says of a query: a code more, a character of a pair nothing.

    Examples
    --------
    >>> worth_of_terms(["红裙", "红", "裙", "dress", "so48213"])
    {'红裙': 1.0, '红': 0.0, '裙': 0.0, 'dress': 1.0, 'so48213': 4.0}
    """
    paired = {character for term in terms if len(term) == 2 and _ONE_HAN.match(term) for character in term}
    return {term: 0.0 if term in paired else WORTH_OF_A_CODE if _CODE.search(term) else 1.0 for term in terms}


def _words(piece: str) -> Iterator[str]:
    """Yield the words of a piece of a query that say something."""
    if piece.replace("’", "'") in ENGLISH:
        return
    for place, word in enumerate(re.split("['’]", piece)):
        if word not in ENGLISH and not (place and word in _ENDINGS):
            yield word


def _telling_runs(piece: str) -> Iterator[str]:
    """Yield the runs of Han characters between words that say nothing."""
    import rjieba

    run = ""
    for word, tag in rjieba.tag(piece):
        if not _says_nothing(word, tag):
            run += word
            continue
        if run:
            yield run
        run = ""
    if run:
        yield run


def _says_nothing(word: str, tag: str) -> bool:
    if word in CHINESE or word in _ASKING:
        return True
    # Of longer words the segmenter takes some that it does not know for particles.
    return (tag in CHINESE_TAGS and tag not in _TELLING_TAGS) or (tag.startswith("u") and len(word) == 1)


def folded_texts(texts: pd.Series) -> tuple[Any, npt.NDArray[np.float64]]:
    """Return the texts as an Arrow array, empty where there is none, and their lengths."""
    import pyarrow as pa

    cells = [folded(text) if isinstance(text, str) else "" for text in texts]
    lengths = np.fromiter(map(len, cells), dtype=np.float64, count=len(cells))
    try:
        return pa.array(cells, type=pa.string()), lengths
    except UnicodeEncodeError:  # half of a surrogate pair, which Arrow's texts do not hold, and which is no word
        whole = [cell.encode(errors="replace").decode() for cell in cells]
        return pa.array(whole, type=pa.string()), lengths


def folded(text: str) -> str:
    """Return a text in which full-width and capital letters are plain ones."""
    return unicodedata.normalize("NFKC", text).casefold()
