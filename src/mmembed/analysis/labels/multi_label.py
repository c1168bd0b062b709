"""Several labels a row: one yes-or-no classifier for each label, measured together on the same held-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.labels.scores import calibration_error, reliability, wilson_interval
from mmembed.arrays import FloatMatrix
from mmembed.frames import Written, with_columns
from mmembed.vectors import VectorArray, as_vector_array, check_comparable


@dataclass(frozen=True, eq=False)
class MultiLabelClassifier:
    """Classifiers of single labels for a target whose cells are lists, with the experiment that measured them.

    Attributes
    ----------
    classes : pandas.api.extensions.ExtensionArray
        The different labels, sorted.
    estimator : mapping of label to scikit-learn estimator
        Fitted on all labelled rows; each tells whether a row has the label (1) or not (0).
    accuracy : float
        Share of held-out rows whose set of labels was predicted exactly; NaN where no label could be measured.
    target : str
    """

    classes: pd.api.extensions.ExtensionArray = field(repr=False)
    estimator: Mapping[Any, Any] = field(repr=False)
    accuracy: float
    target: str
    vectors: VectorArray = field(repr=False)
    # What the rows that were learned from have, and the probability of it while they were held out; (m, c).
    truth: npt.NDArray[np.bool_] = field(repr=False)
    probabilities: npt.NDArray[np.float32] = field(repr=False)
    learned: npt.NDArray[np.intp] = field(repr=False)
    index: pd.Index = field(repr=False)
    # Whether the rows had labels; those of an array have a position only.
    is_labelled: bool = field(default=False, repr=False)

    def __repr__(self) -> str:
        return (
            f"MultiLabelClassifier({self.target!r}, labels={len(self.classes)}, labelled={len(self.learned)}, "
            f"exact={self.accuracy:.3f}); see .scores(), .report(), .label_issues() and .add_to(df)"
        )

    def _repr_html_(self) -> str:
        return f"<div>{self.report().to_html(index=False, float_format='{:.3f}'.format, na_rep='', border=0)}</div>"

    @property
    def _measured(self) -> npt.NDArray[np.bool_]:
        return np.isfinite(self.probabilities)

    @property
    def _said(self) -> npt.NDArray[np.bool_]:
        return np.nan_to_num(self.probabilities) >= 0.5

    def scores(self) -> pd.DataFrame:
        """Return exact matches, the share of right yes-or-no answers, F1 over all answers and over labels, calibration.

        Returns
        -------
        pandas.DataFrame
            Indexed by score; ``value``, and ``never``, the same for a classifier that gives no row a label.
        """
        measured, said, truth = self._measured, self._said & self._measured, self.truth & self._measured
        whole = measured.any(axis=1)
        names = ["exact_match", "answers_right", "micro_f1", "macro_f1", "calibration_error"]
        if not whole.any():
            return pd.DataFrame({"value": np.nan, "never": np.nan}, index=pd.Index(names, name="score"))
        columns = {}
        for name, answer in (("value", said), ("never", np.zeros_like(said))):
            hits, misses = answer & truth, answer ^ truth
            each = 2 * hits.sum(axis=0) / np.maximum(2 * hits.sum(axis=0) + misses.sum(axis=0), 1)
            columns[name] = [
                float((answer == truth)[whole].all(axis=1).mean()),
                float((answer == truth)[measured].mean()),
                float(2 * hits.sum() / max(2 * hits.sum() + misses.sum(), 1)),
                float(each[measured.any(axis=0)].mean()),
                np.nan,
            ]
        likely = self.probabilities[measured]
        columns["value"][-1] = calibration_error(
            reliability(np.maximum(likely, 1 - likely), (likely >= 0.5) == self.truth[measured])
        )
        return pd.DataFrame(columns, index=pd.Index(names, name="score"))

    def report(self) -> pd.DataFrame:
        """Return one row a label: rows that have it, precision, recall with its Wilson interval, F1."""
        measured, said = self._measured, self._said & self._measured
        truth = self.truth & measured
        hits = (said & truth).sum(axis=0)
        low, high = wilson_interval(hits, truth.sum(axis=0))
        with np.errstate(invalid="ignore", divide="ignore"):
            return pd.DataFrame(
                {
                    "label": self.classes,
                    "rows": self.truth.sum(axis=0),
                    "precision": hits / said.sum(axis=0),
                    "recall": hits / truth.sum(axis=0),
                    "recall_low": low,
                    "recall_high": high,
                    "f1": np.where(measured.any(axis=0), 2 * hits / (said.sum(axis=0) + truth.sum(axis=0)), np.nan),
                }
            )

    def confusion(self) -> pd.DataFrame:
        """Return, for each label, how many held-out rows have it and were given it, and the three other cases."""
        measured, said = self._measured, self._said
        cases = {
            "has_it_given": self.truth & said,
            "has_it_not_given": self.truth & ~said,
            "has_not_given": ~self.truth & said,
            "has_not_not_given": ~self.truth & ~said,
        }
        index = pd.Index(self.classes, dtype=self.classes.dtype, name=self.target)
        return pd.DataFrame({name: (case & measured).sum(axis=0) for name, case in cases.items()}, index=index)

    def label_issues(self, n: int | None = None) -> pd.DataFrame:
        """Return labels that rows have and should not, or should have and have not, the most doubtful first.

        Returns
        -------
        pandas.DataFrame
            Indexed like the target: ``position``, ``label``, ``has_it``, ``probability`` of having it, ``doubt`` (the
            probability of the opposite). Only answers that confident learning doubts: more likely wrong than those who
            give the opposite answer are right, on average.
        """
        parts = []
        for code in range(len(self.classes)):
            measured, has = self._measured[:, code], self.truth[:, code]
            likely = self.probabilities[:, code].astype(np.float64)
            if not (measured & has).any() or not (measured & ~has).any():
                continue
            usual_yes = max(float(likely[measured & has].mean()), 0.5)
            usual_no = max(float((1 - likely[measured & ~has]).mean()), 0.5)
            doubted = measured & ((has & (1 - likely >= usual_no)) | (~has & (likely >= usual_yes)))
            rows = np.flatnonzero(doubted)
            parts.append((rows, np.full(len(rows), code), has[rows], likely[rows]))
        nothing = (np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp), np.empty(0, dtype=bool), np.empty(0))
        rows, codes, has, likely = (np.concatenate(column) for column in zip(nothing, *parts, strict=True))
        doubt = np.where(has, 1 - likely, likely)
        order = np.lexsort((codes, rows, -doubt))[:n]
        positions = self.learned[rows[order]]
        return pd.DataFrame(
            {
                "position": positions,
                "label": self.classes.take(codes[order]),
                "has_it": has[order],
                "probability": likely[order],
                "doubt": doubt[order],
            },
            index=self.index[positions],
        )

    def predict(self, vectors: Any) -> pd.api.extensions.ExtensionArray:
        """Return the list of labels of each row, likeliest first; missing for rows without a vector."""
        return self._lists(as_vector_array(vectors))[0]

    def add_to(self, df: pd.DataFrame, *, name: str | None = None, threshold: float | None = None) -> pd.DataFrame:
        """Return the frame with ``<target>_predicted``, lists of labels, and ``<target>_score``.

        The score is the probability that the whole list is right, if labels came independently of each other. A label
        is given where its probability is at least ``threshold`` (one half if not given).
        """
        columns = self.columns_for(self.vectors, name=name, threshold=threshold)
        owner = Written.by("classify", self.target if name is None else name)
        return with_columns(df, columns, len(self.vectors), owner=owner, index=self.index if self.is_labelled else None)

    def columns_for(self, vectors: Any, *, name: str | None = None, threshold: float | None = None) -> dict[str, Any]:
        """Return the columns that :meth:`add_to` would give a frame with these vectors."""
        array = as_vector_array(vectors)
        if threshold is None and array is self.vectors:
            labels, scores = self._fitted
        else:
            labels, scores = self._lists(array, 0.5 if threshold is None else threshold)
        name = self.target if name is None else name
        return {f"{name}_predicted": labels, f"{name}_score": scores}

    @cached_property
    def _fitted(self) -> tuple[pd.api.extensions.ExtensionArray, npt.NDArray[np.float32]]:
        return self._lists(self.vectors)

    def _lists(
        self, array: VectorArray, threshold: float = 0.5
    ) -> tuple[pd.api.extensions.ExtensionArray, npt.NDArray[np.float32]]:
        check_comparable(array, self.vectors)
        present = np.flatnonzero(~array.isna())
        cells = np.full(len(array), None, dtype=object)
        scores = np.full(len(array), np.nan, dtype=np.float32)
        if len(present):
            likely = self._probabilities(unit_rows(array.matrix[present]))
            given = likely >= threshold
            scores[present] = np.where(given, likely, 1 - likely).prod(axis=1)
            order = np.argsort(-likely, axis=1, kind="stable")
            for at, row in enumerate(present):
                cells[row] = [self.classes[code] for code in order[at] if given[at, code]]
        return pd.Series(cells, dtype=object).array, scores

    def _probabilities(self, rows: FloatMatrix) -> npt.NDArray[np.float64]:
        columns = [yes_probability(self.estimator[label], rows) for label in self.classes]
        return np.column_stack(columns)


@np.errstate(under="ignore")
def yes_probability(estimator: Any, rows: FloatMatrix) -> npt.NDArray[np.float64]:
    """Return the probability of class 1, which is the answer itself where the estimator gives none."""
    if hasattr(estimator, "predict_proba"):
        known = list(estimator.classes_)
        if 1 not in known:
            return np.zeros(len(rows))
        return np.asarray(estimator.predict_proba(rows)[:, known.index(1)], dtype=np.float64)
    return np.asarray(estimator.predict(rows), dtype=np.float64)
