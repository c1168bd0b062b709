"""Structureless clouds of the shape of a table: what any cut through them gains, which groups must do better than."""

import numpy as np
import pandas as pd
import pytest

from mmembed.analysis import fit_clusters
from mmembed.analysis.clusters.methods import CommunityFinder, modularity
from mmembed.analysis.clusters.null_model import NullModel, clouds_like
from mmembed.analysis.clusters.points import Points
from mmembed.analysis.clusters.quality import adjusted_rand
from mmembed.analysis.cosines import distinct_directions, unit_rows


def ovals():
    """Return 300 rows in three oval groups of a table of four columns, and the group of each."""
    random = np.random.default_rng(2)
    group = np.repeat(np.arange(3), 100)
    centers = np.array([[2, 1, 0, 0], [-2, 1, 1, 0], [0, -2, 0, 1.5]])
    spread = np.array([[0.3, 0.8, 0.3, 0.3], [0.8, 0.3, 0.3, 0.3], [0.3, 0.3, 0.8, 0.3]])
    return (centers[group] + random.normal(size=(300, 4)) * spread[group]).astype(np.float32), group


def test_a_cloud_has_the_mean_and_the_covariance_of_the_rows():
    """It is of the same shape, and of no other structure."""
    rows = unit_rows(np.array([5, 0, 0, 0]) + ovals()[0]).astype(np.float32)
    clouds = np.concatenate(clouds_like(rows, np.random.default_rng(0), 20))
    assert clouds.mean(axis=0) == pytest.approx(rows.mean(axis=0), abs=0.02)
    assert np.cov(clouds.T) == pytest.approx(np.cov(rows.T), abs=0.02)


@pytest.mark.parametrize("n_rows", [200, 12])
def test_a_cloud_changes_as_little_as_the_rows(n_rows):
    """What is below the last digit, and the order of the rows, leave it as it is: also of fewer rows than numbers."""
    random = np.random.default_rng(4)
    rows = unit_rows(random.normal(size=(n_rows, 20)) @ random.normal(size=(20, 20)) + 2).astype(np.float32)
    (cloud,) = clouds_like(rows, np.random.default_rng(0), 1)
    (shaken,) = clouds_like(rows[::-1] + np.float32(1e-6), np.random.default_rng(0), 1)
    assert np.abs(shaken - cloud).max() < 1e-3


def test_groups_do_better_than_a_cloud_and_pieces_of_them_less():
    """True groups cut nearly no ties; halves of them cut about what halves of a cloud would."""
    vectors, group = ovals()
    table = Points(distinct_directions(vectors), 0)
    truth = np.empty(300, dtype=np.int64)
    truth[table.distinct.groups] = group
    pieces = CommunityFinder(table.weights, 0).exactly(15)
    assert table.clouds.beyond(truth) > 0.8 > 2 * table.clouds.beyond(pieces)
    assert table.clouds.beyond(np.zeros(300, dtype=np.int64)) == 0
    assert table.clouds.beyond(np.random.default_rng(0).integers(0, 3, 300)) == 0


def test_what_clouds_gain_falls_with_the_number_of_groups():
    """The curve is monotone, so that between two numbers it can be read off."""
    clouds = NullModel.like(unit_rows(ovals()[0]), 0)
    assert (np.diff(clouds.numbers) >= 0).all()
    assert (np.diff(clouds.parted) <= 0).all()
    assert clouds.parted[0] > 0.7


def test_a_table_of_few_columns_is_not_cut_into_slices():
    """Three oval groups of four columns are three clusters, though finer cuts have more modularity."""
    vectors, group = ovals()
    found = fit_clusters(vectors)
    assert len(found.centroids) == 3
    assert adjusted_rand(np.asarray(pd.Series(found.labels).astype(int)), group) > 0.9
    table = Points(distinct_directions(np.asarray(vectors)), 0)
    own, finer = (
        modularity(table.weights, np.asarray(pd.Series(found.cut(number)).astype(int))[table.distinct.first])
        for number in (3, 9)
    )
    assert finer > own
