"""Laws of a vector column for any rows: what pandas does to it is what numpy does to the bare matrix."""

import io
import pickle

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mmembed.vectors import VectorArray, VectorDtype

# Few distinct numbers, so that equal rows and both zeros are common; the extremes of float32 are among them.
EXTREMES = [3.4028235e38, -3.4028235e38, 1.1754944e-38, 1e-45]
NUMBERS = st.sampled_from([float(np.float32(number)) for number in (0.0, -0.0, 1.0, -1.0, 0.1, *EXTREMES)])
SMALL_NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 65504.0, float(np.float32(-0.1))])


def law(*anything):
    """Check a test for anything drawn; a slow machine is no failure."""
    return lambda test: settings(deadline=None)(given(*anything)(test))


@st.composite
def columns(draw, storages=("float32", "float16"), max_rows=12):
    """Return a vector column of 0 to 12 rows of 1 to 4 numbers, some of them missing."""
    kept = draw(st.sampled_from(storages))
    shape = (draw(st.integers(0, max_rows)), draw(st.integers(1, 4)))
    matrix = draw(hnp.arrays(np.float32, shape, elements=(NUMBERS if kept == "float32" else SMALL_NUMBERS)))
    mask = draw(hnp.arrays(np.bool_, shape[0]))
    return pd.Series(VectorArray.from_matrix(matrix, "toy", mask).astype(kept), name="v")


def tuples(column):
    """Return the rows as plain tuples, None where missing."""
    return [None if cell is pd.NA else tuple(cell.tolist()) for cell in column]


def assert_rows(column, matrix):
    """Check a column against a bare matrix whose missing rows are NaN."""
    np.testing.assert_array_equal(column.array.matrix, matrix)
    np.testing.assert_array_equal(column.isna(), np.isnan(matrix).all(axis=1))


@law(columns(), st.data())
def test_take_is_numpy_take(column, data):
    """Rows by position, negative ones included."""
    positions = data.draw(st.lists(st.integers(-len(column), len(column) - 1)) if len(column) else st.just([]))
    picked = np.array(positions, dtype=np.intp)
    assert_rows(column.iloc[picked], column.array.matrix[picked])
    assert_rows(column.take(picked), column.array.matrix[picked])


@law(columns(), st.data())
def test_filter_is_numpy_filter(column, data):
    """Rows by a boolean mask."""
    wanted = data.draw(hnp.arrays(np.bool_, len(column)))
    assert_rows(column[wanted], column.array.matrix[wanted])


@law(columns(), st.slices(12))
def test_slices_are_numpy_slices(column, part):
    """Rows by any slice."""
    assert_rows(column.iloc[part], column.array.matrix[part])


@law(columns(), st.lists(st.integers(-3, 15), unique=True))
def test_reindex_gives_nan_rows_for_unknown_labels(column, labels):
    """Known labels give their rows, unknown ones missing rows."""
    matrix = np.vstack([column.array.matrix, np.full((1, column.array.dimension), np.nan)])
    rows = [label if 0 <= label < len(column) else -1 for label in labels]
    assert_rows(column.reindex(labels), matrix[np.array(rows, dtype=np.intp)])


@law(columns(), st.integers(-15, 15))
def test_shift_moves_rows(column, periods):
    """The places left free are missing."""
    matrix = np.full_like(column.array.matrix, np.nan)
    for position in range(len(column)):
        if 0 <= position - periods < len(column):
            matrix[position] = column.array.matrix[position - periods]
    assert_rows(column.shift(periods), matrix)


@law(columns(), st.data())
def test_concat_is_numpy_concatenate(column, data):
    """Parts of a column, in any number, lie one after the other."""
    column = column.set_axis(np.arange(len(column)))  # pandas 2 loses rows of any dtype when it joins range indexes
    parts = data.draw(st.lists(st.slices(len(column)), min_size=1, max_size=4))
    made = pd.concat([column.iloc[part] for part in parts])
    assert made.dtype == column.dtype
    assert_rows(made, np.concatenate([column.array.matrix[part] for part in parts]))


@law(columns(), st.integers(1, 5))
def test_parquet_round_trip_is_the_identity(column, row_group_size):
    """Any column comes back from memory as it was, to the last bit, in row groups of any size."""
    file = io.BytesIO()
    column.to_frame().to_parquet(file, row_group_size=row_group_size)
    back = pd.read_parquet(io.BytesIO(file.getvalue()))["v"]
    pd.testing.assert_series_equal(back, column)
    assert back.array.matrix.tobytes() == column.array.matrix.tobytes()


@law(columns())
def test_csv_and_pickle_round_trips_are_the_identity(column):
    """Text and pickles lose nothing."""
    text = column.to_csv(index=False)
    back = pd.read_csv(io.StringIO(text), dtype={"v": str(column.dtype)}, skip_blank_lines=False)["v"]
    pd.testing.assert_series_equal(back, column)
    pd.testing.assert_series_equal(pickle.loads(pickle.dumps(column, protocol=5)), column)


@law(columns())
def test_factorize_agrees_with_a_dict_of_tuples(column):
    """Codes and distinct rows are those of a plain Python dictionary, in order of appearance."""
    seen = {}
    expected = [-1 if row is None else seen.setdefault(row, len(seen)) for row in tuples(column)]
    codes, rows = column.factorize()
    assert codes.tolist() == expected
    assert tuples(rows) == list(seen)
    with_missing = dict.fromkeys(tuples(column))
    codes, rows = column.factorize(use_na_sentinel=False)
    assert codes.tolist() == [list(with_missing).index(row) for row in tuples(column)]
    assert tuples(rows) == tuples(column.unique()) == list(with_missing)
    assert (
        column.duplicated().tolist() == pd.Series([repr(seen.get(row)) for row in tuples(column)]).duplicated().tolist()
    )


@law(columns())
def test_sorting_agrees_with_tuples(column):
    """The order is that of tuples of numbers, stable, missing rows last."""
    made = column.sort_values(kind="stable")
    present = [(row, label) for label, row in enumerate(tuples(column)) if row is not None]
    missing = [label for label, row in enumerate(tuples(column)) if row is None]
    assert made.index.tolist() == [label for _, label in sorted(present)] + missing


@law(columns(), st.data())
def test_comparisons_agree_with_tuples(column, data):
    """``==`` and ``<`` compare row by row; a missing row equals nothing."""
    other = column.iloc[data.draw(st.permutations(range(len(column))))].reset_index(drop=True)
    pairs = list(zip(tuples(column), tuples(other), strict=True))
    assert (column == other).tolist() == [a is not None and a == b for a, b in pairs]
    assert (column != other).tolist() == [a is None or a != b for a, b in pairs]
    assert (column < other).tolist() == [None not in (a, b) and a < b for a, b in pairs]


@law(columns())
def test_hashes_are_equal_where_rows_are(column):
    """Rows hash alike exactly if they are equal, scalars and whole columns alike."""
    by_row = {}
    for row, hashed in zip(tuples(column), pd.util.hash_pandas_object(column, index=False), strict=True):
        assert by_row.setdefault(row, hashed) == hashed
    assert len(set(by_row.values())) == len(by_row)
    present = column.dropna()
    assert len({hash(cell) for cell in present}) == len(set(tuples(present)))


@law(columns(storages=["float32"], max_rows=4), st.data())
def test_setitem_writes_what_numpy_writes(column, data):
    """Writing rows by positions gives the matrix and the mask that numpy gives."""
    wanted = data.draw(hnp.arrays(np.bool_, len(column)))
    value = column.array[::-1][wanted]
    matrix, changed = column.array.matrix.copy(), column.array.copy()
    matrix[wanted] = value.matrix
    changed[wanted] = value
    assert_rows(pd.Series(changed), matrix)


@law(st.integers(1, 5000), st.none() | st.from_regex(r"[\w./:+-]+( [\w./:+-]+)*", fullmatch=True), st.booleans())
def test_the_text_of_a_dtype_parses_back(dimension, space, is_half):
    """Any dtype that can be made is read back from its text."""
    if space == "float16":
        space = None
    dtype = VectorDtype(dimension, space, "float16" if is_half else "float32")
    assert pd.api.types.pandas_dtype(str(dtype)) == dtype
