"""Tables for the tests, and ways to cut them into partitions."""

from __future__ import annotations

from functools import cache

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd

from mmembed.vectors import VectorArray

WORDS = ("red dress", "running shoe", "wooden chair", "蓝色 沙发", "silver spoon")


@cache
def clustered(rows: int = 600, groups: int = 4, dimension: int = 24, spread: float = 0.16) -> pd.DataFrame:
    """Return rows about some directions, with texts, a label, a kind, copies, and some rows without a vector."""
    random = np.random.default_rng(7)
    centers = random.normal(size=(groups, dimension))
    group = random.choice(groups, rows, p=np.arange(groups, 0, -1) / (groups * (groups + 1) / 2))
    matrix = centers[group] / np.linalg.norm(centers[group], axis=1, keepdims=True)
    matrix = (matrix + spread * random.normal(size=matrix.shape)).astype(np.float32)
    copies = random.choice(rows, rows // 20, replace=False)
    matrix[copies] = matrix[copies[0]]
    group[copies] = group[copies[0]]
    mask = np.zeros(rows, dtype=bool)
    mask[random.choice(rows, rows // 30, replace=False)] = True
    return pd.DataFrame(
        {
            "title": [f"{WORDS[one]} number {at % 13}" for at, one in enumerate(group)],
            "group": [f"group {one}" for one in group],
            "kind": np.where(np.arange(rows) % 3 == 0, "text", "image"),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(rows) % 40, unit="D"),
            "v": VectorArray.from_matrix(matrix, space="toy", mask=mask),
        },
        index=np.arange(rows) // 2,
    )


def cut(df: pd.DataFrame, bounds: list[int]) -> dd.DataFrame:
    """Return the frame in partitions that end at these rows; they may be empty, and divisions are unknown."""
    parts = [df.iloc[start:end] for start, end in zip([0, *bounds], [*bounds, len(df)], strict=True)]
    return dd.from_delayed([dask.delayed(part) for part in parts], meta=df.iloc[:0], verify_meta=False)


def untouchable(df: pd.DataFrame) -> dd.DataFrame:
    """Return a frame like this one whose partitions cannot be computed."""

    def fail() -> pd.DataFrame:
        raise AssertionError("a partition was computed")

    return dd.from_delayed([dask.delayed(fail)() for _ in range(2)], meta=df.iloc[:0], verify_meta=False)


CUTS = {
    "one partition": [],
    "three partitions": [200, 400],
    "empty partitions": [0, 150, 150, 600],
    "single rows": [1, 2, 599],
}
