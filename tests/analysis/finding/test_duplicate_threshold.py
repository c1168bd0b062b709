"""The level of near duplicates that a table tells itself."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mmembed.analysis.finding.duplicate_threshold import levels_about
from mmembed.analysis.finding.duplicates import duplicate_levels, find_duplicates, tell_many_dropped
from mmembed.analysis.finding.leaks import find_leaks


def table(n_rows=800, n_copies=60, dimension=96, cone=0.0, seed=0):
    """Return rows on some subjects, edited copies of the first ones at the end, and the origin of each."""
    random = np.random.default_rng(seed)
    subjects = random.normal(size=(12, dimension))
    rows = subjects[random.integers(0, 12, n_rows)] + 1.2 * random.normal(size=(n_rows, dimension))
    edits = np.exp(random.uniform(np.log(0.03), np.log(0.35), size=(n_copies, 1)))
    copies = rows[:n_copies] + edits * random.normal(size=(n_copies, dimension))
    matrix = np.concatenate([rows, copies])
    matrix[:, 0] += cone * np.linalg.norm(rows, axis=1).mean()
    return matrix.astype(np.float32), np.concatenate([np.arange(n_rows), np.arange(n_copies)])


@pytest.mark.parametrize("cone", [0, 1, 3])
@pytest.mark.parametrize("n_copies", [8, 60, 400])
def test_copies_are_found_whatever_the_cosines_of_the_model_are(cone, n_copies):
    """In a narrow cone, where all cosines are above .9, as well as in one where none but those of copies are."""
    matrix, origin = table(n_copies=n_copies, cone=cone)
    found = find_duplicates(matrix)
    assert found.threshold_source == "gap"
    dropped = np.flatnonzero(found.is_duplicate)
    right = origin[dropped] == origin[found.representatives[dropped]]
    assert right.mean() > 0.9
    assert right.sum() > 0.85 * n_copies
    assert "(auto: few pairs lie about it)" in repr(found)


def test_several_copies_of_every_row_are_found():
    """Where each row's nearest one is a copy, the rest is still told from them by the steps between neighbours."""
    random = np.random.default_rng(3)
    rows = np.repeat(random.normal(size=(300, 64)), 3, axis=0)
    matrix = rows + 0.1 * random.normal(size=rows.shape)
    found = find_duplicates(matrix.astype(np.float32))
    assert found.threshold_source == "gap"
    assert found.representatives.tolist() == (np.arange(900) // 3 * 3).tolist()


@pytest.mark.parametrize("cone", [0, 3])
def test_few_rows_go_where_nothing_sets_copies_apart(cone):
    """The nearest pairs only, and the result says so; in a cone at .95 nearly all rows would go."""
    matrix, _ = table(n_copies=0, cone=cone)
    found = find_duplicates(matrix)
    assert found.threshold_source == "rarest"
    assert found.is_duplicate.mean() <= 0.01
    assert "nothing sets copies apart" in repr(found)


@pytest.mark.parametrize("n_rows", [0, 1, 2, 5])
def test_a_few_rows_are_compared_strictly(n_rows):
    """There is nothing to learn a level from."""
    matrix = np.eye(6, dtype=np.float32)[:n_rows]
    assert find_duplicates(matrix).threshold == 0.999
    assert not find_duplicates(matrix).is_duplicate.any()
    assert find_duplicates(np.array([[1, 0], [1, 0.01], [0, 1]], dtype=np.float32)).representatives.tolist() == [
        0,
        0,
        2,
    ]


def test_leaks_are_found_at_the_same_level():
    """One level for one table."""
    matrix, _ = table()
    leaks = find_leaks(matrix, ["train"] * 800 + ["test"] * 60)
    assert leaks.threshold == find_duplicates(matrix).threshold
    assert (leaks.twins[800:] >= 0).mean() > 0.85
    assert "auto" in repr(leaks)


def test_levels_are_shown_about_the_suggested_one():
    """Strict to loose, with the suggested one marked; of levels that are given, the loosest that is no looser."""
    matrix, _ = table()
    best = find_duplicates(matrix).threshold
    levels = duplicate_levels(matrix)
    assert levels.levels == levels_about(best)
    assert levels.summary().query("suggested")["level"].tolist() == [best]
    assert list(levels.dropped) == sorted(levels.dropped)
    df = pd.DataFrame({"v": list(matrix), "name": range(len(matrix))})
    shown = df.mmembed.duplicate_levels("v", [0.999, best + 1e-4, best - 0.1], show="name")
    assert shown.loc[shown["suggested"], "level"].unique().tolist() == [best + 1e-4]
    assert duplicate_levels(matrix, [-0.5]).suggested is None


def test_an_unknown_word_is_refused():
    """The error says what can be given."""
    with pytest.raises(ValueError, match="Give 'auto' or a cosine"):
        find_duplicates(np.eye(3, dtype=np.float32), "automatic")


def test_nothing_is_said_of_equal_rows_and_of_few():
    """More than a fifth of a table may go without a word if only equal rows go."""
    matrix = np.eye(5, dtype=np.float32)[[0, 1, 2, 3, 4, 0, 1, 2, 3]]
    tell_many_dropped(find_duplicates(matrix), len(matrix), stacklevel=2)
    matrix[0, 4] = 0.1
    tell_many_dropped(find_duplicates(matrix, 0.99), 100, stacklevel=2)
    with pytest.warns(UserWarning, match=r"4 of 9 rows are dropped at threshold=0.99.*row 5, for which row 0 stays"):
        tell_many_dropped(find_duplicates(matrix, 0.99), len(matrix), stacklevel=2)
    by_contents = replace(find_duplicates(matrix, 0.99), threshold_source="pairs")
    with pytest.warns(UserWarning, match=r"because their contents are copies.*the vectors alone decide"):
        tell_many_dropped(by_contents, len(matrix), stacklevel=2)
