"""A sample of the rows that have a label: every class keeps rows, and of each class all rows are equally likely."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.labels.fit import holds_label_sets
from mmembed.distributed.aligning import VECTOR, vectors_of
from mmembed.distributed.folding import folded, on_partitions

if TYPE_CHECKING:
    from mmembed.arrays import Positions

Classes = Callable[[pd.DataFrame], "tuple[Positions, list[Hashable]]"]
# A class keeps this many rows, if it has them, however rare it is.
_FEWEST_OF_A_CLASS = 20
# A target of more values than this is no set of classes, and its values would fill this process.
_MOST_VALUES = 100_000


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Rows to learn from.

    Attributes
    ----------
    frame : pandas.DataFrame
        In the order of the table.
    positions : numpy.ndarray of int
        Where each stands in the table.
    of : int
        How many rows there were to draw from.
    center : numpy.ndarray, shape (d,), float64
        Mean unit row of all rows that have a vector, labelled or not.
    """

    frame: pd.DataFrame = field(repr=False)
    positions: Positions = field(repr=False)
    of: int
    center: npt.NDArray[np.float64] = field(repr=False)


def warn_of_cut(what: str, used: int, of: int, *, stacklevel: int) -> None:
    """Say once where not all labelled rows are used."""
    if used < of:
        warnings.warn(
            f"{what} {used:,} of {of:,} labelled rows, drawn by class. "
            f"Give sample_rows={of:,} to use all, if they fit into memory.",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


@dataclass(frozen=True, eq=False)
class _Found:
    """What there is in some partitions: rows, rows by class, and the sum of all unit rows."""

    rows: list[int]
    classes: list[Counter[Hashable]]
    total: npt.NDArray[np.float64]
    present: int

    @staticmethod
    def add(parts: list[_Found]) -> _Found:
        classes = [one for part in parts for one in part.classes]
        if len(set().union(*classes)) > _MOST_VALUES:
            raise ValueError(
                f"The target has more than {_MOST_VALUES:,} different values, and a classifier would take each for a "
                "class of its own. Make classes of it first, or leave out what is rare."
            )
        rows = [count for part in parts for count in part.rows]
        return _Found(rows, classes, np.sum([one.total for one in parts], axis=0), sum(one.present for one in parts))


def draw_labelled(columns: Any, most: int, *, seed: int) -> LabelledRows:
    """Draw rows that have a vector and a target, by class: each in proportion, and at least 20 of each, if it has them.

    Which rows are drawn depends on the seed and on the order of the rows, and not on where the partitions are cut.

    Parameters
    ----------
    columns : dask DataFrame
        With ``target`` and, if there are vectors, ``vector`` and further ones called ``vector 1``, ``vector 2``, …:
        rows must have all of them. Other columns go with the rows.
    most : int
        About how many rows; a few more where rare classes need them.
    seed : int
    """
    drawn = draw_by_class(columns, _labelled, most, seed=seed)
    return replace(drawn, frame=drawn.frame.reset_index(drop=True))


def draw_by_class(frame: Any, classes: Classes, most: int, *, seed: int) -> LabelledRows:
    """Draw rows by any class, as :func:`draw_labelled` does.

    Parameters
    ----------
    frame : dask DataFrame
    classes : callable
        Returns the rows of a partition that may be drawn, and the class of each.
    most, seed
        As for :func:`draw_labelled`.
    """
    found: _Found = folded(on_partitions(_count_classes, frame, classes=classes), _Found.add)
    totals: Counter[Hashable] = Counter()
    for one in found.classes:
        totals.update(one)
    chosen = _choose(totals, most, seed)
    own: list[tuple[dict[Hashable, Positions], int]] = []
    before: Counter[Hashable] = Counter()
    offset = 0
    for one, n_rows in zip(found.classes, found.rows, strict=True):
        here = {}
        for value, count in one.items():
            start, end = np.searchsorted(chosen[value], [before[value], before[value] + count])
            here[value] = chosen[value][start:end] - before[value]
        before.update(one)
        own.append((here, offset))
        offset += n_rows
    parts: list[tuple[pd.DataFrame, Positions]] = folded(
        on_partitions(_take_classes, frame, own=own, classes=classes), _chained
    )
    return LabelledRows(
        pd.concat([part for part, _ in parts]),
        np.concatenate([rows for _, rows in parts]),
        sum(totals.values()),
        found.total / max(1, found.present),
    )


def _choose(totals: Mapping[Hashable, int], most: int, seed: int) -> dict[Hashable, Positions]:
    """Return which rows of each class are drawn, by number within the class."""
    n_rows = sum(totals.values())
    if n_rows <= most:
        return {value: np.arange(count) for value, count in totals.items()}
    fewest = min(_FEWEST_OF_A_CLASS, max(1, most // len(totals)))
    chosen = {}
    for number, value in enumerate(sorted(totals, key=lambda value: (str(type(value)), str(value)))):
        count = totals[value]
        wanted = min(count, max(fewest, round(most * count / n_rows)))
        random = np.random.default_rng([seed, 2, number])
        chosen[value] = np.sort(random.choice(count, wanted, replace=False))
    return chosen


def _labelled(part: pd.DataFrame) -> tuple[Positions, list[Hashable]]:
    """Return the rows that can be learned from, and the class of each; sets of labels count as one class."""
    usable = part["target"].notna().to_numpy(dtype=bool)
    for name in part.columns:
        if str(name).startswith(VECTOR):
            usable = usable & ~np.asarray(part[name].isna())
    rows = np.flatnonzero(usable)
    values = part["target"].iloc[rows]
    return rows, ["sets"] * len(rows) if holds_label_sets(values) else values.tolist()


def _count_classes(part: pd.DataFrame, *, classes: Classes) -> _Found:
    counts = [Counter(classes(part)[1])]
    if VECTOR not in part.columns:
        return _Found([len(part)], counts, np.zeros(0), 0)
    array = vectors_of(part)
    units = unit_rows(array.matrix[~np.asarray(array.isna())])
    return _Found([len(part)], counts, units.sum(axis=0, dtype=np.float64), len(units))


def _take_classes(
    part: pd.DataFrame, own: tuple[dict[Hashable, Positions], int], *, classes: Classes
) -> list[tuple[pd.DataFrame, Positions]]:
    chosen, offset = own
    rows, values = classes(part)
    codes, names = pd.factorize(pd.Series(values, dtype=object))
    taken = [rows[codes == code][chosen[name]] for code, name in enumerate(names)]
    at = np.sort(np.concatenate(taken)) if taken else np.empty(0, dtype=np.int64)
    return [(part.iloc[at], at + offset)]


def _chained(answers: list[list[Any]]) -> list[Any]:
    return [one for answer in answers for one in answer]
