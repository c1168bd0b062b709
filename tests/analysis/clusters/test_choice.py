"""The choice between methods, where it is made on a part of the rows."""

import numpy as np

from mmembed.analysis.clusters.choice import COMPARED_ROWS, choose
from mmembed.analysis.clusters.points import Points, spherical_k_means
from mmembed.analysis.clusters.quality import adjusted_rand
from mmembed.analysis.cosines import distinct_directions


def test_k_means_that_wins_on_a_sample_is_made_of_all_rows():
    """Two clouds of three columns that touch: neighbours tear them, k-means does not, and all rows are labelled."""
    random = np.random.default_rng(4)
    group = np.repeat([0, 1], [160, 80])
    rows = 2 * random.normal(size=(2, 3))[group] + 0.6 * random.normal(size=(240, 3))
    table = Points(distinct_directions(rows.astype(np.float32)), 0)
    steps = []
    choice = choose(table, min_cluster_size=4, step=steps.append, compared_rows=120)
    chosen, candidates = choice.chosen, choice.candidates
    assert steps[-1] == "k-means on all rows"
    assert chosen.method == "kmeans"
    assert np.array_equal(chosen.labels, spherical_k_means(table, chosen.n_clusters))
    line = candidates.set_index("note").loc["chosen"]
    assert line["method"] == "kmeans"
    assert line["stability"] == chosen.stability > 0.8
    truth = np.empty(240, dtype=np.int64)
    truth[table.distinct.groups] = group
    assert adjusted_rand(chosen.labels, truth) > 0.8
    steps.clear()
    whole = choose(table, min_cluster_size=4, step=steps.append).chosen
    assert len(table) < COMPARED_ROWS
    assert "k-means on all rows" not in steps
    assert np.array_equal(whole.labels, chosen.labels)
