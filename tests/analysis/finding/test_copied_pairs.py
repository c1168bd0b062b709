"""Near duplicates where something besides the vectors says which pairs are copies."""

import numpy as np
import pytest

from mmembed.analysis.finding.duplicates import duplicate_levels, find_duplicates
from mmembed.analysis.finding.leaks import find_leaks


def table(noise, *, n_copies=40, seed=0):
    """Return 300 rows, copies of the first ones with so much noise, and the origin of each."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(20, 16))[random.integers(0, 20, 300)] + 0.5 * random.normal(size=(300, 16))
    copies = rows[:n_copies] + noise * random.normal(size=(n_copies, 16))
    origin = np.concatenate([np.arange(300), np.arange(n_copies)])
    return np.concatenate([rows, copies]).astype(np.float32), origin


def same(origin):
    """Return what knows the origin of each row, and the pairs that it was asked."""
    asked = []

    def alike(left, right):
        asked.append((left, right))
        return origin[left] == origin[right]

    return alike, asked


def test_a_level_that_agrees_with_the_contents_is_the_threshold():
    """Vectors that set copies apart find those, and only those; the result says how."""
    rows, origin = table(0.02)
    alike, _ = same(origin)
    found = find_duplicates(rows, alike=alike)
    assert (found.threshold_source, found.is_duplicate.sum()) == ("contents", 40)
    assert (origin[found.representatives] == origin).all()
    assert "contents of the pairs agree" in repr(found)
    assert (find_duplicates(rows, found.threshold).representatives == found.representatives).all()
    levels = duplicate_levels(rows, alike=alike)
    assert levels.suggested == found.threshold


def test_pairs_are_taken_where_no_level_parts_them():
    """Copies that lie among other rows are found by contents; no level is suggested, for there is none."""
    rows, origin = table(0.35)
    alike, _ = same(origin)
    found = find_duplicates(rows, alike=alike)
    assert found.threshold_source == "pairs"
    assert "no cosine sets these apart" in repr(found)
    dropped = found.is_duplicate
    assert (origin[found.representatives] == origin).all()
    assert dropped.sum() >= 36
    assert found.similarities[dropped].min() == pytest.approx(found.threshold)
    assert duplicate_levels(rows, alike=alike).suggested is None
    leaks = find_leaks(rows, ["train"] * 300 + ["test"] * 40, alike=alike)
    assert leaks.threshold_source == "pairs"
    assert (origin[leaks.twins[leaks.twins >= 0]] == origin[leaks.twins >= 0]).all()


def test_no_copies_drop_no_row():
    """Where no pair is one of copies only rows go whose vectors are equal."""
    rows, _ = table(0.02)
    found = find_duplicates(np.concatenate([rows, rows[:1]]), alike=lambda left, _: np.zeros(len(left), dtype=bool))
    assert (found.threshold, found.threshold_source) == (1.0, "contents")
    assert np.flatnonzero(found.is_duplicate).tolist() == [340]


def test_many_copies_of_one_row_are_one_group():
    """Also where a row has not all of them among its nearest ones."""
    random = np.random.default_rng(1)
    one = random.normal(size=16)
    crowd = one + 0.8 * random.normal(size=(60, 16))
    rows = np.concatenate([random.normal(size=(200, 16)), crowd]).astype(np.float32)
    origin = np.concatenate([np.arange(200), np.full(60, 200)])
    found = find_duplicates(rows, alike=same(origin)[0])
    assert found.threshold_source == "pairs"
    assert found.n_groups == 1
    assert found.is_duplicate.sum() >= 58


def test_contents_are_asked_by_position_and_not_beside_a_threshold():
    """Rows without a vector, and repeated ones, do not shift positions; a threshold that is given stands."""
    rows, origin = table(0.02)
    rows = np.concatenate([np.full((1, 16), np.nan, np.float32), rows[:1], rows])
    origin = np.concatenate([[-1], origin[:1], origin])
    alike, asked = same(origin)
    found = find_duplicates(rows, alike=alike)
    known = found.representatives >= 0
    assert (origin[found.representatives[known]] == origin[known]).all()
    assert 0 not in np.concatenate([side for pair in asked for side in pair])
    asked.clear()
    assert find_duplicates(rows, 0.9, alike=alike).threshold_source == "given"
    assert asked == []
