"""Where the shares of a group differ from those of the whole table by more than chance.

Rows of a group are compared with as many rows drawn from the table without regard to groups: what is seen is told from
chance by the hypergeometric distribution (Fisher's exact test), and all that was looked at is corrected for together
(Bonferroni).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Of a table of many values the commonest are looked at: the others have too few rows to stand out.
_MOST_VALUES = 50
_FEWEST_ROWS = 5
# A difference that no chance explains may still be too small to speak of.
_LEAST_DIFFERENCE = 0.1
_LEAST_RATIO = 1.5
LEVEL = 0.01


@dataclass(frozen=True, slots=True)
class Deviation:
    """A value that a group has more or less often than the table.

    Attributes
    ----------
    value : str
    count : int
        Rows of the group that have it.
    share, whole_share : float
        Of the rows of the group, and of the table, that have any value.
    excess : float
        Rows that the group has beyond its part, below 0 where it has fewer.
    probability : float
        Of so large a difference by chance, corrected for all values and groups that were looked at; at most 1.
    """

    value: str
    count: int
    share: float
    whole_share: float
    excess: float
    probability: float

    @property
    def stands_out(self) -> bool:
        """Whether it is neither chance nor too small to speak of."""
        return self.probability < LEVEL and abs(self.share - self.whole_share) >= _LEAST_DIFFERENCE


@dataclass(frozen=True, slots=True)
class Shift:
    """How the share of a group among the rows changed from the earlier half of the dated rows to the later one.

    Attributes
    ----------
    period : int
        The first period of the later half.
    before, since : float
        Share of the rows of the earlier and of the later half.
    probability : float
        As of :class:`Deviation`.
    """

    period: int
    before: float
    since: float
    probability: float

    @property
    def stands_out(self) -> bool:
        """Whether it is neither chance nor too small to speak of."""
        low, high = sorted((self.before, self.since))
        return self.probability < LEVEL and high >= _LEAST_RATIO * low


def share_deviations(
    groups: Mapping[Hashable, Mapping[str, int]], whole: Mapping[str, int]
) -> dict[Hashable, list[Deviation]]:
    """Return the deviations of each group, the one with the most rows beyond its part first.

    Parameters
    ----------
    groups : mapping of label to mapping of str to int
        Rows of each group by value; an empty text stands for no value and is left out.
    whole : mapping of str to int
        Rows of the table by value.

    Examples
    --------
    >>> found = share_deviations({0: {"good": 40, "bad": 10}, 1: {"good": 10, "bad": 40}}, {"good": 50, "bad": 50})
    >>> found[0][0].value, found[0][0].share, found[0][0].whole_share, found[0][0].stands_out
    ('good', 0.8, 0.5, True)
    """
    table = {value: count for value, count in whole.items() if value}
    total = sum(table.values())
    known = sorted((value for value in table if table[value] >= _FEWEST_ROWS), key=lambda one: (-table[one], one))
    values = known[:_MOST_VALUES] if len(table) > 1 else []
    sizes = {key: sum(count for value, count in group.items() if value) for key, group in groups.items()}
    looked_at = max(1, len(values) * sum(size > 0 for size in sizes.values()))
    found: dict[Hashable, list[Deviation]] = {}
    for key, group in groups.items():
        size = sizes[key]
        found[key] = []
        if not size or not values:
            continue
        counts = np.array([group.get(value, 0) for value in values])
        rows = np.array([table[value] for value in values])
        chances = _two_sided(counts, total, rows, size)
        deviations = [
            Deviation(
                value,
                int(count),
                float(count / size),
                float(row / total),
                float(count - size * row / total),
                min(1.0, float(chance) * looked_at),
            )
            for value, count, row, chance in zip(values, counts, rows, chances, strict=True)
        ]
        found[key] = sorted(deviations, key=lambda one: -one.excess)
    return found


def shifts(groups: Mapping[Hashable, npt.NDArray[np.int64]], whole: npt.NDArray[np.int64]) -> dict[Hashable, Shift]:
    """Return how the share of each group changed over time; nothing where all rows are of one period.

    Parameters
    ----------
    groups : mapping of label to numpy.ndarray of int, shape (t,)
        Rows of each group by period.
    whole : numpy.ndarray of int, shape (t,)
        Rows of the table by period. The later half begins with the period that makes both halves most alike in size.

    Examples
    --------
    >>> one = shifts({0: np.array([5, 5, 40, 50])}, np.array([100, 100, 100, 100]))[0]
    >>> one.period, one.before, one.since
    (2, 0.05, 0.45)
    """
    sums = np.cumsum(whole)
    total = int(sums[-1]) if len(sums) else 0
    if np.count_nonzero(whole) < 2:
        return {}
    period = int(np.argmin(np.abs(2 * sums[:-1] - total))) + 1
    earlier = int(sums[period - 1])
    later = total - earlier
    if not earlier or not later:
        return {}
    found = {}
    for key, counts in groups.items():
        size, late = int(counts.sum()), int(counts[period:].sum())
        if size:
            chance = float(_two_sided(np.array([late]), total, np.array([later]), size)[0])
            found[key] = Shift(period, (size - late) / earlier, late / later, min(1.0, chance * len(groups)))
    return found


def has_peak(counts: Sequence[int]) -> bool:
    """Return whether one period stands out: it has more rows than chance and evenly spread rows would give any period.

    Examples
    --------
    >>> has_peak([1, 1, 0, 1]), has_peak([2, 3, 20, 4])
    (False, True)
    """
    total, most = sum(counts), max(counts, default=0)
    if len(counts) < 2 or most < max(_FEWEST_ROWS, _LEAST_RATIO * total / len(counts)):
        return False
    from scipy.stats import binom  # takes a second to import

    return float(binom.sf(most - 1, total, 1 / len(counts))) * len(counts) < LEVEL


def agreement(groups: Mapping[Hashable, Mapping[str, int]]) -> tuple[float, float]:
    """Return which share of rows has the commonest value of its group, and which the commonest value of all groups.

    Rows without a value are left out; both are 0 where no row has one.

    Examples
    --------
    >>> agreement({0: {"red": 9, "blue": 1}, 1: {"blue": 10}})
    (0.95, 0.55)
    """
    together: Counter[str] = Counter()
    best = 0
    for group in groups.values():
        valued = {value: count for value, count in group.items() if value}
        together.update(valued)
        best += max(valued.values(), default=0)
    total = together.total()
    return (best / total, max(together.values()) / total) if total else (0.0, 0.0)


def _two_sided(
    seen: npt.NDArray[np.int64], total: int, marked: npt.NDArray[np.int64], drawn: int
) -> npt.NDArray[np.float64]:
    """Return twice the smaller tail of the hypergeometric distribution, at most 1."""
    from scipy.stats import hypergeom  # takes a second to import

    above = hypergeom.sf(seen - 1, total, marked, drawn)
    below = hypergeom.cdf(seen, total, marked, drawn)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(above, below)))
