"""A user's code, which scripts/check_packages.py has checked by ``mypy --strict`` against an installed mmembed."""

from __future__ import annotations

from typing import assert_type

import numpy as np
import numpy.typing as npt
import pandas as pd

import mmembed


def nearest(df: pd.DataFrame, query: str) -> pd.DataFrame:
    """Return the rows nearest to a text."""
    df = mmembed.accessor(df).embed("title", "text", model="local")
    assert_type(mmembed.accessor(df["title_vector"]).to_matrix(), npt.NDArray[np.float32])
    assert_type(mmembed.fit_clusters(df["title_vector"]).summary(), pd.DataFrame)
    return mmembed.accessor(df).search(query, "title_vector", k=3)
