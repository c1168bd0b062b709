"""What the report was made with, for its appendix: parameters and versions."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

from mmembed.frames import one_line
from mmembed.reporting.request import Columns, Options
from mmembed.reporting.wording import Words


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
