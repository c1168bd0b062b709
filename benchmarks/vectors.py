"""Measure vector columns beside numpy on the bare matrix: ``python benchmarks/vectors.py [rows dimension]``.

Each line is the median of several runs, column and numpy in turn, with their ratio and the target.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from mmembed.vectors import VectorArray, as_vector_array

RUNS = 7
IMPORT_SECONDS = """
import time, pandas
start = time.perf_counter()
import mmembed
print(time.perf_counter() - start)
"""


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(name: str, ours: Callable[[], object], beside: Callable[[], object], target: str = "") -> None:
    """Print the median times of two calls, run in turn, and their ratio."""
    ours(), beside()  # the first run pays for memory that the system has not given yet
    times = [(seconds(ours), seconds(beside)) for _ in range(RUNS)]
    mine, theirs = (median(column) for column in zip(*times, strict=True))
    print(f"{name:<44}{mine * 1e3:>10.2f} ms{theirs * 1e3:>10.2f} ms{mine / theirs:>8.2f} ×   {target}")


def rows_of_columns(rows: int, dimension: int, random: np.random.Generator) -> None:
    matrix = random.standard_normal((rows, dimension), dtype=np.float32)
    column = pd.Series(VectorArray.from_matrix(matrix, "toy"), copy=False)
    half = random.random(rows) < 0.5
    order = random.permutation(rows)
    labels = np.where(random.random(rows) < 0.1, rows + order, order)
    positions = np.where(labels < rows, labels, -1)

    def numpy_reindex() -> None:
        made = matrix.take(positions, axis=0)
        made[positions == -1] = np.nan

    print(f"{rows} × {dimension} float32, medians of {RUNS} runs{'column':>16}{'numpy':>13}{'ratio':>10}   target")
    compare("filter half", lambda: column[half], lambda: matrix[half], "≤ 1.5 ×")
    compare("take all, shuffled", lambda: column.take(order), lambda: matrix.take(order, axis=0), "≤ 1.5 ×")
    compare("concat two halves", lambda: pd.concat([column.iloc[: rows // 2], column.iloc[rows // 2 :]]),
            lambda: np.concatenate([matrix[: rows // 2], matrix[rows // 2 :]]), "≤ 1.5 ×")  # fmt: skip
    compare("reindex, a tenth missing", lambda: column.reindex(labels), numpy_reindex, "≤ 1.5 ×")
    compare("check and wrap a matrix", lambda: VectorArray.from_matrix(matrix), lambda: matrix.sum(axis=1))
    to_matrix = median(seconds(lambda: column.array.matrix) for _ in range(1001))
    print(f"{'column → matrix':<44}{to_matrix * 1e3:>10.4f} ms{'':>21}   < 0.1 ms, no copy")
    assert np.shares_memory(column.array.matrix, matrix)  # noqa: S101  the line above would lie otherwise


def rows_of_construction(rows: int, dimension: int, random: np.random.Generator) -> None:
    matrix = random.standard_normal((rows, dimension), dtype=np.float32)
    lists, arrays = pd.Series(matrix.tolist()), pd.Series(list(matrix))
    print(f"\n{rows} × {dimension}, columns of Python objects")
    compare("from a column of lists", lambda: as_vector_array(lists), lambda: np.array(lists.tolist(), np.float32))
    compare("from a column of arrays", lambda: as_vector_array(arrays), lambda: np.stack(arrays.to_list()))
    column = pd.Series(VectorArray.from_matrix(np.repeat(matrix, 2, axis=0)))
    compare("drop_duplicates, half are", column.drop_duplicates, lambda: np.unique(column.array.matrix, axis=0))


def rows_of_files(rows: int, dimension: int, random: np.random.Generator) -> None:
    matrix = random.standard_normal((rows, dimension), dtype=np.float32)
    ours = pd.DataFrame({"vector": VectorArray.from_matrix(matrix, "toy")})
    objects = pd.DataFrame({"vector": list(matrix)})
    print(f"\n{rows} × {dimension}, Parquet, beside a column of arrays")
    with tempfile.TemporaryDirectory() as folder:
        one, two = Path(folder) / "vectors.parquet", Path(folder) / "objects.parquet"
        compare("write", lambda: ours.to_parquet(one), lambda: objects.to_parquet(two))
        compare("read", lambda: pd.read_parquet(one), lambda: pd.read_parquet(two))
        compare("read to a matrix", lambda: pd.read_parquet(one)["vector"].array.matrix,
                lambda: np.stack(pd.read_parquet(two)["vector"].to_list()))  # fmt: skip


def import_time() -> None:
    command = [sys.executable, "-c", IMPORT_SECONDS]
    took = [float(subprocess.run(command, capture_output=True, check=True, text=True).stdout) for _ in range(5)]  # noqa: S603  our own code
    print(f"\nimport mmembed, on top of pandas: {median(took):.3f} s   < 0.15 s")


def main() -> None:
    rows, dimension = map(int, sys.argv[1:] or (100_000, 1024))
    random = np.random.default_rng(0)
    rows_of_columns(rows, dimension, random)
    rows_of_construction(rows // 10, dimension, random)
    rows_of_files(rows // 5, dimension, random)
    import_time()


if __name__ == "__main__":
    main()
