"""Tables with odd labels and odd cells go through every verb, and each row keeps what is its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmembed

N_ROWS = 45


def make_table():
    """Return three groups of texts with vectors, categories and dates."""
    generator = np.random.default_rng(0)
    centers = generator.standard_normal((3, 16)) * 3
    matrix = centers[np.arange(N_ROWS) % 3] + generator.standard_normal((N_ROWS, 16))
    return pd.DataFrame(
        {
            "t": pd.Series(
                [f"{['red dress', 'blue sky', 'old tree'][n % 3]} {n}" for n in range(N_ROWS)], dtype=object
            ),
            "c": pd.Series(["a", "b", "c"] * (N_ROWS // 3), dtype=object),
            "d": pd.date_range("2024-01-01", periods=N_ROWS).astype(str),
            "t_vector": mmembed.VectorArray.from_matrix(matrix.astype(np.float32), space="toy"),
        }
    )


@pytest.fixture
def df():
    """Return the table."""
    return make_table()


@pytest.fixture(scope="module")
def plain():
    """Return the table after every verb, with plain numbers for labels."""
    return walked(make_table())[0]


def walked(df, *, text="t", category="c", date="d", column="t_vector"):
    """Return the frame after every verb that adds columns, with the page of its report."""
    df = df.mmembed.cluster(column, text=text).mmembed.project(column, method="pca").mmembed.outliers(column)
    df = df.mmembed.classify(column, target=category)
    assert len(df.mmembed.deduplicate(column, threshold=0.9999)) >= len(df) - 3
    experiment = mmembed.fit_classifier(df[column], df[category])
    assert len(experiment.report()) == len(experiment.confusion()) == df[category].nunique()
    report = df.mmembed.report(
        column, text=text, breakdown=category, date=date, label_issues=experiment, outliers="outlier_score"
    )
    page = report.html()
    page.encode()
    assert report.to_json()
    df.mmembed.plot(color=category, hover=[text]).to_json().encode()
    return df, page


def test_halves_of_surrogate_pairs_are_cells_like_others(df):
    """In texts they are not shown; a category that holds one is a category."""
    df.loc[3, "t"], df.loc[4, "c"] = "red \ud800 dress", "cat\udfff"
    made, page = walked(df)
    assert "\ud800" not in page
    assert made["c"].equals(df["c"])
    assert mmembed.fit_classifier(df["t_vector"], df["c"]).classes.tolist() == ["a", "b", "c", "cat\udfff"]


def test_a_text_with_half_a_pair_is_the_error_of_its_row(df):
    """The others are embedded."""
    df.loc[3, "t"] = "red \ud800 dress"
    with pytest.warns(mmembed.errors.EmbeddingWarning, match=r"1 of 45 cells .*\n  row 3 "):
        made = df.mmembed.embed("t", "text", model="local", name="own_vector", errors="coerce")
    assert made["own_vector"].isna().tolist() == [row == 3 for row in range(N_ROWS)]


def test_columns_of_several_levels_are_named_by_their_labels(df, plain):
    """Verbs take a tuple for a label; new columns stand beside the old ones, and a vector column beside its source."""
    wide = df.set_axis(pd.MultiIndex.from_product([["de"], df.columns]), axis=1)
    made, _ = walked(wide, text=("de", "t"), category=("de", "c"), date=("de", "d"), column=("de", "t_vector"))
    assert made["cluster"].tolist() == plain["cluster"].tolist()
    assert made["cluster_name"].tolist() == plain["cluster_name"].tolist()
    embedded = wide.drop(columns=[("de", "t_vector")]).mmembed.embed(("de", "t"), "text", model="local")
    assert embedded.columns.tolist() == [("de", "t"), ("de", "c"), ("de", "d"), ("de", "t_vector")]
    both = wide.mmembed.embed(
        [("de", "t"), ("de", "c")], "text", model="local", name={("de", "t"): "x", ("de", "c"): "y"}
    )
    assert both["x"].notna().all()
    assert both["y"].notna().all()
    assert wide.mmembed.plan(("de", "t"), "text", model="local").rows == N_ROWS
    # Names are found by the source also here: text= was not given.
    assert wide.mmembed.cluster(("de", "t_vector"))["cluster_name"].tolist() == plain["cluster_name"].tolist()


def test_a_vector_column_of_another_maker_is_not_replaced_under_a_label_of_two_parts(df):
    """As under any other name."""
    wide = df.assign(t_vector=1.5).set_axis(pd.MultiIndex.from_product([["de"], df.columns]), axis=1)
    with pytest.raises(mmembed.errors.ColumnExistsError):
        wide.mmembed.embed(("de", "t"), "text", model="local")


def test_joined_tables_of_two_levels_keep_both_sides(df):
    """The suffix is added to the last part of the label."""
    wide = df.set_axis(pd.MultiIndex.from_product([["de"], df.columns], names=["language", None]), axis=1)
    joined = wide.mmembed.join(wide, ("de", "t_vector"))
    assert joined[("de", "t")].tolist() == joined[("de", "t_right")].tolist() == df["t"].tolist()
    assert joined["similarity"].round(5).tolist() == [1.0] * N_ROWS


@pytest.mark.parametrize(
    "index",
    [
        pd.MultiIndex.from_product([range(N_ROWS // 3), ["x", "y", "z"]], names=["shop", "size"]),
        pd.MultiIndex.from_arrays([["x"] * N_ROWS, [np.nan] * N_ROWS]),
        pd.CategoricalIndex(["x", "y", "z"] * (N_ROWS // 3)),
    ],
    ids=["two levels", "one label", "categories"],
)
def test_rows_keep_their_labels_and_values(df, plain, index):
    """Whatever the labels are, the answers are those of the same rows under plain numbers."""
    made, _ = walked(df.set_axis(index))
    assert made.index.equals(index)
    pd.testing.assert_frame_equal(made.reset_index(drop=True), plain)


def test_numpy_s_own_error_state_changes_nothing(df):
    """A caller who lets numpy raise at an underflow gets the same answers, also of equal, zero and tiny vectors."""
    matrix = df["t_vector"].mmembed.to_matrix().copy()
    matrix[7], matrix[9], matrix[11] = np.nan, 0, matrix[12]
    matrix[13] *= 1e-20
    matrix[14] *= 1e18
    df["t_vector"] = mmembed.VectorArray.from_matrix(matrix, space="toy")
    plain, _ = walked(df)
    with np.errstate(all="raise"):
        made, _ = walked(df)
        found = df["t_vector"].mmembed.normalize().mmembed.truncate(8)
        hits = df.mmembed.search(df["t_vector"].iloc[0], "t_vector", minus=df["t_vector"].iloc[1], diverse=0.5)
        for method in ("kmeans", "hdbscan"):
            df.mmembed.cluster("t_vector", method)
        labelled = df.mmembed.embed("t", "text", model="local", name="w_vector").mmembed.classify(
            "w_vector", labels=["dress", "sky", "tree"]
        )
        assert labelled["label"].notna().all()
    pd.testing.assert_frame_equal(made, plain)
    assert found.notna().sum() == N_ROWS - 1
    assert len(hits) == 10
