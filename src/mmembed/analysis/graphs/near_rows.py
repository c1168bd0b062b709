"""The rows within a threshold of each row of a column: from its graph, and exactly where they are many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosines import pair_cosines
from mmembed.analysis.graphs.blocks import pairs_across
from mmembed.analysis.graphs.graph import FEWEST_NEIGHBORS, NeighborGraph, shared_graph
from mmembed.arrays import FloatMatrix, FloatVector, Positions
from mmembed.vectors.rows import Lengths, row_lengths

if TYPE_CHECKING:
    from scipy.sparse import csr_array


MEASURED_BELOW = 30_000

"""So many rows are compared with all others."""

_SAMPLE = 200

_ROUNDING = 1e-6  # of a cosine


@dataclass(frozen=True, eq=False)
class NearRows:
    """Different rows, and for each the others whose cosine with it reaches a threshold.

    Attributes
    ----------
    rows : numpy.ndarray, shape (u, d), float32
        Different rows, none of them zero.
    graph : NeighborGraph
        The shared graph of the rows.
    threshold : numpy.float32
    """

    rows: FloatMatrix = field(repr=False)
    graph: NeighborGraph = field(repr=False)
    threshold: np.float32
    _lengths: Lengths = field(repr=False)
    _links: csr_array | None = field(default=None, repr=False)

    @classmethod
    def of(cls, rows: FloatMatrix, threshold: float, *, measured_below: int = MEASURED_BELOW) -> NearRows:
        """Take the graph of the rows from the store, or compute it; of fewer rows than so many, exactly."""
        level, lengths = np.float32(threshold), row_lengths(rows)
        if len(rows) < measured_below:
            return cls(rows, shared_graph(rows, FEWEST_NEIGHBORS, "exact"), level, lengths)
        graph = shared_graph(rows, FEWEST_NEIGHBORS)
        return cls(rows, graph, level, lengths, _pairs_of_graph(graph, level))

    def __len__(self) -> int:
        return len(self.rows)

    def have_any(self) -> Positions:
        """Return the positions of the rows that have another one within the threshold, in row order."""
        if self._links is not None:
            return np.flatnonzero(np.diff(self._links.indptr))
        return np.flatnonzero(self.graph.similarities[:, 0] >= self.threshold)

    def of_row(self, position: int) -> tuple[Positions, FloatVector]:
        """Return the other rows within the threshold of one row, nearest first, and their cosines."""
        if self._links is not None:
            return self._reach_further(position, self._links)
        cosines = self.graph.similarities[position]
        if cosines[-1] >= self.threshold:  # all the graph's neighbours are near, so there may be more
            return self._measure_pairs(position)
        near = int((cosines >= self.threshold).sum())
        return self.graph.indices[position, :near].astype(np.int64), cosines[:near]

    def method(self) -> tuple[str, float]:
        """Return how the near rows are found, and which share of those of a sample is."""
        if self._links is None:
            return self.graph.method, self.graph.recall
        recall = self._recall()
        return (self.graph.method if self.graph.method != "exact" or recall == 1 else "linked"), recall

    def _recall(self) -> float:
        sample = np.random.default_rng(0).choice(len(self), min(_SAMPLE, len(self)), replace=False)
        crowded = self.have_any()
        if len(crowded):
            some = np.random.default_rng(1).choice(crowded, min(_SAMPLE, len(crowded)), replace=False)
            sample = np.union1d(sample, some)
        place, near, _ = pairs_across(self.rows[sample], self.rows, float(self.threshold))
        asked = sample[place]
        asked, near = asked[asked != near], near[asked != near]
        if not len(near):
            return 1.0
        found = [np.column_stack([np.full(len(of), one), of]) for one in sample for of in [self.of_row(int(one))[0]]]
        known = np.concatenate(found)
        return float(np.isin(asked * len(self) + near, known[:, 0] * len(self) + known[:, 1]).mean())

    def _reach_further(self, position: int, links: csr_array) -> tuple[Positions, FloatVector]:
        """Return the near rows that are reached over near rows."""
        inside = slice(links.indptr[position], links.indptr[position + 1])
        near, cosines = links.indices[inside].astype(np.int64), links.data[inside]
        if self.graph.similarities[position, -1] >= self.threshold:  # there may be more than the graph has room for
            seen, found = self._scratch
            least = float(self.threshold) - _ROUNDING
            count = self._reach(self.rows, self._lengths, links.indptr, links.indices, position, least, seen, found)
            new = np.setdiff1d(found[:count], near, assume_unique=True).astype(np.int64)
            at, lengths = np.full(len(new), position), self._lengths
            values = pair_cosines(self.rows, self.rows, at, new, left_lengths=lengths, right_lengths=lengths)
            near = np.concatenate([near, new[values >= self.threshold]])
            cosines = np.concatenate([cosines, values[values >= self.threshold]])
        order = np.lexsort((near, -cosines))
        return near[order], cosines[order]

    @cached_property
    def _reach(self) -> Callable[..., int]:
        from mmembed.analysis.graphs.graph_kernels import compiled

        return cast("Callable[..., int]", compiled("reach"))

    @cached_property
    def _scratch(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """In which call each row was seen, and room for the rows that are found."""
        return np.zeros(len(self) + 1, dtype=np.int32), np.empty(len(self), dtype=np.int32)

    def _measure_pairs(self, position: int) -> tuple[Positions, FloatVector]:
        margin = (self.rows.shape[1] + 32) * 2.0**-24
        rough = (self.rows @ (self.rows[position] / np.float32(self._lengths[position]))) / self._lengths
        found = np.flatnonzero(rough >= self.threshold - margin)
        found = found[found != position]
        at = np.full(len(found), position)
        cosines = pair_cosines(self.rows, self.rows, at, found, left_lengths=self._lengths, right_lengths=self._lengths)
        found, cosines = found[cosines >= self.threshold], cosines[cosines >= self.threshold]
        order = np.lexsort((found, -cosines))
        return found[order], cosines[order]


def _pairs_of_graph(graph: NeighborGraph, threshold: np.float32) -> csr_array:
    """Return the near pairs of a graph in both directions."""
    from scipy.sparse import csr_array

    row, place = np.nonzero(graph.similarities >= threshold)
    other, values = graph.indices[row, place].astype(np.int64), graph.similarities[row, place]
    left, right = np.concatenate([row, other]), np.concatenate([other, row])
    together, first = np.unique(left * len(graph) + right, return_index=True)
    rows, columns = np.divmod(together, len(graph))
    pairs = np.concatenate([values, values])[first], (rows, columns)
    links = csr_array(pairs, shape=(len(graph), len(graph)))
    links.indices, links.indptr = links.indices.astype(np.int32), links.indptr.astype(np.int32)
    return links


def check_threshold(threshold: float) -> float:
    """Return a cosine threshold, or refuse a number that no cosine can reach.

    Raises
    ------
    ValueError
        If it is not a number from -1 to 1.
    """
    if not -1 <= threshold <= 1:  # also refuses NaN
        raise ValueError(
            f"threshold={threshold!r} is not a cosine. Give a number from -1 to 1; near duplicates are close to 1."
        )
    return threshold
