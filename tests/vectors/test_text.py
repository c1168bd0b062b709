"""A vector column on the screen, in JSON and in CSV."""

import io
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mmembed.errors import VectorError
from mmembed.vectors import VectorArray

PANDAS_2 = int(pd.__version__.split(".")[0]) < 3
LONGEST_CELL = 80
ROWS = [[0.5, -1, 2], [1, 0.25, 3], None, [-2, 0, 1], [4, 8, -16], [0.5, -1, 2]]


@pytest.fixture
def wide():
    """Return a frame of 1024-d vectors whose numbers take many digits."""
    matrix = np.random.default_rng(0).normal(scale=1e-5, size=(100, 1024))
    return pd.DataFrame({"vector": VectorArray.from_matrix(matrix, "qwen3-vl-embedding"), "price": 1.0})


@pytest.mark.parametrize(
    "show",
    [
        lambda wide: repr(wide[["vector"]]),
        lambda wide: repr(wide["vector"]),
        lambda wide: wide[["vector"]].to_string(),
        lambda wide: repr(wide["vector"].astype(object)),
        lambda wide: repr(wide["vector"].describe()),
        lambda wide: repr(wide["vector"].array[:1]),
        lambda wide: repr(wide["vector"].value_counts()),
        lambda wide: repr(wide.set_index("vector")),
        lambda wide: wide[["vector"]]._repr_html_(),
    ],
    ids=["frame", "series", "to_string", "object", "describe", "array", "value_counts", "index", "html"],
)
def test_a_line_on_the_screen_is_short(wide, show):
    """No cell shows more than its first numbers."""
    assert max(map(len, show(wide).splitlines())) <= LONGEST_CELL


def test_repr_of_one_vector_says_length_norm_and_space(wide):
    """The first numbers, the norm, the dimension and the space stand in one line."""
    told = repr(wide["vector"].iloc[0])
    assert told.startswith("Vector([")
    assert told.endswith("d=1024, space='qwen3-vl-embedding')")
    assert len(told) <= LONGEST_CELL + 10


def test_html_escapes_missing_rows(df):
    """A notebook shows missing rows as text, not as a tag."""
    html = df._repr_html_()
    assert "[0.5, -1, 2]" in html
    assert "&lt;NA&gt;" in html


@pytest.mark.parametrize("orient", ["split", "records", "index", "columns", "values", "table"])
def test_frame_to_json_writes_lists(df, orient):
    """Every orientation holds plain lists, null where missing."""
    told = json.loads(df[["vector"]].to_json(orient=orient))
    data = {
        "split": lambda: [row[0] for row in told["data"]],
        "records": lambda: [row["vector"] for row in told],
        "index": lambda: [row["vector"] for row in told.values()],
        "columns": lambda: list(told["vector"].values()),
        "values": lambda: [row[0] for row in told],
        "table": lambda: [row["vector"] for row in told["data"]],
    }[orient]()
    assert data == ROWS


@pytest.mark.parametrize("orient", ["split", "records", "index", "table"])
def test_series_to_json_writes_lists(df, orient):
    """Every orientation holds plain lists, null where missing."""
    told = json.loads(df["vector"].to_json(orient=orient))
    data = {
        "split": lambda: told["data"],
        "records": lambda: told,
        "index": lambda: list(told.values()),
        "table": lambda: [row["vector"] for row in told["data"]],
    }[orient]()
    if PANDAS_2 and orient != "table":  # its encoder gets the objects, not what a vector column gives it for JSON
        data = [row and row["vector"] for row in data]
    assert data == ROWS


def test_objects_in_json_hold_space_and_numbers(df):
    """A column of objects, such as two spaces together, loses neither the numbers nor the space."""
    told = json.loads(df["vector"].astype(object).to_json(orient="records"))
    assert told == [row and {"space": "toy", "vector": row} for row in ROWS]


def test_to_json_does_not_crash_the_interpreter():
    """A process that writes columns, object columns and an index of vectors as JSON ends well."""
    code = (
        "import pandas as pd\n"
        "from mmembed.vectors import VectorArray\n"
        "s = pd.Series(VectorArray([[1, 2], None, [3, 4]], dtype='vector[2, toy]'), name='v')\n"
        "for orient in ['split', 'records', 'index', 'columns', 'values', 'table']:\n"
        "    s.to_frame().to_json(orient=orient)\n"
        "for orient in ['split', 'records', 'index', 'table']:\n"
        "    s.to_json(orient=orient)\n"
        "s.to_frame().set_index('v', append=True).reset_index(0).to_json(orient='split')\n"
        "pd.Series(range(3), index=pd.Index(s)).to_json()\n"
        "print('done')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603  our own code
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr


def test_csv_loses_nothing(df):
    """What ``to_csv`` wrote, ``read_csv`` reads with the dtype's text, to the last bit."""
    text = df.to_csv()
    back = pd.read_csv(io.StringIO(text), index_col=0, dtype={"vector": str(df["vector"].dtype)})
    pd.testing.assert_series_equal(back["vector"], df["vector"])
    matrix = np.random.default_rng(0).normal(size=(20, 5))
    column = pd.Series(VectorArray.from_matrix(matrix, "toy"), name="vector")
    again = pd.read_csv(io.StringIO(column.to_csv(index=False)), dtype="vector[5, toy]")["vector"]
    pd.testing.assert_series_equal(again, column)


def test_csv_text_that_is_no_vector_is_refused():
    """The error shows the text."""
    with pytest.raises(VectorError, match="'a red dress' is not a vector"):
        pd.read_csv(io.StringIO("vector\na red dress\n"), dtype="vector[3, toy]")


def test_texts_hold_every_number(df):
    """A cast to text writes all numbers, and leaves missing rows missing."""
    texts = df["vector"].astype("string")
    assert texts.iloc[0] == "[0.5, -1.0, 2.0]"
    assert texts.isna().sum() == 1
