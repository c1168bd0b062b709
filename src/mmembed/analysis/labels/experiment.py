"""Predictions for rows that were held out in turn, beside those of two baselines: the basis of every score.

Rows that are equal, nearly equal or of one given group are held out together, so that none is predicted from its copy.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosines import DistinctDirections, distinct_directions, unit_rows
from mmembed.analysis.graphs.graph import shared_graph
from mmembed.analysis.labels.folds import Codes, Folds, make_folds, measurable
from mmembed.arrays import FloatMatrix
from mmembed.vectors.rows import equal_row_groups

FloatRows = npt.NDArray[np.float32]

# From so many rows on the fits of the default classifier share one reading of the rows.
_SHARED_ROWS = 10_000

_ROW_BLOCK = 8192


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


@np.errstate(under="ignore")
def fit_and_hold_out(
    estimator: Any,
    rows: FloatMatrix,
    y: Codes,
    groups: Codes,
    *,
    n_classes: int,
    folds: int,
    random_state: int,
) -> tuple[Any, HeldOut]:
    """Fit on all rows, and predict each row by a clone of the estimator that has not seen its fold.

    Parameters
    ----------
    estimator : scikit-learn classifier
    rows : numpy.ndarray, shape (m, d), float32
    y, groups : numpy.ndarray of int, shape (m,)

    Returns
    -------
    estimator
        Fitted on all rows.
    HeldOut
    """
    made = make_folds(y, groups, count=folds, random_state=random_state)
    predicted, centroid, majority = (np.full(len(y), -1, dtype=np.intp) for _ in range(3))
    probabilities = np.full((len(y), n_classes), np.nan, dtype=np.float32)
    priors = np.full((len(y), n_classes), np.nan, dtype=np.float32)
    has_probabilities = hasattr(estimator, "predict_proba")
    sums = _sums(rows, y, made, n_classes)
    total = sums.sum(axis=0)
    fits = _fits(estimator, rows, y, groups, made)
    for fold in range(made.count):
        fitted = next(fits)
        learned, tested = made.split(fold)
        present, counts = np.unique(y[learned], return_counts=True)
        if fitted is None:
            continue
        nearest = unit_rows((total - sums[fold])[present].astype(np.float32))
        for begin in range(0, len(tested), _ROW_BLOCK):
            some = tested[begin : begin + _ROW_BLOCK]
            held = rows[some]
            if has_probabilities:
                probabilities[some] = 0
                probabilities[np.ix_(some, fitted.classes_)] = fitted.predict_proba(held)
                predicted[some] = probabilities[some].argmax(axis=1)
            else:
                predicted[some] = fitted.predict(held)
            centroid[some] = present[(held @ nearest.T).argmax(axis=1)]
        majority[tested] = present[counts.argmax()]
        priors[tested] = 0
        priors[np.ix_(tested, present)] = counts / counts.sum()
    held_out = HeldOut(
        y, predicted, centroid, majority, probabilities if has_probabilities else None, priors, made, groups
    )
    return next(fits), held_out


def _fits(estimator: Any, rows: FloatMatrix, y: Codes, groups: Codes, made: Folds) -> Iterator[Any]:
    """Yield a fit without each fold, None where nothing can be learned or tested, and last the fit on all rows."""
    from mmembed.analysis.labels.kernel_classifier import KernelClassifier

    splits = [made.split(fold) for fold in range(made.count)]
    is_use = [len(tested) > 0 and y[learned].min() != y[learned].max() for learned, tested in splits]
    if isinstance(estimator, KernelClassifier) and len(rows) >= _SHARED_ROWS and made.count:
        for fold, fitted in enumerate(estimator.fit_without(rows, y, groups, _parts(made))):
            yield fitted if fold == made.count or is_use[fold] else None
        return
    for (learned, _), is_useful in zip(splits, is_use, strict=True):
        yield fit_clone(estimator, rows[learned], y[learned], groups[learned]) if is_useful else None
    yield fit_clone(estimator, rows, y, groups)


def _parts(made: Folds) -> Codes:
    """Return the fold of each row; -1 for lone rows that cannot be measured, which are always learned from."""
    return np.where(made.alone & ~made.measured, -1, made.numbers)


def _sums(rows: FloatMatrix, y: Codes, made: Folds, n_classes: int) -> npt.NDArray[np.float64]:
    """Return the sum of each class's rows in each fold, shape (folds + 1, c, d); what is in no fold comes last."""
    from scipy.sparse import csr_array

    parts = _parts(made)
    places = np.where(parts < 0, made.count, parts) * n_classes + y
    sums = np.zeros(((made.count + 1) * n_classes, rows.shape[1]))
    for begin in range(0, len(rows), _ROW_BLOCK):
        block = rows[begin : begin + _ROW_BLOCK].astype(np.float64)
        found, own = np.unique(places[begin : begin + _ROW_BLOCK], return_inverse=True)
        at = np.arange(len(block))
        sums[found] += csr_array((np.ones(len(block)), (own, at)), shape=(len(found), len(block))) @ block
    return sums.reshape(made.count + 1, n_classes, rows.shape[1])


@np.errstate(under="ignore")
def fit_clone(estimator: Any, rows: FloatMatrix, y: Codes, groups: Codes) -> Any:
    """Return a fitted clone; the default classifiers are called with the groups, which keep their own trials honest."""
    from sklearn.base import clone

    from mmembed.analysis.labels.kernel_classifier import KernelClassifier
    from mmembed.analysis.labels.prototypes import DescribedClassifier

    fresh = clone(estimator)
    takes_groups = isinstance(fresh, KernelClassifier | DescribedClassifier)
    return fresh.fit(rows, y, groups=groups) if takes_groups else fresh.fit(rows, y)


# The graph of more rows costs more than everything else that a classifier does; equal rows are still found.
MOST_LINKED_ROWS = 20_000

_NEIGHBORS = 15

# More rows than this share that can no longer be measured, and likeness is the nature of the table, not repetition.
_MOST_LOST = 0.1

_FEWEST_TO_JUDGE = 30


def linked_rows(
    rows: FloatMatrix,
    y: npt.NDArray[np.intp] | None,
    groups: npt.NDArray[np.intp] | None,
    threshold: float | None,
    *,
    folds: int,
    units: FloatMatrix | None = None,
) -> npt.NDArray[np.intp]:
    """Return which rows are held out together, as :func:`linked_groups` numbers them.

    Where rows of one class are nearly equal by nature, chains of likeness would put whole classes into one fold, and
    nothing could be measured. Then, from 30 rows on, only equal rows and given groups are held out together, and a
    warning says so.

    Parameters
    ----------
    rows, groups, threshold
        As in :func:`linked_groups`.
    y : numpy.ndarray of int, shape (m,), optional
        Class of each row, where each has one.
    folds : int
        Number of parts that the rows are dealt to.
    units : numpy.ndarray, shape (m, d), float32, optional
        The rows at length 1, where they are at hand.

    Warns
    -----
    UserWarning
        If near duplicates cannot be held out together.
    """
    if units is not None and len(units) > MOST_LINKED_ROWS:
        # Without a graph all that is asked is which directions are equal, and that needs no copy of them.
        equal = equal_row_groups(units)
        if (count := int(equal.max()) + 1) > MOST_LINKED_ROWS:
            return _link_rows(equal, count, groups)
    distinct = distinct_directions(rows)
    linked = _components(distinct, groups, threshold)
    if threshold is None or len(rows) < _FEWEST_TO_JUDGE or len(distinct) > MOST_LINKED_ROWS:
        return linked
    plain = _components(distinct, groups, None)
    largest, before = np.bincount(linked).max(), np.bincount(plain).max()
    lost = 0.0 if y is None else float(measurable(y, plain).mean() - measurable(y, linked).mean())
    if largest > max(before, len(rows) / folds) or lost > _MOST_LOST:
        warnings.warn(
            f"Rows with a cosine of at least {threshold} form chains of up to {largest:,} of {len(rows):,} rows: in "
            "this table that likeness is no sign of repetition. Only equal rows are held out together. "
            "Give a higher near_duplicates=, or groups=, if there are near copies.",
            UserWarning,
            stacklevel=3,
        )
        return plain
    return linked


def linked_groups(
    rows: FloatMatrix, groups: npt.NDArray[np.intp] | None, threshold: float | None
) -> npt.NDArray[np.intp]:
    """Return a number for each row; rows of one number are linked through equality, likeness or a given group.

    Parameters
    ----------
    rows : numpy.ndarray, shape (m, d), float32
        Their lengths do not matter.
    groups : numpy.ndarray of int, shape (m,), optional
        What the user knows to belong together.
    threshold : float, optional
        Cosine from which on two rows are nearly equal; looked at up to 20,000 different rows. None links equal rows
        only.

    Returns
    -------
    numpy.ndarray of int, shape (m,)
    """
    return _components(distinct_directions(rows), groups, threshold)


def _components(
    distinct: DistinctDirections, groups: npt.NDArray[np.intp] | None, threshold: float | None
) -> npt.NDArray[np.intp]:
    size = len(distinct)
    left, right = np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    if threshold is not None and 1 < size <= MOST_LINKED_ROWS:
        graph = shared_graph(distinct.source, min(_NEIGHBORS, size - 1))
        near = graph.similarities >= threshold
        left = np.repeat(np.arange(size), near.sum(axis=1))
        right = graph.indices[near].astype(np.intp)
    return _link_rows(distinct.groups, size, groups, left, right)


def _link_rows(
    equal: npt.NDArray[np.intp],
    size: int,
    groups: npt.NDArray[np.intp] | None,
    left: npt.NDArray[np.intp] | None = None,
    right: npt.NDArray[np.intp] | None = None,
) -> npt.NDArray[np.intp]:
    """Return the numbers of rows by what links them: equality, pairs of ``left`` and ``right``, given groups."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    left, right = (np.empty(0, dtype=np.intp) if one is None else one for one in (left, right))
    if groups is not None:
        # Each given group is a node of its own that its rows hang on.
        left = np.append(left, equal)
        right = np.append(right, size + groups)
        size += int(groups.max()) + 1
    links = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(size, size))
    _, components = connected_components(links, directed=False)
    return np.unique(components[equal], return_inverse=True)[1].astype(np.intp)
