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

# Phrases of each cluster that are told with their evidence.
_TOLD = 8


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
    used = np.flatnonzero((labels >= 0) & ~vectors.isna())
    names, codes = np.unique(labels[used], return_inverse=True)
    if not len(names):
        return {}
    kind_codes = (
        np.zeros(len(labels), np.int64) if kinds is None else pd.factorize(pd.Series(kinds), use_na_sentinel=False)[0]
    )
    rows = CentredRows.of(
        vectors.matrix if len(used) == len(labels) else vectors.matrix[used],
        kind_codes[used].astype(np.int64),
        # One cluster has no sibling to differ from: its mean is all there is to tell.
        are_centred=len(names) > 1,
    )
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
        A row speaks for the phrase if its cosine with it is above.
    """

    pairs: list[tuple[int, int]]
    sizes: Positions
    scores: npt.NDArray[np.float64]
    bounds: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Support:
    """Which rows speak for each pair of cluster and phrase.

    Attributes
    ----------
    counts : numpy.ndarray of int, shape (p, c)
        How many rows of each cluster.
    nearest : list of list of (float, int), length p
        Up to three rows of the pair's cluster, nearest first: cosine with a minus sign, and position.
    """

    counts: npt.NDArray[np.int64]
    nearest: list[list[tuple[float, int]]]

    def __add__(self, other: Support) -> Support:
        """Add the rows of another part of the table."""
        nearest = [sorted(one + two)[:_EXAMPLES] for one, two in zip(self.nearest, other.nearest, strict=True)]
        return Support(self.counts + other.counts, nearest)


def pick_phrases(
    sums: npt.NDArray[np.float64], sizes: Positions, places: npt.NDArray[np.float64], phrases: Sequence[Phrase]
) -> PickedPhrases:
    """Choose the phrases for each cluster by its mean and its siblings'; see :func:`near_phrases`."""
    cosines = (sums / sizes[:, None]) @ places.T
    outside = (cosines * sizes[:, None]).sum(axis=0) - cosines * sizes[:, None]
    outside /= np.maximum(1, sizes.sum() - sizes)[:, None]
    above = np.round(cosines - 0.5 * outside, 9)
    scores = above - 0.5 * np.maximum(_nearest_sibling(cosines), 0)
    broad = np.flatnonzero([one.is_broad for one in phrases])
    pairs = [
        (number, at)
        for number in range(len(sizes))
        for at in _chosen(scores[number], above[number], broad, places)[:_TOLD]
    ]
    both = (cosines + outside) / 2
    return PickedPhrases(
        pairs, sizes, np.array([scores[pair] for pair in pairs]), np.array([both[pair] for pair in pairs])
    )


def tell_phrases(
    picked: PickedPhrases,
    support: Support,
    names: Positions,
    phrases: Sequence[Phrase],
    language: Language,
) -> dict[int, list[Evidence]]:
    """Return the picked phrases with their evidence, by label."""
    found: dict[int, list[Evidence]] = {}
    sizes = picked.sizes
    for (number, at), score, count, nearest in zip(
        picked.pairs, picked.scores, support.counts, support.nearest, strict=True
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
        )
        found.setdefault(int(names[number]), []).append(one)
    return found


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
    return Support(counts, found)


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


def _pieces(n_rows: int) -> Iterator[slice]:
    for start in range(0, n_rows, _ROWS):
        yield slice(start, min(start + _ROWS, n_rows))


def group_sums(rows: FloatMatrix, codes: Positions, n_groups: int) -> npt.NDArray[np.float64]:
    """Return the sum of the rows of each group, shape (n_groups, d)."""
    from scipy.sparse import csr_array

    groups = csr_array((np.ones(len(codes), np.float32), (codes, np.arange(len(codes)))), shape=(n_groups, len(codes)))
    return np.asarray(groups @ rows, dtype=np.float64)
