"""Maps beside umap-learn: ``python benchmarks/projection.py [speed] [large] [quality] [again] [scale]``, or all.

    python benchmarks/projection.py speed once    # one run of each in place of three

``speed``: 5,000 × 1,024 in fresh processes, imports included: umap-learn as people call it and with a seed, mmembed
with no compiled code on disk (the first map on a machine) and with it (every other process), medians of three.
``large``: 50,000 × 1,024, neighbours, clusters, names and map beside umap-learn's map alone, a fresh process each.
``quality``: trustworthiness, continuity and neighbours kept on several sets, the mean of three seeds, beside umap-learn
from the same neighbours and as people call it.
``again``: 5 % more rows, at most 6,000 in all: how much old rows move (squares of the moves as a share of the squares
about the mean, without turning anything; and after the best turn), and how well new rows lie, in a fit of their own,
placed by ``transform``, and with ``like=``. Then the same with a whole group that is new. The settings were chosen on
the sets marked "development"; the others were run once, with what is final.
``scale``: 300,000 × 1,024 (a number after it is the rows): processor seconds of the map, its graph aside, and peak
memory beside the matrix as a multiple of it, in a fresh process. Bars: 80 s and 3.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path
from statistics import mean, median

import numpy as np
from labelled import load
from scipy.spatial import procrustes
from sklearn.cluster import KMeans

from mmembed.analysis import fit_projection
from mmembed.analysis.cosines import distinct_rows, unit_rows
from mmembed.analysis.graphs.graph import shared_graph
from mmembed.analysis.maps.projection import MapQuality, measure_map

_SETS = ("digits", "bbc-news", "emoji-pictures", "noun-glosses", "reviews-zh", "heavy-tails")
_DEVELOPMENT = ("digits", "verb-glosses", "heavy-tails-development")
_ASIDE = ("noun-glosses", "mnist", "heavy-tails")
_MOST_ROWS_AGAIN = 6000
_SCALE = """
import resource, sys, time
import numpy as np
from mmembed.analysis import fit_projection
from mmembed.analysis.graphs.graph import shared_graph
from mmembed.analysis.cosines import distinct_directions
from mmembed.vectors import VectorArray
n, d = int(sys.argv[1]), 1024
random = np.random.default_rng(0)
centres = random.normal(size=(200, 24)).astype("f4") * 2
axes = random.normal(size=(24, d)).astype("f4")
matrix = np.empty((n, d), dtype="f4")
for at in range(0, n, 10_000):
    rows = min(10_000, n - at)
    latent = centres[random.integers(0, 200, rows)] + random.normal(size=(rows, 24)).astype("f4")
    matrix[at : at + rows] = latent @ axes + 0.5 * random.normal(size=(rows, d)).astype("f4")
array = VectorArray.from_matrix(matrix)
def used(which):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(which)) * 1024
start = time.process_time()
shared_graph(distinct_directions(matrix).source, 14)
graph = time.process_time() - start
fit_projection(matrix[:100])  # compilation
before = used("VmRSS")
open("/proc/self/clear_refs", "w").write("5")
start = time.process_time()
fit_projection(array)
print(graph, time.process_time() - start, (used("VmHWM") - before) / matrix.nbytes)
"""
_START = """
import sys, time, warnings
import numpy as np, pandas as pd
warnings.simplefilter("ignore")
rows = np.load(sys.argv[1])
start = time.perf_counter()
"""
_END = """
print(time.perf_counter() - start)
"""
_PLAIN = _START + "import umap\nplaces = umap.UMAP(metric='cosine').fit_transform(rows)" + _END
_SEEDED = _START + "import umap\nplaces = umap.UMAP(metric='cosine', random_state=0).fit_transform(rows)" + _END
_OURS = _START + "import mmembed\nfound = mmembed.fit_projection(rows)" + _END
_ALL = (
    _START
    + """
import mmembed
def lap(name, since):
    print(f"    {name}: {time.perf_counter() - since:.1f} s", file=sys.stderr, flush=True)
    return time.perf_counter()
texts = pd.Series(np.load(sys.argv[2]))
at = time.perf_counter()
graph = mmembed.neighbors(rows); at = lap("neighbours", at)
clusters = mmembed.fit_clusters(rows, text=texts); at = lap("clusters and names", at)
found = mmembed.fit_projection(rows); lap("map", at)
"""
    + _END
)


def fresh(code: str, *files: Path, **environment: str) -> float:
    """Return the seconds that a script in a fresh process says it took."""
    command = [sys.executable, "-c", code, *map(str, files)]
    done = subprocess.run(  # noqa: S603 - our own code
        command, stdout=subprocess.PIPE, check=True, text=True, env={**os.environ, **environment}
    )
    return float(done.stdout.splitlines()[-1])


def speed(folder: Path, runs: int) -> None:
    rows = folder / "rows.npy"
    np.save(rows, load("heavy-tails")["vector"].array.matrix[:5000])
    times: dict[str, list[float]] = {"umap-learn": [], "umap-learn, seeded": [], "first": [], "later": []}
    for run in range(runs):
        times["umap-learn"].append(fresh(_PLAIN, rows))
        if run == 0:
            times["umap-learn, seeded"].append(fresh(_SEEDED, rows))
        kept = {"NUMBA_CACHE_DIR": str(folder / f"compiled-{run}")}
        times["first"].append(fresh(_OURS, rows, **kept))
        times["later"].append(fresh(_OURS, rows, **kept))
    plain = median(times["umap-learn"])
    print("5,000 × 1,024, fresh process, s")
    for name, taken in times.items():
        print(f"  {name:<22}{median(taken):>7.2f}   {plain / median(taken):>5.1f} × faster than umap-learn")


def large(folder: Path) -> None:
    frame = load("heavy-tails-50k")
    rows, texts = folder / "rows.npy", folder / "texts.npy"
    np.save(rows, frame["vector"].array.matrix)
    np.save(texts, texts_of(frame["label"].to_numpy()))
    del frame
    print("50,000 × 1,024, fresh process", flush=True)
    ours, plain = fresh(_ALL, rows, texts), fresh(_PLAIN, rows)
    print(f"  neighbours, clusters, names and map {ours:.1f} s; umap-learn alone {plain:.1f} s: {ours / plain:.2f} ×")


def texts_of(labels: np.ndarray) -> np.ndarray:
    """Return a made-up text of eight words for each row, half of them of its label's own vocabulary."""
    random = np.random.default_rng(0)
    common = random.integers(0, 2000, size=(len(labels), 4))
    own = random.integers(0, 30, size=(len(labels), 4))
    return np.array([
        " ".join([*(f"word{one}" for one in some), *(f"topic{label}x{one}" for one in mine)])
        for label, some, mine in zip(labels, common, own, strict=True)
    ])  # fmt: skip


def quality() -> None:
    print("set                 map            trustworthiness   continuity   neighbours kept   s of one map")
    for name in _SETS:
        rows = unit_rows(distinct_rows(load(name)["vector"].array.matrix).rows)
        graph = shared_graph(rows, 14)
        itself = np.arange(len(rows), dtype=np.int32)[:, np.newaxis]
        distances = np.hstack([np.zeros((len(rows), 1), np.float32), np.maximum(1 - graph.similarities, 0)])
        knn = (np.hstack([itself, graph.indices]), distances)
        makers = {
            "mmembed": partial(_ours, rows),
            "umap-learn, pca": partial(_theirs, rows, init="pca", precomputed_knn=knn),
            "umap-learn": partial(_theirs, rows),
        }
        for maker, make in makers.items():
            make(0)  # compilation
            start = time.perf_counter()
            found = [measure_map(rows, make(seed)) for seed in range(3)]
            taken = (time.perf_counter() - start) / 3
            print(line(name, maker, found, taken), flush=True)


def _ours(rows: np.ndarray, seed: int) -> np.ndarray:
    return fit_projection(rows, random_state=seed).coordinates


def _theirs(rows: np.ndarray, seed: int, **options: object) -> np.ndarray:
    from umap import UMAP

    return UMAP(metric="cosine", n_jobs=1, random_state=seed, **options).fit_transform(rows)


def again() -> None:
    for title, names in (("development", _DEVELOPMENT), ("set aside", _ASIDE)):
        print(
            f"{title:<28}map            old rows moved  turned     new rows: trustworthiness   neighbours kept   CPU s"
        )
        for name in names:
            rows = distinct_rows(unit_rows(distinct_rows(load(name)["vector"].array.matrix).rows)).rows
            order = np.random.default_rng(5).permutation(len(rows))[:_MOST_ROWS_AGAIN]
            rows = np.ascontiguousarray(rows[order])
            _again(f"{name}, 5 % new", rows, int(len(rows) / 1.05))
            groups = KMeans(20, n_init=1, random_state=0).fit_predict(rows)
            middle = np.bincount(groups).argsort()[10]
            rows = np.vstack([rows[groups != middle], rows[groups == middle]])
            _again(f"{name}, a new group", rows, int((groups != middle).sum()))


def _again(name: str, rows: np.ndarray, n_old: int) -> None:
    earlier = fit_projection(rows[:n_old])
    before, new = earlier.coordinates, np.arange(n_old, len(rows))
    shared_graph(rows, 14)  # of which all of these are made
    makers = {
        "own fit": lambda: fit_projection(rows).coordinates,
        "own fit, seed 1": lambda: fit_projection(rows, random_state=1).coordinates,
        "transform": lambda: earlier.transform(rows),
        "like": lambda: fit_projection(rows, like=earlier).coordinates,
    }
    for maker, make in makers.items():
        start = time.process_time()
        places = make()
        taken = time.process_time() - start
        after = places[:n_old]
        moved = ((after - before) ** 2).sum() / ((before - before.mean(axis=0)) ** 2).sum()
        turned = procrustes(before, after)[2]
        trust, kept = lie(rows, places, new)
        print(
            f"{name:<28.28}{maker:<18}{moved:>10.4f}{turned:>10.4f}{trust:>25.4f}{kept:>18.3f}{taken:>10.1f}",
            flush=True,
        )


def lie(rows: np.ndarray, places: np.ndarray, of: np.ndarray, k: int = 15) -> tuple[float, float]:
    """Return trustworthiness and the share of neighbours kept of some rows among all."""
    n_rows = len(rows)
    in_truth = 1 - rows[of] @ rows.T
    on_map = ((places[of, np.newaxis] - places) ** 2).sum(axis=2)
    for distances in (in_truth, on_map):
        distances[np.arange(len(of)), of] = np.inf
    near = np.argpartition(on_map, k, axis=1)[:, :k]
    ranks = np.take_along_axis(in_truth.argsort(axis=1).argsort(axis=1) + 1, near, axis=1)
    intruders = np.maximum(ranks - k, 0).sum()
    return 1 - intruders / (len(of) * k * (2 * n_rows - 3 * k - 1) / 2), float((ranks <= k).mean())


def scale(n_rows: int) -> None:
    done = subprocess.run([sys.executable, "-c", _SCALE, str(n_rows)], stdout=subprocess.PIPE, check=True, text=True)  # noqa: S603
    graph, taken, peak = map(float, done.stdout.split())
    print(f"{n_rows:,} × 1,024: processor seconds of map {taken:.1f}, of graph {graph:.1f}; peak ÷ matrix {peak:.2f}")


def line(name: str, maker: str, found: list[MapQuality], taken: float) -> str:
    trust, continuity, kept = (
        mean(getattr(one, measure) for one in found) for measure in ("trustworthiness", "continuity", "neighbors_kept")
    )
    return f"{name:<20}{maker:<20}{trust:>10.4f}{continuity:>13.4f}{kept:>18.4f}{taken:>15.2f}"


def main() -> None:
    runs = 1 if "once" in sys.argv else 3
    wanted = set(sys.argv[1:]) - {"once"} or {"speed", "large", "quality", "again", "scale"}
    sizes = [int(one) for one in wanted if one.isdigit()] or [300_000]
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        if "speed" in wanted:
            speed(Path(folder), runs)
        if "large" in wanted:
            large(Path(folder))
        if "quality" in wanted:
            quality()
        if "again" in wanted:
            again()
        if "scale" in wanted:
            for n_rows in sorted(sizes):
                scale(n_rows)


if __name__ == "__main__":
    main()
