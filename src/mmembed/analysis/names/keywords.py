"""Which terms of the texts of a cluster set it apart from its siblings: class-based TF-IDF, contrasted.

It counts and ranks; how names are made of ranked terms is the business of ``naming.py``.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.names.evidence import Evidence, Language
from mmembed.analysis.names.terms import PART, is_han, is_part, singular, terms_of, words_of

if TYPE_CHECKING:
    from mmembed.analysis.rows.cosine import Positions

# Names need no more than a sample: at most this many bytes of UTF-8 are read in all, in equal shares for each cluster.
# A Chinese character has three and is about a third of a word's work, as three letters are.
_BYTES = 4_000_000
# What a text is about is said early; the rest of a long one adds time and chance words.
_CHARACTERS_A_TEXT = 1_000
# Candidates of each cluster that are looked at closely.
_CANDIDATES = 100
# A term that is so often part of one longer term says less than that one.
_MOSTLY = 0.6
# Chance: with few texts a share of all of them means little.
_PRIOR_TEXTS = 1.0
_EXAMPLES = 3


@dataclass(frozen=True, eq=False)
class Sample:
    """The texts that are read: of each cluster some, chosen by content alone, so that the order of rows is nothing."""

    positions: Positions
    labels: Positions
    texts: list[str]


def keywords(
    labels: Positions, texts: Sequence[Any], weights: npt.NDArray[np.float64], *, language: Language | None = None
) -> dict[int, list[Evidence]]:
    """Rank the terms of each cluster's texts, best first.

    A term's score is the share of the cluster's texts that have it, less its share elsewhere, times
    ``log(1 + a / f)``: ``f`` is how many texts have it, ``a`` the mean number of terms a cluster (the class-based
    TF-IDF of Grootendorst, "BERTopic", 2022, made contrastive). A text counts once for a term. Up to 4 million
    bytes are read, the first 1,000 characters of a text at most.

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
    from sklearn.feature_extraction.text import CountVectorizer

    sample = _sample(labels, texts)
    # A shorter text has fewer terms; reading them is most of the work.
    counter = CountVectorizer(analyzer=terms_of, binary=True, dtype=np.float32)
    try:
        counts = counter.fit_transform(sample.texts)
    except ValueError:  # sklearn's way to say that no text has a term
        return {}
    counts, terms = _merged(counts, counter.get_feature_names_out().tolist())
    everywhere = np.bincount(counts.indices, minlength=len(terms)).astype(np.float64)
    keep = (everywhere > 0) & ((everywhere > 1) | np.fromiter(map(_is_word, terms), bool, len(terms)))
    if language is not None:
        keep &= np.fromiter((is_han(term) == (language == "zh") for term in terms), bool, len(terms))
    columns = np.flatnonzero(keep)
    if not len(columns):
        return {}
    return _ranked(sample, counts[:, columns], terms[columns], everywhere[columns], weights)


def _is_word(term: str) -> bool:
    """Return whether a term needs no second text to vouch for it: a phrase may be two words that met by chance."""
    return len(words_of(term)) == 1


def _merged(counts: Any, terms: list[str]) -> tuple[Any, npt.NDArray[Any]]:
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
    return merged, np.array(terms, dtype=object)


def _sample(labels: Positions, texts: Sequence[Any]) -> Sample:
    """Return the texts to read; within a cluster, those of the smallest checksum, until its share is read."""
    by_label: dict[int, list[tuple[int, str, int, int]]] = {}
    for position, (label, text) in enumerate(zip(labels.tolist(), texts, strict=True)):
        if label >= 0 and isinstance(text, str) and (start := text[:_CHARACTERS_A_TEXT].strip()):
            encoded = start.encode("utf-8", "replace")
            by_label.setdefault(label, []).append((zlib.crc32(encoded), start, position, len(encoded)))
    share = _BYTES // max(1, len(by_label))
    chosen: list[tuple[int, int, str]] = []
    for label, group in sorted(by_label.items()):
        read = 0
        if sum(size for *_, size in group) > share:
            group.sort()
        for _, start, position, size in group:
            if read >= share:
                break
            read += size
            chosen.append((label, position, start))
    return Sample(
        positions=np.array([position for _, position, _ in chosen], dtype=np.int64),
        labels=np.array([label for label, _, _ in chosen], dtype=np.int64),
        texts=[start for _, _, start in chosen],
    )


def _ranked(
    sample: Sample, counts: Any, terms: npt.NDArray[Any], everywhere: npt.NDArray[np.float64], weights: Any
) -> dict[int, list[Evidence]]:
    from scipy.sparse import csr_array

    names, codes = np.unique(sample.labels, return_inverse=True)
    rows = np.arange(len(codes))
    # No row is so untypical that it does not count.
    typical = 0.5 + 0.5 * np.clip(np.nan_to_num(weights[sample.positions]), 0, 1)
    shape = (len(names), len(codes))
    weighted = csr_array(csr_array((typical, (codes, rows)), shape=shape) @ counts)
    plain = csr_array(csr_array((np.ones(len(rows)), (codes, rows)), shape=shape) @ counts)
    weighted.sort_indices()
    plain.sort_indices()
    totals = np.bincount(codes, typical)
    texts = np.bincount(codes)
    sums = np.asarray(weighted.sum(axis=0)).ravel()
    average = everywhere.sum() / len(names)
    by_term = counts.tocsc()
    found = {}
    for at, label in enumerate(names.tolist()):
        own = slice(weighted.indptr[at], weighted.indptr[at + 1])
        columns, weight, count = weighted.indices[own], weighted.data[own], plain.data[own]
        share = weight / (totals[at] + _PRIOR_TEXTS)
        elsewhere = (sums[columns] - weight) / max(1e-9, totals.sum() - totals[at])
        score = (share - elsewhere) * np.log1p(average / everywhere[columns])
        stands_out = np.flatnonzero(score > 1e-9)
        order = np.lexsort((terms[columns[stands_out]], -np.round(score[stands_out], 9)))[:_CANDIDATES]
        common = set(terms[columns[score <= 1e-9]].tolist())
        best = _whole_terms({str(terms[columns[one]]): int(one) for one in stands_out[order]}, count, common)
        found[label] = [
            Evidence(
                term=term,
                source="text",
                score=float(score[one]),
                inside=int(count[one]),
                inside_share=float(count[one] / texts[at]),
                outside=int(everywhere[columns[one]] - count[one]),
                outside_share=float((everywhere[columns[one]] - count[one]) / max(1, len(codes) - texts[at])),
                examples=_examples(sample, by_term, int(columns[one]), label, weights),
            )
            for term, one in best.items()
        ]
    return {label: evidence for label, evidence in found.items() if evidence}


def _whole_terms(places: Mapping[str, int], count: npt.NDArray[np.float32], common: set[str]) -> dict[str, int]:
    """Return the candidates without phrases that hold a word common to all, and without mere pieces of phrases."""
    telling = {term: place for term, place in places.items() if common.isdisjoint(words_of(term))}
    pieces = {
        piece
        for longer in telling
        for piece in telling
        if is_part(piece, longer) and count[places[longer]] >= _MOSTLY * count[places[piece]]
    }
    return {term: place for term, place in telling.items() if term not in pieces}


def _examples(
    sample: Sample, by_term: Any, column: int, label: int, weights: npt.NDArray[np.float64]
) -> tuple[int, ...]:
    """Return the positions of the most typical rows of a cluster whose text has a term."""
    rows = by_term.indices[by_term.indptr[column] : by_term.indptr[column + 1]]
    positions = sample.positions[rows[sample.labels[rows] == label]]
    order = np.lexsort((positions, -np.nan_to_num(weights[positions])))
    return tuple(positions[order[:_EXAMPLES]].tolist())
