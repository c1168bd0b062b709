"""One function over all partitions, and its answers put together: the two steps that exact figures are made of."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from dask.base import get_scheduler
from dask.delayed import Delayed, delayed

_Answer = TypeVar("_Answer")
# What was shared last with each cluster, and how much of it is kept.
_latest: WeakKeyDictionary[Any, deque[Any]] = WeakKeyDictionary()
_LATEST = 4
# Answers that are put together in one step.
_WIDTH = 8


def on_partitions(
    function: Callable[..., Any], *frames: Any, own: Sequence[Any] | None = None, **shared: Any
) -> list[Delayed]:
    """Return the call of a function for each partition, without computing.

    Parameters
    ----------
    function : callable
        Takes the pandas partition of each frame, what is this partition's own, and what is shared.
    *frames : dask DataFrame
        Of equally many partitions, which belong together by place.
    own : sequence, optional
        One value for each partition.
    **shared : object
        The same for all; large ones should go through :func:`share`.
    """
    parts = list(zip(*(parts_of(frame) for frame in frames), strict=True))
    call = delayed(function, pure=False)
    if own is None:
        return [call(*each, **shared) for each in parts]
    return [call(*each, one, **shared) for each, one in zip(parts, own, strict=True)]


def parts_of(frame: Any) -> list[Delayed]:
    """Return the partitions of a Dask frame or column one by one, as many as it says that it has.

    Dask's own optimizer reads several files of a Parquet table as one partition where few of their columns are wanted;
    what belongs to a partition by its number would then go to others. Columns that are not wanted are still not read.
    """
    parts: list[Delayed] = frame.simplify().to_delayed(optimize_graph=False)
    return parts


def folded(answers: Sequence[Delayed], add: Callable[[list[_Answer]], _Answer]) -> _Answer:
    """Compute the answers and return them put together, a few at a time, so that no process holds them all.

    Parameters
    ----------
    answers : sequence of Delayed
        At least one.
    add : callable
        Puts a list of answers together; it is called for a single one, too.
    """
    call = delayed(add, pure=False)
    level = list(answers)
    while True:
        level = [call(level[start : start + _WIDTH]) for start in range(0, len(level), _WIDTH)]
        if len(level) == 1:
            return level[0].compute()  # type: ignore[no-any-return]


def share(value: Any) -> Delayed:
    """Return a value as something that tasks take; on a cluster each worker gets it once, and not with every task.

    For large values. The answer must be kept until what takes it has been computed.
    """
    client = current_client()
    if client is None:
        return inline(value)
    # Of a bare list or tuple each item would be scattered by itself.
    (held,) = client.scatter([value], broadcast=True, hash=False)
    # Of a frame that is persisted only the tasks are left, and the cluster may not have looked at them yet when Python
    # lets go of what they take.
    _latest.setdefault(client, deque(maxlen=_LATEST)).append(held)
    return inline(held)


def inline(value: Any) -> Delayed:
    """Return a small value as something that tasks take; it travels with the graph."""
    shared: Delayed = delayed(value, traverse=False, pure=False)
    return shared


def current_client() -> Any | None:
    """Return the client of the cluster that Dask computes on now, or None where it computes in this process."""
    if "distributed" not in sys.modules:
        return None
    from distributed import Client

    owner = getattr(get_scheduler(), "__self__", None)
    return owner if isinstance(owner, Client) else None
