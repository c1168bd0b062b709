"""Noise: background between communities is found, and clear, overlapping and heavy-tailed tables have next to none."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from mmembed.analysis import fit_clusters
from mmembed.analysis.clusters.noise import strays


def noise_of(rows):
    labels = fit_clusters(rows.astype(np.float32), "leiden").labels
    return np.asarray(pd.Series(labels).astype(int)) == -1


def topics(random, n_rows, *, n_topics=10, dimension=60, spread=0.35, tails=None):
    centres = random.normal(size=(n_topics, dimension))
    shift = random.normal(size=(n_rows, dimension))
    if tails is not None:
        shift /= np.sqrt(random.chisquare(tails, size=n_rows) / tails)[:, np.newaxis]
    return centres[np.arange(n_rows) % n_topics] + spread * shift


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_background_is_noise(seed):
    """Of rows that are of no topic, a sixth of all, four in five or more are noise, and hardly another row is."""
    random = np.random.default_rng(seed)
    rows = np.concatenate([topics(random, 1000), 1.05 * random.normal(size=(200, 60))])
    is_noise = noise_of(rows)
    assert is_noise[1000:].mean() >= 0.8
    assert is_noise[1000:].sum() >= 0.9 * is_noise.sum()


@pytest.mark.parametrize(("spread", "tails"), [(0.35, None), (0.8, None), (0.25, 5)])
def test_a_table_of_topics_alone_has_next_to_no_noise(spread, tails):
    """At most three rows in a hundred are noise where all are of topics: apart, overlapping or heavy-tailed."""
    rows = topics(np.random.default_rng(4), 1000, spread=spread, tails=tails)
    assert noise_of(rows).mean() <= 0.03


def test_strays_that_are_most_of_a_community_do_not_make_one_another_usual():
    """Loose rows that are tied to several communities are noise though most of theirs are; its dense rows are not."""
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [500, 500, 400])
    is_loose = np.arange(1400) >= 1120
    distances = np.where(is_loose, 0.8, 0.5) + 0.02 * random.normal(size=1400)
    others = np.empty((1400, 10), dtype=np.int64)
    for row in range(1400):
        own = np.flatnonzero((labels == labels[row]) & (np.arange(1400) != row))
        others[row] = random.choice(own, 10, replace=False)
        if is_loose[row]:
            others[row, 5:] = random.choice(1000, 5, replace=False)
    ties = sparse.csr_matrix((np.ones(14_000), others.ravel(), np.arange(0, 14_001, 10)), shape=(1400, 1400))
    found = strays(SimpleNamespace(neighbor_distances=distances, weights=ties), labels)
    assert found[is_loose].all()
    assert not found[~is_loose].any()
