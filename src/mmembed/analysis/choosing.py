"""Which grouping to take when nobody said: several are made, measured alike, and listed with the result."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmembed.analysis.partition import Partition, Rows, hdbscan, k_means

# Numbers of clusters that are tried, up to the square root of the number of rows: more would be clusters of a few rows,
# which silhouettes flatter. Each one where people count, then wider steps, as the silhouette changes slowly.
NUMBERS_OF_CLUSTERS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 25, 30, 35, 40, 50)
# Distances of all pairs, which HDBSCAN needs in many dimensions, take a minute at 10,000 rows.
MOST_HDBSCAN_ROWS = 5000
# Rows on which numbers of clusters are compared; the number that wins is then fitted on all.
_TRIAL_ROWS = 5000
_TIE = 0.05


def choose(
    rows: Rows, *, methods: tuple[str, ...], min_cluster_size: int, random_state: int
) -> tuple[str, Partition, pd.DataFrame]:
    """Make the candidates and return the name of the best, the best, and the frame that compares them.

    The measure is the silhouette of the rows that are in a cluster, times the chance that two rows of the table are in
    two different clusters. Without the second, the winner is often one giant cluster beside a small one, or a few tight
    groups in a table of noise. It is one honest ruler of several; look at ``.candidates``. Of candidates within 5 % of
    the best, which no such ruler can tell apart, the one with the fewest clusters is taken.

    Parameters
    ----------
    rows : Rows
        At least 4 different ones.
    methods : tuple of {"kmeans", "hdbscan"}
        What to try.
    """
    found: list[tuple[str, Partition]] = []
    notes: list[dict[str, object]] = []
    if "kmeans" in methods:
        trial = _sample(rows)
        counts = [k for k in NUMBERS_OF_CLUSTERS if k <= max(2, trial.total**0.5)]
        found += [("kmeans", k_means(trial, k, random_state)) for k in counts]
    if "hdbscan" in methods:
        if rows.total <= MOST_HDBSCAN_ROWS:
            found.append(("hdbscan", hdbscan(rows, min_cluster_size)))
        else:
            notes.append(_line("hdbscan", None, f"not tried: more than {MOST_HDBSCAN_ROWS} rows"))
    scores = np.array([_score(partition) for _, partition in found])
    sizes = np.array([_n_clusters(partition) for _, partition in found])
    tied = np.flatnonzero(scores >= scores.max() - _TIE * abs(scores.max()))
    best = int(tied[np.lexsort((-scores[tied], sizes[tied]))[0]])
    lines = [_line(name, partition, "chosen" if at == best else "") for at, (name, partition) in enumerate(found)]
    method, partition = found[best]
    if method == "kmeans" and len(partition.labels) < len(rows.counts):
        partition = k_means(rows, _n_clusters(partition), random_state)
    return method, partition, pd.DataFrame(lines + notes)


def _score(partition: Partition) -> float:
    return -1.0 if np.isnan(partition.silhouette) else partition.silhouette * partition.separation


def _n_clusters(partition: Partition) -> int:
    return len(np.unique(partition.labels[partition.labels >= 0]))


def _line(method: str, partition: Partition | None, note: str) -> dict[str, object]:
    if partition is None:
        return {"method": method, "n_clusters": pd.NA, "note": note}
    return {
        "method": method,
        "n_clusters": _n_clusters(partition),
        "silhouette": partition.silhouette,
        "coverage": partition.coverage,
        "separation": partition.separation,
        "score": _score(partition),
        "note": note,
    }


def _sample(rows: Rows) -> Rows:
    if len(rows.counts) <= _TRIAL_ROWS:
        return rows
    chosen = np.sort(np.random.default_rng(0).choice(len(rows.counts), _TRIAL_ROWS, replace=False))
    return Rows(rows.reduced[chosen], rows.counts[chosen])
