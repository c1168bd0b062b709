"""The default classifier: an estimator like any other of scikit-learn, with probabilities that mean something."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.utils.estimator_checks import parametrize_with_checks

from mmembed.analysis.labels.kernel_classifier import KernelClassifier


@parametrize_with_checks([KernelClassifier(random_state=0)])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_it_keeps_the_rules_of_scikit_learn(estimator, check):
    """All checks for classifiers pass, so that it works in pipelines, searches and ensembles."""
    check(estimator)


def test_thirty_percent_of_the_digits_teach_the_rest():
    """From 30 % of the rows at least 95.5 % of the others are right."""
    pictures, digit = load_digits(return_X_y=True)
    pictures /= np.linalg.norm(pictures, axis=1, keepdims=True)
    known, others, y, truth = train_test_split(pictures, digit, train_size=0.3, stratify=digit, random_state=1)
    assert KernelClassifier(random_state=0).fit(known, y).score(others, truth) >= 0.955


def test_embeddings_are_learned_as_by_tuned_logistic_regression():
    """On the digits it is more often right than logistic regression at its best strength, and surer of the truth."""
    pictures, digit = load_digits(return_X_y=True)
    pictures /= np.linalg.norm(pictures, axis=1, keepdims=True)
    known, others, y, truth = train_test_split(pictures, digit, test_size=0.5, stratify=digit, random_state=2)
    ours = KernelClassifier(random_state=0).fit(known, y)
    theirs = [LogisticRegression(C=strength, max_iter=500).fit(known, y) for strength in (10, 100)]
    assert ours.score(others, truth) > max(one.score(others, truth) for one in theirs)
    losses = [log_loss(truth, one.predict_proba(others)) for one in (ours, *theirs)]
    assert losses[0] == min(losses)


def test_a_ring_is_told_from_its_middle():
    """Classes that no plane parts are told apart."""
    random = np.random.default_rng(1)
    angle = random.uniform(0, 2 * np.pi, 200)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) + random.normal(scale=0.1, size=(200, 2))
    rows = np.vstack([ring, random.normal(scale=0.2, size=(200, 2))])
    found = KernelClassifier(random_state=0).fit(rows, np.repeat(["ring", "middle"], 200))
    assert found.predict([[0, 0], [1, 0], [0, -1]]).tolist() == ["middle", "ring", "ring"]


def test_a_class_between_two_others_is_not_lost():
    """Least squares alone would never choose the middle one of three classes in a line."""
    random = np.random.default_rng(8)
    y = np.repeat([0, 1, 2], 300)
    rows = (y + random.normal(scale=0.15, size=900))[:, None]
    found = KernelClassifier(width=1e4, random_state=0).fit(rows, y)
    assert found.predict([[0.0], [1.0], [2.0]]).tolist() == [0, 1, 2]
    assert found.score(rows, y) > 0.97


def test_probabilities_are_those_of_new_rows():
    """Where classes overlap, of new rows that are given .7 to .8 about three quarters have the class."""
    random = np.random.default_rng(9)
    y = random.integers(0, 3, 6000)
    rows = np.eye(8)[y] + random.normal(scale=0.7, size=(6000, 8))
    likely = KernelClassifier(random_state=0).fit(rows[:1500], y[:1500]).predict_proba(rows[1500:])
    best = likely.max(axis=1)
    part = (best > 0.7) & (best < 0.8)
    assert part.sum() > 300
    assert (likely.argmax(axis=1) == y[1500:])[part].mean() == pytest.approx(0.75, abs=0.06)


def test_rare_classes_count_as_much_when_balanced():
    """Balanced weights find more of a rare class that overlaps; without them its share is kept."""
    random = np.random.default_rng(2)
    y = np.repeat([0, 1], [950, 50])
    rows = random.normal(size=(1000, 2)) + y[:, None]
    plain = KernelClassifier(random_state=0).fit(rows, y)
    balanced = KernelClassifier(class_weight="balanced", random_state=0).fit(rows, y)
    assert plain.predict_proba(rows)[:, 1].mean() == pytest.approx(0.05, abs=0.01)
    found = [(one.predict(rows)[y == 1] == 1).mean() for one in (plain, balanced)]
    assert found[0] < 0.3
    assert found[1] > 0.7


def test_more_features_than_rows_and_more_rows_than_landmarks():
    """Few long rows and many short ones take different roads to the same kind of answer."""
    random = np.random.default_rng(3)
    few = random.normal(size=(12, 300))
    few[:6, 0] += 30
    assert KernelClassifier(random_state=0).fit(few, [1] * 6 + [0] * 6).score(few, [1] * 6 + [0] * 6) == 1
    y = np.arange(3000) % 3
    many = (np.eye(3)[y] * 4 + random.normal(size=(3000, 3))).astype(np.float32)
    fitted = KernelClassifier(n_features=40, random_state=0).fit(many, y)
    assert fitted.score(many, y) > 0.95


@pytest.mark.usefixtures("two_threads")
def test_same_seed_same_probabilities():
    """Landmarks and folds come from random_state alone."""
    rows = np.random.default_rng(4).normal(size=(700, 5))
    y = (rows[:, 0] > 0).astype(int)
    first, second = (KernelClassifier(n_features=50, random_state=7).fit(rows, y).predict_proba(rows) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"width": 0}, "width=0"), ({"penalty": -1}, "penalty=-1"), ({"n_features": 0}, "n_features=0")],
)
def test_wrong_parameters_are_named(wrong, message):
    """The message names the parameter and the value."""
    with pytest.raises(ValueError, match=message):
        KernelClassifier(**wrong).fit([[0.0], [1.0]], [0, 1])


def test_a_class_of_one_row_stays_possible():
    """What was learned from rows left out says nothing about a class of which none could be left out."""
    random = np.random.default_rng(10)
    y = np.append(np.arange(200) % 2, 2)
    rows = (np.eye(5)[y] * 3 + random.normal(scale=0.5, size=(201, 5))).astype(np.float32)
    fitted = KernelClassifier(random_state=0).fit(rows, y)
    assert fitted.predict([[0, 0, 3, 0, 0]]).tolist() == [2]


def test_rows_of_one_group_do_not_judge_each_other():
    """A label that follows the group, not the vector, is not believed when groups are told."""
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(30), 20)
    rows = random.normal(size=(30, 40))[groups] + random.normal(scale=0.05, size=(600, 40))
    y = random.integers(0, 2, 30)[groups]
    apart = KernelClassifier(random_state=0).fit(rows, y)
    together = KernelClassifier(random_state=0).fit(rows, y, groups=groups)
    new = random.normal(size=(500, 40))
    assert min(loss for _, loss in apart.trials_) < 0.05
    assert min(loss for _, loss in together.trials_) > 0.5
    assert together.predict_proba(new).max(axis=1).mean() < 0.75 < apart.predict_proba(new).max(axis=1).mean()


def test_fits_from_one_reading_are_fits_without_each_part():
    """The fit without a part gives what a fit on the other rows gives, and the last one what a plain fit does."""
    random = np.random.default_rng(11)
    y = np.arange(400) % 3
    rows = (np.eye(6)[y] + random.normal(scale=0.5, size=(400, 6))).astype(np.float32)
    parts = np.where(np.arange(400) < 20, -1, np.arange(400) % 4)
    recipe = KernelClassifier(penalty=0.01, random_state=0)
    fits = list(recipe.fit_without(rows, y, np.arange(400), parts))
    assert len(fits) == 5
    for part, fitted in enumerate(fits):
        plain = KernelClassifier(penalty=0.01, random_state=0).fit(rows[parts != part], y[parts != part])
        assert fitted.predict_proba(rows) == pytest.approx(plain.predict_proba(rows), abs=0.03)
    assert fits[-1].predict_proba(rows) == pytest.approx(recipe.fit(rows, y).predict_proba(rows), abs=1e-3)


def test_a_class_that_only_the_part_has_is_not_known_without_it():
    """Classes of a fit are those of its rows; where fewer than two are left it is unfitted."""
    rows = np.random.default_rng(12).normal(size=(40, 3)).astype(np.float32)
    y, parts = np.repeat([0, 1, 4, 7], 10), np.repeat([0, 1, 0, 1], 10)
    fits = list(KernelClassifier(random_state=0).fit_without(rows, y, np.arange(40), parts))
    assert [one.classes_.tolist() for one in fits] == [[1, 7], [0, 4], [0, 1, 4, 7]]
    alone = list(KernelClassifier(random_state=0).fit_without(rows[:20], y[:20], np.arange(20), parts[:20]))
    assert [hasattr(one, "classes_") for one in alone] == [False, False, True]


@pytest.mark.parametrize("rare", [1, 3, 8])
def test_a_class_of_twenty_rows_is_found_as_by_logistic_regression(rare):
    """Beside some thousand other rows, more of its rows are found, and what is found is as often right."""
    pictures, digit = load_digits(return_X_y=True)
    pictures /= np.linalg.norm(pictures, axis=1, keepdims=True)
    known, others, y, truth = train_test_split(pictures, digit, train_size=0.6, stratify=digit, random_state=3)
    keep = (y != rare) | (np.cumsum(y == rare) <= 20)
    theirs = LogisticRegression(C=10, max_iter=500).fit(known[keep], y[keep]).predict(others)
    for ours in (KernelClassifier(random_state=0), KernelClassifier(class_weight="balanced", random_state=0)):
        said = ours.fit(known[keep], y[keep]).predict(others)
        assert (said == rare)[truth == rare].mean() >= (theirs == rare)[truth == rare].mean()
        assert (truth == rare)[said == rare].mean() > 0.95


@pytest.mark.ours
def test_landmarks_are_all_rows_up_to_three_thousand():
    """Of more rows 2,048 means are as good; a number that is given counts."""
    random = np.random.default_rng(13)
    rows = random.normal(size=(3100, 4)).astype(np.float32)
    y = (rows[:, 0] + rows[:, 1] ** 2 > 0.5).astype(int)
    counts = [
        len(KernelClassifier(n_features=number, random_state=0).fit(rows[:size], y[:size])._landmarks.rows)
        for number, size in (("auto", 900), ("auto", 3100), (50, 900))
    ]
    assert counts == [900, 2048, 50]


def test_one_penalty_is_looked_at_on_all_rows_of_a_small_table():
    """What few landmarks find is about as good as the penalties beside it, which are not tried."""
    pictures, digit = load_digits(return_X_y=True)
    pictures /= np.linalg.norm(pictures, axis=1, keepdims=True)
    known, others, y, truth = train_test_split(pictures, digit, test_size=0.2, stratify=digit, random_state=4)
    found = KernelClassifier(random_state=0).fit(known, y)
    assert len(found.trials_) == 1
    beside = [KernelClassifier(penalty=found.penalty_ * by, random_state=0).fit(known, y) for by in (10**-0.5, 10**0.5)]
    losses = [log_loss(truth, one.predict_proba(others)) for one in (found, *beside)]
    assert losses[0] <= 1.1 * min(losses)
    assert found.score(others, truth) >= max(one.score(others, truth) for one in beside) - 0.005
