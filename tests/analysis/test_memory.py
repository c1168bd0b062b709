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
def test_memory_grows_by_less_than_three_times_the_matrix(verb):
    """Blocks that are held whatever the size do not count: what more rows take is compared with what they are."""
    peaks = []
    # The first call imports. Blocks have 4,096 rows, those of a classifier 8,192.
    sizes = (10_200, 12_200) if verb == "fit_classifier" else (4200, 6200)
    for n_rows in (200, *sizes):
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


def _labels(vectors):
    return pd.Series([f"class {number % 4}" for number in range(len(vectors))])


def _table(n_rows):
    random = np.random.default_rng(n_rows)
    rows = random.normal(size=(12, _COLUMNS))[random.integers(0, 12, n_rows)] + random.normal(size=(n_rows, _COLUMNS))
    return pd.Series(VectorArray.from_matrix((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("float32")))
