"""One account on several workers: its rate is kept and used, its places in flight come back from a dead worker."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from concurrent.futures import CancelledError

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

import mmembed.distributed  # noqa: F401  registers the accessor
from dashscope_server import DashScopeServer, RateLimits
from mmembed import Embedder
from mmembed.distributed.quota_book import QuotaBook
from mmembed.distributed.quota_client import LeasedLimiter, QuotaClient, leased_limiter
from mmembed.errors import MMEmbedError
from mmembed.providers.dashscope.limiter import RateLimit

KEY = "sk-lease-0123456789"
MODEL = "qwen3-vl-embedding"


def texts(n):
    return pd.DataFrame({"text": [f"第{number}条 review {number}" for number in range(n)]})


def served(tmp_path, monkeypatch, **settings):
    """Return a server whose address and key are in the environment, also of the workers that start from now on."""
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    return DashScopeServer(keys=(KEY,), keep_contents=False, **settings)


def test_the_accounts_rate_is_kept_and_used_by_two_workers(cluster, tmp_path, monkeypatch):
    """Five a second at the server, of both workers together: few are refused, and no worker waits for the other.

    Twice the rate would be refused at every other request, half of it would be one worker's share. How near to the rate
    the leases come is for the book's own tests, on a clock of theirs.
    """
    limits = RateLimits(requests_per_minute=300)
    with served(tmp_path, monkeypatch, limits=limits, latency=0.1) as server:
        names = {name: os.environ[name] for name in ("MMEMBED_CACHE_DIR", "DASHSCOPE_API_KEY")}
        names["DASHSCOPE_HTTP_BASE_URL"] = server.base_url
        cluster.run(exec, f"import os; os.environ.update({names!r})")
        embedder = Embedder(model=MODEL, dimension=256, requests_per_minute=300, tokens_per_minute=10**9)
        with cluster.as_current():
            out = dd.from_pandas(texts(600), npartitions=4).mmembed.embed("text", "text", embedder=embedder).compute()
        cluster.run(exec, f"import os; [os.environ.pop(name) for name in {list(names)!r}]")
        assert out["text_vector"].notna().all()
        assert server.bill.vectors == 600
        sent = server.embedding_requests
        assert sum(one.status == 429 for one in sent) <= len(sent) / 8
        waits = np.diff(np.sort([one.arrived for one in sent if one.status == 200]))
        assert np.median(waits) < 1.5 / 5, waits


def test_a_worker_killed_amid_embedding_costs_what_was_in_flight_on_it(tmp_path, monkeypatch):
    """The result is right, its leases come back, and what was answered before is not bought again."""
    from dask.distributed import Client, LocalCluster

    # As in conftest.py: workers of a busy machine take their time.
    long = {"distributed.comm.timeouts.connect": "300s", "distributed.comm.timeouts.tcp": "300s"}
    quiet = {"distributed.worker.daemon": True, **long}
    with served(tmp_path, monkeypatch, latency=0.05) as server, dask.config.set(quiet):
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", server.base_url)
        places = 6
        embedder = Embedder(
            model=MODEL, dimension=256, workers=places, requests_per_minute=60_000, tokens_per_minute=10**9
        )
        df = texts(1200)
        ddf = dd.from_pandas(df, npartitions=8).mmembed.embed("text", "text", embedder=embedder)
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs="ERROR") as workers,
            Client(workers, set_as_default=False) as client,
        ):
            future = client.compute(ddf)
            while server.bill.vectors < 500:
                assert future.status == "pending", future.exception()
                client.sync(asyncio.sleep, 0.01)  # other processes are at work; there is nothing to inject
            os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
            out = future.result(timeout=300)
            leases = client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.plugins["mmembed-quota"].book))
        looked_at = out.iloc[::5]
        right = [server.vector({"text": text}, MODEL, dimension=256) for text in looked_at["text"]]
        np.testing.assert_allclose(looked_at["text_vector"].mmembed.to_matrix(), np.array(right, np.float32), atol=1e-6)
        assert out["text"].tolist() == df["text"].tolist()
        assert out["text_vector"].notna().all()
        assert server.bill.distinct == 1200
        assert server.bill.vectors <= 1200 + places * 20
        assert server.most_at_once <= 2 * places  # those of the dead worker are answered still
        assert leases == 0


def test_a_scheduler_that_cannot_hold_the_coordinator_is_told_of():
    """Where the scheduler has no mmembed, or unpickles nothing, the error says what to do: no limit is left unkept."""
    from distributed.utils import LoopRunner

    class Worker:
        """What a line asks of a worker whose scheduler refuses plugins."""

        address = "tcp://127.0.0.1:1"

        def __init__(self, loop):
            self.loop, self.scheduler = loop, self

        async def register_scheduler_plugin(self, **_):
            raise ValueError("Cannot register a scheduler plugin as the scheduler has been explicitly disallowed.")

    runner = LoopRunner()
    runner.start()
    try:
        with pytest.raises(MMEmbedError, match=r"explicitly disallowed.*Install mmembed where the scheduler runs"):
            QuotaClient(Worker(runner.loop))
    finally:
        runner.stop()


class Exchange:
    """A line to a book in this process, on a clock that waiting turns on."""

    def __init__(self):
        self.now = 1000.0
        self.holder, self.salt = "worker", b"salt"
        self.book = QuotaBook(clock=lambda: self.now)

    def call(self, what, *, account, holder, limit, tokens):
        assert what == "lease"
        lease = self.book.lease(account, holder, RateLimit(*limit), tokens)
        return lease.number, lease.seconds, lease.is_throttled

    def notify(self, what, *, number, outcome, tokens, retry_after_seconds):
        assert what == "give-back"
        self.book.give_back(number, outcome, tokens=tokens, retry_after_seconds=retry_after_seconds)

    def wait(self, seconds, stop):
        if not stop.is_set():
            self.now += seconds


def limiter(line, limit):
    return LeasedLimiter(line, "account", limit, clock=lambda: line.now, wait=line.wait)


def test_requests_wait_for_their_leases_and_give_them_back():
    """Departures are a twentieth of a second apart; at the end of its block each lease is back."""
    line = Exchange()
    paced = limiter(line, RateLimit(1200))
    moments = []
    for _ in range(100):
        with paced.acquire(10) as permit:
            moments.append(line.now)
            permit.settle(12)
            permit.succeeded()
    assert len(line.book) == 0
    assert moments[-1] - moments[-21] == pytest.approx(1, rel=0.05)


def test_a_refusal_holds_back_until_the_time_named():
    """The pacer says that it is throttled, and waits for as long as the service asked."""
    line = Exchange()
    paced = limiter(line, RateLimit(1200))
    with paced.acquire() as permit:
        permit.throttled(20.0)
    begun = line.now
    with paced.acquire():
        assert paced.is_throttled
        assert line.now - begun >= 20


def test_a_departure_that_was_missed_is_let_go():
    """A process that stood still for seconds does not send all it had leave for at once; it asks anew."""
    line = Exchange()
    paced = limiter(line, RateLimit(600))
    paced.acquire().__exit__()
    paced._wait = lambda seconds, stop: line.wait(seconds + 5.0, stop)
    with paced.acquire() as permit:
        assert permit._number == 3  # the second was missed
        assert len(line.book) == 1


def test_a_stop_or_a_deadline_gives_the_lease_back():
    """Who cannot send holds nothing."""
    line = Exchange()
    paced = limiter(line, RateLimit(6))
    paced.acquire().__exit__()
    with pytest.raises(TimeoutError, match="after its deadline"):
        paced.acquire(deadline=line.now + 1)
    stop = threading.Event()
    line.wait = lambda seconds, stopped: stopped.set()  # noqa: ARG005  stopped while it waits
    with pytest.raises(CancelledError):
        limiter(line, RateLimit(60)).acquire(stop=stop)
    assert len(line.book) == 0


def test_what_leaves_the_worker_is_no_key():
    """Accounts are told apart by a hash with the scheduler's salt."""
    line = Exchange()
    one, other = (leased_limiter(line, key, "https://x", MODEL, RateLimit(60))._account for key in (KEY, "sk-other"))
    assert one != other
    assert KEY not in one
    line.salt = b"pepper"
    assert leased_limiter(line, KEY, "https://x", MODEL, RateLimit(60))._account != one
