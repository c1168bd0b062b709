"""Which grouping to take when nobody said: several are made, measured alike, and listed with the result.

Whether fewer communities say more: those that are alike as a whole are merged, as far as an unlike method agrees.

Communities part what has few neighbours in common, however alike it is as a whole: football from tennis. Where merging
the two costs next to nothing, k-means, which knows of wholes and not of neighbours, has the casting vote.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmembed.analysis.clusters.methods import (
    CommunityFinder,
    hdbscan,
    k_means,
    spectral_coordinates,
    weighted_centroids,
)
from mmembed.analysis.clusters.points import Table, spherical_k_means, with_noise
from mmembed.analysis.clusters.quality import (
    Candidate,
    adjusted_rand,
    mean_agreement,
    measure,
    measure_structure,
    resamples,
)

if TYPE_CHECKING:
    from mmembed.arrays import Positions


# A resolution of 1 asks for more ties than chance has; these go from few clusters to several times as many. The lowest
# are there as the lower half of a plateau.
RESOLUTIONS = tuple(float(one) for one in 2.0 ** np.arange(-5, 2.01, 0.5))

# A plateau is as wide as this many steps of the resolution to both sides: from half to twice.
_PLATEAU = 2

# Candidates this close to the best cannot be told apart by such measures.
_TIE = 0.05

# The distances that HDBSCAN needs grow with the square of the rows; so does the time to measure its stability.
MOST_HDBSCAN_ROWS = 5000

_TRIAL_ROWS = 5000

# k-means is as good on so many rows, and takes a second.
COMPARED_ROWS = 10_000

_COLUMNS = (
    *("method", "n_clusters", "resolution", "stability", "silhouette", "coverage"),
    *("separation", "modularity", "beyond", "agreement", "score", "note"),
)

Step = Callable[[str], None]


def no_candidates() -> pd.DataFrame:
    """Return the frame of candidates where there was no choice."""
    return pd.DataFrame(columns=_COLUMNS)


def choose(
    table: Table, *, min_cluster_size: int, step: Step, compared_rows: int = COMPARED_ROWS
) -> tuple[Candidate, pd.DataFrame, str]:
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
    Candidate
        The best: of communities the one that is found again in resampled rows at half to twice its resolution, over a
        plateau and not at a point, times how clearly they are apart (:attr:`Candidate.parting`); merged as far as that
        is as good and k-means agrees more; k-means with that number of clusters, or HDBSCAN, if its score is better.
        One cluster where the rows are parted no better than a Gaussian cloud would be.
    pandas.DataFrame
        All of them.
    str
        What to know of the choice, or nothing.
    """
    step("structure")
    structure = measure_structure(table.rows, table.seed)
    communities, plateau = sweep(table, min_cluster_size=min_cluster_size, step=step)
    best = pick(communities, plateau)
    step("merging")
    levels = merged_communities(table, communities[best])
    communities[best] = levels[0]
    rivals = [agreed(levels)]
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
    everything = [*communities, *levels[1:], *rivals[1:]]
    remark = ""
    if not structure.is_there:
        remark = (
            f"one cluster: a split gains {structure.gain:+.3f} {structure.measure} over that of a structureless cloud "
            f"of the same shape; the best one has a stability of {winner.stability:.2f}"
        )
        lines = [one.line("no better than chance") for one in everything]
        winner = measure(table, "leiden", np.zeros(len(table), dtype=np.int64), stability=winner.stability)
        lines.append(winner.line("chosen"))
    else:
        lines = [one.line("chosen" if one is winner else "") for one in everything]
    return winner, pd.DataFrame(lines + notes, columns=_COLUMNS), remark


def sweep(table: Table, *, min_cluster_size: int, step: Step) -> tuple[list[Candidate], list[float]]:
    """Return communities at each resolution, and how stable each is over its plateau."""
    step("neighbours")
    weights = table.weights
    step("communities")
    kept = resamples(len(table), table.seed)

    def partitions(seed: int, rows: Positions | None) -> list[Positions]:
        part = weights if rows is None else weights[rows][:, rows].tocsr()
        finder = CommunityFinder(part, seed)
        return [finder.at(resolution) for resolution in RESOLUTIONS]

    # Leiden leaves the interpreter to others; each run has its seed, so the order in which they end does not matter.
    with ThreadPoolExecutor(max_workers=4) as pool:
        full = pool.submit(partitions, table.seed, None)
        others = [pool.submit(partitions, table.seed + at, rows) for at, rows in enumerate(kept, start=1)]
        found = full.result()
        again = [other.result() for other in others]
    step("stability")
    last = len(RESOLUTIONS)
    candidates, plateau = [], []
    for at, labels in enumerate(found):
        near = range(max(0, at - _PLATEAU), min(last, at + _PLATEAU + 1))
        agreement = {
            other: np.mean([adjusted_rand(labels[rows], one[other]) for rows, one in zip(kept, again, strict=True)])
            for other in near
        }
        candidate = measure(
            table,
            "leiden",
            with_noise(table, labels, min_cluster_size),
            resolution=RESOLUTIONS[at],
            stability=float(agreement[at]),
            again=[(rows, one[at]) for rows, one in zip(kept, again, strict=True)],
            is_compared=True,
        )
        candidates.append(candidate)
        plateau.append(float(np.mean(list(agreement.values()))))
    return candidates, plateau


def pick(communities: list[Candidate], plateau: list[float]) -> int:
    """Return the position of the best communities: stable over a plateau, well parted, legible in number.

    Of those that such measures cannot tell apart it is the one that agrees most with the others: the middle of the
    plateau, not its edge.
    """
    most = max(2, round(len(communities[0].labels) ** 0.5))
    is_open = np.array([one.n_clusters <= most for one in communities])
    # A plateau that ends with the resolutions looks more even than it is.
    is_open[:_PLATEAU] = False
    scores = is_open * np.array(plateau) * np.array([one.parting for one in communities])
    if not scores.any():
        # No better than a cloud at any number: then at least by what neighbours say.
        scores = is_open * np.array(plateau) * np.array([one.modularity for one in communities])
    tied = np.flatnonzero(scores >= (1 - _TIE) * scores.max())
    agreement = [
        np.mean([adjusted_rand(communities[one].labels, communities[other].labels) for other in tied]) for one in tied
    ]
    # Rounding aside, the first of those that agree alike has the fewest clusters.
    return int(tied[np.round(agreement, 6).argmax()])


def hdbscan_candidate(table: Table, min_cluster_size: int) -> Candidate:
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
    table: Table, n_clusters: int, *, most_rows: int | None = None, is_compared: bool = True
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
        labels = (table.rows @ centroids.T).argmax(axis=1).astype(np.int64)
    again = []
    for at, rows in enumerate(resamples(len(table), table.seed), start=1):
        few = rows
        if len(rows) > _TRIAL_ROWS:
            few = np.sort(np.random.default_rng([table.seed, at]).choice(rows, _TRIAL_ROWS, replace=False))
        if len(few) >= n_clusters:
            again.append((few, k_means(table.reduced[few], table.counts[few], n_clusters, table.seed + at)))
    stability = mean_agreement(labels, again)
    return measure(table, "kmeans", labels, stability=stability, again=again, is_compared=is_compared)


# Levels whose score is this share of the unmerged one's are as good, and so many of them are looked at.
_AS_GOOD = 0.9

_MOST_LEVELS = 6

# k-means is asked on so many rows at most, and starts this often: a poor optimum agrees with nobody.
_ASKED_ROWS = 1000

_STARTS = 8

# Two runs of k-means differ by this much.
_CASTING = 0.05

# Where it finds other groups whatever the level, such as among threads and rings, it has no vote.
_UNDERSTANDS = 0.8


def agreed(levels: list[Candidate]) -> Candidate:
    """Return the level that k-means clearly agrees with most, or the first where there is none."""
    agreement = np.array([np.nan_to_num(one.agreement) for one in levels])
    best = int(agreement.argmax())
    return levels[best if agreement[best] >= max(_UNDERSTANDS, agreement[0] + _CASTING) else 0]


def merged_communities(table: Table, found: Candidate) -> list[Candidate]:
    """Return communities and the levels that merge them and are as good, each with its agreement with k-means.

    The two whose rows are the most alike on average become one, in every resample as in the whole.

    Returns
    -------
    list of Candidate
        The given one first, then fewer and fewer clusters.
    """
    from scipy.cluster.hierarchy import linkage

    levels = [replace(found, agreement=_agreement(table, found.labels))]
    if found.n_clusters < 3:
        return levels
    everything = [(np.arange(len(table)), found.labels), *found.again]
    trees = []
    for rows, labels in everything:
        number = int(labels.max(initial=-1)) + 1
        centroids = weighted_centroids(table.rows[rows], table.counts[rows], labels, number).astype(np.float64)
        trees.append(linkage(centroids, "average") if number > 1 else np.empty((0, 4)))
    for n_clusters in range(found.n_clusters - 1, max(1, found.n_clusters - 1 - _MOST_LEVELS), -1):
        (_, labels), *again = (
            (rows, _cut(tree, labels, n_clusters)) for tree, (rows, labels) in zip(trees, everything, strict=True)
        )
        level = measure(
            table,
            found.method,
            labels,
            resolution=found.resolution,
            stability=mean_agreement(labels, again),
            again=again,
            is_compared=True,
        )
        # One that is worse may lie between two that are as good: where pieces of one thing are merged one by one.
        if level.score >= _AS_GOOD * found.score:
            levels.append(replace(level, agreement=_agreement(table, labels)))
    return levels


def _cut(tree: np.ndarray, labels: Positions, n_clusters: int) -> Positions:
    """Return the labels after merging down to a number of clusters; noise stays noise."""
    n_leaves = len(tree) + 1
    node = np.arange(n_leaves)
    for at, (one, other) in enumerate(tree[: max(0, n_leaves - n_clusters), :2].astype(int)):
        node[(node == one) | (node == other)] = n_leaves + at
    number = np.unique(node, return_inverse=True)[1]
    return np.where(labels < 0, -1, number[labels]).astype(np.int64)


def _agreement(table: Table, labels: Positions) -> float:
    """Return the adjusted Rand index with k-means of the same number, on a sample of the rows that are in a cluster."""
    inside = np.flatnonzero(labels >= 0)
    if len(inside) > _ASKED_ROWS:
        inside = np.sort(np.random.default_rng(table.seed).choice(inside, _ASKED_ROWS, replace=False))
    n_clusters = len(np.unique(labels[inside]))
    if n_clusters < 2:
        return float("nan")
    asked = k_means(table.reduced[inside], table.counts[inside], n_clusters, table.seed, starts=_STARTS)
    return adjusted_rand(labels[inside], asked)
