"""The verbs on a frame, with the local model: right rows, new frames, clear errors."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmembed
from mmembed import Embedder, VectorDtype
from mmembed.errors import (
    ColumnNotFoundError,
    EmbeddingError,
    EmbeddingWarning,
    ModalityError,
    SpaceMismatchError,
    UnknownModelError,
    VectorError,
)

TEXTS = ["a dog", "一只小狗", "a train", None, "火车", "an apple", "苹果", "a dog"]


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)


@pytest.fixture
def df():
    index = pd.MultiIndex.from_arrays([[1, 1, 2, 2, 1, 1, 2, 2], list("aabbccdd")], names=["x", "y"])
    return pd.DataFrame({"text": TEXTS, "n": range(8)}, index=index)


@pytest.fixture
def embedded(df):
    return df.mmembed.embed("text", "text", model="local")


def test_embed_adds_one_vector_column_and_leaves_the_input_alone(df):
    """Index, order and other columns are those of the input, also with duplicate labels."""
    before = df.copy(deep=True)
    out = df.mmembed.embed("text", "text", model="local")
    pd.testing.assert_frame_equal(df, before)
    pd.testing.assert_frame_equal(out[["text", "n"]], before)
    assert out["text_vector"].dtype == VectorDtype(512, "local-conse-2")
    assert out["text_vector"].isna().tolist() == [text is None for text in TEXTS]
    assert out["text_vector"].iloc[0] == out["text_vector"].iloc[7]


def test_permuting_rows_permutes_vectors(df):
    """Alignment is by position."""
    order = np.random.default_rng(0).permutation(len(df))
    straight = df.mmembed.embed("text", "text", model="local")
    shuffled = df.iloc[order].mmembed.embed("text", "text", model="local")
    np.testing.assert_allclose(
        shuffled["text_vector"].mmembed.to_matrix(), straight["text_vector"].mmembed.to_matrix()[order], atol=1e-6
    )


def test_several_columns_can_be_named(df):
    """A dict of columns and a dict of names."""
    out = df.assign(copy=df["text"]).mmembed.embed(
        {"text": "text", "copy": "text"}, model="local", name={"copy": "other"}
    )
    assert {"text_vector", "other"} <= set(out.columns)
    assert out["text_vector"].array.equals(out["other"].array)


def test_search_finds_the_meaning_across_languages(embedded):
    """A Chinese query finds English texts and the other way round; best first."""
    hits = embedded.mmembed.search("puppy", "text_vector", k=3)
    assert set(hits["text"]) == {"a dog", "一只小狗"}
    assert hits["similarity"].is_monotonic_decreasing
    many = embedded.mmembed.search(["水果", "railway"], "text_vector", k=2)
    assert many.groupby("query", sort=False)["text"].agg(set).tolist() == [{"an apple", "苹果"}, {"a train", "火车"}]


def test_search_by_a_row_of_the_column(embedded):
    """A Vector is taken as it is."""
    hits = embedded.mmembed.search(embedded["text_vector"].iloc[2], "text_vector", k=1)
    assert hits["text"].tolist() == ["a train"]
    assert hits["similarity"].iloc[0] == pytest.approx(1, abs=1e-5)


def test_a_query_of_another_space_is_refused(embedded):
    """The message names both spaces."""
    other = mmembed.Vector(np.ones(512), space="other-model")
    with pytest.raises(SpaceMismatchError, match=r"local-conse-2.*other-model"):
        embedded.mmembed.search(other, "text_vector")


def test_words_cannot_search_a_column_of_unknown_space():
    """The error says what to do."""
    df = pd.DataFrame({"v": [[1.0, 0.0], [0.0, 1.0]]})
    with pytest.raises(VectorError, match="as_vectors"):
        df.mmembed.search("a dog", "v")
    assert df.mmembed.search(np.array([1.0, 0.1]), "v", k=1).index.tolist() == [0]


def test_zero_shot_labels_come_from_their_words(embedded):
    """Labels may be given as {label: description}; a missing row has no label."""
    out = embedded.mmembed.classify("text_vector", labels={"pet": "动物", "food": "水果", "rail": "火车和铁路"})
    assert out["label"].iloc[[0, 1, 2, 4, 5, 6]].tolist() == ["pet", "pet", "rail", "rail", "food", "food"]
    assert out["label"].isna().iloc[3]
    with pytest.raises(ValueError, match="needs target="):
        embedded.mmembed.classify("text_vector")


@pytest.mark.ours
def test_clusters_group_by_meaning(embedded):
    """Equal contents share a cluster, a missing row has none, and the given number is kept."""
    out = embedded.mmembed.cluster("text_vector", "kmeans", n_clusters=3, text="text")
    labels = out["cluster"].tolist()
    assert labels[0] == labels[1] == labels[7]
    assert labels[2] == labels[4]
    assert labels[5] == labels[6]
    assert out["cluster"].isna().iloc[3]
    assert out["cluster_name"].dropna().nunique() == 3


def test_plot_without_a_map_names_the_call_that_makes_one(embedded):
    """Plots never fit."""
    with pytest.raises(ColumnNotFoundError, match="project"):
        embedded.mmembed.plot()


def test_project_then_plot(embedded):
    """The figure holds the coordinates of the rows that have a vector."""
    out = embedded.mmembed.project("text_vector", "pca")
    figure = out.mmembed.plot(hover="text")
    assert sum(len(trace.x) for trace in figure.data if trace.x is not None) == 7


@pytest.mark.ours
def test_report_says_what_it_computed(embedded):
    """Clusters and map that are missing are computed, and the page says so."""
    page = embedded.mmembed.report("text_vector", text="text", language="en").html()
    assert "The frame had no column &#39;cluster&#39;" in page


def test_columns_may_be_called_by_numbers(embedded):
    """A table without a header has columns 0, 1, …; every argument that names columns takes these."""
    df = embedded.rename(columns={"text": 0, "text_vector": 1, "n": 2})
    named = embedded.mmembed.cluster("text_vector", text="text")["cluster_name"]
    clustered = df.mmembed.cluster(1, text=0)
    pd.testing.assert_series_equal(clustered["cluster_name"], named)
    for texts in (0, [0]):
        assert TEXTS[0] in clustered.mmembed.report(1, text=texts, language="en").to_markdown()


def test_one_bad_picture_is_its_rows_error(tmp_path):
    """Missing, broken and unreadable cells are listed; with coerce they have no vector, with one warning."""
    Image.new("RGB", (20, 20), "green").save(tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    df = pd.DataFrame({"photo": ["good.png", "gone.png", "broken.png", 3.5, None]}, index=list("abcde"))
    with pytest.raises(EmbeddingError, match=r"3 of 5 cells") as caught:
        df.mmembed.embed("photo", "image", model="local", root=tmp_path)
    errors = caught.value.errors
    assert errors["index"].tolist() == ["b", "c", "d"]
    assert errors["column"].eq("photo").all()
    assert errors["code"].iloc[0] == "FileNotFound"
    assert errors["code"].iloc[2] == "WrongType"
    with pytest.warns(EmbeddingWarning, match="3 of 5 cells") as warned:
        out = df.mmembed.embed("photo", "image", model="local", root=tmp_path, errors="coerce")
    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert out["photo_vector"].notna().tolist() == [True, False, False, False, False]


def test_a_url_is_refused_by_the_local_model():
    """It opens no network, and says so for the row."""
    df = pd.DataFrame({"photo": ["https://example.org/a.jpg"]})
    with pytest.raises(EmbeddingError, match=r"a\.jpg"):
        df.mmembed.embed("photo", "image", model="local")


def test_unknown_names_are_answered_with_the_nearest(df):
    """Column, model, modality."""
    with pytest.raises(ColumnNotFoundError, match="Did you mean 'text'"):
        df.mmembed.embed("txt", "text", model="local")
    with pytest.raises(UnknownModelError, match="local"):
        df.mmembed.embed("text", "text", model="locall")
    with pytest.raises(ModalityError, match="Did you mean 'text'"):
        df.mmembed.embed("text", "texts", model="local")
    with pytest.raises(ValueError, match="dimension"):
        df.mmembed.embed("text", "text", model="local", dimension=100)
    with pytest.raises(ValueError, match="not both"):
        df.mmembed.embed("text", "text", model="local", embedder=Embedder(model="local"))


@pytest.mark.parametrize("cells", [[], [None, None], ["only one"]])
def test_empty_missing_and_single_rows_pass_through_every_verb(cells):
    """No crash, and a result of the right shape."""
    df = pd.DataFrame({"text": pd.Series(cells, dtype=object)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a map of one row says that it is none
        out = df.mmembed.embed("text", "text", model="local")
        out = out.mmembed.cluster("text_vector").mmembed.project("text_vector")
        assert {"cluster", "cluster_score", "cluster_name", "map_x", "map_y"} <= set(out.columns)
        assert len(out) == len(cells)
        assert len(out.mmembed.search("a dog", "text_vector")) == out["text_vector"].notna().sum()
        assert "<html" in out.mmembed.report("text_vector", text="text").html()


def test_vectors_survive_parquet_and_are_searched_in_their_own_space(embedded, tmp_path):
    """The space travels with the file, so a query needs no model name."""
    embedded.reset_index(drop=True).to_parquet(tmp_path / "out.parquet")
    back = pd.read_parquet(tmp_path / "out.parquet")
    assert back["text_vector"].dtype == embedded["text_vector"].dtype
    assert back.mmembed.search("train", "text_vector", k=2)["text"].tolist() == ["a train", "火车"]


def test_fuse_makes_one_vector_a_row(tmp_path):
    """Text and picture together; a missing part is left out."""
    Image.new("RGB", (20, 20), "green").save(tmp_path / "a.png")
    df = pd.DataFrame({"text": ["a dog", None, None], "photo": ["a.png", "a.png", None]})
    out = df.mmembed.fuse(text="text", image="photo", model="local", root=tmp_path)
    assert out["fused_vector"].notna().tolist() == [True, True, False]
    with pytest.raises(ModalityError, match="at least one"):
        df.mmembed.fuse(model="local")
