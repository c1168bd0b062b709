"""The regression between the classes: it mends what scores are wrong about, and no more than rows can tell."""

import numpy as np
import pytest

from mmembed.analysis.labels.probabilities import fit_softmax, softmax


def biased(n_rows):
    """Return logits that never favour the third class, whose rows look half like the first, and the true classes."""
    random = np.random.default_rng(0)
    y = np.arange(n_rows) % 3
    logits = np.array([[2, 0, 0], [0, 2, 0], [1, -1, 0]])[y] + random.normal(scale=0.3, size=(n_rows, 3))
    return logits.astype(np.float32), y


def test_a_class_that_is_lost_is_found():
    """Rows whose class has its own pattern of scores get it, though the score itself is never the highest."""
    logits, y = biased(600)
    assert (logits.argmax(axis=1) == y)[y == 2].mean() < 0.1
    found = fit_softmax(logits, y, np.ones(600), penalties=(0.01, 0.01))
    assert ((logits @ found[:-1] + found[-1]).argmax(axis=1) == y).mean() > 0.95


def test_a_great_penalty_leaves_logits_as_they_are():
    """The regression is drawn to the scores' own say, not to nothing."""
    logits, y = biased(30)
    found = fit_softmax(logits, y, np.ones(30), penalties=(1e6, 1e6))
    assert found[:-1] == pytest.approx(np.eye(3), abs=1e-4)


def test_shares_of_classes_are_those_of_the_weighted_rows():
    """At the solution the mean probability of each class is its share, as the intercepts demand."""
    logits, y = biased(300)
    weights = np.array([1.0, 2.0, 3.0])[y]
    found = fit_softmax(logits, y, weights, penalties=(1e-6, 1e-6))
    likely = softmax((logits @ found[:-1] + found[-1]).astype(np.float64))
    assert np.average(likely, axis=0, weights=weights) == pytest.approx([1 / 6, 2 / 6, 3 / 6], abs=2e-3)
