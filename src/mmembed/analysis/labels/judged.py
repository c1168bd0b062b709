"""Labels learned from a judge that errs: what it said of some rows, given to all with scores of the truth.

A classifier learns what the judge says, so its probabilities are those of the judge's answers: one who is right nine
times in ten leaves no row surer than .9. How often it errs shows in rows that were held out: where the classifier is
surest and the judge still disagrees. Both the share of errors and how much surer the truth is than the judge's answers
are weighed by how well they explain what the judge said of those rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.labels.classifier import Classifier
from mmembed.analysis.labels.experiment import HeldOut
from mmembed.analysis.labels.fit import fit_classifier
from mmembed.frames import Written, with_columns
from mmembed.vectors import as_vector_array

# How much surer than the judge's answers: powers of the probabilities. And the share of answers that are wrong.
_POWERS = (1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 6.0)
_ERRORS = np.arange(0, 0.31, 0.02)

_LEAST = 1e-9


@dataclass(frozen=True, eq=False)
class JudgedLabels:
    """Labels for all rows, learned from what a judge said of some.

    Attributes
    ----------
    labels : pandas.api.extensions.ExtensionArray, n values
        Label of each row; missing where there is no vector, or the score is under the threshold.
    scores : numpy.ndarray, shape (n,), float32
        Probability that it is the right one.
    judge_accuracy : float
        Share of the judge's answers that are right, as far as the rows tell.
    classifier : Classifier
        What was learned, with its experiment: held-out rows are measured against the judge, not against the truth.
    """

    labels: pd.api.extensions.ExtensionArray = field(repr=False)
    scores: npt.NDArray[np.float32] = field(repr=False)
    judge_accuracy: float
    classifier: Classifier = field(repr=False)
    index: pd.Index | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return (
            f"JudgedLabels(rows={len(self.labels)}, judged={len(self.classifier.learned)}, "
            f"judge_accuracy={self.judge_accuracy:.2f}); see .labels, .scores, .classifier and .add_to(df)"
        )

    def add_to(self, df: pd.DataFrame, *, name: str = "label") -> pd.DataFrame:
        """Return the frame with ``label`` and ``label_score``; ``name`` renames both."""
        columns = {name: self.labels, f"{name}_score": self.scores}
        owner = Written.by("classify by words", name)
        return with_columns(df, columns, len(self.labels), owner=owner, index=self.index)


def fit_judged(
    vectors: Any,
    answers: Any,
    *,
    descriptions: Mapping[Any, Any] | None = None,
    random_state: int | None = None,
    threshold: float | None = None,
) -> JudgedLabels:
    """Learn labels from a judge's answers for some rows, and give each row its label and the probability of that.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    answers : sequence, length n
        The judge's label of the rows that it was asked about, drawn at random; missing for the others.
    descriptions, random_state
        As in :func:`mmembed.fit_classifier`.
    threshold : float, optional
        Rows whose score is lower get no label.

    Returns
    -------
    JudgedLabels

    Raises
    ------
    ValueError
        If the answers hold fewer than two labels.
    """
    model = JudgedModel.learn(vectors, answers, descriptions=descriptions, random_state=random_state)
    labels, scores = model.label(vectors, threshold)
    index = vectors.index if isinstance(vectors, pd.Series) else None
    return JudgedLabels(labels, scores, model.judge_accuracy, model.classifier, index)


@dataclass(frozen=True, eq=False)
class JudgedModel:
    """What labels rows part by part, once it is learned from a judge's answers.

    Attributes
    ----------
    classifier : Classifier
    weights : numpy.ndarray, shape (p,)
        Weight of each power of its probabilities.
    judge_accuracy : float
    """

    classifier: Classifier
    weights: npt.NDArray[np.float64]
    judge_accuracy: float

    @classmethod
    def learn(
        cls,
        vectors: Any,
        answers: Any,
        *,
        descriptions: Mapping[Any, Any] | None = None,
        random_state: int | None = None,
        center: Any = None,
    ) -> Self:
        """Learn from answers; as :func:`fit_judged`, and ``center`` as in :func:`mmembed.fit_classifier`."""
        fitted = fit_classifier(vectors, answers, descriptions=descriptions, random_state=random_state, center=center)
        if not isinstance(fitted, Classifier):
            raise TypeError("A judge gives one label for each row; these answers are lists of labels.")
        return cls(fitted, *_weigh(fitted.held_out))

    def label(
        self, vectors: Any, threshold: float | None = None
    ) -> tuple[pd.api.extensions.ExtensionArray, npt.NDArray[np.float32]]:
        """Return the label of each row, and the probability that it is right."""
        array = as_vector_array(vectors)
        probabilities = np.nan_to_num(self.classifier.predict_probabilities(array).to_numpy(dtype=np.float64))
        present = ~array.isna()
        scores = np.full(len(array), np.nan, np.float32)
        codes = np.full(len(array), -1)
        codes[present] = probabilities[present].argmax(axis=1)
        surer = sum(
            weight * _sharpened(probabilities[present], power)
            for weight, power in zip(self.weights, _POWERS, strict=True)
        )
        scores[present] = np.asarray(surer).max(axis=1, initial=0)
        if threshold is not None:
            codes[~(scores >= threshold)] = -1
        return self.classifier.classes.take(codes, allow_fill=True), scores

    def columns_for(self, vectors: Any, *, name: str | None = None, threshold: float | None = None) -> dict[str, Any]:
        """Return the columns that a frame with these vectors gets."""
        labels, scores = self.label(vectors, threshold)
        named = "label" if name is None else name
        return {named: labels, f"{named}_score": scores}


def _weigh(held_out: HeldOut) -> tuple[npt.NDArray[np.float64], float]:
    """Return the weight of each power, and the judge's accuracy, by what it said of the rows that were held out."""
    powers = np.zeros(len(_POWERS))
    powers[0] = 1.0
    measured = held_out.measured
    if held_out.probabilities is None or not measured.any():
        return powers, 1.0
    likely = np.asarray(held_out.probabilities[measured], np.float64)
    said = held_out.y[measured]
    others = max(1, likely.shape[1] - 1)
    of_said = np.stack([_sharpened(likely, power)[np.arange(len(said)), said] for power in _POWERS])[:, None, :]
    errors = _ERRORS[None, :, None]
    fit = np.log(np.maximum((1 - errors) * of_said + errors / others * (1 - of_said), _LEAST)).sum(axis=2)
    weights = np.exp(fit - fit.max())
    weights /= weights.sum()
    return weights.sum(axis=1), float(1 - weights.sum(axis=0) @ _ERRORS)


def _sharpened(probabilities: npt.NDArray[np.float64], power: float) -> npt.NDArray[np.float64]:
    raised = np.maximum(probabilities, _LEAST) ** power
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
