"""No verb holds more than three times the matrix beside what the user holds."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from mmembed import VectorArray, find_duplicates, fit_clusters, fit_projection, neighbors

_COLUMNS = 512

VERBS = {
    "neighbors": lambda vectors: neighbors(vectors, 15),
    "find_duplicates": lambda vectors: find_duplicates(vectors, 0.95),
    "fit_clusters": lambda vectors: fit_clusters(vectors, "kmeans", n_clusters=12),
    "fit_projection": fit_projection,
}


@pytest.mark.parametrize("verb", VERBS)
def test_memory_grows_by_less_than_three_times_the_matrix(verb):
    """Blocks that are held whatever the size do not count: what more rows take is compared with what they are."""
    peaks = []
    for n_rows in (200, 4200, 6200):  # the first call imports, and blocks have 4,096 rows
        vectors = _table(n_rows)
        if verb != "neighbors":
            neighbors(vectors, 15)
        tracemalloc.start()
        VERBS[verb](vectors)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] - peaks[1] < 3 * 2000 * 4 * _COLUMNS


def _table(n_rows):
    random = np.random.default_rng(n_rows)
    rows = random.normal(size=(12, _COLUMNS))[random.integers(0, 12, n_rows)] + random.normal(size=(n_rows, _COLUMNS))
    return pd.Series(VectorArray.from_matrix((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("float32")))
