"""Who shares memory with whom, and what writing changes."""

import pickle

import numpy as np
import pandas as pd
import pytest

from mmembed.errors import DimensionMismatchError, SpaceMismatchError, VectorError
from mmembed.vectors import Vector, VectorArray, VectorDtype


@pytest.fixture
def vectors():
    """Return four rows, the second missing."""
    return VectorArray([[1, 2], None, [3, 4], [5, 6]], dtype="vector[2, toy]")


def state(vectors):
    """Return matrix and mask as lists that compare equal where NaN stands."""
    return np.nan_to_num(vectors.matrix, nan=-1).tolist(), vectors.isna().tolist()


def test_from_matrix_shares_memory():
    """A contiguous float32 matrix becomes a column without a copy, and comes out without a copy."""
    matrix = np.ones((5, 3), dtype=np.float32)
    column = pd.Series(VectorArray.from_matrix(matrix), copy=False)
    assert np.shares_memory(matrix, column.array.matrix)
    assert column.array.matrix.ctypes.data == matrix.ctypes.data


def test_from_matrix_with_a_mask_leaves_the_given_matrix_alone():
    """Rows under the mask become NaN in a copy, not in the caller's matrix."""
    matrix = np.ones((2, 3), dtype=np.float32)
    vectors = VectorArray.from_matrix(matrix, mask=[True, False])
    assert np.isnan(vectors.matrix[0]).all()
    assert (matrix == 1).all()


def test_a_mask_of_another_length_is_refused():
    """The error says which shape was expected."""
    with pytest.raises(VectorError, match=r"expected \(2,\)"):
        VectorArray.from_matrix(np.ones((2, 3)), mask=[True])


def test_matrix_is_read_only(vectors):
    """The matrix cannot be written, whatever the storage."""
    for one in (vectors, vectors.astype("float16")):
        assert one.matrix.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            one.matrix[0, 0] = 9
    assert vectors.matrix.ctypes.data == vectors.matrix.ctypes.data


def test_isna_is_a_copy(vectors):
    """Writing into what ``isna`` gave changes nothing."""
    vectors.isna()[0] = True
    assert vectors.isna().tolist() == [False, True, False, False]


def test_slices_are_views(vectors):
    """A slice shares memory with the array; take and filter do not."""
    assert np.shares_memory(vectors[1:3].matrix, vectors.matrix)
    assert np.shares_memory(vectors.view().matrix, vectors.matrix)
    assert not np.shares_memory(vectors[[0, 1]].matrix, vectors.matrix)
    assert not np.shares_memory(vectors.copy().matrix, vectors.matrix)
    part = vectors[2:]
    part[0] = None
    assert vectors.isna().tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (1, Vector([7, 8], "toy"), [[1, 2], [7, 8], [3, 4], [5, 6]]),
        (1, Vector([7, 8]), [[1, 2], [7, 8], [3, 4], [5, 6]]),
        (1, [7, 8], [[1, 2], [7, 8], [3, 4], [5, 6]]),
        (-1, np.array([7.0, 8.0]), [[1, 2], [-1, -1], [3, 4], [7, 8]]),
        (0, None, [[-1, -1], [-1, -1], [3, 4], [5, 6]]),
        (slice(0, 2), [[7, 8], [9, 0]], [[7, 8], [9, 0], [3, 4], [5, 6]]),
        ([0, 3], [None, [9, 0]], [[-1, -1], [-1, -1], [3, 4], [9, 0]]),
        (np.array([False, True, True, False]), Vector([7, 8]), [[1, 2], [7, 8], [7, 8], [5, 6]]),
        (slice(None), np.zeros((4, 2)), [[0, 0]] * 4),
        (slice(2, 4), pd.Series([[7, 8], None], index=[5, 6]), [[1, 2], [-1, -1], [7, 8], [-1, -1]]),
        (slice(2, 4), VectorArray([[7, 8], None]), [[1, 2], [-1, -1], [7, 8], [-1, -1]]),
        (slice(0, 0), [], [[1, 2], [-1, -1], [3, 4], [5, 6]]),
    ],
)
@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_setitem_writes_rows(vectors, storage, key, value, expected):
    """One vector, many vectors and missing values are written where the key says, into matrix and mask alike."""
    changed = vectors.astype(storage)
    changed[key] = value
    matrix, mask = state(changed)
    assert matrix == expected
    assert mask == [row == [-1, -1] for row in expected]


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        (0, [1, 2, 3], DimensionMismatchError),
        (0, Vector([1, 2, 3]), DimensionMismatchError),
        (0, Vector([1, 2], "other"), SpaceMismatchError),
        (slice(0, 2), VectorArray([[1, 2], [3, 4]], dtype="vector[2, other]"), SpaceMismatchError),
        (slice(0, 2), [[7, 8], [1, 2, 3]], DimensionMismatchError),
        (slice(0, 2), [[7, 8], [1, np.nan]], VectorError),
        (slice(0, 2), [[7, 8], [9, 0], [1, 1]], ValueError),
        ([0, 1, 2], [[7, 8], [9, 0]], ValueError),
        (np.array([True, True, False, False]), [[7, 8], None, None], ValueError),
        ([True, False], [[7, 8]], IndexError),
        (0, [[7, 8], [9, 0]], ValueError),
        (9, Vector([7, 8]), IndexError),
        (9, None, IndexError),
        (0, "a red dress", TypeError),
        (0, 1.5, TypeError),
        (slice(0, 2), ["a", "b"], TypeError),
    ],
)
def test_a_failed_setitem_changes_nothing(vectors, key, value, error):
    """A value of another length, space, dimension or kind leaves matrix and mask as they were."""
    before = state(vectors)
    with pytest.raises(error):
        vectors[key] = value
    assert state(vectors) == before


def test_memory_that_is_not_ours_to_write_is_copied_first():
    """Writing into a column on a read-only matrix leaves that matrix alone."""
    matrix = np.ones((2, 2), dtype=np.float32)
    matrix.flags.writeable = False
    vectors = VectorArray.from_matrix(matrix)
    vectors[0] = [3, 4]
    assert vectors.matrix.tolist() == [[3, 4], [1, 1]]
    assert (matrix == 1).all()


def test_one_cell_of_a_frame_is_written(df):
    """A list is one vector for one cell; the frame that was copied is left alone."""
    other = df.copy()
    other.loc[12, "vector"] = Vector([7, 8, 9], "toy")
    other.iloc[0, 1] = None
    assert other["vector"].isna().tolist() == [True, False, False, False, False, False]
    assert other["vector"].iloc[2].tolist() == [7, 8, 9]
    assert df["vector"].isna().tolist() == [False, False, True, False, False, False]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_gives_frames_back(df, protocol):
    """Dtype, rows and missing rows survive every protocol."""
    back = pickle.loads(pickle.dumps(df, protocol=protocol))
    pd.testing.assert_frame_equal(back, df)
    assert back["vector"].dtype.space == "toy"


def test_pickle_moves_large_matrices_out_of_band():
    """With protocol 5 the matrix travels as a buffer that nobody copies."""
    vectors = VectorArray.from_matrix(np.ones((1000, 64), dtype=np.float32), "toy")
    buffers = []
    message = pickle.dumps(vectors, protocol=5, buffer_callback=buffers.append)
    assert len(message) < 1000
    back = pickle.loads(message, buffers=buffers)
    assert back.equals(vectors)
    assert np.shares_memory(back.matrix, vectors.matrix)


def test_pickle_of_a_slice_carries_the_slice_alone():
    """A few rows of a large column make a small message."""
    vectors = VectorArray.from_matrix(np.ones((1000, 64), dtype=np.float32), "toy")
    assert len(pickle.dumps(vectors[:2])) < 2000


def test_pickle_of_dtype_and_scalar():
    """Dtype and scalar are equal after a round trip, hash included."""
    for one in (VectorDtype(3, "toy", "float16"), Vector([1, 2], "toy")):
        back = pickle.loads(pickle.dumps(one))
        assert back == one
        assert hash(back) == hash(one)


def test_no_other_array_is_made_of_a_column(vectors):
    """A column becomes an object array of scalars and nothing else; the error says where the matrix is."""
    assert np.asarray(vectors).shape == (4,)
    with pytest.raises(TypeError, match="to_matrix"):
        np.asarray(vectors, dtype=np.float32)
    assert vectors.to_numpy(na_value=None)[1] is None
