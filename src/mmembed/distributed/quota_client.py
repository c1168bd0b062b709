"""The quota book on the scheduler of ``distributed``, and the worker's client that asks it.

The scheduler outlives its workers and sees them die; an actor would die with the worker that it lives on. A task shares
limits, claims and the bill with its cluster, or with its process where there is none.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import pickle
import threading
import time
import uuid
import warnings
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Protocol, Self

from distributed.diagnostics.plugin import SchedulerPlugin
from distributed.utils import sync

from mmembed.cache.local import CacheWarning
from mmembed.cache.shared import SharedCache
from mmembed.distributed.embed_job import Allowance, EmbedJob
from mmembed.distributed.quota_book import Outcome, QuotaBook
from mmembed.embedding.pipeline import Sharing
from mmembed.errors import MMEmbedError
from mmembed.providers.dashscope.limiter import RateLimit

if TYPE_CHECKING:
    from distributed.worker import Worker

    from distributed import Scheduler

__all__ = [
    "Allowance",
    "ClusterClaims",
    "Coordinator",
    "LeasedLimiter",
    "QuotaClient",
    "client_of",
    "leased_limiter",
    "sharing_here",
    "warn_here",
    "warn_of_several_hosts",
    "worker_here",
]

_NAME = "mmembed-quota"


class Coordinator(SchedulerPlugin):
    """Answers the workers' questions from one quota book; what a worker held comes back when it is gone."""

    name = _NAME
    idempotent = True

    async def start(self, scheduler: Scheduler) -> None:
        """Begin a book, and a salt that makes worthless what is kept of keys."""
        self.book = QuotaBook()
        self._salt = os.urandom(16)
        scheduler.handlers.update(
            {
                f"{_NAME}-salt": self._get_salt,
                f"{_NAME}-lease": self._lease,
                f"{_NAME}-give-back": self._give_back,
                f"{_NAME}-take": self._take,
                f"{_NAME}-give-back-claims": self.book.give_back_claims,
                f"{_NAME}-bill": self.book.bill,
                f"{_NAME}-hosts": lambda: len({worker.host for worker in scheduler.workers.values()}),
            }
        )

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: Any) -> None:  # noqa: ARG002  Dask's interface
        """Take back what the worker held."""
        self.book.forget(worker)

    def _get_salt(self) -> bytes:
        return self._salt

    def _lease(self, account: str, holder: str, limit: Sequence[Any], tokens: float) -> tuple[int | None, float, bool]:
        lease = self.book.lease(account, holder, RateLimit(*limit), tokens)
        return lease.number, lease.seconds, lease.is_throttled

    def _take(self, keys: Sequence[bytes], holder: str) -> tuple[list[bool], bool]:
        return self.book.take(keys, holder), self.book.are_new_elsewhere(keys, holder)

    def _give_back(
        self, number: int, outcome: Outcome, tokens: float | None, retry_after_seconds: float | None
    ) -> None:
        self.book.give_back(number, outcome, tokens=tokens, retry_after_seconds=retry_after_seconds)


class QuotaClient:
    """A worker's client of the coordinator on its scheduler, for any thread of the worker.

    Parameters
    ----------
    worker : distributed.Worker
        Whose it is; the coordinator is set up when the first worker asks for it.

    Raises
    ------
    MMEmbedError
        If the scheduler cannot hold the coordinator.
    """

    def __init__(self, worker: Worker) -> None:
        self.holder = worker.address
        self._worker = weakref.ref(worker)
        try:
            plugin = pickle.dumps(Coordinator())
            sync(worker.loop, worker.scheduler.register_scheduler_plugin, plugin=plugin, name=_NAME, idempotent=True)
        except (ImportError, ValueError) as error:
            raise MMEmbedError(
                f"The scheduler cannot share the account's limits among the workers: {error}. Install mmembed where "
                "the scheduler runs, in the version of the workers, and leave distributed.scheduler.pickle on."
            ) from error
        self.salt: bytes = self.call("salt")

    def call(self, what: str, **arguments: Any) -> Any:
        """Ask and wait for the answer."""
        worker = self._living()
        return sync(worker.loop, getattr(worker.scheduler, f"{_NAME}-{what}"), **arguments)

    def notify(self, what: str, **arguments: Any) -> None:
        """Say something without waiting; if the scheduler is gone, nobody needs to know it."""
        worker = self._living()

        async def send() -> None:
            with contextlib.suppress(OSError):
                await getattr(worker.scheduler, f"{_NAME}-{what}")(**arguments)

        worker.loop.add_callback(send)

    def _living(self) -> Worker:
        worker = self._worker()
        if worker is None:
            raise MMEmbedError("The Dask worker of this run is gone.")
        return worker


_clients: weakref.WeakKeyDictionary[Any, QuotaClient] = weakref.WeakKeyDictionary()


def client_of(worker: Worker, *, make: Callable[[Worker], QuotaClient] = QuotaClient) -> QuotaClient:
    """Return the worker's client, made when it is first asked for."""
    client = _clients.get(worker)
    if client is None:
        client = _clients[worker] = make(worker)
    return client


_LATEST_SECONDS = 0.25  # after its time a departure is let go

_SHORTEST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.005, 0.5  # until it asks again


class Exchange(Protocol):
    """The client of the coordinator; see :class:`mmembed.distributed.quota_client.QuotaClient`."""

    holder: str
    salt: bytes

    def call(self, what: str, **arguments: Any) -> Any:
        """Ask and wait for the answer."""
        ...

    def notify(self, what: str, **arguments: Any) -> None:
        """Say something without waiting."""
        ...


def leased_limiter(client: Exchange, api_key: str, address: str, model: str, limit: RateLimit) -> LeasedLimiter:
    """Return what paces the requests of an account; only a hash of the key, salted by the scheduler, leaves here."""
    digest = hashlib.blake2b(f"{api_key}\0{address}\0{model}".encode(), key=client.salt, digest_size=16)
    return LeasedLimiter(client, digest.hexdigest(), limit)


class LeasedLimiter:
    """Lets each request leave when the coordinator has leased it a departure; a ``Pacer``.

    Parameters
    ----------
    client : Exchange
        Of the coordinator.
    account : str
        Names account, address and model.
    limit : RateLimit
        What the service allows all workers together.
    clock, wait : callable
        As in :class:`mmembed.providers.dashscope.limiter.Limiter`.
    """

    def __init__(
        self,
        client: Exchange,
        account: str,
        limit: RateLimit,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float, threading.Event], None] | None = None,
    ) -> None:
        self._client = client
        self._account = account
        self._limit = limit
        self._clock = clock
        self._wait = wait or (lambda seconds, stop: stop.wait(seconds) and None)
        self._is_throttled = False

    @property
    def is_throttled(self) -> bool:
        """Whether the service refused requests of any worker lately."""
        return self._is_throttled

    def acquire(
        self, tokens_estimate: float = 0, *, stop: threading.Event | None = None, deadline: float | None = None
    ) -> LeasedPermit:
        """Wait until a request may leave; as :meth:`mmembed.providers.dashscope.limiter.Limiter.acquire`."""
        stop = stop or threading.Event()
        limit = [self._limit.requests_per_minute, self._limit.tokens_per_minute, self._limit.at_once]
        while True:
            if stop.is_set():
                raise CancelledError("The wait for the rate limit was stopped.")
            number, seconds, self._is_throttled = self._client.call(
                "lease", account=self._account, holder=self._client.holder, limit=limit, tokens=tokens_estimate
            )
            permit = None if number is None else LeasedPermit(self._client, number)
            if deadline is not None and self._clock() + seconds > deadline:
                if permit is not None:
                    permit.__exit__()
                raise TimeoutError(f"The rate limit lets this request leave in {seconds:.1f} s, after its deadline.")
            if permit is None:
                self._wait(min(max(seconds, _SHORTEST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS), stop)
                continue
            leaves_at = self._clock() + seconds
            if seconds > 0:
                self._wait(seconds, stop)
            if stop.is_set():
                permit.__exit__()
                raise CancelledError("The wait for the rate limit was stopped.")
            if self._clock() <= leaves_at + _LATEST_SECONDS:
                return permit
            permit.__exit__()  # a process that stood still would send all it had leave for at one moment


class LeasedPermit:
    """The right to send one request; what became of it is told when the block ends."""

    def __init__(self, client: Exchange, number: int) -> None:
        self._client = client
        self._number = number
        self._outcome: Outcome = "failed"
        self._tokens: float | None = None
        self._retry_after_seconds: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.notify(
            "give-back",
            number=self._number,
            outcome=self._outcome,
            tokens=self._tokens,
            retry_after_seconds=self._retry_after_seconds,
        )

    def settle(self, actual_tokens: float) -> None:
        """Replace the estimate by the tokens that the service counted."""
        self._tokens = actual_tokens

    def succeeded(self) -> None:
        """Say that the request was let through."""
        self._outcome = "succeeded"

    def throttled(self, retry_after_seconds: float | None = None) -> None:
        """Say that the request was refused for its rate."""
        self._outcome, self._retry_after_seconds = "throttled", retry_after_seconds


class ClusterClaims:
    """Claims of one run on contents, among those of all workers; a ``ClaimBook``.

    Parameters
    ----------
    client : Exchange
        Of the coordinator.
    look : callable
        Looks into the cache for what others have stored; called when one of them has lately embedded what is claimed.
    """

    def __init__(self, client: Exchange, look: Callable[[], None]) -> None:
        self._client = client
        self._look = look
        self._holder = f"{client.holder}|{uuid.uuid4().hex}"

    def take(self, keys: Sequence[bytes]) -> list[bool]:
        """Claim keys; return for each whether it is this run's now."""
        is_own, are_new_elsewhere = self._client.call("take", keys=list(keys), holder=self._holder)
        if are_new_elsewhere:
            self._look()
        return list(is_own)

    def give_back(self, keys: Sequence[bytes]) -> None:
        """End the claims; waited for, so that whoever takes them next finds what was embedded."""
        self._client.call("give-back-claims", keys=list(keys), holder=self._holder)


_bills: dict[str, float] = {}

_told: list[int] = []

_lock = threading.Lock()


def worker_here() -> Worker | None:
    """Return the worker of ``distributed`` whose task this is, or None."""
    try:
        from distributed import get_worker
    except ImportError:
        return None
    try:
        return get_worker()
    except ValueError:
        return None


def sharing_here(job: EmbedJob, allowance: Allowance | None, partition: int) -> tuple[Sharing, float | None]:
    """Return what a run of this task shares, and the most that it may cost."""
    worker = worker_here()
    if worker is not None:
        return _sharing_of(worker, job, allowance), None if allowance is None else allowance.max_cost
    if allowance is None:
        return Sharing(), None
    if multiprocessing.parent_process() is not None:
        # Other processes pay on their own, and no one adds it up.
        own = f"{allowance.run} {uuid.uuid4().hex}"
        return Sharing(bill=lambda cost: _add(own, cost)), allowance.part(partition)
    return Sharing(bill=lambda cost: _add(allowance.run, cost)), allowance.max_cost


def _sharing_of(worker: Worker, job: EmbedJob, allowance: Allowance | None) -> Sharing:
    key = worker.get_current_task()

    def is_wanted() -> bool:  # Dask lets a task run on whose job has failed or was cancelled
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    def limiters(api_key: str, address: str, model: str, limit: RateLimit) -> LeasedLimiter:
        return leased_limiter(client_of(worker), api_key, address, model, limit)

    def bill(cost: float) -> float:
        assert allowance is not None  # noqa: S101 - else nobody asks
        return float(client_of(worker).call("bill", run=allowance.run, cost=cost))

    claims = None
    if job.deduplicate == "global" and job.embedder.spec.provider == "dashscope":
        cache, client = job.embedder.open_cache(), client_of(worker)
        if isinstance(cache, SharedCache):
            claims = ClusterClaims(client, cache.refresh)
        else:  # the claims of its folder hold, also for processes outside the cluster
            warn_of_several_hosts(client.call("hosts"))
    return Sharing(limiters=limiters, claims=claims, bill=None if allowance is None else bill, is_wanted=is_wanted)


def warn_of_several_hosts(hosts: int) -> None:
    """Warn, once in this process, that a cache of each machine does not keep others from paying for the same."""
    if hosts > 1 and not _told:
        _told.append(hosts)
        warn_here(
            f"The workers are on {hosts} machines, each with a cache of its own: equal contents may be "
            "paid for on each. "
            "Give them one cache, Embedder(cache='s3://…'), or say deduplicate='partition'.",
            CacheWarning,
        )


def _add(account: str, cost: float) -> float:
    with _lock:
        _bills[account] = _bills.get(account, 0.0) + cost
        return _bills[account]


def warn_here(message: str, category: type[Warning]) -> None:
    """Warn where the user sees it: a worker of ``distributed`` tells the client."""
    if worker_here() is None:
        warnings.warn(message, category, stacklevel=2)
    else:
        import distributed

        distributed.warn(message, category)
