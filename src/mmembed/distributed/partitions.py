"""One function over all partitions, and its answers put together: the two steps that exact figures are made of.

Partitions one by one: what a function finds in each, and what each is to be given.

Rows by their position in the table: to pick them, to leave them out, to put them in another order.
"""

from __future__ import annotations

import pickle
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from dask import config
from dask.base import compute, get_scheduler
from dask.delayed import Delayed, delayed

from mmembed.arrays import Positions
from mmembed.frames import with_columns

if TYPE_CHECKING:
    import dask.dataframe as dd


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


T = TypeVar("T")

MOST_IN_A_PLAN = 5_000_000  # bytes; Dask warns of plans of ten million


def compute_each(
    frame: dd.DataFrame | dd.Series, function: Callable[..., T], *arguments: Any, beside: Sequence[Any] | None = None
) -> list[T]:
    """Return what a function makes of each partition, computed now.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame or Series
        Only the columns that are needed: others would be read, too.
    function : callable
        Gets the partition, then the partition's own thing from ``beside`` where that is given, then the arguments.
    beside : sequence, optional
        One thing for each partition.
    """
    parts = parts_of(frame)
    own: list[tuple[Any, ...]] = [()] * len(parts) if beside is None else [(one,) for one in beside]
    calls = [delayed(function)(part, *mine, *arguments) for part, mine in zip(parts, own, strict=True)]
    return list(compute(*calls))


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


def in_its_partitions(frame: Any) -> Any:
    """Return a Dask frame or column whose partitions stay what they are, to be put beside others.

    Dask's own optimizer reads several files of a Parquet table as one partition where few of their columns are wanted.
    """
    import dask.dataframe as dd

    with config.set({"dataframe.convert-string": False}):  # the columns are what they are
        return dd.from_delayed(
            parts_of(frame),
            meta=frame._meta,  # noqa: SLF001  Dask has no other name for it
            divisions=frame.divisions,
            verify_meta=False,
        )


def for_each_partition(values: Sequence[Any]) -> dd.Series:
    """Return a column that has one cell in each partition, for ``map_partitions`` beside :func:`in_its_partitions`."""
    import dask.dataframe as dd

    with config.set({"dataframe.convert-string": False}):  # Dask would make texts of objects
        cells: dd.Series = dd.from_map(_cell, list(values), meta=pd.Series([], dtype=object))
    return cells


def sent_once(value: Any) -> Delayed:
    """Return a value as something that tasks take: a large one goes to the workers at once, not with each plan."""
    return share(value) if len(pickle.dumps(value)) > MOST_IN_A_PLAN else inline(value)


def cell(part: pd.Series) -> Any:
    """Return what :func:`for_each_partition` gave to this partition."""
    return part.iloc[0]


def _cell(value: Any) -> pd.Series:
    found = pd.Series([None], dtype=object)
    found.array[0] = value
    return found


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
    return pd.concat(compute_each(frame, _picked, beside=_mine(positions, counts, {})))


def without_rows(ddf: dd.DataFrame, positions: Positions, counts: Sequence[int]) -> dd.DataFrame:
    """Return the frame without the rows at rising positions of the table."""
    left: dd.DataFrame = in_its_partitions(ddf).map_partitions(
        _left,
        for_each_partition(_mine(positions, counts, {})),
        meta=ddf._meta,  # noqa: SLF001
    )
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
    mine = _mine(positions[order], counts, added)
    nothing = _Mine(0, np.empty(0, dtype=np.int64), {name: values[:0] for name, values in added.items()})
    meta = _chosen(ddf._meta, pd.Series([nothing]))  # noqa: SLF001
    chosen = in_its_partitions(ddf).map_partitions(_chosen, for_each_partition(mine), meta=meta)
    n_parts = max(1, -(-len(positions) // a_part))
    if n_parts == 1:
        together = chosen.repartition(npartitions=1)
    else:
        chunked = chosen.assign(**{_CHUNK: chosen[_RANK] // a_part})
        together = chunked.set_index(_CHUNK, divisions=tuple(range(n_parts + 1)))
    name = ddf._meta.index.name  # noqa: SLF001
    ordered: dd.DataFrame = together.map_partitions(_ordered, name, meta=_ordered(meta, name), clear_divisions=True)
    return ordered


def _mine(positions: Positions, counts: Sequence[int], columns: Mapping[str, Any]) -> list[_Mine]:
    places = by_partition(positions, counts)
    ends = np.cumsum([len(part) for part in places])
    return [
        _Mine(count, part, {name: values[end - len(part) : end] for name, values in columns.items()})
        for count, part, end in zip(counts, places, ends, strict=True)
    ]


def _picked(part: Any, mine: _Mine) -> Any:
    _check(part, mine)
    return part.iloc[mine.places]


def _check(part: Any, mine: _Mine) -> None:
    with_columns(pd.DataFrame(index=part.index), {}, mine.n_rows)  # which refuses another table


def _left(part: pd.DataFrame, mine: pd.Series) -> pd.DataFrame:
    stays = np.ones(len(part), dtype=bool)
    _check(part, cell(mine))
    stays[cell(mine).places] = False
    return part[stays]


def _chosen(part: pd.DataFrame, mine: pd.Series) -> pd.DataFrame:
    found: pd.DataFrame = _picked(part, cell(mine))
    return found.assign(**cell(mine).columns, **{_LABEL: found.index.array})


def _ordered(part: pd.DataFrame, name: Any) -> pd.DataFrame:
    placed = part.sort_values(_RANK)
    labels = pd.Index(placed[_LABEL].array, name=name)
    return placed.drop(columns=[_RANK, _LABEL]).set_axis(labels, axis=0)
