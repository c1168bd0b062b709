"""Clusters of a vector column: one function that prepares the rows, groups them, and numbers and names the groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.choosing import choose
from mmembed.analysis.clusters import Clusters, labels_array
from mmembed.analysis.cosine import FloatMatrix, Positions, pair_cosines, unit_rows
from mmembed.analysis.equality import equal_row_groups
from mmembed.analysis.naming import name_clusters
from mmembed.analysis.partition import Partition, Rows, hdbscan, k_means, majority
from mmembed.analysis.preparing import Preparation
from mmembed.analysis.reducing import fit_reduction, with_reduction
from mmembed.errors import did_you_mean, listed
from mmembed.vectors import as_vector_array

METHODS = ("auto", "kmeans", "hdbscan")
# With fewer different vectors there is no choice of groups to measure.
_FEWEST_TO_COMPARE = 4
_Grouping = tuple[str, Positions, Any, pd.DataFrame]


def fit_clusters(
    vectors: Any,
    method: Any = "auto",
    *,
    n_clusters: int | None = None,
    text: Any = None,
    kinds: Any = None,
    random_state: int | None = None,
    min_cluster_size: int | None = None,
) -> Clusters:
    """Group similar vectors.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
        Rows without a vector get no label. Lengths do not matter: rows are normalised first, and reduced to 50
        principal components where there are more.
    method : {"auto", "kmeans", "hdbscan"} or scikit-learn estimator
        ``"kmeans"`` puts every row in a cluster; ``"hdbscan"`` finds dense groups and calls the rest noise (-1).
        ``"auto"`` makes k-means with 2 to 50 clusters (at most the square root of the number of rows) and, up to 5,000
        rows, HDBSCAN, and takes the greatest silhouette times the chance that two rows are in different clusters;
        ``.candidates`` of the result shows all. An estimator with ``fit`` and
        ``labels_`` is cloned and gets the unit rows; equal vectors get the label that most of them got.
    n_clusters : int, optional
        Number of clusters of k-means (``"auto"`` with a number is k-means); without it, the number is chosen as for
        ``"auto"``.
    text : sequence of str, length n, optional
        Captions that the clusters are named from.
    kinds : sequence, length n, optional
        Kind of content of each row. The mean of each kind is removed first, so that clusters do not part texts from
        pictures.
    random_state : int, optional
        Seed; None is 0, so that the same call gives the same answer.
    min_cluster_size : int, optional
        Fewest rows of a cluster of HDBSCAN; without it half the square root of the number of rows, at least 5.

    Returns
    -------
    Clusters
        Equal vectors (of one kind) share a label, and the groups do not depend on the order of the rows.

    Raises
    ------
    ValueError
        If the method is unknown, if an option does not belong to it, or if there are fewer different vectors than
        ``n_clusters``.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [1, 0]], dtype="float32")
    >>> fit_clusters(vectors, "kmeans", n_clusters=2).labels.tolist()
    [0, 0, 1, 1, 0]
    """
    method = _checked_method(method, n_clusters, min_cluster_size)
    array = as_vector_array(vectors)
    missing = array.isna()
    preparation = Preparation.learn(array, kinds)
    rows = preparation.rows(array, kinds)
    seed = 0 if random_state is None else random_state
    if isinstance(method, str):
        size = min_cluster_size or max(5, round(len(rows) ** 0.5 / 2))
        used, raw, estimator, candidates = _group(rows, method, n_clusters=n_clusters, seed=seed, min_cluster_size=size)
    else:
        used, raw, estimator, candidates = _group_by_estimator(rows, method)
    labels, numbers = _numbered_by_size(raw)
    centroids = _centroids(rows, labels, len(numbers))
    scores = np.full(len(array), np.nan, dtype=np.float32)
    scores[~missing] = _scores(rows, labels, centroids)
    final = labels_array(labels, missing)
    return Clusters(
        labels=final,
        scores=scores,
        names=name_clusters(final, text, scores=scores),
        method=used,
        candidates=candidates,
        estimator=estimator,
        centroids=centroids,
        vectors=array,
        kinds=kinds,
        preparation=preparation,
        numbers=numbers,
    )


def _checked_method(method: Any, n_clusters: int | None, min_cluster_size: int | None) -> Any:
    """Return the method that the options ask for."""
    if not isinstance(method, str):
        if not hasattr(method, "fit"):
            raise TypeError(
                f"method={method!r} is no method. Give one of {listed(METHODS)} or an estimator with fit and labels_."
            )
        if n_clusters is not None or min_cluster_size is not None:
            raise ValueError("n_clusters and min_cluster_size are options of named methods. Set them on the estimator.")
        return method
    if method not in METHODS:
        raise ValueError(f"Method {method!r} does not exist. Known: {listed(METHODS)}.{did_you_mean(method, METHODS)}")
    if n_clusters is not None:
        if n_clusters < 1:
            raise ValueError(f"n_clusters={n_clusters} is no number of clusters. Give at least 1, or leave it out.")
        if method == "hdbscan":
            raise ValueError(
                "HDBSCAN finds the number of clusters itself. Leave n_clusters out, or use method='kmeans'."
            )
        method = "kmeans"
    if min_cluster_size is not None:
        if min_cluster_size < 2:
            raise ValueError(f"min_cluster_size={min_cluster_size} is too small for a cluster. Give at least 2.")
        if method == "kmeans":
            raise ValueError("min_cluster_size is an option of HDBSCAN. Leave it out, or use method='hdbscan'.")
    return method


def _group(rows: FloatMatrix, method: str, *, n_clusters: int | None, seed: int, min_cluster_size: int) -> _Grouping:
    """Group by a named method; equal rows are one row with a weight."""
    groups = equal_row_groups(rows)
    _, first, counts = np.unique(groups, return_index=True, return_counts=True)
    if n_clusters is not None and n_clusters > len(first):
        raise ValueError(
            f"n_clusters={n_clusters}, but there are only {len(first)} different vectors. "
            f"Ask for {len(first)} clusters or fewer."
        )
    empty = pd.DataFrame(columns=["method", "n_clusters", "silhouette", "coverage", "separation", "score", "note"])
    if len(first) == 0:
        return method, np.empty(0, dtype=np.int64), None, empty
    reduction, reduced = fit_reduction(rows[first])
    distinct = Rows(reduced, counts)
    partition: Partition
    if len(first) == 1 and (method != "hdbscan" or distinct.total >= min_cluster_size):
        # One vector, however often, is one cluster; density methods would see no contrast and call it noise.
        partition, used, candidates = k_means(distinct, 1, seed), "kmeans", empty
    elif method == "hdbscan":
        partition, used, candidates = hdbscan(distinct, min_cluster_size), "hdbscan", empty
    elif n_clusters is not None or len(first) < _FEWEST_TO_COMPARE:
        partition, used, candidates = k_means(distinct, n_clusters or 1, seed), "kmeans", empty
    else:
        methods = ("kmeans", "hdbscan") if method == "auto" else ("kmeans",)
        used, partition, candidates = choose(
            distinct, methods=methods, min_cluster_size=min_cluster_size, random_state=seed
        )
    return used, partition.labels[groups], with_reduction(reduction, used, partition.estimator), candidates


def _group_by_estimator(rows: FloatMatrix, given: Any) -> _Grouping:
    """Group by a clone of the given estimator, which sees the rows in an order that does not depend on the table's."""
    from sklearn.base import clone

    estimator = clone(given)
    name = type(estimator).__name__
    labels = np.empty(len(rows), dtype=np.int64)
    groups = equal_row_groups(rows)
    if len(rows):
        order = np.argsort(groups, kind="stable")
        estimator.fit(rows[order])
        found = getattr(estimator, "labels_", None)
        if found is None or len(found) != len(rows):
            raise TypeError(
                f"{name} has no labels_ for the {len(rows)} rows after fit. Give an estimator that clusters."
            )
        labels = majority(np.asarray(found), groups[order], int(groups.max()) + 1)[groups]
    return name, labels, estimator, pd.DataFrame()


def _numbered_by_size(raw: Positions) -> tuple[Positions, dict[int, int]]:
    """Return labels that run from 0 for the largest, ties by first row, and the number of each raw label."""
    values, first, counts = np.unique(raw, return_index=True, return_counts=True)
    inside = np.flatnonzero(values >= 0)
    order = inside[np.lexsort((first[inside], -counts[inside]))]
    numbers = {int(values[at]): number for number, at in enumerate(order)}
    return np.array([numbers.get(int(label), -1) for label in raw], dtype=np.int64), numbers


def _centroids(rows: FloatMatrix, labels: Positions, n_clusters: int) -> FloatMatrix:
    """Return the unit mean of the rows of each cluster, shape (n_clusters, d)."""
    means = np.zeros((n_clusters, rows.shape[1]), dtype=np.float32)
    for label in range(n_clusters):
        means[label] = rows[labels == label].mean(axis=0, dtype=np.float64)
    return unit_rows(means)


def _scores(rows: FloatMatrix, labels: Positions, centroids: FloatMatrix) -> npt.NDArray[np.float32]:
    """Return each row's cosine with the centroid of its cluster, at least 0; NaN for noise."""
    scores = np.full(len(rows), np.nan, dtype=np.float32)
    inside = np.flatnonzero(labels >= 0)
    scores[inside] = np.maximum(pair_cosines(rows, centroids, inside, labels[inside]), 0)
    return scores
