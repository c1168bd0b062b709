"""Deviations of a group from the whole: the right figures, by the right test, and nothing by chance."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import fisher_exact

from mmembed.analysis.tallies.deviations import agreement, share_deviations, shifts


def test_the_probability_is_that_of_fishers_exact_test():
    """Twice the smaller tail of the fourfold table, times the number of looks."""
    groups = {0: Counter(good=12, bad=18), 1: Counter(good=38, bad=32)}
    whole = Counter(good=50, bad=50)
    (good,) = [one for one in share_deviations(groups, whole)[0] if one.value == "good"]
    table = [[12, 18], [38, 32]]
    tail = min(fisher_exact(table, side).pvalue for side in ("less", "greater"))
    assert good.probability == pytest.approx(min(1, 2 * tail * 4))
    assert (good.share, good.whole_share, good.excess) == (0.4, 0.5, -3.0)


def test_rows_without_a_value_and_rare_values_are_left_out():
    """Shares are of the rows that have a value; a value of four rows has too few to stand out."""
    groups = {0: Counter({"a": 30, "": 70}), 1: Counter({"b": 26, "c": 4})}
    found = share_deviations(groups, Counter({"a": 30, "b": 26, "c": 4, "": 70}))
    assert {one.value for one in found[0]} == {"a", "b"}
    assert found[0][0].share == 1.0
    assert share_deviations(groups, Counter({"a": 30}))[0] == []


@pytest.mark.ours
def test_chance_alone_stands_out_nowhere():
    """In a hundred random tables of 12 groups and 8 values nothing stands out but in a few."""
    random = np.random.default_rng(0)
    told = 0
    for _ in range(100):
        group, value = random.integers(0, 12, 1500), random.integers(0, 8, 1500)
        counted = {one: Counter(map(str, value[group == one])) for one in range(12)}
        found = share_deviations(counted, Counter(map(str, value)))
        told += any(one.stands_out for lines in found.values() for one in lines)
    assert told <= 3


def test_a_sure_but_small_difference_does_not_stand_out():
    """54 against 50 of a hundred is no finding, however many rows there are."""
    groups = {0: Counter(good=54_000, bad=46_000), 1: Counter(good=46_000, bad=54_000)}
    first = share_deviations(groups, Counter(good=100_000, bad=100_000))[0][0]
    assert first.probability < 1e-6
    assert not first.stands_out


def test_a_group_that_grows_is_told_by_halves_of_the_rows():
    """The later half begins where the rows are parted evenly, not the time."""
    whole = np.array([10, 10, 10, 170, 100, 100])
    found = shifts({"new": np.array([0, 0, 0, 5, 30, 30]), "old": np.array([1, 1, 1, 17, 10, 10])}, whole)
    new, old = found["new"], found["old"]
    assert (new.period, new.before, new.since) == (4, 0.025, 0.3)
    assert new.stands_out
    assert not old.stands_out


@pytest.mark.parametrize("whole", [[], [7], [0, 9, 0]])
def test_rows_of_one_period_have_no_shift(whole):
    """Without two periods nothing can change."""
    assert shifts({0: np.array(whole, dtype=np.int64)}, np.array(whole, dtype=np.int64)) == {}


def test_agreement_without_values_is_nothing():
    """Rows without a value have no part in it."""
    assert agreement({0: {"": 5}, 1: {}}) == (0.0, 0.0)
