"""Names of clusters over partitions: from the texts that pandas would read, or from a vocabulary by exact means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.names.centred_rows import CentredRows, cluster_sums
from mmembed.analysis.names.keywords import (
    CountedTerms,
    TermTally,
    TextSample,
    count_terms,
    merge_samples,
    rank_terms,
    sample_texts,
    tally_known,
)
from mmembed.analysis.names.names import NOISE_NAMES, Naming, compose
from mmembed.analysis.names.naming import audited, checked_language
from mmembed.analysis.names.near_terms import rank_by_nearness
from mmembed.analysis.names.phrase_support import PickedPhrases, Support, find_support
from mmembed.analysis.names.phrases import phrase_rows, pick_phrases, tell_phrases
from mmembed.analysis.names.segmenter import Segmenter
from mmembed.analysis.names.terms import Evidence, Language, has_han, words_of
from mmembed.analysis.names.vocabulary import phrases_with, wordings
from mmembed.analysis.preparation import KindSums, kind_sums
from mmembed.distributed.columns import side_by_side, vectors_of
from mmembed.distributed.partitions import each, reduced
from mmembed.vectors import as_vector_array, check_comparable

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, Positions
    from mmembed.distributed.placement import Labeller, PlacedRows


_MOST_TERMS = 3

# Texts of each cluster that are kept for whoever rewrites the names, and how much of each.
_TYPICAL = 5

_CHARACTERS = 200


@dataclass(frozen=True, eq=False)
class ReadTexts:
    """What is read of the texts of some partitions.

    Attributes
    ----------
    sample : TextSample
    typical : mapping of int to list of (float, int, str)
        Texts of the most typical rows of each cluster: score with a minus sign, position, text.
    written, chinese : int
        Texts, and those of them that have a Han character.
    texts : int
        Texts of rows in a cluster.
    """

    sample: TextSample
    typical: Mapping[int, list[tuple[float, int, str]]]
    written: int
    chinese: int
    texts: int

    def __add__(self, other: ReadTexts) -> ReadTexts:
        """Add what is read of another part of the table."""
        typical = dict(self.typical)
        for label, found in other.typical.items():
            typical[label] = _drop_equal_texts(typical.get(label, []) + found)
        return ReadTexts(
            merge_samples([self.sample, other.sample]),
            typical,
            self.written + other.written,
            self.chinese + other.chinese,
            self.texts + other.texts,
        )


def name_partitions(
    clusters: PlacedRows,
    text: Any,
    *,
    embed: Callable[[list[str]], Any] | None,
    embed_terms: Callable[[list[str]], Any] | None,
    vocabulary: Any,
    language: str,
) -> Naming:
    """Name clusters as :func:`mmembed.analysis.name_clusters` does.

    Candidates are the terms of the texts that pandas would read: of each cluster those of the smallest checksum, 4 MB
    in all. How many texts have them is then counted in all partitions.

    Parameters
    ----------
    clusters : PlacedRows
    text : column of the frame that was clustered, or None
    embed, embed_terms, vocabulary, language
        As for :meth:`mmembed.distributed.DistributedClusters.named`.
    """
    wanted = checked_language(language)
    ranked: dict[int, list[Evidence]] = {}
    typical: dict[int, tuple[str, ...]] = {}
    spoken: Language = wanted or "en"
    if text is not None:
        columns = side_by_side(clusters.columns["vector"], kinds=_kinds(clusters), text=text)
        read: ReadTexts = reduced(
            each(_read, columns, clusters.placed, own=clusters.offsets, labeller=clusters.labeller)
        )
        spoken = wanted or ("zh" if read.chinese * 2 > read.written else "en")
        ranked = rank_partitions(read, columns, clusters.placed, clusters.labeller, wanted)
        typical = {label: tuple(text for *_, text in found) for label, found in sorted(read.typical.items())}
    middles = Middles(clusters)
    if embed_terms is not None and ranked:
        ranked = rank_by_nearness(
            ranked, np.arange(len(clusters.sizes)), middles.means, clusters.empty_vectors, embed_terms
        )
    near = near_phrases_of_partitions(middles, embed=embed, vocabulary=vocabulary, language=spoken)
    present = list(range(len(clusters.sizes)))
    names, origins = compose(present, ranked, near, language=spoken, most_terms=_MOST_TERMS)
    if clusters.noise:
        names[-1], origins[-1] = NOISE_NAMES[spoken], "number"
    evidence = {label: audited(ranked.get(label, ()), (near or {}).get(label, ())) for label in present}
    kept = {label: typical.get(label, ()) for label in present} if text is not None else {}
    return Naming(names, origins, evidence, kept)


def _kinds(clusters: PlacedRows) -> Any:
    return clusters.columns["kinds"] if "kinds" in clusters.columns.columns else None


def rank_partitions(
    read: ReadTexts, columns: Any, placed: Any, labeller: Labeller, language: Language | None
) -> dict[int, list[Evidence]]:
    """Rank the terms of what was read by their counts in all partitions.

    Parameters
    ----------
    read : ReadTexts
    columns : dask DataFrame
        With ``vector``, ``text`` and, where the fit had them, ``kinds``.
    placed : dask DataFrame
        Labels of the fit.
    labeller : Labeller
    language : {"zh", "en"}, optional
    """
    sample = read.sample
    counted = count_terms(sample, language=language)
    if counted is None:
        return {}
    tally, in_texts = counted.tally(sample), counted.in_texts(sample)
    ranked = rank_terms(tally, in_texts)
    if sample.is_whole:
        return ranked
    candidates = {one.term for found in ranked.values() for one in found}
    # A phrase is left out if a word of it is common to all, so that these are counted, too.
    candidates |= {word for term in candidates for word in words_of(term, counted.segmenter)}
    terms = np.array(sorted(candidates & set(counted.terms.tolist())), dtype=object)
    known = _Known(tally.labels, terms, _spellings(counted, terms), counted.segmenter)
    whole: TermTally = reduced(each(_count, columns, placed, labeller=labeller, known=known))
    # All terms of all texts are not known, but how many a text has is.
    grown = replace(whole, average=tally.average * float(whole.texts.sum()) / max(1.0, float(tally.texts.sum())))
    return rank_terms(grown, in_texts)


@dataclass(frozen=True, eq=False)
class _Known:
    """Clusters and terms to count."""

    names: Any
    terms: Any
    spellings: Mapping[str, str]
    segmenter: Segmenter


def _spellings(counted: CountedTerms, terms: Any) -> dict[str, str]:
    wanted = set(terms.tolist())
    return {spelling: term for spelling, term in counted.spellings.items() if term in wanted}


def _read(part: pd.DataFrame, placed: pd.DataFrame, offset: int, *, labeller: Labeller) -> ReadTexts:
    labels, texts = labeller.labels(placed), part["text"].tolist()
    scores = labeller.scores(part, placed)
    weights = scores.astype(np.float64)
    written = [text[:_CHARACTERS] for text in texts if isinstance(text, str) and text.strip()]
    typical: dict[int, list[tuple[float, int, str]]] = {}
    order = np.lexsort((np.arange(len(labels)), -np.nan_to_num(weights)))
    for label in np.unique(labels[labels >= 0]).tolist():
        typical[label] = _first_texts(order[labels[order] == label], texts, weights, offset)
    sample = sample_texts(labels, texts, weights, first=offset)
    return ReadTexts(sample, typical, len(written), sum(map(has_han, written)), len(sample.texts))


def _first_texts(rows: Any, texts: Sequence[Any], weights: Any, offset: int) -> list[tuple[float, int, str]]:
    """Return the first different texts of rows, the most typical first."""
    found: dict[str, tuple[float, int, str]] = {}
    for row in rows.tolist():
        text = texts[row]
        if isinstance(text, str) and text.strip():
            line = " ".join(text[:_CHARACTERS].split())
            found.setdefault(line, (-float(np.nan_to_num(weights[row])), row + offset, line))
        if len(found) == _TYPICAL:
            break
    return list(found.values())


def _drop_equal_texts(found: list[tuple[float, int, str]]) -> list[tuple[float, int, str]]:
    """Return the most typical ones, each text once."""
    kept: dict[str, tuple[float, int, str]] = {}
    for one in sorted(found):
        kept.setdefault(one[2], one)
    return list(kept.values())[:_TYPICAL]


def _count(part: pd.DataFrame, placed: pd.DataFrame, *, labeller: Labeller, known: _Known) -> TermTally:
    weights = labeller.scores(part, placed).astype(np.float64)
    return tally_known(
        labeller.labels(placed),
        part["text"].tolist(),
        weights,
        names=known.names,
        terms=known.terms,
        spellings=known.spellings,
        segmenter=known.segmenter,
    )


@dataclass(frozen=True, eq=False)
class _Centre:
    """What is taken off the rows of each kind, and how many clusters there are."""

    kinds: list[Any]
    means: FloatMatrix
    n_clusters: int


class Middles:
    """The middles of clusters, computed when they are first asked for, in two passes over the vectors."""

    def __init__(self, clusters: PlacedRows) -> None:
        self.clusters = clusters
        self._frames = (clusters.columns, clusters.placed)

    @cached_property
    def centre(self) -> _Centre:
        """What is taken off the rows: the mean of each kind."""
        totals: KindSums = reduced(each(_kinds_of_rows, *self._frames, labeller=self.clusters.labeller))
        means = np.array([total / count for total, count in totals.values()], dtype=np.float32)
        n_clusters = len(self.clusters.sizes)
        # One cluster has no sibling to differ from: its mean is all there is to tell.
        return _Centre(list(totals), means if n_clusters > 1 else np.zeros_like(means), n_clusters)

    @cached_property
    def sums(self) -> npt.NDArray[np.float64]:
        """Sum of the centred rows of each cluster, shape (c, d)."""
        calls = each(_sums_of_clusters, *self._frames, labeller=self.clusters.labeller, centre=self.centre)
        found: npt.NDArray[np.float64] = reduced(calls)
        return found

    @property
    def means(self) -> npt.NDArray[np.float64]:
        """Mean centred row of each cluster, shape (c, d)."""
        return self.sums / self.clusters.sizes[:, None]


def near_phrases_of_partitions(
    middles: Middles,
    *,
    embed: Callable[[list[str]], Any] | None,
    vocabulary: Sequence[str] | None,
    language: Language,
) -> dict[int, list[Evidence]] | None:
    """Return the phrases of the vocabulary that are near to each cluster, or None if phrases cannot be embedded.

    See :func:`mmembed.analysis.names.phrases.near_phrases`. Three passes over the vectors: the mean of each kind,
    the mean of each cluster, and how many rows speak for each phrase.
    """
    if embed is None:
        if vocabulary is not None:
            raise ValueError("vocabulary= needs embed=, a function that embeds phrases in the space of the vectors.")
        return None
    clusters = middles.clusters
    phrases = phrases_with(vocabulary)
    n_clusters = len(clusters.sizes)
    if not n_clusters:
        return {}
    made = as_vector_array(embed(wordings(phrases)))
    check_comparable(clusters.empty_vectors, made)
    if len(made) != len(wordings(phrases)) or made.isna().any():
        raise ValueError(f"embed= returned {len(made)} vectors for {len(wordings(phrases))} phrases, or missing ones.")
    places = phrase_rows(phrases, made)
    picked = pick_phrases(middles.sums, clusters.sizes, places, phrases)
    calls = each(
        _support,
        clusters.columns,
        clusters.placed,
        own=clusters.offsets,
        labeller=clusters.labeller,
        centre=middles.centre,
        picked_places=(picked, places),
    )
    support: Support = reduced(calls)
    return tell_phrases(picked, support, np.arange(n_clusters), phrases, language)


def _rows_in_clusters(
    part: pd.DataFrame, placed: pd.DataFrame, labeller: Labeller
) -> tuple[pd.DataFrame, Positions, Positions]:
    """Return the rows in a cluster, their labels, and their places in the partition."""
    labels = labeller.labels(placed)
    rows = np.flatnonzero(labels >= 0)
    return part.iloc[rows], labels[rows], rows


def _kinds_of_rows(part: pd.DataFrame, placed: pd.DataFrame, *, labeller: Labeller) -> KindSums:
    inside, *_ = _rows_in_clusters(part, placed, labeller)
    return kind_sums(vectors_of(inside), inside.get("kinds", pd.Series(0, index=inside.index)))


def _rows_with_means(part: pd.DataFrame, centre: _Centre) -> CentredRows:
    kinds = np.zeros(len(part), dtype=np.int64)
    if "kinds" in part.columns:
        kinds = _codes(part["kinds"], centre.kinds)
    return CentredRows(vectors_of(part).matrix, kinds, centre.means)


def _codes(kinds: pd.Series, names: list[Any]) -> Positions:
    place = {name: at for at, name in enumerate(names)}
    found, values = pd.factorize(kinds, use_na_sentinel=False)
    codes = np.array([place[None if pd.isna(value) else value] for value in values], dtype=np.int64)
    return codes[found] if len(values) else np.empty(0, dtype=np.int64)


def _sums_of_clusters(part: pd.DataFrame, placed: pd.DataFrame, *, labeller: Labeller, centre: _Centre) -> Any:
    inside, labels, _ = _rows_in_clusters(part, placed, labeller)
    return cluster_sums(_rows_with_means(inside, centre), labels, centre.n_clusters)


def _support(
    part: pd.DataFrame,
    placed: pd.DataFrame,
    offset: int,
    *,
    labeller: Labeller,
    centre: _Centre,
    picked_places: tuple[PickedPhrases, Any],
) -> Support:
    inside, labels, rows = _rows_in_clusters(part, placed, labeller)
    picked, places = picked_places
    return find_support(_rows_with_means(inside, centre), labels, picked, places, rows + offset)
