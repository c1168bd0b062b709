"""How well texts match the words of a query: BM25 over words and, in Chinese, over characters and pairs of them.

Chinese needs no segmentation: runs of Han characters count by their characters and by each two that stand together.
Only what the query asks for is counted, in Arrow's compiled code, or looked up in the index of a column that is
searched by itself.
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
from mmembed.analysis.finding.keyword_terms import HAN, folded_texts, keyword_terms

if TYPE_CHECKING:
    import pandas as pd

_SATURATION, _LENGTH_WEIGHT = 1.2, 0.75  # k1 and b of BM25, at their usual values


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


def keyword_scores(
    query: str, texts: pd.Series, statistics: KeywordStatistics | None = None
) -> npt.NDArray[np.float64]:
    """Return the BM25 score of each text for a query; 0 where no term of the query occurs, or there is no text.

    Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.

    Parameters
    ----------
    query : str
    texts : pandas.Series of str, shape (n,)
    statistics : KeywordStatistics, optional
        Of the whole table, where the texts are a part of it; of these texts without it.

    Examples
    --------
    >>> import pandas as pd
    >>> keyword_scores("红裙", pd.Series(["红色连衣裙", "蓝色上衣", None])).round(2).tolist()
    [1.33, 0.0, 0.0]
    """
    import pyarrow.compute as pc

    # Parts of a table are read for each search, so an index of one would be made in vain.
    index = None if statistics is not None else keyword_index(texts)
    folded, lengths = folded_texts(texts) if index is None else (None, index.lengths)
    scores = np.zeros(len(lengths))
    if not lengths.any():
        return scores
    n_texts, total = (
        (int((lengths > 0).sum()), float(lengths.sum()))
        if statistics is None
        else (statistics.n_texts, statistics.total_length)
    )
    penalty = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * lengths / (total / n_texts))
    for term in keyword_terms(query):
        if index is None:
            everywhere = _counts(pc, folded, term)
            found = np.flatnonzero(everywhere)
            counts = everywhere[found]
        else:
            found, counts = index.counts(term, lambda some, one: _counts(pc, some, one))
        having = len(found) if statistics is None else statistics.documents[term]
        rarity = math.log(1 + (n_texts - having + 0.5) / (having + 0.5))
        scores[found] += rarity * counts * (_SATURATION + 1) / (counts + penalty[found])
    return scores


def _counts(pc: Any, texts: Any, term: str) -> npt.NDArray[np.float64]:
    if re.match(rf"[{HAN}]", term):
        counted = pc.count_substring(texts, term)
    else:
        # RE2's \b knows ASCII only; a letter or digit of any script on either side makes another word.
        around = rf"(?:^|[^\pL\pN])({re.escape(term)})(?:s|es)?(?:[^\pL\pN]|$)" if term.isascii() else re.escape(term)
        counted = pc.count_substring_regex(texts, around)
    return np.asarray(counted.to_numpy(zero_copy_only=False), dtype=np.float64)
