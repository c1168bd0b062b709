"""Near rows of many are reached over near rows."""

import numpy as np
import pytest

from mmembed.analysis.graphs.near_rows import NearRows


@pytest.mark.parametrize(("dimension", "threshold", "spread"), [(24, 0.97, 0.05), (24, 0.9, 0.15), (4, 0.999, 0.1)])
def test_what_is_reached_is_what_is_measured(dimension, threshold, spread):
    """In clumps of more rows than the graph has neighbours, in wide and in narrow tables."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(6, dimension))[random.integers(0, 6, 900)] + spread * random.normal(
        size=(900, dimension)
    )
    rows = rows.astype(np.float32)
    whole, reached = NearRows.of(rows, threshold), NearRows.of(rows, threshold, measured_below=10)
    assert np.array_equal(whole.have_any(), reached.have_any())
    assert whole.method() == ("exact", 1.0)
    true = found = 0
    for row in whole.have_any():
        near, cosines = whole.of_row(row)
        others, values = reached.of_row(row)
        assert np.isin(others, near).all()
        assert values.tolist() == sorted(values, reverse=True)
        true, found = true + len(near), found + len(others)
        if len(near) == len(others):
            assert np.array_equal(near, others)
            np.testing.assert_allclose(cosines, values, atol=1e-6)
    assert found / true > 0.999
    assert reached.method()[1] == pytest.approx(found / true, abs=0.002)


def test_rows_without_near_ones_have_nothing_to_measure():
    """The recall is 1, and no row has any."""
    rows = np.eye(40, dtype=np.float32)
    reached = NearRows.of(rows, 0.9, measured_below=10)
    assert len(reached.have_any()) == 0
    assert reached.method() == ("exact", 1.0)
