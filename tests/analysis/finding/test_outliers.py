"""Rows that lie apart: alone, in groups of their like, and by the local outlier factor on the shared graph."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor

from mmembed.analysis.finding.outliers import OutlierReference, find_outliers
from mmembed.vectors import VectorArray


def test_scores_are_those_of_scikit_learn():
    """On unit vectors with Euclidean distance, which is the chord, the two agree."""
    rows = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    theirs = -LocalOutlierFactor(n_neighbors=10, algorithm="brute").fit(units).negative_outlier_factor_
    np.testing.assert_allclose(find_outliers(rows, k=10).scores, theirs, rtol=1e-3)


def test_the_row_between_the_groups_is_the_outlier():
    """A tight and a loose group have scores near 1; one row far from both has the greatest."""
    random = np.random.default_rng(1)
    tight, loose = np.eye(2, 20)[0] + random.normal(size=(2, 60, 20)) * np.array([0.02, 0.2]).reshape(2, 1, 1)
    loose += 3 * np.eye(20)[1]
    lonely = -np.ones((1, 20))
    rows = np.concatenate([tight, loose, lonely]).astype(np.float32)
    assert int(find_outliers(rows).scores.argmax()) == 120
    found = find_outliers(rows, k=15)
    assert int(found.scores.argmax()) == 120
    assert np.median(found.scores[:60]) == pytest.approx(1, abs=0.15)
    assert np.median(found.scores[60:120]) == pytest.approx(1, abs=0.15)
    worst = found.exemplars(1)
    assert worst["position"].tolist() == [120]
    assert worst["nearest"].iloc[0] == found.neighbors[120] < 120
    assert "greatest score" in repr(found)


def test_equal_rows_have_one_score_and_missing_rows_none():
    """Repetition makes nothing normal, and the order of the rows does not matter."""
    rows = np.random.default_rng(2).normal(size=(40, 4)).astype(np.float32)
    df = pd.DataFrame({"v": VectorArray.from_matrix(rows[[*range(40), 3, 3]], mask=[False] * 41 + [True])})
    scored = df.mmembed.outliers("v", k=5)
    assert list(df) == ["v"]
    assert scored["outlier_score"].iloc[3] == scored["outlier_score"].iloc[40]
    assert np.isnan(scored["outlier_score"].iloc[41])
    order = np.random.default_rng(3).permutation(42)
    again = df.iloc[order].mmembed.outliers("v", k=5)
    np.testing.assert_array_equal(again["outlier_score"], scored["outlier_score"].iloc[order])


@pytest.mark.parametrize("n_rows", [0, 1, 2])
def test_few_rows_have_nothing_to_compare_with(n_rows):
    """No crash; a single row is as normal as can be."""
    found = find_outliers(VectorArray.from_matrix(np.eye(2, dtype=np.float32)[:n_rows]))
    assert found.scores.tolist() == [1.0] * n_rows
    assert len(found.exemplars()) == n_rows


@pytest.mark.parametrize("n_rows", [5, 9, 10, 11, 12, 20])
def test_the_foreign_row_of_a_small_table_stands_out(n_rows):
    """An outlier is not hidden by its being among the neighbours of every row; without one no row stands out."""
    random = np.random.default_rng(n_rows)
    rows = 0.15 * random.normal(size=(n_rows, 64)) + np.eye(64)[0]
    assert find_outliers(rows.astype(np.float32)).scores.max() < 1.2
    rows[0] += np.eye(64)[1] - np.eye(64)[0]
    scores = find_outliers(rows.astype(np.float32)).scores
    assert scores.argmax() == 0
    assert scores[0] > 1.2 > scores[1:].max()
    reference = OutlierReference.learn(rows.astype(np.float32), None)
    np.testing.assert_allclose(reference.scores(rows.astype(np.float32)), scores, rtol=1e-5)


def test_k_below_one_is_refused():
    """The error says what to give."""
    with pytest.raises(ValueError, match="at least 1"):
        find_outliers(np.eye(2, dtype=np.float32), k=0)


def test_kinds_are_told_apart():
    """With each kind's mean removed, a row is not an outlier for being of the rarer kind."""
    random = np.random.default_rng(4)
    meaning = random.normal(size=(30, 8))
    rows = np.concatenate([meaning, meaning[:3]]).astype(np.float32)
    rows[:30, 0] += 10
    rows[30:, 1] += 10
    kinds = ["text"] * 30 + ["image"] * 3
    plain, centred = find_outliers(rows, 5).scores, find_outliers(rows, 5, kinds=kinds).scores
    assert plain[30:].min() > 2 > centred[30:].max()


@pytest.mark.parametrize("n_foreign", [1, 12, 40, 60])
@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_foreign_rows_are_found_alone_and_in_groups_of_their_like(n_foreign, spread):
    """Whether they are alike or loosely so, nearly all rows of a table lie deeper in it than rows of another one."""
    random = np.random.default_rng(n_foreign)
    subjects = random.normal(size=(6, 64))
    rows = subjects[random.integers(0, 6, 1700)] + random.normal(size=(1700, 64))
    foreign = 2 * random.normal(size=64) - subjects.mean(axis=0) + spread * random.normal(size=(n_foreign, 64))
    scores = find_outliers(np.concatenate([rows, foreign]).astype(np.float32)).scores
    assert roc_auc_score(np.arange(1700 + n_foreign) >= 1700, scores) > 0.95


@pytest.mark.parametrize("n_foreign", [1, 12, 40, 60])
@pytest.mark.parametrize("spread", [0.5, 1.0])
def test_rows_of_a_loose_table_do_not_hide_foreign_ones(n_foreign, spread):
    """Many rows that lie apart from others of their subject, as texts do, are less odd than a group from elsewhere."""
    random = np.random.default_rng(5)
    subjects = random.normal(size=(6, 64))
    apart = np.sqrt(3 / random.chisquare(3, size=(1700, 1)))
    rows = subjects[random.integers(0, 6, 1700)] + apart * random.normal(size=(1700, 64))
    foreign = random.normal(size=64) - subjects.mean(axis=0) / 2 + spread * random.normal(size=(n_foreign, 64))
    scores = find_outliers(np.concatenate([rows, foreign]).astype(np.float32)).scores
    assert roc_auc_score(np.arange(1700 + n_foreign) >= 1700, scores) > 0.95


def test_a_row_beside_a_dense_group_is_found_in_a_table_of_loose_ones():
    """It lies nearer to others than rows of loose groups do, and is told by how dense its neighbours lie."""
    random = np.random.default_rng(6)
    centers = 4 * np.eye(3, 32)
    dense = centers[0] + 0.02 * random.normal(size=(300, 32))
    loose = centers[random.integers(1, 3, 600)] + 0.6 * random.normal(size=(600, 32))
    beside = centers[0] + 0.1 * random.normal(size=(1, 32))
    scores = find_outliers(np.concatenate([dense, loose, beside]).astype(np.float32)).scores
    assert (scores[:-1] < scores[-1]).mean() > 0.98


def test_a_sample_tells_of_foreign_rows_in_a_table_of_many():
    """Of more than 5,000 rows the distance is to one of high rank in a sample, and the ordinary score is about 1."""
    random = np.random.default_rng(11)
    subjects = random.normal(size=(6, 16))
    rows = subjects[random.integers(0, 6, 20_500)] + 0.5 * random.normal(size=(20_500, 16))
    foreign = -3 * subjects.mean(axis=0) + 0.1 * random.normal(size=(60, 16))
    scores = find_outliers(np.concatenate([rows, foreign]).astype(np.float32)).scores
    assert roc_auc_score(np.arange(20_560) >= 20_500, scores) > 0.95
    assert np.median(scores[:20_500]) == pytest.approx(1, abs=0.1)
