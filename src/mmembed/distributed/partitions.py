"""Partitions one by one: what a function finds in each, and what each is to be given."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from dask import config
from dask.base import compute
from dask.delayed import Delayed, delayed

from mmembed.arrays import Positions
from mmembed.distributed.folding import inline, parts_of, share

if TYPE_CHECKING:
    import dask.dataframe as dd

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
