"""The straight line: contents → deduplicate → cache → batches → provider → cache → vectors by column.

It keeps rows and vectors together; what a cell means, how a provider works and how long it retries is known elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.embedding.cache import VectorCache
from mmembed.embedding.cache_key import content_keys
from mmembed.embedding.pricing import Budget
from mmembed.embedding.progress import progress_bar
from mmembed.errors import ContentError, MMEmbedError
from mmembed.providers.protocol import Answer, Content, FloatMatrix, Provider, Session

Read = Content | ContentError | None
_PATIENCE_SECONDS = 0.8


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
    rows, unique, cached : int
        Cells with a content; distinct contents among them; distinct contents that the cache already had.
    requests, tokens : int
        Batches sent, and tokens the service counted.
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


@dataclass(frozen=True)
class Embedded:
    """The outcome for some columns: matrices ``(n, d)`` with NaN where there is no vector, failures, bill."""

    matrices: list[FloatMatrix]
    failures: list[Failure]
    bill: Bill


@dataclass
class _Purchase:
    """What is bought so far: the matrix of distinct contents and the running bill."""

    matrix: FloatMatrix
    failures: dict[int, tuple[ContentError, str | None]] = field(default_factory=dict)
    requests: int = 0
    tokens: int = 0
    cost: float = 0.0


def embed_columns(
    columns: Sequence[Sequence[Read]],
    provider: Provider,
    cache: VectorCache | None,
    *,
    budget: Budget | None = None,
    progress: bool | None = None,
) -> Embedded:
    """Embed the read contents of one or several columns in one plan.

    Equal contents are sent once, across rows and columns. Every answer is stored before the next is waited for, so
    that whatever ends the run early, what was answered is kept.

    Parameters
    ----------
    columns : sequence of sequences of Content, ContentError or None
        What :func:`mmembed.embedding.content.read_contents` gave, a list a column.
    provider : Provider
        Turns contents into vectors.
    cache : VectorCache or None
        Where vectors are looked up and kept; None for neither.
    budget : Budget, optional
        The most that the run may cost.
    progress : bool, optional
        Show a bar; None decides by where it runs.

    Raises
    ------
    BudgetError
        Before anything is sent, if the lowest price is over the budget; or when the bill reaches it.
    """
    started = time.perf_counter()
    distinct, codes = deduplicate(columns)
    keys = content_keys([content.digest for content in distinct], space=provider.space, options=provider.options)
    if cache is None:
        matrix, found = np.full((len(keys), provider.dimension), np.nan, np.float32), np.zeros(len(keys), bool)
    else:
        matrix, found = cache.lookup(keys, provider.dimension)
    purchase = _Purchase(matrix)
    for position in np.flatnonzero(~found):
        if distinct[position].kind not in provider.kinds:
            purchase.failures[int(position)] = (_cannot_embed(distinct[position], provider), None)
    missing = [int(position) for position in np.flatnonzero(~found) if int(position) not in purchase.failures]
    if missing:
        if budget is not None:
            budget.check_plan(distinct[position] for position in missing)
        _buy(distinct, keys, missing, provider, cache=cache, purchase=purchase, budget=budget, progress=progress)
    rows = sum(int((column >= 0).sum()) for column in codes)
    return Embedded(
        [_by_row(column, purchase.matrix) for column in codes],
        _failures(columns, codes, purchase.failures),
        Bill(
            rows=rows,
            unique=len(distinct),
            cached=int(found.sum()),
            requests=purchase.requests,
            tokens=purchase.tokens,
            cost=purchase.cost,
            seconds=time.perf_counter() - started,
        ),
    )


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


def _buy(
    distinct: Sequence[Content],
    keys: Sequence[bytes],
    missing: Sequence[int],
    provider: Provider,
    *,
    cache: VectorCache | None,
    purchase: _Purchase,
    budget: Budget | None,
    progress: bool | None,
) -> None:
    """Send what is missing in batches over a thread pool; fills the purchase as answers come."""
    batches = [[missing[one] for one in batch] for batch in provider.plan([distinct[one] for one in missing])]
    bar = progress_bar(len(missing), show=progress, unit="item")
    # A short queue: an interrupt then has little in flight, and answers do not pile up in memory; none beyond what is
    # in work where a budget may end the run at any answer.
    at_once = provider.workers * (2 if budget is None else 1)
    with provider.session() as session, bar, _pool(provider.workers) as pool:
        waiting: dict[Future[Answer], list[int]] = {}
        queue = iter(batches)
        try:
            while True:
                while len(waiting) < at_once and (batch := next(queue, None)) is not None:
                    contents, their_keys = [distinct[one] for one in batch], [keys[one] for one in batch]
                    waiting[pool.submit(_ask, session, contents, their_keys, provider.dimension, cache)] = batch
                if not waiting:
                    return
                # The timeout lets Ctrl-C in on platforms where waiting for a lock cannot be interrupted.
                for future in wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED).done:
                    batch = waiting.pop(future)
                    _note(future.result(), batch, purchase)
                    bar.update(len(batch))
                    bar.set_postfix_str(_so_far(purchase, session), refresh=False)
                    if budget is not None and (waiting or len(batches) > purchase.requests):
                        budget.check_bill(purchase.cost)
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


@contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Open a pool that is waited for at a good end only: after an error nobody wants to wait for a silent server."""
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="mmembed")
    yield pool
    pool.shutdown()


def _ask(
    session: Session, batch: list[Content], keys: list[bytes], dimension: int, cache: VectorCache | None
) -> Answer:
    """Ask for one batch, check that the answer fits it, and store it at once, since it is paid.

    Runs in a thread of the pool: also an answer that comes after an interrupt is stored.
    """
    answer = session.embed(batch)
    if answer.matrix.shape != (len(batch), dimension):
        raise MMEmbedError(
            f"The provider answered with shape {answer.matrix.shape} to a batch that needs {(len(batch), dimension)}."
        )
    good: npt.NDArray[np.bool_] = np.atleast_1d(np.isfinite(answer.matrix).all(axis=1))
    if set(np.flatnonzero(~good).tolist()) != set(answer.failures):
        raise MMEmbedError("The provider's answer has rows that are neither finite nor explained.")
    if cache is not None and good.any():
        cache.store([key for key, is_good in zip(keys, good.tolist(), strict=True) if is_good], answer.matrix[good])
    return answer


def _note(answer: Answer, batch: list[int], purchase: _Purchase) -> None:
    """Put an answer in its place and on the bill."""
    purchase.matrix[batch] = answer.matrix
    purchase.failures.update({batch[one]: (error, answer.request_id) for one, error in answer.failures.items()})
    purchase.requests += 1
    purchase.tokens += answer.tokens
    purchase.cost += answer.cost


def _note_late(waiting: dict[Future[Answer], list[int]], purchase: _Purchase, *, seconds: float | None) -> None:
    """Count the answers that still come."""
    for future in wait(waiting, timeout=seconds).done:
        if not future.cancelled() and future.exception() is None:
            _note(future.result(), waiting[future], purchase)


def _so_far(purchase: _Purchase, session: Session) -> str:
    cost = f", {purchase.cost:.3g} CNY" if purchase.cost else ""
    return f"{purchase.requests} requests{cost}{', throttled' if session.throttled else ''}"


def _stopped(purchase: _Purchase, wanted: int, *, kept: bool) -> str:
    where = "in the cache, and running again continues" if kept else "lost, since there is no cache"
    cost = f" for {purchase.cost:.4g} CNY" if purchase.cost else ""
    return (
        f"Stopped with {purchase.requests} requests answered{cost} of those that {wanted} contents need. "
        f"What was answered is {where}."
    )


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
