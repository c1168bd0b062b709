"""The straight line: contents → deduplicate → cache → batches → provider → cache → vectors by column.

It keeps rows and vectors together; what a cell means, how a provider works and how long it retries is known elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.arrays import FloatMatrix
from mmembed.embedding.buying import Purchase, buy
from mmembed.embedding.cache_key import content_keys
from mmembed.embedding.pricing import Budget
from mmembed.embedding.shared_cache import Cache
from mmembed.embedding.sharing import ALONE, Sharing
from mmembed.errors import ContentError
from mmembed.providers.protocol import Content, Provider

Read = Content | ContentError | None


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
        What :func:`mmembed.embedding.content.read_contents` gave, a list a column.
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
    keys = content_keys([content.digest for content in distinct], space=provider.space, options=provider.options)
    if cache is None:
        matrix, found = np.full((len(keys), provider.dimension), np.nan, np.float32), np.zeros(len(keys), bool)
    else:
        matrix, found = cache.lookup(keys, provider.dimension)
    purchase = Purchase(matrix)
    for position in np.flatnonzero(~found):
        if distinct[position].kind not in provider.kinds:
            purchase.failures[int(position)] = (_cannot_embed(distinct[position], provider), None)
    missing = [int(position) for position in np.flatnonzero(~found) if int(position) not in purchase.failures]
    if missing:
        if budget is not None and sharing.bill is None:  # else the whole was priced before it was cut into runs
            budget.check_plan(distinct[position] for position in missing)
        buy(
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
    rows = sum(int((column >= 0).sum()) for column in codes)
    return Embedded(
        [_by_row(column, purchase.matrix) for column in codes],
        _failures(columns, codes, purchase.failures),
        Bill(
            rows=rows,
            unique=len(distinct),
            cached=int(found.sum()) + purchase.found,
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
