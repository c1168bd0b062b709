"""Measure the cache of vectors beside Parquet: the same matrix stored in batches, looked up, embedded again, and read.

Run with ``python benchmarks/cache.py``. Each figure is the median of several rounds with a warm disk; a lookup opens
the file anew, as a warm run does. The warm run is ``df.mmembed.embed`` from cells to column, with every text cached.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mmembed import Embedder
from mmembed.cache.local import VectorCache, content_keys
from mmembed.contents.content import read_contents


def median_seconds(work: Callable[[], object], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=20, help="rows in one answer, and so in one store")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    shape = options.rows, options.dimension
    matrix = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    df = pd.DataFrame({"text": [f"商品 {row}: an article described in some words" for row in range(options.rows)]})
    embedder = Embedder(model="qwen3-vl-embedding", dimension=options.dimension, api_key="sk-benchmark")
    provider = embedder.provider()
    digests = [content.digest for content in read_contents(df["text"], "text")]
    start = time.perf_counter()
    keys = content_keys(digests, space=provider.space, options=provider.options)
    print(f"keys                  {time.perf_counter() - start:8.3f} s")

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        with VectorCache(folder) as cache:
            for first in range(0, options.rows, options.batch):
                cache.store(keys[first : first + options.batch], matrix[first : first + options.batch])
        seconds = time.perf_counter() - start
        print(f"store by {options.batch:<4}         {seconds:8.3f} s   {options.rows / seconds:,.0f} rows/s")

        column = pa.FixedSizeListArray.from_arrays(matrix.reshape(-1), options.dimension)
        path = folder / "vectors.parquet"
        pq.write_table(pa.table({"vector": column}), path)

        def look_up() -> None:
            with VectorCache(folder) as cache:
                found_matrix, found = cache.lookup(keys, options.dimension)
            assert found.all()  # noqa: S101 - a benchmark that finds nothing measures nothing
            assert found_matrix.shape == shape  # noqa: S101

        def read_parquet() -> None:
            chunk = pq.read_table(path)["vector"].combine_chunks()
            assert chunk.flatten().to_numpy().reshape(shape).shape == shape  # noqa: S101

        def run_warm() -> None:
            # No server listens: a single request would fail.
            out = df.mmembed.embed("text", "text", embedder=dataclasses.replace(embedder, cache=folder))
            assert out["text_vector"].notna().all()  # noqa: S101

        measured = (look_up, run_warm, read_parquet)
        for one in measured:
            one()
        # In turns, so that what else the machine does meets all.
        rounds = [[median_seconds(one, 1) for one in measured] for _ in range(options.rounds)]
        lookup, warm, parquet = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"lookup                {lookup:8.3f} s   {options.rows / lookup:,.0f} rows/s")
        print(f"Parquet read          {parquet:8.3f} s")
        print(f"warm run              {warm:8.3f} s   {options.rows / warm:,.0f} rows/s")
        print(f"lookup / Parquet read {lookup / parquet:8.2f}")
        print(f"warm run / Parquet read {warm / parquet:6.2f}     (target: at most 3)")
        sizes = VectorCache(folder).path.stat().st_size, path.stat().st_size, matrix.nbytes
        print(
            "on disk               cache {:.0f} MB, Parquet {:.0f} MB, vectors {:.0f} MB".format(
                *(s / 1e6 for s in sizes)
            )
        )


if __name__ == "__main__":
    main()
