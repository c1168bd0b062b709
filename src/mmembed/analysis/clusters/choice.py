"""Which grouping to take when nobody said: several are made, measured alike, and listed with the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmembed.analysis.clusters.levels import Level, best_level, measured_levels, plateaus
from mmembed.analysis.clusters.methods import hdbscan, k_means, settle, spectral_coordinates, weighted_centroids
from mmembed.analysis.clusters.noise import strays
from mmembed.analysis.clusters.points import Points, most_alike, spherical_k_means, with_noise
from mmembed.analysis.clusters.quality import Candidate, mean_agreement, measure, measure_structure, resamples
from mmembed.analysis.clusters.tree import CommunityTree, community_tree, cut

# Candidates this close to the best cannot be told apart by such measures.
_TIE = 0.05
# The distances that HDBSCAN needs grow with the square of the rows; so does the time to measure its stability.
MOST_HDBSCAN_ROWS = 5000
_TRIAL_ROWS = 5000
# k-means is as good on so many rows, and takes a second.
COMPARED_ROWS = 10_000
_COLUMNS = (
    *("method", "n_clusters", "resolution", "stability", "silhouette", "coverage"),
    *("separation", "modularity", "beyond", "width", "score", "note"),
)
Step = Callable[[str], None]


def no_candidates() -> pd.DataFrame:
    """Return the frame of candidates where there was no choice."""
    return pd.DataFrame(columns=_COLUMNS)


@dataclass(frozen=True, eq=False)
class Communities:
    """The tree of communities of a table, what was measured of its levels, and which of them was taken.

    Attributes
    ----------
    tree : CommunityTree
    n_communities : int
        How many the tree was cut into; a cluster may have been lost to noise.
    chosen : Candidate
    others : list of Candidate
        Other levels that stand over a stretch of the resolution, from few to many.
    levels : list of int
        How many communities there are at each level, the chosen one among them, from few to many.
    """

    tree: CommunityTree
    n_communities: int
    chosen: Candidate
    others: list[Candidate]
    levels: list[int]


@dataclass(frozen=True, eq=False)
class Choice:
    """What was chosen, everything that was compared, what to know of it, and the communities if they were chosen."""

    chosen: Candidate
    candidates: pd.DataFrame
    note: str
    communities: Communities | None


def choose(table: Points, *, min_cluster_size: int, step: Step, compared_rows: int = COMPARED_ROWS) -> Choice:
    """Compare communities at several resolutions, k-means and HDBSCAN.

    Parameters
    ----------
    table : Table
    min_cluster_size : int
        Smaller groups are noise.
    step : callable
        Told what comes next.
    compared_rows : int
        To be compared, k-means is fitted on so many rows at most; on all of them if it is chosen.

    Returns
    -------
    Choice
        The best: the level of the tree of communities that resampled rows merge to again, that stands over a wide
        stretch of the resolution and whose communities are clearly apart (:func:`best_level`); k-means with that number
        of clusters, or HDBSCAN, if its score is better. One cluster where the rows are parted no better than a Gaussian
        cloud would be.
    """
    step("structure")
    structure = measure_structure(table.rows, table.seed, order=table.order)
    communities = find_communities(table, min_cluster_size=min_cluster_size, step=step)
    rivals = [communities.chosen]
    step("k-means")
    n_clusters = max(2, rivals[0].n_clusters)
    rivals.append(k_means_candidate(table, n_clusters, most_rows=compared_rows))
    notes: list[dict[str, object]] = []
    if len(table) <= MOST_HDBSCAN_ROWS:
        step("HDBSCAN")
        rivals.append(hdbscan_candidate(table, min_cluster_size))
    else:
        notes.append({"method": "hdbscan", "note": f"not tried: more than {MOST_HDBSCAN_ROWS} different rows"})
    # Communities come first: another method must be better by more than such measures can tell.
    scores = np.array([np.nan_to_num(one.score) for one in rivals])
    scores[1:] *= 1 - _TIE
    first = int(scores.argmax())
    if first == 1 and len(table) > compared_rows and structure.is_there:
        step("k-means on all rows")
        rivals[1] = k_means_candidate(table, n_clusters)
    winner = rivals[first]
    everything = [*communities.others, *rivals]
    if structure.is_there:
        lines = [one.line("chosen" if one is winner else "") for one in everything]
        frame = pd.DataFrame(lines + notes, columns=_COLUMNS)
        return Choice(winner, frame, "", communities if first == 0 else None)
    remark = (
        f"one cluster: a split gains {structure.gain:+.3f} {structure.measure} over that of a structureless cloud "
        f"of the same shape; the best one has a stability of {winner.stability:.2f}"
    )
    lines = [one.line("no better than chance") for one in everything]
    winner = measure(table, "leiden", np.zeros(len(table), dtype=np.int64), stability=winner.stability)
    lines.append(winner.line("chosen"))
    return Choice(winner, pd.DataFrame(lines + notes, columns=_COLUMNS), remark, None)


def find_communities(table: Points, *, min_cluster_size: int, step: Step) -> Communities:
    """Return the communities of a table at every level."""
    step("neighbours")
    table.weights  # noqa: B018  # made here, under this step's name
    step("communities")
    tree = community_tree(table, min_cluster_size)
    step("stability")
    measured = measured_levels(table, tree)
    best = best_level(measured)
    if best is None:
        whole = np.zeros(len(table), dtype=np.int64)
        return Communities(tree, 1, measure(table, "leiden", whole, is_compared=True), [], [1])
    chosen = _candidate(table, tree, best, min_cluster_size)
    found = plateaus(measured, best)
    others = [_candidate(table, tree, level, min_cluster_size) for level in found if level is not best]
    return Communities(tree, best.n_clusters, chosen, others, [level.n_clusters for level in found])


def _candidate(table: Points, tree: CommunityTree, level: Level, min_cluster_size: int) -> Candidate:
    communities = tree.cut(level.n_clusters)[tree.leaves]
    labels = settle(table.weights, communities)
    sizes = np.bincount(labels, table.counts, minlength=level.n_clusters)
    if len(sizes) < level.n_clusters or sizes.min() < min_cluster_size:
        # A community that would lose its rows to its neighbours is kept as the tree has it.
        labels = communities
    # A vector that occurs as often as a cluster has rows is no stray.
    labels = np.where(strays(table, labels) & (table.counts < min_cluster_size), -1, labels)
    return measure(
        table,
        "leiden",
        with_noise(table, labels, min_cluster_size),
        resolution=tree.resolution(level.n_clusters),
        stability=level.stability,
        again=[(rows, cut(merges, level.n_clusters)[tree.leaves[rows]]) for rows, merges in tree.again],
        width=level.width,
        is_compared=True,
    )


def hdbscan_candidate(table: Points, min_cluster_size: int) -> Candidate:
    """Return HDBSCAN on the spectral coordinates of the shared graph, made again on each resample."""
    labels = hdbscan(spectral_coordinates(table.weights), table.counts, min_cluster_size)
    labels = with_noise(table, labels, min_cluster_size)
    again = []
    if len(table) <= MOST_HDBSCAN_ROWS:
        for rows in resamples(len(table), table.seed):
            part = table.weights[rows][:, rows].tocsr()
            again.append((rows, hdbscan(spectral_coordinates(part), table.counts[rows], min_cluster_size)))
    stability = mean_agreement(labels, again)
    return measure(table, "hdbscan", labels, stability=stability, again=again, is_compared=True)


def k_means_candidate(
    table: Points, n_clusters: int, *, most_rows: int | None = None, is_compared: bool = True
) -> Candidate:
    """Return k-means with a number of clusters, made again on each resample.

    With more rows than ``most_rows`` it is fitted on a sample of so many, and the others go to the nearest centroid.
    """
    n_clusters = min(n_clusters, len(table))
    if most_rows is None or len(table) <= most_rows:
        labels = spherical_k_means(table, n_clusters)
    else:
        some = np.sort(np.random.default_rng(table.seed).choice(len(table), most_rows, replace=False))
        found = k_means(table.reduced[some], table.counts[some], n_clusters, table.seed)
        centroids = weighted_centroids(table.rows[some], table.counts[some], found, n_clusters)
        labels = most_alike(table.rows, centroids)
    again = []
    for at, rows in enumerate(resamples(len(table), table.seed), start=1):
        few = rows
        if len(rows) > _TRIAL_ROWS:
            few = np.sort(np.random.default_rng([table.seed, at]).choice(rows, _TRIAL_ROWS, replace=False))
        if len(few) >= n_clusters:
            again.append((few, k_means(table.reduced[few], table.counts[few], n_clusters, table.seed + at)))
    stability = mean_agreement(labels, again)
    return measure(table, "kmeans", labels, stability=stability, again=again, is_compared=is_compared)
