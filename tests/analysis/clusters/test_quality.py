"""Whether there is anything to find: clouds are one cluster, groups are groups, and stability says how sure that is."""

import numpy as np
import pandas as pd
import pytest

from mmembed.analysis import fit_clusters
from mmembed.analysis.clusters.points import Points, with_noise
from mmembed.analysis.clusters.quality import adjusted_rand, cluster_stabilities, measure_structure
from mmembed.analysis.cosines import distinct_directions


def cloud(dimension, n=400, seed=0):
    """Return directions of one Gaussian cloud."""
    return np.random.default_rng(seed).normal(size=(n, dimension)).astype(np.float32)


@pytest.mark.parametrize("dimension", [3, 12, 200])
def test_a_cloud_is_one_cluster_of_low_stability(dimension):
    """Random directions are not parted into confident clusters, whatever their dimension."""
    found = fit_clusters(cloud(dimension))
    assert len(found.centroids) == 1
    assert found.stability < 0.85
    assert "one cluster" in found.note
    assert "one cluster" in repr(found)
    assert found.summary()["stability"].tolist() == pytest.approx([found.stability])
    assert found.candidates["note"].tolist().count("no better than chance") == len(found.candidates) - 1


def test_rows_that_are_all_noise_stay_noise():
    """Where a density method finds nothing dense, no row is in a cluster, and that is no error."""
    table = Points(distinct_directions(cloud(8, 40)), 0)
    nothing = np.full(40, -1)
    assert with_noise(table, nothing, 3).tolist() == nothing.tolist()
    few = np.r_[0, 0, nothing[2:]]
    assert with_noise(table, few, 3).tolist() == nothing.tolist()


def test_groups_of_unlike_size_and_density_are_found_as_they_are():
    """Heavy-tailed groups of 20 to 200 rows are found again in nearly every resample."""
    random = np.random.default_rng(1)
    sizes = [200, 120, 60, 20]
    group = np.repeat(np.arange(4), sizes)
    spread = np.array([0.1, 0.05, 0.1, 0.02])[group] / np.sqrt(random.chisquare(3, size=400) / 3)
    vectors = random.normal(size=(4, 16))[group] + random.normal(size=(400, 16)) * spread[:, None]
    found = fit_clusters(vectors.astype(np.float32))
    labels = np.asarray(pd.Series(found.labels).astype(int))
    assert len(found.centroids) == 4
    inside = labels >= 0
    assert adjusted_rand(labels[inside], group[inside]) == 1
    # What is far out in the tails is noise, not a group of its own.
    assert inside.mean() > 0.95
    assert found.stability > 0.95
    assert (found.stabilities > 0.9).all()


def test_the_gain_over_a_cloud_tells_groups_from_none():
    """Modularity beyond that of a cloud is nothing for a cloud and much for groups."""
    groups = np.repeat(np.eye(8, dtype=np.float32), 30, axis=0) + 0.1 * cloud(8, 240)
    nothing, something = (
        measure_structure(rows / np.linalg.norm(rows, axis=1, keepdims=True), 0) for rows in (cloud(8, 240), groups)
    )
    assert not nothing.is_there
    assert something.is_there
    assert abs(nothing.gain) < 0.05 < something.gain


def test_adjusted_rand_is_that_of_scikit_learn():
    """The same number as the reference, noise being a group."""
    from sklearn.metrics import adjusted_rand_score

    random = np.random.default_rng(0)
    for _ in range(5):
        left, right = random.integers(-1, 4, size=(2, 50))
        assert adjusted_rand(left, right) == pytest.approx(adjusted_rand_score(left, right))
    assert adjusted_rand(np.zeros(4, dtype=int), np.zeros(4, dtype=int)) == 1


def test_a_cluster_that_falls_apart_has_a_low_stability():
    """The cluster that every resample keeps has 1, the one that is halved has a half, a vanished one nothing."""
    labels = np.repeat([0, 1, 2], 10)
    again = labels.copy()
    again[10:15] = 3
    rows = np.arange(20)
    found = cluster_stabilities(labels, [(rows, again[rows])])
    assert found[:2].tolist() == pytest.approx([1, 0.5])
    assert np.isnan(found[2])
