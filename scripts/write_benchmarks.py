"""Run a set of benchmarks that takes minutes, and write what they say to docs/benchmarks.md.

    make bench                    # some 15 minutes on two free cores
    make bench ARGS='search'      # some of them, printed and not written; with --write, the page has these alone
    make bench ARGS='--all'       # every script of benchmarks/ with its own settings, printed and not written: hours

Each is run in a process of its own, one after the other, so that their figures are of one machine, one day and one set
of versions. What counts are ratios: both sides of one were measured in turn.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
PACKAGES = ("mmembed", "numpy", "scipy", "pandas", "scikit-learn", "pyarrow", "numba", "umap-learn", "dashscope")
_BUSY = 1.5  # runnable processes per core, from which on the page says that others used the machine


@dataclass(frozen=True)
class Benchmark:
    """A script with small settings, what it compares, and the figures of its output that the first table shows."""

    name: str
    command: tuple[str, ...]
    title: str
    told: str
    figures: tuple[tuple[str, str, str], ...]
    """Of each: what it is, a pattern whose group is the figure in the output, and what follows the figure."""


BENCHMARKS = (
    Benchmark(
        "vectors",
        ("vectors.py", "20000", "512"),
        "Vector columns beside numpy",
        "A column of vectors does what numpy does with the bare matrix, and reads Parquet beside a column of arrays.",
        (
            ("filter half of a column, beside numpy", r"filter half.*?([\d.]+) ×", "× its time"),
            ("read vectors from Parquet, beside a column of arrays", r"read to a matrix.*?([\d.]+) ×", "× its time"),
        ),
    ),
    Benchmark(
        "search",
        ("search.py", "100000", "1024"),
        "Exact search beside the matrix product and scikit-learn",
        "The product alone finds nothing: it is the least that exact search can cost. scikit-learn is its brute force.",
        (
            ("one query, beside the bare matrix product", r"\n +1(?: +[\d.]+ ms){2} +([\d.]+) ", "× its time"),
            (
                "1,000 queries, beside the bare matrix product",
                r"\n +1000(?: +[\d.]+ ms){2} +([\d.]+) ",
                "× its time",
            ),
        ),
    ),
    Benchmark(
        "cache",
        ("cache.py", "--rows", "20000", "--rounds", "3"),
        "The cache beside Parquet",
        "The warm run is `df.mmembed.embed` from cells to column with every text in the cache.",
        (
            (
                "embed a column that is cached, beside reading Parquet",
                r"warm run / Parquet read +([\d.]+)",
                "× its time",
            ),
        ),
    ),
    Benchmark(
        "api_road",
        ("api_road.py", "cpu", "latency", "--requests", "200"),
        "Requests beside the bare SDK",
        "A server on this machine answers. Processor time is the client's alone; eight threads call the SDK.",
        (
            ("processor time of requests, beside the bare SDK", r"median ratio ([\d.]+)", "× its time"),
            ("wall time at 0.25 s an answer, beside the ideal", r"20 × 1024.*?ratio ([\d.]+)", "× that"),
        ),
    ),
    Benchmark(
        "classification",
        ("classification.py", "digits"),
        "The default classifier beside grid searches",
        "Sets that methods were developed on are marked; planted label errors are found by `label_issues()`.",
        (
            ("digits, right when held out", r"digits \(.*?beside peers: ours ([\d.]+)", ""),
            ("the same by a tuned RBF SVC", r"digits \(.*?RBF SVC ([\d.]+)", ""),
        ),
    ),
    Benchmark(
        "clusters",
        ("clusters.py", "--sets", "digits"),
        "Clusters beside other methods, by labels that nobody showed them",
        "AMI is 1 where clusters are the labels, and 0 by chance. k-means is told the number of labels; `auto` is not.",
        (
            ("digits, AMI of clusters with the labels", r" auto +([\d.]+)", ""),
            ("the same by UMAP + HDBSCAN", r"UMAP \+ HDBSCAN +([\d.]+)", ""),
        ),
    ),
    Benchmark(
        "projection",
        ("projection.py", "speed", "once"),
        "A map beside umap-learn",
        "5,000 rows of 1,024 numbers, every map in a fresh process, imports and compilation included.",
        (
            ("first map on a machine, than umap-learn", r"  first +[\d.]+ +([\d.]+) ×", "× faster"),
            ("map in every later process, than umap-learn", r"  later +[\d.]+ +([\d.]+) ×", "× faster"),
        ),
    ),
    Benchmark(
        "local_model",
        ("local_model.py",),
        "What the local model finds",
        "On `data/`, which was looked at while the model was made.",
        (
            ("English caption → its photograph, within the first 10", r"image, en.*?R@10 ([\d.]+)", ""),
            ("Chinese caption → its photograph, within the first 10", r"image, zh.*?R@10 ([\d.]+)", ""),
            ("photographs a second, one core", r"([\d.]+) images/s", ""),
            ("short texts a second, one core", r"([\d.]+) texts/s", ""),
        ),
    ),
)


@dataclass(frozen=True)
class Ran:
    """What a benchmark printed, and how long it took."""

    benchmark: Benchmark
    output: str
    seconds: float


def main() -> int:
    """Run what is asked for, and write the page if that is the whole set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(one.name for one in BENCHMARKS))
    parser.add_argument("--write", action="store_true", help="write the page also of some")
    parser.add_argument("--all", action="store_true", help="every script, with its own settings")
    options = parser.parse_args()
    if options.all:
        for script in sorted((ROOT / "benchmarks").glob("*.py")):
            print(f"== {script.name}", flush=True)
            subprocess.run([sys.executable, str(script)], check=True)  # noqa: S603  our own
        return 0
    unknown = set(options.names) - {one.name for one in BENCHMARKS}
    if unknown:
        parser.error(
            f"There is no {', '.join(sorted(unknown))}; there are {', '.join(one.name for one in BENCHMARKS)}."
        )
    chosen = [one for one in BENCHMARKS if not options.names or one.name in options.names]
    load, ran = [os.getloadavg()[0]], []
    for benchmark in chosen:
        print(f"== {' '.join(benchmark.command)}", flush=True)
        ran.append(run(benchmark))
        print(ran[-1].output, f"{ran[-1].seconds:.0f} s", sep="\n", flush=True)
        load.append(os.getloadavg()[0])
    if options.write or not options.names:
        PAGE.write_text(page(ran, load), encoding="utf-8")
        print(f"Written: {PAGE.relative_to(ROOT)}")
    return 0


def run(benchmark: Benchmark) -> Ran:
    """Run a script, and return its standard output."""
    script, *arguments = benchmark.command
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603  our own
        [sys.executable, "-W", "ignore", str(ROOT / "benchmarks" / script), *arguments],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    return Ran(benchmark, done.stdout.strip("\n"), time.perf_counter() - started)


def figure(output: str, pattern: str) -> str:
    """Return a figure of an output; a pattern that finds none is an error, so that no row of the page is empty."""
    found = re.search(pattern, "\n" + output, re.DOTALL)
    if found is None:
        raise ValueError(f"The output has nothing like {pattern!r}:\n{output}")
    return found[1]


def speed() -> str:
    """Return how fast the machine is, so that seconds can be compared with those of another."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    matrix, products, loops = np.ones((3000, 3000), dtype=np.float32), [], []
    with threadpool_limits(1):
        for _ in range(3):
            started = time.process_time()
            matrix @ matrix
            products.append(2 * 3000**3 / (time.process_time() - started) / 1e9)
            started = time.process_time()
            for _ in range(10_000_000):
                pass
            loops.append(time.process_time() - started)
    return (
        f"One core multiplied two matrices of 3,000 × 3,000 float32 at {np.median(products):.0f} GFLOP/s, and took "
        f"{np.median(loops):.1f} s for ten million turns of an empty Python loop."
    )


def page(ran: list[Ran], load: list[float]) -> str:
    """Return the page in Markdown."""
    cores = os.cpu_count() or 1
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    busy = f"Other programs used the machine at the same time (load {min(load):.0f} to {max(load):.0f}): seconds are "
    busy += "longer than on a quiet machine, and what counts are ratios, of which both sides were measured in turn."
    shared = busy if max(load) > _BUSY * cores else "Nothing else ran on it."
    told = (
        "Written by `make bench` from one run. Below each heading is what a script of `benchmarks/` prints with small "
    )
    told += "settings; it takes others, and there are more of them (`make bench ARGS=--all`)."
    machine = (
        f"Run on {datetime.now(UTC):%Y-%m-%d}, {platform.system()} on {platform.machine()}, {cores} cores, Python "
    )
    machine += f"{platform.python_version()}; {versions}. {shared} {speed()}"
    left_out = [f"`{one.name}`" for one in BENCHMARKS if one not in [each.benchmark for each in ran]]
    if left_out:
        told += f" Not in this run: {', '.join(left_out)}."
    lines = [
        "# Benchmarks",
        "",
        told,
        "",
        machine,
        "",
        "| what | figure | script |",
        "|---|---|---|",
    ]
    for one in ran:
        for what, pattern, unit in one.benchmark.figures:
            value = f"{figure(one.output, pattern)} {unit}".strip()
            lines.append(f"| {what} | {value} | `{one.benchmark.command[0]}` |")
    for one in ran:
        script, *arguments = one.benchmark.command
        command = " ".join(["python", f"benchmarks/{script}", *arguments])
        lines += ["", f"## {one.benchmark.title}", "", f"{one.benchmark.told} `{command}`:", "", "```text"]
        lines += [*map(str.rstrip, one.output.splitlines()), "```"]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
