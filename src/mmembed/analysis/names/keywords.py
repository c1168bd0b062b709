"""Terms that set the texts of a cluster apart from its siblings: class-based TF-IDF, contrasted, over a tally.

The tally counts how often the texts of each cluster have each term: of a sample of texts, so that no table is too
large, or term by term of all parts of a table. ``terms.py`` finds terms; ``naming.py`` makes names of ranked ones.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.names.segmenter import Segmenter, learn_words
from mmembed.analysis.names.terms import (
    PART,
    Evidence,
    Language,
    han_runs,
    is_han,
    is_part,
    singulars,
    terms_of,
    words_of,
)
from mmembed.analysis.names.vocabulary import shipped_phrases
from mmembed.analysis.names.writing import written

if TYPE_CHECKING:
    from mmembed.arrays import Positions


# Candidates of each cluster that are looked at closely.
_CANDIDATES = 100

# A term that is so often part of one longer term says less than that one; of one with two words more it must be nearly
# always, or 日语 would give way to 日语口语旅行.
_MOSTLY, _NEARLY_ALWAYS = 0.6, 0.9

# An everyday word says more to a reader than a name or a number that is as frequent. Chinese words of the list are
# mostly pieces of the term that would be right.
_EVERYDAY = 1.25

# Who acts says less than what it is about: in Chinese texts of offices a body, or people in one, stands in every line.
_BODIES = ("部门", "机关", "机构", "单位", "人员", "委员会")
_BODY = 0.8

# What a term keeps of its score whose texts have all their other words in common is 1 / (1 + this).
_REPEATED = 2.0

# Texts of a cluster that are compared for one term, and one pair more that would be alike: two texts prove little.
_COMPARED, _PRIOR_PAIRS = 50, 1.0

# Chance: with few texts a share of all of them means little.
_PRIOR_TEXTS = 1.0


def keywords(
    labels: Positions, texts: Sequence[Any], weights: npt.NDArray[np.float64], *, language: Language | None = None
) -> dict[int, list[Evidence]]:
    """Rank the terms of each cluster's texts, best first.

    A term's score is the share of the cluster's texts that have it, less its share elsewhere, times
    ``log(1 + a / f)``: ``f`` is how many texts have it, ``a`` the mean number of terms a cluster (the class-based
    TF-IDF of Grootendorst, "BERTopic", 2022, made contrastive). A text counts once for a term. The best 40 are ranked
    anew by their score over ``1 + 2 r``: ``r`` is the chance, in two texts of the cluster that have the term, that
    another word of the one is in the other. A wide term has many contexts; one that stands in one formula is a
    narrow case. Up to 4 million bytes are read, the first 1,000 characters of a text at most.

    Parameters
    ----------
    labels : numpy.ndarray of int, shape (n,)
        Negative labels are left out.
    texts : sequence, length n
        Blank, missing and other values that are no string are left out.
    weights : numpy.ndarray, shape (n,)
        How typical each row is of its cluster, 0 to 1: with nothing else to tell terms apart, typical rows decide.
    language : {"zh", "en"}, optional
        Only terms in Han characters, or only others.

    Returns
    -------
    dict of int to list of Evidence
        Clusters in which no term stands out are missing.
    """
    sample = sample_texts(labels, texts, weights)
    counted = count_terms(sample, language=language)
    return {} if counted is None else rank_terms(counted.tally(sample), counted.in_texts(sample))


def rank_terms(tally: TermTally, in_texts: TermsInTexts) -> dict[int, list[Evidence]]:
    """Rank the terms of a tally as :func:`keywords` does.

    Parameters
    ----------
    tally : TermTally
    in_texts : TermsInTexts
        The terms as texts have them.
    """
    terms, weighted, plain = tally.terms, tally.weighted, tally.plain
    everywhere = np.asarray(plain.sum(axis=0)).ravel()
    sums = np.asarray(weighted.sum(axis=0)).ravel()
    n_texts = int(tally.texts.sum())
    known = _everyday_words()
    everyday = np.array(
        [
            _BODY if term.endswith(_BODIES) else 1.0 if known.isdisjoint((term, *singulars(term))) else _EVERYDAY
            for term in terms.tolist()
        ]
    )
    found = {}
    for at, label in enumerate(tally.labels.tolist()):
        own = slice(weighted.indptr[at], weighted.indptr[at + 1])
        columns, weight, count = weighted.indices[own], weighted.data[own], plain.data[own]
        share = weight / (tally.totals[at] + _PRIOR_TEXTS)
        elsewhere = (sums[columns] - weight) / max(1e-9, tally.totals.sum() - tally.totals[at])
        score = (share - elsewhere) * np.log1p(tally.average / everywhere[columns]) * everyday[columns]
        stands_out = np.flatnonzero(score > 1e-9)
        order = np.lexsort((terms[columns[stands_out]], -np.round(score[stands_out], 9)))[:_CANDIDATES]
        common = set(terms[columns[score <= 1e-9]].tolist())
        likely = {str(terms[columns[one]]): int(one) for one in stands_out[order]}
        whole = {term: one for term, one in likely.items() if not in_texts.is_cut(term)}
        best = _drop_pieces(whole, count, common, in_texts.segmenter)
        score = _rank_wide_first(best, score, int(label), in_texts)
        best = dict(sorted(best.items(), key=lambda item: (-round(score[item[1]], 9), item[0])))
        own_texts = int(tally.texts[at])
        found[label] = [
            Evidence(
                term=term,
                source="text",
                score=float(score[one]),
                inside=int(count[one]),
                inside_share=float(count[one] / own_texts),
                outside=int(everywhere[columns[one]] - count[one]),
                outside_share=float((everywhere[columns[one]] - count[one]) / max(1, n_texts - own_texts)),
                examples=in_texts.examples(term, label),
                written=in_texts.written(term) if rank < _WRITTEN else "",
            )
            for rank, (term, one) in enumerate(best.items())
        ]
    return {label: evidence for label, evidence in found.items() if evidence}


@cache
def _everyday_words() -> frozenset[str]:
    """Return the English phrases of the vocabulary, in lower case, and what they may be the plural of."""
    phrases = [phrase.shown("en").casefold() for phrase in shipped_phrases()]
    return frozenset(form for phrase in phrases for form in (phrase, *singulars(phrase)))


def _drop_pieces(
    places: Mapping[str, int], count: npt.NDArray[np.float32], common: set[str], segmenter: Segmenter
) -> dict[str, int]:
    """Return the candidates without phrases that hold a word common to all, and without mere pieces of phrases."""
    words = {term: words_of(term, segmenter) for term in places}
    telling = [term for term in places if common.isdisjoint(words[term])]
    pieces = set()
    for longer in telling:
        for piece in telling:
            needed = _MOSTLY if len(words[longer]) - len(words[piece]) < 2 else _NEARLY_ALWAYS
            if is_part(piece, longer) and count[places[longer]] >= needed * count[places[piece]]:
                pieces.add(piece)
    return {term: places[term] for term in telling if term not in pieces}


def _rank_wide_first(
    best: Mapping[str, int], score: npt.NDArray[np.float64], label: int, in_texts: TermsInTexts
) -> npt.NDArray[np.float64]:
    """Return the scores of candidates, best first, less for those that stand in one formula."""
    lowered = score.copy()
    for rank, (term, place) in enumerate(best.items()):
        # Those behind are as low as they would be at worst.
        repeated = in_texts.repetition(term, label) if rank < _WRITTEN else 1.0
        lowered[place] = score[place] / (1 + _REPEATED * repeated)
    return lowered


_EXAMPLES = 3

# How many terms of a cluster are looked up as texts write them, in how many texts: those that names and audit show.
_WRITTEN = 40

_READ = 30


@dataclass(frozen=True, eq=False)
class TermTally:
    """Counts of terms by cluster; a text counts once for a term.

    Attributes
    ----------
    labels : numpy.ndarray of int, shape (c,)
        The clusters.
    terms : numpy.ndarray of str, shape (t,)
    weighted, plain : scipy.sparse.csr_array, shape (c, t)
        Texts of each cluster that have each term: the sum of how typical they are, and their number.
    totals, texts : numpy.ndarray, shape (c,)
        The same of all texts of each cluster.
    average : float
        Mean number of terms a cluster.
    """

    labels: Positions
    terms: npt.NDArray[Any] = field(repr=False)
    weighted: Any = field(repr=False)
    plain: Any = field(repr=False)
    totals: npt.NDArray[np.float64] = field(repr=False)
    texts: npt.NDArray[np.float64] = field(repr=False)
    average: float

    def __add__(self, other: TermTally) -> TermTally:
        """Add the counts of another part of the table, of the same clusters and terms."""
        return replace(
            self,
            weighted=self.weighted + other.weighted,
            plain=self.plain + other.plain,
            totals=self.totals + other.totals,
            texts=self.texts + other.texts,
        )


@dataclass(frozen=True, eq=False)
class CountedTerms:
    """Which texts of a sample have which terms.

    Attributes
    ----------
    counts : scipy.sparse.csr_array, shape (texts, t)
    terms : numpy.ndarray of str, shape (t,)
    spellings : mapping of str to str
        What counts as each term: the other number of a noun, and the part of a compound.
    segmenter : Segmenter
        Knows the Chinese words of the sample.
    """

    counts: Any = field(repr=False)
    terms: npt.NDArray[Any] = field(repr=False)
    spellings: Mapping[str, str] = field(repr=False)
    segmenter: Segmenter

    def tally(self, sample: TextSample) -> TermTally:
        """Return the counts by cluster."""
        names, codes = np.unique(sample.labels, return_inverse=True)
        return _tally(names, codes, self.terms, self.counts, sample.weights)

    def in_texts(self, sample: TextSample) -> TermsInTexts:
        """Return the terms as the texts have them."""
        place = {term: at for at, term in enumerate(self.terms.tolist())}
        return TermsInTexts(self.counts.tocsc(), place, sample, self.segmenter)


class TermsInTexts:
    """Where and how the texts of a sample have terms.

    Parameters
    ----------
    counts : scipy.sparse.csc_array, shape (texts, t)
    place : mapping of str to int
        Column of each term.
    sample : TextSample
    segmenter : Segmenter
    """

    def __init__(self, counts: Any, place: Mapping[str, int], sample: TextSample, segmenter: Segmenter) -> None:
        self._counts, self._place, self._sample, self.segmenter = counts, place, sample, segmenter
        self.written = cache(self._written)
        self.is_cut = cache(self._is_cut)

    def examples(self, term: str, label: int) -> tuple[int, ...]:
        """Return the positions of the most typical rows of a cluster whose text has a term."""
        rows, sample = self._rows(term), self._sample
        rows = rows[sample.labels[rows] == label]
        order = np.lexsort((sample.positions[rows], -np.nan_to_num(sample.weights[rows])))
        return tuple(sample.positions[rows[order[:_EXAMPLES]]].tolist())

    def repetition(self, term: str, label: int) -> float:
        """Return how likely another word of a text with a term is in another such text of the cluster, 0 to 1."""
        rows = self._rows(term)
        rows = rows[self._sample.labels[rows] == label]
        rows = rows[np.argsort(self._order[rows], kind="stable")[:_COMPARED]]
        words = self._words[rows].indices
        own = [self._place[word] for word in (term, *words_of(term, self.segmenter)) if word in self._place]
        texts = np.unique(words[~np.isin(words, own)], return_counts=True)[1]
        pairs = len(rows) * (len(rows) - 1) / 2
        alike = float((texts * (texts - 1)).sum() / texts.sum() / (len(rows) - 1)) if pairs and len(texts) else 0.0
        return (alike * pairs + _PRIOR_PAIRS) / (pairs + _PRIOR_PAIRS)

    @cached_property
    def _words(self) -> Any:
        """The counts of single words, by text; those of phrases are none, so that no word counts twice."""
        counts = self._counts.tocsr()
        is_word = _are_words(self._place, self.segmenter)
        counts.data = counts.data * is_word[counts.indices]
        counts.eliminate_zeros()
        return counts

    def _written(self, term: str) -> str:
        """Return how most of the texts that have a term write it."""
        return written(term, self._some(term))

    def _is_cut(self, term: str) -> bool:
        """Return whether a term is a mere piece of what the texts have."""
        from mmembed.analysis.names.cut_terms import is_cut, may_be_cut

        return may_be_cut(term, self.segmenter) and is_cut(term, self._some(term), self.segmenter)

    def _rows(self, term: str) -> Positions:
        at = self._place[term]
        return np.asarray(self._counts.indices[self._counts.indptr[at] : self._counts.indptr[at + 1]])

    def _some(self, term: str) -> list[str]:
        """Return some texts that have a term, spread over all of these, in an order that is not that of the table."""
        rows = self._rows(term)
        first = rows[np.argsort(self._order[rows], kind="stable")[:_READ]]
        return [self._sample.texts[row] for row in first.tolist()]

    @cached_property
    def _order(self) -> Positions:
        """The place of each text in the order of checksums; equal texts have one place."""
        texts = self._sample.texts
        places = {text: at for at, text in enumerate(sorted(set(texts), key=lambda text: (_checksum(text), text)))}
        return np.array([places[text] for text in texts], dtype=np.int64)


def _checksum(text: str) -> int:
    return zlib.crc32(text.encode(errors="replace"))


def count_terms(sample: TextSample, *, language: Language | None = None) -> CountedTerms | None:
    """Return the terms of the texts of a sample, or None where there are none.

    Parameters
    ----------
    sample : TextSample
    language : {"zh", "en"}, optional
        Only terms in Han characters, or only others.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    segmenter = learn_words(map(han_runs, sample.texts))
    # A shorter text has fewer terms; reading them is most of the work.
    counter = CountVectorizer(analyzer=partial(terms_of, segmenter=segmenter), binary=True, dtype=np.float32)
    try:
        counts = counter.fit_transform(sample.texts)
    except ValueError:  # sklearn's way to say that no text has a term
        return None
    counts, terms, spellings = _merge_forms(counts, counter.get_feature_names_out().tolist())
    everywhere = np.bincount(counts.indices, minlength=len(terms)).astype(np.float64)
    keep = (everywhere > 0) & ((everywhere > 1) | _vouch_for_themselves(terms, segmenter))
    if language is not None:
        keep &= np.fromiter((is_han(term) == (language == "zh") for term in terms), bool, len(terms))
    columns = np.flatnonzero(keep)
    return CountedTerms(counts[:, columns], terms[columns], spellings, segmenter) if len(columns) else None


def tally_known(
    labels: Positions,
    texts: Sequence[Any],
    weights: npt.NDArray[np.float64],
    *,
    names: Positions,
    terms: npt.NDArray[Any],
    spellings: Mapping[str, str],
    segmenter: Segmenter,
) -> TermTally:
    """Return the counts of given terms in all texts of a part of a table.

    Parameters
    ----------
    labels, texts, weights
        As for :func:`mmembed.analysis.names.keywords.keywords`.
    names : numpy.ndarray of int, shape (c,)
        The clusters, in order.
    terms : numpy.ndarray of str, shape (t,)
    spellings : mapping of str to str
    segmenter : Segmenter
        As in :class:`CountedTerms`.
    """
    from scipy.sparse import csr_array

    place = {term: at for at, term in enumerate(terms.tolist())}
    column_of = {spelling: place[term] for spelling, term in spellings.items() if term in place}
    read: list[int] = []
    columns: list[int] = []
    starts = [0]
    for at, (label, text) in enumerate(zip(labels.tolist(), texts, strict=True)):
        if label >= 0 and (start := beginning(text)):
            read.append(at)
            columns.extend({column_of[term] for term in terms_of(start, segmenter) if term in column_of})
            starts.append(len(columns))
    counts = csr_array((np.ones(len(columns), np.float32), columns, starts), shape=(len(read), len(terms)))
    return _tally(names, np.searchsorted(names, labels[read]), terms, counts, weights[read])


def _tally(
    names: Positions, codes: Positions, terms: npt.NDArray[Any], counts: Any, weights: npt.NDArray[np.float64]
) -> TermTally:
    from scipy.sparse import csr_array

    # No row is so untypical that it does not count.
    typical = 0.5 + 0.5 * np.clip(np.nan_to_num(weights), 0, 1)
    shape, rows = (len(names), len(codes)), np.arange(len(codes))
    weighted = csr_array(csr_array((typical, (codes, rows)), shape=shape) @ counts)
    plain = csr_array(csr_array((np.ones(len(rows)), (codes, rows)), shape=shape) @ counts)
    weighted.sort_indices()
    plain.sort_indices()
    return TermTally(
        labels=names,
        terms=terms,
        weighted=weighted,
        plain=plain,
        totals=np.bincount(codes, typical, minlength=len(names)).astype(np.float64),
        texts=np.bincount(codes, minlength=len(names)).astype(np.float64),
        average=float(plain.sum()) / max(1, len(names)),
    )


def _are_words(terms: Collection[str], segmenter: Segmenter) -> npt.NDArray[np.bool_]:
    """Return which terms are single words."""
    return np.fromiter((len(words_of(term, segmenter)) == 1 for term in terms), bool, len(terms))


def _vouch_for_themselves(terms: Collection[str], segmenter: Segmenter) -> npt.NDArray[np.bool_]:
    """Return which terms need no second text: a phrase may be two words that met by chance, a code is of one row."""
    has_digit = np.fromiter((any(map(str.isdigit, term)) for term in terms), bool, len(terms))
    return np.asarray(_are_words(terms, segmenter) & ~has_digit)


def _merge_forms(counts: Any, terms: list[str]) -> tuple[Any, npt.NDArray[Any], dict[str, str]]:
    """Count singular and plural as one, the commoner of the two, and parts of compounds as the words that they are."""
    from scipy.sparse import coo_array, csr_array

    everywhere = np.bincount(counts.indices, minlength=len(terms))
    place = {term: at for at, term in enumerate(terms)}
    target = np.arange(len(terms))
    for at, term in enumerate(terms):
        if term.startswith(PART):
            target[at] = place.get(term.removeprefix(PART), -1)
        elif (other := next((place[form] for form in singulars(term) if form in place), at)) != at:
            plural, single = (at, other) if everywhere[at] > everywhere[other] else (other, at)
            target[single] = plural
    found = counts.tocoo()
    columns = target[found.coords[1]]
    inside = columns >= 0
    merged = csr_array(coo_array((found.data[inside], (found.coords[0][inside], columns[inside])), shape=counts.shape))
    merged.sum_duplicates()
    merged.data[:] = 1
    spellings = {term: terms[at] for term, at in zip(terms, target.tolist(), strict=True) if at >= 0}
    return merged, np.array(terms, dtype=object), spellings


# Names need no more than a sample: at most this many bytes of UTF-8 are read in all, in equal shares for each cluster.
# A Chinese character has three and is about a third of a word's work, as three letters are.
_BYTES = 4_000_000

# What a text is about is said early; the rest of a long one adds time and chance words.
_CHARACTERS_A_TEXT = 1_000


@dataclass(frozen=True, eq=False)
class TextSample:
    """The texts that are read: of each cluster some, chosen by content alone, so that the order of rows is nothing.

    Attributes
    ----------
    positions, labels, texts, weights
        Of each text that is read: its row, its cluster, its beginning, how typical the row is of the cluster.
    is_whole : bool
        Whether these are all texts.
    """

    positions: Positions
    labels: Positions
    texts: list[str]
    weights: npt.NDArray[np.float64]
    is_whole: bool = True


def beginning(text: Any) -> str:
    """Return the part of a text that is read; nothing of a cell that is no text."""
    return text[:_CHARACTERS_A_TEXT].strip() if isinstance(text, str) else ""


def sample_texts(
    labels: Positions, texts: Sequence[Any], weights: npt.NDArray[np.float64], *, first: int = 0
) -> TextSample:
    """Return the texts to read; ``first`` is the position of the first row in a table that these are a part of."""
    starts = [
        (position, start)
        for position, (label, text) in enumerate(zip(labels.tolist(), texts, strict=True))
        if label >= 0 and (start := beginning(text))
    ]
    at = np.array([position for position, _ in starts], dtype=np.int64)
    return _texts_within_share(
        TextSample(at + first, labels[at].astype(np.int64), [start for _, start in starts], weights[at])
    )


def merge_samples(samples: Sequence[TextSample]) -> TextSample:
    """Return the texts to read of a table from those of its parts: the same as if it had been one."""
    return _texts_within_share(
        TextSample(
            np.concatenate([one.positions for one in samples]),
            np.concatenate([one.labels for one in samples]),
            [text for one in samples for text in one.texts],
            np.concatenate([one.weights for one in samples]),
            all(one.is_whole for one in samples),
        )
    )


def _texts_within_share(sample: TextSample) -> TextSample:
    """Return, of each cluster, the texts of the smallest checksum, until its share of what is read is used up."""
    encoded = [text.encode("utf-8", "replace") for text in sample.texts]
    sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
    order = np.argsort(sample.labels, kind="stable")
    names, starts = np.unique(sample.labels[order], return_index=True)
    share = _BYTES // max(1, len(names))
    chosen: list[int] = []
    for rows in np.split(order, starts[1:]) if len(names) else []:
        members = rows.tolist()
        if sizes[rows].sum() > share:
            members.sort(key=lambda row: (zlib.crc32(encoded[row]), sample.texts[row], int(sample.positions[row])))
            read = np.cumsum(sizes[members])
            members = members[: int(np.searchsorted(read, share)) + 1]
        chosen.extend(members)
    if len(chosen) == len(encoded) and sample.is_whole:
        return replace(sample, **_take_rows(sample, chosen))
    return replace(sample, **_take_rows(sample, chosen), is_whole=False)


def _take_rows(sample: TextSample, rows: list[int]) -> dict[str, Any]:
    return {
        "positions": sample.positions[rows],
        "labels": sample.labels[rows],
        "texts": [sample.texts[row] for row in rows],
        "weights": sample.weights[rows],
    }
