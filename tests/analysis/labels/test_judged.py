"""Labels learned from a judge that errs: right scores, and how often it errs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from mmembed.analysis.labels.judged import fit_judged
from mmembed.analysis.labels.scores import calibration_error, reliability
from mmembed.vectors import VectorArray


def answers_of(truth, *, accuracy, rows, seed):
    """Return what a judge says of some rows: the truth, or another class."""
    chance = np.random.default_rng(seed)
    classes = np.unique(truth)
    answers = pd.Series([None] * len(truth), dtype=object)
    for row in chance.choice(len(truth), rows, replace=False):
        is_right = chance.random() < accuracy
        answers.iloc[row] = truth[row] if is_right else chance.choice(classes[classes != truth[row]])
    return answers


@pytest.fixture(scope="module")
def digits():
    """Return pixels of digits and what they are."""
    pixels, digit = load_digits(return_X_y=True)
    return pixels.astype(np.float32), digit.astype(str)


@pytest.mark.parametrize("accuracy", [0.9, 1.0])
def test_scores_are_those_of_the_truth(digits, accuracy):
    """The calibration error against the truth is at most .08 on rows that the judge did not see."""
    vectors, truth = digits
    answers = answers_of(truth, accuracy=accuracy, rows=200, seed=11)
    found = fit_judged(vectors, answers)
    others = answers.isna().to_numpy()
    right = (np.asarray(found.labels) == truth)[others]
    assert calibration_error(reliability(found.scores[others].astype(float), right)) <= 0.08
    assert right.mean() > 0.85
    assert found.judge_accuracy == pytest.approx(accuracy, abs=0.06)


def test_without_correction_scores_are_too_low(digits):
    """What is learned from a judge of 90 % is at most nine tenths sure of him; the truth is surer."""
    vectors, truth = digits
    answers = answers_of(truth, accuracy=0.9, rows=200, seed=11)
    found = fit_judged(vectors, answers)
    plain = found.classifier.predict_probabilities(vectors).to_numpy().max(axis=1)
    assert plain.mean() < found.scores.mean() - 0.05
    assert np.array_equal(found.classifier.predict(vectors), found.labels)


def test_rows_without_a_vector_and_unsure_ones_have_no_label(digits):
    """A missing vector has neither label nor score; under the threshold there is a score and no label."""
    vectors, truth = digits
    array = VectorArray.from_matrix(vectors.copy(), mask=np.arange(len(vectors)) == 5)
    answers = answers_of(truth, accuracy=1.0, rows=150, seed=3)
    found = fit_judged(array, answers, threshold=0.9)
    assert pd.isna(found.labels[5])
    assert np.isnan(found.scores[5])
    open_rows = pd.isna(pd.Series(found.labels)).to_numpy(copy=True)
    open_rows[5] = False
    assert open_rows.any()
    assert (found.scores[open_rows] < 0.9).all()


def test_one_label_is_nothing_to_learn(digits):
    """A judge that always says the same is refused by what learns."""
    vectors, truth = digits
    answers = pd.Series([None] * len(truth), dtype=object)
    answers.iloc[:10] = "3"
    with pytest.raises(ValueError, match="at least 2"):
        fit_judged(vectors, answers)
