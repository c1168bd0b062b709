"""Learn a target from vectors, and measure how well it can be learned: one function for both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mmembed.analysis.labels.classifier import Classifier
from mmembed.analysis.labels.classifying_sets import fit_label_sets
from mmembed.analysis.labels.holding_out import fit_clone, hold_out
from mmembed.analysis.labels.label_sets import MultiLabelClassifier
from mmembed.analysis.labels.linking import hold_together
from mmembed.analysis.labels.targets import as_target_series, holds_label_sets, read_target
from mmembed.analysis.rows.cosine import unit_rows
from mmembed.errors import listed
from mmembed.vectors import Vector, VectorArray, as_vector_array, check_comparable

# Of the sets in benchmarks/labelled, captions and glosses have next to no pair this near, reprints of a text have.
NEAR_DUPLICATE = 0.98


def fit_classifier(
    vectors: Any,
    target: Any,
    *,
    descriptions: Mapping[Any, Any] | None = None,
    groups: Any = None,
    estimator: Any = None,
    class_weight: Any = None,
    folds: int = 5,
    near_duplicates: float | None = NEAR_DUPLICATE,
    random_state: int | None = None,
    center: Any = None,
) -> Classifier | MultiLabelClassifier:
    """Learn to tell the values of a target apart by their vectors, and measure it on rows held out in turn.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
        Lengths do not matter: rows are normalised first.
    target : sequence, length n
        A value for each row; rows where it is missing are not learned from. The name of a Series names the columns.
        Texts, booleans, categories, whole numbers and few different numbers are classes; a quantity is refused.
    descriptions : mapping of label to vector, shape (d,), or vectors, shape (p, d), optional
        For few labelled rows: what each class is about, such as the vectors of its name and of other words for it, in
        the column's space. Each class is then the mean of its rows, shrunk towards its description as if that were two
        rows (:class:`mmembed.analysis.labels.prototypes.ShrunkenPrototypes`). Better than rows or descriptions alone
        for 1 to some 20 rows a class; from there on leave it out. Classes without a row may be described, too.
    groups : sequence, length n, optional
        Rows that belong together (one author, one product): they are held out together, so that the score is that of
        new groups. A missing group is a group of its own.
    estimator : scikit-learn classifier, optional
        Cloned; without it :class:`mmembed.analysis.labels.kernel_classifier.KernelClassifier`, ridge regression on a
        Gaussian kernel with calibrated probabilities, or, where most classes have fewer than three rows, their mean
        vectors.
    class_weight : None, "balanced" or dict, optional
        For the default classifier. None keeps the classes' shares, which makes probabilities right for tables like this
        one; ``"balanced"`` finds more of the rare classes. A dict has the target's values as keys.
    folds : int
        How often the experiment is repeated, each time on another part of the rows; classes have about the same share
        in each.
    near_duplicates : float or None
        Cosine from which on two rows are held out together, as equal rows always are: otherwise a row would be
        predicted from its own copy, which flatters the score. It is looked at up to 20,000 labelled rows. None keeps
        only equal rows together, and so does, with a warning, a table whose classes are that alike by nature.
    random_state : int, optional
        Seed of the folds and the classifier; None is 0, so that the same call gives the same answer.
    center : array, shape (d,), optional
        Mean of all unit rows, labelled or not, where these are but a part of them; it is used with ``descriptions`` and
        for few rows a class.

    Returns
    -------
    Classifier
        With the experiment. Where the cells of the target are lists (or tuples or sets) of labels, a
        :class:`mmembed.analysis.labels.label_sets.MultiLabelClassifier`, which learns each label on its own and
        answers to the same names; an empty list is a row that is known to have none.

    Raises
    ------
    ValueError
        If fewer than two values of the target have a row with a vector, if it is a quantity, or if its length or that
        of the groups is not n.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> vectors = np.array([[1, 0], [1, 0.3], [0, 1], [0.3, 1], [1, 0.2]], dtype="float32")
    >>> side = pd.Series(["east", "east", "north", "north", None], name="side")
    >>> fit_classifier(vectors, side).predict(vectors[4:]).tolist()
    ['east']
    """
    from sklearn.base import clone

    array = as_vector_array(vectors)
    values = as_target_series(target, len(array))
    if folds < 2:
        raise ValueError(f"folds={folds} holds nothing out. Give at least 2.")
    if estimator is not None and (class_weight is not None or descriptions is not None):
        raise ValueError("class_weight= and descriptions= are for the default classifiers. Leave estimator= out.")
    seed = 0 if random_state is None else random_state
    if holds_label_sets(values):
        if descriptions is not None:
            raise ValueError(
                "descriptions= tell one class from another. Leave them out where rows have several labels."
            )
        recipe = _default(class_weight, None, seed) if estimator is None else clone(estimator)
        learned = np.flatnonzero(values.notna().to_numpy() & ~array.isna())
        rows = unit_rows(array.matrix[learned])
        given = _given_groups(groups, len(array), learned)
        linked = hold_together(array.matrix[learned], None, given, near_duplicates, folds=folds)
        return fit_label_sets(
            array, values, recipe, rows=rows, learned=learned, linked=linked, folds=folds, random_state=seed
        )
    read = read_target(values, also=descriptions or ())
    learned = np.flatnonzero((read.codes >= 0) & ~array.isna())
    y = read.codes[learned]
    if (n_classes := len(np.unique(y))) < (2 if descriptions is None else 1) or len(read.classes) < 2:
        raise ValueError(
            f"Target {read.name!r} has {n_classes} different values in {len(learned)} rows with a vector; "
            "a classifier needs at least 2. Fill in more targets, or use labels=[…] to classify without examples."
        )
    if estimator is not None:
        recipe = clone(estimator)
    elif descriptions is not None or (class_weight is None and np.median(np.unique(y, return_counts=True)[1]) < 3):
        recipe = _prototypes(array, read.classes, descriptions, center)
    else:
        recipe = _default(class_weight, read.classes, seed)
    rows = unit_rows(array.matrix[learned])
    given = _given_groups(groups, len(array), learned)
    linked = hold_together(array.matrix[learned], y, given, near_duplicates, folds=folds)
    held = hold_out(recipe, rows, y, linked, n_classes=len(read.classes), folds=folds, random_state=seed)
    measured = held.measured
    return Classifier(
        classes=read.classes,
        estimator=fit_clone(recipe, rows, y, linked),
        accuracy=float((held.predicted == y)[measured].mean()) if measured.any() else float("nan"),
        target=read.name,
        linked=int((np.bincount(linked)[linked] > 1).sum()),
        vectors=array,
        held_out=held,
        learned=learned,
        index=read.index,
        recipe=recipe,
        random_state=seed,
    )


def _prototypes(array: VectorArray, classes: pd.api.extensions.ExtensionArray, descriptions: Any, center: Any) -> Any:
    from mmembed.analysis.labels.prototypes import ShrunkenPrototypes

    if center is None:
        center = unit_rows(array.matrix[~array.isna()]).mean(axis=0, dtype=np.float64)
    center = np.asarray(center, dtype=np.float32)
    if descriptions is None:
        return ShrunkenPrototypes(center=center)
    if missing := [str(value) for value in classes if value not in descriptions]:
        raise ValueError(f"Classes without a description: {listed(missing)}. Describe all classes, or none.")
    means = []
    for value in classes:
        prompts = descriptions[value]
        is_one = isinstance(prompts, Vector) or (isinstance(prompts, np.ndarray | list) and np.ndim(prompts) == 1)
        described = as_vector_array([prompts] if is_one else prompts)
        check_comparable(array, described)
        if described.isna().any() or not len(described):
            raise ValueError(f"The description of {str(value)!r} has no vector. Embed its words first.")
        means.append(unit_rows(described.matrix).mean(axis=0))
    return ShrunkenPrototypes(descriptions=unit_rows(np.stack(means)), center=center)


def _default(class_weight: Any, classes: pd.api.extensions.ExtensionArray | None, seed: int) -> Any:
    from mmembed.analysis.labels.kernel_classifier import KernelClassifier

    if isinstance(class_weight, dict):
        if classes is None:
            raise ValueError("class_weight as a dict is for one label a row. Give 'balanced', or leave it out.")
        if unknown := [key for key in class_weight if key not in list(classes)]:
            raise ValueError(f"class_weight names {listed(unknown)}, which the target does not have.")
        class_weight = {code: class_weight.get(value, 1) for code, value in enumerate(classes)}
    return KernelClassifier(class_weight=class_weight, random_state=seed)


def _given_groups(groups: Any, n_rows: int, learned: Any) -> Any:
    if groups is None:
        return None
    values = pd.Series(list(groups), dtype=object)
    if len(values) != n_rows:
        raise ValueError(f"groups has {len(values)} values for {n_rows} rows. Give one for each row.")
    codes, _ = pd.factorize(values)
    missing = codes < 0
    codes[missing] = codes.max(initial=-1) + 1 + np.arange(missing.sum())
    return codes[learned]
