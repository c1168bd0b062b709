"""Columns of vectors that others made, as a vector array; what is refused and how."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mmembed.errors import DimensionMismatchError, SpaceMismatchError, VectorError
from mmembed.vectors import Vector, VectorArray, VectorDtype, as_vector_array

LISTS = [[1.0, 2.0], None, [3.0, 4.0], [5.0, 6.0]]
MATRIX = np.array([[1, 2], [np.nan, np.nan], [3, 4], [5, 6]], dtype=np.float32)
ARROW_TYPES = [
    pa.list_(pa.float32()),
    pa.list_(pa.float64()),
    pa.large_list(pa.float16()),
    pa.list_(pa.int64()),
    pa.list_(pa.float32(), 2),
    pa.list_(pa.float64(), 2),
]


def arrow_lists(kind):
    """Return the lists as an Arrow array of a list type."""
    if kind.value_type == pa.float16():
        return pa.array([None if one is None else [np.float16(number) for number in one] for one in LISTS], kind)
    return pa.array([None if one is None else [int(number) for number in one] for one in LISTS], kind)


def chunked(kind):
    """Return the lists as three chunks: two sliced ones around an empty one."""
    whole = arrow_lists(kind)
    return pa.chunked_array([whole.slice(0, 3), whole.slice(1, 0), whole.slice(3)])


COLUMNS = {
    "lists": pd.Series(LISTS),
    "tuples": pd.Series([None if one is None else tuple(one) for one in LISTS]),
    "ndarrays": pd.Series([None if one is None else np.array(one) for one in LISTS]),
    "ints": pd.Series([None if one is None else [int(number) for number in one] for one in LISTS]),
    "int arrays": pd.Series([None if one is None else np.array(one, dtype=np.int16) for one in LISTS]),
    "vectors": pd.Series([None if one is None else Vector(one) for one in LISTS], dtype=object),
    "NaN": pd.Series([np.nan if one is None else one for one in LISTS]),
    "pandas.NA": pd.Series([pd.NA if one is None else one for one in LISTS]),
    "numpy.float32 NaN": [np.float32("nan") if one is None else one for one in LISTS],
    "plain list": LISTS,
    "float32 matrix": MATRIX,
    "float64 matrix": MATRIX.astype(np.float64),
    "column-major matrix": np.asfortranarray(MATRIX),
    "polars": pl.Series(LISTS, dtype=pl.Array(pl.Float32, 2)),
    "vector column": pd.Series(VectorArray.from_matrix(MATRIX)),
    "index": pd.Index(VectorArray.from_matrix(MATRIX)),
    **{f"Arrow {kind}": arrow_lists(kind) for kind in ARROW_TYPES},
    **{f"chunked {kind}": chunked(kind) for kind in ARROW_TYPES},
    **{f"pandas Arrow {kind}": pd.Series(chunked(kind), dtype=pd.ArrowDtype(kind)) for kind in ARROW_TYPES},
}


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS)
def test_every_way_to_keep_vectors_is_read(values):
    """The rows, the missing row and nothing else arrive, whatever holds them."""
    vectors = as_vector_array(values)
    np.testing.assert_array_equal(vectors.matrix, MATRIX)
    assert vectors.isna().tolist() == [False, True, False, False]
    assert vectors.space is None


@pytest.mark.parametrize("kind", ARROW_TYPES, ids=str)
def test_arrow_slices_do_not_shift_rows(kind):
    """A slice of an Arrow array gives the rows of that slice, missing rows in their places."""
    vectors = as_vector_array(arrow_lists(kind).slice(1, 2))
    assert vectors.isna().tolist() == [True, False]
    assert vectors.matrix[1].tolist() == [3, 4]


def test_integer_matrix_is_read():
    """Whole numbers become float32."""
    assert as_vector_array(np.arange(6).reshape(3, 2)).matrix.dtype == np.float32


def test_arrow_extension_arrays_are_read_by_their_storage():
    """An extension type on top of lists, such as a fixed-shape tensor, is read."""
    tensor = pa.fixed_shape_tensor(pa.float32(), [2])
    lists = pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32(), 2))
    assert as_vector_array(pa.ExtensionArray.from_storage(tensor, lists)).matrix.tolist() == [[1, 2], [3, 4]]


def test_a_vector_array_comes_back_as_it_is():
    """Nothing is copied or renamed where there is nothing to do."""
    vectors = VectorArray.from_matrix(MATRIX, space="toy")
    assert as_vector_array(vectors) is vectors
    assert as_vector_array(vectors, space="other").space == "toy"


def test_vectors_of_unknown_space_take_the_given_one():
    """``space=`` names the space of vectors that do not know theirs, on the same memory."""
    vectors = VectorArray.from_matrix(MATRIX).astype("float16")
    named = as_vector_array(vectors, space="toy")
    assert named.dtype == VectorDtype(2, "toy", "float16")
    assert as_vector_array(LISTS, space="toy").space == "toy"
    assert as_vector_array(MATRIX, space="toy").space == "toy"


def test_the_space_of_the_cells_is_kept():
    """Cells that know their space name the column's, even after one that does not."""
    assert as_vector_array([[1, 2], Vector([1, 2], "toy")]).space == "toy"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (pd.Series(["a red dress"]), "Row 0 holds str"),
        (pd.Series(["a red dress"], dtype="object"), "Row 0 holds str"),
        (pd.Series(["a red dress"], dtype=pd.ArrowDtype(pa.string())), "string holds no vectors"),
        (pd.Series([1.5, 2.5]), "Row 0 holds float"),
        (pd.Series([None, {"a": 1}]), "Row 1 holds dict"),
        (pa.array([["1", "2"]]), "holds no vectors"),
        ([["1", "2"]], "Row 0 holds list that is not numbers"),
        ([[1, "2"]], "Row 0 holds list that is not numbers"),
        ([[1, 2j]], "Row 0 holds list that is not numbers"),
        (np.array([["1", "2"]]), "not a matrix of numbers"),
        ([[[1, 2], [3, 4]]], r"Row 0 has shape \(2, 2\)"),
        ([[1, 2], []], r"Row 1 has shape \(0,\)"),
        (np.zeros((2, 0)), r"shape \(2, 0\)"),
        ([None, np.nan], "No cell holds a vector"),
        (pa.nulls(2), "holds no vector"),
        (Vector([1, 2]), "holds no vectors"),
    ],
)
def test_what_is_no_column_of_vectors_is_refused(values, said):
    """The error says which row holds what, and what was expected."""
    with pytest.raises(VectorError, match=said):
        as_vector_array(values)


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2], None, [3]],
        [[1, 2], None, np.array([3, 4, 5])],
        [[1, 2], None, Vector([3])],
        pa.array([[1.0, 2.0], None, [3.0]]),
        pa.chunked_array([[[1.0, 2.0]], [None, [3.0]]]),
    ],
    ids=["list", "array", "vector", "Arrow", "chunked"],
)
def test_ragged_rows_are_refused_with_the_row(values):
    """The error names the first row whose length differs."""
    with pytest.raises(DimensionMismatchError, match=r"(Row 2 |dimension 2)"):
        as_vector_array(values)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 1e300, None], ids=str)
@pytest.mark.parametrize(
    "make",
    [
        lambda number: [[1.0, 2.0], None, [1.0, number]],
        lambda number: [[1.0, 2.0], None, (1.0, number)],
        lambda number: [[1.0, 2.0], None, np.array([1.0, number], dtype=np.float64)],
        lambda number: np.array([[1.0, 2.0], [np.nan, np.nan], [1.0, number]], dtype=np.float64),
        lambda number: pa.array([[1.0, 2.0], None, [1.0, number]]),
        lambda number: pa.chunked_array([[[1.0, 2.0]], [None, [1.0, number]]]),
    ],
    ids=["list", "tuple", "array", "matrix", "Arrow", "chunked"],
)
def test_a_vector_that_is_not_finite_is_refused_with_its_row(make, number):
    """NaN, infinity and what float32 cannot hold never enter a column in part."""
    with pytest.raises(VectorError, match="Row 2 "):
        as_vector_array(make(number))


def test_cells_of_two_spaces_are_refused():
    """A list of vectors of two models is no column; the error names both."""
    with pytest.raises(SpaceMismatchError, match=r"'one'.*'two'"):
        VectorArray([[0, 0], Vector([1, 2], "one"), Vector([1, 2], "two")])


def test_the_dtype_decides_over_the_values():
    """Rows of another length than the dtype says are refused, in a list and in a matrix."""
    with pytest.raises(DimensionMismatchError, match="dimension 2; expected 3"):
        VectorArray([[1, 2]], dtype="vector[3, toy]")
    with pytest.raises(DimensionMismatchError, match="dimension 2; expected 3"):
        VectorArray(np.ones((1, 2)), dtype="vector[3, toy]")


@pytest.mark.parametrize("values", [[], [None, None], np.empty((0, 3)), pa.nulls(2)], ids=str)
def test_a_dtype_makes_columns_without_any_vector(values):
    """Empty and all-missing columns are made where the dtype tells the dimension."""
    vectors = VectorArray(values, dtype="vector[3, toy]")
    assert vectors.matrix.shape == (len(values), 3)
    assert vectors.isna().all()


def test_astype_turns_a_column_of_lists_into_vectors():
    """The cast of pandas makes a vector column of a column of lists."""
    column = pd.Series(LISTS).astype("vector[2, toy]")
    assert column.dtype == VectorDtype(2, "toy")
    np.testing.assert_array_equal(column.array.matrix, MATRIX)


def test_numbers_too_large_for_float16_are_refused():
    """A cast to float16 storage never makes an infinity."""
    vectors = VectorArray.from_matrix([[1.0, 2.0], [1e5, 0.0]])
    with pytest.raises(VectorError, match="Row 1 holds 100000"):
        vectors.astype("float16")
    with pytest.raises(VectorError, match="Row 0 holds 70000"):
        VectorArray([[7e4]], dtype="vector[1, toy, float16]")
