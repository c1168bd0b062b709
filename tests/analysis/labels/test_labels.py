"""Labels with examples (a classifier) and without (zero-shot)."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier

from mmembed.analysis import fit_classifier, zero_shot
from mmembed.errors import SpaceMismatchError
from mmembed.vectors import VectorArray


@pytest.fixture(scope="module")
def digits():
    """Return 1,797 pictures of digits as vectors, and the digits as a Series with every second missing."""
    pictures, digit = load_digits(return_X_y=True)
    return (
        pictures.astype(np.float32),
        pd.Series(digit),
        pd.Series(digit, dtype="Int64", name="digit").mask(np.arange(len(digit)) % 2 == 1),
    )


def test_digits_are_learned(digits):
    """The rows with a target teach the others, and the held-out accuracy tells how well."""
    pictures, truth, known = digits
    found = fit_classifier(pictures, known)
    unseen = known.isna().to_numpy()
    right = (np.asarray(found.predict(pictures[unseen])) == truth[unseen]).mean()
    assert right > 0.93
    assert found.accuracy == pytest.approx(right, abs=0.03)


def test_chance_is_reported_as_chance(digits):
    """A target that has nothing to do with the vectors has the accuracy of guessing."""
    shuffled = digits[1].sample(frac=1, random_state=0).to_numpy()
    assert fit_classifier(digits[0], shuffled).accuracy < 0.2


def test_predictions_in_a_frame(digits):
    """Every row with a vector gets a prediction and its probability, in columns named after the target."""
    pictures, _, known = digits
    vectors = VectorArray.from_matrix(pictures[:200], mask=np.arange(200) == 5)
    df = pd.DataFrame({"digit": known[:200]})
    found = fit_classifier(vectors, df["digit"]).add_to(df)
    assert list(found) == ["digit", "digit_predicted", "digit_score"]
    assert found["digit_predicted"].dtype == "Int64"
    assert found["digit_predicted"].isna().to_numpy().nonzero()[0].tolist() == [5]
    assert found["digit_score"].drop(5).between(0.1, 1).all()
    assert list(df) == ["digit"]


@pytest.mark.parametrize(
    "target", [["a", "b", "a", "b"], [True, False, True, False], [1.5, 2.5, 1.5, 2.5], pd.Categorical(list("abab"))]
)
def test_predictions_have_the_type_of_the_target(target):
    """Texts, booleans, numbers and categories come back as what they were."""
    vectors = np.array([[1, 0], [0, 1], [1, 0.1], [0.1, 1]], dtype=np.float32)
    assert list(fit_classifier(vectors, target).predict(vectors)) == list(target)


def test_a_class_of_one_row_is_learned_but_not_measured():
    """Accuracy is that of the classes that can be held out, NaN where fewer than two can."""
    vectors = np.eye(5, dtype=np.float32)[[0, 0, 0, 1, 1, 1, 2]]
    vectors[:, 3:] = np.random.default_rng(0).normal(scale=0.4, size=(7, 2))
    found = fit_classifier(vectors, list("aaabbbc"))
    assert found.accuracy == 1
    assert found.predict(np.eye(5, dtype=np.float32)[[2]]).tolist() == ["c"]
    assert np.isnan(fit_classifier(vectors[2:4], ["a", "b"]).accuracy)


def test_given_classifier_without_probabilities(digits):
    """Another classifier stands in, cloned; where it has no probabilities the score is NaN."""
    given = RidgeClassifier()
    found = fit_classifier(digits[0][:300], digits[2][:300], estimator=given)
    assert not hasattr(given, "coef_")
    assert found.accuracy > 0.7
    assert found.add_to(pd.DataFrame(index=range(300)))["digit_score"].isna().all()


def test_one_class_is_refused():
    """A target with a single value, or whose only rows lack a vector, cannot be learned."""
    vectors = pd.Series([[1.0, 0.0], [0.0, 1.0], None])
    with pytest.raises(ValueError, match="1 different values in 2 rows"):
        fit_classifier(vectors, ["a", "a", "b"])
    with pytest.raises(ValueError, match="2 values for 3 vectors"):
        fit_classifier(vectors, ["a", "b"])


def test_zero_shot_takes_the_nearest_label():
    """The label is that of the nearest vector; a tie goes to the first; no vector, no label."""
    vectors = pd.Series([[1.0, 0.1], [0.1, 1.0], [1.0, 1.0], None])
    found = zero_shot(vectors, [[2.0, 0.0], [0.0, 3.0]], ["east", "north"])
    assert pd.Series(found.labels).fillna("none").tolist() == ["east", "north", "east", "none"]
    assert found.scores[2] == pytest.approx(0.5)
    assert found.scores[0] == found.scores[1] > 0.99
    assert np.isnan(found.scores[3])
    assert list(found.add_to(pd.DataFrame(index=range(4)))) == ["label", "label_score"]


def test_zero_shot_on_digits(digits):
    """With the mean picture of each digit as its label, most digits get their label."""
    pictures, truth, _ = digits
    means = np.array([pictures[truth == digit].mean(axis=0) for digit in range(10)])
    found = zero_shot(pictures, means, range(10))
    assert (np.asarray(found.labels) == truth).mean() > 0.85


def test_zero_shot_without_the_gap_between_kinds():
    """A label that lies nearer to all pictures wins everywhere, unless the means of kinds are removed."""
    random = np.random.default_rng(0)
    truth = np.tile([0, 1], 30)
    pictures = random.normal(scale=0.05, size=(60, 8)).astype(np.float32)
    pictures[:, 0] += 1
    pictures[np.arange(60), 1 + truth] += 0.2
    words = np.zeros((2, 8), dtype=np.float32)
    words[[0, 1], [1, 2]] = 1
    words[0, 0] = 0.5
    plain = zero_shot(pictures, words, [0, 1])
    bridged = zero_shot(pictures, words, [0, 1], kinds=["image"] * 60)
    assert (np.asarray(plain.labels) == 0).all()
    assert (np.asarray(bridged.labels) == truth).mean() > 0.9


@pytest.mark.parametrize(
    ("vectors", "labels", "message"),
    [
        (np.eye(2, dtype=np.float32), ["a"], "one vector for each"),
        (pd.Series([[1.0, 0.0], None]), ["a", "b"], "without a vector: 'b'"),
        (np.empty((0, 2), dtype=np.float32), [], "no label"),
    ],
)
def test_wrong_labels_are_explained(vectors, labels, message):
    """Labels that cannot be told apart or compared are refused by name."""
    with pytest.raises(ValueError, match=message):
        zero_shot(np.eye(2, dtype=np.float32), vectors, labels)


def test_labels_of_another_space_are_refused():
    """Label vectors must come from the model of the rows."""
    rows, words = (VectorArray.from_matrix(np.eye(2, dtype=np.float32), space=space) for space in ("here", "there"))
    with pytest.raises(SpaceMismatchError):
        zero_shot(rows, words, ["a", "b"])


def test_several_descriptions_stand_for_a_label():
    """The mean direction of a label's vectors is its vector, and each label counts once."""
    words = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 5]], dtype=np.float32)
    found = zero_shot(np.array([[1, 1, 0], [0, 0.2, 1]], dtype=np.float32), words, ["flat", "flat", "high"])
    assert found.labels.tolist() == ["flat", "high"]
    assert found.similarities.shape == (2, 2)
    assert found.similarities[0, 0] == pytest.approx(1)


def test_an_unsure_row_gets_no_label():
    """Below the threshold the label is missing and the score is kept."""
    vectors = np.array([[1, 0], [1, 1.01], [0, 1]], dtype=np.float32)
    found = zero_shot(vectors, np.eye(2, dtype=np.float32), ["east", "north"], threshold=0.7)
    assert pd.isna(found.labels).tolist() == [False, True, False]
    assert found.scores[1] < 0.7
    assert "unlabelled=1" in repr(found)
    with pytest.raises(ValueError, match="threshold=7"):
        zero_shot(vectors, np.eye(2, dtype=np.float32), ["east", "north"], threshold=7)


def test_zero_shot_scores_do_not_depend_on_how_far_apart_a_model_puts_things():
    """The same table with all cosines pressed together gets about the same scores."""
    random = np.random.default_rng(0)
    truth = np.arange(300) % 3
    rows = np.eye(8)[truth] + random.normal(scale=0.4, size=(300, 8))
    words = np.eye(8)[:3]
    near = [np.column_stack([one, np.full(len(one), 4.0)]) for one in (rows, words)]
    plain = zero_shot(rows.astype(np.float32), words.astype(np.float32), list("abc")).scores
    pressed = zero_shot(near[0].astype(np.float32), near[1].astype(np.float32), list("abc")).scores
    assert plain.mean() == pytest.approx(pressed.mean(), abs=0.05)


def test_zero_shot_counts_in_a_notebook():
    """The table has each label once, also one that nobody got, and is escaped."""
    found = zero_shot(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)[[0, 1, 1]], ["<b>", "north", "never"])
    assert found.summary()["rows"].tolist() == [1, 1, 0]
    assert "&lt;b&gt;" in found._repr_html_()
    assert "<b>" not in found._repr_html_()
