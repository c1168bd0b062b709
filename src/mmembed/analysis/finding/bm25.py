"""How well texts match the words of a query: BM25 over words and, in Chinese, over characters and pairs of them.

Chinese needs no segmentation: runs of Han characters count by their characters and by each two that stand together.
Only what the query asks for is counted, in Arrow's compiled code, so nothing has to be indexed beforehand.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_PIECES = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")
_SATURATION, _LENGTH_WEIGHT = 1.2, 0.75  # k1 and b of BM25, at their usual values


def keyword_terms(text: str) -> list[str]:
    """Return the different terms of a query: words, and single and paired Han characters.

    Examples
    --------
    >>> keyword_terms("Red 连衣裙")
    ['red', '连衣', '衣裙', '连', '衣', '裙']
    """
    terms: list[str] = []
    for piece in _PIECES.findall(_folded(text)):
        if re.match(rf"[{_HAN}]", piece):
            terms += [piece[start : start + 2] for start in range(len(piece) - 1)]
            terms += list(piece)
        else:
            terms.append(piece)
    return list(dict.fromkeys(terms))


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

    folded, lengths = _folded_texts(texts)
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

    folded, lengths = _folded_texts(texts)
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
        counts = _counts(pc, folded, term)
        found = counts > 0
        having = int(found.sum()) if statistics is None else statistics.documents[term]
        rarity = math.log(1 + (n_texts - having + 0.5) / (having + 0.5))
        scores[found] += rarity * counts[found] * (_SATURATION + 1) / (counts[found] + penalty[found])
    return scores


def _folded_texts(texts: pd.Series) -> tuple[Any, npt.NDArray[np.float64]]:
    """Return the texts as an Arrow array, empty where there is none, and their lengths."""
    import pyarrow as pa

    cells = [_folded(text) if isinstance(text, str) else "" for text in texts]
    return pa.array(cells, type=pa.string()), np.fromiter(map(len, cells), dtype=np.float64, count=len(cells))


def _folded(text: str) -> str:
    """Return a text in which full-width and capital letters are plain ones."""
    return unicodedata.normalize("NFKC", text).casefold()


def _counts(pc: Any, texts: Any, term: str) -> npt.NDArray[np.float64]:
    if re.match(rf"[{_HAN}]", term):
        counted = pc.count_substring(texts, term)
    else:
        # RE2's \b knows ASCII only; a letter or digit of any script on either side makes another word.
        around = rf"(?:^|[^\pL\pN])({re.escape(term)})(?:s|es)?(?:[^\pL\pN]|$)" if term.isascii() else re.escape(term)
        counted = pc.count_substring_regex(texts, around)
    return np.asarray(counted.to_numpy(zero_copy_only=False), dtype=np.float64)
