"""Near pairs of a table: each row goes to the few blocks where a near one may be, and is compared there.

Three readings of the vectors: one counts and finds equal rows, one brings a sample to choose cells by, one sends the
rows to their blocks. A block is worked on in one task, so memory is bounded by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from dask.base import compute
from dask.delayed import delayed

from mmembed.analysis.cosines import distinct_rows, unit_rows
from mmembed.analysis.graphs.blocks import SAMPLE_A_CELL, Cells, fit_cells, pairs_across, pairs_in_block
from mmembed.analysis.graphs.pairs import NearPairs
from mmembed.arrays import FloatMatrix, FloatVector, Positions
from mmembed.distributed.partitions import each, frame_of
from mmembed.distributed.samples import PreparedRows, RowSample, TableFacts, prepared_column, read_facts, sample_rows
from mmembed.vectors import VectorArray

if TYPE_CHECKING:
    import dask.dataframe as dd


_MOST_CELLS = 4_096  # whose centroids every task gets


@dataclass(frozen=True)
class Blocking:
    """How finely a table is cut for comparing its rows.

    Attributes
    ----------
    rows_at_once : int
        A table of so many different rows is one block.
    rows_a_cell, rows_a_block : int
        About how many rows are at home in one.
    most_cells : int
        Cells that a row may be in.
    rows_of_recall : int
        Rows whose near rows are found in the whole table, for measuring what was missed.
    """

    rows_at_once: int = 10_000
    rows_a_cell: int = 1_000
    rows_a_block: int = 25_000
    most_cells: int = 32
    rows_of_recall: int = 2_000


@dataclass(frozen=True, eq=False)
class Pairing:
    """All near pairs of a table, and how sure it is that they are all.

    Attributes
    ----------
    pairs : NearPairs
        By the rows' positions in the table.
    counts : list of int
        How many rows each partition has.
    proven : bool
        Whether it is proven that none is missed.
    recall : float
        1 if it is proven, else measured on a sample of rows; NaN if the sample has no near pair.
    n_measured : int
        Near pairs of the sample.
    n_blocks : int
    """

    pairs: NearPairs
    counts: list[int] = field(repr=False)
    proven: bool = True
    recall: float = 1.0
    n_measured: int = 0
    n_blocks: int = 1


def find_pairs(
    vectors: dd.Series,
    levels: Sequence[float],
    *,
    kinds: dd.Series | None = None,
    blocking: Blocking | None = None,
    only_first: bool = False,
) -> Pairing:
    """Find all pairs of rows within the loosest level that does not have too many.

    Parameters
    ----------
    vectors : dask Series, a vector column
    levels : sequence of float
        Thresholds, from strict to loose.
    kinds : dask Series, optional
        Each row's kind of content; each kind's mean is removed first.
    blocking : Blocking, optional
    only_first : bool
        Leave out pairs that do not matter where rows represent each other in the order of the table, so that clumps of
        rows that are all near to each other can be listed.
    """
    blocking = blocking or Blocking()
    ddf, column = prepared_column(vectors, kinds)
    facts = read_facts(ddf, column, blocking.rows_of_recall, SAMPLE_A_CELL / blocking.rows_a_cell)
    if facts.n_distinct <= blocking.rows_at_once:
        return _in_one_block(ddf, column, levels, facts, only_first=only_first)
    rows_a_cell = max(blocking.rows_a_cell, facts.n_distinct // _MOST_CELLS)
    size = SAMPLE_A_CELL * facts.n_distinct // rows_a_cell
    (drawn,) = compute(sample_rows(ddf, column, facts, size + blocking.rows_of_recall))
    size = min(size, max(len(drawn) - blocking.rows_of_recall, len(drawn) // 2))
    cells = fit_cells(
        unit_rows(drawn.rows[:size]),
        facts.n_distinct,
        rows_a_cell=rows_a_cell,
        rows_a_block=blocking.rows_a_block,
        nearest=max(1 - (1 - levels[0]) / 4, 0.98),
    )
    # Rows that had a part in the choice of cells might be found better than others.
    sample = RowSample(drawn.rows[size:], drawn.positions[size:])
    return _in_blocks(ddf, _Sending(column, cells, levels[-1], blocking.most_cells, only_first), levels, facts, sample)


def _in_one_block(
    ddf: dd.DataFrame, column: PreparedRows, levels: Sequence[float], facts: TableFacts, *, only_first: bool
) -> Pairing:
    rows = each(_first_distinct_rows, ddf, own=facts.offsets, column=column)
    (found,) = compute(delayed(_pairs_of_all)(rows, levels, only_first=only_first))
    return Pairing(_with_twins(found, facts), facts.counts)


@dataclass(frozen=True, eq=False)
class _Sending:
    """To which blocks rows go."""

    column: PreparedRows
    cells: Cells
    threshold: float
    most_cells: int
    only_first: bool


def _in_blocks(
    ddf: dd.DataFrame, sending: _Sending, levels: Sequence[float], facts: TableFacts, sample: RowSample
) -> Pairing:
    meta = _send_to_blocks(ddf._meta, 0, sending)  # noqa: SLF001  Dask has no other name for it
    sent = frame_of(each(_send_to_blocks, ddf, own=facts.offsets, sending=sending), meta)
    divisions = tuple(range(sending.cells.n_blocks + 1))
    # Tasks spill what waits; the shuffle between peers keeps a gigabyte of buffers in each worker.
    blocks = sent.set_index("block", divisions=divisions, shuffle_method="tasks").to_delayed()
    options = {"column": sending.column, "sample": sample, "threshold": levels[-1]}
    true = each(_true_pairs, ddf, own=facts.offsets, **options)
    # Together, so that each partition is read once for both.
    found, known = compute(
        [delayed(_pairs_of_block)(block, levels, only_first=sending.only_first) for block in blocks], true
    )
    pairs = _with_twins(NearPairs.together([part for part, _ in found], levels), facts)
    left, right, cosines = (np.concatenate([part[item] for part in known]) for item in range(3))
    near = cosines >= np.float32(pairs.threshold)
    # Pairs of two settled rows were left out on purpose.
    near &= ~(np.isin(sample.positions[left], pairs.settled) & np.isin(right, pairs.settled))
    recall, n_measured = _recall(pairs, sample.positions[left[near]], right[near])
    proven = sum(cut for _, cut in found) == 0
    return Pairing(pairs, facts.counts, proven, 1.0 if proven else recall, n_measured, sending.cells.n_blocks)


def _with_twins(pairs: NearPairs, facts: TableFacts) -> NearPairs:
    twins = np.concatenate([facts.twins, pairs.twins])
    return NearPairs(pairs.left, pairs.right, pairs.cosines, twins, pairs.threshold, pairs.settled)


def _first_distinct_rows(part: pd.DataFrame, offset: int, column: PreparedRows) -> tuple[Positions, FloatMatrix]:
    """Return where the different rows of a partition stand first, and them."""
    places, rows = column.rows(part)
    distinct = distinct_rows(rows)
    return places[distinct.first] + offset, distinct.rows


def _pairs_of_all(
    parts: Sequence[tuple[Positions, FloatMatrix]], levels: Sequence[float], *, only_first: bool
) -> NearPairs:
    positions, rows = (np.concatenate([part[item] for part in parts]) for item in (0, 1))
    order = np.argsort(positions)
    everywhere = np.zeros(len(rows), dtype=np.int64)
    alone = np.ones(len(rows), dtype=bool) if only_first else None
    return pairs_in_block(rows[order], positions[order], everywhere, everywhere + 1, levels, alone=alone)


def _send_to_blocks(part: pd.DataFrame, offset: int, sending: _Sending) -> pd.DataFrame:
    """Return a partition's different rows once for each block that they go to."""
    cells = sending.cells
    positions, rows = _first_distinct_rows(part, offset, sending.column)
    visits = cells.visits(unit_rows(rows), sending.threshold, min(sending.most_cells, len(cells.centroids)))
    together, place = np.unique(visits.rows * cells.n_blocks + cells.blocks[visits.cells], return_inverse=True)
    row, block = np.divmod(together, cells.n_blocks)
    bits = np.zeros(len(together), dtype=np.int64)
    np.bitwise_or.at(bits, place, np.int64(1) << cells.numbers[visits.cells])
    home = visits.homes[row]
    is_home = cells.blocks[home] == block
    return pd.DataFrame(
        {
            "block": block,
            "position": positions[row],
            "home": np.where(is_home, cells.numbers[home], -1),
            "cells": bits,
            "cut": is_home & visits.cut[row],
            "alone": is_home & (np.bincount(visits.rows, minlength=len(rows)) == 1)[row] & ~visits.cut[row],
            "row": VectorArray.from_matrix(rows[row]),
        }
    )


def _pairs_of_block(block: pd.DataFrame, levels: Sequence[float], *, only_first: bool) -> tuple[NearPairs, int]:
    rows = block["row"].array.matrix
    position, home, cells = (block[name].to_numpy() for name in ("position", "home", "cells"))
    order = np.argsort(position)  # rows come in the order in which they were sent, which is nobody's
    alone = block["alone"].to_numpy()[order] if only_first else None
    found = pairs_in_block(rows[order], position[order], home[order], cells[order], levels, alone=alone)
    return found, int(block["cut"].sum())


def _true_pairs(
    part: pd.DataFrame, offset: int, column: PreparedRows, sample: RowSample, threshold: float
) -> tuple[Positions, Positions, FloatVector]:
    """Return all rows of a partition that are near to a row of the sample."""
    positions, rows = _first_distinct_rows(part, offset, column)
    left, right, cosines = pairs_across(sample.rows, rows, threshold)
    return left, positions[right], cosines


def _recall(pairs: NearPairs, left: Positions, right: Positions) -> tuple[float, int]:
    """Return which share of true pairs of different rows is among the found ones, and how many there are."""
    numbers, distinct, near = pairs.by_row()
    lists = np.repeat(np.arange(len(near)), np.diff(near.starts)) * max(len(near), 1) + near.others
    known = np.isin(left, numbers) & np.isin(right, numbers)
    one, other = (distinct.groups[np.searchsorted(numbers, side[known])] for side in (left, right))
    equal = one == other
    found = int(np.isin(one[~equal] * max(len(near), 1) + other[~equal], lists).sum())
    missed = int((~known & (left != right)).sum())
    n_pairs = int((~equal).sum()) + missed
    return found / n_pairs if n_pairs else float("nan"), n_pairs
