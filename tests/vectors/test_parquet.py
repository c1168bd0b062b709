"""A vector column in files: the default Parquet round trip, and what other readers see."""

import io
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmembed.errors import VectorError
from mmembed.vectors import VectorArray, VectorDtype
from mmembed.vectors.arrow import arrow_from_matrix
from mmembed.vectors.parquet import read_parquet

FIXED = pa.list_(pa.float32(), 3)
FIXED_SIZE_MAY_MISS = int(pa.__version__.split(".")[0]) >= 26
EXPECTED = [[0.5, -1, 2], [1, 0.25, 3], None, [-2, 0, 1], [4, 8, -16], [0.5, -1, 2]]


@pytest.fixture
def path(df, tmp_path):
    """Return a Parquet file of the frame, written with no argument."""
    file = tmp_path / "vectors.parquet"
    df.to_parquet(file)
    return file


def test_read_parquet_with_no_argument_gives_the_column_back(df, path):
    """Dtype, space, storage, rows and missing rows come back as they were written."""
    back = pd.read_parquet(path)
    assert back["vector"].dtype == df["vector"].dtype
    assert back["vector"].dtype.space == "toy"
    pd.testing.assert_series_equal(back["vector"], df["vector"])


def test_a_column_that_was_read_can_be_written(path):
    """Memory that belongs to Arrow is copied before the first write."""
    back = pd.read_parquet(path)
    back.loc[10, "vector"] = None
    back.loc[11, "vector"] = back.loc[14, "vector"]
    assert back["vector"].isna().tolist() == [True, False, True, False, False, False]
    assert back["vector"].array.matrix[1].tolist() == [4, 8, -16]


def test_one_column_is_read_alone(df, path):
    """A selection of columns keeps the dtype."""
    back = pd.read_parquet(path, columns=["vector"])
    pd.testing.assert_frame_equal(back, df[["vector"]])


def test_filtered_rows_keep_their_vectors(path):
    """Rows that a filter picks in the file have the vectors of those rows."""
    back = pd.read_parquet(path, filters=[("group", "==", "b")])
    assert back["vector"].isna().tolist() == [True, False]
    assert back["vector"].array.matrix[1].tolist() == [-2, 0, 1]


@pytest.mark.parametrize(
    "part",
    [slice(0, 0), slice(2, 3), slice(1, 5), slice(None, None, -1), slice(None, None, 2)],
    ids=["empty", "all missing", "middle", "backwards", "every second"],
)
def test_slices_over_several_row_groups_come_back(df, tmp_path, part):
    """Any part of a frame, written in row groups of two rows, comes back equal."""
    file = tmp_path / "part.parquet"
    df.iloc[part].to_parquet(file, row_group_size=2)
    pd.testing.assert_frame_equal(pd.read_parquet(file)[["vector"]], df.iloc[part][["vector"]])


def test_feather_gives_the_column_back(df, tmp_path):
    """Feather keeps the dtype as Parquet does."""
    df.to_feather(tmp_path / "vectors.feather")
    pd.testing.assert_series_equal(pd.read_feather(tmp_path / "vectors.feather")["vector"], df["vector"])


def test_pyarrow_reads_fixed_size_lists_of_float32(df, path):
    """The file holds a plain Arrow type; a missing row keeps it from being of fixed size only where Arrow is old."""
    table = pq.read_table(path)
    assert table["vector"].to_pylist() == EXPECTED
    assert table.schema.field("vector").type == (FIXED if FIXED_SIZE_MAY_MISS else pa.large_list(pa.float32()))
    df.dropna().to_parquet(path)
    assert pq.read_table(path).schema.field("vector").type == FIXED


def test_lists_of_variable_size_hold_the_same_rows(df, tmp_path):
    """What an older Arrow gets where rows are missing is read back, by Arrow and by pandas."""
    vectors = df["vector"].array[1:5]
    lists = arrow_from_matrix(vectors.matrix, vectors.isna(), fixed_size_may_miss=False)
    assert lists.type == pa.large_list(pa.float32())
    pq.write_table(pa.table({"vector": lists}), tmp_path / "lists.parquet")
    back = pq.read_table(tmp_path / "lists.parquet")["vector"]
    assert back.to_pylist() == EXPECTED[1:5]
    assert df["vector"].dtype.__from_arrow__(back).equals(vectors)


def test_duckdb_reads_lists_of_float(path):
    """DuckDB sees FLOAT lists and can compute with them."""
    rows = duckdb.execute("SELECT vector, typeof(vector) FROM read_parquet(?)", [str(path)]).fetchall()
    assert [None if vector is None else list(vector) for vector, _ in rows] == EXPECTED
    assert {kind for _, kind in rows} <= {"FLOAT[]", "FLOAT[3]"}
    query = "SELECT array_inner_product(vector::FLOAT[3], [1, 2, 3]::FLOAT[3]) FROM read_parquet(?)"
    assert duckdb.execute(query, [str(path)]).fetchall() == [(4.5,), (10.5,), (None,), (1,), (-28,), (4.5,)]


def test_polars_reads_arrays_of_float32(path):
    """Polars sees a plain column, eagerly and lazily."""
    column = pl.read_parquet(path)["vector"]
    assert column.dtype == (pl.Array(pl.Float32, 3) if FIXED_SIZE_MAY_MISS else pl.List(pl.Float32))
    assert pl.scan_parquet(path).select("vector").collect()["vector"].to_list() == EXPECTED


def test_pandas_without_the_package_cannot_name_the_dtype(path):
    """A process that has not imported mmembed gets pandas' own error, as with every extension type."""
    code = "import sys, pandas; pandas.read_parquet(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)  # noqa: S603  our own code
    assert done.returncode != 0
    assert "data type 'vector[3, toy" in done.stderr
    assert "not understood" in done.stderr


def test_pyarrow_and_polars_read_without_the_package(path):
    """A process that has not imported mmembed reads plain vectors with any Arrow reader."""
    code = (
        "import sys, polars, pyarrow.parquet as pq\n"
        "one = pq.read_table(sys.argv[1])['vector'].to_pylist()\n"
        "two = polars.read_parquet(sys.argv[1])['vector'].to_list()\n"
        "three = pq.read_table(sys.argv[1]).to_pandas(ignore_metadata=True)['vector'].iloc[1].tolist()\n"
        "assert 'mmembed' not in sys.modules\n"
        "print(one == two, one[0], three)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)  # noqa: S603  our own code
    assert done.stdout.strip() == "True [0.5, -1.0, 2.0] [1.0, 0.25, 3.0]", done.stderr


def test_numbers_are_not_copied_on_the_way_to_arrow():
    """An Arrow array of a float32 column without missing rows lies on the column's memory."""
    vectors = VectorArray.from_matrix(np.eye(3, dtype=np.float32))
    arrow = pa.array(vectors)
    assert arrow.flatten().buffers()[1].address == vectors.matrix.ctypes.data


def test_numbers_are_not_copied_on_the_way_from_arrow():
    """One chunk without missing rows becomes a column on Arrow's memory."""
    arrow = pa.array(VectorArray.from_matrix(np.eye(3, dtype=np.float32)))
    vectors = VectorDtype(3, "toy").__from_arrow__(arrow)
    assert vectors.matrix.ctypes.data == arrow.flatten().buffers()[1].address
    assert vectors.space == "toy"


def test_arrow_lists_that_are_not_finite_are_refused():
    """A file by others with NaN inside a vector is refused with the row number."""
    arrow = pa.array([[1.0, 2.0], [float("nan"), 1.0]], pa.list_(pa.float32(), 2))
    with pytest.raises(VectorError, match="Row 1 "):
        VectorDtype(2).__from_arrow__(arrow)


def test_a_column_becomes_another_arrow_type_where_asked(df):
    """A cast through pandas' Arrow dtype gives the wanted list type."""
    wanted = pd.ArrowDtype(pa.large_list(pa.float64()))
    lists = df["vector"].astype(wanted)
    assert lists.dtype == wanted
    assert pa.array(lists).to_pylist() == EXPECTED


FRAMES = {
    "vectors alone": lambda vectors: pd.DataFrame({"v": vectors}),
    "between others": lambda vectors: pd.DataFrame({"a": range(len(vectors)), "v": vectors, "text": "x"}),
    "two, and an index": lambda vectors: pd.DataFrame(
        {"v": vectors, "n": 1.5, "w": vectors.astype("float16")},
        index=pd.Index([f"row {at}" for at in range(len(vectors))], name="row"),
    ),
    "labels that are numbers": lambda vectors: pd.DataFrame({0: range(len(vectors)), 1: vectors}),
    "a name of the columns": lambda vectors: pd.DataFrame({"a": 1, "v": vectors}).rename_axis(columns="what"),
    "none": lambda vectors: pd.DataFrame({"a": range(len(vectors))}),
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("is_file", [True, False])
def test_groups_of_rows_are_read_as_pandas_reads_them(tmp_path, frame, is_file):
    """One at a time into one matrix, whatever stands beside the vectors."""
    matrix = np.random.default_rng(0).normal(size=(50, 6)).astype("float32")
    matrix[[7, 30]] = np.nan
    df = FRAMES[frame](VectorArray.from_matrix(matrix, "toy"))
    path = tmp_path / "t.parquet"
    df.to_parquet(path, row_group_size=20)
    source = path if is_file else io.BytesIO(path.read_bytes())
    pd.testing.assert_frame_equal(read_parquet(source), pd.read_parquet(path))


def test_vectors_alone_are_read_without_their_index(tmp_path):
    """A file that was written without an index has no description of one."""
    path = tmp_path / "t.parquet"
    df = pd.DataFrame({"v": VectorArray.from_matrix(np.eye(4, dtype=np.float32), "toy")}, index=[3, 1, 4, 2])
    df.to_parquet(path, index=False)
    pd.testing.assert_frame_equal(read_parquet(path), df.reset_index(drop=True))


_PEAK = """
import sys
from pathlib import Path
import pandas as pd, pyarrow.parquet, mmembed
from mmembed.vectors.parquet import read_parquet
def resident(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))
read_parquet(Path(sys.argv[2]))
before = resident("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
read_parquet(Path(sys.argv[1]))
print(resident("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is read where Linux has it")
def test_reading_takes_less_than_three_times_the_matrix(tmp_path):
    """Arrow and pandas take four times the matrix, the result included."""
    matrix = np.random.default_rng(0).normal(size=(40_000, 256)).astype("float32")
    for name, rows in (("large", matrix), ("small", matrix[:10])):
        table = pd.DataFrame({"v": VectorArray.from_matrix(rows)})
        table.to_parquet(tmp_path / name, row_group_size=2000, use_dictionary=False)
    command = [sys.executable, "-c", _PEAK, tmp_path / "large", tmp_path / "small"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert int(done.stdout) < 3 * matrix.nbytes
