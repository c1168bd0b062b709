"""Folds for measuring: stratified by class, with every group (of equal, near equal or given rows) kept in one fold."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mmembed.arrays import BoolVector

Codes = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Folds:
    """Which rows are held out together.

    Attributes
    ----------
    numbers : numpy.ndarray of int, shape (n,)
        Fold of each row, from 0.
    measured : numpy.ndarray of bool, shape (n,)
        Whether the row can be predicted while it is held out: another group has rows of its class.
    alone : numpy.ndarray of bool, shape (n,)
        Whether no other row is in the row's group.
    count : int
        How many folds; 0 where fewer than two classes could be measured.
    """

    numbers: Codes = field(repr=False)
    measured: BoolVector = field(repr=False)
    alone: BoolVector = field(repr=False)
    count: int

    def split(self, fold: int) -> tuple[Codes, Codes]:
        """Return the positions to learn from and to predict for one fold.

        A lone row of a class that cannot be measured is always learned from; nothing else of a held-out group is.
        """
        held = self.numbers == fold
        learned = ~held | (~self.measured & self.alone)
        return np.flatnonzero(learned), np.flatnonzero(held & self.measured)


def make_folds(y: Codes, groups: Codes | None = None, *, count: int = 5, random_state: int | None = 0) -> Folds:
    """Deal rows out to folds so that each fold has about the same share of each class.

    Parameters
    ----------
    y : numpy.ndarray of int, shape (n,)
        Classes from 0.
    groups : numpy.ndarray of int, shape (n,), optional
        Rows of one number stay together.
    count : int
        How many folds; fewer where there are fewer groups.

    Examples
    --------
    >>> import numpy as np
    >>> folds = make_folds(np.array([0, 0, 1, 1]), count=2)
    >>> [sorted(y) for y in (folds.numbers[:2].tolist(), folds.numbers[2:].tolist())]
    [[0, 1], [0, 1]]
    """
    n_classes = int(y.max()) + 1
    groups = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(groups)
    measured = measurable(y, groups)
    alone = sizes[groups] == 1
    nothing = len(np.unique(y[measured])) < 2
    count = 0 if nothing else min(count, len(sizes))
    numbers = np.zeros(len(y), dtype=np.intp)
    if count:
        random = np.random.default_rng(random_state)
        filled = np.zeros((n_classes, count))
        _deal_groups(np.flatnonzero(~alone), y, groups, filled=filled, numbers=numbers, random=random)
        _deal_rows(np.flatnonzero(alone), y, filled, numbers, random)
    return Folds(numbers, measured & bool(count), alone, count)


def measurable(y: Codes, groups: Codes) -> BoolVector:
    """Return whether each row can be predicted while its group is held out: its class is in another group, too."""
    n_classes = int(y.max()) + 1
    pairs = np.unique(groups * n_classes + y)
    return np.asarray((np.bincount(pairs % n_classes, minlength=n_classes) >= 2)[y])


def _deal_groups(
    rows: Codes,
    y: Codes,
    groups: Codes,
    *,
    filled: npt.NDArray[np.float64],
    numbers: Codes,
    random: np.random.Generator,
) -> None:
    """Give groups of several rows, the largest first, to the fold that has least of their classes."""
    if not len(rows):
        return
    _, inside, sizes = np.unique(groups[rows], return_inverse=True, return_counts=True)
    members = np.split(rows[np.argsort(inside, kind="stable")], np.cumsum(sizes)[:-1])
    tie_breakers = random.permutation(len(members))
    for at in np.lexsort((tie_breakers, -sizes)):
        mine = members[at]
        kinds, counts = np.unique(y[mine], return_counts=True)
        load = counts @ filled[kinds] + 1e-6 * filled.sum(axis=0)
        fold = int(load.argmin())
        numbers[mine] = fold
        filled[kinds, fold] += counts


def _deal_rows(
    rows: Codes, y: Codes, filled: npt.NDArray[np.float64], numbers: Codes, random: np.random.Generator
) -> None:
    """Deal the rows of each class so that its folds become level, starting where fewest rows are."""
    if not len(rows):
        return
    rows = random.permutation(rows)
    rows = rows[np.argsort(y[rows], kind="stable")]
    kinds, starts = np.unique(y[rows], return_index=True)
    for kind, mine in zip(kinds, np.split(rows, starts[1:]), strict=True):
        level = (filled[kind].sum() + len(mine)) / filled.shape[1]
        room = np.maximum(level - filled[kind], 0)
        room *= len(mine) / room.sum()
        wanted = np.floor(room).astype(np.intp)
        spare = len(mine) - int(wanted.sum())
        totals = filled.sum(axis=0)
        wanted[np.lexsort((totals, -(room - wanted).round(9)))[:spare]] += 1
        numbers[mine] = np.repeat(np.arange(len(wanted)), wanted)
        filled[kind] += wanted
