"""The persistent index: close to exact search, measured, and refused for what it was not built from."""

import numpy as np
import pandas as pd
import pytest

import mmembed
from mmembed.analysis.finding.index import VectorIndex, build_index
from mmembed.analysis.finding.search import search
from mmembed.errors import DimensionMismatchError, SpaceMismatchError, VectorError
from mmembed.vectors import Vector, VectorArray


@pytest.fixture(scope="module")
def column():
    random = np.random.default_rng(0)
    matrix = (random.normal(size=(2000, 8)) @ random.normal(size=(8, 48))).astype(np.float32)
    mask = np.zeros(2000, dtype=bool)
    mask[[3, 77]] = True
    matrix[5] = 0
    return VectorArray.from_matrix(matrix, space="toy", mask=mask)


@pytest.fixture(scope="module")
def index(column):
    return build_index(column)


def test_an_index_finds_nearly_what_exact_search_finds(column, index):
    """Recall is as measured, similarities are exact, and missing and zero rows are never found."""
    queries = column.matrix[100:200]
    hits, exact = index.search(queries, column, 10), search(queries, column, 10)
    found = np.mean([np.isin(true, near).mean() for true, near in zip(exact.positions, hits.positions, strict=True)])
    assert found > 0.95
    assert index.facts.recall == pytest.approx(found, abs=0.05)
    assert (hits.similarities[:, 0] == exact.similarities[:, 0]).mean() > 0.95
    assert (np.diff(hits.similarities, axis=1) <= 0).all()
    assert not np.isin(hits.positions, [3, 5, 77]).any()
    assert "rows=2000, dimension=48, space='toy', recall@10=" in repr(index)


def test_an_index_survives_on_disk(column, index, tmp_path):
    """What is loaded finds what was saved; a folder without an index is refused."""
    loaded = VectorIndex.load(index.save(tmp_path / "new" / "index"))
    assert loaded.facts == index.facts
    one, other = (each.search(column[10], column, 5) for each in (index, loaded))
    assert np.array_equal(one.positions, other.positions)
    with pytest.raises(VectorError, match="no index that can be read"):
        VectorIndex.load(tmp_path)


def test_an_index_is_for_one_column(column, index):
    """Another space, dimension, order or number of rows is refused."""
    with pytest.raises(SpaceMismatchError, match=r"toy.*other"):
        index.search(Vector(np.ones(48), space="other"), column)
    with pytest.raises(SpaceMismatchError, match=r"toy.*other"):
        index.search(column[0], VectorArray.from_matrix(column.matrix, space="other"))
    with pytest.raises(DimensionMismatchError):
        index.search(np.ones(3), column)
    for changed in (column[::-1], column[:-1]):
        with pytest.raises(VectorError, match="built from another column"):
            index.search(column[0], changed)
    with pytest.raises(ValueError, match="at least 1"):
        index.search(column[0], column, 0)


def test_few_rows_and_missing_queries(column):
    """More hits than rows leave the rest empty; a missing query finds nothing; so does an index of nothing."""
    few = column[:5]
    hits = build_index(few).search(column[2:4], few, 9)
    assert sorted(hits.positions[0][:4]) == [0, 1, 2, 4]
    assert (hits.positions[0][4:] == -1).all()
    assert (hits.positions[1] == -1).all()
    assert (build_index(column[3:4]).search(column[0], column[3:4], 2).positions == -1).all()


def test_the_accessor_asks_an_index(column, index):
    """It goes with no other option."""
    df = pd.DataFrame({"v": column})
    assert df.mmembed.search(column[9], "v", k=1, index=index).index.tolist() == [9]
    with pytest.raises(ValueError, match=r"index= cannot be combined with where="):
        df.mmembed.search(column[9], "v", where=df["v"].notna(), index=index)
    assert mmembed.build_index is build_index
