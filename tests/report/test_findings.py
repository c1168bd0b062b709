"""What other verbs found, read from columns, values and results, and shown on the page."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mmembed import find_duplicates, find_outliers, fit_classifier
from mmembed.errors import ColumnNotFoundError
from mmembed.report import build_report
from mmembed.report.findings import read_duplicates, read_label_issues, read_outliers


def test_equal_values_are_a_group_of_duplicates(goods):
    """Groups are ordered by size; missing values and single ones are no group; a list of values does as well."""
    values = [1, None, 2, 2, 3, 2, 1] + [None] * 17
    df = goods.assign(found=pd.array(values, dtype="Int64"))
    expected = ((2, 3, 5), (0, 6))
    assert read_duplicates(df, "found") == expected
    assert read_duplicates(df, values) == expected


def test_the_results_of_the_verbs_are_read(goods):
    """find_duplicates and find_outliers may be given themselves, on a frame with their columns too, and as frames."""
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(24, 32))
    vectors[[7, 11]] = vectors[3]
    vectors[20] = vectors[5]
    duplicates, outliers = find_duplicates(vectors, 0.95), find_outliers(vectors, 3)
    expected = ((3, 7, 11), (5, 20))
    for df in (goods, duplicates.add_to(goods)):
        assert read_duplicates(df, duplicates) == expected
    frame = goods.reset_index(drop=True)
    assert tuple(map(tuple, map(sorted, read_duplicates(frame, duplicates.rows_of(frame))))) == expected
    order = [row for row, _ in read_outliers(goods, outliers)]
    assert order == np.argsort(-outliers.scores, kind="stable").tolist()


def test_equal_rows_are_listed_once():
    """Outliers and rows at the border of a topic that look alike are told once; the JSON has the rows themselves."""
    n_rows = 40
    df = pd.DataFrame({"title": [f"row {row}" for row in range(n_rows)], "cluster": np.arange(n_rows) // 20})
    df["title"] = df["title"].mask(df.index < 15, "the same again")
    df["cluster_score"] = np.linspace(0.2, 0.9, n_rows)
    df = df.assign(map_x=np.arange(n_rows), map_y=0.0, outlier_score=np.where(df.index < 15, 3.0, 1.0))
    report = build_report(df, text="title", language="en")
    page = report._contents
    assert [row.row for row in page.outliers][:3] == [0, 15, 16]
    assert "equal ones are listed once" in report.to_markdown()
    assert [one["position"] for one in json.loads(report.to_json())["outliers"]] == list(range(n_rows))
    card = next(card for card in page.cards if card.group.key == 0)
    assert [row.row for row in card.borderline] == [0, 15]


def test_outliers_are_ordered_and_rows_without_a_score_left_out(goods):
    """The highest score first; of equal ones the first row."""
    scores = np.full(24, np.nan)
    scores[[4, 9, 2]] = [0.5, 0.9, 0.5]
    assert read_outliers(goods.assign(odd=scores), "odd") == ((9, 0.9), (2, 0.5), (4, 0.5))


def test_the_issues_of_a_classifier_are_read(goods):
    """A fitted classifier may be given itself; its planted wrong label is on the page as given and suggested."""
    rng = np.random.default_rng(0)
    goods = pd.concat([goods] * 10)
    kinds = np.arange(240) % 3
    vectors = np.eye(3, 16)[kinds] * 3 + rng.normal(size=(240, 16)) * 0.5
    labels = np.array(["red", "green", "blue"], dtype=object)[kinds]
    labels[5] = "red"
    fitted = fit_classifier(vectors, pd.Series(labels, index=goods.index), random_state=0)
    issues = read_label_issues(goods, fitted)
    assert (issues[0].row, issues[0].given, issues[0].suggested) == (5, "red", "blue")
    page = build_report(goods, text="title", label_issues=fitted, language="en").html()
    assert "Labels to check" in page
    assert "red → blue" in page


def test_sections_are_there_only_where_somebody_looked(goods):
    """Without columns or arguments there is no section; the verbs' own columns are taken by themselves."""
    plain = build_report(goods, text="title", language="en").html()
    for word in ("Near duplicates", "Outliers", "Labels to check", "Since the last report"):
        assert word not in plain
    df = goods.assign(duplicate_group=[0, 0, *range(1, 23)], outlier_score=np.linspace(0, 1, 24))
    found = build_report(df, text="title", language="en").html()
    assert "Near duplicates" in found
    assert "Groups: 1, with 2 rows in all" in found
    assert "The 12 rows with the highest scores" in found


def test_findings_that_do_not_fit_are_refused(goods):
    """A wrong name, a wrong length, a wrong type and rows that are not there each have their own message."""
    with pytest.raises(ColumnNotFoundError, match="'groop'"):
        build_report(goods, duplicates="groop")
    with pytest.raises(ValueError, match="3 values for 24 rows"):
        build_report(goods, outliers=[1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="label_issues"):
        build_report(goods, label_issues=5)
    frame = pd.DataFrame({"position": [99], "given": ["a"], "suggested": ["b"]})
    with pytest.raises(ValueError, match="24 rows"):
        build_report(goods, label_issues=frame)
    with pytest.raises(ValueError, match="label suggested"):
        build_report(goods, label_issues=frame.assign(position=0).drop(columns="suggested"))
    with pytest.raises(ValueError, match="not unique"):
        build_report(goods, label_issues=frame.drop(columns="position"))
