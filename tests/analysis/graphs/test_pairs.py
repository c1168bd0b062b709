"""Cells and the near pairs that are found in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.finding.duplicates import represented
from mmembed.analysis.graphs.blocks import MOST_CELLS_A_BLOCK, fit_cells, pairs_across, pairs_in_block
from mmembed.analysis.graphs.pairs import NearPairs
from mmembed.vectors.rows import row_priorities


def rows_of(seed, n_rows=300, dimension=5):
    return np.random.default_rng(seed).normal(size=(n_rows, dimension)).astype("f4")


def pairs_of(found):
    return {(min(pair), max(pair)) for pair in zip(found.left.tolist(), found.right.tolist(), strict=True)}


def brute(rows, threshold):
    units = rows.astype(float) / np.linalg.norm(rows, axis=1, keepdims=True)
    left, right = np.nonzero(np.triu(units @ units.T >= threshold, 1))
    return set(zip(left.tolist(), right.tolist(), strict=True))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.sampled_from([0.7, 0.9, 0.99]), st.integers(5, 60))
def test_every_near_pair_meets_at_home_of_one_of_the_two(seed, threshold, rows_a_cell):
    """The rule of the planes: whoever visits all cells within half of the chord misses nobody."""
    units = unit_rows(rows_of(seed))
    cells = fit_cells(units, len(units), rows_a_cell=rows_a_cell, rows_a_block=100)
    visits = cells.visits(units, threshold, len(cells.centroids))
    assert not visits.cut.any()
    inside = set(zip(visits.rows.tolist(), visits.cells.tolist(), strict=True))
    assert {(row, home) for row, home in enumerate(visits.homes.tolist())} <= inside
    for left, right in brute(units, threshold):
        assert (left, visits.homes[right]) in inside or (right, visits.homes[left]) in inside


def test_a_row_visits_the_nearest_of_too_many_cells():
    """The home is always among them, and the row is marked."""
    units = unit_rows(rows_of(0))
    cells = fit_cells(units, len(units), rows_a_cell=10, rows_a_block=100)
    visits = cells.visits(units, 0.2, 3)
    counts = np.bincount(visits.rows)
    assert counts.max() == 3
    assert visits.cut[counts < 3].sum() == 0
    assert set(enumerate(visits.homes.tolist())) <= set(zip(visits.rows.tolist(), visits.cells.tolist(), strict=True))


def test_blocks_are_small_and_hold_each_cell_once():
    """By their number of cells, which are the bits of one number, and about by their rows."""
    units = unit_rows(rows_of(1, 4000, 8))
    cells = fit_cells(units, 4000, rows_a_cell=10, rows_a_block=3000)
    assert len(cells.centroids) > 300
    assert np.bincount(cells.blocks).max() <= MOST_CELLS_A_BLOCK
    assert len(set(zip(cells.blocks.tolist(), cells.numbers.tolist(), strict=True))) == len(cells.centroids)


def one_block(rows, levels, **options):
    everywhere = np.zeros(len(rows), dtype=np.int64)
    return pairs_in_block(rows, np.arange(len(rows)) * 10, everywhere, everywhere + 1, levels, **options)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.sampled_from([0.5, 0.9, 1.0]))
def test_a_block_lists_all_pairs_once_and_equal_rows_apart(seed, threshold):
    """By the numbers that the rows were given."""
    rows = rows_of(seed, 60, 3)
    rows[40:] = rows[:20]
    found = one_block(rows, [threshold])
    assert len(found) == len(pairs_of(found)) == len(brute(rows[:40], threshold))
    assert {tuple(twin) for twin in found.twins.tolist()} == {(row * 10, (row + 40) * 10) for row in range(20)}
    numbers, distinct, near = found.by_row()
    assert len(near) == len(distinct) == len(numbers) - 20
    for row in near.have_any():
        others, cosines = near.of_row(row)
        assert (np.diff(cosines) <= 0).all()
        assert all(row in near.of_row(other)[0] for other in others)


def test_too_many_pairs_leave_the_strict_levels():
    """What can be listed is listed, and the result says down to where."""
    rows = rows_of(2, 200, 3)
    levels = [0.999, 0.99, 0.5]
    counts = [len(brute(rows, level)) for level in levels]
    found = one_block(rows, levels, most=counts[1])
    assert (found.threshold, len(found)) == (0.99, counts[1])
    assert len(found.at(0.999)) == counts[0]
    assert one_block(rows, levels, most=1).threshold == np.inf
    both = NearPairs.together([found, one_block(rows, levels)], levels)
    assert (both.threshold, len(both)) == (0.99, 2 * counts[1])
    assert NearPairs.together([one_block(rows, levels)] * 2, levels, most=2 * counts[0]).threshold == 0.999


def test_pairs_across_are_those_of_a_product():
    """Every row of one matrix with every row of another."""
    left, right = rows_of(3, 30, 4), rows_of(4, 50, 4)
    one, other, cosines = pairs_across(left, right, 0.6)
    expected = unit_rows(left) @ unit_rows(right).T
    order = np.lexsort((other, one))
    np.testing.assert_array_equal(np.stack([one, other])[:, order], np.nonzero(expected >= 0.6))
    np.testing.assert_allclose(cosines, expected[one, other], atol=1e-6)


def test_priorities_belong_to_values():
    """Equal rows have one number wherever they stand, and the numbers are spread over their whole range."""
    rows = rows_of(5, 4000, 4)
    numbers = row_priorities(rows)
    order = np.random.default_rng(0).permutation(len(rows))
    assert np.array_equal(row_priorities(rows[order]), numbers[order])
    assert len(np.unique(numbers)) == len(rows)
    assert numbers.astype(float).mean() / 2**64 == pytest.approx(0.5, abs=0.03)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000), st.sampled_from([0.6, 0.9, 0.97]), st.integers(1, 40))
def test_pairs_that_are_left_out_change_no_representative(seed, threshold, rows_a_cell):
    """Where the first row represents others, rows have the same representatives with all pairs and with fewer."""
    rows = np.concatenate([rows_of(seed, 80, 4), 1 + 0.15 * rows_of(seed + 1, 40, 4)])
    rows = np.random.default_rng(seed).permutation(rows)
    units = unit_rows(rows)
    cells = fit_cells(units, len(rows), rows_a_cell=rows_a_cell, rows_a_block=len(rows), nearest=0.99)
    visits = cells.visits(units, threshold, len(cells.centroids))
    bits, counts = np.zeros(len(rows), dtype=np.int64), np.bincount(visits.rows)
    assert cells.n_blocks == 1
    np.bitwise_or.at(bits, visits.rows, np.int64(1) << cells.numbers[visits.cells])
    homes, numbers = cells.numbers[visits.homes], np.arange(len(rows))
    found = [pairs_in_block(rows, numbers, homes, bits, [threshold], alone=alone) for alone in (None, counts == 1)]
    assert pairs_of(found[1]) <= pairs_of(found[0]) == brute(rows, threshold)
    assert all({left, right} <= set(found[1].settled) for left, right in pairs_of(found[0]) - pairs_of(found[1]))
    told = [representatives_of(one) for one in found]
    assert told[0] == told[1]


def representatives_of(found):
    """Return the rows that others represent, by whom, and how similarly."""
    positions, distinct, near = found.by_row()
    first, cosines = represented(distinct, near, np.arange(len(positions)))
    others = first != np.arange(len(positions))
    return np.column_stack([positions, positions[first], cosines])[others].tolist()


def test_a_clump_has_few_pairs_to_list():
    """Of 3,000 rows that are all near to each other, some 3,000 pairs are kept and not four million."""
    rows = 1 + 0.01 * rows_of(7, 3000, 16)
    found = pairs_in_block(
        rows,
        np.arange(3000),
        np.zeros(3000, dtype=np.int64),
        np.ones(3000, dtype=np.int64),
        [0.9],
        alone=np.ones(3000, dtype=bool),
        most=10_000,
    )
    assert found.threshold == 0.9
    assert len(pairs_of(found)) == 2999
