"""Few labels: prototypes, and descriptions that stand in where rows are missing."""

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from mmembed.analysis import fit_classifier
from mmembed.analysis.labels.kernel_classifier import KernelClassifier
from mmembed.analysis.labels.prototypes import DescribedClassifier, ShrunkenPrototypes
from mmembed.errors import SpaceMismatchError
from mmembed.vectors import VectorArray


@parametrize_with_checks([ShrunkenPrototypes()])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_it_keeps_the_rules_of_scikit_learn(estimator, check):
    """All checks for classifiers pass."""
    check(estimator)


@pytest.fixture(scope="module")
def topics():
    """Return 400 noisy rows of 8 classes in 64 dimensions, their classes, and noisy descriptions on another offset."""
    random = np.random.default_rng(0)
    centers = random.normal(size=(8, 64))
    truth = np.arange(400) % 8
    rows = centers[truth] + random.normal(scale=2.2, size=(400, 64)) + 3
    described = centers + random.normal(scale=1.2, size=(8, 64)) - 2
    return rows.astype(np.float32), truth, described.astype(np.float32)


@pytest.mark.parametrize("shots", [1, 2, 4])
def test_rows_and_descriptions_are_better_than_either(topics, shots):
    """Shrunk prototypes beat those of the rows alone and the descriptions alone."""
    rows, truth, described = topics
    known = np.arange(8 * shots)
    rest = np.arange(8 * 4, 400)
    center = rows.mean(axis=0)
    both = ShrunkenPrototypes(descriptions=described, center=center).fit(rows[known], truth[known])
    alone = ShrunkenPrototypes(center=center).fit(rows[known], truth[known])
    words = ShrunkenPrototypes(descriptions=described, center=center, worth=1e6).fit(rows[known], truth[known])
    scores = [one.score(rows[rest], truth[rest]) for one in (both, alone, words)]
    assert scores[0] > max(scores[1:])


def test_described_classes_need_no_row(topics):
    """Classes that no row has are predicted from their description, and the experiment goes on with the others."""
    rows, truth, described = topics
    names = pd.Series([f"c{one}" for one in truth], name="topic").where((truth < 6) & (np.arange(400) < 80))
    found = fit_classifier(rows, names, descriptions={f"c{one}": described[one] for one in range(8)})
    assert list(found.classes) == [f"c{one}" for one in range(8)]
    predicted = np.asarray(found.predict(rows[200:]))
    assert (predicted == [f"c{one}" for one in truth[200:]])[truth[200:] >= 6].mean() > 0.6
    assert isinstance(found.estimator, ShrunkenPrototypes)
    assert found.accuracy > 0.6
    assert np.isfinite(found.scores().loc["log_loss", "value"])


def test_several_descriptions_are_averaged(topics):
    """A class may have a matrix of descriptions, a Vector or an array."""
    rows, truth, described = topics
    given = {one: described[one] for one in range(8)}
    given[0] = np.vstack([described[0] * 2, described[0]])
    given[1] = VectorArray.from_matrix(described[1:2])[0]
    target = pd.Series(truth, dtype="Int64").where(np.arange(400) < 40)
    plain = fit_classifier(rows, target, descriptions={one: described[one] for one in range(8)})
    assert list(fit_classifier(rows, target, descriptions=given).predict(rows)) == list(plain.predict(rows))


def test_few_rows_without_descriptions_are_prototypes(topics):
    """With one or two rows a class the default is their mean, with more the kernel classifier."""
    rows, truth, _ = topics
    target = pd.Series(truth, dtype="Int64")
    assert isinstance(fit_classifier(rows, target.where(np.arange(400) < 16)).estimator, ShrunkenPrototypes)
    assert not isinstance(fit_classifier(rows, target.where(np.arange(400) < 40)).estimator, ShrunkenPrototypes)


def test_probabilities_of_few_rows_are_not_too_sure(topics):
    """Leaving rows out sets the temperature: confidence is near the share that is right."""
    rows, truth, described = topics
    fitted = ShrunkenPrototypes(descriptions=described, center=rows.mean(axis=0)).fit(rows[:24], truth[:24])
    probabilities = fitted.predict_proba(rows[24:])
    right = probabilities.argmax(axis=1) == truth[24:]
    assert probabilities.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.12)


def test_wrong_descriptions_are_explained(topics):
    """Missing, empty or foreign descriptions are refused by name."""
    rows, truth, described = topics
    given = {one: described[one] for one in range(8)}
    with pytest.raises(ValueError, match="Classes without a description: '7'"):
        fit_classifier(rows, truth, descriptions={one: given[one] for one in range(7)})
    with pytest.raises(ValueError, match="description of '3' has no vector"):
        fit_classifier(rows, truth, descriptions={**given, 3: np.empty((0, 64), dtype=np.float32)})
    with pytest.raises(SpaceMismatchError):
        fit_classifier(
            VectorArray.from_matrix(rows, "here"),
            truth,
            descriptions={**given, 3: VectorArray.from_matrix(described[:1], "there")},
        )
    with pytest.raises(ValueError, match="do not fit rows of 64 numbers"):
        ShrunkenPrototypes(descriptions=described[:3]).fit(rows, truth)


def test_one_row_for_each_of_many_classes():
    """One row a class is what prototypes are for: there is no warning, and each row is its own class."""
    rows = np.random.default_rng(0).normal(size=(40, 16)).astype(np.float32)
    assert ShrunkenPrototypes().fit(rows, np.arange(40)).predict(rows).tolist() == list(range(40))


@pytest.mark.parametrize("shots", [3, 20, 40])
def test_descriptions_never_cost_accuracy(topics, shots):
    """With descriptions a classifier is as often right as the better of prototypes and rows alone, but for chance."""
    random = np.random.default_rng(3)
    rows, truth, described = topics
    more = rows[truth == 0] * 0 + random.normal(size=64) * 2  # a class that no prototype stands for: two far parts
    rows = rows.copy()
    rows[truth == 0] += np.where(np.arange((truth == 0).sum()) % 2 == 0, 1, -1)[:, None] * more
    known, rest = np.arange(8 * shots), np.arange(8 * 40, 400)
    center = rows.mean(axis=0)
    both = DescribedClassifier(descriptions=described, center=center, random_state=0).fit(rows[known], truth[known])
    plain = ShrunkenPrototypes(descriptions=described, center=center).fit(rows[known], truth[known])
    alone = KernelClassifier(random_state=0).fit(rows[known], truth[known])
    scores = [one.score(rows[rest], truth[rest]) for one in (both, plain, alone)]
    assert scores[0] >= max(scores[1:]) - 0.03


def test_the_share_of_descriptions_falls_with_rows(topics):
    """One row a class leaves the answer to prototypes; wrong descriptions lose their say where rows tell."""
    rows, truth, described = topics
    shares = [
        DescribedClassifier(descriptions=words, random_state=0).fit(rows[:n], truth[:n]).share_
        for words, n in ((described, 8), (described, 320), (described[::-1] * -1, 320))
    ]
    assert shares[0] == 1
    assert shares[2] <= shares[1] < 1


@parametrize_with_checks([DescribedClassifier(random_state=0)])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_the_mixture_keeps_the_rules_of_scikit_learn(estimator, check):
    """All checks for classifiers pass."""
    check(estimator)
