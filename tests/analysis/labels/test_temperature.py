"""The temperature that makes probabilities of scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from mmembed.analysis.labels.probabilities import best_temperature, softmax


def test_temperature_cools_what_is_too_sure():
    """Logits that are three times too large are divided by about three."""
    random = np.random.default_rng(5)
    logits = random.normal(scale=2, size=(4000, 3))
    y = np.array([random.choice(3, p=row) for row in softmax(logits)])
    assert best_temperature(3 * logits, y)[0] == pytest.approx(3, rel=0.1)
    assert best_temperature(logits[:0], y[:0])[0] == 1


@given(seed=st.integers(0, 1000), start=st.floats(0.02, 5))
def test_no_other_temperature_is_better(seed, start):
    """From wherever it begins, the temperature of least log loss is found, be it at the end of the range."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(60, 4)) * random.uniform(0.05, 10)
    y = np.where(random.random(60) < 0.6, scores.argmax(axis=1), random.integers(0, 4, 60))
    temperature, loss = best_temperature(scores, y, start=start)
    others = [-log_softmax(scores / one, axis=1)[np.arange(60), y].mean() for one in np.geomspace(0.02, 5, 200)]
    assert 0.0199 < temperature < 5.01
    assert loss <= min(others) + 1e-4
