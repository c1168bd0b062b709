"""Joins by similarity, against loops over all pairs."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from mmembed.analysis.finding.join import join
from mmembed.analysis.finding.search import search
from mmembed.errors import SpaceMismatchError
from mmembed.vectors import VectorArray


def matrices(most):
    return st_numpy.arrays(np.float32, st.tuples(st.integers(1, most), st.just(3)), elements=st.integers(-2, 2))


@settings(deadline=None)
@given(matrices(12), matrices(12), st.integers(1, 4), st.sampled_from([None, -1, 0.5, 1]))
def test_a_join_is_a_search_of_each_row(left, right, k, threshold):
    """Pairs are the search hits of every left row within the threshold, in its order."""
    pairs = join(left, right, k, threshold=threshold)
    hits = search(left, right, k)
    expected = [
        (row, hits.positions[row, rank])
        for row, rank in np.ndindex(hits.positions.shape)
        if hits.positions[row, rank] >= 0 and (threshold is None or hits.similarities[row, rank] >= threshold)
    ]
    assert list(zip(pairs.left, pairs.right, strict=True)) == expected


@settings(deadline=None)
@given(matrices(5), matrices(5), st.sampled_from([None, 0.3]))
def test_one_to_one_is_the_best_matching(left, right, threshold):
    """With all partners allowed, no matching pairs more rows, and none of as many has a greater sum."""
    pairs = join(left, right, len(right), threshold=threshold, one_to_one=True)
    assert len(set(pairs.left)) == len(set(pairs.right)) == len(pairs)
    hits = search(left, right, len(right))
    table = np.full((len(left), len(right)), -np.inf)
    np.put_along_axis(table, hits.positions, hits.similarities, axis=1)
    small = table if len(left) <= len(right) else table.T
    best = (0, 0.0)
    for chosen in itertools.permutations(range(small.shape[1]), small.shape[0]):
        values = [small[row, column] for row, column in enumerate(chosen)]
        allowed = [value for value in values if threshold is None or value >= np.float32(threshold)]
        best = max(best, (len(allowed), float(np.sum(allowed))))
    assert len(pairs) == best[0]
    assert float(pairs.similarities.sum()) == pytest.approx(best[1], abs=1e-4)


def test_the_joined_frame():
    """Left columns keep their names, common right ones get a suffix; the index is the left one's."""
    left = pd.DataFrame({"v": [[1.0, 0.0], None, [0.0, 1.0]], "name": list("abc")}, index=[7, 7, 8])
    right = pd.DataFrame({"v": [[0.0, 2.0], [1.0, 0.2]], "name": list("xy"), "price": [1, 2]})
    joined = left.mmembed.join(right, "v")
    assert joined.index.tolist() == [7, 8]
    assert joined[["name", "name_right", "price"]].to_numpy().tolist() == [["a", "y", 2], ["c", "x", 1]]
    assert joined["similarity"].tolist() == pytest.approx([0.9806, 1], abs=1e-4)
    assert list(joined) == ["v", "name", "v_right", "name_right", "price", "similarity"]
    assert left.mmembed.join(right, "v", "v", threshold=0.99)["name"].tolist() == ["c"]
    assert left.mmembed.join(left, "v", k=9, suffixes=("_a", "_b"))["name_b"].tolist() == ["a", "c", "c", "a"]


def test_columns_that_would_clash_are_refused():
    """The error says which name, and what to do."""
    df = pd.DataFrame({"v": [[1.0, 0.0]], "v_right": [1], "similarity": [2]})
    with pytest.raises(ValueError, match="two columns 'v_right'"):
        df.mmembed.join(df[["v"]], "v")
    with pytest.raises(ValueError, match="do not differ"):
        df.mmembed.join(df, "v", suffixes=("_x", "_x"))
    with pytest.raises(ValueError, match="would replace column 'similarity'"):
        df[["v", "similarity"]].mmembed.join(df[["v"]], "v")


def test_bad_arguments_are_refused():
    """k, threshold, spaces and frames of another length."""
    eye = np.eye(2, dtype=np.float32)
    with pytest.raises(ValueError, match="at least 1"):
        join(eye, eye, 0)
    with pytest.raises(ValueError, match="from -1 to 1"):
        join(eye, eye, threshold=2)
    with pytest.raises(SpaceMismatchError, match=r"here.*there"):
        join(VectorArray.from_matrix(eye, space="here"), VectorArray.from_matrix(eye, space="there"))
    with pytest.raises(ValueError, match="3 rows"):
        join(eye, eye).add_to(pd.DataFrame({"a": [1, 2, 3]}), pd.DataFrame({"b": [1, 2]}))


def test_nothing_to_join():
    """Empty frames on either side give no pairs."""
    empty = VectorArray.from_matrix(np.empty((0, 2), dtype=np.float32))
    eye = np.eye(2, dtype=np.float32)
    assert len(join(empty, eye)) == len(join(eye, empty)) == len(join(eye, empty, 3, one_to_one=True)) == 0
