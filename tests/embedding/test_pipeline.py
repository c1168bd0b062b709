"""The straight line: every row gets its own vector, and nothing is asked for twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedding.counting import CountingProvider, vector_of
from mmembed.cache.local import VectorCache
from mmembed.contents.content import read_contents
from mmembed.embedding.pipeline import embed_columns

CELLS = st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "c", "坏", ""]), st.integers(0, 9)), max_size=25)


def test_each_row_gets_the_vector_of_its_own_content():
    """Rows keep their order and missing cells have no vector."""
    read = read_contents(["x", None, "y", "x"], "text")
    done = embed_columns([read], CountingProvider(), None, progress=False)
    expected = [vector_of(read[one].digest, 4) for one in (0, 2, 3)]
    np.testing.assert_array_equal(done.matrices[0][[0, 2, 3]], expected)
    assert np.isnan(done.matrices[0][1]).all()
    assert not done.failures


def test_equal_contents_are_asked_for_once_across_rows_and_columns():
    """Two columns that share texts cost the distinct texts only."""
    provider = CountingProvider()
    done = embed_columns(
        [read_contents(["a", "b", "a"], "text"), read_contents(["b", "c", None], "text")],
        provider,
        None,
        progress=False,
    )
    assert len(provider.asked) == len(set(provider.asked)) == 3
    assert (done.bill.rows, done.bill.cells, done.bill.missing) == (3, 5, 1)
    assert (done.bill.unique, done.bill.tokens) == (3, 3)
    np.testing.assert_array_equal(done.matrices[0][1], done.matrices[1][0])


def test_a_second_run_asks_for_nothing(tmp_path):
    """What was answered once comes from the cache, with the same numbers."""
    cache = VectorCache(tmp_path)
    read = read_contents(list("abcdefg"), "text")
    first = embed_columns([read], CountingProvider(), cache, progress=False)
    second_provider = CountingProvider()
    second = embed_columns([read], second_provider, cache, progress=False)
    assert second_provider.asked == []
    assert second_provider.sessions == 0
    assert second.bill.cached == 7
    np.testing.assert_array_equal(first.matrices[0], second.matrices[0])


def test_other_options_are_another_vector(tmp_path):
    """The cache never answers with a vector made with other options."""
    cache = VectorCache(tmp_path)
    read = read_contents(["a"], "text")
    embed_columns([read], CountingProvider(options={"instruct": "x"}), cache, progress=False)
    provider = CountingProvider(options={"instruct": "y"})
    embed_columns([read], provider, cache, progress=False)
    assert len(provider.asked) == 1


def test_one_refused_content_fails_alone_and_is_not_cached(tmp_path):
    """The other rows of its batch have their vectors, and the next run asks for the refused one again."""
    cache = VectorCache(tmp_path)
    read = read_contents(["a", "bad", "c"], "text")
    done = embed_columns([read], CountingProvider(refuses=frozenset({"bad"})), cache, progress=False)
    assert [(failure.position, failure.error.code, failure.request_id) for failure in done.failures] == [
        (1, "Refused", "r-1")
    ]
    assert np.isfinite(done.matrices[0][[0, 2]]).all()
    provider = CountingProvider()
    embed_columns([read], provider, cache, progress=False)
    assert len(provider.asked) == 1


def test_what_was_answered_before_an_interrupt_is_kept(tmp_path):
    """Ctrl-C in the middle loses nothing that was paid: running again asks for the rest only."""
    cache = VectorCache(tmp_path)
    texts = [str(number) for number in range(30)]
    read = read_contents(texts, "text")
    broken = CountingProvider(breaks_at=15, workers=1)
    with pytest.raises(KeyboardInterrupt, match="running again continues"):
        embed_columns([read], broken, cache, progress=False)
    assert broken.stopped
    again = CountingProvider()
    done = embed_columns([read], again, cache, progress=False)
    assert 0 < done.bill.cached < 30
    assert done.bill.cached + len(again.asked) == 30
    assert np.isfinite(done.matrices[0]).all()


def test_a_kind_that_the_model_cannot_embed_is_the_rows_error():
    """Nothing is sent for it, and the message names what the model takes."""
    provider = CountingProvider()
    read = read_contents(["http://example.org/a.mp4", "a"], "auto")
    done = embed_columns([read], provider, None, progress=False)
    assert done.failures[0].error.code == "WrongKind"
    assert "fused, image, text" in str(done.failures[0].error)
    assert len(provider.asked) == 1


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(columns=st.lists(CELLS, min_size=1, max_size=3), batch=st.integers(1, 7), workers=st.integers(1, 4))
def test_the_result_does_not_depend_on_batch_size_or_workers(columns, batch, workers):
    """Alignment is by position whatever the plan, and failures stand at their own rows."""
    read = [read_contents(cells, "text") for cells in columns]
    bad = frozenset({"坏"})
    one = embed_columns(read, CountingProvider(batch=1, workers=1, refuses=bad), None, progress=False)
    many = embed_columns(read, CountingProvider(batch=batch, workers=workers, refuses=bad), None, progress=False)
    for left, right, cells in zip(one.matrices, many.matrices, columns, strict=True):
        np.testing.assert_array_equal(left, right)
        has_vector = [isinstance(cell, str) and cell not in ("", "坏") for cell in cells]
        np.testing.assert_array_equal(np.isfinite(left).all(axis=1), has_vector)
    places = [(failure.column, failure.position) for failure in many.failures]
    expected = [
        (number, position)
        for number, cells in enumerate(columns)
        for position, cell in enumerate(cells)
        if cell == "坏" or isinstance(cell, int)
    ]
    assert places == expected
