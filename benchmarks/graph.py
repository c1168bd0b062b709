"""Measure neighbour graphs: ``python benchmarks/graph.py [rows …]`` (20000 and 50000 by default).

Exact and approximate with their recall, on clustered vectors behind a random network (1,024 numbers) and on the local
model's vectors of WordNet glosses (512). The exact time is that of 4,096 rows, times the rest.
"""

import sys
import time

import numpy as np
from labelled import synthetic, texts

from mmembed.analysis.cosines import distinct_rows, unit_rows
from mmembed.analysis.graphs.approximate import approximate_neighbors
from mmembed.analysis.graphs.graph import compute_graph
from mmembed.analysis.graphs.nearest import nearest_rows

K = 31
PART = 4096


def sets(rows: int) -> dict[str, np.ndarray]:
    made = {"synthetic": synthetic.heavy_tails(rows, seed=2), "glosses": texts.glosses("noun", min(rows, 60_000))}
    units = {name: unit_rows(df["vector"].mmembed.to_matrix()) for name, df in made.items()}
    return {name: distinct_rows(matrix).rows for name, matrix in units.items()}


def exact_seconds(rows: np.ndarray) -> float:
    missing = np.zeros(len(rows), dtype=bool)
    start = time.perf_counter()
    nearest_rows(rows[:PART], rows, K, queries_missing=missing[:PART], missing=missing, skip_self=True)
    return (time.perf_counter() - start) * len(rows) / PART


def main() -> None:
    print(f"k = {K}{'':<22}{'exact, about':>14}{'approximate':>14}{'ratio':>8}{'recall':>8}   auto takes")
    for n_rows in map(int, sys.argv[1:] or (20_000, 50_000)):
        for name, rows in sets(n_rows).items():
            exact = exact_seconds(rows)
            start = time.perf_counter()
            found = approximate_neighbors(rows, K, must_pay=False)
            approximate = time.perf_counter() - start
            graph = compute_graph(rows, K)
            what = f"{name} {len(rows)} × {rows.shape[1]}"
            times = f"{exact:>12.1f} s{approximate:>12.1f} s{exact / approximate:>8.1f}"
            recall = "" if found is None or graph.method == "exact" else f"{graph.recall:.3f}"
            print(f"{what:<28}{times}{recall:>8}   {graph.method}")


if __name__ == "__main__":
    main()
