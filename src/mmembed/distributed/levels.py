"""What pairs look like at several thresholds, over all partitions."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmembed.analysis.finding.duplicates import DuplicateLevels, check_levels, example_pairs, represented
from mmembed.analysis.graphs.graph import FEWEST_NEIGHBORS
from mmembed.analysis.graphs.pairs import MOST_PAIRS, NearPairs
from mmembed.arrays import FloatVector, Positions
from mmembed.distributed.duplicates import tell_recall
from mmembed.distributed.moving import rows_at
from mmembed.distributed.pairing import Blocking, find_pairs
from mmembed.errors import listed

if TYPE_CHECKING:
    import dask.dataframe as dd


def duplicate_levels(
    ddf: dd.DataFrame,
    vectors: dd.Series,
    levels: Sequence[float],
    *,
    examples: int = 3,
    kinds: dd.Series | None = None,
    blocking: Blocking | None = None,
) -> pd.DataFrame:
    """Return example pairs of a Dask frame at several thresholds, with what pandas shows of them; computes.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
        The columns to show of both rows.
    vectors, kinds, blocking :
        As in :func:`mmembed.distributed.find_duplicates`.
    levels : sequence of float
    examples : int

    Warns
    -----
    UserWarning
        If levels are left out because they have more than 20 million pairs, or if near pairs were missed.
    """
    strict_first = check_levels(levels, examples)
    pairing = find_pairs(vectors, strict_first, kinds=kinds, blocking=blocking)
    tell_recall(pairing)
    known = tuple(level for level in strict_first if level >= pairing.pairs.threshold)
    if known != strict_first:
        left_out = [level for level in strict_first if level not in known]
        warnings.warn(
            f"The levels {listed(left_out)} are left out: they have more than {MOST_PAIRS:,} pairs of "
            f"{sum(pairing.counts):,} rows. Leave them out of levels=, or look at fewer rows.",
            stacklevel=3,
        )
    dropped = tuple(_dropped(pairing.pairs.at(level)) for level in known)
    pairs = example_pairs(*_nearest(pairing.pairs), known, examples)
    positions = np.unique(pairs[["left", "right"]].to_numpy())
    for side in ("left", "right"):
        pairs[side] = np.searchsorted(positions, pairs[side])
    found = DuplicateLevels(known, dropped, len(positions), pairs)
    return found.examples(rows_at(ddf, positions, pairing.counts))


def _dropped(pairs: NearPairs) -> int:
    positions, distinct, near = pairs.by_row()
    representatives, _ = represented(distinct, near, np.arange(len(positions)))
    return int((representatives != np.arange(len(positions))).sum())


def _nearest(pairs: NearPairs) -> tuple[Positions, Positions, FloatVector]:
    """Return the pairs of different rows of which one is among the nearest of the other, as in the graph of pandas."""
    positions, distinct, near = pairs.by_row()
    rows = np.repeat(np.arange(len(near)), np.diff(near.starts))
    rank = np.arange(len(rows)) - near.starts[rows]
    kept = rank < FEWEST_NEIGHBORS
    first = positions[distinct.first]
    one, other, cosines = first[rows[kept]], first[near.others[kept]], near.cosines[kept]
    low, high = np.minimum(one, other), np.maximum(one, other)
    _, chosen = np.unique(np.column_stack([low, high]), axis=0, return_index=True)
    return low[chosen], high[chosen], cosines[chosen]
