"""Tables for the tests on Dask, cut into partitions at will."""

from __future__ import annotations

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd

import mmembed.distributed  # noqa: F401  registers the accessor
from mmembed.vectors import VectorArray

WORDS = ["red", "dress", "blue", "coat", "红色", "连衣裙", "蓝色", "a", "with", "buttons"]


def table(n_rows=60, dimension=8, seed=0):
    """Return rows with groups of near and of equal vectors, some missing, one zero, with repeated index labels."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(6, dimension))
    matrix = (centres[random.integers(6, size=n_rows)] + 0.25 * random.normal(size=(n_rows, dimension))).astype("f4")
    matrix[n_rows // 2 :: 9] = matrix[: len(matrix[n_rows // 2 :: 9])]
    if n_rows > 5:
        matrix[5] = 0
    mask = np.arange(n_rows) % 13 == 4
    captions = (matrix + 3 + 0.5 * random.normal(size=matrix.shape)).astype("f4")
    return pd.DataFrame(
        {
            "row": np.arange(n_rows),
            "text": [" ".join(random.choice(WORDS, 4)) if i % 7 else None for i in range(n_rows)],
            "price": random.integers(100, size=n_rows),
            "kind": random.choice(["text", "image"], n_rows),
            "part": random.choice(["train", "test"], n_rows),
            "v": VectorArray.from_matrix(matrix, space="toy", mask=mask),
            "caption": VectorArray.from_matrix(captions, space="toy", mask=np.arange(n_rows) % 17 == 3),
        },
        index=pd.Index(np.arange(n_rows) % max(n_rows - 7, 1), name="label"),
    )


def cut(df, *bounds):
    """Return the frame in partitions that end at these positions, with unknown divisions; they may be empty."""
    ends = [*sorted(bounds), len(df)]
    parts = [df.iloc[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return dd.from_delayed([dask.delayed(part) for part in parts], meta=df.iloc[:0])


def plain(df):
    """Return a frame whose texts are of one type, whoever made them."""
    texts = [name for name, dtype in df.dtypes.items() if str(dtype) in {"object", "str", "string"}]
    return df.assign(**{name: df[name].astype(object).where(df[name].notna(), None) for name in texts})


def same(found, expected, **tolerance):
    """Compare frames row by row, in order, with their labels."""
    found = found.compute() if hasattr(found, "compute") else found
    pd.testing.assert_frame_equal(plain(found), plain(expected), check_dtype=False, **tolerance)
    assert {name: str(dtype) for name, dtype in plain(found).dtypes.items()} == {
        name: str(dtype) for name, dtype in plain(expected).dtypes.items()
    }
