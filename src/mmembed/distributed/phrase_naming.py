"""Names of clusters from a vocabulary in the space of the vectors, by the exact means of all partitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.names.phrases import (
    CentredRows,
    PickedPhrases,
    Support,
    cluster_sums,
    find_support,
    phrase_rows,
    phrases_with,
    pick_phrases,
    tell_phrases,
    wordings,
)
from mmembed.analysis.names.terms import Evidence, Language
from mmembed.analysis.preparation import KindSums, add_kind_sums, kind_sums
from mmembed.distributed.aligning import vectors_of
from mmembed.distributed.folding import folded, inline, on_partitions, share
from mmembed.vectors import as_vector_array, check_comparable

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, Positions
    from mmembed.distributed.clusters import DistributedClusters
    from mmembed.distributed.labelling import Labeller


@dataclass(frozen=True, eq=False)
class _Centre:
    """What is taken off the rows of each kind, and how many clusters there are."""

    kinds: list[Any]
    means: FloatMatrix
    n_clusters: int


def near_phrases_of_partitions(
    clusters: DistributedClusters,
    *,
    embed: Callable[[list[str]], Any] | None,
    vocabulary: Sequence[str] | None,
    language: Language,
) -> dict[int, list[Evidence]]:
    """Return the phrases of the vocabulary that are near to each cluster, or nothing if phrases cannot be embedded.

    See :func:`mmembed.analysis.names.phrases.near_phrases`. Three passes over the vectors: the mean of each kind,
    the mean of each cluster, and how many rows speak for each phrase.
    """
    if embed is None:
        if vocabulary is not None:
            raise ValueError("vocabulary= needs embed=, a function that embeds phrases in the space of the vectors.")
        return {}
    phrases = phrases_with(vocabulary)
    n_clusters = len(clusters.sizes)
    if not n_clusters:
        return {}
    made = as_vector_array(embed(wordings(phrases)))
    check_comparable(clusters.empty_vectors, made)
    if len(made) != len(wordings(phrases)) or made.isna().any():
        raise ValueError(f"embed= returned {len(made)} vectors for {len(wordings(phrases))} phrases, or missing ones.")
    frames, labeller = (clusters.columns, clusters.placed), inline(clusters.labeller)
    totals: KindSums = folded(on_partitions(_kinds_of_rows, *frames, labeller=labeller), add_kind_sums)
    means = np.array([total / count for total, count in totals.values()], dtype=np.float32)
    # One cluster has no sibling to differ from: its mean is all there is to tell.
    centre = inline(_Centre(list(totals), means if n_clusters > 1 else np.zeros_like(means), n_clusters))
    sums: npt.NDArray[np.float64] = folded(
        on_partitions(_sums_of_clusters, *frames, labeller=labeller, centre=centre), _summed
    )
    places = phrase_rows(phrases, made)
    picked = pick_phrases(sums, clusters.sizes, places, phrases)
    both = share((picked, places))
    calls = on_partitions(_support, *frames, own=clusters.offsets, labeller=labeller, centre=centre, picked_places=both)
    support: Support = folded(calls, _added)
    return tell_phrases(picked, support, np.arange(n_clusters), phrases, language)


def _summed(parts: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    return reduce(add, parts)


def _added(parts: list[Support]) -> Support:
    return reduce(add, parts)


def _inside(part: pd.DataFrame, placed: pd.DataFrame, labeller: Labeller) -> tuple[pd.DataFrame, Positions, Positions]:
    """Return the rows in a cluster, their labels, and their places in the partition."""
    labels = labeller.labels(placed)
    rows = np.flatnonzero(labels >= 0)
    return part.iloc[rows], labels[rows], rows


def _kinds_of_rows(part: pd.DataFrame, placed: pd.DataFrame, *, labeller: Labeller) -> KindSums:
    inside, *_ = _inside(part, placed, labeller)
    return kind_sums(vectors_of(inside), inside.get("kinds", pd.Series(0, index=inside.index)))


def _centred(part: pd.DataFrame, centre: _Centre) -> CentredRows:
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
    inside, labels, _ = _inside(part, placed, labeller)
    return cluster_sums(_centred(inside, centre), labels, centre.n_clusters)


def _support(
    part: pd.DataFrame,
    placed: pd.DataFrame,
    offset: int,
    *,
    labeller: Labeller,
    centre: _Centre,
    picked_places: tuple[PickedPhrases, Any],
) -> Support:
    inside, labels, rows = _inside(part, placed, labeller)
    picked, places = picked_places
    return find_support(_centred(inside, centre), labels, picked, places, rows + offset)
