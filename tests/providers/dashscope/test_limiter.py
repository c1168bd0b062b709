"""The limiter keeps to the limits, finds the pace a service bears, and stops waiting when told."""

import itertools
import os
import random
import subprocess
import sys
import threading
from concurrent.futures import CancelledError

import pytest

from mmembed.providers.dashscope.limiter import Limiter, RateLimit, limiter_for
from providers.dashscope.virtual_time import VirtualTime, run_threads


class Alone:
    """A clock for one thread: waiting moves it on at once."""

    def __init__(self):
        self.now = 1000.0
        self.waited = []

    def clock(self):
        return self.now

    def wait(self, seconds, _stop):
        self.waited.append(seconds)
        self.now += seconds


def alone(**limit):
    time = Alone()
    return Limiter(RateLimit(**limit), clock=time.clock, wait=time.wait), time


def warm_up(limiter, time):
    """Let requests through for so long that the whole rate is used."""
    end = time.now + 5
    while time.now < end:
        with limiter.acquire() as permit:
            permit.succeeded()
        time.now += 0.01


class StrictServer:
    """Refuses what exceeds the requests or tokens of one second of its own clock, at once."""

    def __init__(self, time, *, requests, tokens, offset):
        self.time, self.requests, self.tokens, self.offset = time, requests, tokens, offset
        self.seconds = {}
        self.answered = self.refused = 0

    def accepts(self, tokens):
        second = self.seconds.setdefault(int(self.time.now + self.offset), [0, 0])
        if second[0] + 1 > self.requests or second[1] + tokens > self.tokens:
            self.refused += 1
            return False
        second[0] += 1
        second[1] += tokens
        self.answered += 1
        return True


def send_all(server, limiter, time, *, requests, workers, latency_seconds, tokens=0, seed=0):
    """Send so many requests from so many threads, each refused one again; return the seconds it took."""
    rng = random.Random(seed)  # noqa: S311 - a simulation
    left = [requests]

    def work(_number):
        while left[0] > 0:
            left[0] -= 1
            is_answered = False
            while not is_answered:
                with limiter.acquire(tokens) as permit:
                    time.wait(latency_seconds * rng.uniform(0.1, 0.5))  # on the way: arrivals are uneven
                    is_answered = server.accepts(tokens)
                    time.wait(latency_seconds * rng.uniform(0.1, 0.5))
                    if is_answered:
                        permit.settle(tokens)
                        permit.succeeded()
                    else:
                        permit.throttled()
                if not is_answered:
                    time.wait(rng.uniform(0, 1))

    run_threads(workers, work, time)
    return time.now


def simulate(
    limit, *, workers, latency_seconds, requests=400, tokens=0, seed=0, allowed_requests, allowed_tokens=float("inf")
):
    time = VirtualTime(workers)
    service = StrictServer(time, requests=allowed_requests, tokens=allowed_tokens, offset=0.37 * seed)
    limiter = Limiter(limit, clock=time.clock, wait=time.wait)
    seconds = send_all(
        service,
        limiter,
        time,
        requests=requests,
        workers=workers,
        latency_seconds=latency_seconds,
        tokens=tokens,
        seed=seed,
    )
    assert service.answered == requests
    assert limiter.in_flight == 0
    return seconds, service.refused, limiter


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("workers", "latency_seconds"), [(4, 0.25), (8, 0.05), (16, 0.25), (16, 0.5)])
def test_ten_requests_a_second_are_used_and_kept(workers, latency_seconds, seed):
    """400 requests at a strict ten a second end within 1.15 times the ideal 40 s, with under 2 % refused."""
    seconds, refused, _ = simulate(
        RateLimit(requests_per_minute=600),
        workers=workers,
        latency_seconds=latency_seconds,
        seed=seed,
        allowed_requests=10,
    )
    assert seconds <= 1.15 * 40
    assert refused < 0.02 * 400


@pytest.mark.parametrize(("documented", "most_refused"), [(1200, 0.02), (None, 0.02), (2400, 0.08)])
def test_a_limit_lower_than_documented_is_found(documented, most_refused):
    """At ten a second, a limiter told twice as much or nothing loses under 2 % to refusals, and little time."""
    shares = []
    for seed in range(3):
        seconds, refused, limiter = simulate(
            RateLimit(requests_per_minute=documented), workers=8, latency_seconds=0.25, allowed_requests=10, seed=seed
        )
        shares.append(refused / 400)
        assert seconds <= 1.15 * 40
        assert limiter.is_throttled or documented is None
    assert sum(shares) / 3 <= most_refused


def test_late_arrivals_slow_it_down_only_as_far_as_they_must():
    """With a second of latency, and arrivals up to 0.4 s apart, ten a second cannot all be used: nine can."""
    outcomes = [
        simulate(RateLimit(requests_per_minute=600), workers=16, latency_seconds=1.0, allowed_requests=10, seed=seed)
        for seed in range(3)
    ]
    assert sum(seconds for seconds, _, _ in outcomes) / 3 <= 1.16 * 40
    assert sum(refused for _, refused, _ in outcomes) / 3 <= 0.02 * 400


def test_a_limit_given_anew_forgets_what_was_learned():
    """Another limit begins like a new one; the same one again changes nothing."""
    limiter, time = alone(requests_per_minute=600)
    warm_up(limiter, time)
    with limiter.acquire() as permit:
        permit.throttled()
    learned = repr(limiter)
    limiter.limit = RateLimit(600)
    assert repr(limiter) == learned
    limiter.limit = RateLimit(1200)
    assert "50% of the rate" in repr(limiter)
    assert not limiter.is_throttled


@pytest.mark.parametrize("tokens", [40, 100, 400])
def test_tokens_of_each_second_are_kept(tokens):
    """No second has more tokens than a sixtieth of the limit, and no request is refused for them."""
    seconds, refused, _ = simulate(
        RateLimit(tokens_per_minute=60_000),
        workers=8,
        latency_seconds=0.02,
        requests=150,
        tokens=tokens,
        allowed_requests=10**9,
        allowed_tokens=1000,
    )
    in_a_second = 1000 // tokens
    assert refused <= 2
    assert seconds <= 1.2 * 150 / in_a_second


def test_requests_leave_evenly():
    """At ten a second there is about a tenth of a second between any two requests."""
    limiter, time = alone(requests_per_minute=600)
    warm_up(limiter, time)
    moments = []
    for _ in range(50):
        with limiter.acquire():
            moments.append(time.now)
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert min(gaps) == pytest.approx(max(gaps))
    assert 0.1 <= gaps[0] <= 0.104


def test_the_start_is_smoothed():
    """The first second has about half the requests of a full one, and the rate rises over two more."""
    limiter, time = alone(requests_per_minute=6000)
    counts = {}
    while time.now < 1006:
        with limiter.acquire() as permit:
            counts[int(time.now)] = counts.get(int(time.now), 0) + 1
            permit.succeeded()
    by_second = [counts[second] for second in sorted(counts)]
    assert 45 <= by_second[0] <= 70
    assert by_second == sorted(by_second[:3]) + by_second[3:]
    assert 95 <= by_second[4] <= 100


def test_without_a_limit_the_pace_soon_does_not_matter():
    """It begins at ten a second, since a burst may be refused, and doubles every other second."""
    limiter, time = alone()
    counts = {}
    while time.now < 1014:
        with limiter.acquire(10**6) as permit:
            counts[int(time.now)] = counts.get(int(time.now), 0) + 1
            permit.succeeded()
    assert 10 <= counts[1000] <= 14
    assert counts[1013] > 50 * counts[1000]
    assert not limiter.is_throttled


def test_a_request_of_more_than_a_seconds_tokens_leaves_alone():
    """It is not refused for ever: it leaves, and the next waits until the average is right again."""
    limiter, time = alone(tokens_per_minute=60_000)
    warm_up(limiter, time)
    moments = []
    for _ in range(4):
        with limiter.acquire(5000):
            moments.append(time.now)
    assert moments[-1] - moments[-2] == pytest.approx(5 / 0.97)


def test_what_the_service_counted_replaces_the_estimate():
    """An estimate that was too high gives its time back, one that was too low takes it."""
    later_by = {}
    for actual in (100, 800, 3000):
        limiter, time = alone(requests_per_minute=600_000, tokens_per_minute=60_000)
        warm_up(limiter, time)
        time.now += 100
        with limiter.acquire(800) as permit:
            permit.settle(actual)
        start = time.now
        with limiter.acquire(800):
            later_by[actual] = time.now - start
    assert later_by[100] == pytest.approx(0, abs=0.001)
    assert later_by[800] == pytest.approx(1, abs=0.01)
    assert later_by[3000] > 2


def test_requests_in_flight_are_counted():
    """A request counts from when it leaves, whether or not its answer is there, and once."""
    limiter, time = alone(tokens_per_minute=60_000)
    warm_up(limiter, time)
    time.now += 100
    permits = [limiter.acquire(400), limiter.acquire(400)]
    start = time.now
    permits.append(limiter.acquire(400))
    assert time.now - start >= 0.9
    assert limiter.in_flight == 3
    for permit in permits:
        with permit:
            pass
    assert limiter.in_flight == 0


def test_a_permit_is_given_back_when_the_request_fails():
    """An exception amid a request does not leave it in flight for ever."""
    limiter, _ = alone(requests_per_minute=600)
    with pytest.raises(ConnectionError), limiter.acquire():
        raise ConnectionError
    assert limiter.in_flight == 0


def test_retry_after_is_honoured():
    """Nothing leaves before the time that the service named, and everything goes on after it."""
    limiter, time = alone(requests_per_minute=600)
    with limiter.acquire() as permit:
        permit.throttled(retry_after_seconds=30)
    assert limiter.is_throttled
    start = time.now
    with limiter.acquire():
        assert 30 <= time.now - start < 31


def test_a_burst_of_refusals_lowers_the_rate_once():
    """Twenty refusals of requests that were in flight together count as one."""
    rates = []
    for refusals in (1, 20):
        limiter, time = alone(requests_per_minute=6000)
        warm_up(limiter, time)
        permits = [limiter.acquire() for _ in range(20)]
        for permit in permits[:refusals]:
            with permit:
                permit.throttled()
        limiter.acquire()
        time.waited.clear()
        limiter.acquire()
        rates.append(1 / sum(time.waited))
    assert rates[0] == pytest.approx(rates[1])
    assert rates[0] < 97


def test_the_rate_rises_again_after_refusals():
    """When the service refuses no more, the whole rate is back within two minutes."""
    limiter, time = alone(requests_per_minute=600)
    warm_up(limiter, time)
    end = time.now + 20
    while time.now < end:
        with limiter.acquire() as permit:
            permit.throttled()
    assert limiter.is_throttled
    end = time.now + 120
    while time.now < end:
        with limiter.acquire() as permit:
            permit.succeeded()
    assert not limiter.is_throttled
    start = time.now
    for _ in range(20):
        with limiter.acquire():
            pass
    assert time.now - start < 2.2


def test_a_stop_ends_the_waiting():
    """A set event ends the wait of every thread at once, however long it would have been, and nothing leaves."""
    limiter = Limiter(RateLimit(requests_per_minute=0.01))
    with limiter.acquire() as permit:
        permit.throttled(retry_after_seconds=10_000)
    stop = threading.Event()
    stopped = []

    def work():
        with pytest.raises(CancelledError):
            limiter.acquire(stop=stop)
        stopped.append(True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    stop.set()
    for thread in threads:
        thread.join(timeout=60)
    assert len(stopped) == 4
    assert limiter.in_flight == 0


def test_a_deadline_that_cannot_be_met_is_told_at_once():
    """Rather than wait in vain, the error says how long it would take; the place in the queue is given up."""
    limiter, time = alone(requests_per_minute=6)
    limiter.acquire()
    with pytest.raises(TimeoutError, match="after its deadline"):
        limiter.acquire(deadline=time.now + 5)
    assert time.waited == []
    limiter.acquire(deadline=time.now + 60)


def test_one_limiter_for_each_account_region_and_model():
    """Frames and threads with the same key, region and model share one; a new limit takes effect."""
    one = limiter_for("key", "beijing", "model", RateLimit(600))
    assert limiter_for("key", "beijing", "model", RateLimit(60)) is one
    assert one.limit == RateLimit(60)
    others = [("key 2", "beijing", "model"), ("key", "singapore", "model"), ("key", "beijing", "model 2")]
    assert len({id(limiter_for(*other, RateLimit(600))) for other in others} | {id(one)}) == 4


def test_the_key_is_kept_nowhere():
    """Neither the limiter nor the registry holds the API key or shows it."""
    secret = "sk-0123456789abcdef"  # noqa: S105 - invented
    limiter = limiter_for(secret, "beijing", "model", RateLimit(600))
    from mmembed.providers.dashscope import limiter as module

    shown = repr(limiter) + repr(vars(limiter)) + repr(vars(module._registry)) + repr(vars(module))
    assert secret not in shown


@pytest.mark.parametrize("name", ["requests_per_minute", "tokens_per_minute"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_that_lets_nothing_through_is_refused(name, value):
    """Zero, negative and NaN limits are refused by name."""
    with pytest.raises(ValueError, match=name):
        RateLimit(**{name: value})


FORKING = """
import os, threading
from mmembed.providers.dashscope.limiter import RateLimit, limiter_for

limiter = limiter_for("key", "beijing", "model", RateLimit(60_000))
stop = threading.Event()

def send():
    while not stop.is_set():
        with limiter.acquire() as permit:
            permit.succeeded()

threads = [threading.Thread(target=send) for _ in range(4)]
for thread in threads:
    thread.start()
children = []
for _ in range(10):
    child = os.fork()
    if child == 0:
        same = limiter_for("key", "beijing", "model", RateLimit(60_000))
        with same.acquire():
            os._exit(0 if same is limiter and same.in_flight == 1 else 1)
    children.append(child)
codes = [os.waitpid(child, 0)[1] for child in children]
stop.set()
for thread in threads:
    thread.join()
assert codes == [0] * 10, codes
assert limiter.in_flight == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")
def test_a_fork_amid_requests_leaves_a_working_limiter():
    """A child forked while threads hold permits neither hangs nor counts the parent's requests."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", FORKING], check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
