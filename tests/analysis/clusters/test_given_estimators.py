"""Whatever clusters rows may be given as a method: by ``fit_predict``, by ``labels_``, by ``predict``."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mmembed


class Halves:
    """Part rows by the sign of their first number; what is below is how different packages say so."""

    def __init__(self, rows_seen=None):
        self.rows_seen = rows_seen

    def part(self, rows):
        """Return 0 or 1 for each row."""
        return (rows[:, 0] > 0).astype(int)


class OnlyFitPredict(Halves):
    """As scikit-learn's own DBSCAN did before it had a fit."""

    def fit_predict(self, rows):
        """Return a list."""
        return self.part(rows).tolist()


class OnlyLabels(Halves):
    """With ``fit`` that returns nothing."""

    def fit(self, rows):
        """Keep the labels in a column."""
        self.labels_ = self.part(rows)[:, np.newaxis]


class OnlyPredict(Halves):
    """Without labels of the rows of the fit."""

    def fit(self, rows):
        """Learn how many there are."""
        self.rows_seen = len(rows)
        return self

    def predict(self, rows):
        """Return floats."""
        return self.part(rows).astype(float)


class LabelledSeries(Halves):
    """With an index of its own."""

    def fit_predict(self, rows):
        """Return a Series."""
        return pd.Series(self.part(rows), index=range(900, 900 + len(rows)), dtype="Int64")


class NoiseAsMissing(Halves):
    """With NaN for rows that belong nowhere."""

    def fit_predict(self, rows):
        """Return NaN and 1."""
        return np.where(self.part(rows) == 1, 1.0, np.nan)


class Words(Halves):
    """With labels that are no numbers."""

    def fit_predict(self, rows):
        """Return words."""
        return np.where(self.part(rows), "right", "left")


class TooFew(Halves):
    """With two labels, however many rows there are."""

    def fit_predict(self, rows):
        """Return two."""
        return self.part(rows).tolist()[:2]


class Nothing(Halves):
    """That learns and says nothing."""

    def fit(self, rows):
        """Learn how many there are."""
        self.rows_seen = len(rows)
        return self


@pytest.fixture
def vectors():
    """Return twenty rows on the left and ten on the right, four of them equal, and a missing one."""
    generator = np.random.default_rng(0)
    matrix = generator.normal(0, 0.1, (31, 4)).astype(np.float32)
    matrix[:20, 0], matrix[20:, 0] = -1, 1
    matrix[:4] = matrix[0]
    matrix[30] = np.nan
    return pd.Series(mmembed.VectorArray.from_matrix(matrix))


@pytest.mark.parametrize("given", [OnlyFitPredict(), OnlyLabels(), OnlyPredict(), LabelledSeries()])
def test_every_way_to_say_labels_is_understood(vectors, given):
    """The larger group is 0, the row without a vector has none, and new rows go where their like went."""
    clusters = mmembed.fit_clusters(vectors, method=given)
    assert clusters.labels.tolist() == [0] * 20 + [1] * 10 + [pd.NA]
    assert clusters.method == type(given).__name__
    assert clusters.predict(vectors).tolist() == clusters.labels.tolist()
    assert not hasattr(given, "labels_")  # a copy was fitted


@pytest.mark.parametrize(
    "given",
    [
        GaussianMixture(2, random_state=0),
        make_pipeline(StandardScaler(with_std=False), KMeans(2, random_state=0)),
        make_pipeline(StandardScaler(with_std=False), GaussianMixture(2, random_state=0)),
    ],
)
def test_mixtures_and_pipelines_cluster(vectors, given):
    """They have no ``labels_``."""
    frame = pd.DataFrame({"v": vectors}).mmembed.cluster("v", method=given)
    assert frame["cluster"].tolist() == [0] * 20 + [1] * 10 + [pd.NA]


def test_missing_labels_are_noise(vectors):
    """A float label is NaN where the estimator leaves a row out."""
    assert mmembed.fit_clusters(vectors, method=NoiseAsMissing()).labels[:30].tolist() == [-1] * 20 + [0] * 10


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Words(), "Words gives labels such as .*whole numbers"),
        (TooFew(), "TooFew has no labels_ for the 30 rows after fit"),
        (Nothing(), "Nothing has no labels_ for the 30 rows after fit"),
        (KMeans, "is no method.*an instance of the class"),
        (3, "method=3 is no method.*fit_predict"),
    ],
)
def test_what_gives_no_labels_is_refused(vectors, given, message):
    """The message says what was expected."""
    with pytest.raises(TypeError, match=message):
        mmembed.fit_clusters(vectors, method=given)
