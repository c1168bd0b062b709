"""Rows by their position in the table: to pick them, to leave them out, to put them in another order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmembed.arrays import Positions
from mmembed.distributed.partitions import by_partition, cell, compute_each, for_each_partition, in_its_partitions
from mmembed.frames import with_columns

if TYPE_CHECKING:
    import dask.dataframe as dd

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
