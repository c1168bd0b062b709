"""How well texts match the words of a query: BM25 over words and, in Chinese, over characters and pairs of them.

Chinese needs no segmentation: runs of Han characters count by their characters and by each two that stand together.
Only what the query asks for is counted, in Arrow's compiled code, or looked up in the index of a column that is
searched by itself. Beside its score a text has a weight: how much of the query it has.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.finding.keyword_index import keyword_index
from mmembed.analysis.finding.keyword_terms import HAN, WORTH_OF_A_CODE, folded_texts, keyword_terms, worth_of_terms

if TYPE_CHECKING:
    import pandas as pd

_SATURATION, _LENGTH_WEIGHT = 1.2, 0.75  # k1 and b of BM25, at their usual values

# A term that a twentieth of the texts has is rare; one that more have says the less, the more there are.
_RARE = math.log(20)

# A text that has so much of a query's rarity counts in full; one that has half as much counts a quarter.
_IN_FULL = 0.8


@dataclass(frozen=True)
class KeywordStatistics:
    """What a term is worth in a table: how many texts there are, how long they are, and how many have each term.

    Those of the parts of a table add up to those of the whole.
    """

    n_texts: int = 0
    total_length: float = 0.0
    documents: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: KeywordStatistics) -> KeywordStatistics:
        documents = {
            term: self.documents.get(term, 0) + other.documents.get(term, 0)
            for term in {**self.documents, **other.documents}
        }
        return KeywordStatistics(self.n_texts + other.n_texts, self.total_length + other.total_length, documents)


def keyword_statistics(texts: pd.Series, queries: Sequence[str]) -> KeywordStatistics:
    """Count the texts of a part of a table, their characters, and those that have each term of the queries.

    Examples
    --------
    >>> import pandas as pd
    >>> keyword_statistics(pd.Series(["a red hat", None]), ["red dress"]).documents["red"]
    1
    """
    import pyarrow.compute as pc

    folded, lengths = folded_texts(texts)
    terms = dict.fromkeys(term for query in queries for term in keyword_terms(query))
    documents = {term: int((_counts(pc, folded, term) > 0).sum()) for term in terms}
    return KeywordStatistics(int((lengths > 0).sum()), float(lengths.sum()), documents)


@dataclass(frozen=True, eq=False)
class KeywordMatches:
    """How well the words of queries match texts.

    Attributes
    ----------
    scores : numpy.ndarray, shape (n,) of one query or (q, n) of many
        BM25 of each text; 0 where no term of the query occurs, or there is no text.
    weights : numpy.ndarray, of the same shape
        From 0 to 1: how much of the query a text has, 1 if nearly all of it.
    """

    scores: npt.NDArray[np.float64] = field(repr=False)
    weights: npt.NDArray[np.float64] = field(repr=False)

    @classmethod
    def stacked(cls, of_queries: Sequence[KeywordMatches], n_texts: int) -> KeywordMatches:
        """Return those of many queries as one."""
        none = np.zeros((0, n_texts))
        return cls(
            np.vstack([none, *(one.scores for one in of_queries)]),
            np.vstack([none, *(one.weights for one in of_queries)]),
        )


def keyword_scores(
    query: str, texts: pd.Series, statistics: KeywordStatistics | None = None
) -> npt.NDArray[np.float64]:
    """Return the BM25 score of each text for a query, as :func:`keyword_matches` does.

    Examples
    --------
    >>> import pandas as pd
    >>> keyword_scores("红裙", pd.Series(["红色连衣裙", "蓝色上衣", None])).round(2).tolist()
    [1.33, 0.0, 0.0]
    """
    return keyword_matches(query, texts, statistics).scores


def keyword_matches(query: str, texts: pd.Series, statistics: KeywordStatistics | None = None) -> KeywordMatches:
    """Return the BM25 score of each text for a query, and how much of the query the text has.

    Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009. The weight comes from the
    share that the terms of a text have in the squared rarities of all terms of the query; those that no text has are
    the rarest. Squares let a rare name outweigh common words around it. A common term adds less than its square, so a
    query of common words alone is not matched in full. A large share counts in full, a small one hardly. A text
    that has the codes of a query counts in full, however it is asked for.

    Parameters
    ----------
    query : str
    texts : pandas.Series of str, shape (n,)
    statistics : KeywordStatistics, optional
        Of the whole table, where the texts are a part of it; of these texts without it.

    Examples
    --------
    >>> import pandas as pd
    >>> texts = pd.Series(["a lamp", "the lamp of Marguerite", "a hat", None])
    >>> keyword_matches("is it Marguerite's hat", texts).weights.round(2).tolist()
    [0.0, 0.39, 0.39, 0.0]
    """
    import pyarrow.compute as pc

    # Parts of a table are read for each search, so an index of one would be made in vain.
    index = None if statistics is not None else keyword_index(texts)
    folded, lengths = folded_texts(texts) if index is None else (None, index.lengths)
    scores, weights = np.zeros((2, len(lengths)))
    if not lengths.any():
        return KeywordMatches(scores, weights)
    n_texts, total = (
        (int((lengths > 0).sum()), float(lengths.sum()))
        if statistics is None
        else (statistics.n_texts, statistics.total_length)
    )
    penalty = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * lengths / (total / n_texts))
    rare = min(_RARE, _rarity(1, n_texts))  # of few texts even the rarest term is in more than a twentieth
    asked = codes = 0.0
    of_codes = np.zeros(len(lengths))
    for term, worth in worth_of_terms(keyword_terms(query)).items():
        if index is None:
            everywhere = _counts(pc, folded, term)
            found = np.flatnonzero(everywhere)
            counts = everywhere[found]
        else:
            found, counts = index.counts(term, lambda some, one: _counts(pc, some, one))
        having = len(found) if statistics is None else statistics.documents[term]
        rarity = _rarity(having, n_texts)
        scores[found] += max(1.0, worth) * rarity * counts * (_SATURATION + 1) / (counts + penalty[found])
        weights[found] += worth * rarity**2 * min(1.0, rarity / rare)
        asked += worth * rarity**2
        if worth >= WORTH_OF_A_CODE:
            of_codes[found] += rarity**2 * min(1.0, rarity / rare)
            codes += rarity**2
    share = weights / asked if asked else weights
    if codes:
        of_codes /= codes
    return KeywordMatches(scores, np.maximum(np.minimum(share / _IN_FULL, 1) ** 2, of_codes))


def _rarity(having: int, n_texts: int) -> float:
    return math.log(1 + (n_texts - having + 0.5) / (having + 0.5))


def _counts(pc: Any, texts: Any, term: str) -> npt.NDArray[np.float64]:
    if re.match(rf"[{HAN}]", term):
        counted = pc.count_substring(texts, term)
    else:
        # RE2's \b knows ASCII only; a letter or digit of any script on either side makes another word, but that a Han
        # character has no space beside it.
        beside = rf"[^\pL\pN]|[{HAN}]"
        around = rf"(?:^|{beside})({re.escape(term)})(?:s|es)?(?:{beside}|$)" if term.isascii() else re.escape(term)
        counted = pc.count_substring_regex(texts, around)
    return np.asarray(counted.to_numpy(zero_copy_only=False), dtype=np.float64)
