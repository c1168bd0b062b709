"""The quota book on the scheduler of ``distributed``, and how a worker gets there.

The scheduler outlives its workers and sees them die; an actor would die with the worker that it lives on.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from distributed.diagnostics.plugin import SchedulerPlugin
from distributed.utils import sync

from mmembed.distributed.quota_book import Outcome, QuotaBook
from mmembed.errors import MMEmbedError
from mmembed.providers.dashscope.limiter import RateLimit

if TYPE_CHECKING:
    from distributed import Scheduler, Worker

__all__ = ["Coordinator", "Line", "line_of"]

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


class Line:
    """A worker's line to the coordinator of its scheduler, for any thread of the worker.

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
        self.salt: bytes = self.ask("salt")

    def ask(self, what: str, **arguments: Any) -> Any:
        """Ask and wait for the answer."""
        worker = self._living()
        return sync(worker.loop, getattr(worker.scheduler, f"{_NAME}-{what}"), **arguments)

    def tell(self, what: str, **arguments: Any) -> None:
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


_lines: weakref.WeakKeyDictionary[Any, Line] = weakref.WeakKeyDictionary()


def line_of(worker: Worker, *, make: Callable[[Worker], Line] = Line) -> Line:
    """Return the worker's line, made when it is first asked for."""
    line = _lines.get(worker)
    if line is None:
        line = _lines[worker] = make(worker)
    return line
