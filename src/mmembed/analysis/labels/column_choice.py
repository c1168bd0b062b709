"""Several vector columns, each at several dimensions, asked the same question: one table of what each is worth."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmembed.analysis.labels.fit import as_target_series, fit_classifier
from mmembed.frames import beside
from mmembed.vectors import VectorArray, as_vector_array

_SCORES = ("balanced_accuracy", "macro_f1", "log_loss")


def compare_vectors(
    columns: Mapping[str, Any],
    target: Any,
    *,
    dimensions: Sequence[int] | None = None,
    groups: Any = None,
    estimator: Any = None,
    folds: int = 5,
    random_state: int | None = None,
) -> pd.DataFrame:
    """Measure how well a target is learned from each column, whole and shortened to fewer dimensions.

    All are measured on the rows that have a vector in every column, with folds from one seed.

    Parameters
    ----------
    columns : mapping of name to vector column, shape (n, d)
    target : sequence, length n
    dimensions : sequence of int, optional
        Shorter lengths to try: the first numbers of each vector, as models trained for it (Matryoshka) allow; longer
        ones than a column has are left out of its lines. The whole vector is always measured.
    groups, estimator, folds, random_state
        As in :func:`mmembed.fit_classifier`.

    Returns
    -------
    pandas.DataFrame
        One line a column and dimension, in the order given, the whole vector last: ``column``, ``model``,
        ``dimension``, ``rows`` (labelled), ``accuracy`` with ``low`` and ``high``, ``balanced_accuracy``, ``macro_f1``,
        ``log_loss``, ``bytes_a_row`` (float32) and ``seconds`` that fitting and measuring took.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
    >>> compare_vectors({"v": vectors}, vectors[:, 0] > 0, dimensions=[2])["dimension"].tolist()
    [2, 4]
    """
    if not columns:
        raise ValueError("There is no column to compare. Give at least one vector column.")
    arrays = {name: as_vector_array(column) for name, column in columns.items()}
    sizes = {len(array) for array in arrays.values()}
    if len(sizes) > 1:
        raise ValueError(f"The columns have {sorted(sizes)} rows. Compare columns of one frame.")
    if dimensions is not None and (not len(dimensions) or min(dimensions) < 1):
        raise ValueError(f"dimensions={list(dimensions)!r} has to hold whole numbers of at least 1.")
    everywhere = np.flatnonzero(np.logical_and.reduce([~array.isna() for array in arrays.values()]))
    index = next((one.index for one in columns.values() if isinstance(one, pd.Series)), None)
    target, groups = beside(target, index, argument="target"), beside(groups, index, argument="groups")
    values = as_target_series(target, sizes.pop()).iloc[everywhere]
    companions = None if groups is None else pd.Series(list(groups), dtype=object).iloc[everywhere]
    lines = []
    for name, array in arrays.items():
        for dimension in sorted({one for one in dimensions or () if one < array.dimension} | {array.dimension}):
            short = VectorArray.from_matrix(np.ascontiguousarray(array.matrix[everywhere, :dimension]), array.space)
            begin = time.perf_counter()
            found = fit_classifier(
                short, values, groups=companions, estimator=estimator, folds=folds, random_state=random_state
            )
            took = time.perf_counter() - begin
            scores = found.scores()
            lines.append(
                {
                    "column": name,
                    "model": array.space,
                    "dimension": dimension,
                    "rows": int(values.notna().sum()),
                    "accuracy": found.accuracy,
                    "low": _score(scores, "accuracy", "low"),
                    "high": _score(scores, "accuracy", "high"),
                    **{score: _score(scores, score, "value") for score in _SCORES},
                    "bytes_a_row": 4 * dimension,
                    "seconds": took,
                }
            )
    return pd.DataFrame(lines)


def _score(scores: pd.DataFrame, score: str, column: str) -> float:
    """Return one score; NaN where the target has none, such as the log loss of sets of labels."""
    is_there = score in scores.index and column in scores.columns
    return float(scores[column].to_numpy()[list(scores.index).index(score)]) if is_there else float("nan")
