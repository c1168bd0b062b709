"""The tree of communities: it does not hang on rounding, its levels are nested, and each plateau is one."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from mmembed.analysis import fit_clusters
from mmembed.analysis.clusters import methods, tree
from mmembed.analysis.clusters.levels import Level, best_level, plateaus
from mmembed.analysis.clusters.points import Points
from mmembed.analysis.clusters.quality import adjusted_rand
from mmembed.analysis.clusters.tree import community_tree, cut
from mmembed.analysis.cosines import distinct_directions


def families(*, seed=0, n_families=5, n_children=4, n_rows=600, dimension=40, spread=0.12, offset=0.45):
    """Return rows of communities within communities: the rows, their family and their community."""
    random = np.random.default_rng(seed)
    above = random.normal(size=(n_families, 1, dimension))
    centres = (above + offset * random.normal(size=(n_families, n_children, dimension))).reshape(-1, dimension)
    child = random.permutation(np.arange(n_rows) % len(centres))
    rows = centres[child] + spread * dimension**0.5 / 3 * random.normal(size=(n_rows, dimension))
    return rows.astype(np.float32), child // n_children, child


def labels_of(found):
    return np.asarray(pd.Series(found).astype(int))


@pytest.mark.parametrize("spread", [0.12, 0.3, 0.6])
def test_noise_below_the_last_digit_leaves_the_groups(spread):
    """Rows that are shifted by next to nothing are in the same groups, of clear and of unclear communities."""
    rows, _, _ = families(seed=3, spread=spread, n_rows=400)
    found = fit_clusters(rows, "leiden")
    for size in (1e-6, 1e-4):
        shifted = rows + size * np.random.default_rng(1).normal(size=rows.shape).astype(np.float32)
        again = fit_clusters(shifted, "leiden")
        assert abs(len(found.centroids) - len(again.centroids)) <= 1, size
        assert adjusted_rand(labels_of(found.labels), labels_of(again.labels)) > 0.9, size


def test_rows_that_are_divided_by_their_length_again_are_in_the_same_groups():
    """Unit rows that are made unit rows once more differ in the last digit, and are grouped alike."""
    rows, _, _ = families(seed=5, spread=0.3)
    once = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    twice = once / np.linalg.norm(once, axis=1, keepdims=True)
    assert not np.array_equal(once, twice)
    found, again = fit_clusters(once, "leiden"), fit_clusters(twice, "leiden")
    assert len(found.centroids) == len(again.centroids)
    assert adjusted_rand(labels_of(found.labels), labels_of(again.labels)) > 0.95


def test_the_tree_has_communities_and_families():
    """A cut at the number of communities gives them, and one at the number of families those, each of whole ones."""
    rows, family, child = families()
    table = Points(distinct_directions(rows), 0)
    tree = community_tree(table, 3)
    groups = table.distinct.groups
    small, large = tree.cut(20)[tree.leaves][groups], tree.cut(5)[tree.leaves][groups]
    assert adjusted_rand(small, child) > 0.98
    assert adjusted_rand(large, family) > 0.98
    assert pd.Series(large).groupby(small).nunique().max() == 1
    assert tree.width(20) > 1
    assert tree.width(20) > 3 * tree.width(21)


def test_likeness_joins_families_where_neighbours_lie_near(monkeypatch):
    """Ties of a large table hardly leave a community: families are then told by the likeness of their communities."""
    rows, family, child = families(
        seed=1, n_families=6, n_children=8, n_rows=1500, dimension=24, spread=0.4, offset=0.8
    )
    table = Points(distinct_directions(rows), 0)
    small = community_tree(table, 8)
    monkeypatch.setattr(tree, "_ALIKE_ROWS", 64)
    large = community_tree(table, 8)
    found = {}
    for number, truth in ((6, family), (48, child)):
        for name, one in (("small", small), ("large", large)):
            found[name, number] = adjusted_rand(one.cut(number)[one.leaves][table.distinct.groups], truth)
    assert found["small", 6] < 0.85
    assert found["large", 6] > 0.95
    assert found["small", 48] > 0.95
    assert found["large", 48] > 0.95


def test_levels_are_those_of_the_data_and_nested():
    """Communities are found though families are, too; the levels are cuts, and each is made of whole finer ones."""
    rows, family, child = families()
    found = fit_clusters(rows, "leiden")
    assert len(found.centroids) == 20
    assert 20 in found.levels
    assert adjusted_rand(labels_of(found.cut(20)), labels_of(found.labels)) == 1
    assert adjusted_rand(labels_of(found.cut(20)), child) > 0.98
    assert adjusted_rand(labels_of(found.cut(5)), family) > 0.95
    for upper, lower in zip(found.levels, found.levels[1:], strict=False):
        above, below = labels_of(found.cut(upper)), labels_of(found.cut(lower))
        assert pd.Series(above[below >= 0]).groupby(below[below >= 0]).nunique().max() == 1


def test_another_level_is_a_result_of_its_own():
    """It has centroids, scores and a summary of its own labels, and knows its rows again; a file has labels only."""
    rows, _, _ = families()
    found = fit_clusters(rows, "leiden")
    other = found.at(5)
    assert np.array_equal(labels_of(other.labels), labels_of(found.cut(5)))
    assert other.centroids.shape == (5, rows.shape[1])
    assert other.summary()["size"].sum() == len(rows)
    assert np.array_equal(labels_of(other.predict(rows)), labels_of(other.labels))
    assert other.levels == found.levels


def test_the_merges_of_a_tree_are_cut_anywhere():
    """One community is all leaves, as many as leaves are those, and in between the first merges hold."""
    merges = np.array([[0, 1], [3, 4], [2, 5], [6, 7]])
    assert cut(merges, 1).tolist() == [0, 0, 0, 0, 0]
    assert cut(merges, 5).tolist() == [0, 1, 2, 3, 4]
    found = cut(merges, 3)
    assert found[0] == found[1]
    assert found[3] == found[4]
    assert len(set(found.tolist())) == 3


def test_of_levels_that_are_as_good_the_widest_is_taken():
    """A clearly better score wins over a wide stretch, which decides between scores that are alike; none has none."""
    narrow, wide = Level(7, 0.1, 0.9, 0.8, 0.9), Level(9, 2.0, 0.9, 0.79, 0.9)
    assert best_level([narrow, wide]) is wide
    assert best_level([narrow, Level(2, 3.0, 0.9, 0.4, 0.9)]) is narrow
    assert best_level([Level(2, 1.0, 0.5, 0.2, 0.0), Level(3, 1.0, 0.5, 0.1, 0.0)]).n_clusters == 2
    assert best_level([]) is None


def test_a_level_stands_by_itself():
    """Narrow, unstable and cloud-like levels are none, nor is one next to another."""
    best = Level(20, 2.0, 0.95, 0.8, 0.9)
    levels = [
        Level(4, 1.5, 0.95, 0.6, 0.9),
        Level(6, 0.2, 0.95, 0.7, 0.9),
        Level(8, 1.5, 0.5, 0.7, 0.9),
        Level(18, 1.0, 0.95, 0.8, 0.9),
        best,
        Level(60, 1.0, 0.95, 0.8, 0.1),
        Level(90, 1.0, 0.95, 0.8, 0.5),
    ]
    assert [one.n_clusters for one in plateaus(levels, best)] == [4, 20, 90]


def test_of_many_communities_the_steadiest_number_is_a_level():
    """No number of many stands long; where numbers nearby do so together, it is the one that is found again most."""
    best = Level(20, 2.0, 0.95, 0.8, 0.9)
    many = [Level(140, 0.1, 0.95, 0.8, 0.5, near_width=3.0), Level(150, 0.1, 0.99, 0.8, 0.5, near_width=3.0)]
    assert [one.n_clusters for one in plateaus([best, *many], best)] == [20, 150]
    for none in (
        Level(150, 0.1, 0.99, 0.8, 0.5, near_width=1.0),
        Level(150, 0.4, 0.85, 0.8, 0.5, near_width=3.0),
        Level(150, 0.1, 0.99, 0.8, 0.1, near_width=3.0),
        Level(24, 0.1, 0.99, 0.8, 0.5, near_width=3.0),
    ):
        assert [one.n_clusters for one in plateaus([best, none], best)] == [20]


def test_a_large_table_is_grouped_as_a_small_one_is(monkeypatch):
    """Communities that are made of small groups of rows, and leaves of larger ones, are those of rows."""
    rows, family, child = families(n_rows=1500, seed=2)
    small = fit_clusters(rows, "leiden")
    for module, name, value in (
        (tree, "MANY_ROWS", 100),
        (methods, "MANY_ROWS", 100),
        (methods, "_MOST_SINGLE_ROWS", 100),
        (tree, "_MOST_LEAVES", 30),
    ):
        monkeypatch.setattr(module, name, value)
    large = fit_clusters(rows, "leiden")
    assert large.levels == small.levels
    assert large.hierarchy.n_leaves < 30
    assert adjusted_rand(labels_of(large.labels), labels_of(small.labels)) > 0.98
    assert adjusted_rand(labels_of(large.cut(20)), child) > 0.98
    assert adjusted_rand(labels_of(large.cut(5)), family) > 0.98


def test_what_cuts_no_tie_stands_at_all_lower_resolutions():
    """Communities without a tie between them are found at each resolution as if each had been tried."""
    rows = np.repeat(np.eye(6, dtype=np.float32), 50, axis=0)
    rows = rows + 0.01 * np.random.default_rng(0).normal(size=rows.shape).astype(np.float32)
    table = Points(distinct_directions(rows), 0)
    finder = methods.CommunityFinder(table.weights, 0)
    alone, split = finder.at(0.01), finder.at(100.0)
    assert not finder.cuts_ties(alone)
    assert finder.cuts_ties(split)
    draws = np.random.default_rng(0).random((len(table), 4))
    found = tree._partitions(table.weights, table.counts, draws, 3, np.arange(len(table)))
    assert len(found.runs) == 2
    for run in found.runs:
        part = methods.CommunityFinder(table.weights[run.rows][:, run.rows].tocsr(), 0)
        for at, resolution in enumerate(found.resolutions[:6]):
            assert adjusted_rand(run.of_rows(at), part.at(resolution)) == 1


def test_small_leaves_go_to_what_they_are_tied_to():
    """A leaf of too few rows joins the leaf with the most ties for its size; one without a tie stays."""
    ties = np.zeros((9, 9))
    for one, other, tie in ((0, 1, 1), (1, 2, 1), (3, 4, 1), (4, 5, 1), (6, 3, 0.5), (6, 0, 0.1), (7, 8, 1)):
        ties[one, other] = ties[other, one] = tie
    leaves = np.array([0, 0, 0, 1, 1, 1, 2, 3, 3])
    found = tree._dissolve_small(sparse.csr_matrix(ties), np.ones(9, dtype=np.int64), leaves, 3)
    assert found.tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2]


def test_shares_of_groups_are_those_of_their_rows():
    """The share of each leaf in each community is the same, counted by rows or by the groups that they are in."""
    random = np.random.default_rng(4)
    nodes, labels = random.integers(0, 40, 900), random.integers(0, 7, (3, 40))
    leaves = random.integers(0, 12, 900)
    by_group = tree.Run(np.arange(900), nodes, labels)
    by_row = tree.Run(np.arange(900), np.arange(900), labels[:, nodes])
    for one, other in zip(
        tree._shares_of_groups(by_group, leaves, 12), tree._shares_of_rows(by_row, leaves, 12), strict=True
    ):
        np.testing.assert_allclose(one.toarray(), other, atol=1e-6)


def test_ties_that_partitions_agree_on_are_weighed_in_blocks():
    """No array of all ties is held but the answer."""
    n_rows, random = 60_000, np.random.default_rng(0)
    columns = np.sort(random.integers(0, n_rows, (n_rows, 20)), axis=1).astype(np.int32)
    ends = np.arange(n_rows + 1, dtype=np.int32) * 20
    weights = sparse.csr_matrix((np.ones(columns.size), columns.ravel(), ends), shape=(n_rows, n_rows))
    groups = random.integers(0, 50, n_rows)
    runs = [tree.Run(np.arange(start, n_rows, dtype=np.int64), groups[start:], np.arange(50)[None]) for start in (0, 9)]
    tracemalloc.start()
    agreed = tree._agreed_ties(weights, tree.Partitions([1.0], runs))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.5 * agreed.data.nbytes
    rows = np.repeat(np.arange(n_rows), 20)
    is_whole = groups[rows] == groups[columns.ravel()]
    # A tie of a row that no run had is in no partition.
    np.testing.assert_allclose(agreed.data, is_whole + 1e-9)


def test_small_groups_that_no_tie_joins_are_found_beyond_the_most_leaves(monkeypatch):
    """No resolution makes them fewer, and the search for one ends."""
    monkeypatch.setattr(tree, "_MOST_LEAVES", 60)
    random = np.random.default_rng(0)
    rows = np.repeat(random.normal(size=(100, 24)), 16, axis=0)
    rows += 0.02 * random.normal(size=rows.shape)
    clusters = fit_clusters(rows.astype(np.float32), min_cluster_size=8, random_state=0)
    assert len(clusters.centroids) == 100
    assert (np.asarray(clusters.labels).reshape(100, 16).std(axis=1) == 0).all()


def test_a_level_at_nearly_all_resolutions_is_taken_however_many_communities_it_has():
    """What it would be merged to is told by no tie."""
    few, many = Level(20, 0.001, 1.0, 0.94, 0.5), Level(1100, 23.0, 1.0, 1.0, 0.2)
    assert best_level([few, many]) is many


def test_leaves_in_too_many_pieces_are_joined_by_likeness():
    """Pairs of alike leaves become one, and no leaf is joined to an unlike one."""
    random = np.random.default_rng(0)
    rows = np.repeat(random.normal(size=(300, 16)), 12, axis=0)
    rows += 0.01 * random.normal(size=rows.shape)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    order = random.permutation(len(rows))
    joined = tree._joined_by_likeness(rows, np.ones(len(rows), dtype=np.int64), np.arange(len(rows)), order)
    of_row = np.empty(len(rows), dtype=np.int64)
    of_row[order] = joined
    assert 300 <= joined.max() + 1 <= tree._MOST_APART
    assert adjusted_rand(np.repeat(np.arange(300), 12), of_row) > 0
    for label in np.unique(of_row):
        assert len(set(np.flatnonzero(of_row == label) // 12)) == 1
