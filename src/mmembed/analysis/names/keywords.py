"""Which terms of the texts of a cluster set it apart from its siblings: class-based TF-IDF, contrasted.

It ranks; what is read and counted is the business of ``text_sample.py`` and ``term_tally.py``, how names are made of
ranked terms that of ``naming.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.names.evidence import Evidence, Language
from mmembed.analysis.names.term_tally import TermTally, count_terms
from mmembed.analysis.names.terms import is_part, words_of
from mmembed.analysis.names.text_sample import sample_texts

if TYPE_CHECKING:
    from mmembed.arrays import Positions

# Candidates of each cluster that are looked at closely.
_CANDIDATES = 100
# A term that is so often part of one longer term says less than that one.
_MOSTLY = 0.6
# Chance: with few texts a share of all of them means little.
_PRIOR_TEXTS = 1.0


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
    sample = sample_texts(labels, texts, weights)
    counted = count_terms(sample, language=language)
    return {} if counted is None else rank_terms(counted.tally(sample), counted.examples(sample))


def rank_terms(tally: TermTally, examples: Callable[[str, int], tuple[int, ...]]) -> dict[int, list[Evidence]]:
    """Rank the terms of a tally as :func:`keywords` does.

    Parameters
    ----------
    tally : TermTally
    examples : callable
        Gives the positions of rows of a cluster that have a term.
    """
    terms, weighted, plain = tally.terms, tally.weighted, tally.plain
    everywhere = np.asarray(plain.sum(axis=0)).ravel()
    sums = np.asarray(weighted.sum(axis=0)).ravel()
    n_texts = int(tally.texts.sum())
    found = {}
    for at, label in enumerate(tally.labels.tolist()):
        own = slice(weighted.indptr[at], weighted.indptr[at + 1])
        columns, weight, count = weighted.indices[own], weighted.data[own], plain.data[own]
        share = weight / (tally.totals[at] + _PRIOR_TEXTS)
        elsewhere = (sums[columns] - weight) / max(1e-9, tally.totals.sum() - tally.totals[at])
        score = (share - elsewhere) * np.log1p(tally.average / everywhere[columns])
        stands_out = np.flatnonzero(score > 1e-9)
        order = np.lexsort((terms[columns[stands_out]], -np.round(score[stands_out], 9)))[:_CANDIDATES]
        common = set(terms[columns[score <= 1e-9]].tolist())
        best = _whole_terms({str(terms[columns[one]]): int(one) for one in stands_out[order]}, count, common)
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
                examples=examples(term, label),
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
