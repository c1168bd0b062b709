"""Search and the neighbour graph against an exact float64 loop."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from mmembed.analysis import neighbors, search, similarity
from mmembed.analysis.graphs import nearest
from mmembed.analysis.graphs import nearest as candidates
from mmembed.errors import DimensionMismatchError, SpaceMismatchError
from mmembed.vectors import Vector, VectorArray

# Small whole numbers: cosines tie often, rows repeat, and zero rows occur.
MATRICES = st.integers(1, 4).flatmap(
    lambda d: st_numpy.arrays(np.float32, st.tuples(st.integers(1, 30), st.just(d)), elements=st.integers(-2, 2))
)


def true_cosines(queries, rows):
    """Return float64 cosines rounded to float32, computed pair by pair."""
    result = np.zeros((len(queries), len(rows)), dtype=np.float32)
    for i, query in enumerate(queries.astype(float)):
        for j, row in enumerate(rows.astype(float)):
            squares = (query @ query) * (row @ row)
            result[i, j] = query @ row / np.sqrt(squares) if squares else 0
    return result


def true_nearest(cosines, k, allowed):
    """Return positions by full stable sorting, padded with -1."""
    expected = np.full((len(cosines), k), -1)
    for i, row in enumerate(cosines):
        order = [j for j in np.argsort(-row, kind="stable") if allowed[i, j]][:k]
        expected[i, : len(order)] = order
    return expected


@settings(deadline=None)
@given(MATRICES, st.data())
def test_search_is_the_full_sort(matrix, data):
    """The hits are the first k of a stable sort of all float64 cosines, without the missing rows."""
    mask = data.draw(st_numpy.arrays(bool, len(matrix)))
    k = data.draw(st.integers(1, len(matrix) + 3))
    queries = data.draw(st_numpy.arrays(np.float32, (3, matrix.shape[1]), elements=st.integers(-2, 2)))
    hits = search(VectorArray.from_matrix(queries), VectorArray.from_matrix(matrix, mask=mask), k)
    cosines = true_cosines(queries, matrix)
    expected = true_nearest(cosines, k, np.broadcast_to(~mask, cosines.shape))
    assert np.array_equal(hits.positions, expected)
    found = np.where(expected >= 0, np.take_along_axis(cosines, np.maximum(expected, 0), axis=1), np.nan)
    np.testing.assert_allclose(hits.similarities, found, rtol=0, atol=1e-6)


@settings(deadline=None)
@given(MATRICES, st.data())
def test_neighbors_are_the_full_sort_without_the_row_itself(matrix, data):
    """Each row's neighbours are the first k of a stable sort of all others; equal rows are neighbours."""
    mask = data.draw(st_numpy.arrays(bool, len(matrix)))
    k = data.draw(st.integers(1, len(matrix) + 1))
    graph = neighbors(VectorArray.from_matrix(matrix, mask=mask), k)
    allowed = ~mask[:, None] & ~mask & ~np.eye(len(matrix), dtype=bool)
    assert np.array_equal(graph.indices, true_nearest(true_cosines(matrix, matrix), k, allowed))
    assert np.array_equal(np.isnan(graph.similarities), graph.indices == -1)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 7), st.integers(1, 5), st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_blocks_do_not_show(row_block, query_block, most_candidates, seed):
    """Whatever the sizes of the blocks, and however early ties are cut, the answer is the same."""
    matrix = np.random.default_rng(seed).integers(-1, 2, (40, 3)).astype(np.float32)
    plain = search(matrix[:8], matrix, 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "_BLOCK_NUMBERS", row_block * 64)
        patch.setattr(nearest, "_PASS_NUMBERS", row_block * 16)
        patch.setattr(nearest, "_QUERY_BLOCK", query_block)
        patch.setattr(candidates, "_MOST_CANDIDATES", most_candidates)
        patch.setattr(candidates, "_MANY_PAIRS", most_candidates)
        cut = search(matrix[:8], matrix, 5)
    assert np.array_equal(plain.positions, cut.positions)
    assert np.array_equal(plain.similarities, cut.similarities, equal_nan=True)


def test_large_search_is_exact():
    """With blocks of real size, normal vectors and planted twins, hits are those of a float64 product."""
    matrix = np.random.default_rng(1).normal(size=(20_000, 64)).astype(np.float32)
    matrix[[15_000, 9_000, 30]] = matrix[7]
    queries = matrix[:300]
    hits = search(queries, matrix, 20)
    exact = matrix.astype(float)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    cosines = exact[:300] @ exact.T
    best = np.sort(cosines, axis=1)[:, :-21:-1]
    np.testing.assert_allclose(hits.similarities, best, rtol=0, atol=1e-7)
    np.testing.assert_allclose(np.take_along_axis(cosines, hits.positions, axis=1), best, rtol=0, atol=1e-7)
    assert hits.positions[7, :4].tolist() == [7, 30, 9_000, 15_000]


def test_many_equal_rows_are_found_in_row_order():
    """A table of one repeated vector, more ties than are held at once, gives the first rows."""
    graph = neighbors(np.ones((1500, 8), dtype=np.float32), k=3)
    assert graph.indices[[0, 1, 2, 1499]].tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
    assert (graph.similarities == 1).all()


def test_similarities_are_symmetric_and_the_same_everywhere():
    """cosine(a, b) is cosine(b, a) to the last bit, and search, neighbors and similarity agree."""
    matrix = np.random.default_rng(2).normal(size=(50, 33)).astype(np.float32)
    table = np.array([similarity(matrix, row) for row in matrix])
    assert np.array_equal(table, table.T)
    graph = neighbors(matrix, k=49)
    assert np.array_equal(np.take_along_axis(table, graph.indices, axis=1), graph.similarities)
    hits = search(matrix[0], matrix, 50)
    assert np.array_equal(table[0][hits.positions[0]], hits.similarities[0])


@pytest.mark.parametrize("scale", [1e-44, 1e-30, 1e-12, 1.0, 1e12, 1e38])
def test_length_does_not_matter(scale):
    """Cosines are right for vectors of any length that float32 can hold."""
    matrix = np.array([[1, 0], [0, 1], [1, 1], [0, 0]]) * scale
    hits = search(np.array([1.0, 0.0]) * scale, matrix.astype(np.float32), 4)
    assert hits.positions.tolist() == [[0, 2, 1, 3]]
    np.testing.assert_allclose(hits.similarities[0], [1, 0.5**0.5, 0, 0], atol=1e-6)


def test_missing_vectors_ask_and_answer_nothing():
    """A missing query has no hits, a missing row is none, and its similarity is NaN."""
    vectors = pd.Series([[1.0, 0.0], None, [1.0, 1.0]])
    hits = search(vectors, vectors, 2)
    assert hits.positions.tolist() == [[0, 2], [-1, -1], [2, 0]]
    assert np.isnan(similarity(vectors, [1.0, 0.0])).tolist() == [False, True, False]


def test_nothing_to_search():
    """No rows, or no queries, give empty hits."""
    empty = VectorArray.from_matrix(np.empty((0, 2), dtype=np.float32))
    assert search([1.0, 0.0], empty, 2).positions.tolist() == [[-1, -1]]
    assert search(empty, np.eye(2, dtype=np.float32), 2).positions.shape == (0, 2)
    assert neighbors(empty, 2).indices.shape == (0, 2)


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one_is_refused(k):
    """Asking for no row is an error that says what to give."""
    with pytest.raises(ValueError, match="at least 1"):
        search([1.0, 0.0], np.eye(2, dtype=np.float32), k)
    with pytest.raises(ValueError, match="at least 1"):
        neighbors(np.eye(2, dtype=np.float32), k)


def test_spaces_and_dimensions_are_checked():
    """A query of another space or length is refused; one of unknown space is taken."""
    vectors = VectorArray.from_matrix(np.eye(2, dtype=np.float32), space="here")
    with pytest.raises(SpaceMismatchError, match="there"):
        search(Vector([1.0, 0.0], space="there"), vectors)
    with pytest.raises(DimensionMismatchError):
        similarity(vectors, [1.0, 0.0, 0.0])
    assert search(Vector([1.0, 0.0]), vectors, 1).positions.tolist() == [[0]]


def test_similarity_takes_one_query():
    """A column of several queries is refused with the call to use instead."""
    with pytest.raises(ValueError, match="search"):
        similarity(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32))


def test_one_query_gives_its_rows_best_first():
    """The frame of one query keeps labels and columns, adds similarity, and leaves the input alone."""
    df = pd.DataFrame({"name": list("abc")}, index=[5, 5, 7])
    found = search([0.0, 1.0], np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32), k=2).add_to(df)
    assert found["name"].tolist() == ["b", "c"]
    assert found.index.tolist() == [5, 7]
    assert found["similarity"].tolist() == pytest.approx([1, 0.5**0.5])
    assert list(df) == ["name"]


def test_many_queries_give_a_long_frame():
    """Many queries give query and rank; names stand for positions where they are given."""
    df = pd.DataFrame({"name": list("abc")})
    vectors = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32)
    hits = search(vectors[:2], vectors, k=2)
    found = hits.add_to(df, queries=["east", "north"])
    assert found["query"].tolist() == ["east", "east", "north", "north"]
    assert found["rank"].tolist() == [1, 2, 1, 2]
    assert found["name"].tolist() == ["a", "c", "b", "c"]
    assert hits.add_to(df)["query"].tolist() == [0, 0, 1, 1]
    with pytest.raises(ValueError, match="one for each"):
        hits.add_to(df, queries=["east"])
    with pytest.raises(ValueError, match="2 rows"):
        hits.add_to(df.head(2))
