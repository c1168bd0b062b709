"""Scores of rows left out, which must be those of fits without them."""

import numpy as np
import pytest

from mmembed.analysis.labels import kernel_ridge
from mmembed.analysis.labels.exact_ridge import ExactRidge
from mmembed.analysis.labels.kernel_ridge import fit_ridge, leave_out

PENALTY = 0.01


def table(n_rows=60, n_classes=3):
    """Return rows around three corners."""
    random = np.random.default_rng(0)
    y = np.arange(n_rows) % n_classes
    return (np.eye(5)[y] + random.normal(scale=0.6, size=(n_rows, 5))).astype(np.float32), y


def fitted(rows, y, weights):
    return fit_ridge(rows, y, weights, n_classes=int(y.max()) + 1, width=2.0, most=64, random_state=0)


def refitted(ridge, rows, y, weights, without):
    """Return the scores of the rows ``without`` from a plain weighted ridge on the same features without them."""
    features = np.column_stack([ridge.landmarks.features(rows), np.ones(len(rows))]).astype(np.float64)
    known = np.setdiff1d(np.arange(len(rows)), without)
    penalty = np.full(features.shape[1], PENALTY * ridge.variance * len(rows))
    penalty[-1] = 0
    weighted = features[known] * weights[known, None]
    truth = np.eye(int(y.max()) + 1)[y] - ridge.priors
    slopes = np.linalg.solve(weighted.T @ features[known] + np.diag(penalty), weighted.T @ truth[known])
    return features[without] @ slopes


@pytest.mark.parametrize("weights", [np.ones(60), np.linspace(0.5, 1.5, 60)], ids=["even", "weighted"])
@pytest.mark.parametrize("sizes", [[], [2, 3, 7], [40]], ids=["alone", "small groups", "a large group"])
def test_left_out_scores_are_those_of_fits_without_the_rows(weights, sizes, monkeypatch):
    """One fit tells what each row, or group of rows, would have scored had it not been there."""
    monkeypatch.setattr(kernel_ridge, "LEAST_REST", 1e-9)
    rows, y = table()
    groups = np.append(np.repeat(np.arange(len(sizes)), sizes), np.arange(100, 160 - sum(sizes))).astype(int)
    ridge = fitted(rows, y, weights)
    left = leave_out(ridge, rows, y, weights, groups, penalty=PENALTY, random_state=0)
    assert left.rows.tolist() == list(range(60))
    for group in np.unique(groups)[[0, 1, -1]]:
        members = np.flatnonzero(groups == group)
        assert left.scores[members] == pytest.approx(refitted(ridge, rows, y, weights, members), abs=2e-3)


@pytest.mark.parametrize("penalty", [1e-2, 3e-5])
@pytest.mark.parametrize("weights", [np.ones(60), np.linspace(0.5, 1.5, 60)], ids=["even", "weighted"])
@pytest.mark.parametrize("sizes", [[], [2, 3, 7], [40]], ids=["alone", "small groups", "a large group"])
def test_the_kernel_of_all_rows_is_the_same_regression(weights, sizes, penalty):
    """Scores left out, coefficients, variance and shares are those on features, without making any."""
    rows, y = table()
    weights = weights * (60 / weights.sum())
    groups = np.append(np.repeat(np.arange(len(sizes)), sizes), np.arange(100, 160 - sum(sizes))).astype(int)
    on_features, exact = fitted(rows, y, weights), ExactRidge.of(rows, y, weights, n_classes=3, width=2.0)
    assert exact.variance == pytest.approx(on_features.variance, rel=1e-4)
    assert exact.priors == pytest.approx(on_features.priors)
    left, again = (
        leave_out(one, rows, y, weights, groups, penalty=penalty, random_state=0) for one in (on_features, exact)
    )
    assert again.scores == pytest.approx(left.scores, abs=5e-3)
    assert again.temperature == pytest.approx(left.temperature, rel=0.02)
    new = table(9)[0] * 0.9
    scores = []
    for ridge, found in ((on_features, left), (exact, again)):
        slopes, offsets = ridge.coefficients(found.slopes)
        scores.append(ridge.landmarks.kernel(new) @ slopes + offsets)
    assert scores[0] == pytest.approx(scores[1], abs=2e-3)


def test_predictions_are_those_of_the_same_ridge():
    """Coefficients give, from kernels with the landmarks, the scores of the regression on all rows."""
    rows, y = table()
    ridge = fitted(rows, y, np.ones(60))
    slopes, offsets = ridge.coefficients(ridge.solve(PENALTY).slopes)
    new = table(9)[0] * 0.9
    both = np.vstack([rows, new])
    expected = refitted(ridge, both, np.append(y, y[:9]), np.append(np.ones(60), np.ones(9)), np.arange(60, 69))
    # The plain ridge above scales its penalty by all rows that it is shown.
    slopes, offsets = ridge.coefficients(ridge.solve(PENALTY * 69 / 60).slopes)
    assert ridge.landmarks.kernel(new) @ slopes + offsets == pytest.approx(expected, abs=2e-3)


def test_the_penalty_goes_where_the_loss_falls():
    """Doubtful classes ask for a larger penalty than sure ones, and trials go in steps of half a decade."""
    random = np.random.default_rng(1)
    y = random.integers(0, 3, 600)
    rows = (np.eye(5)[y] + random.normal(scale=0.15, size=(600, 5))).astype(np.float32)
    y = np.where(np.linalg.norm(rows - rows.mean(axis=0), axis=1) > 0.85, (y + 1) % 3, y)
    doubtful = np.where(random.random(600) < 0.5, random.integers(0, 3, 600), y)
    found = [
        leave_out(fitted(rows, one, np.ones(600)), rows, one, np.ones(600), None, penalty=None, random_state=0)
        for one in (y, doubtful)
    ]
    assert found[1].penalty > found[0].penalty
    for left in found:
        tried = [penalty for penalty, _ in left.trials]
        losses = [loss for _, loss in left.trials]
        assert losses[tried.index(left.penalty)] <= min(losses) * 1.001
        assert np.allclose(np.abs(np.diff(np.sort(np.log10(tried)))), 0.5)


def test_a_sample_is_left_out_of_many_rows_with_whole_groups(monkeypatch):
    """Of a large table about so many rows are left out as are enough, and no group is torn."""
    monkeypatch.setattr(kernel_ridge, "MOST_LEFT_OUT", 100)
    rows, y = table(600)
    groups = np.arange(600) // 4
    left = leave_out(fitted(rows, y, np.ones(600)), rows, y, np.ones(600), groups, penalty=PENALTY, random_state=0)
    assert 100 <= len(left.rows) < 110
    assert (np.bincount(groups[left.rows])[np.unique(groups[left.rows])] == 4).all()


def test_nothing_to_leave_out_is_no_trial():
    """Two classes of one row each leave the penalty of one row and the usual temperature."""
    rows, y = np.eye(2, dtype=np.float32), np.array([0, 1])
    left = leave_out(fitted(rows, y, np.ones(2)), rows, y, np.ones(2), None, penalty=None, random_state=0)
    assert (left.penalty, left.temperature, len(left.rows), left.trials) == (0.5, 0.1, 0, [])


def test_rows_of_rare_classes_are_all_left_out(monkeypatch):
    """Of a large table a class of few rows is looked at as a whole, and each of its rows counts for one."""
    monkeypatch.setattr(kernel_ridge, "MOST_LEFT_OUT", 100)
    rows, y = table(600)
    y = np.where(np.arange(600) < 8, 3, y)
    rows = np.hstack([rows, (y == 3)[:, None]]).astype(np.float32)
    left = leave_out(fitted(rows, y, np.ones(600)), rows, y, np.ones(600), None, penalty=PENALTY, random_state=0)
    assert (y[left.rows] == 3).sum() == 8
    assert left.counted[y[left.rows] == 3] == pytest.approx(1)
    assert left.counted.sum() == pytest.approx(600, rel=0.02)
