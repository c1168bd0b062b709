"""``fit_classifier``: learn a target from vectors, and measure how well it can be learned.

The target's cells decide the experiment: classes, sets of labels (each label on its own, on the same rows), or a
quantity that no classifier should learn.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed._progress import progress_bar
from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.labels.classifier import Classifier
from mmembed.analysis.labels.experiment import HeldOut, fit_and_hold_out, linked_rows
from mmembed.analysis.labels.multi_label import MultiLabelClassifier
from mmembed.arrays import FloatMatrix
from mmembed.errors import listed
from mmembed.frames import beside, index_of
from mmembed.vectors import Vector, VectorArray, as_vector_array, check_comparable

# Of the sets in benchmarks/labelled, captions and glosses have next to no pair this near, reprints of a text have.
NEAR_DUPLICATE = 0.98

# That a class of fewer rows is never predicted may be chance.
_FEWEST_TO_BE_PREDICTED = 10


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
    progress: bool | None = None,
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
        rows, mixed with the default classifier on the rows alone in the shares under which rows left out are likeliest
        (:class:`mmembed.analysis.DescribedClassifier`). Better than rows or descriptions alone for 1
        to some 20 rows a class, and no worse with more. Classes without a row may be described, too; then the means
        alone decide.
    groups : sequence, length n, optional
        Rows that belong together (one author, one product): they are held out together, so that the score is that of
        new groups. A missing group is a group of its own.
    estimator : scikit-learn classifier, optional
        Cloned; without it :class:`mmembed.analysis.KernelClassifier`, ridge regression on a
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
    progress : bool, optional
        Show that the experiment is in work; by default in notebooks and terminals only.

    Returns
    -------
    Classifier
        With the experiment. Where the cells of the target are lists (or tuples or sets) of labels, a
        :class:`mmembed.analysis.MultiLabelClassifier`, which learns each label on its own and
        answers to the same names; an empty list is a row that is known to have none.

    Raises
    ------
    ValueError
        If fewer than two values of the target have a row with a vector, if it is a quantity, or if its length or that
        of the groups is not n.

    Warns
    -----
    UserWarning
        If a class of at least 10 rows was predicted for no row while held out; ``class_weight="balanced"`` finds more.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> vectors = np.array([[1, 0], [1, 0.3], [0, 1], [0.3, 1], [1, 0.2]], dtype="float32")
    >>> side = pd.Series(["east", "east", "north", "north", None], name="side")
    >>> fit_classifier(vectors, side).predict(vectors[4:]).tolist()
    ['east']
    """
    from sklearn.base import clone

    array, index = as_vector_array(vectors), index_of(vectors)
    groups = beside(groups, index, argument="groups")
    values = as_target_series(beside(target, index, argument="target"), len(array))
    is_labelled = index is not None or isinstance(target, pd.Series)
    if index is not None:
        values = values.set_axis(index)
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
        source = _matrix(array, learned)
        rows = unit_rows(source)
        given = _given_groups(groups, len(array), learned)
        linked = linked_rows(source, None, given, near_duplicates, folds=folds, units=rows)
        return fit_label_sets(
            array,
            values,
            recipe,
            rows=rows,
            learned=learned,
            linked=linked,
            folds=folds,
            random_state=seed,
            is_labelled=is_labelled,
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
        recipe = _prototypes(array, read.classes, descriptions, center, _default(class_weight, read.classes, seed))
    else:
        recipe = _default(class_weight, read.classes, seed)
    source = _matrix(array, learned)
    rows = unit_rows(source)
    given = _given_groups(groups, len(array), learned)
    linked = linked_rows(source, y, given, near_duplicates, folds=folds, units=rows)
    del source
    with progress_bar(0, show=progress, unit="step", description="classify") as bar:
        bar.set_description_str("classify: learning, and measuring on held-out rows")
        fitted, held = fit_and_hold_out(
            recipe, rows, y, linked, n_classes=len(read.classes), folds=folds, random_state=seed
        )
    if class_weight is None and descriptions is None and estimator is None:
        _warn_of_lost_classes(held, read.classes)
    measured = held.measured
    return Classifier(
        classes=read.classes,
        estimator=fitted,
        accuracy=float((held.predicted == y)[measured].mean()) if measured.any() else float("nan"),
        target=read.name,
        linked=int((np.bincount(linked)[linked] > 1).sum()),
        vectors=array,
        held_out=held,
        learned=learned,
        index=read.index,
        is_labelled=is_labelled,
        recipe=recipe,
        random_state=seed,
    )


def _matrix(array: VectorArray, learned: npt.NDArray[np.intp]) -> FloatMatrix:
    """Return the rows that are learned from, without a copy where these are all."""
    return array.matrix if len(learned) == len(array) else array.matrix[learned]


def _warn_of_lost_classes(held: HeldOut, classes: pd.api.extensions.ExtensionArray) -> None:
    """Say which classes with enough rows were predicted for no row that was held out."""
    rows = held.measured
    counts = np.bincount(held.y[rows], minlength=len(classes))
    said = np.bincount(held.predicted[rows], minlength=len(classes))
    if len(lost := np.flatnonzero((counts >= _FEWEST_TO_BE_PREDICTED) & (said == 0))):
        warnings.warn(
            f"Never predicted while held out: {listed([str(classes[one]) for one in lost])} "
            f"({counts[lost].sum():,} of {rows.sum():,} rows). Other classes are likelier for each of their rows. "
            'class_weight="balanced" finds more of rare classes, at the price of calibrated probabilities; '
            "more labels of them help, too.",
            UserWarning,
            stacklevel=3,
        )


def _prototypes(
    array: VectorArray, classes: pd.api.extensions.ExtensionArray, descriptions: Any, center: Any, default: Any
) -> Any:
    from mmembed.analysis.labels.prototypes import DescribedClassifier, ShrunkenPrototypes

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
    return DescribedClassifier(
        descriptions=unit_rows(np.stack(means)),
        center=center,
        class_weight=default.class_weight,
        random_state=default.random_state,
    )


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
    is_labelled: bool = False,
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
        fitted[classes[code]], held = fit_and_hold_out(
            recipe, rows, y, linked, n_classes=2, folds=folds, random_state=random_state
        )
        likely = held.predicted.astype(np.float32) if held.probabilities is None else held.probabilities[:, 1]
        probabilities[held.measured, code] = likely[held.measured]
    measured = np.isfinite(probabilities)
    whole = measured.any(axis=1)
    right = ((np.nan_to_num(probabilities) >= 0.5) == truth) | ~measured
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
        is_labelled=is_labelled,
    )


# A number with more different values than this, some of them fractional, is a quantity.
_MOST_FRACTIONAL_CLASSES = 20

_LABEL_SETS = (list, tuple, set, frozenset, np.ndarray)


@dataclass(frozen=True, eq=False)
class Target:
    """A target as classes.

    Attributes
    ----------
    codes : numpy.ndarray of int, shape (n,)
        Position in ``classes`` of each row's value; -1 where it is missing.
    classes : pandas.api.extensions.ExtensionArray
        The different values, sorted, in a type that has a missing value.
    name : str
    index : pandas.Index, length n
    """

    codes: npt.NDArray[np.intp] = field(repr=False)
    classes: pd.api.extensions.ExtensionArray
    name: str
    index: pd.Index = field(repr=False)


def as_target_series(target: Any, n_rows: int) -> pd.Series:
    """Return the target as a Series, or say that its length is wrong."""
    values = target if isinstance(target, pd.Series) else pd.Series(target)
    if len(values) != n_rows:
        raise ValueError(f"The target has {len(values)} values for {n_rows} vectors. Give one for each row.")
    return values


def holds_label_sets(values: pd.Series) -> bool:
    """Return whether cells are lists (or tuples, sets, arrays) of labels rather than one label each."""
    present = values.dropna() if values.dtype == object else values.iloc[:0]
    return bool(len(present)) and all(isinstance(value, _LABEL_SETS) for value in present)


def read_target(values: pd.Series, *, also: Iterable[Any] = ()) -> Target:
    """Return the classes of a target: texts, booleans, categories, whole numbers, or few different numbers.

    Parameters
    ----------
    values : pandas.Series, length n
    also : iterable
        Classes that count although no row may have them.

    Raises
    ------
    ValueError
        If the values are a quantity: fractional numbers or times of more than 20 different values, or whole numbers
        most of which occur once.
    """
    _refuse_quantity(values)
    try:
        codes, classes = pd.factorize(_append_classes(values, list(also)), sort=True)
    except TypeError as error:
        kinds = sorted({type(value).__name__ for value in values.dropna()})
        raise ValueError(
            f"Target {values.name!r} mixes values that cannot be sorted or compared ({', '.join(kinds)}). "
            "Give values of one type, or a list of labels in every cell."
        ) from error
    return Target(
        codes[: len(values)].astype(np.intp),
        _nullable(_as_series(classes)).array,
        "target" if values.name is None else str(values.name),
        values.index,
    )


def _append_classes(values: pd.Series, also: list[Any]) -> pd.Series:
    """Return the values with more classes after them."""
    if not also:
        return values
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    more = pd.Series(also, dtype=values.dtype if values.notna().any() else None)
    return pd.concat([values if values.notna().any() else values.astype(more.dtype), more], ignore_index=True)


def _refuse_quantity(values: pd.Series) -> None:
    if pd.api.types.is_bool_dtype(values) or isinstance(values.dtype, pd.CategoricalDtype):
        return
    known = values.dropna()
    is_time = pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_timedelta64_dtype(values)
    if not (is_time or pd.api.types.is_numeric_dtype(values)) or known.nunique() <= _MOST_FRACTIONAL_CLASSES:
        return
    is_whole = not is_time and bool((known.astype(float) % 1 == 0).all())
    if not is_whole or known.nunique() > len(known) / 2:
        raise ValueError(
            f"Target {values.name!r} is a quantity ({known.nunique()} different numbers in {len(known)} rows), and a "
            "classifier would take each for a class of its own. Make classes of it first, such as "
            f"pandas.qcut(df[{values.name!r}], 5).astype(str); numbers that are names can be given as text: "
            ".astype(str)."
        )


def _as_series(classes: Any) -> pd.Series:
    """Return classes in pandas' own type for them, or as objects where that cannot hold one."""
    try:
        return pd.Series(classes)
    except UnicodeEncodeError:  # half of a surrogate pair, which Arrow's texts do not hold
        return pd.Series(classes, dtype=object)


def _nullable(classes: pd.Series) -> pd.Series:
    """Return whole numbers and booleans in a type that has a missing value, which rows without a vector get."""
    if classes.dtype.kind in "iu":
        return classes.astype("Int64")
    return classes.astype("boolean") if classes.dtype.kind == "b" else classes
