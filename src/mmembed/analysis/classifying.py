"""A classifier on vectors: learns from the rows that have a target, predicts for all."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosine import unit_rows
from mmembed.analysis.frames import with_columns
from mmembed.vectors import VectorArray, as_vector_array, check_comparable

_MOST_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Classifier:
    """A fitted classifier with its predictions for the rows it was made from.

    Attributes
    ----------
    classes : pandas.api.extensions.ExtensionArray
        The values of the target, in sorted order.
    estimator : object
        The fitted scikit-learn estimator; it works on unit rows and gives positions in ``classes``.
    accuracy : float
        Share of right predictions for rows that were held out in turn (5 folds, fewer where a class has fewer rows; a
        class of one row is learned but not measured). NaN where fewer than two classes have two rows.
    target : str
        Name of the target, for column names.
    """

    classes: pd.api.extensions.ExtensionArray = field(repr=False)
    estimator: Any = field(repr=False)
    accuracy: float
    target: str
    vectors: VectorArray = field(repr=False)

    def __repr__(self) -> str:
        return (
            f"Classifier({self.target!r}, classes={len(self.classes)}, accuracy={self.accuracy:.3f}); "
            "see .predict(vectors) and .add_to(df)"
        )

    def predict(self, vectors: Any) -> pd.api.extensions.ExtensionArray:
        """Return the predicted target of each row, in the target's own type; missing for rows without a vector."""
        return self._predict(as_vector_array(vectors))[0]

    def add_to(self, df: pd.DataFrame, *, name: str | None = None) -> pd.DataFrame:
        """Return the frame with ``<target>_predicted`` and ``<target>_score``; ``name`` stands in for the target's.

        The score is the estimator's probability of the predicted class, NaN where it has none to give.
        """
        predicted, scores = self._fitted
        name = self.target if name is None else name
        return with_columns(df, {f"{name}_predicted": predicted, f"{name}_score": scores}, len(self.vectors))

    @cached_property
    def _fitted(self) -> tuple[pd.api.extensions.ExtensionArray, npt.NDArray[np.float32]]:
        return self._predict(self.vectors)

    def _predict(self, array: VectorArray) -> tuple[pd.api.extensions.ExtensionArray, npt.NDArray[np.float32]]:
        check_comparable(array, self.vectors)
        present = ~array.isna()
        codes = np.full(len(array), -1)
        scores = np.full(len(array), np.nan, dtype=np.float32)
        if present.any():
            rows = unit_rows(array.matrix[present])
            if hasattr(self.estimator, "predict_proba"):
                probabilities = self.estimator.predict_proba(rows)
                codes[present] = self.estimator.classes_[probabilities.argmax(axis=1)]
                scores[present] = probabilities.max(axis=1)
            else:
                codes[present] = self.estimator.predict(rows)
        return self.classes.take(codes, allow_fill=True), scores


def fit_classifier(vectors: Any, target: Any, *, estimator: Any = None, random_state: int | None = None) -> Classifier:
    """Learn to tell the values of a target apart by their vectors.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
        Lengths do not matter: rows are normalised first.
    target : sequence, length n
        A value for each row; rows where it is missing are not learned from. The name of a Series names the columns.
    estimator : scikit-learn classifier, optional
        Cloned; without it, logistic regression.
    random_state : int, optional
        Seed of the folds; None is 0, so that the same call gives the same answer.

    Returns
    -------
    Classifier

    Raises
    ------
    ValueError
        If fewer than two values of the target have a row with a vector.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [1, 0.2]], dtype="float32")
    >>> side = pd.Series(["east", "east", "north", "north", None], name="side")
    >>> fit_classifier(vectors, side).predict(vectors[4:]).tolist()
    ['east']
    """
    from sklearn.base import clone
    from sklearn.linear_model import LogisticRegression

    array = as_vector_array(vectors)
    values = target if isinstance(target, pd.Series) else pd.Series(target)
    if len(values) != len(array):
        raise ValueError(f"The target has {len(values)} values for {len(array)} vectors. Give one for each row.")
    codes, classes = pd.factorize(values, sort=True)
    learned = np.flatnonzero((codes >= 0) & ~array.isna())
    n_classes = len(np.unique(codes[learned]))
    if n_classes < 2:
        raise ValueError(
            f"Target {values.name!r} has {n_classes} different values in {len(learned)} rows with a vector; "
            "a classifier needs at least 2. Fill in more targets, or use labels=[…] to classify without examples."
        )
    rows, y = unit_rows(array.matrix[learned]), codes[learned]
    # C=10 and tol=1e-3: as accurate on unit rows as a tighter fit, in a fraction of its time.
    model = LogisticRegression(C=10, tol=1e-3, max_iter=1000) if estimator is None else clone(estimator)
    accuracy = _cross_validated(model, rows, y, 0 if random_state is None else random_state)
    model.fit(rows, y)
    return Classifier(
        classes=_nullable(pd.Series(classes)).array,
        estimator=model,
        accuracy=accuracy,
        target="target" if values.name is None else str(values.name),
        vectors=array,
    )


def _nullable(classes: pd.Series[Any]) -> pd.Series[Any]:
    """Return whole numbers and booleans in a type that has a missing value, which rows without a vector get."""
    if classes.dtype.kind in "iu":
        return classes.astype("Int64")
    return classes.astype("boolean") if classes.dtype.kind == "b" else classes


def _cross_validated(model: Any, rows: npt.NDArray[np.float32], y: npt.NDArray[np.intp], random_state: int) -> float:
    """Return the share of right predictions for held-out rows, or NaN where nothing can be held out."""
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    counts = np.bincount(y)
    measured = np.flatnonzero(counts[y] >= 2)
    if len(np.unique(y[measured])) < 2:
        return float("nan")
    folds = StratifiedKFold(
        n_splits=min(_MOST_FOLDS, int(counts[y[measured]].min())), shuffle=True, random_state=random_state
    )
    predicted = cross_val_predict(clone(model), rows[measured], y[measured], cv=folds)
    return float((predicted == y[measured]).mean())
