"""Measure the cache of vectors beside Parquet: the same matrix stored in batches, looked up, and read.

Run with ``python benchmarks/cache.py``. Each figure is the median of several rounds with a warm disk; a lookup opens
the file anew, as a warm run does.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mmembed.embedding.cache import VectorCache, content_keys


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
    digests = [hashlib.blake2b(b"text %d" % row, digest_size=32).digest() for row in range(options.rows)]
    start = time.perf_counter()
    keys = content_keys(digests, space="model", options={"dimension": options.dimension})
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

        look_up()
        read_parquet()
        # In turns, so that what else the machine does meets both.
        rounds = [(median_seconds(look_up, 1), median_seconds(read_parquet, 1)) for _ in range(options.rounds)]
        lookup, parquet = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"lookup                {lookup:8.3f} s   {options.rows / lookup:,.0f} rows/s")
        print(f"Parquet read          {parquet:8.3f} s")
        print(f"lookup / Parquet read {lookup / parquet:8.2f}     (target: at most 3)")
        sizes = VectorCache(folder).path.stat().st_size, path.stat().st_size, matrix.nbytes
        print(
            "on disk               cache {:.0f} MB, Parquet {:.0f} MB, vectors {:.0f} MB".format(
                *(s / 1e6 for s in sizes)
            )
        )


if __name__ == "__main__":
    main()
