"""The lengths of rows are measured once for a large matrix, and never stale."""

import gc

import numpy as np
import pandas as pd
import pytest

from mmembed.vectors import Vector, VectorArray
from mmembed.vectors.rows import _LengthStore, forget_lengths, row_lengths


@pytest.fixture
def matrix():
    return np.random.default_rng(0).integers(-1, 2, (70_000, 16)).astype(np.float32)


def true_lengths(matrix):
    return np.sqrt((matrix.astype(float) ** 2).sum(axis=1))


def test_views_of_one_memory_share_their_lengths(matrix):
    """A view of the whole finds what was measured; a part has lengths of its own."""
    store = _LengthStore(4)
    kept = store.lengths(matrix)
    assert store.lengths(matrix[:]) is kept
    assert store.lengths(matrix.view()) is kept
    assert np.array_equal(store.lengths(matrix[1:]), kept[1:])
    assert np.array_equal(kept, true_lengths(matrix))


def test_a_written_row_is_measured_again(matrix):
    """After a write through a column or a view of it, the lengths are those of the new rows."""
    series = pd.Series(VectorArray.from_matrix(matrix))
    before = row_lengths(series.array.matrix)
    assert row_lengths(series.array.matrix) is before
    for position in (3, 69_999):
        series.iloc[position] = Vector(np.full(16, 7.0))
        assert row_lengths(series.array.matrix)[position] == pytest.approx(28)
        assert np.array_equal(row_lengths(series.array.matrix), true_lengths(series.array.matrix))


def test_memory_that_changes_unsaid_is_noticed(matrix):
    """Rows that a caller overwrites in memory that it shared are measured again."""
    store = _LengthStore(4)
    store.lengths(matrix)
    matrix[100] = 0.5
    assert store.lengths(matrix)[100] == 2
    matrix *= 3
    assert np.array_equal(store.lengths(matrix), true_lengths(matrix))


def test_lengths_go_with_the_memory_and_are_bounded(matrix):
    """What is dead or least recently used is dropped."""
    store = _LengthStore(2)
    others = [matrix.copy() for _ in range(3)]
    for one in others:
        store.lengths(one)
    assert len(store) == 2
    del one
    others.clear()
    gc.collect()
    assert len(store) == 0


def test_forgetting_is_by_memory(matrix):
    """Forgetting a part forgets every view of its memory, and nothing else."""
    kept, other = row_lengths(matrix), matrix.copy()
    kept_other = row_lengths(other)
    forget_lengths(matrix[5:6])
    assert row_lengths(matrix) is not kept
    assert row_lengths(other) is kept_other


def test_lengths_of_extreme_and_missing_rows():
    """No float32 value over- or underflows; a row of NaN has the length NaN."""
    rows = np.array([[1e38, 1e38], [1e-40, 0], [0, 0], [np.nan, np.nan]], dtype=np.float32)
    lengths = row_lengths(rows)
    np.testing.assert_allclose(lengths[:3], [2**0.5 * 1e38, 1e-40, 0], rtol=1e-4)
    assert np.isnan(lengths[3])
