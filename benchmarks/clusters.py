"""Measure how well clusters agree with labels that nobody showed them, beside other methods on the same vectors.

    python benchmarks/clusters.py [--unseen | --sets bbc-news digits …] [--shake | --weeks | --files two-truths.npz …]

For each labelled set: adjusted mutual information with the labels (noise is one group), clusters found, share of noise
and seconds, of `auto` and of k-means with the true number, HDBSCAN on 50 principal components, EVoC, and UMAP to 5
dimensions with HDBSCAN (what BERTopic does; fast_hdbscan, 15 rows) at their common settings. `auto` is not told the
number. The six sets that are run by default were seen while the methods were made: they show that nothing has been
lost. `--unseen` runs those that were set aside before anything was run on them (see `labelled`), and these count.
`--weeks` goes on from the clusters of one half of a set with the other. Its limits were set on blobs, few-columns,
heavy-tails-development, laws-zh, demo-fused, demo-mixed, wine, texture and emoji-names-zh; laws-zh-others, penguins and
segment were run once, when it was done: nothing new in three resamples, shifts of 2.05 standard errors at most, and of
six planted classes five found (recall .91 to 1, precision .91 to 1), one of 23 law articles not.
EVoC and UMAP are timed after a first call on other rows, so that compilation is not counted. Needs the extra ``bench``.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from labelled import load, sets

from mmembed import fit_clusters
from mmembed.analysis.preparation import Preparation
from mmembed.vectors import as_vector_array

_DEFAULT = ("bbc-news", "digits", "heavy-tails", "demo-photographs", "noun-glosses", "emoji-pictures")
_UNSEEN = (
    *("debian-sections", "chinese-words", "clip-art", "mnist"),
    *("penguins", "wisconsin", "segment", "satimage", "penbased"),
)
_MOST_HDBSCAN_ROWS = 7000
Matrix = np.ndarray


def k_means(rows: Matrix, true_number: int) -> Matrix:
    from sklearn.cluster import KMeans

    return KMeans(true_number, n_init=3, random_state=0).fit_predict(components(rows))


def hdbscan(rows: Matrix, _: int) -> Matrix:
    from sklearn.cluster import HDBSCAN

    return HDBSCAN(min_cluster_size=max(5, len(rows) // 200), copy=True).fit_predict(components(rows))


def evoc(rows: Matrix, _: int) -> Matrix:
    from evoc import EVoC

    return EVoC(random_state=0).fit_predict(rows)


def umap_hdbscan(rows: Matrix, _: int) -> Matrix:
    from fast_hdbscan import HDBSCAN
    from umap import UMAP

    map_ = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=42).fit_transform(rows)
    return HDBSCAN(min_cluster_size=15).fit_predict(map_)


def components(rows: Matrix) -> Matrix:
    from sklearn.decomposition import PCA

    return PCA(min(50, *rows.shape), random_state=0).fit_transform(rows)


RIVALS: dict[str, Callable[[Matrix, int], Matrix]] = {
    "k-means, true k": k_means,
    "HDBSCAN": hdbscan,
    "EVoC": evoc,
    "UMAP + HDBSCAN": umap_hdbscan,
}


def measured(name: str, *, rivals: bool) -> list[dict[str, object]]:
    """Return one line a method."""
    from sklearn.metrics import adjusted_mutual_info_score

    frame = load(name)
    kinds = frame.get("kind")
    truth = frame["label"].to_numpy()
    array = as_vector_array(frame["vector"])
    rows = Preparation.learn(array, kinds).rows(array, kinds)
    n_true = len(set(truth))

    def line(method: str, labels: Matrix, seconds: float, **more: object) -> dict[str, object]:
        return {
            "set": name,
            "rows": len(frame),
            "method": method,
            "AMI": adjusted_mutual_info_score(truth, labels),
            "found": len(set(labels[labels >= 0])),
            "true": n_true,
            "noise": (labels < 0).mean(),
            "seconds": seconds,
        } | more

    start = time.perf_counter()
    found = fit_clusters(frame["vector"], kinds=kinds)
    seconds = time.perf_counter() - start
    labels = np.asarray(pd.Series(found.labels).astype(int))
    lines = [line("auto", labels, seconds, stability=found.stability, chosen=found.method)]
    start = time.perf_counter()
    fit_clusters(frame["vector"], kinds=kinds)
    lines[0]["after the graph"] = time.perf_counter() - start
    for method, make in RIVALS.items() if rivals else ():
        if method == "HDBSCAN" and len(rows) > _MOST_HDBSCAN_ROWS:
            continue
        start = time.perf_counter()
        labels = make(rows, n_true)
        lines.append(line(method, labels, time.perf_counter() - start))
    return lines


def shaken(name: str, seed: int = 0) -> list[dict[str, object]]:
    """Return how far the answer changes when next to nothing is added to the rows: AMI >= .95 and one group at most."""
    from sklearn.metrics import adjusted_mutual_info_score

    frame = load(name)
    kinds = frame.get("kind")
    array = as_vector_array(frame["vector"])
    rows = Preparation.learn(array, kinds).rows(array, kinds)
    first = fit_clusters(rows)
    labels = np.asarray(pd.Series(first.labels).astype(int))
    lines = []
    for size in (1e-6, 1e-4):
        random = np.random.default_rng([seed, int(1 / size)])
        again = fit_clusters(rows + size * random.normal(size=rows.shape).astype(np.float32))
        other = np.asarray(pd.Series(again.labels).astype(int))
        lines.append(
            {
                "set": name,
                "added": size,
                "AMI": adjusted_mutual_info_score(labels, other),
                "found": len(first.centroids),
                "then": len(again.centroids),
            }
        )
    return lines


def weeks(name: str, seed: int = 0) -> list[dict[str, object]]:
    """Return what clusters that go on from those of one half of a set say of the other half.

    The first line is an unchanged resample: nothing should be new, and the share of no cluster should change by more
    standard errors than a report takes for chance. The next lines leave a class out of the first half (the commonest
    one, and one of the middle): how many of its rows are in new groups, and how many rows of new groups are of it.
    """
    frame = load(name).reset_index(drop=True)
    is_first = np.random.default_rng(seed).random(len(frame)) < 0.5
    counts = frame["label"].value_counts()
    lines = []
    for planted in (None, counts.index[0], counts.index[len(counts) // 2]):
        before = fit_clusters(frame["vector"][is_first & (frame["label"] != planted).to_numpy()])
        later = frame[~is_first]
        found = fit_clusters(later["vector"], like=before)
        labels = np.asarray(pd.Series(found.labels).astype(int))
        is_new = labels > before.numbers.max()
        is_planted = (later["label"] == planted).to_numpy()
        old = np.asarray(pd.Series(before.labels).astype(int))
        kept = labels[~is_planted]
        shifts = []
        for label in before.numbers.tolist():
            share = ((kept == label).sum() + (old == label).sum()) / (len(kept) + len(old))
            error = np.sqrt(share * (1 - share) * (1 / len(kept) + 1 / len(old)))
            shifts.append(abs((kept == label).mean() - (old == label).mean()) / max(error, 1e-12))
        lines.append(
            {
                "set": name,
                "planted": planted or "",
                "rows": int(is_planted.sum()),
                "clusters": len(before.numbers),
                "new": len(found.numbers) - len(np.intersect1d(found.numbers, before.numbers)),
                "vanished": len(found.vanished),
                "recall": (is_new & is_planted).sum() / max(1, is_planted.sum()),
                "precision": (is_new & is_planted).sum() / max(1, is_new.sum()),
                "largest shift": max(shifts),
            }
        )
    return lines


def from_file(path: str) -> dict[str, object]:
    """Return the bars of a set with two truths and background: AMI with each at its level, and how noise is told.

    The file holds ``vectors``, ``labels`` (``background`` is no group) and ``fine``. Bars: precision of noise >= .5,
    recall >= .4.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    with np.load(path) as archive:
        rows, coarse, fine = (archive[key] for key in ("vectors", "labels", "fine"))
    found = fit_clusters(rows.astype(np.float32))
    noise = np.asarray(pd.Series(found.labels).astype(int)) < 0
    background = coarse == "background"
    hit = (noise & background).sum()
    line: dict[str, object] = {
        "set": path,
        "found": len(found.centroids),
        "levels": found.levels,
        "noise": noise.mean(),
    }
    if background.any():
        line |= {"precision": hit / max(1, noise.sum()), "recall": hit / background.sum()}
    for level in found.levels:
        cut = np.asarray(pd.Series(found.cut(level)).astype(int))[~background]
        line[f"AMI of {level}"] = tuple(
            round(adjusted_mutual_info_score(truth[~background], cut), 3) for truth in (coarse, fine)
        )
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=list(sets().index), default=list(_DEFAULT))
    parser.add_argument("--unseen", action="store_const", dest="sets", const=list(_UNSEEN), help="the unseen sets")
    parser.add_argument("--alone", action="store_true", help="measure auto only")
    parser.add_argument("--shake", action="store_true", help="add 1e-6 and 1e-4 to the rows of the sets, and compare")
    parser.add_argument("--weeks", action="store_true", help="go on from one half of a set with the other")
    parser.add_argument("--files", nargs="+", metavar="NPZ", help="sets in files with two truths, maybe background")
    options = parser.parse_args()
    if options.shake:
        lines = [line for name in options.sets for line in shaken(name)]
        print(pd.DataFrame(lines).round(3).to_string(index=False))
        return
    if options.weeks:
        lines = [line for name in options.sets for line in weeks(name)]
        print(pd.DataFrame(lines).round(2).to_string(index=False))
        return
    if options.files:
        for path in options.files:
            print(from_file(path), flush=True)
        return
    warnings.filterwarnings("ignore")  # the rivals' own
    if not options.alone:
        warm = np.random.default_rng(0).normal(size=(5000, 16)).astype(np.float32)
        for method in (evoc, umap_hdbscan):
            method(warm, 2)
    lines = []
    for name in options.sets:
        lines += measured(name, rivals=not options.alone)
        shown = pd.DataFrame([one for one in lines if one["set"] == name]).round(3)
        print(f"{shown.drop(columns='set').to_string(index=False)}\n^ {name}\n", flush=True)
    table = pd.DataFrame(lines).pivot_table(index="set", columns="method", values="AMI", sort=False)
    print(f"AMI\n{table.round(3).to_string()}\nmean\n{table.mean().round(3).to_string()}")


if __name__ == "__main__":
    main()
