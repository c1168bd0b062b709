"""Labels over partitions: the pandas result where all labelled rows are learned from, stated samples elsewhere."""

from __future__ import annotations

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from tests.distributed.tables import CUTS, clustered, cut, untouchable

import mmembed
from mmembed.distributed import fit_classifier, zero_shot
from mmembed.distributed.columns import side_by_side
from mmembed.distributed.samples import draw_labelled
from mmembed.errors import ColumnNotFoundError
from mmembed.vectors import VectorArray


@pytest.fixture(scope="module")
def df():
    """Return the table with a target for two thirds of the rows."""
    df = clustered(spread=0.3)
    return df.assign(side=df["group"].where(np.arange(len(df)) % 3 > 0))


def assert_same(got, want, name):
    """Compare labels exactly and scores to a millionth, in a type that both have."""
    label, score = (f"{name}_predicted", f"{name}_score") if f"{name}_predicted" in want else (name, f"{name}_score")
    assert got[label].fillna("?").tolist() == want[label].fillna("?").tolist()
    np.testing.assert_allclose(got[score], want[score], atol=1e-6)
    assert got.index.tolist() == want.index.tolist()


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_learning_from_all_labelled_rows_is_pandas(df, cuts):
    """However the table is cut, predictions and scores are those of pandas."""
    want = df.mmembed.classify("v", target="side", groups="title", threshold=0.6)
    got = cut(df, cuts).mmembed.classify("v", target="side", groups="title", threshold=0.6)
    assert_same(got.compute(), want, "side")


def test_words_and_rows_together_are_pandas_on_two_workers(cluster):
    """A local model's table with few labels and descriptions: centred by the mean of all rows, as on pandas."""
    texts = pd.DataFrame({"t": ["a red apple", "a ripe pear", "a fast car", "an old bus", None, "a plum", "a lorry"]})
    table = texts.mmembed.embed("t", "text", model="local").assign(
        kind=["fruit", None, "vehicle", None, None, None, None]
    )
    options = {"target": "kind", "labels": {"fruit": "fruit to eat", "vehicle": ["a car", "a bus"]}}
    with cluster.as_current():
        got = dd.from_pandas(table, npartitions=3).mmembed.classify("t_vector", **options).compute()
    assert_same(got, table.mmembed.classify("t_vector", **options), "kind")


@pytest.mark.parametrize("kinds", [None, "kind"])
def test_zero_shot_is_pandas(kinds):
    """Labels from words are given partition by partition, with means and spread of all rows."""
    words = ["a red apple", "a ripe pear", "a fast car", "an old bus", "a plum", "a lorry", None]
    texts = pd.DataFrame({"t": words * 4, "kind": ["a", "b"] * 14})
    table = texts.mmembed.embed("t", "text", model="local")
    options = {"labels": ["fruit", "vehicle", "music"], "kinds": kinds, "threshold": 0.4, "name": "thing"}
    lazy = cut(table, [5, 5, 20]).mmembed.classify("t_vector", **options)
    want = table.mmembed.classify("t_vector", **options)
    assert list(lazy.columns) == list(want.columns)
    assert_same(lazy.compute(), want, "thing")


def test_balanced_classes_are_those_of_pandas(df):
    """A class that is told from another by next to nothing is found at both doors when classes count alike."""
    rare = df.assign(side=df["side"].mask((df["group"] == "group 0") & (np.arange(len(df)) % 7 == 1), "rare"))
    want = rare.mmembed.classify("v", target="side", class_weight="balanced")
    got = cut(rare, [100, 300]).mmembed.classify("v", target="side", class_weight="balanced")
    assert_same(got.compute(), want, "side")
    assert (want["side_predicted"] == "rare").sum() > 0


def test_lists_of_labels_are_learned(df):
    """A target whose cells are lists gives lists, from a bounded sample too."""
    import dask

    both = [[one, kind] for one, kind in zip(df["group"], df["kind"], strict=True)]
    with dask.config.set({"dataframe.convert-string": False}):
        ddf = cut(df.assign(both=pd.Series(both, index=df.index, dtype=object)), [300])
        found = fit_classifier(ddf["v"], ddf["both"], sample_rows=300)
        got = found.add_to(ddf).compute()
    assert len(found.sample) == 300
    right = [
        set(one) & {group} != set()
        for one, group in zip(got["both_predicted"].dropna(), df["group"][df["v"].notna()], strict=True)
    ]
    assert np.mean(right) > 0.95


def test_every_class_keeps_rows(df):
    """A sample of the labelled rows is drawn by class, does not depend on the partitions, and is told."""
    rare = df.assign(side=df["side"].where(np.arange(len(df)) % 40 != 1, "rare"))
    drawn = [
        draw_labelled(side_by_side(ddf["v"], target=ddf["side"]), 100, seed=0)
        for ddf in (cut(rare, []), cut(rare, [7, 300, 300]))
    ]
    assert drawn[0].frame["vector"].equals(drawn[1].frame["vector"])
    counts = drawn[0].frame["target"].value_counts()
    labelled = rare["side"][rare["v"].notna()]
    assert drawn[0].of == labelled.notna().sum()
    assert (counts >= np.minimum(20, labelled.value_counts()[counts.index])).all()
    assert counts["group 0"] == round(100 * (labelled == "group 0").sum() / drawn[0].of)
    with pytest.warns(UserWarning, match=rf"learned from \d+ of {drawn[0].of} labelled rows, drawn by class. Give"):
        got = cut(rare, [200]).mmembed.classify("v", target="side", sample_rows=100).compute()
    assert (got["side_predicted"] == df["group"])[df["v"].notna()].mean() > 0.9


def test_new_vectors_get_labels(df):
    """A fitted classifier predicts for pandas and, lazily, for other Dask columns."""
    ddf = cut(df, [300])
    found = fit_classifier(ddf["v"], ddf["side"], sample_rows=200)
    got = found.predict(df["v"])
    assert found.predict(cut(df, [1, 2])["v"]).compute().fillna("?").tolist() == pd.Series(got).fillna("?").tolist()
    assert "learned from" in repr(found)
    assert found.accuracy > 0.9
    with pytest.raises(ValueError, match="the classifier was given 2"):
        found.add_to(cut(df, [1, 2]))


def test_comparing_columns_is_pandas_on_all_rows_and_told_on_a_sample(df):
    """The table of accuracies is that of pandas; where rows are left out a warning says how many."""
    two = df.assign(w=df["v"].mmembed.truncate(6))
    want = two.mmembed.compare(target="side", dimensions=[4])
    got = cut(two, [100, 400]).mmembed.compare(target="side", dimensions=[4])
    pd.testing.assert_frame_equal(got.drop(columns="seconds"), want.drop(columns="seconds"), check_dtype=False)
    with pytest.warns(UserWarning, match=r"compare measured 1\d\d of \d+ labelled rows"):
        assert cut(two, [100]).mmembed.compare("v", target="side", sample_rows=120)["rows"].tolist()[0] < 200


def test_models_are_compared_on_contents():
    """With models, columns of contents are embedded as on pandas."""
    table = pd.DataFrame({"t": ["apple", "pear", "car", "bus"] * 5, "k": ["f", "f", "v", "v"] * 5})
    want = table.mmembed.compare("t", target="k", models=["local"], modality="text")
    got = cut(table, [3]).mmembed.compare("t", target="k", models=["local"], modality="text")
    pd.testing.assert_frame_equal(got.drop(columns="seconds"), want.drop(columns="seconds"))


WRONG = {
    "nothing asked": (ValueError, "classify", {"column": "v"}),
    "no such column": (ColumnNotFoundError, "classify", {"column": "w", "target": "side"}),
    "no such target": (ColumnNotFoundError, "classify", {"column": "v", "target": "sid"}),
    "kinds with a target": (ValueError, "classify", {"column": "v", "target": "side", "kinds": "kind"}),
    "an estimator for words": (ValueError, "classify", {"column": "v", "labels": ["a"], "estimator": object()}),
    "weights for words": (ValueError, "classify", {"column": "v", "labels": ["a"], "class_weight": "balanced"}),
    "contents without names": (ValueError, "compare", {"target": "side", "models": ["local"]}),
    "no column to compare": (ColumnNotFoundError, "compare", {"columns": "w", "target": "side"}),
}


@pytest.mark.parametrize(("error", "verb", "arguments"), WRONG.values(), ids=WRONG)
def test_errors_are_those_of_pandas_before_anything_is_computed(df, error, verb, arguments):
    """What pandas refuses is refused in the same words, without touching a partition."""
    with pytest.raises(error) as local:
        getattr(df.mmembed, verb)(**arguments)
    with pytest.raises(error) as distributed:
        getattr(untouchable(df).mmembed, verb)(**arguments)
    assert str(distributed.value) == str(local.value)


def test_a_target_of_too_many_values_is_refused(df):
    """A quantity is refused as on pandas."""
    numbers = df.assign(price=np.random.default_rng(0).random(len(df)))
    with pytest.raises(ValueError, match="is a quantity"):
        cut(numbers, [300]).mmembed.classify("v", target="price")


def test_descriptions_that_say_nothing_are_told_of_as_on_pandas(df, cluster):
    """Agreement and mean score are those of all rows; labels with one description, and few rows, have none."""
    random = np.random.default_rng(3)
    words = VectorArray.from_matrix(random.normal(size=(8, 24)).astype("f4"), space="toy")
    names = [name for name in "abcd" for _ in range(2)]
    with pytest.warns(UserWarning, match="choose alike for") as local:
        want = mmembed.zero_shot(df["v"], words, names, kinds=df["kind"])
    ddf = cut(df, [0, 200])
    with cluster.as_current():
        with pytest.warns(UserWarning, match="choose alike for") as distributed:
            found = zero_shot(ddf["v"], words, names, kinds=ddf["kind"])
        assert_same(found.add_to(ddf).compute(), want.add_to(df), "label")
    assert found.agreement == want.agreement
    assert str(distributed[0].message) == str(local[0].message)
    assert distributed[0].filename == __file__
    assert "agreement=0." in repr(found)
    assert zero_shot(ddf["v"], words[:4], list("abcd")).agreement is None
    assert zero_shot(cut(df.iloc[:15], [7])["v"], words, names).agreement is None
    with pytest.raises(ValueError, match="the vectors had 3"):
        found.add_to(cut(df, [200]))
