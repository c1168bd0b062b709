"""No verb holds more than three times the matrix beside what the user holds, and most hold less."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from sklearn.naive_bayes import GaussianNB

from mmembed import (
    VectorArray,
    find_duplicates,
    find_outliers,
    fit_classifier,
    fit_clusters,
    fit_projection,
    neighbors,
)
from mmembed.analysis.clusters import methods
from mmembed.analysis.graphs import approximate
from mmembed.analysis.graphs.graph import NeighborGraph
from mmembed.analysis.graphs.recall import Sample
from mmembed.analysis.labels import experiment, kernel_ridge

_COLUMNS = 512

VERBS = {
    "neighbors": lambda vectors: neighbors(vectors, 15),
    "find_duplicates": lambda vectors: find_duplicates(vectors, 0.95),
    "fit_clusters": lambda vectors: fit_clusters(vectors, "kmeans", n_clusters=12),
    "fit_projection": fit_projection,
    "find_outliers": find_outliers,
    "label_issues": lambda vectors: LEARNED[len(vectors)].label_issues(20),
    "predict_probabilities": lambda vectors: LEARNED[len(vectors)].predict_probabilities(vectors),
    "fit_classifier": lambda vectors: fit_classifier(vectors, _labels(vectors)),
}

LEARNED = {}


@pytest.mark.parametrize("verb", VERBS)
def test_memory_grows_by_less_than_three_times_the_matrix(verb, monkeypatch):
    """Blocks that are held whatever the size do not count: what more rows take is compared with what they are."""
    for module in (kernel_ridge, experiment):  # they have 8,192 rows, others 4,096
        monkeypatch.setattr(module, "_ROW_BLOCK", 4096)
    peaks = []
    for n_rows in (200, 4200, 6200):  # the first call imports
        vectors = _table(n_rows)
        if verb != "neighbors":
            neighbors(vectors, 15)
        if verb == "label_issues":
            LEARNED[n_rows] = fit_classifier(vectors, _labels(vectors), estimator=GaussianNB(), near_duplicates=None)
        if verb == "predict_probabilities":
            LEARNED[n_rows] = fit_classifier(vectors[:500], _labels(vectors)[:500], near_duplicates=None)
        tracemalloc.start()
        VERBS[verb](vectors)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] - peaks[1] < 2.5 * 2000 * 4 * _COLUMNS


def test_clusters_hold_little_more_than_the_matrix_where_the_choice_is_made():
    """What is compared with clouds of 3,000 rows is looked through in blocks; it took 250 MB."""
    fit_clusters(_table(200))  # imports and compiles
    vectors = _table(3500)
    tracemalloc.start()
    fit_clusters(vectors)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 180_000_000


def test_a_sample_of_many_rows_is_compared_with_them_in_parts(monkeypatch):
    """Of a sample's products with all rows a few rows' are held at once; those of all of it took 24 bytes a number."""
    monkeypatch.setattr(approximate, "_PRODUCTS_AT_ONCE", 1 << 18)
    units = _table(9000).mmembed.to_matrix()
    sample = Sample.draw(units, 30, seed=1)
    tracemalloc.start()
    approximate._choose_projection(units, sample, must_pay=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.2 * units.nbytes


def test_ties_of_many_rows_are_made_with_little_beside_them():
    """Ties of three widths are counted in one pass and made symmetric once: five times what they are was held."""
    n_rows, random = 30_000, np.random.default_rng(0)
    near = np.sort(
        (np.arange(n_rows)[:, np.newaxis] + 1 + random.permuted(np.tile(np.arange(40), (n_rows, 1)), axis=1)[:, :15])
        % n_rows
    )
    graph = NeighborGraph(near.astype(np.int32), np.ones(near.shape, dtype=np.float32))
    methods.neighbor_ties(graph.first(3))  # compiles
    tracemalloc.start()
    ties = methods.neighbor_ties(graph, 15)
    peak = tracemalloc.get_traced_memory()[1]
    held = ties.data.nbytes + ties.indices.nbytes
    tracemalloc.stop()
    assert peak < 2.5 * held
    rows = random.permutation(n_rows)[:20_000]
    part = methods.part_of(ties, rows)
    assert np.array_equal(part.indices, ties[rows][:, rows].indices)
    assert (part != ties[rows][:, rows]).nnz == 0


def _labels(vectors):
    return pd.Series([f"class {number % 4}" for number in range(len(vectors))])


def _table(n_rows):
    random = np.random.default_rng(n_rows)
    rows = random.normal(size=(12, _COLUMNS))[random.integers(0, 12, n_rows)] + random.normal(size=(n_rows, _COLUMNS))
    return pd.Series(VectorArray.from_matrix((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("float32")))
