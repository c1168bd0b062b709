"""Measure exact search beside the bare matrix product: ``python benchmarks/search.py [rows dimension]``.

The product alone finds nothing: it is the least that exact search can cost. Medians of several runs, in turn.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
import pandas as pd

from mmembed.analysis import search
from mmembed.vectors import VectorArray

K = 10


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_turn(calls: dict[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """Return the median time of each call; the calls take turns, after one run that pays for first times."""
    for call in calls.values():
        call()
    times = [[seconds(call) for call in calls.values()] for _ in range(runs)]
    return dict(zip(calls, map(median, zip(*times, strict=True)), strict=True))


def peers(matrix: np.ndarray, queries: np.ndarray) -> dict[str, Callable[[], object]]:
    from sklearn.neighbors import NearestNeighbors

    fitted = NearestNeighbors(n_neighbors=K, metric="cosine", algorithm="brute").fit(matrix)
    return {"scikit-learn": lambda: fitted.kneighbors(queries)}


def main() -> None:
    rows, dimension = map(int, sys.argv[1:] or (100_000, 1024))
    random = np.random.default_rng(0)
    matrix = random.standard_normal((rows, dimension), dtype=np.float32)
    df = pd.DataFrame({"vector": VectorArray.from_matrix(matrix)}, copy=False)
    start = time.perf_counter()
    search(matrix[0], df["vector"], K)
    print(
        f"{rows} × {dimension}, k = {K}; the first search also measures the rows: {time.perf_counter() - start:.2f} s"
    )
    print(f"{'queries':>8}{'search':>12}{'product alone':>16}{'ratio':>8}{'scikit-learn':>15}   target")
    for n_queries, target in ((1, "≤ 1.2 ×"), (10, ""), (100, ""), (1000, "≤ 1.25 × (80 % of its rate)")):
        queries = random.standard_normal((n_queries, dimension), dtype=np.float32)
        asked = queries[0] if n_queries == 1 else queries
        # The faster of the two orders, into memory that is there already.
        products = np.empty((rows, n_queries) if n_queries > 1 else rows, dtype=np.float32)
        bare = partial(np.dot, matrix, asked.T, out=products)
        took = in_turn(
            {"ours": lambda asked=asked: search(asked, df["vector"], K), "bare": bare}, 31 if n_queries == 1 else 9
        )
        beside = in_turn(peers(matrix, queries), 3)["scikit-learn"]
        print(f"{n_queries:>8}{took['ours'] * 1e3:>9.1f} ms{took['bare'] * 1e3:>13.1f} ms"
              f"{took['ours'] / took['bare']:>8.2f}{beside * 1e3:>12.1f} ms   {target}")  # fmt: skip


if __name__ == "__main__":
    main()
