"""The result of a classification experiment: scores beside baselines, confusion, what to relabel, predictions."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.labels.experiment import HeldOut
from mmembed.analysis.labels.review import WEAK, certain, find_label_issues, rows_to_label_next
from mmembed.analysis.labels.scores import class_table, confusion_counts, learning_curve, reliability, score_table
from mmembed.arrays import FloatMatrix
from mmembed.errors import at_least_one
from mmembed.frames import Written, with_columns
from mmembed.vectors import VectorArray, as_vector_array, check_comparable

_ROWS_AT_ONCE = 32_768  # what is held beside the column


@dataclass(frozen=True, eq=False)
class Classifier:
    """A fitted classifier, the experiment that measured it, and its predictions for the rows it was made from.

    Attributes
    ----------
    classes : pandas.api.extensions.ExtensionArray
        The values of the target, in sorted order.
    estimator : object
        The scikit-learn estimator, fitted on all labelled rows; it works on unit rows and gives positions in
        ``classes``.
    accuracy : float
        Share of right predictions for rows that were held out in turn; :meth:`scores` has its interval, other scores
        and the baselines. A class that only one row (or group) has is learned but not measured. NaN where fewer than
        two classes can be measured.
    target : str
        Name of the target, for column names.
    linked : int
        Labelled rows that have an equal, a near duplicate or a companion of their group, and were held out with it.
    """

    classes: pd.api.extensions.ExtensionArray = field(repr=False)
    estimator: Any = field(repr=False)
    accuracy: float
    target: str
    linked: int
    vectors: VectorArray = field(repr=False)
    held_out: HeldOut = field(repr=False)
    # Positions of the labelled rows, the index labels of all rows, the unfitted estimator and the seed.
    learned: npt.NDArray[np.intp] = field(repr=False)
    index: pd.Index = field(repr=False)
    recipe: Any = field(repr=False)
    random_state: int = field(repr=False)
    # Whether the rows had labels; those of an array have a position only.
    is_labelled: bool = field(default=False, repr=False)

    def __repr__(self) -> str:
        return (
            f"Classifier({self.target!r}, classes={len(self.classes)}, labelled={len(self.learned)}, "
            f"accuracy={self.accuracy:.3f}); see .scores(), .report(), .label_issues() and .add_to(df)"
        )

    def _repr_html_(self) -> str:
        head = (
            f"<p><b>{escape(self.target)}</b>: {len(self.classes)} classes, {len(self.learned):,} labelled of "
            f"{len(self.vectors):,} rows; scores of held-out rows with 95 % intervals. "
            f"{self.linked:,} rows were held out together with their equals, near duplicates or groups.</p>"
        )
        table = self.scores().to_html(float_format="{:.3f}".format, na_rep="", border=0)
        return f"<div>{head}{table}</div>"

    def scores(self) -> pd.DataFrame:
        """Return accuracy, balanced accuracy, macro-F1, log loss and calibration error, beside two baselines.

        Returns
        -------
        pandas.DataFrame
            Indexed by score: ``value``; ``low`` and ``high``, the 95 % interval of a bootstrap over the groups that
            were held out together (rows, where each is alone); ``majority``, always the commonest class with the
            classes' shares as probabilities; ``nearest_centroid``, the class with the nearest mean vector. Beside the
            calibration error stands ``calibration_error_by_chance``: what perfect probabilities would show with so many
            rows, on average and in 95 of 100 tables. An error within its bounds is as good as none; in small tables
            they are far from zero.
        """
        return self._scores.copy()

    @cached_property
    def _scores(self) -> pd.DataFrame:
        return score_table(self.held_out, random_state=self.random_state)

    def report(self) -> pd.DataFrame:
        """Return one row a class: rows, precision, recall with its Wilson interval, F1, what it is mistaken for."""
        return class_table(self.held_out, self.classes)

    def confusion(self) -> pd.DataFrame:
        """Return how often rows of each class (lines) were held to be of each class (columns), while held out.

        ``mmembed.plot_confusion(classifier)`` draws it.
        """
        index = pd.Index(self.classes, dtype=self.classes.dtype, name=self.target)
        columns = pd.Index(self.classes, dtype=self.classes.dtype, name="predicted")
        return pd.DataFrame(confusion_counts(self.held_out, len(self.classes)), index=index, columns=columns)

    def calibration(self) -> pd.DataFrame:
        """Return what confidence is worth: bins of equally many held-out rows, with confidence and accuracy.

        ``mmembed.plot_calibration(classifier)`` draws it.
        """
        held = self.held_out
        if held.probabilities is None:
            raise ValueError("The estimator gives no probabilities, so there is nothing to calibrate.")
        rows = held.measured
        return reliability(held.probabilities[rows].max(axis=1), held.predicted[rows] == held.y[rows])

    def learning_curve(self, sizes: Sequence[int] | None = None, *, more: Sequence[int] = (100,)) -> pd.DataFrame:
        """Return accuracy against the number of labels, and where it is heading with ``more`` of them.

        Parameters
        ----------
        sizes : sequence of int, optional
            Numbers of labels to measure at; by default a tenth to all of those outside a fold.
        more : sequence of int
            Additional labels to look ahead to.

        Returns
        -------
        pandas.DataFrame
            ``labels``, ``accuracy``, ``low``, ``high``, ``measured``: False where the value is extrapolated.
        """
        held = self.held_out
        return learning_curve(
            self.recipe,
            self._learned_rows,
            held.y,
            held.groups,
            held.folds,
            sizes=sizes,
            more=more,
            random_state=self.random_state,
        )

    def label_issues(self, n: int | None = None) -> pd.DataFrame:
        """Return labels that the other rows contradict, the most doubtful first.

        Wrong labels are found as far as vectors tell the classes. Of the rows that are returned without a number, most
        are wrong where the classifier is right for .92 of the rows or more, about a half where for .75 to .82. Vectors
        that hold more of a row find more, such as ``df.mmembed.fuse`` of its text and its picture.

        Parameters
        ----------
        n : int, optional
            How many. If not given, those that are nearly certain, and no more than the estimated number of wrong
            labels.

        Returns
        -------
        pandas.DataFrame
            Indexed like the target, so that ``df.loc[issues.index]`` shows them: ``position``, ``label``,
            ``suggested`` (the likeliest other class), ``doubt`` (0 to 1: the odds of the suggested class against the
            label, by probability and by the ten nearest rows' votes together), ``label_probability``,
            ``suggested_probability``, ``label_votes``, ``suggested_votes``, and ``is_confident``: whether confident
            learning, too, calls the label wrong.

        Warns
        -----
        UserWarning
            Without a number, if the classifier is right for less than .7 of the rows: too weak to accuse labels.
        """
        doubted = self._label_issues
        if n is None and self.accuracy < WEAK and len(doubted):
            warnings.warn(
                f"The classifier is right for {self.accuracy:.0%} of the rows: too weak to accuse labels. Most of the "
                "rows that it doubts have the right one. Look at a few with label_issues(n=…), or give vectors that "
                "tell the classes better.",
                UserWarning,
                stacklevel=2,
            )
        found = doubted.iloc[: certain(doubted) if n is None else n]
        positions = self.learned[found["row"].to_numpy()]
        frame = found.drop(columns="row").reset_index(drop=True)
        frame["label"] = self.classes.take(found["label"].to_numpy())
        frame["suggested"] = self.classes.take(found["suggested"].to_numpy())
        frame.insert(0, "position", positions)
        return frame.set_index(self.index[positions])

    @cached_property
    def _label_issues(self) -> pd.DataFrame:
        return find_label_issues(self.held_out, self._learned_vectors)

    def next_to_label(self, n: int = 10) -> pd.DataFrame:
        """Return the unlabelled rows whose labels would teach most: uncertain ones that are unlike each other.

        Returns
        -------
        pandas.DataFrame
            At most n rows, indexed like the target, the first to label first: ``position``, ``predicted``,
            ``probability``, ``second``, ``second_probability``.
        """
        n = at_least_one("n", n, "asks for no row")
        waiting = ~self.vectors.isna()
        waiting[self.learned] = False
        positions = np.flatnonzero(waiting)
        if not len(positions):
            raise ValueError("Every row that has a vector is labelled; label_issues() shows what to check.")
        rows = unit_rows(self.vectors.matrix[positions])
        picked = rows_to_label_next(rows, self._probabilities(rows), n)
        probabilities = self._probabilities(rows[picked])
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
        likely = np.take_along_axis(probabilities, order, axis=1)
        return pd.DataFrame(
            {
                "position": positions[picked],
                "predicted": self.classes.take(self.estimator.classes_[order[:, 0]]),
                "probability": likely[:, 0],
                "second": self.classes.take(self.estimator.classes_[order[:, 1]]),
                "second_probability": likely[:, 1],
            },
            index=self.index[positions[picked]],
        )

    def predict(self, vectors: Any) -> pd.api.extensions.ExtensionArray:
        """Return the predicted target of each row, in the target's own type; missing for rows without a vector."""
        return self._predict(as_vector_array(vectors))[0]

    def predict_probabilities(self, vectors: Any) -> pd.DataFrame:
        """Return the probability of each class (columns) for each row; NaN for rows without a vector."""
        array = as_vector_array(vectors)
        check_comparable(array, self.vectors)
        found = np.full((len(array), len(self.classes)), np.nan)
        for places, rows in _present_blocks(array):
            found[np.ix_(places, self.estimator.classes_)] = self._probabilities(rows)
        index = vectors.index if isinstance(vectors, pd.Series) else None
        columns = pd.Index(self.classes, dtype=self.classes.dtype, name=self.target)
        return pd.DataFrame(found, index=index, columns=columns)

    def add_to(self, df: pd.DataFrame, *, name: str | None = None, threshold: float | None = None) -> pd.DataFrame:
        """Return the frame with ``<target>_predicted`` and ``<target>_score``; ``name`` stands in for the target's.

        The score is the estimator's probability of the predicted class, NaN where it has none to give. Rows whose score
        is under the threshold get no prediction.
        """
        columns = self._columns(self._fitted, name, threshold)
        owner = Written.by("classify", self.target if name is None else name)
        return with_columns(df, columns, len(self.vectors), owner=owner, index=self.index if self.is_labelled else None)

    def columns_for(self, vectors: Any, *, name: str | None = None, threshold: float | None = None) -> dict[str, Any]:
        """Return the columns that :meth:`add_to` would give a frame with these vectors."""
        return self._columns(self._predict(as_vector_array(vectors)), name, threshold)

    def _columns(
        self,
        found: tuple[pd.api.extensions.ExtensionArray, npt.NDArray[np.float32]],
        name: str | None,
        threshold: float | None,
    ) -> dict[str, Any]:
        predicted, scores = found
        if threshold is not None:
            predicted = predicted.take(np.where(scores >= threshold, np.arange(len(scores)), -1), allow_fill=True)
        name = self.target if name is None else name
        return {f"{name}_predicted": predicted, f"{name}_score": scores}

    @cached_property
    def _fitted(self) -> tuple[pd.api.extensions.ExtensionArray, npt.NDArray[np.float32]]:
        return self._predict(self.vectors)

    @property
    def _learned_rows(self) -> FloatMatrix:
        return unit_rows(self._learned_vectors)

    @property
    def _learned_vectors(self) -> FloatMatrix:
        """The vectors of the labelled rows, without a copy where these are all."""
        matrix = self.vectors.matrix
        return matrix if len(self.learned) == len(matrix) else matrix[self.learned]

    @np.errstate(under="ignore")
    def _probabilities(self, rows: FloatMatrix) -> npt.NDArray[np.float64]:
        if not hasattr(self.estimator, "predict_proba"):
            raise ValueError(
                "The estimator gives no probabilities. Leave estimator= out, or wrap it: "
                "sklearn.calibration.CalibratedClassifierCV(estimator)."
            )
        return np.asarray(self.estimator.predict_proba(rows), dtype=np.float64)

    @np.errstate(under="ignore")
    def _predict(self, array: VectorArray) -> tuple[pd.api.extensions.ExtensionArray, npt.NDArray[np.float32]]:
        check_comparable(array, self.vectors)
        codes = np.full(len(array), -1)
        scores = np.full(len(array), np.nan, dtype=np.float32)
        for places, rows in _present_blocks(array):
            if hasattr(self.estimator, "predict_proba"):
                probabilities = self.estimator.predict_proba(rows)
                codes[places] = self.estimator.classes_[probabilities.argmax(axis=1)]
                scores[places] = probabilities.max(axis=1)
            else:
                codes[places] = self.estimator.predict(rows)
        return self.classes.take(codes, allow_fill=True), scores


def _present_blocks(array: VectorArray) -> Iterator[tuple[npt.NDArray[np.intp], FloatMatrix]]:
    """Yield the positions and unit rows of some rows that have a vector at a time."""
    present = np.flatnonzero(~array.isna())
    for begin in range(0, len(present), _ROWS_AT_ONCE):
        places = present[begin : begin + _ROWS_AT_ONCE]
        yield places, unit_rows(array.matrix[places])
