"""The default classifier: an estimator like any other of scikit-learn, with probabilities that mean something."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.utils.estimator_checks import parametrize_with_checks

from mmembed.analysis.labels.logistic import KernelLogistic
from mmembed.analysis.labels.softmax import fit_softmax, softmax


@parametrize_with_checks([KernelLogistic(random_state=0)])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_it_keeps_the_rules_of_scikit_learn(estimator, check):
    """All checks for classifiers pass, so that it works in pipelines, searches and ensembles."""
    check(estimator)


def test_thirty_percent_of_the_digits_teach_the_rest():
    """From 30 % of the rows at least 95.5 % of the others are right."""
    pictures, digit = load_digits(return_X_y=True)
    pictures /= np.linalg.norm(pictures, axis=1, keepdims=True)
    known, others, y, truth = train_test_split(pictures, digit, train_size=0.3, stratify=digit, random_state=1)
    assert KernelLogistic(random_state=0).fit(known, y).score(others, truth) >= 0.955


def test_the_linear_fit_is_logistic_regression():
    """With as many features as numbers, a kernel of planes and one strength it gives scikit-learn's probabilities."""
    random = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 60)
    rows = (np.eye(6)[y] + random.normal(scale=0.6, size=(180, 6))).astype(np.float32)
    rows -= rows.mean(axis=0)
    rows /= np.sqrt((rows**2).sum(axis=1).mean())
    ours = KernelLogistic(kernel="linear", strength=10.0, random_state=0).fit(rows, y)
    ours.temperature_ = 1.0
    theirs = LogisticRegression(C=10, tol=1e-8, max_iter=5000).fit(rows, y)
    assert np.abs(ours.predict_proba(rows) - theirs.predict_proba(rows)).max() < 0.005


def test_a_ring_is_told_from_its_middle():
    """Where no plane parts the classes the Gaussian kernel is chosen, and does."""
    random = np.random.default_rng(1)
    angle = random.uniform(0, 2 * np.pi, 200)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) + random.normal(scale=0.1, size=(200, 2))
    rows = np.vstack([ring, random.normal(scale=0.2, size=(200, 2))])
    found = KernelLogistic(random_state=0).fit(rows, np.repeat(["ring", "middle"], 200))
    assert found.kernel_ == "gaussian"
    assert found.predict([[0, 0], [1, 0], [0, -1]]).tolist() == ["middle", "ring", "ring"]


def test_rare_classes_count_as_much_when_balanced():
    """Balanced weights find more of a rare class that overlaps; without them its share is kept."""
    random = np.random.default_rng(2)
    y = np.repeat([0, 1], [950, 50])
    rows = random.normal(size=(1000, 2)) + y[:, None]
    plain = KernelLogistic(kernel="linear", random_state=0).fit(rows, y)
    balanced = KernelLogistic(kernel="linear", class_weight="balanced", random_state=0).fit(rows, y)
    assert plain.predict_proba(rows)[:, 1].mean() == pytest.approx(0.05, abs=0.01)
    found = [(one.predict(rows)[y == 1] == 1).mean() for one in (plain, balanced)]
    assert found[0] < 0.3
    assert found[1] > 0.7


def test_more_features_than_rows_and_more_rows_than_landmarks():
    """Few long rows and many short ones take different roads to the same kind of answer."""
    random = np.random.default_rng(3)
    few = random.normal(size=(12, 300))
    few[:6, 0] += 30
    assert KernelLogistic(random_state=0).fit(few, [1] * 6 + [0] * 6).score(few, [1] * 6 + [0] * 6) == 1
    y = np.arange(3000) % 3
    many = (np.eye(3)[y] * 4 + random.normal(size=(3000, 3))).astype(np.float32)
    fitted = KernelLogistic(n_features=40, random_state=0).fit(many, y)
    assert fitted.score(many, y) > 0.95
    assert {kernel for kernel, _, _ in fitted.trials_} == {"linear", "gaussian"}


def test_same_seed_same_probabilities():
    """Landmarks and folds come from random_state alone."""
    rows = np.random.default_rng(4).normal(size=(700, 5))
    y = (rows[:, 0] > 0).astype(int)
    first, second = (KernelLogistic(n_features=50, random_state=7).fit(rows, y).predict_proba(rows) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"kernel": "cubic"}, "kernel='cubic'"), ({"strength": -1}, "strength=-1"), ({"n_features": 0}, "n_features=0")],
)
def test_wrong_parameters_are_named(wrong, message):
    """The message names the parameter and the value."""
    with pytest.raises(ValueError, match=message):
        KernelLogistic(**wrong).fit([[0.0], [1.0]], [0, 1])


def test_the_loss_ends_where_its_slope_is_nothing():
    """At the solution the shares of the classes are those of the rows, as the intercepts demand."""
    random = np.random.default_rng(6)
    y = random.integers(0, 3, 400)
    features = (np.eye(3)[y] + random.normal(size=(400, 3))).astype(np.float32)
    features -= features.mean(axis=0)
    found = fit_softmax(features, y, np.ones(400), n_classes=3, penalty=1e-3)
    assert softmax(found.logits(features)).mean(axis=0) == pytest.approx(np.bincount(y) / 400, abs=2e-3)
