"""Maps beside umap-learn: ``python benchmarks/projection.py [speed] [large] [quality]``; all three if none is named.

``speed``: 5,000 × 1,024 in fresh processes, imports included: umap-learn as people call it and with a seed, mmembed
with no compiled code on disk (the first map on a machine) and with it (every other process), medians of three.
``large``: 50,000 × 1,024, neighbours, clusters, names and map beside umap-learn's map alone, a fresh process each.
``quality``: trustworthiness, continuity and neighbours kept on several sets, the mean of three seeds, beside umap-learn
from the same neighbours and as people call it.
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

from mmembed.analysis import fit_projection
from mmembed.analysis.cosines import distinct_rows, unit_rows
from mmembed.analysis.graphs.graph import shared_graph
from mmembed.analysis.maps.projection import MapQuality, measure_map

_SETS = ("digits", "bbc-news", "emoji-pictures", "noun-glosses", "reviews-zh", "heavy-tails")
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


def speed(folder: Path) -> None:
    rows = folder / "rows.npy"
    np.save(rows, load("heavy-tails")["vector"].array.matrix[:5000])
    times: dict[str, list[float]] = {"umap-learn": [], "umap-learn, seeded": [], "first": [], "later": []}
    for run in range(3):
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


def line(name: str, maker: str, found: list[MapQuality], taken: float) -> str:
    trust, continuity, kept = (
        mean(getattr(one, measure) for one in found) for measure in ("trustworthiness", "continuity", "neighbors_kept")
    )
    return f"{name:<20}{maker:<20}{trust:>10.4f}{continuity:>13.4f}{kept:>18.4f}{taken:>15.2f}"


def main() -> None:
    wanted = set(sys.argv[1:]) or {"speed", "large", "quality"}
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        if "speed" in wanted:
            speed(Path(folder))
        if "large" in wanted:
            large(Path(folder))
        if "quality" in wanted:
            quality()


if __name__ == "__main__":
    main()
