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

from mmembed.analysis.rows.cosine import Positions
from mmembed.distributed.folding import inline, share

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
    parts = frame.to_delayed()
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


def for_each_partition(values: Sequence[Any]) -> dd.Series:
    """Return a column that has one cell in each partition, for ``map_partitions`` beside a frame."""
    import dask.dataframe as dd

    together = sent_once(list(values))
    with config.set({"dataframe.convert-string": False}):  # Dask would make texts of objects
        cells: dd.Series = dd.from_delayed(
            [delayed(_cell)(together, number) for number in range(len(values))],
            meta=pd.Series([], dtype=object),
            verify_meta=False,
        )
    return cells


def sent_once(value: Any) -> Delayed:
    """Return a value as something that tasks take: a large one goes to the workers at once, not with each plan."""
    return share(value) if len(pickle.dumps(value)) > MOST_IN_A_PLAN else inline(value)


def cell(part: pd.Series) -> Any:
    """Return what :func:`for_each_partition` gave to this partition."""
    return part.iloc[0]


def _cell(values: Sequence[Any], number: int) -> pd.Series:
    found = pd.Series([None], dtype=object)
    found.array[0] = values[number]
    return found
