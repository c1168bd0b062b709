"""Labels over partitions: learned from a bounded sample of labelled rows or from words, given lazily to every row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import dask.dataframe as dd
import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.labels import fit as local
from mmembed.analysis.labels.zero_shot import ZeroShotModel, warn_of_judges
from mmembed.distributed.columns import check_partitions, no_vectors, side_by_side, vector_dtype, vectors_of
from mmembed.distributed.partitions import each, reduced, shared
from mmembed.distributed.samples import SAMPLE_ROWS, check_sample_rows, draw_labelled, measure_extent
from mmembed.frames import Written
from mmembed.vectors import check_comparable

if TYPE_CHECKING:
    from mmembed.analysis.labels.classifier import Classifier
    from mmembed.analysis.labels.multi_label import MultiLabelClassifier


@dataclass(frozen=True, eq=False)
class DistributedClassifier:
    """A classifier that was fitted on a sample of the labelled rows, and predicts for all rows of a Dask DataFrame.

    Attributes
    ----------
    fitted : Classifier or MultiLabelClassifier
        The experiment on the rows of the sample: scores, confusion, doubtful labels. Positions in it are rows of
        ``sample``.
    sample : pandas.DataFrame
        The rows that were learned from, in the order of the table.
    labelled : int
        How many rows of the table have a label and a vector.
    """

    fitted: Classifier | MultiLabelClassifier
    sample: pd.DataFrame = field(repr=False)
    labelled: int
    columns: Any = field(repr=False)

    def __repr__(self) -> str:
        return (
            f"DistributedClassifier({self.fitted.target!r}, classes={len(self.fitted.classes)}, learned from "
            f"{len(self.sample):,} of {self.labelled:,} labelled rows, accuracy={self.accuracy:.3f}); "
            "see .fitted.scores() and .add_to(ddf)"
        )

    @property
    def accuracy(self) -> float:
        """Share of right predictions for rows of the sample that were held out in turn."""
        return self.fitted.accuracy

    def predict(self, vectors: Any) -> Any:
        """Return the predicted target of each vector: of a Dask column lazily, of a pandas column at once."""
        if not isinstance(vectors, dd.Series):
            return self.fitted.predict(vectors)
        check_comparable(vector_dtype(vectors), self.fitted.vectors)
        predicted = f"{self.fitted.target}_predicted"
        return labelled_lazily(side_by_side(vectors), side_by_side(vectors), self._drop_experiment_rows(), None, None)[
            predicted
        ]

    def add_to(self, ddf: Any, *, name: str | None = None, threshold: float | None = None) -> Any:
        """Return the frame with ``<target>_predicted`` and ``<target>_score``, lazily; see the pandas result.

        Raises
        ------
        ValueError
            If the frame has other partitions than the vectors that were given.
        """
        check_partitions(ddf, self.columns, what="the classifier was given")
        Written.by("classify", self.fitted.target if name is None else name).check(ddf._meta)  # noqa: SLF001
        return labelled_lazily(ddf, self.columns[["vector"]], self._drop_experiment_rows(), name, threshold)

    def _drop_experiment_rows(self) -> Classifier | MultiLabelClassifier:
        """Return what predicts without the rows of the experiment, which need not travel."""
        nothing = no_vectors(self.fitted.vectors.dtype)
        return replace(self.fitted, vectors=nothing, learned=np.empty(0, dtype=np.intp))


def fit_classifier(
    vectors: Any,
    target: Any,
    *,
    descriptions: Mapping[Any, Any] | None = None,
    groups: Any = None,
    estimator: Any = None,
    class_weight: Any = None,
    folds: int = 5,
    near_duplicates: float | None = local.NEAR_DUPLICATE,
    random_state: int | None = None,
    sample_rows: int = SAMPLE_ROWS,
) -> DistributedClassifier:
    """Learn a target from a sample of the labelled rows; the twin of :func:`mmembed.fit_classifier`.

    It computes: one pass counts the classes, one draws the sample. Predictions are lazy.

    Parameters
    ----------
    vectors, target, groups : columns of one Dask DataFrame
    descriptions, estimator, class_weight, folds, near_duplicates, random_state
        As on pandas.
    sample_rows : int
        About how many labelled rows are learned from: of each class in proportion, and at least 20 where it has so
        many. A table of no more labelled rows gives the classifier of pandas.

    Returns
    -------
    DistributedClassifier

    Raises
    ------
    ValueError
        As on pandas; if the target has more than 100,000 different values.
    """
    check_sample_rows(sample_rows)
    columns = side_by_side(vectors, target=target, groups=groups)
    seed = 0 if random_state is None else random_state
    drawn = draw_labelled(columns, sample_rows, seed=seed)
    sample = drawn.frame
    fitted = local.fit_classifier(
        sample["vector"],
        sample["target"].rename("target" if target.name is None else target.name),
        descriptions=descriptions,
        groups=sample["groups"] if groups is not None else None,
        estimator=estimator,
        class_weight=class_weight,
        folds=folds,
        near_duplicates=near_duplicates,
        random_state=random_state,
        center=drawn.center,
    )
    return DistributedClassifier(fitted, sample, drawn.of, columns)


def labelled_lazily(ddf: Any, columns: Any, model: Any, name: str | None, threshold: float | None) -> Any:
    """Return the frame with the columns that a model gives for the vectors of each partition."""
    metas = (ddf._meta, columns._meta)  # noqa: SLF001 - Dask's own word
    meta = _label_part(*metas, model=model, name=name, threshold=threshold)
    options = {"model": shared(model), "name": name, "threshold": threshold}
    return dd.map_partitions(_label_part, ddf, columns, **options, meta=meta)


def _label_part(
    df: pd.DataFrame, part: pd.DataFrame, *, model: Any, name: str | None, threshold: float | None
) -> pd.DataFrame:
    columns: dict[str, Any] = model.columns_for(vectors_of(part), name=name, threshold=threshold)
    return df.assign(**columns)


@dataclass(frozen=True, eq=False)
class DistributedZeroShot:
    """The best of the given labels for each row of a Dask DataFrame.

    Attributes
    ----------
    names : pandas.api.extensions.ExtensionArray
        The labels, in the order given.
    agreement : float or None
        As of :class:`mmembed.analysis.ZeroShot`, of all rows: where each label has several descriptions, for which
        share of the rows the first ones alone choose the same label as the others alone.
    """

    names: pd.api.extensions.ExtensionArray
    agreement: float | None
    model: ZeroShotModel = field(repr=False)
    columns: Any = field(repr=False)

    def __repr__(self) -> str:
        agreement = "" if self.agreement is None else f", agreement={self.agreement:.2f}"
        return f"DistributedZeroShot(labels={len(self.names)}{agreement}); see .add_to(ddf)"

    def add_to(self, ddf: Any, *, name: str = "label") -> Any:
        """Return the frame with ``label`` and ``label_score``, lazily; ``name`` renames both.

        Raises
        ------
        ValueError
            If the frame has other partitions than the vectors that were given.
        """
        check_partitions(ddf, self.columns, what="the vectors had")
        metas = (ddf._meta, self.columns._meta)  # noqa: SLF001 - Dask's own word
        meta = _label_by_words(*metas, model=self.model, name=name)
        return dd.map_partitions(_label_by_words, ddf, self.columns, model=shared(self.model), name=name, meta=meta)


def zero_shot(
    vectors: Any, label_vectors: Any, labels: Sequence[Any], *, kinds: Any = None, threshold: float | None = None
) -> DistributedZeroShot:
    """Give each row the label whose vector is nearest; the twin of :func:`mmembed.zero_shot`.

    It computes: one pass learns what cosines of all rows with the labels differ by, after one for the means of kinds;
    where each label has several descriptions, one more asks how often they agree. Labels are lazy.

    Parameters
    ----------
    vectors : vector column of a Dask DataFrame
    label_vectors, labels, threshold
        As on pandas.
    kinds : column of the same frame, optional
        As on pandas.

    Returns
    -------
    DistributedZeroShot
        Labels and scores are those of pandas, scores to a millionth.

    Raises
    ------
    ValueError
        As on pandas.

    Warns
    -----
    UserWarning
        As on pandas, if several descriptions of the labels agree so seldom that the scores must be too high.
    """
    like = no_vectors(vector_dtype(vectors))
    model = ZeroShotModel.of(like, label_vectors, labels, is_centered=kinds is not None, threshold=threshold)
    columns = side_by_side(vectors, kinds=kinds)
    if kinds is not None:
        model = replace(model, preparation=measure_extent(columns).preparation)
    model = model.spread_to(reduced(each(_deviations, columns, model=model)))
    agreement = None
    if model.raters is not None:
        verdicts: npt.NDArray[np.float64] = reduced(each(_verdicts, columns, model=model))
        agreement = model.agreement(verdicts)
        warn_of_judges(agreement, verdicts, len(model.names), stacklevel=2)
    return DistributedZeroShot(model.names, agreement, model, columns)


def _deviations(part: pd.DataFrame, *, model: ZeroShotModel) -> npt.NDArray[np.float64]:
    return model.deviations(vectors_of(part), part.get("kinds"))


def _verdicts(part: pd.DataFrame, *, model: ZeroShotModel) -> npt.NDArray[np.float64]:
    array, kinds = vectors_of(part), part.get("kinds")
    return model.verdicts(array, model.label(array, kinds).scores, kinds)


def _label_by_words(df: pd.DataFrame, part: pd.DataFrame, *, model: ZeroShotModel, name: str) -> pd.DataFrame:
    return model.label(vectors_of(part), part.get("kinds")).add_to(df, name=name)
