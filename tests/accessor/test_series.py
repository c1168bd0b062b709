"""The verbs on a series."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import mmembed  # noqa: F401  registers the accessor
from mmembed import VectorDtype
from mmembed.errors import VectorError


@pytest.fixture
def series():
    return pd.Series([[3.0, 4.0, 0.0], None, [0.0, 0.0, 2.0]], index=list("abc"), name="v")


def test_lists_become_vectors_of_a_named_space(series):
    """Index, name and missing rows stay."""
    vectors = series.mmembed.as_vectors(space="toy")
    assert vectors.dtype == VectorDtype(3, "toy")
    assert vectors.index.tolist() == ["a", "b", "c"]
    assert vectors.mmembed.space == "toy"
    assert vectors.mmembed.dimension == 3


def test_the_matrix_is_a_read_only_view(series):
    """No copy: the same memory each time."""
    vectors = series.mmembed.as_vectors()
    matrix = vectors.mmembed.to_matrix()
    assert not matrix.flags.writeable
    assert np.shares_memory(matrix, vectors.mmembed.to_matrix())
    assert np.isnan(matrix[1]).all()


def test_normalize_and_truncate(series):
    """Length one, also after keeping the first dimensions; a zero vector stays zero."""
    np.testing.assert_allclose(series.mmembed.normalize().mmembed.to_matrix()[0], [0.6, 0.8, 0.0])
    short = series.mmembed.truncate(1)
    np.testing.assert_array_equal(short.mmembed.to_matrix()[[0, 2]], [[1.0], [0.0]])
    assert short.isna().tolist() == [False, True, False]
    with pytest.raises(ValueError, match="between 1 and"):
        series.mmembed.truncate(4)


def test_similarity_is_a_series_of_cosines(series):
    """NaN where there is no vector."""
    found = series.mmembed.similarity(np.array([1.0, 0.0, 0.0]))
    np.testing.assert_allclose(found.to_numpy(), [0.6, np.nan, 0.0], atol=1e-7)
    assert found.index.tolist() == ["a", "b", "c"]


def test_arrow_readers_get_plain_lists(series):
    """Lists of float32 with a missing row; of fixed size, but for what pyarrow before 26 cannot write to Parquet."""
    lists = series.mmembed.to_arrow()
    fixed = int(pa.__version__.partition(".")[0]) >= 26
    assert lists.type == (pa.list_(pa.float32(), 3) if fixed else pa.large_list(pa.float32()))
    assert series.dropna().mmembed.to_arrow().type == pa.list_(pa.float32(), 3)
    assert lists.to_pylist() == [[3.0, 4.0, 0.0], None, [0.0, 0.0, 2.0]]


def test_a_column_of_texts_is_refused_with_the_way_out():
    """The error names the call that makes vectors."""
    with pytest.raises(VectorError, match="embed"):
        _ = pd.Series(["a", "b"]).mmembed.dimension


def test_embed_gives_the_vector_series(tmp_path, monkeypatch):
    """Of one column, aligned."""
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path))
    texts = pd.Series(["a dog", None], index=[5, 5], name="text")
    vectors = texts.mmembed.embed("text", model="local")
    assert vectors.name == "text_vector"
    assert vectors.index.tolist() == [5, 5]
    assert vectors.notna().tolist() == [True, False]
