"""Scores: what of a calibration error is chance."""

import numpy as np
import pytest

from mmembed.analysis.labels.scores import calibration_error, error_by_chance, reliability


@pytest.mark.parametrize("n_rows", [90, 138, 5000])
def test_the_error_by_chance_is_that_of_perfect_probabilities(n_rows):
    """Rows that are right as often as they claim show this error on average, in a small table a large one."""
    random = np.random.default_rng(n_rows)
    confidence = random.uniform(0.4, 1, n_rows)
    errors = [calibration_error(reliability(confidence, random.random(n_rows) < confidence)) for _ in range(60)]
    mean, low, high = error_by_chance(confidence)
    assert mean == pytest.approx(np.mean(errors), rel=0.1)
    assert 0.85 < np.mean([low <= one <= high for one in errors]) <= 1


def test_more_rows_leave_less_to_chance():
    """A hundred rows show an error of some hundredths by chance alone, a hundred times as many a tenth of it."""
    confidence = np.linspace(0.4, 1, 100)
    assert error_by_chance(confidence)[0] > 0.04
    assert error_by_chance(np.tile(confidence, 100))[0] < 0.015


def test_what_is_certain_leaves_nothing_to_chance():
    """Where every probability is one, none is off."""
    assert error_by_chance(np.ones(50)) == (0, 0, 0)
