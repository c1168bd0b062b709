"""Rows that are always refused, or always break the service, cost no other row: over HTTP, twice with one cache."""

import dataclasses
import random

import numpy as np
import pytest

from dashscope_server import ONE_CONTENT, WHOLE_JOB, DashScopeServer, containing, garbling, refusing
from mmembed import Embedder
from mmembed.cache.local import VectorCache
from mmembed.contents.content import Content, read_contents
from mmembed.contents.media import Media
from mmembed.embedding.pipeline import embed_columns
from mmembed.errors import ServiceError
from mmembed.providers.dashscope.sender import Patience

KEY = "sk-of-refused-rows"
MODEL = "qwen3-vl-embedding"
QUICK = Patience(first_pause_seconds=0.001, longest_pause_seconds=0.01)
BROKEN = refusing.error(500, "InternalError.Algo", "inference internal error.")
REFUSED = ONE_CONTENT["moderation"]


@pytest.fixture
def server(monkeypatch):
    with DashScopeServer(keys={KEY}) as running:
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", running.base_url)
        yield running


def provider(model=MODEL, **options):
    settings = {"requests_per_minute": 1e9, "tokens_per_minute": 1e12, "api_key": KEY, **options}
    patience = settings.pop("patience", QUICK)
    return dataclasses.replace(Embedder(model=model, **settings).provider(), patience=patience)


def texts_of(count, bad):
    return read_contents([f"row {number:05d}{' bad' if number in bad else ''}" for number in range(count)], "text")


def pictures_of(count, bad):
    return [
        Content(
            "image", media=Media(url=f"https://example.com/{one}{'-bad' if one in bad else ''}.png"), digest=b"%d" % one
        )
        for one in range(count)
    ]


def assert_split(done, count, bad):
    assert [failure.position for failure in done.failures] == sorted(bad)
    has_vector = np.isfinite(done.matrices[0]).all(axis=1)
    assert has_vector.tolist() == [one not in bad for one in range(count)]


WHERE = {
    "twenty at the beginning": set(range(20)),
    "twenty at the end": set(range(180, 200)),
    "every tenth": set(range(0, 200, 10)),
    "the first of each batch": set(range(0, 200, 20)),
    "three quarters at the beginning": set(range(150)),
    "three quarters at the end": set(range(50, 200)),
    "every second": set(range(1, 200, 2)),
    "here and there": set(random.Random(4).sample(range(200), 70)),  # noqa: S311 - not a secret
}


@pytest.mark.parametrize("where", sorted(WHERE))
def test_good_rows_are_reached_wherever_the_refused_ones_stand(server, tmp_path, where):
    """In the first run, and in the second one, where only refused rows are left."""
    bad, cache = WHERE[where], VectorCache(tmp_path)
    server.misbehave(REFUSED, containing(" bad"))
    for _ in range(2):
        assert_split(embed_columns([texts_of(200, bad)], provider(), cache, progress=False), 200, bad)
    assert server.bill.vectors == server.bill.distinct == 200 - len(bad)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("qwen2.5-vl-embedding", texts_of),
        ("qwen2.5-vl-embedding", pictures_of),
        ("multimodal-embedding-v1", texts_of),
        ("multimodal-embedding-v1", pictures_of),
        ("tongyi-embedding-vision-plus", texts_of),
        (MODEL, pictures_of),
    ],
)
def test_good_rows_are_reached_for_every_model_and_kind(server, tmp_path, model, kind):
    """Also where a request holds one content, and where most rows are refused."""
    bad, cache = set(range(60)), VectorCache(tmp_path)
    server.misbehave(REFUSED, containing("bad"))
    for _ in range(2):
        assert_split(embed_columns([kind(100, bad)], provider(model), cache, progress=False), 100, bad)
    assert server.bill.vectors == server.bill.distinct == 40


@pytest.mark.parametrize("place", [0, 199])
def test_a_single_good_row_at_an_end_is_reached(server, place):
    """The ends of a table are tried first."""
    bad = set(range(200)) - {place}
    server.misbehave(REFUSED, containing(" bad"))
    assert_split(embed_columns([texts_of(200, bad)], provider(), None, progress=False), 200, bad)


@pytest.mark.parametrize("count", [400, 5_000])
@pytest.mark.parametrize("model", [MODEL, "qwen2.5-vl-embedding", "tongyi-embedding-vision-flash"])
@pytest.mark.parametrize("fault", ["moderation", "parameter", "download"])
def test_a_service_that_refuses_everything_stops_the_job(server, fault, model, count):
    """Within some sixty requests, after contents from all over the table were tried."""
    server.misbehave(ONE_CONTENT[fault])
    with pytest.raises(ServiceError, match="from all over the table were refused, and none was accepted"):
        embed_columns([texts_of(count, ())], provider(model), None, progress=False)
    assert len(server.requests) <= 64


def test_a_small_table_of_refused_rows_is_rows_that_failed(server):
    """Where every row was tried, each has its own error."""
    server.misbehave(REFUSED)
    done = embed_columns([texts_of(25, ())], provider(), None, progress=False)
    assert_split(done, 25, set(range(25)))


@pytest.mark.parametrize("bad", [{0, 20}, {5}, {0, 1, 2}, set(range(0, 200, 20)), set(range(12)), {19, 39, 199}])
def test_rows_that_break_the_service_do_not_stop_the_job(server, tmp_path, bad):
    """Two of 200 that always get HTTP 500 are two errors beside 198 vectors, in the second run, too."""
    cache = VectorCache(tmp_path)
    server.misbehave(BROKEN, containing(" bad"))
    for _ in range(2):
        done = embed_columns([texts_of(200, bad)], provider(), cache, progress=False)
        assert_split(done, 200, bad)
        assert all(failure.error.retryable for failure in done.failures)
    assert server.bill.vectors == server.bill.distinct == 200 - len(bad)


@pytest.mark.parametrize("fault", [refusing.html(502), refusing.error(503, "ModelUnavailable"), garbling.fewer()])
def test_rows_that_break_the_gateway_do_not_stop_the_job(server, fault):
    """Nor do those whose answers are malformed."""
    server.misbehave(fault, containing(" bad"))
    assert_split(embed_columns([texts_of(200, {0, 20})], provider(), None, progress=False), 200, {0, 20})


@pytest.mark.parametrize("stop", ["key", "arrears", "access"])
@pytest.mark.parametrize("bad", [110, 113, 119])
def test_every_answered_half_is_kept_when_the_job_stops(server, tmp_path, stop, bad):
    """A refused batch is being halved when the account is closed: what was bought by then is in the cache."""
    cache, texts = VectorCache(tmp_path), texts_of(200, {bad})
    server.misbehave(REFUSED, containing(" bad"), times=1)
    server.misbehave(WHOLE_JOB[stop], containing(" bad"))
    with pytest.raises(ServiceError):
        embed_columns([texts], provider(workers=1), cache, progress=False)
    bought = server.bill.vectors
    halves = [one for one in server.requests if one.status == 200 and len(one.contents) < 20]
    assert halves
    good = [*texts[:bad], *texts[bad + 1 :]]
    again = embed_columns([good], provider(), cache, progress=False)
    assert again.bill.cached == bought
    assert server.bill.vectors == server.bill.distinct == 199


def test_a_half_is_kept_before_anything_else_is_sent(server):
    """Each time the service is asked for more, all that it answered before is in the cache."""
    texts = texts_of(20, {13})
    server.misbehave(REFUSED, containing(" bad"))
    seen = []
    with provider().session() as session:

        def keep(rows, matrix):
            seen.append((len(server.requests), server.bill.vectors, len(rows)))
            assert np.isfinite(matrix).all()

        answer = session.embed_by_parts(texts, keep)
    assert sorted(answer.failures) == [13]
    assert len({requests for requests, _, _ in seen}) == len(seen) > 2
    kept = 0
    for _, bought, rows in seen:
        kept += rows
        assert kept == bought


def test_an_error_names_its_own_request(server):
    """The name is that of the refused request, not of those that gave the others their vectors."""
    server.misbehave(REFUSED, containing(" bad"))
    done = embed_columns([texts_of(40, {7})], provider(), None, progress=False)
    (failure,) = done.failures
    refused = [one for one in server.requests if one.contents == [{"text": "row 00007 bad"}]]
    assert [failure.request_id] == [one.request_id for one in refused]


@pytest.mark.usefixtures("server")
def test_a_content_that_was_in_no_request_names_none(tmp_path):
    """A broken picture beside good texts."""
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    column = [*read_contents([tmp_path / "broken.png"], "image"), *texts_of(3, ())]
    (failure,) = embed_columns([column], provider(), None, progress=False).failures
    assert (failure.position, failure.request_id) == (0, None)


@pytest.mark.parametrize("kinds", ["text and picture", "picture and text"])
def test_rows_that_the_service_mixed_up_are_asked_for_again(server, kinds):
    """A text that gets a picture's vector is given away by its type."""
    server.misbehave(garbling.swapped_index(), 1)
    text, picture = texts_of(1, ())[0], pictures_of(1, ())[0]
    column = [text, picture] if kinds == "text and picture" else [picture, text]
    done = embed_columns([column], provider(), None, progress=False)
    wire = {"text": {"text": text.text}, "image": {"image": "https://example.com/0.png"}}
    wanted = np.array([server.vector(wire[one.kind], MODEL) for one in column], np.float32)
    assert np.array_equal(done.matrices[0], wanted)
    assert len(server.requests) == 2
