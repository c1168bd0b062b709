"""Targets whose cells are lists: several labels a row."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import RidgeClassifier

from mmembed.analysis import MultiLabelClassifier, fit_classifier
from mmembed.vectors import VectorArray

NAMES = ["fast", "loud", "red"]


@pytest.fixture(scope="module")
def table():
    """Return 240 rows with up to three labels, which three directions of the vectors tell, and the labels as lists."""
    random = np.random.default_rng(0)
    has = random.random((240, 3)) < 0.4
    vectors = (np.eye(3, 12)[None] * (2 * has[:, :, None] - 1)).sum(axis=1) + random.normal(scale=0.35, size=(240, 12))
    lists = [[name for name, one in zip(NAMES, row, strict=True) if one] for row in has]
    return vectors.astype(np.float32), has, pd.Series(lists, index=np.arange(240) + 500, name="tags")


@pytest.fixture(scope="module")
def fitted(table):
    """Return the experiment, with the last forty rows unlabelled."""
    target = table[2].copy()
    target.iloc[200:] = None
    return fit_classifier(table[0], target)


def test_sets_of_labels_are_learned(table, fitted):
    """Rows get lists of the labels they have, also none; unlabelled rows are predicted, too."""
    vectors, _, lists = table
    assert isinstance(fitted, MultiLabelClassifier)
    predicted = fitted.predict(vectors[200:])
    assert np.mean([set(one) == set(true) for one, true in zip(predicted, lists[200:], strict=True)]) > 0.8
    assert any(one == [] for one in predicted)
    assert fitted.accuracy > 0.8
    assert fitted.classes.tolist() == NAMES


def test_scores_of_sets(fitted):
    """Exact matches, answers and F1 agree with the report, and beat never giving a label."""
    scores, report, confusion = fitted.scores(), fitted.report(), fitted.confusion()
    assert scores.loc["exact_match", "value"] == pytest.approx(fitted.accuracy)
    assert scores.loc["macro_f1", "value"] == pytest.approx(report["f1"].mean())
    assert (scores["value"] > scores["never"])[["exact_match", "answers_right", "micro_f1", "macro_f1"]].all()
    assert scores.loc["calibration_error", "value"] < 0.06
    assert (confusion.sum(axis=1) == 200).all()
    recall = confusion["has_it_given"].to_numpy() / report["rows"]
    assert recall.tolist() == pytest.approx(report["recall"].tolist())


def test_sets_in_a_frame(table, fitted):
    """Lists and the probability of the whole list; a lower threshold gives more labels; no vector, no list."""
    df = pd.DataFrame(index=table[2].index)
    found = fitted.add_to(df)
    assert list(found) == ["tags_predicted", "tags_score"]
    assert found["tags_score"].between(0, 1).all()
    generous = fitted.add_to(df, threshold=0.01)["tags_predicted"]
    assert generous.map(len).sum() > found["tags_predicted"].map(len).sum()
    vectors = VectorArray.from_matrix(table[0][:3], mask=np.array([False, True, False]))
    assert [one is None for one in fitted.predict(vectors)] == [False, True, False]


def test_wrong_labels_of_a_set_are_found(table):
    """A label that a row should not have, and one that it should, head the list."""
    vectors, has, lists = table
    wrong = lists.map(list)
    planted = [3, 50, 120, 180]
    for row in planted:
        wrong.iloc[row] = [name for name in NAMES if (name in wrong.iloc[row]) != (name == "loud")]
    issues = fit_classifier(vectors, wrong).label_issues(8)
    found = issues[(issues["label"] == "loud") & issues["position"].isin(planted)]
    assert len(found) == 4
    assert found["has_it"].tolist() == [not has[row, 1] for row in found["position"]]
    assert issues["doubt"].is_monotonic_decreasing
    assert (issues.index == issues["position"] + 500).all()


def test_labels_that_all_or_single_rows_have(table):
    """A label that every row has is always given, one of a single row is learned; neither spoils the rest."""
    vectors, _, lists = table
    target = lists.map(lambda one: [*one, "thing"])
    target.iloc[7] = [*target.iloc[7], "unique"]
    found = fit_classifier(vectors, target)
    assert all("thing" in one for one in found.predict(vectors[:5]))
    assert found.report().set_index("label").loc[["thing", "unique"], "f1"].isna().all()
    assert found.accuracy > 0.8


def test_other_estimators_learn_sets(table):
    """One without probabilities answers yes or no."""
    found = fit_classifier(table[0], table[2], estimator=RidgeClassifier())
    assert found.accuracy > 0.7
    assert set(np.unique(found.probabilities)) == {0, 1}


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        ([[], [], None], {}, "No row of target 'tags' has a label"),
        ([["a"], ["b", None], []], {}, "lists with missing labels"),
        (
            [["a"], ["b"], []],
            {"descriptions": {"a": np.ones(4), "b": np.ones(4)}},
            "Leave them out where",
        ),
        ([["a"], ["b"], []], {"class_weight": {"a": 2}}, "one label a row"),
    ],
)
def test_sets_that_cannot_be_learned(cells, options, message):
    """Empty columns, missing labels and options for single labels are explained."""
    with pytest.raises(ValueError, match=message):
        fit_classifier(np.eye(3, 4, dtype=np.float32), pd.Series(cells, name="tags"), **options)


def test_sets_in_a_notebook(fitted):
    """One line says what to do next; the table has one line a label."""
    assert "label_issues" in repr(fitted)
    assert fitted._repr_html_().count("<tr") == 4
