"""Trying again with an injected clock, and the settings of the provider."""

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import numpy as np
import pytest

from mmembed import Embedder
from mmembed.contents.content import Content
from mmembed.providers.dashscope.answer import Reply, RequestFailure
from mmembed.providers.dashscope.faults import ServiceError
from mmembed.providers.dashscope.limiter import Limiter, RateLimit
from mmembed.providers.dashscope.sender import Patience, RequestSender
from mmembed.providers.models import ModelSpec

GOOD = Reply(np.ones((1, 2), np.float32), text_tokens=7)
BUSY = RequestFailure("ModelUnavailable", "busy", status=503)
BROKEN = RequestFailure("InternalError.Algo", "broken", status=500)
FULL = RequestFailure("Throttling", "too fast", status=429)


class Clock:
    """Time that passes only by waiting."""

    def __init__(self):
        self.now, self.pauses = 0.0, []

    def __call__(self):
        return self.now

    def wait(self, seconds, stop=None):  # noqa: ARG002 - as the limiter calls it
        self.pauses.append(seconds)
        self.now += seconds
        return False


class Connection:
    """Answers what it is told to, one after the other; the last one for ever."""

    def __init__(self, *answers):
        self.answers, self.calls = list(answers), 0

    def request(self, contents, **_):
        self.contents = contents
        answer = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


def send(connection, clock=None, patience=None, contents=({"text": "a"},), **options):
    clock = clock or Clock()
    charges = []
    limiter = Limiter(RateLimit(), clock=clock, wait=clock.wait)
    sender = RequestSender(connection, limiter, patience or Patience(), clock=clock, wait=clock.wait)
    try:
        reply = sender.send(list(contents), tokens=1, on_charge=lambda *tokens: charges.append(tokens), **options)
    finally:
        assert limiter.in_flight == 0
    return reply, charges


def test_passing_failures_are_tried_again_with_growing_pauses():
    """Each pause is between half of and the whole of the doubling step."""
    clock = Clock()
    connection = Connection(BUSY, BUSY, BUSY, GOOD)
    assert send(connection, clock)[0] is GOOD
    assert connection.calls == 4
    for pause, whole in zip(clock.pauses, (0.5, 1.0, 2.0), strict=True):
        assert whole / 2 <= pause <= whole


@pytest.mark.parametrize(
    ("failure", "patient", "calls"), [(BUSY, True, 8), (BROKEN, True, 5), (BUSY, False, 2), (BROKEN, False, 2)]
)
def test_attempts_are_counted(failure, patient, calls):
    """After the last attempt the failure comes out; what is left of a given up request gets fewer, a gateway more."""
    connection = Connection(failure)
    with pytest.raises(ServiceError, match=failure.code):
        send(connection, patient=patient, contents=[{"text": "a"}, {"text": "b"}])
    assert connection.calls == calls


def test_throttling_is_limited_by_the_budget_and_not_by_attempts():
    """A request that is only asked to slow down goes on until its time is up."""
    clock = Clock()
    connection = Connection(*[FULL] * 12, GOOD)
    assert send(connection, clock)[0] is GOOD
    clock = Clock()
    with pytest.raises(ServiceError, match="Throttling"):
        send(Connection(FULL), clock, Patience(budget_seconds=60))
    assert clock.now <= 60


def test_retry_after_is_honoured():
    """No attempt begins before the time that the service names."""
    clock = Clock()
    slow = RequestFailure("Throttling", "wait", status=429, retry_after="20")
    send(Connection(slow, GOOD), clock)
    assert clock.now >= 20


def test_what_cannot_be_helped_is_not_tried_again():
    """A refused content and a wrong key come out at once."""
    for code, status in (("DataInspectionFailed", 400), ("InvalidApiKey", 401)):
        connection = Connection(RequestFailure(code, "no", status=status))
        with pytest.raises(ServiceError):
            send(connection)
        assert connection.calls == 1


@pytest.mark.parametrize("code", ["InvalidURL.Timeout", "InvalidParameter.DataInspection"])
def test_media_that_could_not_be_fetched_get_one_more_attempt(code):
    """A content refused alone for that is sent once more, after a pause; in company it is left to the halving."""
    refused = RequestFailure(code, "could not be fetched", status=400)
    connection = Connection(refused, GOOD)
    clock = Clock()
    reply, _ = send(connection, clock)
    assert (reply, connection.calls, len(clock.pauses)) == (GOOD, 2, 1)
    connection = Connection(refused)
    with pytest.raises(ServiceError) as caught:
        send(connection)
    assert (connection.calls, caught.value.retryable) == (2, True)
    connection = Connection(refused)
    with pytest.raises(ServiceError):
        send(connection, contents=[{"text": "a"}, {"image": "https://example.com/a.png"}])
    assert connection.calls == 1


def test_every_charge_is_told_usable_or_not():
    """Tokens of a garbled answer count beside those of the good one."""
    garbled = RequestFailure("MalformedAnswer", "one vector too few", status=200)
    garbled.tokens = (7, 0)
    assert send(Connection(garbled, GOOD))[1] == [(7, 0), (7, 0)]


def test_a_stopped_run_begins_no_attempt():
    """After stop() the waiting ends and nothing is sent."""
    connection = Connection(BUSY)
    sender = RequestSender(connection, Limiter(RateLimit()), Patience())
    sender.stop()
    with pytest.raises(CancelledError):
        sender.send([{"text": "a"}], tokens=1, on_charge=lambda *_: None)
    assert connection.calls == 0


def test_a_place_on_the_wire_is_free_before_the_answer_is_read():
    """With one place, the second request leaves when the first one's bytes are in, not when it has been parsed."""
    second_left = threading.Event()
    on_the_wire = []

    class Reading:
        def request(self, contents, *, on_done, **_):
            on_the_wire.append(contents)
            assert len(on_the_wire) == 1  # never two
            on_the_wire.clear()
            if contents[0]["text"] == "second":
                second_left.set()
            on_done()
            assert second_left.wait(timeout=60)  # while it reads, the other one must be able to leave
            return GOOD

    sender = RequestSender(Reading(), Limiter(RateLimit()), Patience(), at_once=1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(sender.send, [{"text": "first"}], tokens=1, on_charge=lambda *_: None)
        second = pool.submit(sender.send, [{"text": "second"}], tokens=1, on_charge=lambda *_: None)
        assert (first.result(), second.result()) == (GOOD, GOOD)


def test_stopping_wakes_who_waits_for_a_place():
    """A thread that has no place on the wire yet ends with the run."""
    entered, leave = threading.Event(), threading.Event()

    class Holding:
        def request(self, *_, **__):
            entered.set()
            assert leave.wait(timeout=60)
            return GOOD

    sender = RequestSender(Holding(), Limiter(RateLimit()), Patience(), at_once=1)
    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(sender.send, [{"text": "a"}], tokens=1, on_charge=lambda *_: None)
        assert entered.wait(timeout=60)
        waiting = pool.submit(sender.send, [{"text": "b"}], tokens=1, on_charge=lambda *_: None)
        sender.stop()
        with pytest.raises(CancelledError):
            waiting.result(timeout=60)
        leave.set()
        assert holding.result() == GOOD


def test_a_rate_that_leaves_no_room_is_an_error_that_says_so():
    """A budget that ends before the limiter lets the request leave."""
    clock = Clock()
    limiter = Limiter(RateLimit(requests_per_minute=1), clock=clock, wait=clock.wait)
    sender = RequestSender(Connection(GOOD), limiter, Patience(budget_seconds=10), clock=clock, wait=clock.wait)
    sender.send([{}], tokens=1, on_charge=lambda *_: None)
    with pytest.raises(ServiceError, match="requests_per_minute"):
        sender.send([{}], tokens=1, on_charge=lambda *_: None)


def test_options_hold_what_changes_a_vector_and_nothing_else():
    """Model, dimension, instruct, fps and further parameters are part of the cache's key; key and workers are not."""
    settings = {"dimension": 512, "instruct": "Retrieve", "fps": 0.5, "extra": {"res": 2}, "workers": 3}
    one = Embedder(model="qwen3-vl-embedding", api_key="sk-a", **settings).provider()
    assert one.options == {
        "model": "qwen3-vl-embedding",
        "dimension": 512,
        "instruct": "Retrieve",
        "fps": 0.5,
        "res": 2,
    }
    assert (one.space, one.dimension, one.workers) == ("qwen3-vl-embedding", 512, 3)
    assert "sk-a" not in repr(one)


def test_a_model_without_the_parameter_sends_no_dimension():
    """multimodal-embedding-v1 refuses it even with the right number."""
    one = Embedder(model="multimodal-embedding-v1", api_key="sk-a", dimension=1024).provider()
    assert "dimension" not in one.parameters
    assert one.options["dimension"] == 1024


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"extra": {"fps": 1}}, "place of its own"),
        ({"extra": {"headers": {}}}, "takes for itself"),
        ({"extra": {"a": float("nan")}}, "as JSON"),
        ({"extra": {"a": np.int64(1)}}, "as JSON"),
        ({"workers": 0}, "at least 1"),
        ({"dimension": 3}, "got dimension=3"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(options, message):
    """Before a session or a request."""
    with pytest.raises(ValueError, match=message):
        Embedder(model="qwen3-vl-embedding", api_key="sk-a", **options).provider()


def test_a_spec_of_ones_own_can_be_sent():
    """A model that the table does not know keeps its own limits."""
    spec = ModelSpec("tomorrow", dimensions=(2,), max_contents=3)
    one = Embedder(model=spec, api_key="sk-a").provider()
    assert one.plan([Content("text", text="a")] * 7) == [[0, 1, 2], [3, 4, 5], [6]]
