"""A frame as a plain Arrow table: what DuckDB, Polars, Lance and plain pandas read, and what comes back."""

import subprocess
import sys

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import mmembed
from mmembed.errors import ColumnNotFoundError, VectorError
from mmembed.vectors import VectorArray, VectorDtype
from mmembed.vectors.arrow_table import SPACE_KEY, frame_from_table, table_from_frame

PANDAS_2 = pd.__version__.startswith("2.")
FIXED_SIZE_MAY_MISS = int(pa.__version__.split(".")[0]) >= 26
ROWS = [[0.5, -1, 2], [1, 0.25, 3], None, [-2, 0, 1], [4, 8, -16], [0.5, -1, 2]]


@pytest.fixture
def full(df):
    """Return the rows that have a vector, in float32, labelled 0, 1, 2, …."""
    return df.astype({"vector": "float32"}).dropna(subset="vector").reset_index(drop=True)


def plain_python(code, file):
    """Return what code prints in a process that does not import mmembed."""
    # Threads of an old Arrow may be alive at the end, which aborts a process that has said everything: leave at once.
    code = f"import os, sys, pandas\n{code}\nassert 'mmembed' not in sys.modules\nsys.stdout.flush()\nos._exit(0)"
    command = [sys.executable, "-W", "error", "-c", code, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own code
    assert not done.stderr
    return done.stdout.strip()


def test_a_table_holds_fixed_size_lists_and_the_space(full):
    """The type is plain, and the space stands in the metadata of the field."""
    field = full.mmembed.to_arrow().schema.field("vector")
    assert field.type == pa.list_(pa.float32(), 3)
    assert field.metadata == {SPACE_KEY: b"toy"}


def test_float16_stays_float16(full):
    """The lists have the numbers that the column keeps; widened ones come back as float16, too."""
    half = full.astype({"vector": "float16"})
    table = half.mmembed.to_arrow()
    assert table.schema.field("vector").type == pa.list_(pa.float16(), 3)
    assert table_from_frame(half, widen=True).schema.field("vector").type == pa.list_(pa.float32(), 3)
    for one in (table, table_from_frame(half, widen=True)):
        assert frame_from_table(one)["vector"].dtype == VectorDtype(3, "toy", "float16")


@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_numbers_are_not_copied(full, storage):
    """The lists lie on the column's memory, and the column that is made of them on theirs."""
    frame = full.astype({"vector": storage})
    table = frame.mmembed.to_arrow()
    address = table["vector"].chunk(0).flatten().buffers()[1].address
    assert address == frame["vector"].array._matrix.ctypes.data
    if storage == "float32" and not PANDAS_2:  # which copies whatever is put into a frame
        assert frame_from_table(table)["vector"].array.matrix.ctypes.data == address


def test_missing_rows_are_null(df):
    """A row without a vector is null, and comes back as missing, with its index label."""
    table = df.mmembed.to_arrow()
    assert table["vector"].to_pylist() == ROWS
    back = frame_from_table(table)
    pd.testing.assert_series_equal(back["vector"], df["vector"])
    assert back.index.tolist() == df.index.tolist()


def test_the_index_is_kept_where_it_says_something(full):
    """0, 1, 2, … is no column; other labels are, unless they are not wanted."""
    assert full.mmembed.to_arrow().column_names == ["group", "vector", "tags"]
    named = full.set_index("group")
    assert named.mmembed.to_arrow().column_names == ["vector", "tags", "group"]
    assert named.mmembed.to_arrow(index=False).column_names == ["vector", "tags"]


def test_what_arrow_cannot_hold_is_named():
    """A column of objects is refused with its name and what to do."""
    with pytest.raises(VectorError, match=r"Arrow table: .*column odd.*Convert that column"):
        pd.DataFrame({"odd": [object()]}).mmembed.to_arrow()


def test_duckdb_asks_the_table(full):
    """The way that README gives: SQL on the table, vectors as arrays of FLOAT."""
    t = full.mmembed.to_arrow()  # noqa: F841  DuckDB finds it by its name
    assert duckdb.sql("SELECT count(*) FROM t").fetchall() == [(5,)]
    query = "SELECT typeof(vector), array_inner_product(vector, [1, 2, 3]::FLOAT[3]) FROM t WHERE \"group\" = 'a'"
    assert duckdb.sql(query).fetchall() == [("FLOAT[3]", 4.5), ("FLOAT[3]", 10.5), ("FLOAT[3]", 4.5)]


def test_duckdb_sees_missing_rows(df):
    """A missing vector is NULL there."""
    t = df.astype({"vector": "float32"}).mmembed.to_arrow()  # noqa: F841  DuckDB finds it by its name
    assert duckdb.sql("SELECT count(*) FROM t WHERE vector IS NULL").fetchall() == [(1,)]


def test_polars_gets_arrays(full):
    """Polars sees a plain column, of the table and of the frame alike."""
    for made in (pl.DataFrame(full.mmembed.to_arrow()), pl.from_pandas(full)):
        assert made.schema["vector"] == pl.Array(pl.Float32, 3)
        assert made["vector"].to_list() == full["vector"].map(lambda cell: cell.tolist()).tolist()


def test_a_series_of_polars_is_a_vector_column(full):
    """Functions take a column of Polars without a detour, and without a copy of its numbers."""
    column = pl.DataFrame(full.mmembed.to_arrow())["vector"]
    assert VectorArray(column).equals(full["vector"].array.astype(VectorDtype(3)))
    assert mmembed.search([0, 0, 1], column, 1).positions.tolist() == [[1]]


def test_lance_keeps_fixed_size_lists_and_the_metadata_of_fields(full):
    """What Lance asks of a vector column: a fixed-size list without missing numbers, here and after batches."""
    table = full.mmembed.to_arrow()
    batches = pa.Table.from_batches(table.to_batches(max_chunksize=2))
    assert pa.types.is_fixed_size_list(batches.schema.field("vector").type)
    assert not any(chunk.flatten().null_count for chunk in batches["vector"].chunks)
    assert frame_from_table(batches.replace_schema_metadata(None))["vector"].dtype == VectorDtype(3, "toy")


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_one_file_for_those_with_and_without_mmembed(df, tmp_path, kind):
    """With mmembed a file of the table gives the vector column back; a process that has not imported it reads lists."""
    file = tmp_path / f"vectors.{kind}"
    if kind == "parquet":
        pq.write_table(table_from_frame(df, widen=True), file)
    else:
        pyarrow.feather.write_feather(df.mmembed.to_arrow(), file)
    back = getattr(pd, f"read_{kind}")(file)
    pd.testing.assert_series_equal(back["vector"], df["vector"])
    code = (
        f"df = pandas.read_{kind}(sys.argv[1])\n"
        "print([None if cell is None else cell.tolist() for cell in df['vector']], df.index.tolist())"
    )
    rows = [None if row is None else [float(one) for one in row] for row in ROWS]
    assert plain_python(code, file) == f"{rows} [10, 11, 12, 13, 14, 15]"


@pytest.mark.skipif(not FIXED_SIZE_MAY_MISS, reason="an older Arrow parses the dtype's text first")
def test_a_file_of_to_parquet_is_read_without_mmembed_as_arrow_columns(df, tmp_path):
    """Where a file was written by pandas itself, the Arrow types of pandas give plain lists to a process without us."""
    df.to_parquet(tmp_path / "own.parquet")
    code = "print(list(pandas.read_parquet(sys.argv[1], dtype_backend='pyarrow')['vector'].iloc[1]))"
    assert plain_python(code, tmp_path / "own.parquet") == "[1.0, 0.25, 3.0]"


@pytest.mark.parametrize(
    "dtype",
    [
        VectorDtype(1),
        VectorDtype(1024, "qwen3-vl-embedding"),
        VectorDtype(2, "通义 v1"),
        VectorDtype(3, "x", "float16"),
    ],
    ids=str,
)
def test_a_dtype_has_a_text_that_numpy_reads(dtype):
    """Numpy takes it for one of its own, pandas with mmembed for the dtype that it is."""
    assert isinstance(np.dtype(dtype.text_for_numpy), np.dtype)
    assert pd.api.types.pandas_dtype(dtype.text_for_numpy) == dtype


def test_a_text_for_numpy_that_names_no_space_is_no_dtype_of_ours():
    """Bytes that are no UTF-8, too large, or not allowed in a space."""
    for space in ("255u1", "300u1", "91u1"):
        with pytest.raises(TypeError, match="Cannot construct"):
            VectorDtype.construct_from_string(f"(3,)f4,109i1,109i1,{space}")


def test_spaces_are_given_to_columns_that_do_not_know_theirs(full):
    """By column, or one for all fixed-size lists of floats; other columns stay."""
    plain = pl.DataFrame(full.mmembed.to_arrow()).to_arrow()
    assert isinstance(frame_from_table(plain)["vector"].dtype, pd.ArrowDtype)
    for space in ("toy", {"vector": "toy"}):
        frame = frame_from_table(plain, space)
        assert frame["vector"].dtype == VectorDtype(3, "toy")
        assert isinstance(frame["tags"].dtype, pd.ArrowDtype)
    assert frame_from_table(full.mmembed.to_arrow(), "another")["vector"].dtype.space == "toy"


def test_a_space_that_contradicts_the_table_is_refused(full):
    """And so is one for a column that is not there, or that holds no vectors."""
    with pytest.raises(VectorError, match="contradicts the table: its vectors were made by 'toy'"):
        frame_from_table(full.mmembed.to_arrow(), {"vector": "another"})
    with pytest.raises(ColumnNotFoundError, match="vecto'"):
        frame_from_table(full.mmembed.to_arrow(), {"vecto": "toy"})
    with pytest.raises(VectorError, match="holds no vectors"):
        frame_from_table(full.mmembed.to_arrow(), {"group": "toy"})


def test_metadata_that_names_no_possible_space_leaves_it_unknown(full):
    """Files are others' word: a name with brackets is not taken over."""
    table = full.mmembed.to_arrow().replace_schema_metadata(None)
    field = pa.field("vector", table.schema.field("vector").type, metadata={SPACE_KEY: b"a[b]"})
    table = table.set_column(1, field, table["vector"])
    assert frame_from_table(table)["vector"].dtype == VectorDtype(3)
