"""Where a task runs and what it therefore shares: limits, claims and bill of a cluster, or of this process."""

from __future__ import annotations

import multiprocessing
import threading
import uuid
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mmembed.cache.local import CacheWarning
from mmembed.cache.shared import SharedCache
from mmembed.distributed.embed_job import EmbedJob
from mmembed.embedding.pipeline import Sharing
from mmembed.providers.dashscope.limiter import RateLimit

if TYPE_CHECKING:
    from distributed.worker import Worker

__all__ = ["Allowance", "sharing_here", "warn_here", "warn_of_several_hosts", "worker_here"]

_bills: dict[str, float] = {}
_told: list[int] = []
_lock = threading.Lock()


@dataclass(frozen=True)
class Allowance:
    """What the partitions of one run may cost together, and what each will likely cost, in CNY."""

    run: str
    max_cost: float
    likely: list[float] = field(repr=False)

    def part(self, partition: int) -> float:
        """Return a partition's part of the whole: all parts make the whole."""
        total = sum(self.likely)
        return self.max_cost * (self.likely[partition] / total if total else 1 / len(self.likely))


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
    from mmembed.distributed.coordinator import line_of
    from mmembed.distributed.leased_limiter import ClusterClaims, LeasedLimiter, leased_limiter

    def limiters(api_key: str, address: str, model: str, limit: RateLimit) -> LeasedLimiter:
        return leased_limiter(line_of(worker), api_key, address, model, limit)

    def bill(cost: float) -> float:
        assert allowance is not None  # noqa: S101 - else nobody asks
        return float(line_of(worker).ask("bill", run=allowance.run, cost=cost))

    claims = None
    if job.deduplicate == "global" and job.embedder.spec.provider != "local":
        cache, line = job.embedder.open_cache(), line_of(worker)
        if isinstance(cache, SharedCache):
            claims = ClusterClaims(line, cache.refresh)
        else:  # the claims of its folder hold, also for processes outside the cluster
            warn_of_several_hosts(line.ask("hosts"))
    return Sharing(limiters=limiters, claims=claims, bill=None if allowance is None else bill)


def warn_of_several_hosts(hosts: int) -> None:
    """Warn, once in this process, that a cache of each machine does not keep others from buying the same."""
    if hosts > 1 and not _told:
        _told.append(hosts)
        warn_here(
            f"The workers are on {hosts} machines, each with a cache of its own: equal contents may be bought on each. "
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
