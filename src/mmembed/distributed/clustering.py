"""Clusters of a vector column over all partitions: what is fitted, on which rows, and what is exact.

k-means is spherical: each partition sums up its rows by nearest centroid, and the sums are added (Lloyd's algorithm on
directions; Dhillon and Modha, "Concept decompositions for large sparse text data", 2001). The result depends on how
rows are cut into partitions only by the rounding of sums in float64.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from dask.base import persist

from mmembed.accessor.cluster_names import named_by_rule
from mmembed.analysis.clusters import fit as local
from mmembed.analysis.clusters.membership import nearest_centroids
from mmembed.distributed.clusters import DistributedClusters
from mmembed.distributed.columns import side_by_side, vectors_of
from mmembed.distributed.partitions import each, frame_of, reduced, shared
from mmembed.distributed.placement import GroupSums, Labeller, Placer, Tally, place_part
from mmembed.distributed.samples import SAMPLE_ROWS, Extent, Sample, check_sample_rows, draw, measure_extent
from mmembed.vectors import VectorArray

if TYPE_CHECKING:
    from mmembed.analysis.preparation import Preparation
    from mmembed.arrays import FloatMatrix


_FEWEST_IN_SAMPLE = 3


def fit_clusters(
    vectors: Any,
    method: Any = "auto",
    *,
    n_clusters: int | None = None,
    text: Any = None,
    kinds: Any = None,
    random_state: int | None = None,
    min_cluster_size: int | None = None,
    assign_noise: bool = False,
    sample_rows: int = SAMPLE_ROWS,
    on_step: Callable[[str], None] | None = None,
) -> DistributedClusters:
    """Group similar vectors of all partitions; the twin of :func:`mmembed.fit_clusters`.

    It computes: one pass counts the rows, one draws a sample, k-means takes a pass for each round, one places all rows
    and sums them up; names take one or two passes more. A frame that is expensive to make should be persisted or
    stored first. Workers keep the labels, five bytes a row, and the index, so that
    :meth:`DistributedClusters.add_to` is lazy and places nothing twice.

    Parameters
    ----------
    vectors : vector column of a Dask DataFrame
    method : {"auto", "kmeans", "hdbscan", "leiden"} or scikit-learn estimator
        As on pandas. What is fitted is fitted on a sample, and every other row goes where
        :meth:`mmembed.analysis.Clusters.predict` puts it; noise stays noise. Where k-means was asked
        for or chosen, the sample gives the number of clusters and the start, and Lloyd's algorithm goes on over all
        rows by partial sums.
    n_clusters, random_state, assign_noise
        As on pandas.
    text, kinds : column of the same frame, optional
        As on pandas. The means of kinds are those of all rows.
    min_cluster_size : int, optional
        Fewest rows of a cluster, of all rows; in the sample it is so much less as the sample is smaller.
    sample_rows : int
        Size of the sample, drawn from all rows that have a vector, each as likely as any other; the same rows however
        the partitions are cut. They travel to this process: 20,000 rows of 1,024 numbers are 80 MB. A table of no more
        rows is grouped exactly as on pandas. A group that has but a few rows among them cannot be found.
    on_step : callable, optional
        Is told the name of each step as it begins.

    Returns
    -------
    DistributedClusters
        Sizes, centroids and numbers are of all rows. Equal vectors (of one kind) share a label.

    Raises
    ------
    ValueError
        As on pandas; if columns do not belong together; if there are fewer rows in the sample than ``n_clusters``.
    VectorError
        If the column holds no vectors.

    Warns
    -----
    UserWarning
        If a group of ``min_cluster_size`` rows has less than three in the sample.
    """
    fitted = fit_unnamed(
        vectors,
        method,
        n_clusters=n_clusters,
        kinds=kinds,
        random_state=random_state,
        min_cluster_size=min_cluster_size,
        assign_noise=assign_noise,
        sample_rows=sample_rows,
        on_step=on_step,
    )
    return named_by_rule(fitted, fitted.empty_vectors, text)


def fit_unnamed(
    vectors: Any,
    method: Any = "auto",
    *,
    n_clusters: int | None = None,
    kinds: Any = None,
    random_state: int | None = None,
    min_cluster_size: int | None = None,
    assign_noise: bool = False,
    sample_rows: int = SAMPLE_ROWS,
    on_step: Callable[[str], None] | None = None,
) -> DistributedClusters:
    """Return what :func:`fit_clusters` returns, with clusters that are called by their numbers."""
    local.check_method(method, n_clusters, min_cluster_size)
    check_sample_rows(sample_rows)
    columns = side_by_side(vectors, kinds=kinds)
    step = on_step or _say_nothing
    step("sample")
    extent = measure_extent(columns)
    seed = 0 if random_state is None else random_state
    sample = draw(columns, extent, sample_rows, seed=seed)
    if n_clusters is not None and n_clusters > len(sample) and not sample.is_whole:
        raise ValueError(
            f"n_clusters={n_clusters}, but the sample has {len(sample):,} rows. Give sample_rows={20 * n_clusters:,}."
        )
    fitted = local.fit_clusters(
        _prepare_rows(sample, extent),
        method,
        n_clusters=n_clusters,
        random_state=random_state,
        min_cluster_size=_scale_count(min_cluster_size, sample),
        assign_noise=assign_noise,
        on_step=on_step,
    )
    centroids = None
    if isinstance(method, str) and fitted.method == "kmeans" and not sample.is_whole:
        step("k-means over all rows")
        centroids = improve(columns, fitted.centroids, extent.preparation)
    step("all rows")
    placer = Placer.of(extent.preparation, fitted, centroids)
    shared_placer = shared(placer)
    placed, tally = _place_all(columns, extent, shared_placer)
    # As on pandas, assigned noise does not count for the order.
    counts = tally.members.counts
    order = np.lexsort((tally.first, -counts))
    order = order[counts[order] > 0]
    numbers = np.full(len(counts), -1, dtype=np.int64)
    numbers[order] = np.arange(len(order))
    exact = tally.members.centroids[order]
    result = DistributedClusters(
        sizes=tally.sizes[order],
        noise=tally.noise,
        missing=tally.missing,
        assigned=int(tally.assigned.sum()),
        cohesions=_cohesions(tally, exact, order),
        names={},
        method=fitted.method,
        candidates=fitted.candidates,
        estimator=fitted.estimator,
        centroids=exact,
        stability=fitted.stability,
        stabilities=fitted.stabilities[order],
        note=fitted.note,
        sample_rows=len(sample),
        placer=placer,
        shared_placer=shared_placer,
        labeller=Labeller(numbers, exact, extent.preparation),
        columns=columns,
        placed=placed,
        offsets=tuple(extent.offsets),
    )
    step("names")
    return result.named()


def _prepare_rows(sample: Sample, extent: Extent) -> VectorArray:
    """Return the rows of the sample as the fit takes them: as they are, or without the means of their kinds."""
    array: VectorArray = sample.frame["vector"].array
    source = extent.preparation.source(array, sample.frame.get("kinds"))
    return VectorArray.from_matrix(source, space=array.dtype.space)


def _scale_count(min_cluster_size: int | None, sample: Sample) -> int | None:
    """Return how many rows of the sample are as many rows of the table."""
    if min_cluster_size is None or sample.is_whole:
        return min_cluster_size
    expected = min_cluster_size * len(sample) / sample.of
    if expected < _FEWEST_IN_SAMPLE:
        warnings.warn(
            f"min_cluster_size={min_cluster_size}, but of so many rows {expected:.1f} are in a sample of "
            f"{len(sample):,} of {sample.of:,} rows: such small clusters are not found. Give "
            f"sample_rows={int(np.ceil(_FEWEST_IN_SAMPLE * sample.of / min_cluster_size)):,} or more.",
            UserWarning,
            stacklevel=3,
        )
    return max(2, round(expected))


def _place_all(columns: Any, extent: Extent, placer: Any) -> tuple[Any, Tally]:
    """Place all rows; the workers keep the labels, the figures come here."""
    calls = persist(*each(place_part, columns, own=extent.offsets, placer=placer))
    tally: Tally = reduced([call[1] for call in calls])
    own = columns._meta.index  # noqa: SLF001 - Dask's own word
    meta = pd.DataFrame({"label": np.empty(0, dtype=np.int32), "assigned": np.empty(0, dtype=bool)}, index=own)
    return frame_of([call[0] for call in calls], meta), tally


def _cohesions(tally: Tally, exact: Any, order: Any) -> Any:
    """Return the mean cosine of the rows of each cluster with its centroid; assigned rows count as 0."""
    return (tally.members.sums[order] * exact).sum(axis=1) / np.maximum(1, tally.sizes[order])


def _say_nothing(_: str) -> None:
    return


_MOST_ROUNDS = 30

# A round that brings the rows less nearer to their centroids in the mean is the last one.
_LEAST_GAIN = 1e-5


def improve(columns: Any, centroids: FloatMatrix, preparation: Preparation) -> FloatMatrix:
    """Return centroids that are the mean directions of the rows of all partitions that are nearest to them.

    Parameters
    ----------
    columns : dask DataFrame
        With ``vector`` and, where the fit had them, ``kinds``.
    centroids : numpy.ndarray, shape (k, d)
        Where to begin.
    preparation : Preparation

    Returns
    -------
    numpy.ndarray, shape (k, d), float32
        Each is the nearest of some row. Rounds end when the mean cosine of rows with their centroids gains less than
        0.00001, after 30, or when a round would leave a centroid without rows.
    """
    prepared = shared(preparation)
    before = -np.inf
    kept = centroids
    for _ in range(_MOST_ROUNDS):
        found: GroupSums = reduced(each(_round, columns, centroids=centroids, preparation=prepared))
        if (found.counts == 0).any():
            return kept
        kept = centroids
        moved = found.centroids
        cosine = float((found.sums * moved).sum() / found.counts.sum())
        if cosine - before < _LEAST_GAIN:
            return kept
        before, centroids = cosine, moved
    return kept


def _round(part: pd.DataFrame, *, centroids: FloatMatrix, preparation: Preparation) -> GroupSums:
    rows = preparation.rows(vectors_of(part), part.get("kinds"))
    return GroupSums.of(rows, nearest_centroids(rows, centroids), len(centroids))
