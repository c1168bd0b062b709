"""Results and values find their rows by index labels where they have some, and by position where they have none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmembed
from mmembed.analysis import name_clusters
from mmembed.analysis.clusters.result import load_clusters

ROWS = 40
ORDER = np.random.default_rng(1).permutation(ROWS)
MATRIX = np.random.default_rng(0).normal(size=(ROWS, 8)).astype("float32")
MATRIX[:20] += 3
MATRIX[20:30] = MATRIX[10:20] + np.float32(0.01)


@pytest.fixture(params=["texts", "two levels"])
def df(request):
    return _frame(request.param)


def _frame(kind):
    labels = {
        "numbers": range(100, 100 + ROWS),
        "texts": [f"r{number}" for number in range(ROWS)],
        "dates": pd.date_range("2024-01-01", periods=ROWS),
        "two levels": pd.MultiIndex.from_product([range(4), list("abcdefghij")]),
    }
    vectors = mmembed.VectorArray.from_matrix(MATRIX, space="toy")
    frame = pd.DataFrame(
        {
            "v": vectors,
            "kind": np.where(np.arange(ROWS) < 20, "fruit", "train"),
            "part": ["a", "b"] * 20,
            "n": range(ROWS),
        },
        index=labels[kind],
    )
    frame["title"] = [f"{kind} number {number}" for kind, number in zip(frame["kind"], frame["n"], strict=True)]
    return frame


RESULTS = {
    "clusters": lambda df: mmembed.fit_clusters(df["v"], "kmeans", n_clusters=3).add_to,
    "projection": lambda df: mmembed.fit_projection(df["v"], "pca").add_to,
    "outliers": lambda df: mmembed.find_outliers(df["v"]).add_to,
    "duplicates": lambda df: mmembed.find_duplicates(df["v"], 0.99).add_to,
    "leaks": lambda df: mmembed.find_leaks(df["v"], df["part"], 0.99).add_to,
    "classifier": lambda df: mmembed.fit_classifier(df["v"], df["kind"]).add_to,
    "classifier of a list": lambda df: mmembed.fit_classifier(df["v"], list(df["kind"])).add_to,
    "labels": lambda df: mmembed.zero_shot(df["v"], np.eye(2, 8, dtype="float32"), ["east", "north"]).add_to,
    "duplicate rows": lambda df: lambda one: mmembed.find_duplicates(df["v"], 0.99).rows_of(one),
    "dropping": lambda df: lambda one: mmembed.find_duplicates(df["v"], 0.99).drop_from(one),
    "leaked rows": lambda df: lambda one: mmembed.find_leaks(df["v"], df["part"], 0.99).rows_of(one),
    "hits": lambda df: mmembed.search(MATRIX[3], df["v"], 5).add_to,
    "pairs": lambda df: lambda one: mmembed.join(df["v"], df["v"], 1).add_to(one, one[["v"]]),
    "run": lambda df: (
        lambda one: mmembed.Embedder(model="local", cache=None).embed(df["title"], "text").add_to(one, "w")
    ),
}


@pytest.mark.parametrize("kind", RESULTS)
def test_a_result_finds_its_rows_in_a_frame_in_another_order(df, kind):
    """The row that carries a label carries what was computed for it."""
    add_to = RESULTS[kind](df)
    straight, shuffled = add_to(df), add_to(df.iloc[ORDER])
    pd.testing.assert_frame_equal(
        shuffled.sort_values("n", kind="stable"), straight.sort_values("n", kind="stable"), check_freq=False
    )
    if len(straight) == ROWS and kind != "pairs":
        assert shuffled["n"].tolist() == ORDER.tolist()


@pytest.mark.parametrize("kind", RESULTS)
def test_a_frame_of_other_rows_is_refused(df, kind):
    """Other labels, fewer rows, and labels twice in another order; twice in the same order is an ordinary frame."""
    add_to = RESULTS[kind](df)
    for other in (df.reset_index(drop=True), df.iloc[:-1], df.iloc[[0, *range(ROWS - 1)]]):
        with pytest.raises(ValueError, match="rows"):
            add_to(other)
    twice = df.set_axis([0] * ROWS, axis=0)
    assert RESULTS[kind](twice)(twice) is not None
    with pytest.raises(ValueError, match=r"\.array, goes by position"):
        RESULTS[kind](twice.set_axis(np.arange(ROWS) // 2, axis=0))(twice.set_axis(np.arange(ROWS)[::-1] // 2, axis=0))


def test_arrays_go_by_position(df):
    """A result of an array, or of a list of labels, is put on rows as they come."""
    clusters = mmembed.fit_clusters(df["v"].array, "kmeans", n_clusters=3)
    assert clusters.add_to(df.iloc[ORDER])["cluster"].tolist() == clusters.labels.tolist()
    classifier = mmembed.fit_classifier(df["v"].array, list(df["kind"]))
    assert classifier.add_to(df.iloc[ORDER])["target_predicted"].tolist() == list(classifier.predict(df["v"]))


def test_values_beside_the_vectors_are_aligned(df):
    """A target, texts, kinds, groups and parts in another order give what they give in the same one."""
    other = df.iloc[ORDER]
    vectors = df["v"]
    assert (
        mmembed.fit_classifier(vectors, other["kind"]).accuracy == mmembed.fit_classifier(vectors, df["kind"]).accuracy
    )
    named = [mmembed.fit_clusters(vectors, "kmeans", n_clusters=2, text=one["title"]).names for one in (df, other)]
    assert dict(named[0]) == dict(named[1])
    fitted = mmembed.fit_clusters(vectors, "kmeans", n_clusters=2)
    assert dict(fitted.named(other["title"]).names) == dict(fitted.named(df["title"]).names)
    for make in (
        lambda one: mmembed.fit_clusters(vectors, "kmeans", n_clusters=2, kinds=one["part"]).scores,
        lambda one: mmembed.fit_projection(vectors, "pca", kinds=one["part"]).coordinates,
        lambda one: mmembed.find_outliers(vectors, kinds=one["part"]).scores,
        lambda one: mmembed.find_duplicates(vectors, 0.9, prefer=one["n"], kinds=one["part"]).representatives,
        lambda one: mmembed.find_leaks(vectors, one["part"], 0.9).twins,
        lambda one: (
            mmembed.fit_classifier(vectors, one["kind"], groups=one["n"] // 4, near_duplicates=None).held_out.predicted
        ),
    ):
        np.testing.assert_array_equal(make(other), make(df))
    labels = pd.Series(fitted.labels, index=df.index)
    assert dict(name_clusters(labels, other["title"])) == dict(name_clusters(labels, df["title"]))


def test_values_of_other_rows_are_refused(df):
    """A Series that cannot be put beside the vectors says so; its values alone go by position."""
    stranger = df["kind"].set_axis([f"other {number}" for number in range(ROWS)])
    with pytest.raises(ValueError, match=r"target= has other index labels.*series\.array"):
        mmembed.fit_classifier(df["v"], stranger)
    assert (
        mmembed.fit_classifier(df["v"], stranger.array).accuracy == mmembed.fit_classifier(df["v"], df["kind"]).accuracy
    )
    with pytest.raises(ValueError, match="text= has other"):
        mmembed.fit_clusters(df["v"], "kmeans", n_clusters=2).named(stranger)
    with pytest.raises(ValueError, match="kinds= has other"):
        mmembed.fit_projection(df["v"], "pca", kinds=stranger)


@pytest.mark.parametrize("kind", ["numbers", "texts", "dates", "two levels"])
def test_saved_clusters_keep_plain_labels(kind, tmp_path):
    """Numbers, texts and dates are in the file; where they are not, as in files of version 0.1, rows go by position."""
    df = _frame(kind)
    fitted = mmembed.fit_clusters(df["v"], "kmeans", n_clusters=3)
    read = load_clusters(fitted.save(tmp_path / "c.npz"))
    if kind == "two levels":
        assert read.index is None
        assert read.add_to(df)["cluster"].tolist() == fitted.labels.tolist()
    else:
        shuffled = df.iloc[ORDER]
        pd.testing.assert_frame_equal(read.add_to(shuffled), fitted.add_to(shuffled), check_freq=False)


def test_a_filter_in_another_order_goes_to_its_rows():
    """A mask of the same labels is aligned; one of other labels, or of another length, is refused."""
    frame = pd.DataFrame({"v": list(np.eye(4, dtype=np.float32)), "n": range(4)}, index=list("abcd"))
    frame["v"] = frame["v"].mmembed.as_vectors()
    turned = frame.iloc[::-1]["n"] < 2
    assert sorted(frame.mmembed.search(np.ones(4), "v", where=turned).index) == ["a", "b"]
    for other in (pd.Series([True] * 4), pd.Series([True] * 3, index=list("abc")), [True] * 5):
        with pytest.raises(ValueError, match="where"):
            frame.mmembed.search(np.ones(4), "v", where=other)
