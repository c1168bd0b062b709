"""Outages end by themselves: time decides how long they are waited for; what a server says costs a minute at most."""

import logging

import numpy as np
import pytest

from mmembed.contents.content import Content
from mmembed.contents.media import Media
from mmembed.errors import ServiceError
from mmembed.providers.dashscope.answer import Reply, RequestFailure
from mmembed.providers.dashscope.limiter import Limiter, RateLimit
from mmembed.providers.dashscope.sender import Patience, RequestSender
from mmembed.providers.dashscope.session import ApiSession
from mmembed.providers.dashscope.token_estimates import TokenEstimates
from mmembed.providers.models import ModelSpec, find_model

REFUSED = RequestFailure("ConnectionFailed", "no connection")
UNKNOWN = RequestFailure("ConnectionFailed.NameUnknown", "cannot be resolved")
LATE = RequestFailure("TimedOut", "did not answer")
GATEWAY = RequestFailure("HTTP502", "bad gateway", status=502)
BUSY = RequestFailure("ModelUnavailable", "busy", status=503)
BROKEN = RequestFailure("InternalError.Algo", "broken", status=500)
SPOILT = RequestFailure("MalformedAnswer", "one vector too few", status=200)
CONTENT = RequestFailure("DataInspectionFailed", "bad content", status=400)

SPEC = ModelSpec("m", dimensions=(2,), max_contents=20)


class World:
    """A service and its time, which passes only by waiting.

    Parameters
    ----------
    outages : list of (float, float, RequestFailure)
        From when to when every request fails, and how.
    bad : mapping of str to RequestFailure
        Texts for whose sake a request always fails.
    """

    def __init__(self, *outages, bad=None, tokens=10, patience=None, limit=None):
        self.now, self.requests, self.outages, self.bad, self.tokens = 0.0, [], outages, bad or {}, tokens
        self.limiter = Limiter(limit or RateLimit(), clock=self.clock, wait=self.wait)
        self.sender = RequestSender(self, self.limiter, patience or Patience(), clock=self.clock, wait=self.wait)
        self.session = ApiSession(self.sender, SPEC, 2)

    def clock(self):
        return self.now

    def wait(self, seconds, _stop=None):
        self.now += seconds
        return False

    def request(self, contents, *, expected, parameters=None, on_done=None):
        del parameters, on_done
        texts = [one["text"] for one in contents]
        self.requests.append((self.now, texts))
        for begin, end, failure in self.outages:
            if begin <= self.now < end:
                self.now += 20 * (failure is LATE)
                raise failure
        for text in texts:
            if text in self.bad:
                raise self.bad[text]
        matrix = np.array([[float(text), 1.0] for text in texts], np.float32)
        return Reply(matrix, self.tokens * expected)

    def embed(self, count, first=0):
        return self.session.embed([Content("text", text=str(one)) for one in range(first, first + count)])


def whole(answer, count, failed=()):
    assert sorted(answer.failures) == sorted(failed)
    found = answer.matrix[:, 0].tolist()
    assert [one for one in range(count) if found[one] == one] == [one for one in range(count) if one not in failed]


@pytest.mark.parametrize("seconds", [6, 20, 90])
@pytest.mark.parametrize("failure", [REFUSED, UNKNOWN, GATEWAY, BUSY, BROKEN, LATE], ids=lambda one: one.code)
@pytest.mark.parametrize("count", [1, 3, 20])
def test_an_outage_costs_no_row(failure, seconds, count):
    """Whether it is there from the beginning or comes later; for one content and for many."""
    if failure is UNKNOWN and seconds > 60:
        pytest.skip("a name that was never found is not waited for so long")
    if failure is BROKEN and seconds > 20:
        pytest.skip("what the service itself calls its error may be for one content's sake")
    whole(World((0, seconds, failure)).embed(count), count)
    world = World((5, 5 + seconds, failure))
    world.embed(1)
    world.now = 5
    whole(world.embed(count), count)


@pytest.mark.parametrize("failure", [REFUSED, GATEWAY, BUSY, LATE], ids=lambda one: one.code)
def test_an_outage_of_minutes_is_waited_for(failure):
    """For as long as there is time, with few requests."""
    world = World((0, 500, failure))
    whole(world.embed(20), 20)
    assert 500 <= world.now < 620
    assert len(world.requests) < 130


@pytest.mark.parametrize("failure", [REFUSED, GATEWAY, BUSY, LATE], ids=lambda one: one.code)
def test_a_service_that_is_down_ends_the_job_when_time_is_up(failure):
    """The error says for how long nothing was answered; it may be tried again another day."""
    world = World((0, 1e9, failure))
    with pytest.raises(ServiceError, match=r"Nothing else was answered for \d+ s either.*Run again later") as caught:
        world.embed(20)
    assert caught.value.retryable
    assert 540 < world.now <= 640
    assert len(world.requests) < 130


def test_a_name_that_was_never_found_is_not_waited_for_so_long():
    """Without a network, or with a misspelt address, a minute is enough; after an answer it is an outage."""
    world = World((0, 1e9, UNKNOWN))
    with pytest.raises(ServiceError):
        world.embed(20)
    assert world.now <= 70  # the last try may be on its way when the minute is over
    world = World((1, 300, UNKNOWN))
    world.embed(1)
    world.now = 1
    whole(world.embed(20), 20)


@pytest.mark.parametrize("failure", [BROKEN, BUSY, GATEWAY, LATE, REFUSED, SPOILT], ids=lambda one: one.code)
@pytest.mark.parametrize("bad", [[0], [19], [0, 1, 7], [3, 4, 5, 6]])
def test_contents_that_break_the_service_fail_alone(failure, bad):
    """Whatever it says, since the others of the request are answered."""
    world = World(bad={str(one): failure for one in bad})
    answer = world.embed(20)
    whole(answer, 20, bad)
    assert all(error.code == failure.code and error.retryable for error in answer.failures.values())
    assert world.now < 120


def test_answers_that_cannot_be_used_end_the_job_soon():
    """They are charged, and nothing says that they get better."""
    world = World((0, 1e9, SPOILT))
    with pytest.raises(ServiceError):
        world.embed(20)
    assert world.now < 60
    assert len(world.requests) < 60


def test_waiting_is_said(caplog):
    """Once in each outage, after some seconds."""
    with caplog.at_level(logging.WARNING):
        World((0, 5, BUSY)).embed(1)
    assert caplog.messages == []
    with caplog.at_level(logging.WARNING):
        World((0, 300, BUSY)).embed(1)
    (message,) = caplog.messages
    assert "ModelUnavailable" in message


@pytest.mark.parametrize("wish", ["1e9", "700", "86400", "inf", "Wed, 01 Jan 2999 00:00:00 GMT", "9" * 400])
@pytest.mark.parametrize(("code", "status"), [("Throttling", 429), ("ModelUnavailable", 503)])
def test_a_wish_to_wait_is_heeded_for_a_minute(wish, code, status):
    """Once said, it disables neither the request nor the account; the service's limits recover within a minute."""
    once = RequestFailure(code, "wait", status=status, retry_after=wish)
    world = World((0, 0.1, once))
    whole(world.embed(3), 3)
    assert 59 <= world.now <= 70
    whole(world.embed(3), 3)
    assert world.now <= 75


def test_a_short_wish_is_heeded_in_full():
    """Whatever is below the minute."""
    world = World((0, 0.1, RequestFailure("Throttling", "wait", status=429, retry_after="25")))
    world.embed(3)
    assert 25 <= world.now <= 40


@pytest.mark.parametrize("tokens", [1e12, 1e300, 5e6, float("inf")])
def test_a_count_beyond_reason_holds_the_account_up_for_a_moment(tokens):
    """An absurd figure costs no more than the largest request could, and the next ones go on."""
    world = World(limit=RateLimit(1_200, 600_000))
    with world.limiter.acquire(100) as permit:
        permit.settle(tokens)
    assert world.limiter.acquire(100)
    assert world.now <= 62
    world = World(tokens=tokens if tokens < 1e9 else 10_000_000, limit=RateLimit(1_200, 600_000))
    world.embed(20)
    world.tokens = 10
    world.embed(20)
    assert world.now < 10


def test_pictures_are_paced_as_they_are_counted():
    """Four hundred pictures that count 51 tokens each leave at the rate of requests, not at that of a guess."""
    world = World(limit=RateLimit(1_200, 600_000))
    estimates = TokenEstimates(find_model("qwen3-vl-embedding"))
    pictures = [Content("image", media=Media(url=f"https://example.com/{one}.png")) for one in range(10)]
    for _ in range(40):
        with world.limiter.acquire(estimates.of(estimates.guess(pictures))) as permit:
            permit.settle(510)
            permit.succeeded()
        estimates.learn(estimates.guess(pictures), 0, 510)
    assert estimates.of(estimates.guess(pictures)) == pytest.approx(561, abs=2)
    assert world.now < 5


@pytest.mark.parametrize(
    ("contents", "text", "media"),
    [
        ([Content("text", text="長" * 1_000)], 3_000, 0),
        ([Content("text", text="x" * 4_000)], 400, 0),
        ([Content("video", media=Media(url="https://example.com/a.mp4"))], 0, 60_000),
        ([Content("image", media=Media(url="https://example.com/a.png")), Content("text", text="red")], 2, 51),
    ],
)
def test_the_next_estimate_follows_the_last_count(contents, text, media):
    """For each kind, up and down, a tenth above the mean."""
    estimates = TokenEstimates(find_model("qwen3-vl-embedding"))
    for _ in range(10):
        estimates.learn(estimates.guess(contents), text, media)
    assert estimates.of(estimates.guess(contents)) == pytest.approx((text + media) * 1.1, rel=0.03, abs=2)
    assert estimates.of(estimates.guess(contents * 4)) == pytest.approx((text + media) * 4.4, rel=0.03, abs=2)


def test_one_absurd_count_is_forgotten_soon():
    """And what is not counted changes nothing."""
    estimates, texts = TokenEstimates(find_model("qwen3-vl-embedding")), [Content("text", text="x" * 400)]
    estimates.learn(estimates.guess(texts), 0, 0)
    assert estimates.of(estimates.guess(texts)) == 192
    estimates.learn(estimates.guess(texts), 10_000_000, 0)
    assert estimates.of(estimates.guess(texts)) <= 193 * 55
    for _ in range(20):
        estimates.learn(estimates.guess(texts), 100, 0)
    assert estimates.of(estimates.guess(texts)) < 120


def test_the_session_tells_the_limiter_what_it_learned():
    """The second batch of the same kind is paced by the first one's count."""
    world = World(tokens=1_000)
    asked = []
    acquire = world.limiter.acquire
    world.limiter.acquire = lambda tokens, **options: asked.append(tokens) or acquire(tokens, **options)
    world.embed(10)
    world.embed(10, first=10)
    assert asked[0] < 100
    assert 5 * asked[0] < asked[1] <= 50 * 1.1 * 20 + 1


def test_a_refusal_of_a_content_shows_that_the_service_is_up():
    """A row that breaks the service among refused ones is not waited for."""
    bad = {str(one): CONTENT for one in range(1, 6)}
    world = World(bad={"0": BROKEN, **bad})
    whole(world.embed(6), 6, range(6))
    assert world.now < 60
