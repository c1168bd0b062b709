"""The numbers at the top of the report, and what it was made with: parameters and versions."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

from mmembed.analysis.tallies.totals import WholeTable
from mmembed.embedding.run import EmbeddingRun
from mmembed.frames import one_line
from mmembed.providers.costs import amount
from mmembed.report.request import Columns, Options
from mmembed.report.words import Words


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of the summary."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a frame holds, in numbers.

    Attributes
    ----------
    without_vector : int
        Rows without a vector.
    failed : int or None
        Those of them whose cell has content; None where the column of contents is not known.
    cost : float or None
        What the embedding cost in CNY, with ``requests`` and ``tokens``; None where nobody said.
    """

    rows: int
    without_vector: int
    failed: int | None
    clusters: int
    clustered: int
    noise: int
    space: str | None = None
    dimension: int | None = None
    cost: float | None = None
    requests: int | None = None
    tokens: int | None = None
    cached: int | None = None


def summarise(columns: Columns, whole: WholeTable, runs: Sequence[EmbeddingRun] = ()) -> Summary:
    """Return the numbers of a table; the bills of several runs are added up, one that they share counts once."""
    vector, failed = columns.vector, whole.failed
    if runs and failed is None:
        failed = sum(len(run.errors) for run in runs)
    space = getattr(vector.dtype, "space", None) if vector is not None else None
    bills = list({id(run.usage): run.usage for run in runs}.values())
    return Summary(
        rows=whole.rows,
        without_vector=whole.without_vector,
        failed=failed,
        clusters=len(whole.groups),
        clustered=whole.rows - whole.missing,
        noise=whole.noise,
        space=one_line(space, 80) if space else None,
        dimension=getattr(vector.dtype, "dimension", None) if vector is not None else None,
        cost=sum(bill.cost for bill in bills) if bills else None,
        requests=sum(bill.requests for bill in bills) if bills else None,
        tokens=sum(bill.tokens for bill in bills) if bills else None,
        cached=sum(bill.cached for bill in bills) if bills else None,
    )


def summary_tiles(summary: Summary, words: Words) -> list[Tile]:
    """Return the numbers of a summary with their labels."""
    noise = f"{100 * summary.noise / summary.clustered:.1f}%" if summary.clustered else "–"
    failed = words("failed", count=f"{summary.failed:,}") if summary.failed else ""
    missing = [Tile(words("missing"), f"{summary.without_vector:,}", failed)] if summary.without_vector else []
    tiles = [
        Tile(words("rows"), f"{summary.rows:,}"),
        *missing,
        Tile(words("clusters"), f"{summary.clusters:,}"),
        Tile(words("noise_share"), noise, words.rows(summary.noise)),
    ]
    if summary.space:
        note = words("dimension", count=str(summary.dimension)) if summary.dimension else ""
        tiles.append(Tile(words("space"), summary.space, note))
    if summary.cost is not None:
        note = words("cost_note", requests=f"{summary.requests:,}", tokens=f"{summary.tokens:,}")
        tiles.append(Tile(words("cost"), f"¥{amount(summary.cost)}", note))
    return tiles


def describe_parameters(columns: Columns, options: Options, words: Words) -> list[tuple[str, str]]:
    """Return names and values of what the report was made with, for the appendix."""
    named: list[tuple[str, list[pd.Series | None]]] = [
        ("parameter_vector", [columns.vector]),
        ("parameter_cluster", [columns.cluster]),
        ("parameter_map", [columns.x, columns.y]),
        ("parameter_text", list(columns.texts)),
        ("parameter_image", [columns.image]),
        ("parameter_video", [columns.video]),
        ("parameter_breakdown", [columns.breakdown]),
        ("parameter_date", [columns.date]),
    ]
    pairs = []
    for key, group in named:
        names = [one_line(column.name, 60) for column in group if column is not None]
        if names:
            pairs.append((words(key), words("separator").join(names)))
    pairs.append((words("parameter_budget"), f"{options.budget_bytes / 1e6:g} MB"))
    return pairs + [(one_line(name, 60), one_line(value, 300)) for name, value in options.parameters.items()]


def describe_versions() -> list[tuple[str, str]]:
    """Return the installed packages that have a part in vectors, clusters and maps, with their versions."""
    found = []
    for package in ("mmembed", "pandas", "numpy", "pyarrow", "scikit-learn", "numba", "pillow", "jieba"):
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue  # what is not installed had no part in the report
    return [*found, ("Python", platform.python_version())]
