"""What a target may hold, and what it says about quantities."""

import numpy as np
import pandas as pd
import pytest

from mmembed.analysis import fit_classifier
from mmembed.analysis.labels.fit import holds_label_sets, read_target

VECTORS = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2, None], "Float64"),
        (pd.Series([1, 2, None], dtype="Int64"), "Int64"),
        ([True, False, True], "boolean"),
        ([0, 7, 7], "Int64"),
        (pd.Series(["x", "y", None], dtype="category"), "category"),
    ],
)
def test_classes_have_a_missing_value(values, dtype):
    """Numbers and booleans become types that can hold the missing prediction of a row without a vector."""
    found = read_target(pd.Series(values))
    assert len(found.classes) == 2
    assert str(found.classes.take([-1], allow_fill=True).dtype).casefold() in {dtype.casefold(), "float64"}


@pytest.mark.parametrize(
    "values",
    [np.linspace(0, 1, 60), np.arange(60), pd.date_range("2026-01-01", periods=60)],
    ids=["fractions", "numbers", "times"],
)
def test_a_quantity_is_refused_with_the_way_out(values):
    """Sixty different prices are no sixty classes; the message says how to make classes of them."""
    with pytest.raises(ValueError, match=r"'price' is a quantity \(60 different .* pandas.qcut"):
        fit_classifier(VECTORS, pd.Series(values, name="price"))


def test_many_whole_numbers_that_repeat_are_classes():
    """Shelf numbers are classes even if there are thirty of them."""
    assert len(read_target(pd.Series(np.arange(90) % 30)).classes) == 30


def test_cells_of_two_types_are_explained():
    """Texts beside numbers cannot be sorted, and are named."""
    with pytest.raises(ValueError, match="mixes values that cannot be sorted or compared"):
        read_target(pd.Series(["a", 1, ["b"]], name="mixed"))


def test_label_sets_are_told_from_single_labels():
    """Only a column whose every present cell is a list, tuple, set or array holds label sets."""
    assert holds_label_sets(pd.Series([["a"], None, ("a", "b"), set()]))
    assert not holds_label_sets(pd.Series([["a"], "b"]))
    assert not holds_label_sets(pd.Series(["a", "b"]))
    assert not holds_label_sets(pd.Series([None, None], dtype=object))
