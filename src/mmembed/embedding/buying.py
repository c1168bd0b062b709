"""Buying the vectors that are missing: batches over a thread pool, each stored as it arrives, none bought by two runs.

It keeps contents and vectors together by their number; rows, columns and what a bill is compared with are known
elsewhere.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mmembed.arrays import FloatMatrix
from mmembed.embedding.pricing import Budget
from mmembed.embedding.progress import progress_bar
from mmembed.embedding.shared_cache import Cache
from mmembed.embedding.sharing import ALONE, ClaimBook, Sharing
from mmembed.errors import ContentError, MMEmbedError
from mmembed.providers.protocol import Answer, Content, Provider, Session

_PATIENCE_SECONDS = 0.8  # for answers that still come after an interrupt
_LOOK_AGAIN_SECONDS = 0.1  # at what another run is buying


@dataclass
class Purchase:
    """What is bought so far: the matrix of distinct contents, NaN where there is none yet, and the running bill.

    Attributes
    ----------
    failures : dict of int to (ContentError, str or None)
        Why a content has no vector, and the request that said so.
    found : int
        How many contents another run bought meanwhile.
    """

    matrix: FloatMatrix
    failures: dict[int, tuple[ContentError, str | None]] = field(default_factory=dict)
    found: int = 0
    requests: int = 0
    tokens: int = 0
    cost: float = 0.0

    def note(self, batch: Sequence[int], outcome: _Outcome) -> None:
        """Put what came for a batch in its place and on the bill."""
        if outcome.found:
            self.matrix[[batch[one] for one in outcome.found]] = outcome.found_matrix
            self.found += len(outcome.found)
        if outcome.answer is None:
            return
        answer, sent = outcome.answer, [batch[one] for one in outcome.sent]
        self.matrix[sent] = answer.matrix
        self.failures.update({sent[one]: (error, answer.request_id) for one, error in answer.failures.items()})
        self.requests += 1
        self.tokens += answer.tokens
        self.cost += answer.cost


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a batch, by place in it: sent, found in the cache after all, or left to another run."""

    sent: list[int]
    answer: Answer | None = None
    found: list[int] = field(default_factory=list)
    found_matrix: FloatMatrix | None = None
    left: list[int] = field(default_factory=list)

    @property
    def cost(self) -> float:
        return 0.0 if self.answer is None else self.answer.cost


def buy(
    distinct: Sequence[Content],
    keys: Sequence[bytes],
    missing: Sequence[int],
    provider: Provider,
    *,
    cache: Cache | None,
    purchase: Purchase,
    budget: Budget | None = None,
    progress: bool | None = None,
    sharing: Sharing = ALONE,
) -> None:
    """Send what is missing and fill the purchase as answers come.

    What another run is buying at this moment, in this process or another one, is left to it and taken from the cache
    when it is there, or bought after all when that run gave it up.

    Parameters
    ----------
    distinct : sequence of Content
        All contents.
    keys : sequence of bytes
        Their keys in the cache.
    missing : sequence of int
        Which of them to buy.
    sharing : Sharing
        Whose claims are heeded, and who else spends the budget.

    Raises
    ------
    BudgetError
        When the bill reaches the budget.
    """
    market = _Market(distinct, keys, provider.dimension, cache, sharing.claims)
    queue, left = deque(market.batches(provider, missing)), list[int]()
    bar = progress_bar(len(missing), show=progress, unit="item")
    # A short queue: an interrupt then has little in flight, and answers do not pile up in memory; none beyond what is
    # in work where a budget may end the run at any answer.
    at_once = provider.threads * 2 if budget is None else provider.threads
    with provider.session() as session, bar, _pool(provider.threads) as pool:
        waiting: dict[Future[_Outcome], list[int]] = {}
        try:
            while queue or waiting or left:
                while len(waiting) < at_once and queue:
                    batch = queue.popleft()
                    waiting[pool.submit(market.ask, session, batch)] = batch
                if not waiting:
                    time.sleep(_LOOK_AGAIN_SECONDS)
                    queue, left = deque(market.batches(provider, left)), []
                    continue
                # The timeout lets Ctrl-C in on platforms where waiting for a lock cannot be interrupted.
                for future in wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED).done:
                    batch, outcome = waiting.pop(future), future.result()
                    purchase.note(batch, outcome)
                    left += [batch[one] for one in outcome.left]
                    bar.set_postfix_str(_so_far(purchase, session), refresh=False)
                    bar.update(len(batch) - len(outcome.left))
                    paid = purchase.cost if sharing.bill is None else sharing.bill(outcome.cost)
                    if budget is not None and (waiting or queue or left):
                        budget.check_bill(paid)
        except BaseException as error:
            for future in waiting:
                future.cancel()
            session.stop()
            interrupted = isinstance(error, KeyboardInterrupt)
            _note_late(waiting, purchase, seconds=_PATIENCE_SECONDS if interrupted else None)
            pool.shutdown(wait=False, cancel_futures=True)
            if interrupted:
                raise KeyboardInterrupt(_stopped(purchase, len(missing), kept=cache is not None)) from None
            raise


@dataclass(frozen=True)
class _Market:
    """Contents, their keys, and the cache where answers go."""

    distinct: Sequence[Content]
    keys: Sequence[bytes]
    dimension: int
    cache: Cache | None
    claims: ClaimBook | None = None

    def __post_init__(self) -> None:
        if self.cache is not None and self.claims is None:
            object.__setattr__(self, "claims", self.cache.claims())

    def batches(self, provider: Provider, numbers: Sequence[int]) -> list[list[int]]:
        """Return the contents of these numbers in batches for requests."""
        plan = provider.plan([self.distinct[one] for one in numbers])
        return [[numbers[one] for one in batch] for batch in plan]

    def ask(self, session: Session, batch: Sequence[int]) -> _Outcome:
        """Ask for one batch, but for what another run has bought meanwhile or is buying.

        Runs in a thread of the pool: also an answer that comes after an interrupt is stored.
        """
        if self.cache is None or self.claims is None:
            return _Outcome(list(range(len(batch))), self._answer(session, batch))
        is_own = self.claims.take([self.keys[one] for one in batch])
        own = [place for place, ours in enumerate(is_own) if ours]
        left = [place for place, ours in enumerate(is_own) if not ours]
        claimed = [self.keys[batch[place]] for place in own]
        try:
            # After the claim, so that no other run can buy it between this look and the request.
            matrix, is_found = self.cache.lookup(claimed, self.dimension)
            sent = [place for place, has in zip(own, is_found.tolist(), strict=True) if not has]
            found = [place for place, has in zip(own, is_found.tolist(), strict=True) if has]
            answer = self._answer(session, [batch[place] for place in sent]) if sent else None
        finally:
            self.claims.give_back(claimed)
        return _Outcome(sent, answer, found, matrix[is_found], left)

    def _answer(self, session: Session, batch: Sequence[int]) -> Answer:
        """Return the answer to a batch, checked and, since it is paid, already stored."""
        answer = session.embed([self.distinct[one] for one in batch])
        wanted = (len(batch), self.dimension)
        if answer.matrix.shape != wanted:
            raise MMEmbedError(
                f"The provider answered with shape {answer.matrix.shape} to a batch that needs {wanted}."
            )
        good: npt.NDArray[np.bool_] = np.atleast_1d(np.isfinite(answer.matrix).all(axis=1))
        if set(np.flatnonzero(~good).tolist()) != set(answer.failures):
            raise MMEmbedError("The provider's answer has rows that are neither finite nor explained.")
        if self.cache is not None and good.any():
            keys = [self.keys[one] for one, is_good in zip(batch, good.tolist(), strict=True) if is_good]
            self.cache.store(keys, answer.matrix[good])
        return answer


@contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Open a pool that is waited for at a good end only: after an error nobody wants to wait for a silent server."""
    pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="mmembed")
    yield pool
    pool.shutdown()


def _note_late(waiting: dict[Future[_Outcome], list[int]], purchase: Purchase, *, seconds: float | None) -> None:
    """Count the answers that still come."""
    for future in wait(waiting, timeout=seconds).done:
        if not future.cancelled() and future.exception() is None:
            purchase.note(waiting[future], future.result())


def _so_far(purchase: Purchase, session: Session) -> str:
    cost = f", {purchase.cost:.3g} CNY" if purchase.cost else ""
    return f"{purchase.requests} requests{cost}{', throttled' if session.throttled else ''}"


def _stopped(purchase: Purchase, wanted: int, *, kept: bool) -> str:
    where = "in the cache, and running again continues" if kept else "lost, since there is no cache"
    cost = f" for {purchase.cost:.4g} CNY" if purchase.cost else ""
    return (
        f"Stopped with {purchase.requests} requests answered{cost} of those that {wanted} contents need. "
        f"What was answered is {where}."
    )
