"""Time and memory of each verb as tables grow: every verb in a process of its own, with the exponents between sizes.

    python benchmarks/scale.py [--rows 10000,30000,…] [--verbs graph,clusters,…] [--columns 1024] [--threads 1]

The vectors are like those of an API (``labelled.synthetic.api_like_matrix``). Seconds are processor seconds of all
threads. Memory is the peak of the process above what it held before the verb began, which is the table, over the
matrix of the table. The neighbour graph is made by the verb ``graph``, kept, and handed to the other verbs, so that
each shows what it adds. ``told`` is what the last column says: of graphs the recall that was measured; of duplicates
the share of the pairs of a sample that were found; of clusters how many there are and their agreement with the fine
communities (adjusted mutual information of rows that belong to one); of maps the share of ten neighbours that are among
thirty on the map; of classifiers the share of right predictions while held out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from labelled.synthetic import api_like_matrix
from scale_peers import PEERS

import mmembed
from mmembed.analysis import name_clusters
from mmembed.analysis import search as search_rows
from mmembed.analysis.cosines import distinct_rows
from mmembed.analysis.graphs import graph as graphs

ROWS = (10_000, 30_000, 100_000, 300_000)


def matrix_of(folder: Path, n_rows: int, columns: int) -> np.ndarray:
    """Return the vectors of a table, from the folder where they are."""
    path = folder / f"{n_rows}x{columns}.npy"
    if not path.exists():
        np.save(path, api_like_matrix(n_rows, seed=5, dimension=columns))
    return np.load(path)


def communities_of(matrix: np.ndarray, wanted: int = 150) -> np.ndarray:
    """Return labels to learn: the nearest of some fixed rows, in blocks."""
    random = np.random.default_rng(3)
    centers = matrix[random.choice(len(matrix), 40 * wanted)].reshape(wanted, 40, -1)[:, 0]
    return np.concatenate([(matrix[at : at + 4096] @ centers.T).argmax(axis=1) for at in range(0, len(matrix), 4096)])


def put_graph(folder: Path, matrix: np.ndarray) -> None:
    """Hand the kept graph of a table to the store."""
    path = folder / f"{len(matrix)}x{matrix.shape[1]}-graph.npz"
    if not path.exists():
        return
    with np.load(path) as kept:
        graph = graphs.NeighborGraph(kept["indices"], kept["similarities"], str(kept["method"]), float(kept["recall"]))
        graphs._STORE._graphs[kept["key"].tobytes()] = graph  # noqa: SLF001 - only a benchmark hands graphs in


def keep_graph(folder: Path, matrix: np.ndarray) -> None:
    """Keep the graph that the store has of a table."""
    rows = distinct_rows(matrix).rows
    key = graphs.fingerprint(rows)
    graph = graphs.shared_graph(rows, 16)
    np.savez(
        folder / f"{len(matrix)}x{matrix.shape[1]}-graph.npz",
        key=np.frombuffer(key, dtype=np.uint8),
        indices=graphs._STORE._graphs[key].indices,  # noqa: SLF001
        similarities=graphs._STORE._graphs[key].similarities,  # noqa: SLF001
        method=graph.method,
        recall=graph.recall,
    )


Verb = Callable[[pd.Series, Path], tuple[Callable[[], Any], Callable[[Any], str]]]
VERBS: dict[str, Verb] = {}


def verb(make: Verb) -> Verb:
    """Name a verb after its function: it returns what is measured, and what says how good the answer is."""
    VERBS[make.__name__] = make
    return make


@verb
def search(vectors: pd.Series, _: Path) -> tuple[Callable[[], Any], Callable[[Any], str]]:
    """Search one vector."""
    return lambda: search_rows(vectors[:1], vectors, k=10), lambda _: "exact"


@verb
def queries(vectors: pd.Series, _: Path) -> tuple[Callable[[], Any], Callable[[Any], str]]:
    """Search a thousand vectors."""
    return lambda: search_rows(vectors[:1000], vectors, k=10), lambda _: "exact"


@verb
def graph(vectors: pd.Series, _: Path) -> tuple[Callable[[], Any], Callable[[Any], str]]:
    """Make the neighbour graph."""
    return lambda: mmembed.neighbors(vectors, 15), lambda found: f"{found.method} {found.recall:.4f}"


@verb
def duplicates(vectors: pd.Series, _: Path) -> tuple[Callable[[], Any], Callable[[Any], str]]:
    """Find near duplicates."""
    return lambda: mmembed.find_duplicates(vectors, 0.95), lambda found: pair_recall(vectors, found)


def pair_recall(vectors: pd.Series, found: mmembed.analysis.Duplicates) -> str:
    """Return which share of a sample's rows with a near one is in the group of some row, and how many groups."""
    matrix = vectors.mmembed.to_matrix()
    sample = np.random.default_rng(9).choice(len(matrix), min(2000, len(matrix)), replace=False)
    missed = pairs = 0
    for at in range(0, len(sample), 500):
        some = sample[at : at + 500]
        for start in range(0, len(matrix), 8192):
            place, other = np.nonzero(matrix[some] @ matrix[start : start + 8192].T >= found.threshold + 1e-6)
            one, other = some[place], other + start
            one, other = one[one != other], other[one != other]
            pairs += len(one)
            # Two representatives are never near each other; a missed pair is one of them.
            missed += int(((found.representatives[one] == one) & (found.representatives[other] == other)).sum())
    return f"{1 - missed / max(pairs, 1):.4f} of {pairs} pairs, {found.n_groups} groups"


@verb
def outliers(vectors: pd.Series, _: Path) -> tuple[Callable[[], Any], Callable[[Any], str]]:
    """Find outliers."""
    return lambda: mmembed.find_outliers(vectors), lambda _: ""


@verb
def clusters(vectors: pd.Series, folder: Path) -> tuple[Callable[[], Any], Callable[[Any], str]]:
    """Cluster; the labels are kept, so that two trees of the code can be compared."""

    def say(found: mmembed.analysis.Clusters) -> str:
        labels = np.asarray(found.labels.astype("Int64").fillna(-1), dtype=np.int64)
        np.save(folder / f"{len(vectors)}x{vectors.dtype.dimension}-clusters.npy", labels)
        return f"{len(found.names)} by {found.method}, {np.mean(labels < 0):.3f} noise"

    return lambda: mmembed.fit_clusters(vectors), say


@verb
def map(vectors: pd.Series, folder: Path) -> tuple[Callable[[], Any], Callable[[Any], str]]:  # noqa: A001 - the verb's name
    """Make a map."""

    def say(found: mmembed.analysis.Projection) -> str:
        np.save(folder / f"{len(vectors)}x{vectors.dtype.dimension}-map.npy", found.coordinates)
        return f"{kept_neighbors(vectors.mmembed.to_matrix(), found.coordinates):.3f}"

    return lambda: mmembed.fit_projection(vectors), say


def kept_neighbors(matrix: np.ndarray, places: np.ndarray) -> float:
    """Return which share of the ten nearest of some rows are among the thirty nearest on the map."""
    from scipy.spatial import cKDTree

    sample = np.random.default_rng(0).choice(len(matrix), min(300, len(matrix)), replace=False)
    true = np.argpartition(-(matrix[sample] @ matrix.T), 11, axis=1)[:, :11]
    _, near = cKDTree(places).query(places[sample], 31)
    return float(np.mean([np.isin(one, other).mean() for one, other in zip(true, near, strict=True)]))


@verb
def classifier(vectors: pd.Series, _: Path) -> tuple[Callable[[], Any], Callable[[Any], str]]:
    """Learn labels of all rows, with the experiment."""
    target = pd.Series(communities_of(vectors.mmembed.to_matrix(), 20)).map("class {}".format)
    return lambda: mmembed.fit_classifier(vectors, target), lambda found: f"{found.accuracy:.4f}"


@verb
def scores(vectors: pd.Series, _: Path) -> tuple[Callable[[], Any], Callable[[Any], str]]:
    """Give every row the scores of a classifier that was learned from 5,000 rows."""
    target = pd.Series(communities_of(vectors.mmembed.to_matrix(), 20)).map("class {}".format)
    fitted = mmembed.fit_classifier(vectors[:5000], target[:5000])
    return lambda: fitted.predict_probabilities(vectors), lambda _: ""


@verb
def issues(vectors: pd.Series, _: Path) -> tuple[Callable[[], Any], Callable[[Any], str]]:
    """Find wrong labels by a classifier that was learned from all rows, of whose labels a hundredth is another's."""
    target = pd.Series(communities_of(vectors.mmembed.to_matrix(), 20)).map("class {}".format)
    wrong = np.random.default_rng(1).choice(len(target), len(target) // 100, replace=False)
    target[wrong] = np.roll(target[wrong], 1)
    fitted = mmembed.fit_classifier(vectors, target)
    return lambda: fitted.label_issues(len(wrong)), lambda found: f"{np.isin(found.index, wrong).mean():.3f} are wrong"


@verb
def report(vectors: pd.Series, folder: Path) -> tuple[Callable[[], Any], Callable[[Any], str]]:
    """Write a report of a table that has clusters and a map."""
    kept = f"{len(vectors)}x{vectors.dtype.dimension}"
    places = np.load(folder / f"{kept}-map.npy")
    table = {"text": [f"text {at}" for at in range(len(vectors))], "vector": vectors, "map_x": places[:, 0]}
    df = pd.DataFrame({**table, "map_y": places[:, 1], "cluster": np.load(folder / f"{kept}-clusters.npy")})
    return lambda: df.mmembed.report("vector").html(), lambda page: f"page of {len(page) / 2**20:.1f} MB"


@verb
def names(vectors: pd.Series, folder: Path) -> tuple[Callable[[], Any], Callable[[Any], str]]:
    """Name clusters by texts of ten words."""
    words = np.array([f"word{at}" for at in range(5000)])
    random = np.random.default_rng(0)
    labels = np.load(folder / f"{len(vectors)}x{vectors.dtype.dimension}-clusters.npy")
    drawn = (np.abs(random.standard_cauchy((len(labels), 10)) * 40 + labels[:, None] * 30) % 5000).astype(int)
    text = [" ".join(words[one]) for one in drawn]
    return lambda: name_clusters(pd.Series(labels), text), lambda found: f"{len(found.names)} names"


@verb
def reading(vectors: pd.Series, folder: Path) -> tuple[Callable[[], Any], Callable[[Any], str]]:
    """Read the table from Parquet."""
    path = folder / f"{len(vectors)}x{vectors.dtype.dimension}.parquet"
    vectors.to_frame("vector").to_parquet(path)
    size = path.stat().st_size / vectors.array.matrix.nbytes
    return lambda: pd.read_parquet(path), lambda _: f"file of {size:.2f} of the matrix"


def measure(name: str, n_rows: int, columns: int, folder: Path) -> None:
    """Measure one verb in this process and print the figures as JSON."""
    warnings.simplefilter("ignore")
    matrix = matrix_of(folder, n_rows, columns)
    if name != "graph":
        put_graph(folder, matrix)
    vectors = pd.Series(mmembed.VectorArray.from_matrix(matrix))
    run, say = (VERBS | PEERS)[name](vectors, folder)
    before = resident()
    Path("/proc/self/clear_refs").write_text("5")
    start = time.process_time()
    found = run()
    seconds = time.process_time() - start
    peak = (resident("VmHWM") - before) / matrix.nbytes
    told = say(found)
    if name == "graph":
        keep_graph(folder, matrix)
    print(json.dumps({"seconds": seconds, "peak": peak, "told": told, "whole": resident("VmHWM") / 2**30}))


def resident(what: str = "VmRSS") -> int:
    """Return bytes of memory of this process: now, or at the most since that was last reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))


def main() -> None:
    """Run the verbs at all sizes, and print a table with an exponent from each size to the next."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default=",".join(f"{n}" for n in ROWS))
    parser.add_argument("--verbs", default=",".join(VERBS), help="names of verbs, and of peers in scale_peers.py")
    parser.add_argument("--columns", type=int, default=1024)
    parser.add_argument("--folder", type=Path, help="where tables and graphs are kept for another run")
    parser.add_argument("--threads", help="of matrix products; those that wait for each other on a busy machine count")
    parser.add_argument("--one", action="store_true", help="measure in this process")
    given = parser.parse_args()
    rows, verbs = [int(n) for n in given.rows.split(",")], given.verbs.split(",")
    if given.one:
        measure(verbs[0], rows[0], given.columns, given.folder)
        return
    surroundings = dict(os.environ)
    if given.threads:
        surroundings["OPENBLAS_NUM_THREADS"] = given.threads
    with tempfile.TemporaryDirectory() as fresh:
        folder = given.folder or Path(fresh)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"| verb | rows × {given.columns} | processor s | exponent | peak ÷ matrix | told |")
        print("|---|---|---|---|---|---|", flush=True)
        for name in verbs:
            before = None
            for n_rows in rows:
                matrix_of(folder, n_rows, given.columns)
                options = ["--rows", f"{n_rows}", "--verbs", name, "--columns", f"{given.columns}", "--folder", folder]
                done = subprocess.run(  # noqa: S603 - this script
                    [sys.executable, __file__, "--one", *options],
                    capture_output=True,
                    text=True,
                    check=False,
                    env=surroundings,
                )
                if done.returncode:
                    print(f"| {name} | {n_rows:,} | failed | | | {done.stderr.strip().splitlines()[-1:]} |", flush=True)
                    continue
                found = json.loads(done.stdout.splitlines()[-1])
                seconds, grown = found["seconds"], ""
                if before is not None:
                    grown = f"{np.log(seconds / before[1]) / np.log(n_rows / before[0]):.2f}"
                before = n_rows, seconds
                shown = name, f"{n_rows:,}", f"{seconds:.2f}", grown, f"{found['peak']:.2f}", found["told"]
                print(f"| {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()
