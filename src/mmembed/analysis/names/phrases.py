"""Phrases of a vocabulary that are near to a cluster and far from its siblings, in the space of the vectors.

This module knows vectors only: ``vocabulary.py`` holds the phrases, and ``names.py`` makes names of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.names.centred_rows import centred_clusters, cluster_sums
from mmembed.analysis.names.phrase_support import PickedPhrases, Support, find_support
from mmembed.analysis.names.terms import Evidence, Language
from mmembed.analysis.names.vocabulary import Phrase, wordings

if TYPE_CHECKING:
    from mmembed.arrays import Positions
    from mmembed.vectors import VectorArray


# Best phrases of a cluster that are looked at closely; those that the others of them agree with come first.
_CANDIDATES = 12

# A broad phrase begins the name if it is not much farther from the cluster than the best of all.
_BROAD_ENOUGH = 0.4

# It must be near to what else is said, too: some words are a little near to everything.
_AGREES = 0.5

# Phrases of each cluster that are told with their evidence, and broad ones that are tried besides.
_TOLD = 8

_BROAD_TOLD = 2

# A phrase is clear if it speaks for half of the rows, and foremost for so many of them, and if hardly any row of a
# cluster that it does not describe is near to it, by either measure.
_MOST = 0.5

_FOREMOST_BROAD, _FOREMOST = 0.25, 0.5

_ELSEWHERE = 0.1

# What one row shows is certain if it is so many deviations nearer to the phrase than rows mostly are.
_THING_DEVIATIONS = 4.5

_THINGS = 3


def near_phrases(
    labels: Positions,
    vectors: VectorArray,
    *,
    kinds: Any = None,
    phrases: Sequence[Phrase],
    texts: VectorArray,
    language: Language,
) -> dict[int, list[Evidence]]:
    """Rank the phrases for each cluster: a broad one first, then those that are nearest.

    Whether a name may begin with a phrase (``is_clear``) is decided row by row: a mean of unlike rows can be near to
    what none of them is.

    Rows and phrases are centred, each kind of content by its own mean, so that the modality gap (Liang et al., "Mind
    the Gap", NeurIPS 2022) does not make all phrases about equally far. A phrase's score is its mean cosine with the
    rows of the cluster, less half that with all other rows, less half that with the nearest sibling. Of the best dozen,
    those come first that the dozen agrees with. The broad one may be a sibling's, too: the nearest is not taken off.

    Parameters
    ----------
    labels : numpy.ndarray of int, shape (n,)
        Rows of negative labels are left out.
    vectors : VectorArray, shape (n, d)
    kinds : sequence of length n, optional
        Kind of content of each row.
    phrases : sequence of Phrase
    texts : VectorArray, shape (w, d)
        Vectors of ``wordings(phrases)``.
    language : {"zh", "en"}
        Wording to show.

    Returns
    -------
    dict of int to list of Evidence
    """
    rows, used, names, codes = centred_clusters(labels, vectors, kinds)
    if not len(names):
        return {}
    places = phrase_rows(phrases, texts)
    sizes = np.bincount(codes)
    picked = pick_phrases(cluster_sums(rows, codes, len(names)), sizes, places, phrases)
    support = find_support(rows, codes, picked, places, used)
    return tell_phrases(picked, support, names, phrases, language)


def pick_phrases(
    sums: npt.NDArray[np.float64], sizes: Positions, places: npt.NDArray[np.float64], phrases: Sequence[Phrase]
) -> PickedPhrases:
    """Choose the phrases for each cluster by its mean and its siblings'; see :func:`near_phrases`."""
    means = sums / sizes[:, None]
    cosines = means @ places.T
    outside = (cosines * sizes[:, None]).sum(axis=0) - cosines * sizes[:, None]
    outside /= np.maximum(1, sizes.sum() - sizes)[:, None]
    above = np.round(cosines - 0.5 * outside, 9)
    scores = above - 0.5 * np.maximum(_nearest_sibling(cosines), 0)
    broad = np.flatnonzero([one.is_broad for one in phrases])
    pairs = []
    for number in range(len(sizes)):
        chosen = _choose_phrases(scores[number], above[number], broad, places)[:_TOLD]
        best = broad[np.lexsort((broad, -above[number, broad]))][:_BROAD_TOLD].tolist()
        pairs += [(number, at) for at in dict.fromkeys([*chosen, *(best if chosen else [])])]
    both = (cosines + outside) / 2
    return PickedPhrases(
        pairs,
        sizes,
        np.array([scores[pair] for pair in pairs]),
        np.array([both[pair] for pair in pairs]),
        means,
        np.array([one.is_broad for one in phrases]),
    )


def tell_phrases(
    picked: PickedPhrases,
    support: Support,
    names: Positions,
    phrases: Sequence[Phrase],
    language: Language,
) -> dict[int, list[Evidence]]:
    """Return the picked phrases with their evidence, by label: clear ones first, and at the end what rows show."""
    found: dict[int, list[Evidence]] = {int(names[number]): [] for number, _ in picked.pairs}
    sizes = picked.sizes
    clear = _are_clear(picked, support)
    for place, ((number, at), score, count, nearest) in enumerate(
        zip(picked.pairs, picked.scores, support.counts, support.nearest, strict=True)
    ):
        inside, elsewhere = int(count[number]), int(count.sum() - count[number])
        one = Evidence(
            term=phrases[at].shown(language),
            source="vocabulary",
            score=float(score),
            inside=inside,
            inside_share=inside / int(sizes[number]),
            outside=elsewhere,
            outside_share=elsewhere / max(1, int(sizes.sum() - sizes[number])),
            examples=tuple(position for _, position in nearest),
            is_broad=phrases[at].is_broad,
            is_clear=bool(clear[place]),
        )
        found[int(names[number])].append(one)
    told = {
        label: sorted(evidence, key=lambda one: (not one.is_clear, one.is_clear and not one.is_broad))[:_TOLD]
        for label, evidence in found.items()
    }
    for number, things in enumerate(_certain_things(support)):
        told.setdefault(int(names[number]), []).extend(
            Evidence(
                term=phrases[at].shown(language),
                source="vocabulary",
                score=cosine,
                inside=int(support.shown[number, at]),
                inside_share=int(support.shown[number, at]) / int(support.looked[number]),
                outside=int(support.shown[:, at].sum() - support.shown[number, at]),
                outside_share=int(support.shown[:, at].sum() - support.shown[number, at])
                / max(1, int(support.looked.sum() - support.looked[number])),
                examples=(position,),
                is_thing=True,
            )
            for _, position, at, cosine in things
        )
    return {label: evidence for label, evidence in told.items() if evidence}


def _are_clear(picked: PickedPhrases, support: Support) -> npt.NDArray[np.bool_]:
    """Return which phrases may begin the name of their cluster; shape (p,).

    Clusters that the phrase describes, too, are not counted as "elsewhere": siblings may both be of animals.
    """
    sizes, pairs = picked.sizes, picked.pairs
    own = np.array([number for number, _ in pairs], dtype=np.int64)
    at = np.arange(len(pairs))
    is_broad = picked.broad[[phrase for _, phrase in pairs]]
    near = support.counts / sizes
    # In a cluster of equal rows that nobody looked at, what is near is all there is to know.
    seen = support.looked > 0
    looked = np.maximum(1, support.looked)
    spoken = np.where(seen, support.spoken / looked, near)
    foremost = np.where(seen, support.foremost / looked, near)
    weights = np.where(spoken < _MOST, sizes, 0)
    weights[at, own] = 0
    total = np.maximum(1, weights.sum(axis=1))
    elsewhere = np.maximum((spoken * weights).sum(axis=1), (near * weights).sum(axis=1)) / total
    needed = np.where(is_broad, _FOREMOST_BROAD, _FOREMOST)
    hardly = elsewhere <= _ELSEWHERE + 1 / total  # that of so many rows and one: a row must not decide
    return np.asarray((picked.scores > 0) & (spoken[at, own] >= _MOST) & (foremost[at, own] >= needed) & hardly)


def _certain_things(support: Support) -> list[list[tuple[float, int, int, float]]]:
    """Return, of what typical rows of each cluster show, what is certain; none of it where hardly anything is."""
    total = max(1, int(support.looked.sum()))
    mean = support.moments[0] / total
    deviation = np.sqrt(np.maximum(1e-12, support.moments[1] / total - mean**2))
    return [
        [one for one in things if (one[3] - mean[one[2]]) / deviation[one[2]] >= _THING_DEVIATIONS][:_THINGS]
        for things in support.things
    ]


def phrase_rows(phrases: Sequence[Phrase], texts: VectorArray) -> npt.NDArray[np.float64]:
    """Return the centred unit row of each phrase, the mean of its wordings."""
    units = unit_rows(texts.matrix).astype(np.float64)
    place = {text: at for at, text in enumerate(wordings(phrases))}
    both = units[[place[one.en] for one in phrases]] + units[[place[one.zh] for one in phrases]]
    both /= np.maximum(1e-12, np.linalg.norm(both, axis=1, keepdims=True))
    both -= both.mean(axis=0)
    return np.asarray(both / np.maximum(1e-12, np.linalg.norm(both, axis=1, keepdims=True)))


def _nearest_sibling(cosines: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return, for each cluster and phrase, the greatest cosine of another cluster; 0 where there is none."""
    if len(cosines) == 1:
        return np.zeros_like(cosines)
    second, first = np.sort(cosines, axis=0)[-2:]
    return np.asarray(np.where(cosines == first, second, first))


def _choose_phrases(
    scores: npt.NDArray[np.float64], above: npt.NDArray[np.float64], broad: Positions, places: npt.NDArray[np.float64]
) -> list[int]:
    """Return the phrases for one cluster: a broad one, then those that set it apart.

    Parameters
    ----------
    scores, above : numpy.ndarray, shape (v,)
        How much each phrase sets the cluster apart with and without regard to the nearest sibling: siblings may share
        the broad phrase, as what follows tells them apart.
    broad : numpy.ndarray of int
        Positions of the broad phrases.
    places : numpy.ndarray, shape (v, d)
    """
    best = np.lexsort((np.arange(len(scores)), -scores))[:_CANDIDATES]
    best = best[scores[best] > 0]
    if not len(best):
        return []
    middle = scores[best] @ places[best]
    chosen = best[np.argsort(-scores[best] * (places[best] @ middle), kind="stable")]
    agreement = places[broad] @ middle
    agreed = broad[agreement >= _AGREES * agreement.max(initial=0)]
    if not len(agreed) or above[first := agreed[np.argmax(above[agreed])]] < _BROAD_ENOUGH * above[best].max():
        return [int(at) for at in chosen]
    return [int(first), *(int(at) for at in chosen if at != first)]
