"""Graph, clusters, names and map of one table beside plain umap-learn, each in a process of its own.

    python benchmarks/whole_line.py [ROWS]

The vectors are the heavy-tailed mixture of ``labelled`` (1,024 numbers a row); the texts that name the clusters are
glosses of WordNet, dealt to the rows at random: they cost what texts cost and mean nothing here.
"""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
from labelled import load
from labelled.synthetic import heavy_tails

N_ROWS = 50_000


def whole_line(n_rows: int) -> None:
    """Print the seconds of each step; the steps share one graph."""
    import mmembed

    df = heavy_tails(n_rows, seed=2)
    texts = load("noun-glosses")["text"].to_numpy()
    df["text"] = texts[np.random.default_rng(0).integers(0, len(texts), n_rows)]
    df["vector"].mmembed.to_matrix()
    start = time.perf_counter()
    graph = mmembed.neighbors(df["vector"], 15)
    after_graph = time.perf_counter()
    clustered = df.mmembed.cluster("vector", text="text")
    after_clusters = time.perf_counter()
    clustered.mmembed.project("vector")
    end = time.perf_counter()
    print(
        f"  graph {after_graph - start:6.1f} s ({graph.method}, recall {graph.recall:.3f})\n"
        f"  clusters and names {after_clusters - after_graph:6.1f} s ({clustered['cluster'].nunique()} labels)\n"
        f"  map {end - after_clusters:6.1f} s"
    )
    print(f"seconds {end - start:.2f}")


def plain_umap(n_rows: int) -> None:
    """Print the seconds of umap-learn with its defaults and cosine, import and compilation included."""
    matrix = np.array(heavy_tails(n_rows, seed=2)["vector"].mmembed.to_matrix())
    start = time.perf_counter()
    from umap import UMAP

    UMAP(metric="cosine").fit_transform(matrix)
    print(f"seconds {time.perf_counter() - start:.2f}")


def seconds_of(step: str, n_rows: int) -> float:
    """Run one step in a fresh process, show what it prints and return its seconds."""
    command = [sys.executable, "-W", "ignore", __file__, step, str(n_rows)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own script
    *lines, last = printed.strip().splitlines()
    print(*lines, sep="\n") if lines else None
    return float(last.split()[1])


def main(n_rows: int) -> None:
    """Print both and their ratio."""
    print(f"{n_rows:,} rows of 1,024 numbers, fresh processes")
    ours = seconds_of("whole", n_rows)
    theirs = seconds_of("umap", n_rows)
    print(f"graph + clusters + names + map {ours:.1f} s; umap-learn alone {theirs:.1f} s; ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["whole"]:
        whole_line(int(sys.argv[2]))
    elif sys.argv[1:2] == ["umap"]:
        plain_umap(int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else N_ROWS)
