"""One table of what columns and dimensions are worth for a target."""

import numpy as np
import pandas as pd
import pytest

from mmembed.analysis import compare_vectors
from mmembed.vectors import VectorArray


@pytest.fixture(scope="module")
def columns():
    """Return two columns of 150 rows, of which one knows the target in its first numbers and one in its last."""
    random = np.random.default_rng(0)
    truth = np.arange(150) % 3
    good = random.normal(scale=0.4, size=(150, 16))
    good[:, :3] += np.eye(3)[truth]
    late = np.roll(good, 13, axis=1)
    arrays = {
        "good": VectorArray.from_matrix(good.astype(np.float32), "model-a", np.arange(150) == 5),
        "late": VectorArray.from_matrix(late.astype(np.float32), "model-b"),
    }
    return arrays, pd.Series(truth, name="what").where(np.arange(150) != 9)


def test_a_line_for_each_column_and_dimension(columns):
    """Shortening keeps what the first numbers know and loses what the last do; all on the same rows."""
    arrays, target = columns
    found = compare_vectors(arrays, target, dimensions=[4, 64], folds=3)
    assert found[["column", "dimension"]].to_numpy().tolist() == [["good", 4], ["good", 16], ["late", 4], ["late", 16]]
    assert found["model"].tolist() == ["model-a"] * 2 + ["model-b"] * 2
    assert (found["rows"] == 148).all()
    assert found["accuracy"][[0, 1, 3]].min() > 0.8
    assert found["accuracy"][2] < 0.5
    assert found["accuracy"].between(found["low"], found["high"]).all()
    assert found["bytes_a_row"].tolist() == [16, 64, 16, 64]
    assert found.drop(columns="seconds").notna().all(axis=None)


def test_sets_of_labels_are_compared_by_exact_matches(columns):
    """Where cells are lists the accuracy is that of whole lists, and scores of single labels are missing."""
    arrays, target = columns
    found = compare_vectors({"good": arrays["good"]}, target.map(lambda one: None if pd.isna(one) else [one]), folds=2)
    assert found["accuracy"].item() > 0.8
    assert found["log_loss"].isna().all()


@pytest.mark.parametrize(
    ("chosen", "options", "message"),
    [
        ([], {}, "no column to compare"),
        (["good", "short"], {}, r"\[2, 150\] rows"),
        (["good"], {"dimensions": [0]}, "at least 1"),
    ],
)
def test_what_cannot_be_compared(columns, chosen, options, message):
    """No column, columns of two frames and lengths below one are refused."""
    arrays, target = columns
    arrays = {**arrays, "short": np.eye(2, dtype=np.float32)}
    with pytest.raises(ValueError, match=message):
        compare_vectors({name: arrays[name] for name in chosen}, target, **options)
