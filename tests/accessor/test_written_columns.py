"""Columns that a verb adds replace those that it wrote itself, and no other."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

import mmembed
from mmembed.errors import ColumnExistsError
from mmembed.frames import Written

ROWS = 40
MATRIX = np.random.default_rng(0).normal(size=(ROWS, 8)).astype("float32")
MATRIX[:20] += 3
MATRIX[20:30] = MATRIX[10:20] + np.float32(0.01)


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def df():
    vectors = mmembed.VectorArray.from_matrix(MATRIX, space="toy")
    return pd.DataFrame({"title": ["a dog", "a train"] * 20, "kind": ["a", "b"] * 20, "v": vectors})


def _words(frame, **options):
    from mmembed.analysis.labels.zero_shot import zero_shot

    return zero_shot(frame["v"], np.eye(2, 8, dtype="float32"), ["east", "north"]).add_to(frame, **options)


VERBS = {
    "embed": (["title_vector"], lambda one, **name: one.mmembed.embed("title", "text", model="local", **name)),
    "fuse": (["fused_vector"], lambda one, **name: one.mmembed.fuse(text="title", model="local", **name)),
    "search": (["similarity"], lambda one, **name: one.mmembed.search(MATRIX[0], "v", **name)),
    "search of several": (
        ["query", "rank", "similarity"],
        lambda one, **name: one.mmembed.search([MATRIX[0], MATRIX[1]], "v", **name),
    ),
    "diverse search": (
        ["similarity", "score"],
        lambda one, **name: one.mmembed.search(MATRIX[0], "v", diverse=0.5, **name),
    ),
    "join": (["similarity"], lambda one, **name: one.mmembed.join(one[["v"]].iloc[::-1], "v", **name)),
    "duplicates": (["group", "similarity"], lambda one, **name: one.mmembed.duplicates("v", 0.9, **name)),
    "duplicates across": (
        ["group", "similarity"],
        lambda one, **name: one.mmembed.duplicates("v", 0.9, across="kind", **name),
    ),
    "outliers": (["outlier_score"], lambda one, **name: one.mmembed.outliers("v", **name)),
    "cluster": (
        ["cluster", "cluster_score", "cluster_name"],
        lambda one, **name: one.mmembed.cluster("v", "kmeans", n_clusters=2, names="text", text="title", **name),
    ),
    "classify": (
        ["kind_predicted", "kind_score"],
        lambda one, **name: one.mmembed.classify("v", target="kind", **name),
    ),
    "classify by words": (["label", "label_score"], _words),
    "project": (["map_x", "map_y"], lambda one, **name: one.mmembed.project("v", "pca", **name)),
}
every_verb = pytest.mark.parametrize("verb", VERBS)


@every_verb
@pytest.mark.parametrize("mine", ["mine", 1, 0.5, np.pi, None], ids=str)
def test_a_column_of_the_users_is_refused_by_name(df, verb, mine):
    """Texts, whole numbers, rounded and long fractions and empty columns; the frame is as it was."""
    columns, call = VERBS[verb]
    for column in columns:
        frame = df.assign(**{column: mine})
        before = frame.copy(deep=True)
        with pytest.raises(ColumnExistsError, match=rf"'{column}'.*name="):
            call(frame)
        pd.testing.assert_frame_equal(frame, before)


@every_verb
def test_a_verb_replaces_what_it_wrote(df, verb):
    """A second call in a notebook needs no other name, also on some of the rows in another order."""
    columns, call = VERBS[verb]
    first = call(df)
    if "_right" in str(list(first)):
        first = first.drop(columns="v_right")
    again = call(first)
    assert set(columns) <= set(again.columns)
    assert again.columns.is_unique
    few = first.iloc[::-1].iloc[: max(2, len(first) // 2)].reset_index(drop=True)
    assert set(columns) <= set(call(few).columns)


@every_verb
def test_name_gives_all_columns_other_names(df, verb):
    """The user's columns stay beside them."""
    columns, call = VERBS[verb]
    mine = df.assign(**dict.fromkeys(columns, "mine"))
    found = call(mine, name="other")
    assert {name for name in found.columns if str(name).startswith("other")} == {_renamed(column) for column in columns}
    for column in columns:
        assert (found[column] == "mine").all()


def _renamed(column):
    for own in ("title_vector", "fused_vector", "outlier_score", "cluster", "kind", "label", "map"):
        if column.startswith(own):
            return column.replace(own, "other", 1)
    return f"other_{column}"


def test_embed_refuses_before_it_embeds(df):
    """Vectors that do not say which model made them are the user's; so are lists of numbers."""
    own = df.assign(title_vector=mmembed.VectorArray.from_matrix(MATRIX))
    with pytest.raises(ColumnExistsError, match="'title_vector'"):
        own.mmembed.embed("title", "text", model="qwen3-vl-embedding")  # without a key: nothing is asked for one
    with pytest.raises(ColumnExistsError, match="'title_vector'"):
        df.assign(title_vector=list(MATRIX)).mmembed.embed("title", "text", model="local")
    with pytest.raises(ValueError, match="one name to several"):
        df.mmembed.embed(["title", "kind"], "text", model="local", name={"title": "x", "kind": "x"})


def test_columns_are_known_again_after_files_of_text(df):
    """float32 numbers are recognised by their digits in CSV and JSON lines, and clusters as texts, too."""
    found = VERBS["cluster"][1](VERBS["project"][1](df)).drop(columns="v")
    files = {
        "csv": pd.read_csv(io.StringIO(found.to_csv(index=False))),
        "texts": pd.read_csv(io.StringIO(found.to_csv(index=False)), dtype=str, keep_default_na=False),
        "json": pd.read_json(
            io.StringIO(found.to_json(orient="records", lines=True, double_precision=15)), orient="records", lines=True
        ),
    }
    for kind, read in files.items():
        for verb, name in (("cluster", "cluster"), ("project", "map")):
            Written.by(verb, name).check(read)
            assert set(Written.by(verb, name).sets[0]) <= set(read.columns), kind


def test_part_of_a_set_is_not_known(df):
    """A label column beside another verb's score is the user's: classify(target="cluster") keeps cluster_score."""
    clustered = VERBS["cluster"][1](df)
    with pytest.raises(ColumnExistsError, match="'cluster_score'"):
        clustered.mmembed.classify("v", target="cluster")
    with pytest.raises(ColumnExistsError, match="'cluster', 'cluster_score'"):
        VERBS["cluster"][1](clustered.drop(columns="cluster_name"))


def test_results_refuse_like_verbs(df):
    """``add_to`` is the same place."""
    with pytest.raises(ColumnExistsError, match="'cluster'"):
        mmembed.fit_clusters(df["v"], "kmeans", n_clusters=2).add_to(df.assign(cluster="mine"))
    with pytest.raises(ColumnExistsError, match="'title_vector'"):
        mmembed.Embedder(model="local").embed(df["title"], "text").add_to(
            df.assign(title="x", title_vector=1), "title_vector"
        )


def test_frames_with_several_levels_of_columns():
    """A top level of the same name is the user's."""
    wide = pd.DataFrame({("cluster", "mine"): range(3)})
    with pytest.raises(ColumnExistsError, match="'cluster'"):
        Written.by("cluster", "cluster").check(wide)
