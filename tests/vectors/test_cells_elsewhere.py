"""What becomes of vector cells in the usual ways out of pandas; docs/decisions.md has the reasons."""

import io
import json

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pytest

from mmembed.vectors import Vector, VectorArray, VectorDtype


@pytest.fixture
def df():
    """Return two vectors and a missing one."""
    vectors = VectorArray.from_matrix([[3, 4], [1, 0.5], [np.nan, np.nan]], space="toy")
    return pd.DataFrame({"title": ["a", "b", "c"], "v": vectors})


def test_a_cell_is_a_scalar_to_pandas(df):
    """``pd.isna`` gives one bool, as for any cell that is there, and the missing one is missing."""
    assert pd.isna(df["v"][0]) is False
    assert pd.notna(df["v"][0]) is True
    assert pd.isna(df["v"][2])
    assert pd.api.types.is_scalar(df["v"][0])
    with pytest.raises(TypeError, match="A vector of 2 numbers is no number"):
        float(df["v"][0])


def test_json_asks_for_lists(df):
    """A cell is no JSON by itself, as an array is not; ``default=`` takes the method that gives numbers."""
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps(df["v"][0])
    assert json.dumps(df["v"][0].tolist()) == "[3.0, 4.0]"
    rows = df.dropna().to_dict("records")
    assert json.loads(json.dumps(rows, default=Vector.tolist)) == [
        {"title": "a", "v": [3, 4]},
        {"title": "b", "v": [1, 0.5]},
    ]
    assert orjson.loads(orjson.dumps(rows, default=Vector.tolist))[1]["v"] == [1, 0.5]


def test_a_frame_goes_to_json_and_back(df):
    """``to_json`` writes lists and null; ``read_json`` gives lists, or vectors if it is told the dtype."""
    text = df.to_json(orient="records")
    assert json.loads(text)[1:] == [{"title": "b", "v": [1, 0.5]}, {"title": "c", "v": None}]
    assert pd.read_json(io.StringIO(text))["v"][0] == [3, 4]
    back = pd.read_json(io.StringIO(text), dtype={"v": df["v"].dtype})
    pd.testing.assert_series_equal(back["v"], df["v"])
    named = pd.read_json(io.StringIO(text))["v"].mmembed.as_vectors(space="toy")
    pd.testing.assert_series_equal(named, df["v"])


def test_dicts_hold_the_cells(df):
    """``to_dict`` keeps vectors, with their space."""
    cells = df.to_dict()["v"]
    assert cells[0] == Vector([3, 4], space="toy")
    assert cells[2] is None or cells[2] is pd.NA
    assert df.to_dict("list")["v"][1] == Vector([1, 0.5], space="toy")


def test_lists_hold_the_cells(df):
    """``tolist`` keeps vectors, of which numpy makes the matrix; a missing one has no numbers to give."""
    assert df["v"].tolist() == [Vector([3, 4], space="toy"), Vector([1, 0.5], space="toy"), pd.NA]
    np.testing.assert_array_equal(np.array(df["v"].dropna().tolist()), [[3, 4], [1, 0.5]])
    np.testing.assert_array_equal(np.stack(df["v"].dropna()), [[3, 4], [1, 0.5]])
    with pytest.raises(ValueError, match="inhomogeneous"):
        np.array(df["v"].tolist())


def test_a_vector_is_not_spread_over_columns(df):
    """``apply(pd.Series)`` keeps each vector as one cell; the matrix gives a column a number."""
    spread = df["v"].dropna().apply(pd.Series)
    assert spread.shape == (2, 1)
    assert spread[0].tolist() == df["v"].dropna().tolist()
    numbers = pd.DataFrame(df["v"].mmembed.to_matrix(), index=df.index)
    assert numbers.to_numpy()[:2].tolist() == [[3, 4], [1, 0.5]]
    assert numbers.iloc[2].isna().all()


def test_nullable_types_leave_vectors_alone(df):
    """``convert_dtypes`` changes the other columns; to Arrow's types it is the table that leads."""
    assert df.convert_dtypes()["v"].dtype == VectorDtype(2, "toy")
    with pytest.raises(TypeError, match="vector"):  # pandas asks numpy for a type of every extension but its own
        df.convert_dtypes(dtype_backend="pyarrow")
    frame = df.mmembed.to_arrow().to_pandas(types_mapper=pd.ArrowDtype)
    assert frame["v"].dtype.pyarrow_dtype.value_type == pa.float32()
    pd.testing.assert_series_equal(frame["v"].mmembed.as_vectors(space="toy"), df["v"])
