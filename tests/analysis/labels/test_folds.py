"""Folds: nothing of a group is on both sides, and each fold has each class in its share."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.labels.experiment import linked_groups
from mmembed.analysis.labels.folds import make_folds

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=1, max_size=60)


@given(ROWS, st.integers(2, 6), st.integers(0, 3))
def test_folds_keep_groups_together_and_cover_all_rows(rows, count, seed):
    """Each measurable row is held out once, never with a row of its group among those learned from."""
    y, groups = (np.array(column) for column in zip(*rows, strict=True))
    folds = make_folds(y, groups, count=count, random_state=seed)
    tested_once = np.zeros(len(y), dtype=int)
    for fold in range(folds.count):
        learned, tested = folds.split(fold)
        assert not set(groups[learned]) & set(groups[tested])
        assert not set(learned) & set(tested)
        tested_once[tested] += 1
    assert (tested_once == folds.measured).all()
    classes_in_two_groups = [c for c in set(y) if len(set(groups[y == c])) > 1]
    assert folds.measured.any() == (len(classes_in_two_groups) > 1)


@given(st.lists(st.integers(0, 4), min_size=10, max_size=80), st.integers(2, 5), st.integers(0, 3))
def test_folds_are_stratified(labels, count, seed):
    """Without groups, two folds differ by at most one row of each class and by few rows in all."""
    y = np.array(labels)
    folds = make_folds(y, count=count, random_state=seed)
    for fold_counts in (np.bincount(folds.numbers[y == c], minlength=count) for c in set(labels)):
        if folds.count == count:
            assert np.ptp(fold_counts) <= 1
    if folds.count == count:
        assert np.ptp(np.bincount(folds.numbers, minlength=count)) <= 1


def test_groups_of_many_sizes_leave_the_folds_level():
    """A hundred groups of 1 to 20 rows end up in folds of about one size."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), random.integers(1, 21, 100))
    y = random.integers(0, 3, len(groups))
    sizes = np.bincount(make_folds(y, groups, count=5).numbers)
    assert sizes.max() < 1.1 * sizes.min()


def test_a_class_of_one_group_is_not_measured():
    """Its lone row is learned from in every fold; a row in a shared group leaves with the group."""
    y = np.array([0, 0, 0, 1, 1, 1, 2, 3])
    groups = np.array([0, 1, 2, 3, 4, 5, 6, 0])
    folds = make_folds(y, groups, count=3)
    assert folds.measured.tolist() == [True] * 6 + [False] * 2
    assert all(6 in folds.split(fold)[0] for fold in range(3))
    assert 7 not in folds.split(folds.numbers[0])[0]


def test_rows_are_linked_by_likeness_and_by_groups():
    """Equal rows, near rows and rows of one group end up under one number, through each other if need be."""
    rows = unit_rows(np.array([[1, 0], [1, 0], [1, 0.05], [0, 1], [-1, 0], [-1, 1]], dtype=np.float32))
    near = linked_groups(rows, None, 0.98)
    assert near[0] == near[1] == near[2]
    assert len(set(near)) == 4
    assert len(set(linked_groups(rows, None, None))) == 5
    grouped = linked_groups(rows, np.array([0, 1, 2, 3, 0, 3]), 0.98)
    assert grouped[1] == grouped[4]
    assert grouped[3] == grouped[5]
    assert len(set(grouped)) == 2
