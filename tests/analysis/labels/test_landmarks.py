"""Landmarks: all rows where they are few, means of near rows where they are many."""

import numpy as np
import pytest

from mmembed.analysis.labels.landmarks import choose_landmarks, gaussian


def test_with_every_row_a_landmark_products_of_features_are_the_kernel():
    """Few rows are all landmarks: the features hold the centred kernel itself, rows beyond one block included."""
    rows = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    landmarks = choose_landmarks(rows, width=2.0, most=100, random_state=0)
    many = np.tile(rows, (20, 1))
    features = landmarks.features(many).astype(np.float64)
    seen = (many - landmarks.origin).astype(np.float64)
    kernel = gaussian(seen, landmarks.rows, landmarks.width) - landmarks.center
    own = gaussian(landmarks.rows.astype(np.float64), landmarks.rows, landmarks.width)
    expected = kernel[:60] @ np.linalg.solve(own + 1e-6 * len(own) * np.eye(len(own)), kernel[-60:].T)
    assert features[:60] @ features[-60:].T == pytest.approx(expected, abs=1e-4)


def test_of_many_rows_landmarks_are_means_of_near_ones():
    """In groups that lie far apart, each landmark stays in the group of the row it was drawn from, in its middle."""
    random = np.random.default_rng(1)
    centers = 100 * np.eye(4, dtype=np.float32)
    rows = np.repeat(centers, 250, axis=0) + random.normal(size=(1000, 4)).astype(np.float32)
    landmarks = choose_landmarks(rows, width=2.0, most=20, random_state=0)
    places = landmarks.rows + landmarks.origin
    nearest = np.linalg.norm(places[:, None] - centers, axis=2).min(axis=1)
    assert landmarks.rows.shape == (20, 4)
    assert np.median(nearest) < 0.8 * np.median(np.linalg.norm(rows - np.repeat(centers, 250, axis=0), axis=1))


def test_equal_rows_are_no_obstacle():
    """Landmarks that are equal get no rows of their own, and features stay finite."""
    rows = np.repeat(np.eye(3, dtype=np.float32), 50, axis=0)
    features = choose_landmarks(rows, width=2.0, most=12, random_state=0).features(rows)
    assert np.isfinite(features).all()
