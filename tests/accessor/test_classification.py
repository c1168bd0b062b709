"""``df.mmembed.classify`` with the local model: words, prompts, few labels, thresholds."""

import numpy as np
import pandas as pd
import pytest

import mmembed  # noqa: F401 - registers the accessor

PETS = ["a dog", "一只猫", "a horse", "老鼠", "a parrot"]
FOODS = ["bread and butter", "苹果", "noodle soup", "a piece of cake"]
RIDES = ["a train", "汽车", "a bicycle"]


@pytest.fixture(scope="module")
def texts():
    """Return twelve short texts in two languages with vectors and, for some, a label."""
    df = pd.DataFrame(
        {
            "text": [*PETS, *FOODS, *RIDES],
            "what": ["pet", None, None, None, None, "food", None, None, None, "ride", None, None],
        },
        index=np.arange(12) * 2,
    )
    return df.mmembed.embed("text", "text", model="local")


TRUTH = ["pet"] * 5 + ["food"] * 4 + ["ride"] * 3


def test_labels_with_several_descriptions(texts):
    """Prompts in Chinese and English together stand for one label."""
    labels = {"pet": ["animal", "动物"], "food": ["food", "something to eat"], "ride": "交通工具"}
    found = texts.mmembed.classify("text_vector", labels=labels)
    assert found["label"].tolist() == TRUTH
    assert found["label_score"].between(1 / 3, 1).all()
    assert list(texts) == ["text", "what", "text_vector"]


def test_few_labels_and_words_together(texts):
    """One labelled row a class and the class's words label the rest."""
    labels = {"pet": "animal", "food": "food", "ride": "vehicle"}
    found = texts.mmembed.classify("text_vector", target="what", labels=labels)
    assert found["what_predicted"].tolist() == TRUTH
    assert found["what_score"].between(1 / 3, 1).all()


def test_unsure_rows_are_left_open(texts):
    """With a threshold rows below it have no label, learnt or not."""
    for options, name in (({"labels": ["animal", "food"]}, "label"), ({"target": "what"}, "what_predicted")):
        scores = texts.mmembed.classify("text_vector", **options)[f"{name.removesuffix('_predicted')}_score"]
        middle = float(scores.median())
        found = texts.mmembed.classify("text_vector", threshold=middle, **options)[name]
        assert (found.notna() == (scores >= middle)).all()
        assert 0 < found.notna().sum() < 12


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "needs target="),
        ({"labels": "food"}, TypeError, "is one text"),
        ({"labels": []}, ValueError, "no label"),
        ({"labels": ["a", "a"]}, ValueError, "twice: 'a'"),
        ({"labels": {"a": []}}, ValueError, "'a' has no description"),
        ({"labels": ["a"], "groups": "what"}, ValueError, "'groups' need target="),
        ({"target": "what", "kinds": "text"}, ValueError, "kinds= is for labels="),
    ],
)
def test_options_that_do_not_go_together(texts, options, error, message):
    """Each is refused with what to do."""
    with pytest.raises(error, match=message):
        texts.mmembed.classify("text_vector", **options)


def test_compare_columns_and_dimensions(texts):
    """All vector columns of the frame, each whole and shortened, with the price of their model."""
    labelled = texts.assign(truth=TRUTH, late_vector=texts["text_vector"].mmembed.truncate(64))
    found = labelled.mmembed.compare(target="truth", dimensions=[32])
    assert found[["column", "dimension"]].to_numpy().tolist() == [
        ["text_vector", 32],
        ["text_vector", 512],
        ["late_vector", 32],
        ["late_vector", 64],
    ]
    assert (found["text_price"] == 0).all()
    assert found["accuracy"].iloc[1] >= 0.75


def test_compare_models_of_contents(texts):
    """Contents are embedded once by each model and shortened here; the cost stands beside the accuracy."""
    labelled = texts.assign(truth=TRUTH)
    found = labelled.mmembed.compare("text", target="truth", models=["local"], dimensions=[64, 128], modality="text")
    assert found["dimension"].tolist() == [64, 128, 512]
    assert (found["column"] == "text").all()
    assert (found["cost"] == 0).all()


def test_nothing_to_compare_is_explained(texts):
    """No vector column, or models without a column, say what to do."""
    with pytest.raises(ValueError, match="no vector column"):
        texts[["text", "what"]].mmembed.compare(target="what")
    with pytest.raises(ValueError, match="Name the columns"):
        texts.mmembed.compare(target="what", models=["local"])


def test_lists_of_labels_in_a_frame(texts):
    """Where the cells of the target are lists, predictions are lists."""
    tags = [[one, "thing"] if one == "ride" else [one] for one in TRUTH]
    found = texts.assign(tags=tags).mmembed.classify("text_vector", target="tags")
    assert found["tags_predicted"].map(type).eq(list).all()
    assert found["tags_predicted"].map(set).eq(pd.Series(tags, index=texts.index).map(set)).mean() > 0.7
