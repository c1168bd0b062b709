"""Learn a target whose cells are lists of labels: each label on its own, on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.labels.holding_out import fit_clone, hold_out
from mmembed.analysis.labels.label_sets import MultiLabelClassifier
from mmembed.analysis.labels.targets import read_target
from mmembed.arrays import FloatMatrix
from mmembed.vectors import VectorArray


def read_label_sets(values: pd.Series) -> tuple[pd.api.extensions.ExtensionArray, npt.NDArray[np.bool_]]:
    """Return the different labels, sorted, and which row has which, shape (n, c).

    Raises
    ------
    ValueError
        If no row has a label, a label is missing, or labels cannot be compared.
    """
    known = np.flatnonzero(values.notna())
    lists = [list(values.iloc[row]) for row in known]
    flat = pd.Series([label for labels in lists for label in labels], name=values.name)
    if not len(flat):
        raise ValueError(
            f"No row of target {values.name!r} has a label. Give lists with at least two different labels."
        )
    if flat.isna().any():
        raise ValueError(f"Target {values.name!r} has lists with missing labels. Leave these labels out of the lists.")
    read = read_target(flat)
    truth = np.zeros((len(values), len(read.classes)), dtype=bool)
    truth[np.repeat(known, [len(labels) for labels in lists]), read.codes] = True
    return read.classes, truth


def fit_label_sets(
    array: VectorArray,
    values: pd.Series,
    recipe: Any,
    *,
    rows: FloatMatrix,
    learned: npt.NDArray[np.intp],
    linked: npt.NDArray[np.intp],
    folds: int,
    random_state: int,
) -> MultiLabelClassifier:
    """Fit and measure one classifier for each label.

    Parameters
    ----------
    recipe : scikit-learn classifier
        Unfitted; cloned for each label.
    rows, learned, linked
        Unit rows of the labelled rows, their positions, and which of them are held out together.
    """
    from sklearn.dummy import DummyClassifier

    classes, truth = read_label_sets(values)
    truth = truth[learned]
    probabilities = np.full(truth.shape, np.nan, dtype=np.float32)
    fitted: dict[Any, Any] = {}
    for code in range(len(classes)):
        y = truth[:, code].astype(np.intp)
        if y.min() == y.max():
            fitted[classes[code]] = DummyClassifier(strategy="prior").fit(rows, y)
            continue
        held = hold_out(recipe, rows, y, linked, n_classes=2, folds=folds, random_state=random_state)
        likely = held.predicted.astype(np.float32) if held.probabilities is None else held.probabilities[:, 1]
        probabilities[held.measured, code] = likely[held.measured]
        fitted[classes[code]] = fit_clone(recipe, rows, y, linked)
    judged = np.isfinite(probabilities)
    whole = judged.any(axis=1)
    right = ((np.nan_to_num(probabilities) >= 0.5) == truth) | ~judged
    return MultiLabelClassifier(
        classes=classes,
        estimator=fitted,
        accuracy=float(right[whole].all(axis=1).mean()) if whole.any() else float("nan"),
        target="target" if values.name is None else str(values.name),
        vectors=array,
        truth=truth,
        probabilities=probabilities,
        learned=learned,
        index=values.index,
    )
