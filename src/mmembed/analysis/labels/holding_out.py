"""Predictions for rows that were held out in turn, beside those of two baselines: what every score is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.labels.folding import Codes, Folds, make_folds
from mmembed.analysis.rows.cosine import unit_rows
from mmembed.arrays import FloatMatrix

FloatRows = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Out-of-fold predictions of the m rows that were learned from.

    Attributes
    ----------
    y : numpy.ndarray of int, shape (m,)
        True class of each row.
    predicted, nearest_centroid, majority : numpy.ndarray of int, shape (m,)
        Class predicted while the row was held out, by the classifier and the baselines; -1 for rows not measured.
    probabilities, priors : numpy.ndarray, shape (m, c), float32, or None
        Probability of each class, by the classifier (None where it gives none) and by the classes' shares alone.
    folds : Folds
    groups : numpy.ndarray of int, shape (m,)
        Rows of one number were held out together.
    """

    y: Codes = field(repr=False)
    predicted: Codes = field(repr=False)
    nearest_centroid: Codes = field(repr=False)
    majority: Codes = field(repr=False)
    probabilities: FloatRows | None = field(repr=False)
    priors: FloatRows = field(repr=False)
    folds: Folds = field(repr=False)
    groups: Codes = field(repr=False)

    @property
    def measured(self) -> npt.NDArray[np.bool_]:
        """Rows that have an out-of-fold prediction."""
        return self.predicted >= 0


def hold_out(
    estimator: Any,
    rows: FloatMatrix,
    y: Codes,
    groups: Codes,
    *,
    n_classes: int,
    folds: int,
    random_state: int,
) -> HeldOut:
    """Predict each row by a clone of the estimator that has not seen its fold.

    Parameters
    ----------
    estimator : scikit-learn classifier
    rows : numpy.ndarray, shape (m, d), float32
    y, groups : numpy.ndarray of int, shape (m,)
    """
    made = make_folds(y, groups, count=folds, random_state=random_state)
    predicted, centroid, majority = (np.full(len(y), -1, dtype=np.intp) for _ in range(3))
    probabilities = np.full((len(y), n_classes), np.nan, dtype=np.float32)
    priors = np.full((len(y), n_classes), np.nan, dtype=np.float32)
    has_probabilities = hasattr(estimator, "predict_proba")
    for fold in range(made.count):
        learned, tested = made.split(fold)
        present, counts = np.unique(y[learned], return_counts=True)
        if not len(tested) or len(present) < 2:
            continue
        mine = rows[learned]
        fitted = fit_clone(estimator, mine, y[learned], groups[learned])
        held = rows[tested]
        if has_probabilities:
            probabilities[tested] = 0
            probabilities[np.ix_(tested, fitted.classes_)] = fitted.predict_proba(held)
            predicted[tested] = probabilities[tested].argmax(axis=1)
        else:
            predicted[tested] = fitted.predict(held)
        majority[tested] = present[counts.argmax()]
        priors[tested] = 0
        priors[np.ix_(tested, present)] = counts / counts.sum()
        centroid[tested] = present[(held @ centroids(mine, y[learned], present).T).argmax(axis=1)]
    return HeldOut(y, predicted, centroid, majority, probabilities if has_probabilities else None, priors, made, groups)


def centroids(rows: FloatMatrix, y: Codes, present: Codes) -> FloatMatrix:
    """Return the mean direction of each class in ``present``, shape (c, d)."""
    return unit_rows(np.stack([rows[y == one].mean(axis=0, dtype=np.float64) for one in present]).astype(np.float32))


def fit_clone(estimator: Any, rows: FloatMatrix, y: Codes, groups: Codes) -> Any:
    """Return a fitted clone; the default classifier is told the groups, which keep its own trials honest."""
    from sklearn.base import clone

    from mmembed.analysis.labels.kernel_classifier import KernelClassifier

    fresh = clone(estimator)
    return fresh.fit(rows, y, groups=groups) if isinstance(fresh, KernelClassifier) else fresh.fit(rows, y)
