"""What a target column says: classes, sets of labels, or a quantity that no classifier should learn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

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
        codes, classes = pd.factorize(_with(values, list(also)), sort=True)
    except TypeError as error:
        kinds = sorted({type(value).__name__ for value in values.dropna()})
        raise ValueError(
            f"Target {values.name!r} mixes values that cannot be sorted or compared ({', '.join(kinds)}). "
            "Give values of one type, or a list of labels in every cell."
        ) from error
    return Target(
        codes[: len(values)].astype(np.intp),
        _nullable(pd.Series(classes)).array,
        "target" if values.name is None else str(values.name),
        values.index,
    )


def _with(values: pd.Series, also: list[Any]) -> pd.Series:
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


def _nullable(classes: pd.Series) -> pd.Series:
    """Return whole numbers and booleans in a type that has a missing value, which rows without a vector get."""
    if classes.dtype.kind in "iu":
        return classes.astype("Int64")
    return classes.astype("boolean") if classes.dtype.kind == "b" else classes
