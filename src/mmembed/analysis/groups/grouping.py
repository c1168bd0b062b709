"""One method's groups of distinct rows: what the user's choice of method and number means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmembed.analysis.groups.choosing import (
    choose,
    hdbscan_candidate,
    k_means_candidate,
    no_candidates,
    pick,
    sweep,
)
from mmembed.analysis.groups.communities import CommunityFinder
from mmembed.analysis.groups.measuring import Candidate, measure
from mmembed.analysis.groups.partition import majority, spherical_k_means
from mmembed.analysis.groups.stability import mean_agreement, resamples

if TYPE_CHECKING:
    from mmembed.analysis.groups.partition import Table

# With fewer different vectors there is no choice of groups to measure, and below the second no neighbourhoods.
_FEWEST_TO_COMPARE = 4
_FEWEST_FOR_GRAPH = 30
# Silhouette times separation below which a handful of rows is one cluster.
_LEAST_SCORE = 0.1
# Numbers of clusters that k-means tries, up to the square root of the number of rows.
_NUMBERS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 25, 30, 35, 40, 50)


@dataclass(frozen=True, eq=False)
class Grouping:
    """The groups, what they were chosen from, and what there is to say about it."""

    chosen: Candidate
    candidates: pd.DataFrame
    note: str = ""
    estimator: Any = None


def group(
    table: Table, method: str, *, n_clusters: int | None, min_cluster_size: int | None, step: Callable[[str], None]
) -> Grouping:
    """Group by a named method.

    Raises
    ------
    ValueError
        If there are fewer different rows than ``n_clusters``.
    """
    total = int(table.counts.sum())
    if n_clusters is not None and n_clusters > len(table):
        raise ValueError(
            f"n_clusters={n_clusters}, but there are only {len(table)} different vectors. "
            f"Ask for {len(table)} clusters or fewer."
        )
    named = "leiden" if method == "auto" else method
    small = min_cluster_size or max(3, round(total**0.5 / 4))
    if method == "hdbscan":
        return _hdbscan(table, min_cluster_size or max(5, round(total**0.5 / 2)))
    if n_clusters is not None:
        return _with_number(table, method, n_clusters)
    if len(table) < _FEWEST_TO_COMPARE:
        return Grouping(measure(table, named, np.zeros(len(table), dtype=np.int64)), no_candidates())
    if len(table) < _FEWEST_FOR_GRAPH or method == "kmeans":
        return _best_k_means(table, named if len(table) >= _FEWEST_FOR_GRAPH else "kmeans")
    if method == "leiden":
        communities, plateau = sweep(table, min_cluster_size=small, step=step)
        best = pick(communities, plateau)
        return Grouping(communities[best], _frame(communities, best))
    chosen, candidates, note = choose(table, min_cluster_size=small, step=step)
    return Grouping(chosen, candidates, note)


def group_by_estimator(table: Table, given: Any) -> Grouping:
    """Group by a clone of the given estimator, which sees repeated rows as often as they occur, in order of value.

    Raises
    ------
    TypeError
        If it has no ``labels_`` for the rows after ``fit``.
    """
    from sklearn.base import clone

    estimator = clone(given)
    name = type(estimator).__name__
    labels = np.empty(0, dtype=np.int64)
    if len(table):
        repeated = np.repeat(np.arange(len(table)), table.counts)
        estimator.fit(table.rows[repeated])
        found = getattr(estimator, "labels_", None)
        if found is None or len(found) != len(repeated):
            raise TypeError(
                f"{name} has no labels_ for the {len(repeated)} rows after fit. Give an estimator that clusters."
            )
        labels = majority(np.asarray(found), repeated, len(table))
    return Grouping(measure(table, name, np.maximum(labels, -1)), no_candidates(), estimator=estimator)


def _hdbscan(table: Table, min_cluster_size: int) -> Grouping:
    if len(table) < _FEWEST_FOR_GRAPH:
        # One vector, however often, is one cluster; two or a few have no density to compare.
        is_one = len(table) == 1 and int(table.counts[0]) >= min_cluster_size
        if is_one or len(table) < _FEWEST_TO_COMPARE:
            labels = np.full(len(table), 0 if is_one else -1, dtype=np.int64)
            return Grouping(measure(table, "hdbscan", labels), no_candidates())
    return Grouping(hdbscan_candidate(table, min_cluster_size), no_candidates())


def _best_k_means(table: Table, method: str) -> Grouping:
    """Take the number with the greatest silhouette times separation, the fewest of those within 5 %; or one cluster."""
    most = max(2, int(table.counts.sum() ** 0.5))
    numbers = [k for k in _NUMBERS if k <= most and k < len(table)] or [2]
    found = [measure(table, "kmeans", spherical_k_means(table, number)) for number in numbers]
    scores = np.array([np.nan_to_num(one.silhouette, nan=-1.0) * one.separation for one in found])
    if scores.max() < _LEAST_SCORE:
        one = measure(table, method, np.zeros(len(table), dtype=np.int64))
        frame = pd.concat([_frame(found, None), pd.DataFrame([one.line("chosen")])], ignore_index=True)
        return Grouping(one, frame, "one cluster: no number of clusters parts the rows")
    best = int(np.flatnonzero(scores >= 0.95 * scores.max())[0])
    found[best] = k_means_candidate(table, found[best].n_clusters, is_compared=False)
    return Grouping(found[best], _frame(found, best))


def _with_number(table: Table, method: str, n_clusters: int) -> Grouping:
    """Make exactly ``n_clusters``; ``"auto"`` takes k-means or communities, whichever is more stable."""
    is_compared = method == "auto" and n_clusters > 1 and len(table) >= _FEWEST_FOR_GRAPH
    means = [k_means_candidate(table, n_clusters, is_compared=is_compared)] if method != "leiden" else []
    if method == "kmeans" or n_clusters == 1 or len(table) < _FEWEST_FOR_GRAPH:
        one = means[0] if means else measure(table, method, np.zeros(len(table), dtype=np.int64))
        if method == "leiden" and n_clusters > 1:
            one = _communities(table, n_clusters)
        return Grouping(one, no_candidates())
    found = [_communities(table, n_clusters), *means]
    scores = [np.nan_to_num(one.score) for one in found]
    best = int(np.argmax(scores))
    return Grouping(found[best], _frame(found, best) if means else no_candidates())


def _communities(table: Table, n_clusters: int) -> Candidate:
    labels = CommunityFinder(table.weights, table.seed).exactly(n_clusters)
    again = []
    for at, rows in enumerate(resamples(len(table), table.seed), start=1):
        finder = CommunityFinder(table.weights[rows][:, rows].tocsr(), table.seed + at)
        if len(rows) >= n_clusters:
            again.append((rows, finder.exactly(n_clusters)))
    return measure(table, "leiden", labels, stability=mean_agreement(labels, again), again=again, is_compared=True)


def _frame(found: list[Candidate], best: int | None) -> pd.DataFrame:
    lines = [one.line("chosen" if at == best else "") for at, one in enumerate(found)]
    return pd.DataFrame(lines, columns=no_candidates().columns)
