"""Draws that do not hang on rounding are as good as drawn."""

import numpy as np
import pytest

from mmembed.analysis.steady_order import steady_draws


@pytest.mark.parametrize("dimension", [3, 40, 500])
def test_draws_are_even_and_tell_nothing_of_groups(dimension):
    """Of each group some four rows in five are below .8, and two draws have as many in common as chance gives."""
    random = np.random.default_rng(dimension)
    group = np.arange(900) % 3
    rows = (random.normal(size=(3, dimension))[group] + 0.3 * random.normal(size=(900, dimension))).astype(np.float32)
    spacing = 0.3 * (2 * dimension) ** 0.5
    if dimension == 3:
        spacing = 0.1
    draws = steady_draws(rows, spacing, 0, 6)
    assert draws.shape == (900, 6)
    assert draws.min() >= 0
    assert draws.max() < 1
    kept = draws < 0.8
    for at in range(3):
        assert kept[group == at].mean() == pytest.approx(0.8, abs=0.1)
    both = kept.T.astype(float) @ kept / 900
    assert both[~np.eye(6, dtype=bool)] == pytest.approx(0.64, abs=0.1)


def test_draws_hardly_change_with_the_last_digits():
    """Rows that are shifted by a ten-thousandth are in the same draws but for one in a hundred."""
    random = np.random.default_rng(1)
    rows = random.normal(size=(2000, 300)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    shifted = rows + 1e-4 * random.normal(size=rows.shape).astype(np.float32)
    one, other = (steady_draws(each, 1.2, 0, 8) < 0.8 for each in (rows, shifted))
    assert (one != other).mean() < 0.01
