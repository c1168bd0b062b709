"""The straight line: contents → deduplicate → cache → batches → provider → cache → vectors by column.

It keeps rows and vectors together by number: what is missing goes in batches over a thread pool, each answer is stored
as it arrives, and no content is sent by two runs. What a cell means, how a provider works and how long it retries is
known elsewhere. A run shares the account's limits, the claims on contents and the money that may be spent with other
runs: by default with those of this process (limits) and of this machine (claims); a run over several machines brings
its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed._progress import progress_bar
from mmembed.arrays import FloatMatrix
from mmembed.cache.claims import ClaimBook
from mmembed.cache.shared import Cache
from mmembed.contents.content import Content, Read
from mmembed.embedding.lookup import keys_of, look_up
from mmembed.errors import ContentError, MMEmbedError, ServiceError
from mmembed.providers.costs import Budget, amount
from mmembed.providers.dashscope.limiter import LimiterSource, limiter_for
from mmembed.providers.protocol import Answer, PartwiseSession, Provider, Session


@dataclass(frozen=True)
class Failure:
    """Why one row of one column has no vector."""

    position: int
    column: int
    error: ContentError
    request_id: str | None = None


@dataclass(frozen=True)
class Bill:
    """What a run took.

    Attributes
    ----------
    rows, cells, missing : int
        Rows of the frame; cells that hold something, of all columns; cells that are empty.
    unique, cached : int
        Distinct contents in the cells; those of them that the cache already had.
    requests, tokens : int
        Batches sent, and tokens the service counted, or their likely number where its answer did not say.
    cost : float
        CNY.
    cost_otherwise : float
        Likely price in CNY of the same cells without cache and deduplication.
    seconds : float
        Wall time.
    """

    rows: int = 0
    unique: int = 0
    cached: int = 0
    requests: int = 0
    tokens: int = 0
    cost: float = 0.0
    cost_otherwise: float = 0.0
    seconds: float = 0.0
    cells: int = 0
    missing: int = 0


@dataclass(frozen=True)
class Embedded:
    """The outcome for some columns: matrices ``(n, d)`` with NaN where there is no vector, failures, bill."""

    matrices: list[FloatMatrix]
    failures: list[Failure]
    bill: Bill


@dataclass(frozen=True)
class Sharing:
    """What a run shares, and with whom.

    Attributes
    ----------
    limiters : callable
        Gives the pacer of an account and model; by default the one of this process.
    claims : ClaimBook, optional
        Claims on contents; by default those of the cache's folder.
    bill : callable, optional
        Is told what each answer cost, in CNY, and returns what all who share ``max_cost`` have paid so far; by default
        only this run does. Where it is given, whoever gives it has checked the price of the whole.
    is_wanted : callable, optional
        Whether anybody still waits for the vectors; a run that nobody waits for ends, and pays for no more rows.
    """

    limiters: LimiterSource = limiter_for
    claims: ClaimBook | None = None
    bill: Callable[[float], float] | None = None
    is_wanted: Callable[[], bool] | None = None

    def check_wanted(self) -> None:
        """Raise CancelledError if nobody waits for the vectors any more."""
        if self.is_wanted is not None and not self.is_wanted():
            raise CancelledError("The job that these contents belong to has ended.")


ALONE = Sharing()


def embed_columns(
    columns: Sequence[Sequence[Read]],
    provider: Provider,
    cache: Cache | None,
    *,
    budget: Budget | None = None,
    progress: bool | None = None,
    sharing: Sharing = ALONE,
) -> Embedded:
    """Embed the read contents of one or several columns in one plan.

    Equal contents are sent once, across rows and columns. Every answer is stored before the next is waited for, so
    that whatever ends the run early, what was answered is kept.

    Parameters
    ----------
    columns : sequence of sequences of Content, ContentError or None
        What :func:`mmembed.contents.content.read_contents` gave, a list a column.
    provider : Provider
        Turns contents into vectors.
    cache : VectorCache, SharedCache or None
        Where vectors are looked up and kept; None for neither.
    budget : Budget, optional
        The most that the run may cost.
    progress : bool, optional
        Show a bar; None decides by where it runs.
    sharing : Sharing
        What the run shares with others.

    Raises
    ------
    BudgetError
        Before anything is sent, if the lowest price is over the budget; or when the bill reaches it.
    """
    started = time.perf_counter()
    distinct, codes = deduplicate(columns)
    keys = keys_of(distinct, provider)
    matrix, found = look_up(distinct, keys, provider, cache)
    purchase = Received(matrix)
    for position in np.flatnonzero(~found):
        if distinct[position].kind not in provider.kinds:
            purchase.failures[int(position)] = (_cannot_embed(distinct[position], provider), None)
    missing = [int(position) for position in np.flatnonzero(~found) if int(position) not in purchase.failures]
    if missing:
        if budget is not None and sharing.bill is None:  # else the whole was priced before it was cut into runs
            budget.check_plan(distinct[position] for position in missing)
        embed_missing(
            distinct,
            keys,
            missing,
            provider,
            cache=cache,
            purchase=purchase,
            budget=budget,
            progress=progress,
            sharing=sharing,
        )
    rows, cells, empty = count_cells(columns)
    return Embedded(
        [_by_row(column, purchase.matrix) for column in codes],
        _failures(columns, codes, purchase.failures),
        Bill(
            rows=rows,
            cells=cells,
            missing=empty,
            unique=len(distinct),
            cached=int(found.sum()) + purchase.found,
            requests=purchase.requests,
            tokens=purchase.tokens,
            cost=purchase.cost,
            seconds=time.perf_counter() - started,
        ),
    )


def count_cells(columns: Sequence[Sequence[Read]]) -> tuple[int, int, int]:
    """Return the rows of the frame, its cells that hold something, readable or not, and its empty cells."""
    missing = sum(cell is None for column in columns for cell in column)
    return len(columns[0]) if columns else 0, sum(map(len, columns)) - missing, missing


def deduplicate(columns: Sequence[Sequence[Read]]) -> tuple[list[Content], list[npt.NDArray[np.int64]]]:
    """Return the distinct contents in order of appearance and, for each column, the number of each row's (−1: none)."""
    seen: dict[bytes, int] = {}
    distinct: list[Content] = []
    codes = []
    for column in columns:
        numbers = np.full(len(column), -1, dtype=np.int64)
        for position, content in enumerate(column):
            if isinstance(content, Content):
                numbers[position] = seen.setdefault(content.digest, len(distinct))
                if numbers[position] == len(distinct):
                    distinct.append(content)
        codes.append(numbers)
    return distinct, codes


def _by_row(codes: npt.NDArray[np.int64], matrix: FloatMatrix) -> FloatMatrix:
    if len(codes) == len(matrix) and np.array_equal(codes, np.arange(len(codes))):
        return matrix  # every row has a content of its own: nothing to copy
    rows = np.empty((len(codes), matrix.shape[1]), dtype=np.float32)
    if len(matrix):
        np.take(matrix, codes, axis=0, out=rows, mode="clip")
    rows[codes < 0] = np.nan
    return rows


def _failures(
    columns: Sequence[Sequence[Read]],
    codes: Sequence[npt.NDArray[np.int64]],
    refused: dict[int, tuple[ContentError, str | None]],
) -> list[Failure]:
    found = []
    for number, column in enumerate(columns):
        for position, content in enumerate(column):
            code: Any = int(codes[number][position])
            if isinstance(content, ContentError):
                found.append(Failure(position, number, content))
            elif code in refused:
                found.append(Failure(position, number, *refused[code]))
    return found


def _cannot_embed(content: Content, provider: Provider) -> ContentError:
    kinds = ", ".join(sorted(provider.kinds))
    return ContentError("WrongKind", f"Model {provider.space!r} embeds {kinds}; this cell is a {content.kind}.")


# Contents from all over a table, asked for alone: so many refused, and none accepted, and not they are to blame.
_MOST_REFUSED_ALONE = 32

_REFUSED_AT_FIRST = 6  # batches, and none accepted: from then on contents from all over the table are tried

_AT_ONCE_IN_DOUBT = 4

_MOST_SPREAD_AGAIN = 10_000  # batches; beyond that, what comes back late is a small part of the table

_PATIENCE_SECONDS = 0.8  # for answers that still come after an interrupt

_LOOK_AGAIN_SECONDS = 0.1  # at what another run is embedding


@dataclass
class Received:
    """What was received so far: the matrix of distinct contents, NaN where there is none yet, and the running bill.

    Attributes
    ----------
    failures : dict of int to (ContentError, str or None)
        Why a content has no vector, and the request that said so.
    found : int
        How many contents another run embedded meanwhile.
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
        named = {one: error.request_id or answer.request_id for one, error in answer.failures.items()}
        self.failures.update({sent[one]: (error, named[one]) for one, error in answer.failures.items()})
        self.requests += len(answer.unasked) < len(sent)
        self.tokens += answer.tokens
        self.cost += answer.cost

    @property
    def has_vectors(self) -> bool:
        """Whether any content has one, e.g. from the cache."""
        return bool(np.isfinite(self.matrix).all(axis=1).any())


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a batch, by place in it: sent, found in the cache after all, or left to another run."""

    sent: list[int]
    answer: Answer | None = None
    found: list[int] = field(default_factory=list)
    found_matrix: FloatMatrix | None = None
    left: list[int] = field(default_factory=list)

    @property
    def unasked(self) -> list[int]:
        """What was put aside until contents from elsewhere were tried, by place in the batch."""
        return [] if self.answer is None else [self.sent[one] for one in self.answer.unasked]

    @property
    def has_vectors(self) -> bool:
        """Whether the service accepted something of it."""
        answer = self.answer
        return answer is not None and len(answer.failures) + len(answer.unasked) < len(self.sent)

    @property
    def is_refused(self) -> bool:
        """Whether the service was asked, or would have been, and accepted nothing."""
        answer = self.answer
        return answer is not None and not self.has_vectors and (answer.ends_with is not None or bool(answer.unasked))

    @property
    def cost(self) -> float:
        return 0.0 if self.answer is None else self.answer.cost


def embed_missing(
    distinct: Sequence[Content],
    keys: Sequence[bytes],
    missing: Sequence[int],
    provider: Provider,
    *,
    cache: Cache | None,
    purchase: Received,
    budget: Budget | None = None,
    progress: bool | None = None,
    sharing: Sharing = ALONE,
) -> None:
    """Send what is missing and fill the purchase as answers come.

    What another run is embedding at this moment, in this process or another one, is left to it and taken from the cache
    when it is there, or embedded after all when that run gave it up.

    Parameters
    ----------
    distinct : sequence of Content
        All contents.
    keys : sequence of bytes
        Their keys in the cache.
    missing : sequence of int
        Which of them to embed.
    sharing : Sharing
        Whose claims are heeded, and who else spends the budget.

    Raises
    ------
    BudgetError
        When the bill reaches the budget.
    concurrent.futures.CancelledError
        When nobody waits for the vectors any more.
    """
    batches_of_run = _Batches(distinct, keys, provider.dimension, cache, sharing.claims)
    queue, left = _Queue(lambda numbers: batches_of_run.batches(provider, numbers), missing), list[int]()
    bar = progress_bar(len(missing), show=progress, unit="item")
    # A short queue: an interrupt then has little in flight, and answers do not pile up in memory; none beyond what is
    # in work where a budget may end the run at any answer.
    at_once = provider.threads * 2 if budget is None else provider.threads
    has_cached = purchase.has_vectors
    with provider.session() as session, bar, _pool(provider.threads) as pool:
        waiting: dict[Future[_Outcome], list[int]] = {}
        try:
            while queue or waiting or left:
                sharing.check_wanted()
                while len(waiting) < (at_once if has_cached else queue.at_most(at_once)) and queue:
                    batch = queue.pop()
                    waiting[pool.submit(batches_of_run.ask, session, batch)] = batch
                if not waiting:
                    time.sleep(_LOOK_AGAIN_SECONDS)
                    queue.add(left)
                    left = []
                    continue
                # The timeout lets Ctrl-C in on platforms where waiting for a lock cannot be interrupted.
                for future in wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED).done:
                    batch, outcome = waiting.pop(future), future.result()
                    purchase.note(batch, outcome)
                    left += [batch[one] for one in outcome.left]
                    queue.record(batch, outcome)
                    bar.set_postfix_str(_so_far(purchase, session), refresh=False)
                    bar.update(len(batch) - len(outcome.left) - len(outcome.unasked))
                    if outcome.answer is not None and outcome.answer.ends_with is not None:
                        has_more = bool(queue or left or waiting)
                        _check_end(outcome.answer.ends_with, purchase, has_more=has_more, refused=queue.refused)
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


class _Queue:
    """Batches to be sent; contents one by one, from all over the table, while none was accepted.

    Parameters
    ----------
    batches : callable
        Makes batches of contents.
    numbers : sequence of int
        The contents.
    """

    def __init__(self, batches: Callable[[Sequence[int]], list[list[int]]], numbers: Sequence[int]) -> None:
        self._batches = batches
        self._waiting = deque(batches(numbers))
        self._is_spread = self._has_accepted = False
        self._tried: set[int] = set()  # alone, from all over the table
        self._refused_at_first = 0
        self.refused = 0  # of those tried

    def __len__(self) -> int:
        return len(self._waiting)

    def pop(self) -> list[int]:
        """Return what is next."""
        batch = self._waiting.popleft()
        if self._is_spread:
            self._tried.update(batch)
        return batch

    def at_most(self, at_once: int) -> int:
        """Return how many batches may wait for answers: few where none was accepted yet."""
        return min(at_once, _AT_ONCE_IN_DOUBT) if self._is_spread else at_once

    def add(self, numbers: Sequence[int]) -> None:
        """Put contents at the end."""
        ordered = sorted(numbers)
        self._waiting += [[one] for one in _spread(ordered)] if self._is_spread else self._batches(ordered)

    def record(self, batch: Sequence[int], outcome: _Outcome) -> None:
        """Go over to single contents where batches are refused and none accepted, and back when one is accepted."""
        was_spread, back = self._is_spread, [batch[one] for one in outcome.unasked]
        self._has_accepted |= outcome.has_vectors
        if self._has_accepted:
            self._is_spread = False
        elif outcome.is_refused:
            self.refused += batch[0] in self._tried
            self._refused_at_first += 1
            self._is_spread |= bool(back) or self._refused_at_first >= _REFUSED_AT_FIRST
        is_short = len(self._waiting) < _MOST_SPREAD_AGAIN
        if self._is_spread != was_spread or (back and self._is_spread and is_short):
            back += [one for waiting in self._waiting for one in waiting]
            self._waiting.clear()
        if back:
            self.add(back)


def _spread(numbers: Sequence[int]) -> list[int]:
    """Return numbers in an order whose beginning is from all over them: the ends, and one of each of equal parts."""
    if not numbers:
        return []
    chance = np.random.default_rng(0)
    edges = np.linspace(0, len(numbers), min(_MOST_REFUSED_ALONE, len(numbers)) + 1).astype(int)
    first = chance.permutation(chance.integers(edges[:-1], edges[1:]))
    first = np.array(list(dict.fromkeys((len(numbers) - 1, 0, *first.tolist()))))
    rest = chance.permutation(np.setdiff1d(np.arange(len(numbers)), first))
    return [numbers[place] for place in (*first.tolist(), *rest.tolist())]


def _check_end(error: ServiceError, purchase: Received, *, has_more: bool, refused: int) -> None:
    """Raise what a run may have to end with, if it has to.

    A service that is down ends it, unless nothing else is left to be asked for. One that refuses all contents ends it
    when so many were tried; where there is a vector, e.g. from the cache, contents are refused for their own sake.
    """
    is_refusal = not error.ends_job
    if is_refusal and (not has_more or refused < _MOST_REFUSED_ALONE):
        return
    if not purchase.has_vectors or (has_more and not is_refusal):
        if is_refusal:
            error.args = (f"{error} {refused} contents from all over the table were refused, and none was accepted.",)
        raise error


@dataclass(frozen=True)
class _Batches:
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
        """Ask for one batch, but for what another run has embedded meanwhile or is embedding.

        Runs in a thread of the pool: also an answer that comes after an interrupt is stored.
        """
        if self.cache is None or self.claims is None:
            return _Outcome(list(range(len(batch))), self._answer(session, batch))
        is_own = self.claims.take([self.keys[one] for one in batch])
        own = [place for place, ours in enumerate(is_own) if ours]
        left = [place for place, ours in enumerate(is_own) if not ours]
        claimed = [self.keys[batch[place]] for place in own]
        try:
            # After the claim, so that no other run can send it between this look and the request.
            matrix, is_found = self.cache.lookup(claimed, self.dimension)
            sent = [place for place, has in zip(own, is_found.tolist(), strict=True) if not has]
            found = [place for place, has in zip(own, is_found.tolist(), strict=True) if has]
            answer = self._answer(session, [batch[place] for place in sent]) if sent else None
        finally:
            self.claims.give_back(claimed)
        return _Outcome(sent, answer, found, matrix[is_found], left)

    def _answer(self, session: Session, batch: Sequence[int]) -> Answer:
        """Return the answer to a batch, checked and, since it is paid, already stored."""
        contents, keys = [self.distinct[one] for one in batch], [self.keys[one] for one in batch]
        is_kept = isinstance(session, PartwiseSession)
        if isinstance(session, PartwiseSession):
            answer = session.embed_by_parts(
                contents, lambda rows, matrix: self._store([keys[row] for row in rows], matrix)
            )
        else:
            answer = session.embed(contents)
        wanted = (len(batch), self.dimension)
        if answer.matrix.shape != wanted:
            raise MMEmbedError(
                f"The provider answered with shape {answer.matrix.shape} to a batch that needs {wanted}."
            )
        good: npt.NDArray[np.bool_] = np.atleast_1d(np.isfinite(answer.matrix).all(axis=1))
        if set(np.flatnonzero(~good).tolist()) != {*answer.failures, *answer.unasked}:
            raise MMEmbedError("The provider's answer has rows that are neither finite nor explained.")
        if not is_kept and good.any():
            self._store([key for key, is_good in zip(keys, good.tolist(), strict=True) if is_good], answer.matrix[good])
        return answer

    def _store(self, keys: list[bytes], matrix: FloatMatrix) -> None:
        if self.cache is not None:
            self.cache.store(keys, matrix)


@contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Open a pool that is waited for at a good end only: after an error nobody wants to wait for a silent server."""
    pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="mmembed")
    yield pool
    pool.shutdown()


def _note_late(waiting: dict[Future[_Outcome], list[int]], purchase: Received, *, seconds: float | None) -> None:
    """Count the answers that still come."""
    for future in wait(waiting, timeout=seconds).done:
        if not future.cancelled() and future.exception() is None:
            purchase.note(waiting[future], future.result())


def _so_far(purchase: Received, session: Session) -> str:
    cost = f", {amount(purchase.cost)} CNY" if purchase.cost else ""
    # What a model of this machine answers is no request.
    sent = getattr(session, "answers", "requests")
    return f"{purchase.requests} {sent}{cost}{', throttled' if session.throttled else ''}"


def _stopped(purchase: Received, wanted: int, *, kept: bool) -> str:
    where = "in the cache, and running again continues" if kept else "lost, since there is no cache"
    cost = f" for {amount(purchase.cost)} CNY" if purchase.cost else ""
    return (
        f"Stopped with {purchase.requests} requests answered{cost} of those that {wanted} contents need. "
        f"What was answered is {where}."
    )


"""From API key, address, model and limits to what paces the requests of that account."""
