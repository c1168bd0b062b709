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
