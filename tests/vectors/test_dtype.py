"""The dtype of a vector column and its scalar."""

import operator

import numpy as np
import pandas as pd
import pytest

from mmembed.errors import DimensionMismatchError, SpaceMismatchError, VectorError
from mmembed.vectors import Vector, VectorArray, VectorDtype, check_comparable


@pytest.mark.parametrize(
    ("dtype", "text"),
    [
        (VectorDtype(64), "vector[64]"),
        (VectorDtype(1024, "qwen3-vl-embedding"), "vector[1024, qwen3-vl-embedding]"),
        (VectorDtype(3, "toy", "float16"), "vector[3, toy, float16]"),
        (VectorDtype(3, storage="float16"), "vector[3, float16]"),
        (VectorDtype(3, "一个 模型"), "vector[3, 一个 模型]"),
    ],
)
def test_text_and_dtype_say_the_same(dtype, text):
    """``str(dtype)`` parses back, and equals its text as pandas dtypes do."""
    assert str(dtype) == repr(dtype) == text
    assert pd.api.types.pandas_dtype(text) == dtype
    assert dtype == text


@pytest.mark.parametrize(
    "text", ["vector", "vector[0]", "vector[-1]", "vector[3,toy]", "vector[a]", "vector[3, a, b]", "vector[3, a ]"]
)
def test_other_texts_are_no_dtype(text):
    """What is not exactly the text of a dtype is refused."""
    with pytest.raises(TypeError):
        pd.api.types.pandas_dtype(text)


def test_dtypes_differ_by_every_part():
    """Dimension, space and storage are all part of a dtype, in ``==`` and in its hash."""
    made = [VectorDtype(3), VectorDtype(4), VectorDtype(3, "a"), VectorDtype(3, "b"), VectorDtype(3, "a", "float16")]
    assert len(set(made)) == len(made)
    assert VectorDtype(np.int64(3), "a") in set(made)


@pytest.mark.parametrize("dimension", [0, -1, 1.5, True, "3", None])
def test_a_dimension_is_a_whole_number(dimension):
    """The error shows what was given."""
    with pytest.raises(ValueError, match=f"dimension={dimension!r}"):
        VectorDtype(dimension)


@pytest.mark.parametrize("space", ["", "a,b", "a]", "[a", " a", "a ", "a\n", "float16", 3])
def test_a_space_fits_into_the_text(space):
    """What could not be parsed back is refused."""
    with pytest.raises(ValueError, match="cannot name a space"):
        VectorDtype(3, space)


def test_an_unknown_storage_is_refused():
    """The error names the two storages."""
    with pytest.raises(ValueError, match="Expected one of 'float32', 'float16'"):
        VectorDtype(3, storage="float64")


def test_astype_changes_the_storage_only():
    """``"float16"`` halves the memory; ``"float32"`` goes back; the space stays."""
    column = pd.Series(VectorArray.from_matrix(np.ones((10, 8)), "toy"))
    half = column.astype("float16")
    assert half.dtype == VectorDtype(8, "toy", "float16")
    assert half.array.nbytes == 10 * 8 * 2 + 10
    assert half.astype("float32").dtype == column.dtype
    assert half.array.matrix.dtype == np.float32


def test_astype_does_not_move_vectors_between_spaces():
    """A cast to another space names both; an unknown space can be named and forgotten."""
    column = pd.Series(VectorArray.from_matrix([[1, 2]], "one"))
    with pytest.raises(SpaceMismatchError, match=r"'one'.*'two'"):
        column.astype("vector[2, two]")
    with pytest.raises(DimensionMismatchError, match=r"2 .* 3"):
        column.astype("vector[3, one]")
    assert column.astype("vector[2]").astype("vector[2, two]").dtype.space == "two"


def test_check_comparable_takes_dtypes_arrays_and_scalars():
    """One rule for all: one dimension, one space, or a space that nobody named."""
    check_comparable(VectorDtype(2, "one"), Vector([1, 2]))
    check_comparable(VectorArray([[1, 2]]), VectorDtype(2, "one"))
    with pytest.raises(SpaceMismatchError, match=r"'one'.*'two'"):
        check_comparable(VectorDtype(2, "one"), Vector([1, 2], "two"))
    with pytest.raises(DimensionMismatchError, match=r"truncate\(dimension\)"):
        check_comparable(VectorDtype(2), VectorDtype(3))


def test_a_vector_gives_its_numbers():
    """An array function gets the ``(d,)`` array, without a copy and read-only, or as another type."""
    vector = Vector([3, 4], space="toy")
    assert np.asarray(vector).dtype == np.float32
    assert np.shares_memory(np.asarray(vector), np.asarray(vector))
    assert np.array(vector).flags.writeable
    assert np.asarray(vector, dtype=np.float64).tolist() == vector.tolist() == [3.0, 4.0]
    assert (len(vector), vector.dimension, vector.space) == (2, 2, "toy")
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(vector)[0] = 1


def test_a_vector_does_not_follow_the_array_it_was_made_of():
    """The numbers are copied."""
    numbers = np.array([3, 4], dtype=np.float32)
    vector = Vector(numbers)
    numbers[0] = 9
    assert vector.tolist() == [3, 4]


def test_a_cell_does_not_follow_its_column():
    """Writing into a column leaves scalars that were taken before alone."""
    vectors = VectorArray([[1, 2], [3, 4]])
    cell = vectors[0]
    vectors[0] = [5, 6]
    assert cell.tolist() == [1, 2]


def test_a_vector_cannot_be_changed():
    """Attributes can neither be set nor deleted."""
    vector = Vector([3, 4])
    with pytest.raises(AttributeError, match="immutable"):
        vector.space = "other"
    with pytest.raises(AttributeError, match="immutable"):
        del vector._numbers


def test_equality_of_vectors_is_one_bool():
    """``==`` looks at numbers and space; beside an ndarray it is False, not an array."""
    assert Vector([1, 2], "a") == Vector([1, 2], "a")
    assert Vector([1, 2], "a") != Vector([1, 2], "b")
    assert Vector([1, 2]) != Vector([1, 2, 3])
    assert (np.array([1, 2]) == Vector([1, 2])) is False
    assert (Vector([1, 2]) == np.array([1, 2])) is False
    assert len({Vector([1, 2]), Vector([1, 2]), Vector([2, 1])}) == 2


def test_order_of_vectors_is_lexicographic():
    """The first different number decides, then the length."""
    ordered = [Vector([-1, 5]), Vector([0, 0]), Vector([0, 1]), Vector([1, 0])]
    assert sorted([ordered[2], ordered[0], ordered[3], ordered[1]]) == ordered
    assert Vector([1, 2]) < Vector([1, 2, 3])
    with pytest.raises(TypeError):
        operator.lt(Vector([1, 2]), 3)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, np.nan], "finite"),
        ([1, np.inf], "finite"),
        ([1, 1e300], "finite"),
        ([1, None], "finite"),
        ([[1, 2]], r"shape \(1, 2\)"),
        ([], r"shape \(0,\)"),
        (3.0, r"shape \(\)"),
        ("12", "str is not a row of numbers"),
        (["1", "2"], "list is not a row of numbers"),
        ([1, 2j], "list is not a row of numbers"),
    ],
)
def test_what_is_no_vector_is_refused(values, said):
    """A vector is one row of finite numbers."""
    with pytest.raises(VectorError, match=said):
        Vector(values)
