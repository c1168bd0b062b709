"""The methods that group rows: communities of the neighbour graph, k-means, HDBSCAN.

Two neighbours are tied by how many of their neighbours they share (Jarvis and Patrick 1973), which evens out regions of
unlike density. Communities are found by the Leiden method (Traag et al. 2019), and then each row goes where most of its
ties lead. Methods that look for density get a few spectral coordinates, in which
the communities of a graph are dense clouds.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.steady_order import steady_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mmembed.analysis.graphs.graph import NeighborGraph
    from mmembed.arrays import FloatMatrix, Positions


# Rows that are summed in single precision at once, and rows whose ties are.
_ROWS_SUMMED_AT_ONCE, _ROWS_AT_ONCE = 2048, 1 << 12


@np.errstate(under="ignore")
def k_means(reduced: FloatMatrix, counts: Positions, n_clusters: int, seed: int, *, starts: int = 4) -> Positions:
    """Group by k-means, each row weighted by how often it occurs; the best of so many starts."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    estimator = KMeans(n_clusters, n_init=starts, random_state=seed)
    order = steady_order(reduced)
    # With several threads sums depend on which thread ends first, and one seed would not always give one result.
    with threadpool_limits(limits=1, user_api="openmp"):
        estimator.fit(reduced[order], sample_weight=counts[order])
    labels = np.empty(len(order), dtype=np.int64)
    labels[order] = estimator.labels_
    return labels


def weighted_centroids(
    rows: FloatMatrix, counts: Positions, labels: Positions, n_clusters: int, *, places: Positions | None = None
) -> FloatMatrix:
    """Return the unit mean of the rows of each cluster, shape (n_clusters, d).

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d)
    counts, labels : numpy.ndarray of int, shape (n,)
        How often each row occurs, and its cluster; those below 0 are left out.
    n_clusters : int
    places : numpy.ndarray of int, shape (n,), optional
        Where the row of each count and label stands, if they are in another order than the rows.
    """
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(n_clusters + 1))
    weights = counts.astype(np.float32)
    sums = np.zeros((n_clusters, rows.shape[1]))
    for cluster in range(n_clusters):
        members = order[bounds[cluster] : bounds[cluster + 1]]
        for start in range(0, len(members), _ROWS_SUMMED_AT_ONCE):
            some = members[start : start + _ROWS_SUMMED_AT_ONCE]
            sums[cluster] += weights[some] @ rows[some if places is None else places[some]]
    return unit_rows(sums.astype(np.float32))


@np.errstate(under="ignore")
def hdbscan(coordinates: FloatMatrix, counts: Positions, min_cluster_size: int) -> Positions:
    """Group by density (Campello et al. 2013); rows in no dense region are noise."""
    from sklearn.cluster import HDBSCAN

    repeated = np.repeat(np.arange(len(counts)), np.minimum(counts, min_cluster_size))
    if len(repeated) < min_cluster_size:
        # Too few rows for even one cluster, which the estimator refuses to look at.
        return np.full(len(counts), -1)
    estimator = HDBSCAN(min_cluster_size=min_cluster_size, min_samples=min(5, min_cluster_size), copy=True)
    estimator.fit(coordinates[repeated])
    return majority(estimator.labels_, repeated, len(counts))


def majority(labels: npt.NDArray[Any], group: Positions, n_groups: int) -> Positions:
    """Return one label for each group of equal rows: that of most of them, the lowest of those that tie.

    Density methods break ties between equal distances by position, and so may part equal rows.
    """
    names, codes = np.unique(labels, return_inverse=True)
    votes = np.zeros((n_groups, len(names)), dtype=np.int64)
    np.add.at(votes, (group, codes), 1)
    return np.asarray(names[votes.argmax(axis=1)], dtype=np.int64)


# More neighbours blur small clusters and fewer tear large ones: the square root, between the two.
_FEWEST_NEIGHBORS, _MOST_NEIGHBORS = 5, 15

# Above this many rows, communities are made of small ones that are found once: many times faster, and hardly different.
_MOST_SINGLE_ROWS = 8000

_FINE_RESOLUTION = 200.0

# Communities of the first are what those up to the second are made of where rows are many.
_COARSE_RESOLUTION, _LOW_RESOLUTION = 32.0, 1.0

# From here on neighbourhoods end sharply, what they share is counted by a compiled loop, and few communities are found
# among those of a resolution in between.
MANY_ROWS = 20_000

_PAIRS_AT_ONCE = 1 << 16

# Narrow neighbourhoods keep thin groups apart, wide ones hold loose groups together: ties are the mean of three widths.
_WIDTHS = (1 / 3, 2 / 3, 1)

# A neighbourhood ends over so many of its neighbours on either side, and over as small a share of the distance.
_RAMP, _LEAST_RAMP = 0.2, 0.01

# Nearly all rows have settled by then.
_MOST_MOVES = 5


def neighbors_for(n_rows: int) -> int:
    """Return how many neighbours of each row the communities of a table of ``n_rows`` rest on."""
    wanted = round(math.sqrt(n_rows) / 1.5)
    return max(1, min(n_rows - 1, max(_FEWEST_NEIGHBORS, min(_MOST_NEIGHBORS, wanted))))


def shared_neighbor_weights(graph: NeighborGraph, widths: Sequence[int] | None = None) -> Any:
    """Return the symmetric sparse matrix, shape (u, u), of how much neighbours share.

    The weight of a pair of which one is a neighbour of the other is the number of rows that are in both
    neighbourhoods, themselves included, over the number that are in either: 0 to 1. Of several widths, each so many
    neighbours of the graph, it is the mean.
    """
    from scipy import sparse

    from mmembed.analysis.clusters.cluster_kernels import compiled

    sizes = np.array([graph.k] if widths is None else [min(one, graph.k) for one in widths], dtype=np.int64)
    near = graph.indices[:, : sizes.max()]
    low, high = _neighbor_pairs(near)
    weights = np.empty(len(low))
    compiled("share_neighbors")(*_neighborhoods(near), low, high, sizes, np.empty_like(sizes), weights)
    weights *= 1 / len(sizes)
    starts = np.concatenate([[0], np.cumsum(np.bincount(low, minlength=len(near)))]).astype(_places_of(len(low)))
    half = sparse.csr_matrix((weights, high, starts), shape=(len(near), len(near)))
    return (half + half.T).tocsr()


def _places_of(number: int) -> type[np.int32 | np.int64]:
    return np.int32 if number < 2**31 else np.int64


def _neighbor_pairs(near: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return both rows of each pair of which one is near to the other, the lower one first; in order."""
    n_rows, k = near.shape
    keys, filled = np.empty(near.size, dtype=np.int64), 0
    for start in range(0, n_rows, _ROWS_AT_ONCE):
        column = near[start : start + _ROWS_AT_ONCE].ravel().astype(np.int64)
        row = np.repeat(np.arange(start, start + len(column) // k), k)
        row, column = row[column >= 0], column[column >= 0]
        keys[filled : filled + len(row)] = np.minimum(row, column) * n_rows + np.maximum(row, column)
        filled += len(row)
    keys = keys[:filled]
    keys.sort()
    # Sorting is several times faster than np.unique, which hashes.
    is_first = np.ones(len(keys), dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
    keys = keys[is_first]
    low, high = np.empty(len(keys), dtype=np.int32), np.empty(len(keys), dtype=np.int32)
    for start in range(0, len(keys), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        low[part], high[part] = np.divmod(keys[part], n_rows)
    return low, high


def _neighborhoods(near: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int16]]:
    """Return the neighbours of each row and itself in rising order, and their ranks."""
    n_rows, k = near.shape
    ids, ranks = np.empty((n_rows, k + 1), dtype=np.int32), np.empty((n_rows, k + 1), dtype=np.int16)
    for start in range(0, n_rows, _ROWS_AT_ONCE):
        part = slice(start, min(start + _ROWS_AT_ONCE, n_rows))
        closed = np.column_stack([np.arange(part.start, part.stop, dtype=np.int32), near[part]])
        order = np.argsort(closed, axis=1)
        ids[part], ranks[part] = np.take_along_axis(closed, order, axis=1), order
    return ids, ranks


def part_of(weights: Any, rows: Positions) -> Any:
    """Return ``weights[rows][:, rows]``, each row's ties in the order that they have, without a copy of more.

    Parameters
    ----------
    weights : scipy.sparse.csr_matrix, shape (u, u)
    rows : numpy.ndarray of int, shape (m,)
        Each once.
    """
    from scipy import sparse

    name = np.full(weights.shape[0], -1, dtype=np.int32)
    name[rows] = np.arange(len(rows), dtype=np.int32)
    begins, ends = weights.indptr[rows], weights.indptr[rows + 1]
    room = int((ends - begins).sum(dtype=np.int64))
    others, ties = np.empty(room, dtype=np.int32), np.empty(room, dtype=weights.data.dtype)
    starts = np.zeros(len(rows) + 1, dtype=np.int64)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        block = weights[rows[start : start + _ROWS_AT_ONCE]]
        column = name[block.indices]
        is_kept = column >= 0
        counted = np.concatenate([[0], np.cumsum(is_kept)])[block.indptr[1:]]
        begin, end = starts[start], starts[start] + counted[-1]
        others[begin:end], ties[begin:end] = column[is_kept], block.data[is_kept]
        starts[start + 1 : start + 1 + len(counted)] = begin + counted
    n_kept = int(starts[-1])
    parts = (ties[:n_kept], others[:n_kept], starts.astype(_places_of(n_kept)))
    return sparse.csr_matrix(parts, shape=(len(rows), len(rows)))


def neighbors_read(n_rows: int) -> int:
    """Return how many neighbours :func:`neighbor_ties` looks at: those that rows are tied to, and the next ones."""
    wanted = neighbors_for(n_rows)
    return min(n_rows - 1, wanted + _ramp(wanted) + 1) if n_rows <= MANY_ROWS else wanted


def neighbor_ties(graph: NeighborGraph, k: int | None = None) -> Any:
    """Return how closely rows are tied: a symmetric sparse matrix of shape (u, u), 0 to 1.

    The mean of what neighbours share over a third, two thirds and all of ``k`` neighbours, all of the graph's where it
    is not given: of :func:`gradual_weights`, and in a large table, where one row more or less decides nothing, of
    :func:`shared_neighbor_weights`.
    """
    k = graph.k if k is None else k
    widths = sorted({max(1, round(share * k)) for share in _WIDTHS})
    if len(graph) > MANY_ROWS:
        return shared_neighbor_weights(graph, widths)
    ties = gradual_weights(graph, widths[0])
    for width in widths[1:]:
        ties = ties + gradual_weights(graph, width)
    return (ties / len(widths)).tocsr()


def _ramp(width: int) -> int:
    """Return over how many ranks on either side a neighbour of rank ``width`` stops being one."""
    return max(1, math.ceil(_RAMP * width))


def gradual_weights(graph: NeighborGraph, width: int) -> Any:
    """Return how much neighbours share, shape (u, u), where being a neighbour ends gradually.

    A sharp end hangs on rounding: which of two rows is the last neighbour, and with it every community that follows.
    So a row is a neighbour in full a few ranks before ``width``, none a few ranks after it, and in between in
    proportion to its cosine. The weight of a pair is the Tanimoto similarity of the two closed neighbourhoods, which is
    the share of :func:`shared_neighbor_weights` where the end is sharp, times how far one is a neighbour of the other.

    Parameters
    ----------
    graph : NeighborGraph
        Of more than ``width`` neighbours; where it ends, neighbourhoods end sharply.
    width : int
        At so many neighbours their neighbourhood ends.
    """
    from scipy import sparse

    n_rows, k = graph.indices.shape
    near = np.where(graph.indices >= 0, graph.similarities, -1).astype(np.float64)
    ramp = _ramp(width)
    if width + ramp < k:
        inner, outer = near[:, [max(0, width - ramp - 1)]], near[:, [width + ramp]]
        # Rows as far away as one another are alike, whatever their last digits say.
        stretch = np.maximum(inner - outer, _LEAST_RAMP * np.maximum(1 - outer, 0) + 1e-9)
        degree = np.where(graph.indices >= 0, np.clip((near - outer) / stretch, 0, 1), 0)
    else:
        degree = (graph.indices >= 0) * (np.arange(k) < width).astype(np.float64)
    rows, places = np.nonzero(degree)
    entries = (degree[rows, places], (rows, graph.indices[rows, places]))
    member = sparse.csr_matrix(entries, shape=(n_rows, n_rows))
    either = member.maximum(member.T).tocsr()
    closed = (member + sparse.identity(n_rows, format="csr")).tocsr()
    shared = (closed @ closed.T).tocsr()
    size = shared.diagonal()
    pairs = sparse.triu(either, 1).tocoo()
    both = np.asarray(shared[pairs.row, pairs.col]).ravel()
    weight = pairs.data * both / (size[pairs.row] + size[pairs.col] - both)
    half = sparse.csr_matrix((weight, (pairs.row, pairs.col)), shape=(n_rows, n_rows))
    return (half + half.T).tocsr()


def settle(weights: Any, labels: Positions) -> Positions:
    """Return the labels after each row has gone to the community that most of its ties lead to, until none moves.

    A row that is tied to its own as closely as to another stays; a community that all have left is gone.
    """
    from mmembed.analysis.clusters.cluster_kernels import compiled

    move = compiled("move_rows")
    starts, others = (array.astype(np.int32, copy=False) for array in (weights.indptr, weights.indices))
    ties = weights.data.astype(np.float64, copy=False)
    pulls = np.zeros(int(labels.max(initial=0)) + 1)
    for _ in range(_MOST_MOVES):
        goal = np.empty_like(labels)
        if not move(starts, others, ties, labels, goal, pulls):
            break
        labels = goal
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def leiden(weights: Any, resolution: float, seed: int | None = None) -> Positions:
    """Return the community of each node, numbered from 0.

    Nodes are asked in an order that the seed draws; without one in the order in which they stand.
    """
    n_nodes = weights.shape[0]
    if n_nodes == 0 or weights.nnz == 0:
        return np.arange(n_nodes, dtype=np.int64)
    from mmembed.analysis.clusters.leiden_kernels import communities

    if not weights.has_sorted_indices:
        # Sums run in the order in which ties are kept, which says nothing of them.
        weights = weights.sorted_indices()
    rank = np.arange(n_nodes) if seed is None else np.random.default_rng(seed).permutation(n_nodes)
    found = communities(
        weights.indptr.astype(np.int64),
        weights.indices.astype(np.int32, copy=False),
        weights.data.astype(np.float64, copy=False),
        rank.astype(np.int64, copy=False),
        float(resolution),
    )
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def ties_between(weights: Any, labels: Positions, number: int | None = None) -> Any:
    """Return the sums of ties between communities, a sparse matrix of shape (number, number)."""
    from scipy import sparse

    number = int(labels.max(initial=-1)) + 1 if number is None else number
    ones, ends = np.ones(len(labels)), np.arange(len(labels) + 1)
    member = sparse.csr_matrix((ones, labels, ends), shape=(len(labels), number))
    return (member.T @ weights @ member).tocsr()


def tie_blocks(weights: Any) -> Iterator[tuple[Positions, slice]]:
    """Yield the row of each tie of a sparse matrix in blocks of rows, and which ties these are."""
    for start in range(0, weights.shape[0], _ROWS_AT_ONCE):
        ends = weights.indptr[start : start + _ROWS_AT_ONCE + 1]
        yield np.repeat(np.arange(start, start + len(ends) - 1), np.diff(ends)), slice(int(ends[0]), int(ends[-1]))


def modularity(weights: Any, labels: Positions) -> float:
    """Return the share of ties within communities beyond that of random ties (Newman and Girvan 2004).

    Each row of noise (-1) is on its own.
    """
    total = float(weights.sum())
    if total == 0:
        return 0.0
    labels = _split_noise(labels)
    is_inside = np.empty(len(weights.data), dtype=np.bool_)
    for row, ties in tie_blocks(weights):
        np.equal(labels[row], labels[weights.indices[ties]], out=is_inside[ties])
    inside = float(weights.data[is_inside].sum())
    return inside / total - float((community_shares(weights, labels) ** 2).sum())


def community_shares(weights: Any, labels: Positions) -> npt.NDArray[np.float64]:
    """Return the share of all ties that the rows of each community have, each row of noise (-1) on its own."""
    strength = np.bincount(_split_noise(labels), np.asarray(weights.sum(axis=1)).ravel())
    return strength / max(float(strength.sum()), 1e-300)


def _split_noise(labels: Positions) -> Positions:
    """Return the labels with a new one for each row of noise."""
    alone = np.flatnonzero(labels < 0)
    labels = labels.copy()
    labels[alone] = int(labels.max(initial=-1)) + 1 + np.arange(len(alone))
    return labels


class CommunityFinder:
    """Finds communities of one graph at several resolutions.

    Parameters
    ----------
    weights : scipy.sparse.csr_matrix, shape (u, u), or callable
        What makes it stands for a matrix that is not to be kept: rows of a large table then cannot settle.
    seed : int, optional
        As of :func:`leiden`.
    fine : float
        The resolution of the small groups that communities of a large table are made of.
    """

    def __init__(
        self, weights: Any | Callable[[], Any], seed: int | None = None, *, fine: float = _FINE_RESOLUTION
    ) -> None:
        self._seed, self._weights = seed, None if callable(weights) else weights
        made = weights() if callable(weights) else weights
        n_rows = made.shape[0]
        self._many = n_rows > MANY_ROWS
        self.groups = np.arange(n_rows, dtype=np.int64)
        if n_rows > _MOST_SINGLE_ROWS:
            if callable(weights):
                # Leiden would hold a sorted copy beside it.
                made.sort_indices()
            self.groups = leiden(made, fine, seed)
            if callable(weights):
                # Sums of ties run in the order that they have unsorted.
                del made
                made = weights()
            made = ties_between(made, self.groups)
        self.nodes = made

    @cached_property
    def _coarse(self) -> tuple[Any, Positions]:
        """Larger groups, for low resolutions: their ties, and the one of each node."""
        groups = leiden(self.nodes, _COARSE_RESOLUTION, self._seed)
        return ties_between(self.nodes, groups), groups

    def at(self, resolution: float) -> Positions:
        """Return the community of each row, shape (u,)."""
        return settle(self._weights, self.unsettled(resolution))

    def unsettled(self, resolution: float) -> Positions:
        """Return the community of each row before rows have settled."""
        return self.of_nodes(resolution)[self.groups]

    def of_nodes(self, resolution: float) -> Positions:
        """Return the community of each node: of a row, or of a small group of rows in a large table."""
        if self._many and resolution <= _LOW_RESOLUTION:
            nodes, groups = self._coarse
            return leiden(nodes, resolution, self._seed)[groups]
        return leiden(self.nodes, resolution, self._seed)

    def cuts_ties(self, labels: Positions) -> bool:
        """Return whether any tie is between two communities of nodes."""
        own = np.repeat(labels, np.diff(self.nodes.indptr))
        return bool((self.nodes.data[own != labels[self.nodes.indices]] > 0).any())

    def exactly(self, n_clusters: int) -> Positions:
        """Return ``n_clusters`` communities: found at some resolution, or merged from a few more.

        Raises
        ------
        ValueError
            If the graph cannot be parted into as many.
        """
        labels = self._numbered(n_clusters)
        final = settle(self._weights, labels)
        # A community that all would leave is kept where its number was asked for.
        return final if final.max() == labels.max() else labels

    def _numbered(self, n_clusters: int) -> Positions:
        low, high = 2.0**-6, 1.0
        labels = self.unsettled(high)
        while labels.max() + 1 < n_clusters and high < 2.0**20:
            high *= 2
            labels = self.unsettled(high)
        if labels.max() + 1 < n_clusters:
            raise ValueError(f"n_clusters={n_clusters} is more than the {labels.max() + 1} communities of these rows.")
        best = labels
        for _ in range(12):
            if best.max() + 1 == n_clusters:
                return best
            middle = (low * high) ** 0.5
            labels = self.unsettled(middle)
            if labels.max() + 1 >= n_clusters:
                high, best = middle, labels if labels.max() <= best.max() else best
            else:
                low = middle
        return self._merge_most_tied(best, n_clusters)

    def _merge_most_tied(self, labels: Positions, n_clusters: int) -> Positions:
        """Merge the two communities with the most ties for their size, again and again."""
        first = np.zeros(self.nodes.shape[0], dtype=np.int64)
        first[self.groups] = labels
        ties = ties_between(self.nodes, first).toarray().astype(np.float64)
        names = np.arange(len(ties))
        while len(ties) > n_clusters:
            strength = ties.sum(axis=1)
            closeness = ties / np.maximum(np.outer(strength, strength), 1e-300)
            np.fill_diagonal(closeness, -1)
            one, other = sorted(np.unravel_index(int(closeness.argmax()), closeness.shape))
            ties[one] += ties[other]
            ties[:, one] += ties[:, other]
            ties = np.delete(np.delete(ties, other, axis=0), other, axis=1)
            names[names == other] = one
            names[names > other] -= 1
        return np.asarray(names[labels], dtype=np.int64)


_COORDINATES = 20

# After so many steps a walk still tells communities apart, but hardly places within one.
_STEPS = 4


@np.errstate(under="ignore")
def spectral_coordinates(weights: Any) -> FloatMatrix:
    """Return where a random walk on the graph leads from each node (diffusion map, Coifman and Lafon 2006).

    Parameters
    ----------
    weights : scipy.sparse.csr_matrix, shape (u, u)
        Symmetric, with at least one tie.

    Returns
    -------
    numpy.ndarray, shape (u, at most 21), float64
        The same at each call.
    """
    from scipy import sparse
    from scipy.sparse.linalg import eigsh

    n_rows = weights.shape[0]
    strength = np.asarray(weights.sum(axis=1)).ravel() + 1e-12
    scale = sparse.diags(strength**-0.5)
    walk = scale @ weights @ scale
    wanted = min(_COORDINATES + 1, n_rows - 1)
    if n_rows <= 4 * wanted:
        values, vectors = np.linalg.eigh(walk.toarray())
    else:
        # A start of our own, so that the iteration does not draw one; not constant, or it could miss a direction.
        start = np.random.default_rng(0).normal(size=n_rows)
        values, vectors = eigsh(walk, k=wanted, which="LA", v0=start, tol=1e-5)
    order = np.argsort(-values)[:wanted]
    coordinates = vectors[:, order] * np.clip(values[order], 0, 1) ** _STEPS
    return np.asarray(coordinates * np.sqrt(strength.sum() / strength)[:, np.newaxis])
