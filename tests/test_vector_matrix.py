"""VectorMatrix: a transformer like any other of scikit-learn, on vector columns and on matrices."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from mmembed import VectorMatrix
from mmembed.errors import ColumnNotFoundError, SpaceMismatchError, VectorError


@parametrize_with_checks([VectorMatrix(), VectorMatrix(dimension=1, missing="nan")])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_it_keeps_the_rules_of_scikit_learn(estimator, check):
    """All checks for transformers pass, without an exception."""
    check(estimator)


@pytest.fixture
def df():
    random = np.random.default_rng(0)
    label = np.repeat(["a", "b"], 30)
    vectors = random.normal(size=(60, 8)).astype(np.float32)
    vectors[:, 1] += np.where(label == "a", 3, -3)
    frame = pd.DataFrame({"price": random.normal(size=60), "label": label}, index=[f"r{n}" for n in range(60)])
    frame["photo_vector"] = pd.Series(list(vectors), index=frame.index).mmembed.as_vectors(space="toy")
    frame["title_vector"] = pd.Series(list(vectors[:, ::-1]), index=frame.index).mmembed.as_vectors(space="other")
    return frame


def test_the_matrix_is_the_columns_and_a_copy(df):
    """Series, array, frame of one column, named column and lists give the same rows; changing them changes nothing."""
    exact = df["photo_vector"].mmembed.to_matrix()
    for given in (df["photo_vector"], df["photo_vector"].array, df[["photo_vector"]], [*map(list, exact)], exact):
        made = VectorMatrix().fit_transform(given)
        assert made.dtype == np.float32
        np.testing.assert_array_equal(made, exact)
        made[:] = 0
    np.testing.assert_array_equal(VectorMatrix("photo_vector").fit_transform(df), exact)
    assert df["photo_vector"].mmembed.to_matrix().any()


def test_dimension_cuts_and_normalizes(df):
    """As series.mmembed.truncate does; normalize alone keeps the dimension."""
    cut = VectorMatrix("photo_vector", dimension=3).fit(df)
    np.testing.assert_allclose(cut.transform(df), df["photo_vector"].mmembed.truncate(3).mmembed.to_matrix(), rtol=1e-6)
    assert cut.n_dimensions_ == 3
    whole = VectorMatrix("photo_vector", normalize=True).fit_transform(df)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1, rtol=1e-6)
    with pytest.raises(ValueError, match="not between 1 and the vectors' 8"):
        VectorMatrix("photo_vector", dimension=9).fit(df)


@pytest.mark.parametrize(("missing", "row"), [("nan", [np.nan] * 8), ("zero", [0.0] * 8)])
def test_missing_rows_are_what_was_asked_for(df, missing, row):
    """An error that names positions, NaN, or zeros; also in lists."""
    df.loc[["r3", "r5"], "photo_vector"] = None
    with pytest.raises(VectorError, match=r"2 of 60 rows have no vector.*3, 5"):
        VectorMatrix("photo_vector").fit_transform(df)
    for given in (df["photo_vector"], [None if one is pd.NA else np.asarray(one) for one in df["photo_vector"]]):
        made = VectorMatrix(missing=missing, dimension=None).fit_transform(given)
        np.testing.assert_array_equal(made[[3, 5]], [row, row])
        assert np.isfinite(np.delete(made, [3, 5], axis=0)).all()
    with pytest.raises(ValueError, match="Did you mean 'zero'"):
        VectorMatrix(missing="zeros").fit(df["photo_vector"])


def test_other_vectors_than_the_fitted_ones_are_refused(df):
    """Of another model, another dimension, or another column; the message names both."""
    fitted = VectorMatrix("photo_vector").fit(df)
    with pytest.raises(SpaceMismatchError, match=r"'toy'.*'other'"):
        fitted.transform(df.assign(photo_vector=df["title_vector"]))
    with pytest.raises(ValueError, match=r"dimension 8, and these have 2"):
        fitted.transform(df.assign(photo_vector=pd.Series([[1.0, 2.0]] * 60, index=df.index).mmembed.as_vectors()))
    with pytest.raises(ColumnNotFoundError, match="Name it: VectorMatrix"):
        VectorMatrix().fit(df)
    with pytest.raises(ColumnNotFoundError, match="Did you mean 'photo_vector'"):
        VectorMatrix("foto_vector").fit(df)


def test_it_works_in_a_pipeline_a_column_transformer_and_a_search(df):
    """Two vector columns beside a number; the search over the dimension finds that two numbers are enough."""
    columns = ColumnTransformer(
        [
            ("photo", VectorMatrix(), "photo_vector"),
            ("title", VectorMatrix(dimension=2), ["title_vector"]),
            ("price", StandardScaler(), ["price"]),
        ]
    )
    model = make_pipeline(columns, LogisticRegression())
    search = GridSearchCV(model, {"columntransformer__photo__dimension": [1, 2, None]}, cv=3)
    search.fit(df, df["label"])
    assert search.best_score_ > 0.95
    one, two, _ = search.cv_results_["mean_test_score"]
    assert one < 0.8 < two
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert (again.predict(df) == search.predict(df)).all()
    names = search.best_estimator_[0].get_feature_names_out()
    assert names[0] == "photo__photo_vector_0"
    assert names[-1] == "price__price"


def test_frames_come_out_where_they_are_asked_for(df):
    """set_output gives named columns on the frame's index; a clone keeps parameters and forgets the fit."""
    step = VectorMatrix("photo_vector", dimension=2).set_output(transform="pandas")
    made = step.fit_transform(df)
    assert list(made) == ["photo_vector_0", "photo_vector_1"]
    assert made.index.equals(df.index)
    copy = clone(step)
    assert copy.get_params() == step.get_params()
    assert not hasattr(copy, "n_dimensions_")
