"""The categories of a column as groups of rows: names, sizes and the ranks that plot and report colour by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.frames import one_line

NOISE = -1
MISSING = -2
_NAME_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Category:
    """One category: its value in the column, a name for people, and how many rows it has."""

    key: Hashable
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Categories:
    """Rows by category, the largest category first.

    Attributes
    ----------
    codes : numpy.ndarray, shape (n,), int64
        Rank of the row's group in ``groups``; ``NOISE`` or ``MISSING`` where it has none.
    groups : tuple of Group
        Largest first; equal sizes are ordered by key, so that the order of the rows does not matter.
    """

    codes: npt.NDArray[np.int64] = field(repr=False)
    groups: tuple[Category, ...]
    # Where the rows are a sample: how many of the whole table are noise, and how many have no value.
    counted_noise: int | None = None
    counted_missing: int | None = None

    @property
    def noise(self) -> int:
        """Number of rows that the clustering left alone."""
        return int((self.codes == NOISE).sum()) if self.counted_noise is None else self.counted_noise

    @property
    def missing(self) -> int:
        """Number of rows without a value."""
        return int((self.codes == MISSING).sum()) if self.counted_missing is None else self.counted_missing

    def rows(self, code: int) -> npt.NDArray[np.intp]:
        """Return the positions of the rows of one group, ascending."""
        return np.flatnonzero(self.codes == code)


def group_rows(
    values: pd.Series, names: pd.Series | None = None, *, noise: bool = True, prefix: str = "Cluster"
) -> Categories:
    """Group rows by the value of a column.

    Parameters
    ----------
    values : pandas.Series, length n
        Cluster labels or any categories.
    names : pandas.Series, length n, optional
        A name for each row's group; the most frequent one in a group names it.
    noise : bool
        Whether the number −1 stands for noise, as it does in cluster labels.
    prefix : str
        What stands before a number that has no name, e.g. ``"Cluster 3"``.

    Examples
    --------
    >>> group_rows(pd.Series([1, 0, 0, -1])).groups
    (Category(key=0, name='Cluster 0', size=2), Category(key=1, name='Cluster 1', size=1))
    """
    plain = values if values.dtype == object else values.astype(object)
    found, keys = pd.factorize(hashable_cells(plain))
    sizes = np.bincount(found[found >= 0], minlength=len(keys))
    is_noise = [noise and is_minus_one(key) for key in keys]
    ranked = sorted(
        (rank for rank in range(len(keys)) if not is_noise[rank]),
        key=lambda rank: (-sizes[rank], key_order(keys[rank])),
    )
    table = np.full(len(keys) + 1, MISSING, dtype=np.int64)  # the last place serves factorize's −1, a missing value
    table[: len(keys)][np.array(is_noise, dtype=bool)] = NOISE
    table[ranked] = np.arange(len(ranked))
    groups = tuple(
        Category(plain_key(keys[rank]), _name(keys[rank], names, found == rank, prefix), int(sizes[rank]))
        for rank in ranked
    )
    return Categories(table[found], groups)


def hashable_cells(values: pd.Series) -> pd.Series:
    """Turn lists and arrays into their text: they are categories too, and pandas cannot count them."""
    # As objects: Arrow's texts, which pandas would make of them, hold no halves of surrogate pairs.
    cells = [cell if isinstance(cell, Hashable) else str(cell) for cell in values]
    return pd.Series(cells, index=values.index, dtype=object)


def plain_key(key: Hashable) -> Hashable:
    """Return a value as it is told: a plain Python value, whole numbers as int."""
    plain = key.item() if isinstance(key, np.generic) else key
    # Labels that passed through a CSV file are floats, and mean the same.
    return int(plain) if isinstance(plain, float) and plain.is_integer() else plain


def is_minus_one(key: object) -> bool:
    """Return whether a value is the number −1."""
    return isinstance(key, int | float | np.integer | np.floating) and not isinstance(key, bool) and key == NOISE


def key_order(key: object) -> tuple[int, float, str]:
    """Return what values are sorted by: numbers first."""
    if isinstance(key, int | float | np.integer | np.floating):
        return (0, float(key), "")
    return (1, 0.0, str(key))


def _name(key: object, names: pd.Series | None, rows: npt.NDArray[np.bool_], prefix: str) -> str:
    if names is not None:
        given = Counter(one_line(cell, _NAME_LENGTH) for cell in names.iloc[np.flatnonzero(rows)])
        given.pop("", None)
        if given:
            return min(given, key=lambda name: (-given[name], name))
    return told_key(key, prefix)


def told_key(key: object, prefix: str = "Cluster") -> str:
    """Return what a group without a name is called."""
    if isinstance(key, int | float | np.integer | np.floating) and not isinstance(key, bool | np.bool_):
        return f"{prefix} {key:g}" if isinstance(key, float | np.floating) else f"{prefix} {key}"
    return one_line(key, _NAME_LENGTH) or prefix
