"""EmbeddingTransformer: contents as features in scikit-learn's Pipelines, and nothing bought twice."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from mmembed import Embedder, EmbeddingTransformer, VectorMatrix
from mmembed.errors import EmbeddingError, ModalityError, VectorError

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)


class NumbersAsTexts(EmbeddingTransformer):
    """The transformer with the suite's numbers written out, since the suite knows no texts."""

    def _cells(self, X, *, reset):  # noqa: N803
        columns = super()._cells(X, reset=reset)
        for cells in columns.values():
            if np.iscomplexobj(cells):
                raise ValueError("Complex data not supported")
            if np.isinf(cells.astype(float)).any():
                raise ValueError("Input contains infinity")
        return {name: cells.map(lambda one: None if pd.isna(one) else f"{one:.3g}") for name, cells in columns.items()}


EXPECTED = {
    "check_fit1d": "one column of cells is one axis, as a ColumnTransformer gives it",
    "check_fit2d_predict1d": "likewise",
    "check_estimator_sparse_array": "a sparse matrix holds numbers; texts and pictures are no numbers",
    "check_estimator_sparse_matrix": "likewise",
    "check_estimators_nan_inf": "a cell that is NaN is missing, and is refused when it is embedded, not in fit",
}


@parametrize_with_checks(
    [NumbersAsTexts("text", model="local")],
    expected_failed_checks=lambda _: EXPECTED,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_it_keeps_the_rules_of_scikit_learn(estimator, check):
    """The checks for transformers pass, but for those about numbers, each with its reason."""
    check(estimator)


@pytest.fixture
def df():
    titles = ["dog", "cat", "horse", "cow", "train", "lorry", "ship", "car"]
    return pd.DataFrame({"title": titles, "price": range(8), "kind": ["animal"] * 4 + ["vehicle"] * 4})


def sent_texts(server):
    return [content["text"] for request in server.embedding_requests for content in request.contents]


def test_the_vectors_are_those_of_the_verb(df):
    """A Series, a frame, a list and an array of cells give what df.mmembed.embed gives, in that order."""
    exact = df.mmembed.embed("title", "text", model="local")["title_vector"].mmembed.to_matrix()
    step = EmbeddingTransformer("text", model="local")
    for given in (df["title"], df[["title"]], df["title"].tolist(), df["title"].to_numpy(), df[["title"]].to_numpy()):
        np.testing.assert_array_equal(step.fit_transform(given), exact)
    assert (step.n_dimensions_, step.space_) == (512, "local-conse-2")


def test_several_columns_have_a_kind_each_and_stand_side_by_side(df):
    """Texts and pictures (paths, bytes, PIL) in one step; names tell column and dimension."""
    picture = Image.new("RGB", (40, 30), "red")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    files = pd.read_csv(DATA / "demo.csv")["image"].dropna().tolist()[:2]
    rows = pd.DataFrame({"title": df["title"].head(4), "photo": [picture, buffer.getvalue(), *files]})
    step = EmbeddingTransformer({"title": "text", "photo": "image"}, model="local", root=DATA)
    made = step.set_output(transform="pandas").fit_transform(rows)
    assert made.shape == (4, 1024)
    assert list(made)[:1] + list(made)[-1:] == ["title_0", "photo_511"]
    assert made.iloc[0, 512:].tolist() == made.iloc[1, 512:].tolist()
    assert EmbeddingTransformer("image", model="local", root=DATA).fit_transform(rows["photo"].tolist()).shape == (
        4,
        512,
    )
    with pytest.raises(ValueError, match="modality= names the columns 'title'"):
        EmbeddingTransformer({"title": "text"}, model="local").fit(rows)


@pytest.mark.parametrize(("missing", "value"), [("nan", np.nan), ("zero", 0.0)])
def test_empty_cells_are_what_was_asked_for(missing, value):
    """An error that names the position, NaN or zeros."""
    titles = ["dog", None, "cat"]
    with pytest.raises(VectorError, match=r"1 of 3 rows have no vector.*positions 1"):
        EmbeddingTransformer("text", model="local").fit_transform(titles)
    made = EmbeddingTransformer("text", model="local", missing=missing).fit_transform(titles)
    np.testing.assert_array_equal(made[1], np.full(512, value))
    assert np.isfinite(made[[0, 2]]).all()


def test_what_cannot_be_is_refused_by_fit_without_a_request(df):
    """An unknown modality, a dimension the model does not have, settings given twice, columns that share a name."""
    with pytest.raises(ModalityError, match="Did you mean 'text'"):
        EmbeddingTransformer("texts", model="local").fit(df["title"])
    with pytest.raises(ValueError, match="one dimension, 512"):
        EmbeddingTransformer("text", model="local", dimension=3).fit(df["title"])
    with pytest.raises(ValueError, match="not both"):
        EmbeddingTransformer("text", model="local", embedder=Embedder()).fit(df["title"])
    with pytest.raises(ValueError, match="share a name"):
        EmbeddingTransformer("text", model="local").fit(pd.DataFrame([["a", "b"]], columns=["t", "t"]))
    with pytest.raises(EmbeddingError, match=r"missing\.png"):
        EmbeddingTransformer("image", model="local").fit_transform(["missing.png"])


def test_fit_needs_no_key_and_a_pipeline_is_cloned_and_pickled(df):
    """The settings travel; the model is loaded where it is used."""
    assert EmbeddingTransformer("text", model="qwen3-vl-embedding").fit(df["title"]).n_dimensions_ == 2560
    columns = make_column_transformer(
        (EmbeddingTransformer("text", embedder=Embedder(model="local")), "title"), ("passthrough", ["price"])
    )
    model = make_pipeline(columns, LogisticRegression()).fit(df, df["kind"])
    again = pickle.loads(pickle.dumps(model))
    assert again.predict(df).tolist() == df["kind"].tolist()
    assert clone(model)[0].transformers[0][1].get_params()["embedder"] == Embedder(model="local")
    assert model[0].get_feature_names_out()[0] == "embeddingtransformer__title_0"


def test_a_search_over_the_dimension_buys_each_content_once(df, server):
    """Three lengths in two folds, and the fit on all rows: eight contents sent in all."""
    model = make_pipeline(
        EmbeddingTransformer("text", model="qwen3-vl-embedding"), VectorMatrix(), LogisticRegression()
    )
    search = GridSearchCV(model, {"vectormatrix__dimension": [256, 512, None]}, cv=2).fit(df["title"], df["kind"])
    assert sorted(sent_texts(server)) == sorted(df["title"])
    assert search.predict(df["title"]).shape == (8,)
    assert len(sent_texts(server)) == 8


def test_a_search_over_the_models_own_dimension_buys_each_length_once(df, server):
    """The service is asked for every length, since it may make them otherwise than by cutting; folds share it."""
    model = make_pipeline(EmbeddingTransformer("text", model="qwen3-vl-embedding"), LogisticRegression())
    grid = {"embeddingtransformer__dimension": [256, 512]}
    GridSearchCV(model, grid, cv=2, refit=False).fit(df["title"], df["kind"])
    assert sorted(sent_texts(server)) == sorted([*df["title"], *df["title"]])
    cross_val_score(model.set_params(embeddingtransformer__dimension=256), df["title"], df["kind"], cv=4)
    assert len(sent_texts(server)) == 16
