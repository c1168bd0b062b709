"""Noise: background between communities is found, and clear, overlapping and heavy-tailed tables have next to none."""

import numpy as np
import pandas as pd
import pytest

from mmembed.analysis import fit_clusters


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
