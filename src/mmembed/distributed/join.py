"""Joining by blocks: the nearest rows of each pair of partitions, put together for each partition of the left frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from dask.delayed import Delayed, delayed

from mmembed.analysis.finding.join import JoinedPairs, best_matching, join
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.arrays import FloatVector, Positions
from mmembed.distributed.columns import no_vectors, vector_dtype, vectors_in
from mmembed.distributed.partitions import combined, frame_of, parts_of, shared
from mmembed.frames import column_of
from mmembed.vectors import VectorDtype, as_vector_array

if TYPE_CHECKING:
    import dask.dataframe as dd

    from mmembed.arrays import FloatMatrix

_ROWS_OF_A_SLICE = 50_000  # of a pandas frame
_PLACES = 1 << 32  # a right row is called by its partition times this, plus its place


@dataclass(frozen=True, eq=False)
class _Nearest:
    """The nearest right rows of each row of a left partition: names and cosines, shape (n, k), -1 and NaN for none."""

    names: Positions = field(repr=False)
    cosines: FloatMatrix = field(repr=False)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """The pairs of a left partition: place of the left row, name of the right one, cosine; in order of the left."""

    left: Positions = field(repr=False)
    names: Positions = field(repr=False)
    cosines: FloatVector = field(repr=False)


@dataclass(frozen=True)
class JoinPlan:
    """A join that was found to make sense.

    Attributes
    ----------
    left_on, right_on : str
    left_dtype, right_dtype : VectorDtype
    k, threshold, one_to_one, suffixes :
        As in ``ddf.mmembed.join``.
    """

    left_on: str
    right_on: str
    left_dtype: VectorDtype
    right_dtype: VectorDtype
    k: int
    threshold: float | None
    one_to_one: bool
    suffixes: tuple[str, str]
    name: str | None = None

    @classmethod
    def of(cls, ddf: dd.DataFrame, other: Any, left_on: str, right_on: str | None, **options: Any) -> JoinPlan:
        """Raise what pandas would, before anything is computed."""
        import dask.dataframe as dd

        if not isinstance(other, pd.DataFrame | dd.DataFrame):
            raise TypeError(f"other is a {type(other).__name__}; expected a Dask DataFrame or a pandas one.")
        right_on = left_on if right_on is None else right_on
        left = ddf[column_of(ddf._meta, left_on).name]  # noqa: SLF001  Dask has no other name for it
        dtypes = vector_dtype(left), _right_dtype(other, right_on)
        return cls(left_on, right_on, *dtypes, **options)

    def meta(self, left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
        """Return an empty joined frame."""
        nothing = no_vectors(self.left_dtype), no_vectors(self.right_dtype)
        found = join(*nothing, self.k, threshold=self.threshold, one_to_one=self.one_to_one)
        return found.add_to(left, right, suffixes=self.suffixes, name=self.name)

    def nearest(self, left: pd.DataFrame, right: pd.DataFrame, part: int) -> _Nearest:
        """Return the nearest rows of one right partition for each row of a left one."""
        one, other = vectors_in(left[self.left_on], self.left_dtype), vectors_in(right[self.right_on], self.right_dtype)
        wanted = min(self.k, max(len(other), 1))
        places, cosines = nearest_rows(
            one.matrix, other.matrix, wanted, queries_missing=one.isna(), missing=other.isna()
        )
        return _Nearest(np.where(places >= 0, places + part * _PLACES, -1), cosines)

    def merged(self, *found: _Nearest) -> _Nearest:
        """Return the nearest of partitions that follow each other, ties in row order."""
        names = np.concatenate([one.names for one in found], axis=1)
        cosines = np.concatenate([one.cosines for one in found], axis=1)
        order = np.argsort(-cosines, axis=1, kind="stable")[:, : self.k]  # partitions come in order; NaN comes last
        return _Nearest(np.take_along_axis(names, order, axis=1), np.take_along_axis(cosines, order, axis=1))

    def pairs(self, found: _Nearest) -> _Pairs:
        """Return the pairs of a left partition that are near enough."""
        fits = found.names >= 0
        if self.threshold is not None:
            fits &= np.nan_to_num(found.cosines, nan=-2) >= np.float32(self.threshold)
        left, rank = np.nonzero(fits)
        return _Pairs(left, found.names[left, rank], found.cosines[left, rank])

    def joined(self, left: pd.DataFrame, pairs: _Pairs, taken: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Return the joined rows of a left partition, from the right rows that it needs."""
        right = pd.concat(list(taken))
        _, place = np.unique(pairs.names, return_inverse=True)
        found = JoinedPairs(pairs.left, place, pairs.cosines, len(left), len(right))
        return found.add_to(left, right, suffixes=self.suffixes, name=self.name)


def join_blocks(ddf: dd.DataFrame, other: Any, plan: JoinPlan) -> dd.DataFrame:
    """Return the joined frame, whose partitions are those of the left one; nothing is computed."""
    if isinstance(other, pd.DataFrame):
        meta, rows = other.iloc[:0], _slices(other)
        vectors = [delayed(_only)(part, plan.right_on) for part in rows]
    else:
        meta, rows = other._meta, parts_of(other)  # noqa: SLF001  Dask has no other name for it
        vectors = parts_of(other[[plan.right_on]])
    joined = plan.meta(ddf._meta, meta)  # noqa: SLF001
    pairs = [
        delayed(plan.pairs)(
            combined([delayed(plan.nearest)(left, right, j) for j, right in enumerate(vectors)], plan.merged)
        )
        for left in parts_of(ddf[[plan.left_on]])
    ]
    if plan.one_to_one:
        matched = delayed(_match_pairs)(pairs)
        pairs = [matched[i] for i in range(len(pairs))]
    parts = [
        delayed(plan.joined)(left, mine, [delayed(_take_rows)(part, mine, j) for j, part in enumerate(rows)])
        for left, mine in zip(parts_of(ddf), pairs, strict=True)
    ]
    found: dd.DataFrame = frame_of(parts, joined, ddf.divisions)
    return found


def _right_dtype(other: Any, right_on: str) -> VectorDtype:
    if isinstance(other, pd.DataFrame):
        dtype: VectorDtype = as_vector_array(column_of(other, right_on)).dtype
        return dtype
    return vector_dtype(column_of(other, right_on))


def _slices(other: pd.DataFrame) -> list[Delayed]:
    """Return a pandas frame in parts that tasks take."""
    frame, bounds = shared(other), [*range(0, len(other), _ROWS_OF_A_SLICE), len(other)]
    return [delayed(_slice)(frame, *ends) for ends in pairwise(bounds)] or [frame]


def _slice(other: pd.DataFrame, start: int, end: int) -> pd.DataFrame:
    return other.iloc[start:end]


def _only(part: pd.DataFrame, column: str) -> pd.DataFrame:
    return part[[column]]


def _take_rows(part: pd.DataFrame, pairs: _Pairs, number: int) -> pd.DataFrame:
    """Return the rows of a right partition that a left one needs, each once, in order."""
    names = np.unique(pairs.names[pairs.names // _PLACES == number])
    return part.iloc[names % _PLACES]


def _match_pairs(parts: Sequence[_Pairs]) -> list[_Pairs]:
    """Return the pairs of the best matching of the whole left frame, by its partitions."""
    part = np.repeat(np.arange(len(parts)), [len(one.left) for one in parts])
    left, names, cosines = (
        np.concatenate([getattr(one, name) for one in parts]) for name in ("left", "names", "cosines")
    )
    chosen = best_matching(part * _PLACES + left, names, cosines)
    bounds = np.searchsorted(part[chosen], np.arange(len(parts) + 1))
    picked = [chosen[bounds[i] : bounds[i + 1]] for i in range(len(parts))]
    return [_Pairs(left[mine], names[mine], cosines[mine]) for mine in picked]
