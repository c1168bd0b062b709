"""How often the texts of each cluster have each term: of a sample, or term by term of all parts of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.names.evidence import Language
from mmembed.analysis.names.terms import PART, is_han, singular, terms_of, words_of
from mmembed.analysis.names.text_sample import TextSample, beginning

if TYPE_CHECKING:
    from mmembed.arrays import Positions

_EXAMPLES = 3


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
    """

    counts: Any = field(repr=False)
    terms: npt.NDArray[Any] = field(repr=False)
    spellings: Mapping[str, str] = field(repr=False)

    def tally(self, sample: TextSample) -> TermTally:
        """Return the counts by cluster."""
        names, codes = np.unique(sample.labels, return_inverse=True)
        return _tally(names, codes, self.terms, self.counts, sample.weights)

    def examples(self, sample: TextSample) -> Callable[[str, int], tuple[int, ...]]:
        """Return what finds the positions of the most typical rows of a cluster whose text has a term."""
        by_term = self.counts.tocsc()
        place = {term: at for at, term in enumerate(self.terms.tolist())}

        def find(term: str, label: int) -> tuple[int, ...]:
            rows = by_term.indices[by_term.indptr[place[term]] : by_term.indptr[place[term] + 1]]
            rows = rows[sample.labels[rows] == label]
            order = np.lexsort((sample.positions[rows], -np.nan_to_num(sample.weights[rows])))
            return tuple(sample.positions[rows[order[:_EXAMPLES]]].tolist())

        return find


def count_terms(sample: TextSample, *, language: Language | None = None) -> CountedTerms | None:
    """Return the terms of the texts of a sample, or None where there are none.

    Parameters
    ----------
    sample : TextSample
    language : {"zh", "en"}, optional
        Only terms in Han characters, or only others.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    # A shorter text has fewer terms; reading them is most of the work.
    counter = CountVectorizer(analyzer=terms_of, binary=True, dtype=np.float32)
    try:
        counts = counter.fit_transform(sample.texts)
    except ValueError:  # sklearn's way to say that no text has a term
        return None
    counts, terms, spellings = _merged(counts, counter.get_feature_names_out().tolist())
    everywhere = np.bincount(counts.indices, minlength=len(terms)).astype(np.float64)
    keep = (everywhere > 0) & ((everywhere > 1) | np.fromiter(map(_is_word, terms), bool, len(terms)))
    if language is not None:
        keep &= np.fromiter((is_han(term) == (language == "zh") for term in terms), bool, len(terms))
    columns = np.flatnonzero(keep)
    return CountedTerms(counts[:, columns], terms[columns], spellings) if len(columns) else None


def tally_known(
    labels: Positions,
    texts: Sequence[Any],
    weights: npt.NDArray[np.float64],
    *,
    names: Positions,
    terms: npt.NDArray[Any],
    spellings: Mapping[str, str],
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
            columns.extend({column_of[term] for term in terms_of(start) if term in column_of})
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


def _is_word(term: str) -> bool:
    """Return whether a term needs no second text to vouch for it: a phrase may be two words that met by chance."""
    return len(words_of(term)) == 1


def _merged(counts: Any, terms: list[str]) -> tuple[Any, npt.NDArray[Any], dict[str, str]]:
    """Count singular and plural as one, the commoner of the two, and parts of compounds as the words that they are."""
    from scipy.sparse import coo_array, csr_array

    everywhere = np.bincount(counts.indices, minlength=len(terms))
    place = {term: at for at, term in enumerate(terms)}
    target = np.arange(len(terms))
    for at, term in enumerate(terms):
        if term.startswith(PART):
            target[at] = place.get(term.removeprefix(PART), -1)
        elif (other := place.get(singular(term), at)) != at:
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
