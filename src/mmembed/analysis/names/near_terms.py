"""Which of a cluster's terms are near to its middle, in the space of the vectors: they are what its rows are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.names.terms import Evidence
from mmembed.vectors import as_vector_array, check_comparable

if TYPE_CHECKING:
    from mmembed.arrays import Positions
    from mmembed.vectors import VectorArray

# Best terms of each cluster that are embedded.
_EMBEDDED = 20
# What a term keeps of its score that is no nearer to the cluster than to the others.
_KEPT = 0.3


def rank_by_nearness(
    ranked: Mapping[int, Sequence[Evidence]],
    labels: Positions,
    means: npt.NDArray[np.float64],
    vectors: VectorArray,
    embed: Callable[[list[str]], Any],
) -> dict[int, list[Evidence]]:
    """Rank the best terms of each cluster anew: those near to its middle, and farther from the others', come first.

    A term's score is multiplied by 0.3 plus how much nearer it is to the cluster than to the others on average, in
    cosines of centred terms with centred means; the terms after the best ones keep their order behind them.

    Parameters
    ----------
    ranked : mapping of int to sequence of Evidence
        Terms of each cluster, best first.
    labels : numpy.ndarray of int, shape (c,)
        Clusters that have vectors; others are left as they are.
    means : numpy.ndarray, shape (c, d)
        Mean centred row of each.
    vectors : VectorArray
        What was clustered; terms must be comparable with it.
    embed : callable
        Takes a list of terms and returns their vectors.
    """
    terms = sorted({one.term for found in ranked.values() for one in found[:_EMBEDDED]})
    if len(labels) < 2 or len(terms) < 2:
        return {label: list(found) for label, found in ranked.items()}
    made = as_vector_array(embed(terms))
    check_comparable(vectors, made)
    if len(made) != len(terms) or made.isna().any():
        raise ValueError(f"embed_terms= returned {len(made)} vectors for {len(terms)} terms, or missing ones.")
    units = unit_rows(made.matrix).astype(np.float64)
    units -= units.mean(axis=0)
    cosines = _unit(means) @ _unit(units).T
    others = (cosines.sum(axis=0) - cosines) / (len(labels) - 1)
    # The last digits of a product depend on how it was cut into pieces.
    nearer = np.round(np.maximum(0, cosines - others), 6)
    place = {term: at for at, term in enumerate(terms)}
    row = {label: at for at, label in enumerate(labels.tolist())}
    return {
        label: _rank_by_nearness(found, nearer[row[label]], place) if label in row else list(found)
        for label, found in ranked.items()
    }


def _rank_by_nearness(
    found: Sequence[Evidence], nearer: npt.NDArray[np.float64], place: Mapping[str, int]
) -> list[Evidence]:
    best = [
        replace(one, score=one.score * (_KEPT + float(nearer[place[one.term]])) / (1 + _KEPT))
        for one in found[:_EMBEDDED]
    ]
    # Those behind are as far as they would be at best.
    rest = [replace(one, score=one.score * _KEPT / (1 + _KEPT)) for one in found[_EMBEDDED:]]
    return [*sorted(best, key=lambda one: (-one.score, one.term)), *rest]


def _unit(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(rows / np.maximum(1e-12, np.linalg.norm(rows, axis=1, keepdims=True)))
