"""What the agreement of several descriptions says of labels that nobody checked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmembed.analysis import zero_shot
from mmembed.analysis.labels.zero_shot import halves, highest_accuracy

NAMES = [name for name in "abcd" for _ in range(2)]


def described(apart):
    """Return 400 rows around four directions, two descriptions of each so far from them, and the true labels."""
    random = np.random.default_rng(0)
    centers = np.linalg.qr(random.normal(size=(64, 64)))[0][:4]
    truth = random.integers(0, 4, 400)
    rows = centers[truth] + random.normal(scale=0.08, size=(400, 64))
    words = np.repeat(centers, 2, axis=0) * (1 - apart) + random.normal(scale=0.125, size=(8, 64)) * apart
    return rows.astype(np.float32), words.astype(np.float32), np.array(list("abcd"))[truth]


@given(accuracy=st.floats(0.01, 1), n_labels=st.integers(2, 30))
def test_independent_judges_are_as_right_as_their_agreement_says(accuracy, n_labels):
    """From the agreement that a share right leads to, that share follows again, if it is better than guessing."""
    agreement = accuracy**2 + (1 - accuracy) ** 2 / (n_labels - 1)
    guessing = 1 / n_labels
    expected = accuracy if accuracy >= guessing else 2 * guessing - accuracy
    assert highest_accuracy(agreement, n_labels) == pytest.approx(expected, abs=1e-5)


def test_descriptions_that_say_nothing_are_told_of():
    """Words that miss the rows disagree, and a warning says what share right that allows at most."""
    rows, words, truth = described(apart=1.0)
    with pytest.warns(UserWarning, match="choose alike for .*too high"):
        found = zero_shot(rows, words, NAMES)
    assert found.agreement < 0.35
    right = (np.asarray(found.labels) == truth).mean()
    assert right < found.scores.mean() - 0.1
    assert "agreement=0." in repr(found)


def test_descriptions_that_agree_change_nothing():
    """Where judges agree, labels and scores are those that the mean descriptions have."""
    rows, words, truth = described(apart=0.0)
    several = zero_shot(rows, words, NAMES)
    assert several.agreement > 0.95
    assert (np.asarray(several.labels) == truth).mean() > 0.95
    one_each = zero_shot(rows, words[::2], list("abcd"))
    assert several.scores == pytest.approx(one_each.scores, abs=1e-4)
    assert one_each.agreement is None


def test_a_label_with_one_description_leaves_nothing_to_compare():
    """Also a single label, and few rows."""
    assert halves(np.array([0, 0, 1]), 2) is None
    assert halves(np.array([0, 0]), 1) is None
    assert [part.tolist() for part in halves(np.array([0, 1, 0, 1, 1]), 2) or []] == [
        [True, True, False, False, False],
        [False, False, True, True, True],
    ]
    rows, words, _ = described(apart=0.5)
    assert zero_shot(rows[:19], words, NAMES).agreement is None
