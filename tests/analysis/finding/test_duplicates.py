"""Near duplicates without chaining, leaks across a split, and the threshold picker, against loops over all pairs."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from mmembed.analysis.cosines import pair_cosines
from mmembed.analysis.finding.duplicates import duplicate_levels, find_duplicates
from mmembed.analysis.finding.leaks import find_leaks
from mmembed.analysis.graphs import near_rows
from mmembed.vectors import VectorArray

# Whole numbers, so that rows repeat, point the same way at another length, or are zero.
MATRICES = st.integers(2, 3).flatmap(
    lambda d: st_numpy.arrays(np.float32, st.tuples(st.integers(1, 25), st.just(d)), elements=st.integers(-3, 3))
)
THRESHOLDS = st.sampled_from([0.3, 0.9, 0.99, 1.0])


def cosines_of(matrix):
    """Return all cosines; those of zero rows are -2, below every threshold."""
    units = matrix.astype(float)
    lengths = np.linalg.norm(units, axis=1, keepdims=True)
    units = np.divide(units, lengths, out=np.zeros_like(units), where=lengths > 0)
    cosines = units @ units.T
    cosines[:, lengths[:, 0] == 0] = cosines[lengths[:, 0] == 0] = -2
    return cosines


@settings(deadline=None)
@given(MATRICES, THRESHOLDS, st.data())
def test_members_are_near_their_representative_and_representatives_are_not_near_each_other(matrix, threshold, data):
    """Nothing chains, nothing that stays has a twin that stays, and missing rows are in no group."""
    mask = data.draw(st_numpy.arrays(bool, len(matrix)))
    prefer = data.draw(st.none() | st_numpy.arrays(np.int64, len(matrix), elements=st.integers(0, 3)))
    found = find_duplicates(VectorArray.from_matrix(matrix, mask=mask), threshold, prefer=prefer)
    cosines = cosines_of(matrix)
    assert np.array_equal(found.representatives == -1, mask)
    assert np.array_equal(np.isnan(found.similarities), mask)
    everyone = np.arange(len(matrix))
    stays = (found.representatives == everyone) & ~mask
    for row in np.flatnonzero(~mask & ~stays):
        representative = found.representatives[row]
        assert stays[representative]
        assert cosines[row, representative] >= threshold - 1e-6
        assert found.similarities[row] == pytest.approx(cosines[row, representative], abs=1e-6)
        assert cosines[row, representative] >= cosines[row, stays].max() - 1e-6
        # At its turn there was one that it is a duplicate of; a nearer one may have come later.
        near = stays & (cosines[row] >= threshold - 1e-6)
        assert prefer is None or (prefer[near] >= prefer[row]).any()
    between = cosines[np.ix_(stays, stays)]
    np.fill_diagonal(between, -2)
    assert (between < threshold + 1e-6).all()
    assert len(found.groups()) == np.isin(found.representatives, found.representatives[found.is_duplicate]).sum()


@settings(deadline=None, max_examples=50)
@given(MATRICES, THRESHOLDS, st.data())
def test_leaks_are_all_pairs_of_two_parts(matrix, threshold, data):
    """Each row's twin is the nearest row of another part within the threshold; none is overlooked."""
    parts = data.draw(st.lists(st.sampled_from(["train", "test", None]), min_size=len(matrix), max_size=len(matrix)))
    if len({part for part in parts if part}) < 2:
        with pytest.raises(ValueError, match="a leak needs two"):
            find_leaks(matrix, parts, threshold)
        return
    found = find_leaks(matrix, parts, threshold)
    cosines = cosines_of(matrix)
    for row, part in enumerate(parts):
        others = [other for other, its in enumerate(parts) if part and its and its != part]
        best = max((cosines[row, other] for other in others), default=-2)
        if found.twins[row] >= 0:
            assert found.twins[row] in others
            assert cosines[row, found.twins[row]] == pytest.approx(best, abs=1e-6)
            assert best >= threshold - 1e-6
        else:
            assert best < threshold + 1e-6


def test_a_chain_is_cut():
    """Steps of 10 degrees within a threshold of 15 degrees do not make one group of all."""
    angles = np.radians(np.arange(0, 90, 10))
    matrix = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    found = find_duplicates(matrix, np.cos(np.radians(15)))
    assert found.representatives.tolist() == [0, 0, 2, 2, 4, 4, 6, 6, 8]


def test_groups_larger_than_the_graph_are_whole(monkeypatch):
    """Rows with more near rows than the graph has neighbours are measured against all."""
    random = np.random.default_rng(0)
    matrix = np.repeat(np.eye(3, 40), 120, axis=0) + random.normal(size=(360, 40)) * 0.005
    measured = []
    monkeypatch.setattr(
        near_rows, "pair_cosines", lambda *given, **named: measured.append(1) or pair_cosines(*given, **named)
    )
    found = find_duplicates(matrix.astype(np.float32), 0.99)
    assert found.representatives.tolist() == [0] * 120 + [120] * 120 + [240] * 120
    assert len(measured) == 3


def test_which_row_stays():
    """The first, the last, or the one with the greatest value; missing values come last."""
    df = pd.DataFrame({"v": list(np.eye(3)[[0, 1, 0, 0]]), "length": [2, 1, None, 7]}, index=list("abcd"))
    assert df.mmembed.deduplicate("v").index.tolist() == ["a", "b"]
    assert df.mmembed.deduplicate("v", keep="last").index.tolist() == ["b", "d"]
    assert df.mmembed.deduplicate("v", keep="length").index.tolist() == ["b", "d"]
    assert df.iloc[:3].mmembed.deduplicate("v", keep="length").index.tolist() == ["a", "b"]


def test_the_frame_of_groups_and_the_columns():
    """Groups are shown representative first; rows without duplicates have no group; missing rows stay."""
    df = pd.DataFrame({"v": [[1.0, 0.0], None, [0.0, 1.0], [1.0, 0.1], [1.0, 0.0]]}, index=[9, 9, 8, 7, 6])
    groups = df.mmembed.duplicates("v", 0.99)
    assert groups.index.tolist() == [9, 6, 7]
    assert groups["group"].tolist() == [0, 0, 0]
    assert groups["similarity"].tolist() == pytest.approx([1, 1, 0.995], abs=1e-3)
    found = find_duplicates(df["v"], 0.99)
    assert found.add_to(df)["duplicate_group"].tolist() == [0, pd.NA, pd.NA, 0, 0]
    with pytest.warns(UserWarning, match=r"2 of 5 rows are dropped at threshold=0.99.*row 3, for which row 0 stays"):
        assert df.mmembed.deduplicate("v", 0.99).index.tolist() == [9, 9, 8]
    assert repr(found) == (
        "Duplicates(groups=1, duplicates=2, rows=5, threshold=0.99); see .groups(), .add_to(df), .drop_from(df)"
    )


def test_leaks_are_shown_pair_by_pair_and_counted():
    """Pairs across the split come two by two; the summary counts the rows of each part that leaked."""
    df = pd.DataFrame({"v": list(np.eye(3)[[0, 1, 0, 2, 0]]), "split": ["train", "train", "test", "test", "test"]})
    pairs = df.mmembed.duplicates("v", across="split")
    assert pairs.index.tolist() == [0, 2, 0, 4]
    assert pairs["group"].tolist() == [0, 0, 1, 1]
    leaks = find_leaks(df["v"], df["split"])
    assert leaks.summary().to_dict("index") == {
        "test": {"rows": 3, "leaked": 2, "share": pytest.approx(2 / 3)},
        "train": {"rows": 2, "leaked": 1, "share": 0.5},
    }
    assert leaks.add_to(df)["leak_part"].fillna("-").tolist() == ["test", "-", "train", "-", "train"]
    assert "leaked=3" in repr(leaks)


def test_the_picker_shows_the_least_similar_pairs_of_each_level():
    """Each level shows the pairs just above it, and counts what it would drop."""
    angles = np.radians([0, 2, 60, 70, 150])
    df = pd.DataFrame({"v": list(np.column_stack([np.cos(angles), np.sin(angles)])), "name": list("abcde")})
    shown = df.mmembed.duplicate_levels("v", [0.9, 0.99], show="name")
    assert shown[["level", "dropped"]].to_numpy().tolist() == [[0.99, 1], [0.9, 2]]
    assert (shown["name_left"] + shown["name_right"]).tolist() == ["ab", "cd"]
    assert shown["similarity"].tolist() == pytest.approx([np.cos(np.radians(2)), np.cos(np.radians(10))])
    levels = duplicate_levels(df["v"], [0.9, 0.99])
    assert levels.summary()["share"].tolist() == [0.2, 0.4]
    assert repr(levels).startswith("DuplicateLevels(rows=5, dropped={0.99: 1, 0.9: 2}, suggested=")
    assert {"name_left", "name_right"} <= set(df.mmembed.duplicate_levels("v").columns)


@pytest.mark.parametrize("threshold", [1.01, -2, float("nan")])
def test_a_threshold_that_is_no_cosine_is_refused(threshold):
    """The error says what a threshold is."""
    for call in (find_duplicates, lambda v, t: duplicate_levels(v, [t]), lambda v, t: find_leaks(v, [1, 2, 2], t)):
        with pytest.raises(ValueError, match="from -1 to 1"):
            call(np.eye(3, dtype=np.float32), threshold)


def test_nothing_to_compare():
    """No rows, no vectors, and zero vectors alone have no duplicates."""
    empty = VectorArray.from_matrix(np.empty((0, 2), dtype=np.float32))
    assert len(find_duplicates(empty).groups()) == 0
    assert duplicate_levels(empty).dropped == (0,) * 6
    assert find_duplicates(np.zeros((3, 2), dtype=np.float32)).representatives.tolist() == [0, 1, 2]
    assert find_leaks(np.zeros((2, 2), dtype=np.float32), [1, 2]).twins.tolist() == [-1, -1]


def test_lengths_of_arguments_are_checked():
    """Prefer and split have one value a row."""
    with pytest.raises(ValueError, match="prefer has 1"):
        find_duplicates(np.eye(3, dtype=np.float32), prefer=[1])
    with pytest.raises(ValueError, match="The split has 2"):
        find_leaks(np.eye(3, dtype=np.float32), ["a", "b"])
    with pytest.raises(ValueError, match="levels is empty"):
        duplicate_levels(np.eye(3, dtype=np.float32), [])
    with pytest.raises(ValueError, match="at least 1"):
        duplicate_levels(np.eye(3, dtype=np.float32), examples=0)
