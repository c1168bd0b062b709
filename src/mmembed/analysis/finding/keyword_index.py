"""Which texts of a column have which term, kept between searches as the neighbour graph is.

An index belongs to the texts and not to a frame; the least recently used ones are forgotten when there are more than
fit. Its counts are those that :mod:`mmembed.analysis.finding.bm25` reads from the texts themselves.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.finding.keyword_terms import HAN, HAN_RANGES, folded_texts
from mmembed.arrays import Positions

Counts = npt.NDArray[np.float64]
Recount = Callable[[Any, str], Counts]

_WORD = re.compile(rf"[^\W_{HAN}]+")
_ONLY_HAN = re.compile(rf"[{HAN}]+")
_ENDINGS = ("", "s", "es")
_MOST_CHARACTERS = 20_000_000  # of a column; of longer ones each term is looked for in the texts
_MOST_BYTES = 300_000_000
_NOWHERE = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)


def keyword_index(texts: pd.Series) -> KeywordIndex | None:
    """Return the index of a column of texts, made once for the same texts; None of texts that are too long for one."""
    return _STORE.index(texts)


@dataclass(frozen=True, eq=False)
class KeywordIndex:
    """Where the words, the Han characters and the pairs of them stand in texts.

    Attributes
    ----------
    lengths : numpy.ndarray, shape (n,)
        Characters of each text.
    """

    lengths: Counts = field(repr=False)
    _texts: Any = field(repr=False)
    _words: _Postings = field(repr=False)
    _places: dict[str, int] = field(repr=False)
    _characters: _Postings = field(repr=False)
    _pairs: _Postings = field(repr=False)
    _repeats: npt.NDArray[np.bool_] = field(repr=False)

    @classmethod
    def of(cls, folded: Any, lengths: Counts) -> KeywordIndex:
        """Read texts that are folded, in an Arrow array."""
        cells: list[str] = folded.to_pylist()
        places: dict[str, int] = {}
        found, rows, repeats = [], [], np.zeros(len(cells), dtype=bool)
        for row, text in enumerate(cells):
            words = _WORD.findall(text)
            found += [places.setdefault(word, len(places)) for word in words]
            rows.append(len(words))
            repeats[row] = any(map(_share_a_term, words, words[1:]))
        of_words = _Postings.of(np.array(found, dtype=np.int64), np.repeat(np.arange(len(cells)), rows), len(cells))
        return cls(lengths, folded, of_words, places, *_find_han(cells), repeats)

    @property
    def nbytes(self) -> int:
        """About the memory that it takes."""
        words = sum(len(word) + 60 for word in self._places)
        return int(words + sum(one.nbytes for one in (self._words, self._characters, self._pairs)) + self._texts.nbytes)

    def counts(self, term: str, recount: Recount) -> tuple[Positions, Counts]:
        """Return the texts that have a term, in their order, and how often.

        Parameters
        ----------
        term : str
            A word, a Han character or two of them, folded.
        recount : callable
            Counts a term in some of the texts.
        """
        if _ONLY_HAN.fullmatch(term):
            code = [ord(character) for character in term]
            return self._characters.at([code[0]]) if len(code) == 1 else self._pairs.at([_pair(code[0], code[1])])
        if not term.isascii():  # such a term counts inside of words, too
            inside = [(place, word.count(term)) for word, place in self._places.items() if term in word]
            return self._words.at([place for place, _ in inside], [count for _, count in inside])
        known = [self._places[term + ending] for ending in _ENDINGS if term + ending in self._places]
        rows, counts = self._words.at(known)
        # Of words that follow each other a separator belongs to one, so the next one is not counted.
        again = np.flatnonzero((counts > 1) & self._repeats[rows])
        if len(again):
            counts[again] = recount(self._texts.take(rows[again]), term)
        return rows, counts


@dataclass(frozen=True, eq=False)
class _Postings:
    """For each of some keys, in rising order, the rows that have it and how often."""

    keys: Positions
    starts: Positions
    rows: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]

    @classmethod
    def of(cls, keys: Positions, rows: Positions, n_rows: int) -> _Postings:
        different, place = np.unique(keys, return_inverse=True)
        together, counts = np.unique(place.reshape(-1) * max(n_rows, 1) + rows, return_counts=True)
        at, row = np.divmod(together, max(n_rows, 1))
        starts = np.searchsorted(at, np.arange(len(different) + 1))
        return cls(different, starts, row.astype(np.int32), counts.astype(np.int32))

    @property
    def nbytes(self) -> int:
        return self.keys.nbytes + self.starts.nbytes + self.rows.nbytes + self.counts.nbytes

    def at(self, keys: Sequence[int], weights: Sequence[int] | None = None) -> tuple[Positions, Counts]:
        """Return the rows that have any of some keys, and the sum of their counts."""
        rows: list[Positions] = []
        counts: list[Counts] = []
        for number, key in enumerate(keys):
            place = int(np.searchsorted(self.keys, key))
            if place < len(self.keys) and self.keys[place] == key:
                inside = slice(self.starts[place], self.starts[place + 1])
                rows.append(self.rows[inside].astype(np.int64))
                weight = 1 if weights is None else weights[number]
                counts.append(self.counts[inside].astype(np.float64) * weight)
        if not rows:
            return _NOWHERE
        if len(rows) == 1:
            return rows[0], counts[0]
        total = np.zeros(1 + max(int(one[-1]) for one in rows))
        for one, count in zip(rows, counts, strict=True):
            total[one] += count
        found = np.flatnonzero(total)
        return found, total[found]


def _share_a_term(word: str, following: str) -> bool:
    """Return whether two words may be forms of one term, such as dress and dresses."""
    if word[0] != following[0]:
        return False
    shorter, longer = sorted((word, following), key=len)
    stems = [shorter, *(shorter.removesuffix(ending) for ending in _ENDINGS[1:])]
    return any(longer == stem + ending for stem in stems for ending in _ENDINGS)


def _find_han(cells: Sequence[str]) -> tuple[_Postings, _Postings]:
    """Return where Han characters stand, and each two that follow each other."""
    codes = np.frombuffer("".join(cells).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.int64)
    row = np.repeat(np.arange(len(cells)), [len(cell) for cell in cells])
    is_han = np.zeros(len(codes), dtype=bool)
    for first, last in HAN_RANGES:
        is_han |= (codes >= first) & (codes <= last)
    characters = _Postings.of(codes[is_han], row[is_han], len(cells))
    left = np.flatnonzero(is_han[:-1] & is_han[1:] & (row[:-1] == row[1:]))
    # Occurrences do not overlap: of three equal characters there is one pair, of four there are two.
    same = np.zeros(len(codes), dtype=bool)
    same[left] = codes[left] == codes[left + 1]
    at = np.arange(len(codes))
    begins = np.maximum.accumulate(np.where(same & ~np.concatenate([[False], same[:-1]]), at, -1)) if len(at) else at
    left = left[~same[left] | ((left - begins[left]) % 2 == 0)]
    return characters, _Postings.of(_pair(codes[left], codes[left + 1]), row[left], len(cells))


def _pair(one: Any, other: Any) -> Any:
    return (one << 21) | other


class _IndexStore:
    def __init__(self, most_bytes: int, most_characters: int) -> None:
        self._most_bytes, self._most_characters = most_bytes, most_characters
        self._kept: OrderedDict[Any, tuple[Any, KeywordIndex | None]] = OrderedDict()
        self._lock = Lock()

    def index(self, texts: pd.Series) -> KeywordIndex | None:
        """Return the index of equal texts, or make it; what it was made of is held, so that it stays what it was."""
        key, held = _identity(texts)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and (kept[0] is held or kept[0] == held):
                self._kept.move_to_end(key)
                return kept[1]
        folded, lengths = folded_texts(texts)
        index = KeywordIndex.of(folded, lengths) if lengths.sum() <= self._most_characters else None
        with self._lock:
            self._kept[key] = held, index
            while len(self._kept) > 1 and self._size() > self._most_bytes:
                self._kept.popitem(last=False)
        return index

    def _size(self) -> int:
        return sum(0 if index is None else index.nbytes for _, index in self._kept.values())


def _identity(texts: pd.Series) -> tuple[Any, Any]:
    """Return what equal columns of texts have in common, quickly, and what must be held for that to stay true.

    Arrow's memory is never written to, so its address is enough; of Python's texts the values are compared, of which
    each knows its hash.
    """
    if isinstance(texts.dtype, pd.StringDtype | pd.ArrowDtype) and hasattr(texts.array, "__arrow_array__"):
        arrow = texts.array.__arrow_array__()
        chunks = getattr(arrow, "chunks", [arrow])
        places = tuple(
            (
                chunk.offset,
                len(chunk),
                *(None if part is None else (part.address, part.size) for part in chunk.buffers()),
            )
            for chunk in chunks
        )
        return ("arrow", str(arrow.type), places), _Held(arrow)
    values = tuple([text if isinstance(text, str) else None for text in texts.tolist()])
    return ("python", hash(values)), values


class _Held:
    """Memory that is at the place that its key tells: as long as it is held, nothing else is there."""

    def __init__(self, arrow: Any) -> None:
        self._arrow = arrow

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)

    def __hash__(self) -> int:
        return 0


_STORE = _IndexStore(_MOST_BYTES, _MOST_CHARACTERS)
