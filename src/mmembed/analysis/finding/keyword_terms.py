"""The terms of queries and texts: words and, in Chinese, characters and pairs of them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

HAN_RANGES = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF))
HAN = "".join(f"{chr(first)}-{chr(last)}" for first, last in HAN_RANGES)
_PIECES = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+")


def keyword_terms(text: str) -> list[str]:
    """Return the different terms of a query: words, and single and paired Han characters.

    Examples
    --------
    >>> keyword_terms("Red 连衣裙")
    ['red', '连衣', '衣裙', '连', '衣', '裙']
    """
    terms: list[str] = []
    for piece in _PIECES.findall(folded(text)):
        if re.match(rf"[{HAN}]", piece):
            terms += [piece[start : start + 2] for start in range(len(piece) - 1)]
            terms += list(piece)
        else:
            terms.append(piece)
    return list(dict.fromkeys(terms))


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
