"""The server that stands in for DashScope limits how fast it is asked."""

from __future__ import annotations

import threading

from dashscope_server import DashScopeServer, Exchange, RateLimits
from dashscope_server.calling import ask, call
from dashscope_server.limits import RateLimiter

FIRST = "multimodal-embedding-v1"


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        """Return the seconds that the test set."""
        return self.now


def admitted(limiter, limits, tokens=1, account="a", model="m"):
    """Return the code of the refusal, or None."""
    refusal = limiter.admit(account, model, limits, tokens)
    return None if refusal is None else refusal.code


def test_requests_are_limited_by_the_second_and_the_minute():
    """A sixtieth of the minute's requests passes in any second; refused ones count for nothing; accounts are apart."""
    clock = Clock()
    limiter, limits = RateLimiter(clock), RateLimits(requests_per_minute=120)
    assert [admitted(limiter, limits) for _ in range(3)] == [None, None, "Throttling.RateQuota"]
    assert admitted(limiter, limits, account="b") is None
    clock.now += 0.99
    assert admitted(limiter, limits) == "Throttling.RateQuota"
    clock.now += 0.01
    assert admitted(limiter, limits) is None
    slow = RateLimits(requests_per_minute=4)
    passed = []
    for _ in range(61):
        passed.append(admitted(limiter, slow, model="other") is None)
        clock.now += 1
    assert passed == [True] * 4 + [False] * 56 + [True]


def test_aligned_seconds_begin_anew_with_the_clock():
    """With aligned windows, the share of a second is there again when the next whole second begins."""
    clock = Clock()
    limiter, limits = RateLimiter(clock), RateLimits(requests_per_minute=60, aligned=True)
    clock.now = 200.9
    assert [admitted(limiter, limits), admitted(limiter, limits)] == [None, "Throttling.RateQuota"]
    clock.now = 201.0
    assert admitted(limiter, limits) is None


def test_tokens_are_limited_and_a_large_request_passes_once():
    """A request larger than the share of a second is let in when nothing else was, and then blocks the second."""
    clock = Clock()
    limiter, limits = RateLimiter(clock), RateLimits(tokens_per_minute=600_000)
    assert [admitted(limiter, limits, tokens=32_000), admitted(limiter, limits)] == [None, "Throttling.AllocationQuota"]
    clock.now += 1
    assert admitted(limiter, limits, tokens=9_999) is None
    assert admitted(limiter, limits, tokens=9_999) is None
    assert admitted(limiter, limits) == "Throttling.AllocationQuota"


def test_a_sudden_rise_is_refused_as_a_burst():
    """More requests at once than the burst allows are refused with a code of their own, and a Retry-After if set."""
    clock = Clock()
    limiter, limits = RateLimiter(clock), RateLimits(burst_requests=2, burst_seconds=0.1, retry_after=1.5)
    assert [admitted(limiter, limits) for _ in range(3)] == [None, None, "Throttling.BurstRate"]
    assert limiter.admit("a", "m", limits, 1).headers == (("Retry-After", "1.5"),)
    clock.now += 0.1
    assert admitted(limiter, limits) is None


def test_the_server_throttles_each_model_as_published():
    """Over HTTP, the third request within a second to a model of 120 a minute gets 429 and is not charged."""
    clock = Clock()
    with DashScopeServer(limits="documented", clock=clock) as server:
        statuses = [call(server, [{"text": "a"}], FIRST).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert call(server, [{"text": "a"}]).status_code == 200
        clock.now += 1
        assert call(server, [{"text": "a"}], FIRST).status_code == 200
        assert server.bill.vectors == 4


def test_latency_holds_requests_side_by_side():
    """Requests that take their time are in work together, each with the latency that the server is given for it."""
    together = threading.Barrier(4)

    def latency(exchange: Exchange) -> float:
        together.wait(timeout=60)
        return 0.01 * exchange.number

    with DashScopeServer(latency=latency) as server:
        threads = [threading.Thread(target=ask, args=(server, ["a"])) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.most_at_once == 4
        assert len(server.embedding_requests) == 4
