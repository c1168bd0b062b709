"""Which phrases of a vocabulary are near to a cluster and far from its siblings, in the space of the vectors.

It knows vectors only; what phrases there are is the business of ``vocabulary.py``, how they become names that of
``composing.py``.

The phrases that clusters without texts can be called by: everyday things and topics, in Chinese and English.

``vocabulary.tsv`` is made by ``scripts/build_vocabulary.py``; ``VOCABULARY.md`` beside it tells origin and licences.

Rows as phrases are compared with them: unit rows without the mean of their kind, made piece by piece.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.names.names import check_phrases
from mmembed.analysis.names.terms import Evidence, Language

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, Positions
    from mmembed.vectors import VectorArray


# Best phrases of a cluster that are looked at closely; those that the others of them agree with come first.
_CANDIDATES = 12

# A broad phrase begins the name if it is not much farther from the cluster than the best of all.
_BROAD_ENOUGH = 0.4

# It must be near to what else is said, too: some words are a little near to everything.
_AGREES = 0.5

_EXAMPLES = 3

# Phrases of each cluster that are told with their evidence, and broad ones that are tried besides.
_TOLD = 8

_BROAD_TOLD = 2

# Rows of each cluster, about, that are compared with all phrases.
_LOOKED_AT = 400

# A broad phrase speaks for a row if it is one of the three nearest broad ones, another if one of the ten nearest.
_NEAREST_BROAD, _NEAREST = 3, 10

# A phrase is clear if it speaks for half of the rows, and foremost for so many of them; if hardly any row of a cluster
# that it does not describe is near to it, by either measure; and if no sibling is nearer than half-way.
_MOST = 0.5

_FOREMOST_BROAD, _FOREMOST = 0.25, 0.5

_ELSEWHERE = 0.1

# What one row shows is certain if it is this near to the phrase, and this many deviations nearer than rows mostly are.
_THING_COSINE, _THING_DEVIATIONS = 0.65, 4.5

_THINGS, _TYPICAL = 3, 24


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
    what none of them is. Rows and phrases are centred, each kind of content by its own mean, so that the modality gap (Liang et al., "Mind
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


@dataclass(frozen=True, eq=False)
class PickedPhrases:
    """Phrases that may name clusters.

    Attributes
    ----------
    pairs : list of (int, int), length p
        Code of the cluster, position of the phrase; the best of each cluster come first.
    sizes : numpy.ndarray of int, shape (c,)
        Rows of each cluster.
    scores : numpy.ndarray, shape (p,)
    bounds : numpy.ndarray, shape (p,)
        A row is near to the phrase if its cosine with it is above.
    means : numpy.ndarray, shape (c, d)
        Mean centred row of each cluster.
    broad : numpy.ndarray of bool, shape (v,)
        Which of all phrases are broad.
    """

    pairs: list[tuple[int, int]]
    sizes: Positions
    scores: npt.NDArray[np.float64]
    bounds: npt.NDArray[np.float64]
    means: npt.NDArray[np.float64]
    broad: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Support:
    """Which rows speak for each pair of cluster and phrase.

    Attributes
    ----------
    counts : numpy.ndarray of int, shape (p, c)
        How many rows of each cluster are near to the phrase.
    nearest : list of list of (float, int), length p
        Up to three rows of the pair's cluster, nearest first: cosine with a minus sign, and position.
    looked : numpy.ndarray of int, shape (c,)
        Rows that were compared with all phrases.
    spoken, foremost : numpy.ndarray of int, shape (p, c)
        For how many of these the phrase speaks: it is among the nearest of all, or of all broad ones; and for how many
        it is (nearly) the nearest.
    moments : numpy.ndarray, shape (2, v)
        Sum of the cosines of these rows with each phrase, and of their squares.
    shown : numpy.ndarray of int, shape (c, v)
        How many of these rows of each cluster surely show what a phrase says.
    things : list of list of (float, int, int, float), length c
        What typical rows show, the most typical first: how typical, with a minus sign, position, phrase, cosine.
    """

    counts: npt.NDArray[np.int64]
    nearest: list[list[tuple[float, int]]]
    looked: npt.NDArray[np.int64]
    spoken: npt.NDArray[np.int64]
    foremost: npt.NDArray[np.int64]
    moments: npt.NDArray[np.float64]
    shown: npt.NDArray[np.int64]
    things: list[list[tuple[float, int, int, float]]]

    def __add__(self, other: Support) -> Support:
        """Add the rows of another part of the table."""
        return Support(
            self.counts + other.counts,
            [sorted(one + two)[:_EXAMPLES] for one, two in zip(self.nearest, other.nearest, strict=True)],
            self.looked + other.looked,
            self.spoken + other.spoken,
            self.foremost + other.foremost,
            self.moments + other.moments,
            self.shown + other.shown,
            [_typical(one + two) for one, two in zip(self.things, other.things, strict=True)],
        )


def _typical(found: list[tuple[float, int, int, float]]) -> list[tuple[float, int, int, float]]:
    """Return the most typical rows, each phrase once."""
    kept: dict[int, tuple[float, int, int, float]] = {}
    for one in sorted(found):
        kept.setdefault(one[2], one)
    return list(kept.values())[:_TYPICAL]


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
        chosen = _chosen(scores[number], above[number], broad, places)[:_TOLD]
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
    return np.asarray(
        (picked.scores > 0) & (spoken[at, own] >= _MOST) & (foremost[at, own] >= needed) & (elsewhere <= _ELSEWHERE)
    )


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


def _chosen(
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


def find_support(
    rows: CentredRows, codes: Positions, picked: PickedPhrases, places: npt.NDArray[np.float64], positions: Positions
) -> Support:
    """Return which rows speak for each pair of cluster and phrase.

    Parameters
    ----------
    rows : CentredRows, n rows
    codes : numpy.ndarray of int, shape (n,)
    picked : PickedPhrases
    places : numpy.ndarray, shape (v, d)
    positions : numpy.ndarray of int, shape (n,)
        What the rows are called in the answer.
    """
    pairs, n_groups = picked.pairs, len(picked.sizes)
    counts = np.zeros((len(pairs), n_groups), dtype=np.int64)
    found: list[list[tuple[float, int]]] = [[] for _ in pairs]
    targets = places[[at for _, at in pairs]].astype(np.float32)
    closely = _Closely(picked, places)
    for chunk, units in rows.chunks():
        cosines = units @ targets.T
        near = (cosines > picked.bounds).astype(np.float32)
        counts += group_sums(near, codes[chunk], n_groups).T.round().astype(np.int64)
        for number in np.unique(codes[chunk]):
            own = np.flatnonzero(codes[chunk] == number)
            for column in (column for column, pair in enumerate(pairs) if pair[0] == number):
                best = np.argsort(-cosines[own, column], kind="stable")[:_EXAMPLES]
                new = [(-float(cosines[own[one], column]), int(positions[chunk.start + own[one]])) for one in best]
                found[column] = sorted(found[column] + new)[:_EXAMPLES]
        some = _looked_at(rows.matrix[chunk], codes[chunk], picked.sizes)
        closely.look(units[some], codes[chunk][some], positions[chunk][some])
    return Support(
        counts,
        found,
        closely.looked,
        closely.spoken,
        closely.foremost,
        closely.moments,
        closely.shown,
        closely.things,
    )


def _looked_at(matrix: npt.NDArray[np.float32], codes: Positions, sizes: Positions) -> Positions:
    """Return the rows to compare with all phrases: some of each cluster, chosen by content, whatever the order."""
    weights = np.arange(1, 2 * matrix.shape[1], 2, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits = np.ascontiguousarray(matrix, dtype=np.float32).view(np.uint32)
    checks = np.array([(row * weights).sum() >> np.uint64(32) for row in bits], dtype=np.float64) / 2**32
    return np.flatnonzero(checks < _LOOKED_AT / sizes[codes])


class _Closely:
    """Compares some rows with all phrases, and adds up which speak for them."""

    def __init__(self, picked: PickedPhrases, places: npt.NDArray[np.float64]) -> None:
        n_groups, n_pairs = len(picked.sizes), len(picked.pairs)
        self._places = places.astype(np.float32)
        self._broad = picked.broad
        self._phrases = np.array([at for _, at in picked.pairs], dtype=np.int64)
        means = picked.means / np.maximum(1e-12, np.linalg.norm(picked.means, axis=1, keepdims=True))
        self._means = means.astype(np.float32)
        self.looked = np.zeros(n_groups, dtype=np.int64)
        self.spoken = np.zeros((n_pairs, n_groups), dtype=np.int64)
        self.foremost = np.zeros((n_pairs, n_groups), dtype=np.int64)
        self.moments = np.zeros((2, len(places)))
        self.shown = np.zeros((n_groups, len(places)), dtype=np.int64)
        self.things: list[list[tuple[float, int, int, float]]] = [[] for _ in range(n_groups)]

    def look(self, units: FloatMatrix, codes: Positions, positions: Positions) -> None:
        """Add rows: centred unit rows, their clusters, and what they are called."""
        if not len(units):
            return
        n_groups = len(self.looked)
        cosines = units @ self._places.T
        self.looked += np.bincount(codes, minlength=n_groups)
        self.moments += [cosines.sum(axis=0, dtype=np.float64), (cosines.astype(np.float64) ** 2).sum(axis=0)]
        is_broad = self._broad[self._phrases]
        own = cosines[:, self._phrases]
        for nearest, first, counts in (
            (_NEAREST_BROAD, _NEAREST, self.spoken),
            (1, _NEAREST_BROAD, self.foremost),
        ):
            bound_broad = _nth_greatest(cosines[:, self._broad], nearest)
            bound = np.where(is_broad, bound_broad[:, None], _nth_greatest(cosines, first)[:, None])
            counts += group_sums((own >= bound).astype(np.float32), codes, n_groups).T.round().astype(np.int64)
        cosines[:, self._broad] = -1
        best = cosines.argmax(axis=1)
        nearness = cosines[np.arange(len(best)), best]
        typical = (units * self._means[codes]).sum(axis=1)
        sure = np.flatnonzero(nearness >= _THING_COSINE)
        np.add.at(self.shown, (codes[sure], best[sure]), 1)
        for row in sure.tolist():
            one = (-float(typical[row]), int(positions[row]), int(best[row]), float(nearness[row]))
            self.things[codes[row]].append(one)
        self.things = [_typical(found) for found in self.things]


def _nth_greatest(values: FloatMatrix, n: int) -> npt.NDArray[np.float32]:
    """Return the n-th greatest value of each row; the least where there are fewer."""
    if values.shape[1] <= n:
        return np.asarray(values.min(axis=1, initial=np.inf))
    return np.asarray(np.partition(values, -n, axis=1)[:, -n])


# "mouse (animal)" is embedded as it is, and shown as "mouse".
_SENSE = re.compile(r" \([^)]*\)$")


@dataclass(frozen=True)
class Phrase:
    """One thing or topic.

    Attributes
    ----------
    en, zh : str
        What it is called; the same for a phrase that the user gave.
    is_broad : bool
        Whether a name may begin with it: a kind of things or a topic, such as "animal".
    """

    en: str
    zh: str
    is_broad: bool = False

    def shown(self, language: Language) -> str:
        """Return the phrase as it stands in a name."""
        return _SENSE.sub("", self.en) if language == "en" else self.zh


@cache
def shipped_phrases() -> tuple[Phrase, ...]:
    """Return the shipped vocabulary, some 1,900 phrases."""
    lines = files("mmembed.analysis.names").joinpath("vocabulary.tsv").read_text(encoding="utf-8").splitlines()
    return tuple(Phrase(en, zh, is_broad == "1") for en, zh, is_broad in (line.split("\t") for line in lines[1:]))


def phrases_with(extra: Sequence[str] | None) -> tuple[Phrase, ...]:
    """Return the shipped phrases and those of the user, each once.

    Raises
    ------
    ValueError
        If a given phrase is none: no string, empty, long, or of several lines.
    """
    given = [] if extra is None else [extra] if isinstance(extra, str) else list(extra)
    check_phrases(given)
    known = {phrase.en for phrase in shipped_phrases()} | {phrase.zh for phrase in shipped_phrases()}
    own = [Phrase(one, one, is_broad=True) for one in dict.fromkeys(given) if one not in known]
    return (*shipped_phrases(), *own)


def wordings(phrases: Sequence[Phrase]) -> list[str]:
    """Return the texts to embed, each once: both wordings of each phrase.

    A phrase is where the mean of its two wordings is: it is nearer to what both mean than either, and names in the two
    languages rest on the same ranking.
    """
    return list(dict.fromkeys(text for phrase in phrases for text in (phrase.en, phrase.zh)))


# Rows that are centred at once.
_ROWS = 4096


@dataclass(frozen=True, eq=False)
class CentredRows:
    """Unit rows less the mean of their kind, made chunk by chunk: a copy of all would double the memory.

    Attributes
    ----------
    matrix : numpy.ndarray, shape (n, d)
        Vectors as they are.
    kinds : numpy.ndarray of int, shape (n,)
        Kind of content of each row.
    means : numpy.ndarray, shape (k, d)
        Mean unit row of each kind.
    """

    matrix: FloatMatrix
    kinds: Positions
    means: FloatMatrix

    @classmethod
    def of(cls, matrix: FloatMatrix, kinds: Positions, *, are_centred: bool) -> CentredRows:
        """Learn the means; without centring they are zero."""
        sums = np.zeros((int(kinds.max(initial=0)) + 1, matrix.shape[1]))
        if are_centred:
            for chunk in _pieces(len(matrix)):
                sums += group_sums(unit_rows(matrix[chunk]), kinds[chunk], len(sums))
            sums /= np.maximum(1, np.bincount(kinds, minlength=len(sums)))[:, None]
        return cls(matrix, kinds, sums.astype(np.float32))

    def chunks(self) -> Any:
        """Yield slices and their rows."""
        for chunk in _pieces(len(self.matrix)):
            yield chunk, unit_rows(unit_rows(self.matrix[chunk]) - self.means[self.kinds[chunk]])


def cluster_sums(rows: CentredRows, codes: Positions, n_clusters: int) -> npt.NDArray[np.float64]:
    """Return the sum of the centred rows of each cluster, shape (c, d)."""
    sums = np.zeros((n_clusters, rows.matrix.shape[1]))
    for chunk, units in rows.chunks():
        sums += group_sums(units, codes[chunk], n_clusters)
    return sums


def centred_clusters(
    labels: Positions, vectors: VectorArray, kinds: Any
) -> tuple[CentredRows, Positions, Positions, Positions]:
    """Return the centred rows of all clusters, their positions, the labels, and the place of each row's label.

    Parameters
    ----------
    labels : numpy.ndarray of int, shape (n,)
        Rows of negative labels, and those without a vector, are left out.
    vectors : VectorArray, shape (n, d)
    kinds : sequence of length n, optional
        Kind of content of each row.
    """
    used = np.flatnonzero((labels >= 0) & ~vectors.isna())
    names, codes = np.unique(labels[used], return_inverse=True)
    kind_codes = (
        np.zeros(len(labels), np.int64) if kinds is None else pd.factorize(pd.Series(kinds), use_na_sentinel=False)[0]
    )
    rows = CentredRows.of(
        vectors.matrix if len(used) == len(labels) else vectors.matrix[used],
        kind_codes[used].astype(np.int64),
        # One cluster has no sibling to differ from: its mean is all there is to tell.
        are_centred=len(names) > 1,
    )
    return rows, used, names, codes


def _pieces(n_rows: int) -> Iterator[slice]:
    for start in range(0, n_rows, _ROWS):
        yield slice(start, min(start + _ROWS, n_rows))


def group_sums(rows: FloatMatrix, codes: Positions, n_groups: int) -> npt.NDArray[np.float64]:
    """Return the sum of the rows of each group, shape (n_groups, d)."""
    from scipy.sparse import csr_array

    groups = csr_array((np.ones(len(codes), np.float32), (codes, np.arange(len(codes)))), shape=(n_groups, len(codes)))
    return np.asarray(groups @ rows, dtype=np.float64)
