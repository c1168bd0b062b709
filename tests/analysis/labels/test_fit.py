"""The experiment around a classifier: scores, intervals, baselines, doubted labels, rows to label next."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier
from sklearn.naive_bayes import GaussianNB

from mmembed.analysis import fit_classifier
from mmembed.vectors import VectorArray


@pytest.fixture(scope="module")
def digits():
    """Return 600 pictures of digits and their names, a Series with an index of its own."""
    pictures, digit = load_digits(return_X_y=True)
    names = pd.Series([f"d{one}" for one in digit[:600]], index=np.arange(600) + 1000, name="digit")
    return pictures[:600].astype(np.float32), names


@pytest.fixture(scope="module")
def fitted(digits):
    """Return the experiment on the pictures, with the last hundred without a label."""
    return fit_classifier(digits[0], digits[1].where(np.arange(600) < 500))


def test_scores_stand_beside_baselines_with_intervals(fitted):
    """The classifier beats the nearest centroid, which beats the majority; every interval holds its value."""
    scores = fitted.scores()
    assert scores.index[:4].tolist() == ["accuracy", "balanced_accuracy", "macro_f1", "log_loss"]
    assert scores.index[4:].tolist() == ["calibration_error", "calibration_error_by_chance"]
    accuracy = scores.loc["accuracy"]
    assert accuracy["value"] == fitted.accuracy > 0.93
    assert accuracy["value"] > accuracy["nearest_centroid"] > 0.8
    assert accuracy["majority"] < 0.2
    bounded = scores.drop(index=["calibration_error", "calibration_error_by_chance"])
    assert bounded["value"].between(bounded["low"], bounded["high"]).all()
    assert scores.loc["log_loss", "value"] < 0.3 < scores.loc["log_loss", "majority"]
    assert scores.loc["calibration_error", "value"] <= 0.05


def test_the_interval_covers_new_rows():
    """For most samples the share right of rows never used lies in the held-out accuracy's interval, and not beside it.

    The interval is one of 95 %, but says nothing of how the fit itself would have been another with other rows.
    """
    pictures, digit = load_digits(return_X_y=True)
    covered, gaps = [], []
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(1797)
        shown, known = pictures[order].astype(np.float32), digit[order]
        found = fit_classifier(shown[:300], known[:300])
        new = (np.asarray(found.predict(shown[300:])) == known[300:]).mean()
        low, high = found.scores().loc["accuracy", ["low", "high"]]
        covered.append(low <= new <= high)
        gaps.append(found.accuracy - new)
    assert sum(covered) >= 8
    assert abs(np.mean(gaps)) < 0.01
    assert high - low < 0.08


def test_report_confusion_and_accuracy_agree(fitted):
    """The diagonal of the confusion is the accuracy, and recalls are its lines."""
    confusion, report = fitted.confusion(), fitted.report()
    assert confusion.to_numpy().sum() == 500
    assert np.trace(confusion.to_numpy()) / 500 == pytest.approx(fitted.accuracy)
    assert report["recall"].tolist() == pytest.approx(np.diag(confusion) / confusion.sum(axis=1))
    assert report["rows"].sum() == 500
    assert (report["recall_low"] <= report["recall"]).all()
    wrong = report[report["mistaken_for"].notna()]
    assert (wrong["mistaken_for"] != wrong["class"]).all()


def test_calibration_has_confidence_beside_accuracy(fitted):
    """Bins cover all rows, go from unsure to sure, and lie near the diagonal."""
    table = fitted.calibration()
    assert table["rows"].sum() == 500
    assert table["confidence"].is_monotonic_increasing
    assert (table["confidence"] - table["accuracy"]).abs().max() < 0.2


def test_wrong_labels_are_found_and_corrected(digits):
    """Of 2 % planted errors at least 80 % head the list, with the right label suggested."""
    pictures, names = digits
    random = np.random.default_rng(0)
    planted = random.choice(600, 12, replace=False)
    wrong = names.copy()
    wrong.iloc[planted] = [random.choice(sorted(set(names) - {names.iloc[row]})) for row in planted]
    issues = fit_classifier(pictures, wrong).label_issues(12)
    found = np.isin(issues["position"], planted)
    assert found.mean() >= 0.8
    assert (issues.index == issues["position"] + 1000).all()
    assert (issues["suggested"] == names.loc[issues.index])[found].mean() >= 0.8
    assert (issues["label"] == wrong.loc[issues.index]).all()
    assert issues["doubt"].is_monotonic_decreasing
    assert issues["doubt"].between(0, 1).all()
    assert issues["is_confident"][found].mean() > 0.5
    assert (issues["label_probability"] < issues["suggested_probability"]).all()


def test_next_to_label_are_uncertain_and_unlike(fitted, digits):
    """Rows to label are unlabelled, less sure than the others, each once, and further apart than the least sure."""
    pictures, _ = digits
    pictures = pictures.copy()
    pictures[550:560] = pictures[540]
    chosen = fit_classifier(pictures, digits[1].where(np.arange(600) < 500)).next_to_label(8)
    assert len(chosen) == 8
    assert (chosen["position"] >= 500).all()
    assert (chosen.index == chosen["position"] + 1000).all()
    assert chosen["position"].isin(range(550, 560)).sum() + chosen["position"].isin([540]).sum() <= 1
    sure = fitted.add_to(pd.DataFrame(index=range(1000, 1600)))["digit_score"].iloc[500:]
    assert chosen["probability"].mean() < sure.mean()
    assert (chosen["probability"] >= chosen["second_probability"]).all()
    with pytest.raises(ValueError, match="Every row that has a vector is labelled"):
        fit_classifier(pictures[:50], digits[1][:50]).next_to_label()
    with pytest.raises(ValueError, match="n=0"):
        fitted.next_to_label(0)


def test_the_learning_curve_rises_and_looks_ahead(fitted):
    """More labels are better; the row that is extrapolated says so and lies on the way."""
    curve = fitted.learning_curve([40, 100, 390], more=(100,))
    measured = curve[curve["measured"]]
    assert measured["labels"].tolist() == [40, 100, 390]
    assert measured["accuracy"].is_monotonic_increasing
    assert measured["accuracy"].iloc[-1] == pytest.approx(fitted.accuracy, abs=0.02)
    ahead = curve[~curve["measured"]]
    assert ahead["labels"].between(490, 500).all()
    assert measured["accuracy"].iloc[-1] <= ahead["accuracy"].item() <= 1


def test_copies_do_not_flatter():
    """With random labels copied four times the score stays at chance, since copies are held out together."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(60, 16)).astype(np.float32)
    copies = np.repeat(rows, 4, axis=0) + random.normal(scale=0.02, size=(240, 16)).astype(np.float32)
    labels = np.repeat(random.permutation(np.arange(60) % 2), 4)
    kept = fit_classifier(copies, labels)
    flattered = fit_classifier(copies, labels, near_duplicates=None)
    assert kept.linked == 240
    assert kept.accuracy < 0.7
    assert flattered.accuracy > 0.95
    assert fit_classifier(np.repeat(rows, 4, axis=0), labels, near_duplicates=None).accuracy < 0.7


def test_groups_are_held_out_together():
    """What is learned of an author is no help for other authors, and the score with groups says so."""
    random = np.random.default_rng(1)
    author = np.arange(300) % 30
    rows = random.normal(size=(30, 24))[author] + random.normal(scale=0.4, size=(300, 24))
    labels = author % 2
    apart = fit_classifier(rows.astype(np.float32), labels, near_duplicates=None)
    together = fit_classifier(rows.astype(np.float32), labels, groups=[f"a{one}" for one in author])
    assert apart.accuracy > 0.95
    assert together.accuracy < 0.75
    wide, narrow = (one.scores().loc["accuracy", ["low", "high"]] for one in (together, apart))
    assert np.ptp(wide) > 0.15 > np.ptp(narrow)
    with pytest.raises(ValueError, match="groups has 2 values for 300 rows"):
        fit_classifier(rows.astype(np.float32), labels, groups=[1, 2])


@pytest.mark.usefixtures("two_threads")
def test_same_seed_same_experiment(digits):
    """Folds, landmarks and intervals come from random_state; None is 0."""
    pictures, names = digits
    first, second = (fit_classifier(pictures[:200], names[:200], random_state=seed) for seed in (0, None))
    pd.testing.assert_frame_equal(first.scores(), second.scores())
    pd.testing.assert_frame_equal(first.label_issues(), second.label_issues())


def test_other_estimators_stand_in(digits):
    """One with probabilities gives the whole experiment, one without gives all but what needs them, and says so."""
    pictures, names = digits
    bayes = fit_classifier(pictures, names, estimator=GaussianNB())
    assert bayes.accuracy > 0.7
    assert bayes.scores()["value"].notna().all()
    ridge = fit_classifier(pictures, names, estimator=RidgeClassifier())
    assert ridge.scores().loc["log_loss"].isna()[["value", "low", "high"]].all()
    assert ridge.scores().loc["macro_f1", "value"] > 0.7
    for ask in (ridge.label_issues, ridge.calibration, lambda: ridge.predict_probabilities(pictures)):
        with pytest.raises(ValueError, match="gives no probabilities"):
            ask()
    with pytest.raises(ValueError, match="class_weight= and descriptions= are for"):
        fit_classifier(pictures, names, estimator=GaussianNB(), class_weight="balanced")


def test_class_weights_are_named_by_class(digits):
    """A dict names the target's values; one that it does not have is refused."""
    pictures, names = digits
    found = fit_classifier(pictures[:200], names[:200], class_weight={"d3": 50.0})
    assert (found.held_out.predicted == 3).sum() > (names[:200] == "d3").sum()
    with pytest.raises(ValueError, match="class_weight names 'd77'"):
        fit_classifier(pictures[:200], names[:200], class_weight={"d77": 2})


def test_probabilities_of_all_classes(fitted, digits):
    """A frame with a column for each class and the index of the vectors; rows without a vector are NaN."""
    vectors = pd.Series(
        VectorArray.from_matrix(digits[0][:4], mask=np.array([False, True, False, False])), index=list("abcd")
    )
    found = fitted.predict_probabilities(vectors)
    assert found.index.tolist() == list("abcd")
    assert found.columns.tolist() == list(fitted.classes)
    assert found.loc["b"].isna().all()
    assert found.drop(index="b").sum(axis=1).to_numpy() == pytest.approx(1)


def test_nothing_to_measure_is_said_plainly():
    """Two rows of two classes are learned; their scores are missing, and a curve is refused."""
    found = fit_classifier(np.eye(2, dtype=np.float32), ["a", "b"])
    assert found.scores()["value"].isna().all()
    assert found.confusion().to_numpy().sum() == 0
    assert found.report()["recall"].isna().all()
    with pytest.raises(ValueError, match="no curve: label at least two rows"):
        found.learning_curve()
    with pytest.raises(ValueError, match="folds=1"):
        fit_classifier(np.eye(2, dtype=np.float32), ["a", "b"], folds=1)


def test_shown_in_a_notebook(digits):
    """The one line says what to do next; the table is escaped and has no script."""
    pictures, names = digits
    found = fit_classifier(pictures[:200], names[:200].rename("<script>alert(1)</script>"))
    assert "label_issues" in repr(found)
    assert "\n" not in repr(found)
    shown = found._repr_html_()
    assert "<script" not in shown
    assert "nearest_centroid" in shown


def test_classes_that_are_alike_by_nature_are_measured():
    """Where likeness would hold whole classes out, only equal rows are held out together, and a warning says so."""
    y = np.repeat(list("abc"), 80)
    centers = 5 * np.eye(3)[np.repeat(range(3), 80)]
    tight = (centers + np.random.default_rng(0).normal(scale=0.1, size=(240, 3))).astype(np.float32)
    with pytest.warns(UserWarning, match="no sign of repetition"):
        experiment = fit_classifier(tight, y)
    assert experiment.accuracy > 0.99


def lost(n_rare):
    """Return rows of two clear classes, and a third that lies scattered among the first."""
    random = np.random.default_rng(5)
    y = np.append(np.arange(400) % 2, np.full(n_rare, 2))
    rows = np.eye(6)[np.where(y == 2, 0, y)] * 4 + random.normal(size=(len(y), 6))
    return rows.astype(np.float32), pd.Series(np.array(["plain", "other", "rare"])[y], name="kind")


def test_a_class_that_is_never_predicted_is_told():
    """A warning names the class and what finds more of it, at both doors."""
    rows, kinds = lost(14)
    with pytest.warns(UserWarning, match=r"Never predicted while held out: 'rare' \(14 of 414 rows\)") as said:
        fit_classifier(rows, kinds)
    assert 'class_weight="balanced"' in str(said[0].message)
    assert said[0].filename == __file__


@pytest.mark.parametrize(("n_rare", "weight"), [(6, None), (14, "balanced"), (14, {"rare": 20})])
def test_few_rows_and_weighted_classes_are_no_warning(n_rare, weight):
    """Below ten rows it may be chance; weights find rows of the class."""
    rows, kinds = lost(n_rare)
    found = fit_classifier(rows, kinds, class_weight=weight)
    said = found.report().set_index("class")
    assert n_rare < 10 or said.loc["rare", "recall"] > 0.2


def mistaken(pictures, names, share, random_state):
    """Return the names with some replaced by the class whose mean is nearest, and which rows these are."""
    random = np.random.default_rng(random_state)
    kinds = np.unique(names)
    means = np.stack([pictures[names == one].mean(axis=0) for one in kinds])
    near = pictures @ means.T / np.linalg.norm(means, axis=1)
    near[np.arange(len(names)), np.searchsorted(kinds, names)] = -np.inf
    planted = random.choice(len(names), round(share * len(names)), replace=False)
    wrong = pd.Series(names, dtype=object)
    wrong.iloc[planted] = kinds[near.argmax(axis=1)][planted]
    return wrong, planted


@pytest.mark.parametrize(("share", "seed"), [(0.02, 0), (0.04, 1), (0.08, 2)])
def test_labels_of_the_neighbouring_class_are_found(digits, share, seed):
    """Labels that people mistake head the list; without a number most that is returned is wrong, and most is found."""
    pictures, names = digits
    pictures, names = np.asarray(pictures), np.asarray(names)
    wrong, planted = mistaken(pictures, names, share, seed)
    found = fit_classifier(pictures, wrong)
    assert np.isin(found.label_issues(len(planted))["position"], planted).mean() >= 0.75
    returned = found.label_issues()["position"]
    assert np.isin(returned, planted).mean() >= 0.8
    assert np.isin(planted, returned).mean() >= 0.5
    assert len(returned) <= found.label_issues(10_000)["is_confident"].sum()


def test_a_weak_classifier_accuses_nobody_without_saying_so():
    """Where many rows are mistaken anyway, a warning says that doubt is no proof; a number asks for the list itself."""
    random = np.random.default_rng(6)
    y = np.arange(300) % 3
    rows = np.eye(5)[y] + random.normal(scale=1.2, size=(300, 5))
    found = fit_classifier(rows.astype(np.float32), pd.Series(y))
    assert 0.4 < found.accuracy < 0.7
    with pytest.warns(UserWarning, match="too weak to accuse labels"):
        issues = found.label_issues()
    assert len(issues) < 0.05 * 300
    assert len(found.label_issues(50)) == 50


def test_large_tables_share_a_reading_of_the_rows(digits, monkeypatch):
    """Predictions while held out are about those of fits of their own, and no fold is learned from."""
    from mmembed.analysis.labels import experiment as holding_out

    pictures, names = digits
    plain = fit_classifier(pictures, names)
    monkeypatch.setattr(holding_out, "_SHARED_ROWS", 100)
    shared = fit_classifier(pictures, names)
    assert (shared.held_out.predicted == plain.held_out.predicted).mean() > 0.98
    assert shared.accuracy == pytest.approx(plain.accuracy, abs=0.01)
    assert (shared.held_out.nearest_centroid == plain.held_out.nearest_centroid).all()
    random = pd.Series(np.random.default_rng(0).integers(0, 2, len(names)))
    assert fit_classifier(pictures, random).accuracy < 0.6
