"""What pairs look like at several thresholds, so that a person can choose one for near duplicates."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mmembed.analysis.finding.duplicates import find_duplicates
from mmembed.analysis.graphs.graph_store import FEWEST_NEIGHBORS, shared_graph
from mmembed.analysis.graphs.near_rows import check_threshold
from mmembed.analysis.rows.distinct import distinct_rows
from mmembed.analysis.rows.preparing import Preparation
from mmembed.arrays import FloatVector, Positions
from mmembed.frames import with_columns
from mmembed.vectors import as_vector_array

LEVELS = (0.99, 0.97, 0.95, 0.9, 0.85, 0.8)


@dataclass(frozen=True, eq=False)
class DuplicateLevels:
    """How many rows each threshold would drop, and the least similar pairs that it would still call duplicates.

    Attributes
    ----------
    levels : tuple of float
        Thresholds, from strict to loose.
    dropped : tuple of int
        Rows that :func:`mmembed.find_duplicates` drops at each.
    n_rows : int
    pairs : pandas.DataFrame
        Example pairs: ``level``, ``similarity``, ``left``, ``right`` (positions).
    """

    levels: tuple[float, ...]
    dropped: tuple[int, ...]
    n_rows: int
    pairs: pd.DataFrame = field(repr=False)

    def summary(self) -> pd.DataFrame:
        """Return one line a level: ``level``, ``dropped``, ``share`` of all rows."""
        dropped = np.array(self.dropped)
        return pd.DataFrame({"level": self.levels, "dropped": dropped, "share": dropped / max(self.n_rows, 1)})

    def examples(self, df: pd.DataFrame, columns: Sequence[Hashable] | None = None) -> pd.DataFrame:
        """Return the example pairs with the contents of both rows.

        Parameters
        ----------
        df : pandas.DataFrame
            The frame whose vectors were compared.
        columns : sequence, optional
            The columns to show; all without it.

        Returns
        -------
        pandas.DataFrame
            ``level``, ``dropped`` (rows that the level drops), ``similarity``, and ``<column>_left`` and
            ``<column>_right`` of each column. Read it from the top: choose the last level whose pairs are all pairs
            that you would call the same.
        """
        with_columns(df, {}, self.n_rows)
        shown = df if columns is None else df[list(columns)]
        left, right = (
            shown.iloc[self.pairs[side].to_numpy()].add_suffix(f"_{side}").reset_index(drop=True)
            for side in ("left", "right")
        )
        beside = [
            one[[name]] for pair in zip(left, right, strict=True) for one, name in zip((left, right), pair, strict=True)
        ]
        dropped = self.pairs["level"].map(dict(zip(self.levels, self.dropped, strict=True)))
        head = pd.DataFrame(
            {"level": self.pairs["level"], "dropped": dropped.astype("int64"), "similarity": self.pairs["similarity"]}
        )
        return pd.concat([head, *beside], axis=1)

    def __repr__(self) -> str:
        counts = ", ".join(f"{level:g}: {count}" for level, count in zip(self.levels, self.dropped, strict=True))
        return f"DuplicateLevels(rows={self.n_rows}, dropped={{{counts}}}); see .examples(df, columns), .summary()"


def duplicate_levels(
    vectors: Any, levels: Sequence[float] = LEVELS, *, examples: int = 3, kinds: Any = None
) -> DuplicateLevels:
    """Show what several thresholds would call near duplicates.

    A cosine means something else in each model, so no threshold is right for all: look at the least similar pairs of
    each level. The neighbour graph is computed once for all levels.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    levels : sequence of float
        Thresholds to try.
    examples : int
        Pairs of each level: those just above it, and below the next stricter level.
    kinds : array-like, shape (n,), optional
        As in :func:`mmembed.find_duplicates`.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.array([[1, 0], [0, 1], [1, 0.01], [1, 0.5]], dtype="float32")
    >>> duplicate_levels(vectors, [0.99, 0.85]).dropped
    (1, 2)
    """
    strict_first = check_levels(levels, examples)
    array = as_vector_array(vectors)
    found = [find_duplicates(array, level, kinds=kinds) for level in strict_first]
    left, right, cosine = _nearest_pairs(Preparation.learn(array, kinds).source(array, kinds), ~array.isna())
    dropped = tuple(int(one.is_duplicate.sum()) for one in found)
    return DuplicateLevels(
        strict_first, dropped, len(array), example_pairs(left, right, cosine, strict_first, examples)
    )


def check_levels(levels: Sequence[float], examples: int) -> tuple[float, ...]:
    """Return the levels from strict to loose, each once.

    Raises
    ------
    ValueError
        If there is none, one is no cosine, or no example is asked for.
    """
    if not len(levels):
        raise ValueError("levels is empty. Give at least one threshold, such as 0.95.")
    if examples < 1:
        raise ValueError(f"examples={examples} shows no pair. Give at least 1.")
    return tuple(sorted({check_threshold(float(level)) for level in levels}, reverse=True))


def example_pairs(
    left: Positions, right: Positions, cosine: FloatVector, strict_first: Sequence[float], examples: int
) -> pd.DataFrame:
    """Return the least similar pairs of each level: ``level``, ``similarity``, ``left`` and ``right``."""
    chosen, above = [], np.float32(np.inf)
    for level in map(np.float32, strict_first):
        inside = np.flatnonzero((cosine >= level) & (cosine < above))
        chosen.append(inside[np.lexsort((right[inside], left[inside], cosine[inside]))][:examples])
        above = level
    picked = np.concatenate([np.empty(0, dtype=np.int64), *chosen])
    return pd.DataFrame(
        {
            "level": np.repeat(np.asarray(strict_first, dtype=np.float64), [len(one) for one in chosen]),
            "similarity": cosine[picked],
            "left": left[picked],
            "right": right[picked],
        }
    )


def _nearest_pairs(rows: Any, present: Any) -> tuple[Positions, Positions, FloatVector]:
    """Return every pair of different rows in the graph once, by the position of the first row that has each."""
    directed = rows.any(axis=1)
    positions = np.flatnonzero(present)[directed]
    if not len(positions):
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, np.empty(0, dtype=np.float32)
    distinct = distinct_rows(rows[directed])
    graph = shared_graph(distinct.rows, FEWEST_NEIGHBORS)
    group, place = np.nonzero(graph.indices >= 0)
    first = positions[distinct.first]
    one, other = first[group], first[graph.indices[group, place]]
    pairs = np.column_stack([np.minimum(one, other), np.maximum(one, other)])
    _, chosen = np.unique(pairs[:, 0] * len(present) + pairs[:, 1], return_index=True)
    return pairs[chosen, 0], pairs[chosen, 1], graph.similarities[group, place][chosen]
