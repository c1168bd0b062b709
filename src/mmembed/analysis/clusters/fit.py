"""Clusters of a vector column: ``fit_clusters`` prepares the rows, groups them, and numbers the groups.

The user's choice of method and number becomes one method's groups of distinct rows; ``auto`` asks ``choice.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.clusters.choice import (
    Communities,
    choose,
    find_communities,
    hdbscan_candidate,
    k_means_candidate,
    no_candidates,
)
from mmembed.analysis.clusters.earlier_groups import go_on
from mmembed.analysis.clusters.hierarchy import Hierarchy, grow, grow_from_communities, numbered_by_size
from mmembed.analysis.clusters.methods import CommunityFinder, majority
from mmembed.analysis.clusters.points import Points, spherical_k_means
from mmembed.analysis.clusters.quality import Candidate, cluster_stabilities, mean_agreement, measure, resamples
from mmembed.analysis.clusters.result import Clusters
from mmembed.analysis.clusters.row_figures import RowFigures, Spread
from mmembed.analysis.cosines import distinct_directions
from mmembed.analysis.names.names import Naming
from mmembed.analysis.names.naming import name_clusters
from mmembed.analysis.preparation import Preparation
from mmembed.arrays import FloatMatrix, FloatVector, Positions
from mmembed.errors import listed, one_of
from mmembed.frames import beside, index_of
from mmembed.vectors import VectorArray, as_vector_array, check_comparable

METHODS = ("auto", "kmeans", "hdbscan", "leiden")


def fit_clusters(
    vectors: Any,
    method: Any = "auto",
    *,
    n_clusters: int | None = None,
    text: Any = None,
    kinds: Any = None,
    random_state: int | None = None,
    min_cluster_size: int | None = None,
    assign_noise: bool = False,
    like: Clusters | None = None,
    on_step: Callable[[str], None] | None = None,
) -> Clusters:
    """Group similar vectors.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
        Rows without a vector get no label. Lengths do not matter: rows are normalised first.
    method : {"auto", "kmeans", "hdbscan", "leiden"} or scikit-learn estimator
        ``"leiden"`` finds communities on the graph of shared neighbours: many partitions of resampled rows at each
        resolution are averaged to a tree, and its level is taken that is found again, stands over a wide stretch of the
        resolution and parts few neighbours. Rows that are far from all communities are noise (-1). ``"kmeans"`` (on
        directions) puts every row in a cluster; ``"hdbscan"`` finds dense groups on spectral coordinates of that graph
        and calls the rest noise. ``"auto"`` makes all three and compares them by stability under resampling times
        modularity, as far as it is beyond that of a structureless cloud of the same shape. ``.candidates`` of the
        result shows everything that was compared, ``.levels`` at which numbers the data have levels. Rows that are
        parted no better than such a cloud are one cluster, and ``.note`` says so. Fewer than 30 different vectors are
        grouped by k-means. An estimator with ``fit_predict``, or with ``fit`` and ``labels_``, is cloned and gets
        the unit rows; equal vectors get the label that most of them got.
    n_clusters : int, optional
        The number of clusters, where it is known: k-means or communities with exactly that many.
    text : sequence of str, length n, optional
        Texts that the clusters are named from.
    kinds : sequence, length n, optional
        Kind of content of each row. The mean of each kind is removed first, so that clusters do not part texts from
        pictures.
    random_state : int, optional
        Seed; None is 0, so that the same call gives the same answer.
    min_cluster_size : int, optional
        Fewest rows of a cluster. Without it an eighth of the square root of the number of rows, at least 3, and for
        ``"hdbscan"`` half of that root, at least 5. Not for k-means.
    assign_noise : bool
        Put each row of noise in the cluster that most of its nearest neighbours are in. Its score is 0, and
        ``.assigned`` of the result marks it.
    like : Clusters, optional
        Earlier clusters to go on from, such as last week's: each keeps its number and its name, a row that was in one
        stays in it, and a new row goes where most of its neighbours are. New rows that form a group of their own, with
        next to no earlier rows among them, become a new cluster; ``min_cluster_size`` is then its fewest rows. Earlier
        clusters without a row are in ``.vanished``. So two weeks differ by what changed in the rows alone.
    on_step : callable, optional
        Is told the name of each step as it begins.

    Returns
    -------
    Clusters
        Equal vectors (of one kind) share a label, and the groups do not depend on the order of the rows.

    Raises
    ------
    ValueError
        If the method is unknown, if an option does not belong to it, or if there are fewer different vectors than
        ``n_clusters``.
    SpaceMismatchError, DimensionMismatchError
        If the vectors cannot be compared with those of the earlier clusters.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [1, 0]], dtype="float32")
    >>> fit_clusters(vectors, "kmeans", n_clusters=2).labels.tolist()
    [0, 0, 1, 1, 0]
    """
    check_method(method, n_clusters, min_cluster_size)
    step = on_step or _say_nothing
    step("different rows")
    array, index = as_vector_array(vectors), index_of(vectors)
    kinds, text = beside(kinds, index, argument="kinds"), beside(text, index, argument="text")
    seed = 0 if random_state is None else random_state
    if like is not None:
        _check_like(like, array, method, n_clusters)
        return _gone_on(
            like, array, kinds, text, index, seed=seed, fewest=min_cluster_size, assign_noise=assign_noise, step=step
        )
    preparation = Preparation.learn(array, kinds)
    distinct = distinct_directions(preparation.source(array, kinds))
    table = Points(distinct, seed)
    if isinstance(method, str):
        grouping = group(table, method, n_clusters=n_clusters, min_cluster_size=min_cluster_size, step=step)
    else:
        grouping = group_by_estimator(table, method)
    step("names")
    labels, raw_numbers, stabilities = _numbered(table, grouping)
    tree = _tree(table, grouping, labels)
    missing = array.isna()
    figures = RowFigures.of(distinct, labels, missing, assign_noise=assign_noise)
    return Clusters(
        names=name_clusters(figures.labels, text, scores=figures.scores),
        method=grouping.chosen.method,
        candidates=grouping.candidates,
        estimator=grouping.estimator,
        stability=grouping.chosen.stability,
        stabilities=stabilities,
        note=grouping.note,
        hierarchy=replace(tree, leaves=Spread(distinct.groups, missing)(tree.leaves, -2)),
        preparation=preparation,
        dtype=array.dtype,
        raw_numbers=raw_numbers,
        vectors=array,
        kinds=kinds,
        index=index,
        **figures.by_name,
    )


def _check_like(like: Any, array: VectorArray, method: Any, n_clusters: int | None) -> None:
    """Refuse what cannot be gone on from, and options that would change nothing."""
    if not isinstance(like, Clusters):
        raise TypeError(f"like={like!r} are no clusters. Give what fit_clusters or load_clusters returned.")
    check_comparable(array, like.empty_vectors)
    if not isinstance(method, str) or method != "auto" or n_clusters is not None:
        raise ValueError(
            "like= goes on from earlier clusters, whatever made them: method and n_clusters would change nothing. "
            "Leave them out, or leave like out."
        )


def _gone_on(
    like: Clusters,
    array: VectorArray,
    kinds: Any,
    text: Any,
    index: pd.Index | None,
    *,
    seed: int,
    fewest: int | None,
    assign_noise: bool,
    step: Callable[[str], None],
) -> Clusters:
    """Return the clusters of a table that go on from earlier ones."""
    missing = array.isna()
    distinct = distinct_directions(like.preparation.source(array, kinds))
    step("earlier groups")
    taken = max([*like.numbers.tolist(), *like.vanished], default=-1)
    labels = go_on(distinct, like.grouped, like.predict_rows, first=taken + 1, fewest=fewest, seed=seed)
    numbers = np.unique(labels[labels >= 0])
    codes = np.where(labels >= 0, np.searchsorted(numbers, labels), -1)
    figures = RowFigures.of(distinct, codes, missing, numbers=numbers, assign_noise=assign_noise)
    step("names")
    before = like.numbers.tolist()
    tree = Hierarchy(*grow(Points(distinct, seed), codes), len(numbers))
    earlier = Naming.of(like.names)
    vanished = {number: earlier[number] for number in sorted(before) if number not in numbers}
    new = [number for number in numbers.tolist() if number not in before]
    fitted = Clusters(
        names=Naming({}, {}),
        method=like.method,
        candidates=no_candidates(),
        estimator=None,
        # What was measured is of the rows of the earlier fit and says nothing of these; nothing was run again here.
        stability=float("nan"),
        stabilities=np.full(len(numbers), np.nan, dtype=np.float32),
        note=f"gone on from {len(before)} earlier clusters: {len(new)} new, {len(vanished)} vanished",
        hierarchy=replace(tree, leaves=Spread(distinct.groups, missing)(tree.leaves, -2)),
        preparation=like.preparation,
        dtype=array.dtype,
        raw_numbers={},
        vectors=array,
        kinds=kinds,
        index=index,
        earlier_names=earlier,
        vanished=vanished,
        **figures.by_name,
    )
    return fitted.named(text)


def check_method(method: Any, n_clusters: int | None, min_cluster_size: int | None) -> None:
    """Refuse a method that does not exist, and options that it does not have."""
    if not isinstance(method, str):
        if isinstance(method, type) or not (hasattr(method, "fit") or hasattr(method, "fit_predict")):
            raise TypeError(
                f"method={method!r} is no method. Give one of {listed(METHODS)} or an estimator with fit and labels_, "
                f"or with fit_predict{'; here an instance of the class' if isinstance(method, type) else ''}."
            )
        if n_clusters is not None or min_cluster_size is not None:
            raise ValueError("n_clusters and min_cluster_size are options of named methods. Set them on the estimator.")
        return
    one_of("method", method, METHODS)
    if n_clusters is not None:
        if n_clusters < 1:
            raise ValueError(f"n_clusters={n_clusters} is no number of clusters. Give at least 1, or leave it out.")
        if method == "hdbscan":
            raise ValueError(
                "HDBSCAN finds the number of clusters itself. Leave n_clusters out, or use method='kmeans'."
            )
    if min_cluster_size is not None:
        if min_cluster_size < 2:
            raise ValueError(f"min_cluster_size={min_cluster_size} is too small for a cluster. Give at least 2.")
        if method == "kmeans":
            raise ValueError(
                "min_cluster_size is an option of communities and of HDBSCAN. Leave it out, or use method='hdbscan'."
            )
        if n_clusters is not None:
            raise ValueError("n_clusters and min_cluster_size cannot both be kept. Give one of them.")


def _numbered(table: Points, grouping: Grouping) -> tuple[Positions, dict[int, int], FloatVector]:
    """Return labels of the distinct rows by size, the number of each label before, and each cluster's stability."""
    chosen = grouping.chosen
    by_row, numbers = numbered_by_size(chosen.labels[table.distinct.groups])
    labels = np.full(len(table), -1, dtype=np.int64)
    labels[table.distinct.groups] = by_row
    stabilities = cluster_stabilities(labels, chosen.again)
    if len(numbers) == 1 and not chosen.again:
        # A single cluster is trivially found again; what counts is whether a split of it would be.
        stabilities[:] = chosen.stability
    return labels, numbers, stabilities


def _tree(table: Points, grouping: Grouping, labels: Positions) -> Hierarchy:
    """Return the levels: of the communities where those were chosen, else what the clusters merge to and fall into."""
    number = int(labels.max(initial=-1)) + 1
    found = grouping.communities
    if found is None or number < 2:
        return Hierarchy(*grow(table, labels), number)
    leaves, merges = grow_from_communities(table, found.tree, found.n_communities, labels)
    others = [level for level in found.levels if level != found.n_communities and level <= len(merges) + 1]
    return Hierarchy(leaves, merges, number, tuple(sorted({*others, number})))


def _say_nothing(_: str) -> None:
    return


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
    communities: Communities | None = None


def group(
    table: Points, method: str, *, n_clusters: int | None, min_cluster_size: int | None, step: Callable[[str], None]
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
    small = min_cluster_size or max(3, round(total**0.5 / 8))
    if method == "hdbscan":
        return _hdbscan(table, min_cluster_size or max(5, round(total**0.5 / 2)))
    if n_clusters is not None:
        return _group_into(table, method, n_clusters)
    if len(table) < _FEWEST_TO_COMPARE:
        return Grouping(measure(table, named, np.zeros(len(table), dtype=np.int64)), no_candidates())
    if len(table) < _FEWEST_FOR_GRAPH or method == "kmeans":
        return _best_k_means(table, named if len(table) >= _FEWEST_FOR_GRAPH else "kmeans")
    if method == "leiden":
        found = find_communities(table, min_cluster_size=small, step=step)
        return Grouping(found.chosen, _frame([found.chosen, *found.others], 0), communities=found)
    choice = choose(table, min_cluster_size=small, step=step)
    return Grouping(choice.chosen, choice.candidates, choice.note, communities=choice.communities)


def group_by_estimator(table: Points, given: Any) -> Grouping:
    """Group by a clone of the given estimator, which sees repeated rows as often as they occur, in order of value.

    Raises
    ------
    TypeError
        If it has no label for each of the rows, or labels that are no whole numbers.
    """
    from sklearn.base import clone

    estimator = clone(given, safe=False)  # what is no estimator of scikit-learn, but acts as one, is copied
    name = type(estimator).__name__
    labels = np.empty(0, dtype=np.int64)
    if len(table):
        repeated = np.repeat(np.arange(len(table)), table.counts)
        labels = majority(_labels_by(estimator, table.rows[repeated], name), repeated, len(table))
    return Grouping(measure(table, name, np.maximum(labels, -1)), no_candidates(), estimator=estimator)


@np.errstate(under="ignore")
def _labels_by(estimator: Any, rows: FloatMatrix, name: str) -> npt.NDArray[np.int64]:
    """Fit an estimator and return its label of each row: by ``fit_predict``, ``labels_`` or ``predict``."""
    if hasattr(estimator, "fit_predict"):
        found = estimator.fit_predict(rows)
    else:
        estimator.fit(rows)
        found = getattr(estimator, "labels_", None)
        if found is None and hasattr(estimator, "predict"):
            found = estimator.predict(rows)
    labels = np.asarray([] if found is None else found)
    if labels.shape not in {(len(rows),), (len(rows), 1)}:
        raise TypeError(f"{name} has no labels_ for the {len(rows)} rows after fit. Give an estimator that clusters.")
    numbers = labels.ravel()
    if numbers.dtype.kind == "f":
        numbers = np.where(np.isnan(numbers), -1, numbers)
    if numbers.dtype.kind not in "iubf" or (numbers != np.floor(numbers)).any():
        raise TypeError(
            f"{name} gives labels such as {labels.ravel()[0]!r}. Give an estimator whose labels are whole numbers, -1 "
            "for noise."
        )
    return numbers.astype(np.int64)


def _hdbscan(table: Points, min_cluster_size: int) -> Grouping:
    if len(table) < _FEWEST_FOR_GRAPH:
        # One vector, however often, is one cluster; two or a few have no density to compare.
        is_one = len(table) == 1 and int(table.counts[0]) >= min_cluster_size
        if is_one or len(table) < _FEWEST_TO_COMPARE:
            labels = np.full(len(table), 0 if is_one else -1, dtype=np.int64)
            return Grouping(measure(table, "hdbscan", labels), no_candidates())
    return Grouping(hdbscan_candidate(table, min_cluster_size), no_candidates())


def _best_k_means(table: Points, method: str) -> Grouping:
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


def _group_into(table: Points, method: str, n_clusters: int) -> Grouping:
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


def _communities(table: Points, n_clusters: int) -> Candidate:
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
