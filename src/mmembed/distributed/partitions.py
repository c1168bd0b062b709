"""A function over all partitions and its answers added up; rows by their position in the table.

Exact figures are made of these two steps. Positions pick rows, leave them out, or put them in another order.
"""

from __future__ import annotations

import operator
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from dask import config
from dask.base import compute, get_scheduler
from dask.delayed import Delayed, delayed

from mmembed.arrays import Positions
from mmembed.frames import check_rows

if TYPE_CHECKING:
    from pickle import PickleBuffer

    import dask.dataframe as dd


_Answer = TypeVar("_Answer")

MOST_IN_A_PLAN = 5_000_000  # bytes; Dask warns of plans of ten million

# What was shared last with each cluster, and how much of it is kept.
_latest: WeakKeyDictionary[Any, deque[Any]] = WeakKeyDictionary()

_LATEST = 4

# Answers that are put together in one step.
_WIDTH = 8


def each(function: Callable[..., Any], *frames: Any, own: Sequence[Any] | None = None, **common: Any) -> list[Delayed]:
    """Return the call of a function for each partition, without computing.

    Parameters
    ----------
    function : callable
        Takes the pandas partition of each frame, then this partition's own value where ``own`` is given, and what is
        common to all by keyword.
    *frames : dask DataFrame or Series
        Of equally many partitions, which belong together by place. Only the columns that are needed: others would be
        read, too.
    own : sequence, optional
        One value for each partition.
    **common : object
        The same for all; each goes through :func:`shared`.
    """
    parts = list(zip(*(parts_of(frame) for frame in frames), strict=True))
    call = delayed(function, pure=False)
    given = {name: value if isinstance(value, Delayed) else shared(value) for name, value in common.items()}
    if own is None:
        return [call(*some, **given) for some in parts]
    return [call(*some, one, **given) for some, one in zip(parts, own, strict=True)]


def parts_of(frame: Any) -> list[Delayed]:
    """Return the partitions of a Dask frame or column one by one, as many as it says that it has.

    Dask's own optimizer reads several files of a Parquet table as one partition where few of their columns are wanted;
    what belongs to a partition by its number would then go to others. Columns that are not wanted are still not read.
    """
    parts: list[Delayed] = frame.simplify().to_delayed(optimize_graph=False)
    return parts


def reduced(answers: Sequence[Delayed], add: Callable[[_Answer, _Answer], _Answer] = operator.add) -> _Answer:
    """Compute the answers and return them put together, a few at a time, so that no process holds them all.

    Parameters
    ----------
    answers : sequence of Delayed
        At least one.
    add : callable
        Puts two answers together; a single one is returned as it is.
    """
    return combined(answers, add).compute()  # type: ignore[no-any-return]


def combined(answers: Sequence[Delayed], add: Callable[[_Answer, _Answer], _Answer] = operator.add) -> Delayed:
    """Return the answers put together as :func:`reduced` does, without computing."""
    call = delayed(reduce, pure=False)
    level = list(answers)
    while len(level) > 1:
        level = [call(add, level[start : start + _WIDTH]) for start in range(0, len(level), _WIDTH)]
    return level[0]


def shared(value: Any) -> Delayed:
    """Return a value as something that tasks take.

    A small value travels with the plan. On a cluster, a large one goes to each worker once, and not with every task;
    the answer must then be kept until what takes it has been computed.
    """
    client = current_client()
    if client is not None and _bytes_to_send(value) > MOST_IN_A_PLAN:
        # Of a bare list or tuple each item would be scattered by itself.
        (value,) = client.scatter([value], broadcast=True, hash=False)
        # Of a frame that is persisted only the tasks are left, and the cluster may not have looked at them yet when
        # Python lets go of what they take.
        _latest.setdefault(client, deque(maxlen=_LATEST)).append(value)
    held: Delayed = delayed(value, traverse=False, pure=False)
    return held


def current_client() -> Any | None:
    """Return the client of the cluster that Dask computes on now, or None where it computes in this process."""
    if "distributed" not in sys.modules:
        return None
    from distributed import Client

    owner = getattr(get_scheduler(), "__self__", None)
    return owner if isinstance(owner, Client) else None


def frame_of(parts: Sequence[Delayed], meta: Any, divisions: tuple[Any, ...] | None = None) -> Any:
    """Return a Dask frame or column of parts that :func:`each` makes, which stay the partitions that they are."""
    import dask.dataframe as dd

    with config.set({"dataframe.convert-string": False}):  # the columns are what they are
        return dd.from_delayed(parts, meta=meta, divisions=divisions, verify_meta=False)


def by_partition(numbers: Positions, counts: Sequence[int]) -> list[Positions]:
    """Part rising numbers of rows by the partitions that hold so many rows each, counted anew in each.

    Examples
    --------
    >>> import numpy as np
    >>> [part.tolist() for part in by_partition(np.array([0, 3, 4]), [2, 0, 3])]
    [[0], [], [1, 2]]
    """
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    bounds = np.searchsorted(numbers, starts)
    return [numbers[bounds[part] : bounds[part + 1]] - starts[part] for part in range(len(counts))]


def _bytes_to_send(value: Any) -> int:
    """Return about how long a value is when it travels; its matrices are not copied for that."""
    from distributed.protocol.pickle import dumps

    buffers: list[PickleBuffer] = []
    rest = dumps(value, buffer_callback=buffers.append)
    return len(rest) + sum(buffer.raw().nbytes for buffer in buffers)


# Names of columns that live while rows are moved, and that nobody else will use.
_RANK, _CHUNK, _LABEL = "__mmembed_rank", "__mmembed_chunk", "__mmembed_label"

_FEWEST_ROWS_A_PART = 10_000


@dataclass(frozen=True, eq=False)
class _Mine:
    """Which rows of a partition are meant, and what they get."""

    n_rows: int
    places: Positions
    columns: Mapping[str, Any]


def rows_at(frame: Any, positions: Positions, counts: Sequence[int]) -> Any:
    """Return the rows at rising positions of a Dask frame or column as a pandas one; computes."""
    return pd.concat(compute(*each(_pick_rows, frame, own=_rows_of_partition(positions, counts, {}))))


def without_rows(ddf: dd.DataFrame, positions: Positions, counts: Sequence[int]) -> dd.DataFrame:
    """Return the frame without the rows at rising positions of the table."""
    parts = each(_leave_rows_out, ddf, own=_rows_of_partition(positions, counts, {}))
    left: dd.DataFrame = frame_of(parts, ddf._meta, ddf.divisions)  # noqa: SLF001  Dask has no other name for it
    return left


def rows_in_order(
    ddf: dd.DataFrame, positions: Positions, counts: Sequence[int], columns: Mapping[str, Any]
) -> dd.DataFrame:
    """Return rows of the table in another order, with columns of their own.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
    positions : numpy.ndarray of int, shape (m,)
        Of the rows, in the order that is wanted; a row may be wanted more than once.
    counts : sequence of int
        How many rows each partition has.
    columns : mapping of str to array, shape (m,)
        New columns, in the order that is wanted.
    """
    order = np.argsort(positions, kind="stable")
    a_part = max(_FEWEST_ROWS_A_PART, -(-sum(counts) // max(len(counts), 1)))
    added = {_RANK: order, **{name: np.asarray(values)[order] for name, values in columns.items()}}
    mine = _rows_of_partition(positions[order], counts, added)
    nothing = _Mine(0, np.empty(0, dtype=np.int64), {name: values[:0] for name, values in added.items()})
    meta = _chosen(ddf._meta, nothing)  # noqa: SLF001
    chosen = frame_of(each(_chosen, ddf, own=mine), meta, ddf.divisions)
    n_parts = max(1, -(-len(positions) // a_part))
    if n_parts == 1:
        together = chosen.repartition(npartitions=1)
    else:
        chunked = chosen.assign(**{_CHUNK: chosen[_RANK] // a_part})
        together = chunked.set_index(_CHUNK, divisions=tuple(range(n_parts + 1)))
    name = ddf._meta.index.name  # noqa: SLF001
    ordered: dd.DataFrame = together.map_partitions(
        _order_rows, name, meta=_order_rows(meta, name), clear_divisions=True
    )
    return ordered


def _rows_of_partition(positions: Positions, counts: Sequence[int], columns: Mapping[str, Any]) -> list[_Mine]:
    places = by_partition(positions, counts)
    ends = np.cumsum([len(part) for part in places])
    return [
        _Mine(count, part, {name: values[end - len(part) : end] for name, values in columns.items()})
        for count, part, end in zip(counts, places, ends, strict=True)
    ]


def _pick_rows(part: Any, mine: _Mine) -> Any:
    _check(part, mine)
    return part.iloc[mine.places]


def _check(part: Any, mine: _Mine) -> None:
    check_rows(part, mine.n_rows)


def _leave_rows_out(part: pd.DataFrame, mine: _Mine) -> pd.DataFrame:
    stays = np.ones(len(part), dtype=bool)
    _check(part, mine)
    stays[mine.places] = False
    return part[stays]


def _chosen(part: pd.DataFrame, mine: _Mine) -> pd.DataFrame:
    found: pd.DataFrame = _pick_rows(part, mine)
    return found.assign(**mine.columns, **{_LABEL: found.index.array})


def _order_rows(part: pd.DataFrame, name: Any) -> pd.DataFrame:
    placed = part.sort_values(_RANK)
    labels = pd.Index(placed[_LABEL].array, name=name)
    return placed.drop(columns=[_RANK, _LABEL]).set_axis(labels, axis=0)
