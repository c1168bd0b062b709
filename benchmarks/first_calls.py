"""What the first call of each verb takes in a fresh process: imports, compilation, and the work itself.

    python benchmarks/first_calls.py [VERB …]

Every call is made in a process of its own, on 2,000 rows of 256 numbers: once with compiled code that is kept, once
with an empty folder for it, and once where the package folder and the home cannot be written. ``imports`` are the
processor seconds of the modules that the call brings in, ``call`` those of the whole call, ``again`` those of a second
call on other rows in the same process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import mmembed

CALL = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd
import mmembed
def table(seed):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(12, 256))[random.integers(0, 12, 2000)] + random.normal(size=(2000, 256))
    df = pd.DataFrame({"text": [f"word{one} and word{one % 7}" for one in range(2000)]})
    df["vector"] = mmembed.VectorArray.from_matrix(rows.astype("float32"))
    df["label"] = (random.integers(0, 4, 2000)).astype(str)
    return df
def call(df):
    vectors = df["vector"]
    return CALL
import builtins
spent, depth, real = [0.0], [0], builtins.__import__
def timed(*given, **named):
    depth[0] += 1
    start = time.process_time()
    try:
        return real(*given, **named)
    finally:
        depth[0] -= 1
        if not depth[0]:
            spent[0] += time.process_time() - start
one, other = table(0), table(1)
builtins.__import__ = timed
start = time.process_time()
call(one)
first = time.process_time() - start
builtins.__import__ = real
start = time.process_time()
call(other)
print(f"{spent[0]:.2f} {first:.2f} {time.process_time() - start:.2f}")
"""

CALLS = {
    "search": "mmembed.analysis.search(vectors[:1], vectors, k=10)",
    "duplicates": "mmembed.find_duplicates(vectors)",
    "outliers": "mmembed.find_outliers(vectors)",
    "cluster": "mmembed.fit_clusters(vectors)",
    "project": "mmembed.fit_projection(vectors)",
    "classify": "mmembed.fit_classifier(vectors, df['label'])",
    "report": "df.mmembed.report('vector').html()",
}


def first_call(call: str, kept: Path | None, package: Path) -> list[str]:
    """Return imports, first and second call in processor seconds."""
    surroundings = {**os.environ, "PYTHONPATH": str(package)}
    surroundings |= {"NUMBA_CACHE_DIR": str(kept)} if kept else {"HOME": os.devnull, "XDG_CACHE_HOME": os.devnull}
    command = [sys.executable, "-B", "-c", CALL.replace("CALL", call)]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    return done.stdout.split() or ["failed", done.stderr.strip().splitlines()[-1], ""]


def main(verbs: list[str]) -> None:
    """Print the table of some verbs, or of all."""
    print("| verb | imports | call, code kept | again | call, empty folder | call, nowhere to keep it |")
    print("|---|---|---|---|---|---|", flush=True)
    for name in verbs or CALLS:
        call = CALLS[name]
        with tempfile.TemporaryDirectory() as folder:
            package = Path(folder) / "package"
            source = Path(str(mmembed.__file__)).parent
            shutil.copytree(source, package / "mmembed", ignore=shutil.ignore_patterns("__pycache__"))
            for kernels in package.rglob("*_kernel*.py"):  # a file is in the way of numba's folder, also for root
                (kernels.parent / "__pycache__").touch()
            kept = Path(folder) / "kept"
            cold = first_call(call, kept, package)
            warm = first_call(call, kept, package)
            nowhere = first_call(call, None, package)
            print(f"| {name} | {warm[0]} | {warm[1]} | {warm[2]} | {cold[1]} | {nowhere[1]} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
