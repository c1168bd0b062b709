"""Which rows stand for a group on its card: typical ones that differ."""

import numpy as np
import pytest

from mmembed.report.cards import choose_exemplars

# Rows 0 to 5 are nearly the same, 6 and 7 are others; all look different.
UNITS = np.array([[1, 0, 0], *([1, 0.01 * n, 0] for n in range(1, 6)), [0.6, 0.8, 0], [0.6, 0, 0.8]], np.float32)


def units_of(rows):
    return UNITS[rows]


def test_near_equal_rows_do_not_fill_a_card():
    """After the most typical row come those that are least like it, within the typical half."""
    ranked = np.array([0, 1, 6, 2, 7, 3, 4, 5, *range(100, 108)])
    assert choose_exemplars(ranked, 3, lambda row: row, units_of) == [0, 6, 7]


def test_rows_at_the_edge_of_a_group_do_not_stand_for_it():
    """A row of the less typical half is not chosen, however different."""
    assert set(choose_exemplars(np.arange(8), 2, lambda row: row, units_of)) <= {0, 1, 2, 3}


@pytest.mark.parametrize("vectors", [None, lambda _: None, units_of])
def test_rows_that_look_alike_are_repeats(vectors):
    """Equal looks are shown once while there are others; too few are filled up with repeats."""
    ranked = np.arange(8)
    assert len({row // 2 for row in choose_exemplars(ranked, 3, lambda row: row // 2, vectors)}) == 3
    assert choose_exemplars(ranked, 3, lambda _: "same", vectors) == [0, 1, 2]
    assert choose_exemplars(ranked[:2], 3, lambda row: row, vectors) == [0, 1]
