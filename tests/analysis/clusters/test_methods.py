"""Communities: the weights of shared neighbours by their definition, exact numbers, and large tables in parts."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from mmembed.analysis import fit_clusters, neighbors
from mmembed.analysis.clusters import methods
from mmembed.analysis.clusters.methods import (
    CommunityFinder,
    gradual_weights,
    leiden,
    modularity,
    neighbor_ties,
    neighbors_for,
    settle,
    shared_neighbor_weights,
)
from mmembed.analysis.clusters.quality import adjusted_rand
from mmembed.analysis.graphs.graph import NeighborGraph, compute_graph


@pytest.fixture(scope="module")
def grouped():
    """Return 600 rows in 6 groups, their groups, and the weights of their graph."""
    random = np.random.default_rng(0)
    group = np.repeat(np.arange(6), 100)
    rows = (random.normal(size=(6, 12))[group] + random.normal(scale=0.3, size=(600, 12))).astype(np.float32)
    return rows, group, shared_neighbor_weights(neighbors(rows, 12))


def test_weights_are_shared_neighbours(grouped):
    """Each weight is the Jaccard similarity of the two closed neighbourhoods, both ways."""
    rows, _, weights = grouped
    graph = neighbors(rows, 12)
    closed = [{at, *graph.indices[at].tolist()} for at in range(len(rows))]
    dense = weights.toarray()
    assert (dense == dense.T).all()
    for one, other in zip(*np.nonzero(dense[:40]), strict=True):
        shared = len(closed[one] & closed[other]) / len(closed[one] | closed[other])
        assert dense[one, other] == pytest.approx(shared)
    for one in range(40):
        assert set(np.flatnonzero(dense[one])) == {
            other for other in range(len(rows)) if other != one and (other in closed[one] or one in closed[other])
        }


def test_empty_places_tie_nobody():
    """Rows with fewer neighbours than asked share no empty places."""
    weights = shared_neighbor_weights(neighbors(np.eye(3, dtype=np.float32), 5))
    assert np.array_equal(weights.toarray() > 0, ~np.eye(3, dtype=bool))
    assert weights.toarray()[0, 1] == pytest.approx(3 / (2 * 6 - 3))


def test_ties_are_the_mean_of_three_widths(grouped):
    """A third, two thirds and all of the neighbours count alike."""
    rows, _, _ = grouped
    graph = neighbors(rows, 18)
    three = sum(gradual_weights(graph, width) for width in (4, 8, 12)) / 3
    assert abs(neighbor_ties(graph, 12) - three).max() < 1e-12


def test_a_neighbourhood_ends_gradually(grouped):
    """Where the last neighbours of a row are as near as the next ones, their order hardly changes a weight.

    Among neighbours that count in full, and where the graph ends, the weight is the share of common neighbours.
    """
    rows, _, _ = grouped
    graph = neighbors(rows, 18)
    # The twelfth and the thirteenth neighbour of each row change places, as rounding would have it.
    order = np.arange(18)
    order[[11, 12]] = order[[12, 11]]
    level = graph.similarities.copy()
    level[:, [11, 12]] = level[:, [11, 12]].mean(axis=1, keepdims=True)
    one = NeighborGraph(graph.indices, level)
    other = NeighborGraph(graph.indices[:, order], level)
    assert abs(gradual_weights(one, 12) - gradual_weights(other, 12)).max() < 1e-12
    assert abs(shared_neighbor_weights(one.first(12)) - shared_neighbor_weights(other.first(12))).max() > 0.02
    sharp = gradual_weights(graph.first(12), 12)
    assert abs(sharp - shared_neighbor_weights(graph.first(12))).max() < 1e-12
    assert (abs(sharp - sharp.T)).max() == 0


def test_noise_below_the_last_digit_leaves_communities_as_they_are(grouped):
    """One seed gives one grouping of weights that differ by next to nothing, however they are kept."""
    _, _, weights = grouped
    shaken = weights.copy()
    shaken.data = shaken.data * (1 + 1e-9)
    last_first = sparse.csr_matrix(
        (
            np.concatenate([shaken.data[a:b][::-1] for a, b in pairwise(shaken.indptr)]),
            np.concatenate([shaken.indices[a:b][::-1] for a, b in pairwise(shaken.indptr)]),
            shaken.indptr,
        ),
        shape=shaken.shape,
    )
    for resolution in (0.1, 1.0, 8.0):
        assert np.array_equal(leiden(weights, resolution, 1), leiden(last_first, resolution, 1))


def test_a_tie_that_differs_changes_communities_near_it_alone():
    """Two parts of one graph that know nothing of each other are parted as each alone, whatever the other is."""
    random = np.random.default_rng(2)

    def part(seed):
        rows = np.random.default_rng(seed).normal(size=(300, 8)).astype(np.float32)
        return shared_neighbor_weights(neighbors(rows, 10))

    own, strength = part(0), []
    for other in (part(1), part(2)):
        scale = own.sum() / other.sum()
        both = sparse.block_diag([own, other * scale]).tocsr()
        strength.append(leiden(both, 2.0)[:300])
    assert np.array_equal(strength[0], strength[1])
    assert adjusted_rand(strength[0], leiden(own, 1.0)) == 1
    shaken = own.copy()
    shaken.data = shaken.data * (1 + 1e-6 * random.normal(size=len(shaken.data)))
    assert adjusted_rand(leiden(shaken, 1.0), leiden(own, 1.0)) > 0.99


def test_rows_settle_where_most_of_their_ties_lead():
    """Rows that were put with strangers go to their neighbours; a tie keeps a row, and an emptied community is gone."""
    ties = np.zeros((7, 7))
    for one, other in [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (2, 6), (6, 3)]:
        ties[one, other] = ties[other, one] = 1
    weights = sparse.csr_matrix(ties)
    assert settle(weights, np.array([0, 0, 3, 5, 5, 5, 5])).tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert settle(weights, np.array([0, 0, 0, 1, 1, 1, 0])).tolist() == [0, 0, 0, 1, 1, 1, 0]
    assert settle(sparse.csr_matrix((3, 3)), np.array([2, 1, 0])).tolist() == [2, 1, 0]


def test_modularity_is_that_of_the_reference_and_noise_is_alone():
    """The number of Newman's definition; each row of noise is a community of one."""
    random = np.random.default_rng(0)
    dense = np.triu(random.random((20, 20)) < 0.3, 1).astype(float)
    dense += dense.T
    weights, labels = sparse.csr_matrix(dense), random.integers(0, 3, 20)
    strength, total = dense.sum(axis=1), dense.sum()
    same = labels[:, None] == labels
    expected = ((dense - np.outer(strength, strength) / total) * same).sum() / total
    assert modularity(weights, labels) == pytest.approx(expected)
    alone = np.where(np.arange(20) < 4, -1, labels)
    numbered = np.where(np.arange(20) < 4, 10 + np.arange(20), labels)
    assert modularity(weights, alone) == pytest.approx(modularity(weights, numbered))


def test_exact_numbers(grouped):
    """Any number of communities can be had, and the true one gives the true groups."""
    _, group, weights = grouped
    finder = CommunityFinder(weights, 0)
    for number in (1, 2, 5, 6, 17):
        assert finder.exactly(number).max() + 1 == number
    assert adjusted_rand(finder.exactly(6), group) > 0.99


def test_a_large_table_is_grouped_in_parts_as_a_small_one(grouped, monkeypatch):
    """Above the limit small communities are grouped instead of rows, to the same groups."""
    _, group, weights = grouped
    monkeypatch.setattr(methods, "_MOST_SINGLE_ROWS", 100)
    finder = CommunityFinder(weights, 0)
    assert finder.nodes.shape[0] < 600
    assert adjusted_rand(finder.at(1.0), group) > 0.99


def test_a_seed_is_an_answer(grouped):
    """One seed gives one grouping."""
    _, _, weights = grouped
    assert np.array_equal(leiden(weights, 3.0, 5), leiden(weights, 3.0, 5))


def test_neighbourhoods_grow_with_the_table():
    """From few neighbours in small tables to fifteen in large ones, and never more than there are."""
    assert [neighbors_for(n) for n in (2, 4, 60, 400, 10**6)] == [1, 3, 5, 13, 15]


def test_n_clusters_is_kept_by_every_method_that_takes_it(grouped):
    """The number asked for is the number found."""
    rows, _, _ = grouped
    for method in ("auto", "kmeans", "leiden"):
        assert len(fit_clusters(rows, method, n_clusters=9).centroids) == 9


@pytest.mark.parametrize("n_rows", [40, 700])
def test_the_loops_for_many_rows_give_the_same(n_rows, monkeypatch):
    """Ties and settled rows are equal to the last digit, whether arrays or compiled loops make them."""
    random = np.random.default_rng(n_rows)
    rows = random.normal(size=(n_rows, 6)).astype("float32")
    graph = compute_graph(rows, 12)
    plain = sum(shared_neighbor_weights(graph.first(width)) for width in (4, 8, 12)) / 3
    labels = random.integers(0, 9, n_rows)
    settled = methods.settle(plain, labels)
    monkeypatch.setattr(methods, "MANY_ROWS", 0)
    assert (methods.neighbor_ties(graph) != plain).nnz == 0
    assert np.array_equal(methods.settle(plain, labels), settled)
