"""One graph for each set of rows, kept within bounds, and expanded to rows that repeat."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from mmembed.analysis import fit_classifier, fit_clusters, fit_projection, neighbors
from mmembed.analysis.cosines import distinct_rows
from mmembed.analysis.finding.duplicates import duplicate_levels, find_duplicates
from mmembed.analysis.finding.outliers import find_outliers
from mmembed.analysis.graphs import graph as graph_store
from mmembed.analysis.graphs.graph import FEWEST_NEIGHBORS, _GraphStore, compute_graph, fingerprint, shared_graph
from mmembed.vectors import VectorArray
from mmembed.vectors import rows as equality
from mmembed.vectors.rows import equal_row_groups

MATRICES = st.integers(1, 3).flatmap(
    lambda d: st_numpy.arrays(np.float32, st.tuples(st.integers(1, 20), st.just(d)), elements=st.integers(-1, 1))
)


class CountingStore(_GraphStore):
    """A store that counts how often it computes."""

    def __init__(self, most_bytes=10**9):
        self.computed, self.sizes = [], []
        super().__init__(most_bytes, self._counted)

    def _counted(self, rows, k, method):
        self.computed.append(k)
        self.sizes.append(len(rows))
        return compute_graph(rows, k, method)


def rows_of(seed, n=50):
    return np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32)


def test_the_same_rows_are_computed_once():
    """A copy of the rows and a smaller or larger k up to 30 find the graph ready."""
    store = CountingStore()
    graphs = [store.graph(rows_of(1), 15), store.graph(rows_of(1).copy(), 5), store.graph(rows_of(1), 30)]
    assert store.computed == [FEWEST_NEIGHBORS]
    assert [graph.k for graph in graphs] == [15, 5, 30]
    assert np.array_equal(graphs[0].indices, graphs[2].indices[:, :15])


def test_more_neighbours_are_computed_anew():
    """A k beyond what is kept replaces the graph by a larger one."""
    store = CountingStore()
    for k in (15, 40, 35):
        store.graph(rows_of(1), k)
    assert store.computed == [30, 40]


def test_products_of_one_column_share_one_graph(monkeypatch):
    """Clusters, map, duplicates, their levels, outliers, neighbours and doubted labels compute the graph once."""
    store = CountingStore()
    monkeypatch.setattr(graph_store, "_STORE", store)
    random = np.random.default_rng(7)
    y = random.integers(0, 4, 300)
    rows = random.normal(size=(4, 12))[y] + random.normal(scale=0.7, size=(300, 12))
    column = VectorArray.from_matrix(rows.astype(np.float32))
    fit_clusters(column)
    fit_projection(column)
    find_duplicates(column, 0.9)
    duplicate_levels(column)
    find_outliers(column, 15)
    neighbors(column, 15)
    fit_classifier(column, y).label_issues()
    assert store.sizes.count(len(column)) == 1


def test_an_exact_graph_is_computed_where_it_is_asked_for():
    """An approximate graph does not pass for an exact one; an exact one serves both."""
    rows = np.random.default_rng(0).normal(size=(400, 12)) @ np.random.default_rng(1).normal(size=(12, 160))
    rows = rows.astype(np.float32)
    store = CountingStore()
    methods = [store.graph(rows, 5, method).method for method in ("approximate", "auto", "exact", "approximate")]
    assert methods == ["projected", "projected", "exact", "exact"]
    assert len(store.computed) == 2


@pytest.mark.parametrize("change", [lambda rows: rows[::-1], lambda rows: rows[:-1], lambda rows: rows * 2])
def test_other_rows_are_another_graph(change):
    """Another order, another number of rows and another value never get a graph that is not theirs."""
    store = CountingStore()
    store.graph(rows_of(1), 5)
    changed = np.ascontiguousarray(change(rows_of(1)), dtype=np.float32)
    assert np.array_equal(store.graph(changed, 5).indices, shared_graph(changed, 5).indices)
    assert len(store.computed) == 2


def test_the_least_recently_used_graph_is_forgotten():
    """What is kept stays within the bound; the latest graph is kept even if it alone is larger."""
    store = CountingStore(most_bytes=2 * 50 * FEWEST_NEIGHBORS * 8)
    for seed in (1, 2, 1, 3, 1, 2):
        store.graph(rows_of(seed), 5)
    assert len(store.computed) == 4
    store.graph(rows_of(4, n=500), 5)
    store.graph(rows_of(4, n=500), 5)
    assert len(store.computed) == 5


def test_shared_arrays_cannot_be_written():
    """No product can change the graph of another."""
    with pytest.raises(ValueError, match="read-only"):
        shared_graph(rows_of(1), 5).indices[0, 0] = 3


@given(MATRICES)
def test_distinct_rows_make_the_given_rows_again(matrix):
    """Each different row is there once, and the groups rebuild the rows; the order of the rows does not matter."""
    found = distinct_rows(matrix)
    assert np.array_equal(found.rows[found.groups], matrix)
    assert len(np.unique(found.rows + 0.0, axis=0)) == len(found) == len(np.unique(matrix + 0.0, axis=0))
    assert np.array_equal(matrix[found.first] + 0.0, found.rows + 0.0)
    assert found.counts.sum() == found.total == len(matrix)
    assert np.array_equal(distinct_rows(matrix[::-1]).rows + 0.0, found.rows + 0.0)


@given(MATRICES)
def test_rows_of_one_hash_are_told_apart(matrix):
    """Where the hashes of different rows agree, the rows themselves decide."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(equality, "_row_hashes", lambda rows: np.zeros(len(rows), dtype=np.uint64))
        groups = equal_row_groups(matrix)
    expected = equal_row_groups(matrix)
    assert np.array_equal(groups[:, None] == groups, expected[:, None] == expected)


def test_signs_of_zero_and_of_numbers():
    """0.0 and -0.0 are equal; rows that differ in signs alone are not."""
    groups = equal_row_groups(np.array([[0, 1, 1, 1], [-0.0, 1, 1, 1], [0, -1, 1, -1]], dtype=np.float32))
    assert groups[0] == groups[1] != groups[2]


@given(st.lists(st.integers(0, 3), min_size=2, max_size=25), st.integers(1, 6))
def test_repeated_rows_are_each_others_neighbours(kinds, k):
    """With k or more repetitions all neighbours are repetitions, in row order and without the row itself."""
    matrix = np.eye(4, dtype=np.float32)[kinds]
    graph = neighbors(matrix, k)
    for row, kind in enumerate(kinds):
        twins = [other for other, one in enumerate(kinds) if one == kind and other != row]
        assert graph.indices[row].tolist()[: len(twins)] == twins[:k]


def test_fingerprints_tell_shapes_apart():
    """The same bytes as another matrix have another fingerprint."""
    values = np.arange(12, dtype=np.float32)
    assert len({fingerprint(values.reshape(shape)) for shape in ((3, 4), (4, 3), (12, 1))}) == 3
