"""Measure the verbs on Dask: ``python benchmarks/on_dask.py [rows …] [--verbs search,duplicates] [--compare]``.

Clustered vectors of 512 numbers with texts lie as Parquet in a temporary folder (``--folder`` keeps them), in files of
25,000 rows; one row in 20 is a near copy of another, one in 100 an exact one. A cluster of two worker processes with
one thread and 3 GB each reads them. For each verb and number of rows (100000, 300000 and 1000000 by default): seconds,
and the greatest memory of a worker process. ``--compare`` holds the answers on 50,000 rows against
those of pandas; its verbs are those of ``dask_agreement.py``.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import psutil
from dask.distributed import Client, LocalCluster
from dask_agreement import COMPARISONS

import mmembed.distributed
from mmembed.vectors import Vector, VectorArray

ROWS_A_FILE = 25_000
DIMENSION, LATENT, CLUSTERS = 512, 24, 200
WORDS = ["red", "blue", "dress", "coat", "train", "apple", "dog", "红色", "连衣裙", "火车", "苹果", "小狗"]


def write_table(folder: Path, rows: int) -> None:
    """Write clustered vectors behind a random network, some of them copies of rows of the same or another file."""
    fixed = np.random.default_rng(0)
    centres = fixed.normal(size=(CLUSTERS, LATENT))
    first, second = fixed.normal(size=(LATENT, 256)) / LATENT**0.5, fixed.normal(size=(256, DIMENSION)) / 16
    sizes = fixed.pareto(1.5, CLUSTERS) + 1
    kept = np.empty((0, DIMENSION), dtype=np.float32)
    for number, start in enumerate(range(0, rows, ROWS_A_FILE)):
        random = np.random.default_rng([1, number])
        n = min(ROWS_A_FILE, rows - start)
        cluster = random.choice(CLUSTERS, n, p=sizes / sizes.sum())
        latent = centres[cluster] + 0.35 * random.standard_t(4, size=(n, LATENT))
        matrix = (np.tanh(latent @ first) @ second).astype(np.float32)
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        pool = np.concatenate([kept, matrix[: n // 2]])
        copies = n // 2 + random.choice(n - n // 2, n // 20 + n // 100, replace=False)
        matrix[copies] = pool[random.integers(len(pool), size=len(copies))]
        near = copies[: n // 20]
        matrix[near] += random.normal(size=(len(near), DIMENSION)).astype(np.float32) * (0.2 / DIMENSION**0.5)
        kept = pool[random.integers(len(pool), size=2_000)]
        texts = [" ".join([WORDS[one % len(WORDS)], *random.choice(WORDS, 5)]) for one in cluster]
        frame = pd.DataFrame(
            {
                "row": np.arange(start, start + n),
                "text": texts,
                "price": random.integers(1000, size=n),
                "v": VectorArray.from_matrix(matrix, space="toy"),
            }
        )
        frame.to_parquet(folder / f"{number:05}.parquet", index=False)


def queries(n: int) -> list[Vector]:
    drawn = np.random.default_rng(7).normal(size=(n, DIMENSION)).astype(np.float32)
    return [Vector(row, space="toy") for row in drawn]


def query() -> Vector:
    return queries(1)[0]


def duplicates(ddf: dd.DataFrame) -> str:
    found = mmembed.distributed.find_duplicates(ddf["v"], 0.95)
    rows = len(found.rows_of(ddf)[["row", "group"]].compute())
    return f"{rows} rows; {found!r}".split(";")[0] + f"; recall {found.recall:.4f} of {found.pairing.n_measured}"


VERBS: dict[str, Callable[[dd.DataFrame], object]] = {
    "search": lambda ddf: len(ddf.mmembed.search(query(), "v", k=10).compute()),
    "search, 100 queries": lambda ddf: len(ddf.mmembed.search(queries(100), "v", k=10).compute()),
    "search with options": lambda ddf: len(
        ddf.mmembed.search(query(), "v", k=10, where=lambda df: df["price"] < 500, diverse=0.3).compute()
    ),
    "duplicates": duplicates,
    "deduplicate": lambda ddf: len(ddf.mmembed.deduplicate("v", 0.95)),
    "outliers": lambda ddf: float(ddf.mmembed.outliers("v")["outlier_score"].max().compute()),
    "cluster by k-means": lambda ddf: grouped(ddf, "kmeans", n_clusters=50),
    "cluster": lambda ddf: grouped(ddf, "auto"),
    "classify": lambda ddf: len(labelled(ddf).mmembed.classify("v", target="word")["word_score"].compute()),
    "project": lambda ddf: len(ddf.mmembed.project("v")[["map_x", "map_y"]].compute()),
    "report": lambda ddf: repr(clustered(ddf).mmembed.report("v", text="text")),
}


def grouped(ddf: dd.DataFrame, method: str, **options: object) -> str:
    """Fit, name by the texts, and count the lazy labels."""
    found = mmembed.distributed.fit_clusters(ddf["v"], method, text=ddf["text"], **options)
    scores = found.add_to(ddf)["cluster_score"].mean().compute()
    return f"{len(found.sizes)} by {found.method}, noise {found.noise / found.rows:.3f}, mean score {scores:.3f}"


def labelled(ddf: dd.DataFrame) -> dd.DataFrame:
    """Label one row in ten by the word that its cluster has in common."""
    return ddf.assign(word=ddf["text"].str.split(" ").str[0].where(ddf["row"] % 10 == 0))


def clustered(ddf: dd.DataFrame) -> dd.DataFrame:
    """Give the rows labels that cost nothing, so that the report alone is measured."""
    codes = {word: code for code, word in enumerate(WORDS)}
    word = ddf["text"].str.split(" ").str[0]
    return ddf.assign(cluster=word.map(codes, meta=("cluster", "int64")), cluster_name=word)


@contextmanager
def measured(client: Client) -> Iterator[dict[str, float]]:
    """Note seconds, and the greatest memory of a worker process in GB, looked at ten times a second."""
    workers = [psutil.Process(info["pid"]) for info in client.run(_pid).values()]
    result: dict[str, float] = {"GB": 0.0}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            for worker in workers:
                if worker.is_running():
                    result["GB"] = max(result["GB"], worker.memory_info().rss / 1e9)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    start = time.perf_counter()
    yield result
    result["seconds"] = time.perf_counter() - start
    done.set()
    thread.join()


def _pid() -> dict[str, int]:
    import os

    return {"pid": os.getpid()}


@contextmanager
def cluster() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, memory_limit="3GB", dashboard_address=None) as workers,
        Client(workers) as client,
    ):
        yield client


@contextmanager
def table(rows: int, kept: Path | None) -> Iterator[Path]:
    """Give a folder with so many rows, and delete it afterwards unless it is to be kept."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if kept is None else kept / str(rows)
        if kept is None or not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_table(folder, rows)
        yield folder


def curve(sizes: list[int], verbs: list[str], kept: Path | None) -> None:
    print(f"{'verb':<22}{'rows':>10}{'seconds':>10}{'GB a worker':>13}   answer")
    for rows in sizes:
        with table(rows, kept) as folder:
            for verb in verbs:
                with cluster() as client, measured(client) as result:
                    answer = VERBS[verb](dd.read_parquet(folder))
                print(f"{verb:<22}{rows:>10}{result['seconds']:>10.1f}{result['GB']:>13.2f}   {answer}", flush=True)


def compare(kept: Path | None, verbs: list[str], rows: int) -> None:
    """Hold the answers against those of pandas on the same rows."""
    with table(rows, kept) as folder, cluster():
        ddf, df = dd.read_parquet(folder).repartition(npartitions=8), pd.read_parquet(folder)
        for verb in verbs:
            start = time.perf_counter()
            print(f"{verb}: {COMPARISONS[verb](ddf, df)} ({time.perf_counter() - start:.0f} s)", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", type=int)
    parser.add_argument("--verbs", type=lambda text: text.split(";" if ";" in text else ","))
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    options.rows = options.rows or ([50_000] if options.compare else [100_000, 300_000, 1_000_000])
    warnings.filterwarnings("ignore", message="The inplace keyword")
    dask.config.set({"logging.distributed": "error"})
    if options.compare:
        compare(options.folder, options.verbs or list(COMPARISONS), options.rows[0])
    else:
        curve(options.rows, options.verbs or list(VERBS), options.folder)


if __name__ == "__main__":
    main()
