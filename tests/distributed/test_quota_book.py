"""Leases, claims and bills of many workers, on a clock that the tests turn."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmembed.distributed.quota_book import QuotaBook
from mmembed.providers.dashscope.limiter import RateLimit


class Clock:
    """A clock that stands until it is turned."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def lease_all(book, clock, limit, *, workers, seconds, tokens=1.0):
    """Let each worker ask again as soon as it may; return when the requests left, by worker."""
    left = {worker: [] for worker in range(workers)}
    ask_at = dict.fromkeys(range(workers), clock.now)
    end = clock.now + seconds
    while min(ask_at.values()) < end:
        worker = min(ask_at, key=ask_at.get)
        clock.now = max(clock.now, ask_at[worker])
        lease = book.lease("account", f"worker {worker}", limit, tokens)
        ask_at[worker] = clock.now + max(lease.seconds, 0.001)
        if lease.number is not None:
            left[worker].append(clock.now + lease.seconds)
            book.give_back(lease.number, "succeeded")
    return left


@settings(max_examples=25, deadline=None)
@given(
    workers=st.integers(1, 9),
    requests=st.sampled_from([60, 120, 600, 1200]),
    tokens=st.sampled_from([None, 6_000]),
)
def test_no_second_has_more_than_the_account_may_and_nearly_all_is_used(workers, requests, tokens):
    """However many workers ask, each second keeps both limits, and after the start over 90 % of one is used."""
    clock = Clock()
    a_request = 5.0
    left = lease_all(
        QuotaBook(clock=clock), clock, RateLimit(requests, tokens), workers=workers, seconds=40, tokens=a_request
    )
    moments = sorted(moment for one in left.values() for moment in one)
    most = min(requests / 60, float("inf") if tokens is None else tokens / 60 / a_request)
    for first in moments:
        in_a_second = sum(first <= moment < first + 1 - 1e-6 for moment in moments)
        assert in_a_second <= max(1, most)
    settled = sum(1010 <= moment < 1040 for moment in moments)
    assert settled >= 0.9 * 30 * most


def test_places_in_flight_are_shared_and_those_of_a_dead_worker_come_back():
    """No more leases are out than allowed; what a worker held is free when it is gone, and only that."""
    book, limit = QuotaBook(clock=Clock()), RateLimit(60_000, at_once=3)
    held = [book.lease("account", name, limit, 1) for name in ("one", "one", "two")]
    assert all(lease.number for lease in held)
    refused = book.lease("account", "two", limit, 1)
    assert refused.number is None
    assert 0 < refused.seconds < 1
    book.forget("one")
    assert book.in_flight("account") == 1
    assert book.lease("account", "two", limit, 1).number is not None
    book.give_back(held[0].number, "succeeded")  # told late, by one who is thought dead
    assert book.in_flight("account") == 2


def test_a_refusal_of_one_worker_slows_all():
    """Retry-After holds for the account, and the next lease says that it is throttled."""
    book, limit = QuotaBook(clock=Clock()), RateLimit(600)
    lease = book.lease("account", "one", limit, 1)
    assert not lease.is_throttled
    book.give_back(lease.number, "throttled", retry_after_seconds=30.0)
    other = book.lease("account", "two", limit, 1)
    assert other.is_throttled
    assert other.number is None
    assert other.seconds > 20
    assert book.lease("another account", "two", limit, 1).number is not None


def test_a_content_is_claimed_by_one_and_free_when_its_worker_is_gone():
    """Several runs of a worker are told apart; a claim that is another's is not given back."""
    book = QuotaBook()
    assert book.take([b"a", b"b"], "one|1") == [True, True]
    assert book.take([b"b", b"c"], "one|2") == [False, True]
    book.give_back_claims([b"a", b"b"], "one|2")
    assert book.take([b"a"], "two|1") == [False]
    book.forget("one")
    assert book.take([b"a", b"b", b"c"], "two|1") == [True, True, True]


def test_a_bill_adds_up_what_all_paid():
    """Each run has its own."""
    book = QuotaBook()
    assert [book.bill("run", 0.5), book.bill("other", 1.0), book.bill("run", 0.25)] == [0.5, 1.0, pytest.approx(0.75)]
