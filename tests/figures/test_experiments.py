"""Figures of a classification experiment draw what was measured and escape what the table says."""

import numpy as np
import pandas as pd
import pytest

import mmembed


@pytest.fixture(scope="module")
def fitted():
    """Return an experiment on 120 rows of three classes, one of them with a name that is HTML."""
    random = np.random.default_rng(0)
    truth = np.arange(120) % 3
    vectors = (np.eye(3, 8)[truth] + random.normal(scale=0.45, size=(120, 8))).astype(np.float32)
    names = np.array(["鸟", "<img src=x>", "ship"])[truth]
    return mmembed.fit_classifier(vectors, pd.Series(names, name="what"))


def test_confusion_is_drawn_as_counted(fitted):
    """Numbers are the frame's, colours shares of a line, names escaped, the first class on top."""
    figure = mmembed.plot_confusion(fitted)
    heat = figure.data[0]
    assert np.array_equal(heat.customdata, fitted.confusion().to_numpy())
    assert np.asarray(heat.z).sum(axis=1) == pytest.approx(1)
    assert "<img" not in figure.to_json()
    assert figure.layout.yaxis.autorange == "reversed"
    assert f"{fitted.accuracy:.3f}" in figure.layout.title.text


def test_calibration_has_the_diagonal_and_the_bins(fitted):
    """One marker a bin, with its interval."""
    figure = mmembed.plot_calibration(fitted)
    table = fitted.calibration()
    assert np.asarray(figure.data[1].y) == pytest.approx(table["accuracy"].to_numpy())
    assert np.asarray(figure.data[1].error_y.array) == pytest.approx((table["high"] - table["accuracy"]).to_numpy())
    assert list(figure.data[0].x) == [0, 1]


def test_the_learning_curve_shows_what_is_extrapolated():
    """The last measured point and those ahead are joined by a dotted line; without any there is none."""
    curve = pd.DataFrame(
        {
            "labels": [10, 50, 100, 200],
            "accuracy": [0.5, 0.7, 0.8, 0.85],
            "low": [0.4, 0.65, 0.78, 0.8],
            "high": [0.6, 0.75, 0.82, 0.9],
            "measured": [True, True, True, False],
        }
    )
    solid, dotted = mmembed.plot_learning_curve(curve).data
    assert list(solid.x) == [10, 50, 100]
    assert list(dotted.x) == [100, 200]
    assert dotted.line.dash == "dot"
    assert len(mmembed.plot_learning_curve(curve[:3]).data) == 1
    with pytest.raises(ValueError, match="no column 'labels'"):
        mmembed.plot_learning_curve(pd.DataFrame({"accuracy": [1.0]}))


def test_many_classes_have_no_numbers_in_their_cells():
    """Past thirty classes the colour has to do."""
    y = np.arange(160) % 40
    vectors = np.eye(40, dtype=np.float32)[y] + np.random.default_rng(0).normal(scale=0.05, size=(160, 40))
    found = mmembed.fit_classifier(vectors.astype(np.float32), y, near_duplicates=None)
    assert mmembed.plot_confusion(found).data[0].texttemplate is None
