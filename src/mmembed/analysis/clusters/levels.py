"""The levels of a tree of communities: numbers of them that stand for a long stretch of the resolution.

Every number of communities is measured alike: whether resampled rows merge to the same ones, how clearly they are apart
(:attr:`mmembed.analysis.Candidate.parting`), and over how many doublings of the resolution they stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmembed.analysis.clusters.methods import modularity, ties_between
from mmembed.analysis.clusters.tree import cut

if TYPE_CHECKING:
    from mmembed.analysis.clusters.points import Points
    from mmembed.analysis.clusters.tree import CommunityTree
    from mmembed.arrays import Positions

# All numbers up to the first are measured, and of more communities those that stand the longest.
_MEASURED_ALL, _MEASURED_MORE = 30, 40

# Scores are what counts; a twentieth more outweighs half the width, which tells apart what is about as good.
_EMPHASIS = 16
# A wider stretch says no more.
_WIDEST = 3.0
# What stands over so many doublings is what no tie joins; what it would be merged to is nothing that a graph shows.
_WHOLE = 12.0
# Twice as many communities must stand over a stretch 2.4 times as wide to say as much.
_FEWER = 1.25
# Numbers within about so many doublings of each other support one another: where none stands out, which of them comes
# first is chance, and where they are is not.
_NEAR = 0.3
# There the middle is taken of the third powers of what speaks for each: of two that stand out it is one of them.
_LEADING = 3
# What a level of its own takes: so wide a stretch, found again so far, so much more apart than a cloud, and so many
# times more or fewer communities than the next.
_LEAST_WIDTH, _LEAST_STABILITY, _LEAST_BEYOND, _APART = 0.75, 0.75, 0.3, 1.6
# Communities of unlike sizes do not all come apart at one resolution: no number of many stands long. There a level is
# where numbers that are nearly the same stand over so long a stretch together, and which is found again so far.
_MANY, _LEAST_NEAR_WIDTH, _LEAST_OF_MANY = 20, 1.5, 0.9


@dataclass(frozen=True)
class Level:
    """What was measured of one number of communities.

    Attributes
    ----------
    n_clusters : int
    width : float
        Over how many doublings of the resolution there are so many.
    stability : float
        Mean adjusted Rand index with the same number in the trees of resampled rows.
    modularity, beyond : float
        See :func:`mmembed.analysis.clusters.quality.measure`.
    near_width : float
        Over how many doublings of the resolution there are about so many, from 16 % fewer to 19 % more.
    """

    n_clusters: int
    width: float
    stability: float
    modularity: float
    beyond: float
    near_width: float = 0.0

    @property
    def score(self) -> float:
        """Stability times parting."""
        return self.stability * self.modularity * float(np.cbrt(self.beyond))


def measured_levels(table: Points, tree: CommunityTree) -> list[Level]:
    """Return what is measured of the levels of a tree, from few to many; those of two communities or more."""
    numbers = np.arange(2, tree.n_leaves + 1)
    if len(numbers) > _MEASURED_ALL:
        widths = np.array([tree.width(int(number)) for number in numbers[_MEASURED_ALL:]])
        more = np.argsort(-widths, kind="stable")[:_MEASURED_MORE]
        numbers = np.concatenate([numbers[:_MEASURED_ALL], np.sort(numbers[_MEASURED_ALL:][more])])
    sizes = np.bincount(tree.leaves, table.counts).astype(np.float64)
    whole = ties_between(table.weights, tree.leaves, tree.n_leaves)
    sample = ties_between(table.clouds.weights, tree.leaves[table.clouds.sample], tree.n_leaves)
    levels = []
    for number in numbers.tolist():
        labels, width = tree.cut(number), tree.width(number)
        others = [cut(merges, number) for _, merges in tree.again]
        # Leaves are no communities of their own, but where they stand alone at nearly all resolutions.
        alone = number == tree.n_leaves and width >= _WHOLE
        levels.append(
            Level(
                number,
                width,
                float(np.mean([_agreement(labels, other, sizes, leaves_count=alone) for other in others])),
                modularity(whole, labels),
                table.clouds.beyond_by(sample, labels),
                tree.near_width(number),
            )
        )
    return levels


def best_level(levels: list[Level]) -> Level | None:
    """Return the level to take where nobody said, or None where there is none.

    What speaks for a level is its score to the sixteenth times its width, less for more communities: of levels that are
    about as good the one that stands over the widest stretch. The level is taken from where most speaks for it and for
    its neighbours, and there it is the middle one: one that stands out is taken, and among many that are alike a small
    change of scores hardly changes the answer. Many small groups that no tie joins are a level, however many they are.
    """
    if not levels:
        return None
    widest = max(levels, key=lambda one: one.width)
    if widest.width >= _WHOLE:
        return widest
    numbers = np.array([one.n_clusters for one in levels], dtype=np.float64)
    values = np.array([one.score**_EMPHASIS * min(one.width, _WIDEST) for one in levels]) / numbers**_FEWER
    if not values.any():
        # No better than a cloud at any number: then at least by what neighbours say.
        return levels[int(np.argmax([one.stability * one.modularity for one in levels]))]
    apart = np.abs(np.subtract.outer(np.log2(numbers), np.log2(numbers))) / _NEAR
    near = np.flatnonzero(apart[int((np.exp(-(apart**2) / 2) @ values).argmax())] <= 1 + 1e-9)
    sums = np.cumsum((values[near] / values[near].max()) ** _LEADING)
    return levels[int(near[np.searchsorted(sums, sums[-1] / 2)])]


def plateaus(levels: list[Level], best: Level) -> list[Level]:
    """Return the levels that stand by themselves, the best one among them, from few to many.

    Wide and stable ones come first, then of many communities those that are found again the most; of two with nearly as
    many communities the second is none.
    """
    clear = [one for one in levels if one.stability >= _LEAST_STABILITY and one.beyond >= _LEAST_BEYOND]
    wide = [one for one in clear if one.width >= _LEAST_WIDTH]
    many = [one for one in clear if one.n_clusters >= _MANY and one.near_width >= _LEAST_NEAR_WIDTH]
    many = [one for one in many if one.stability >= _LEAST_OF_MANY]
    wide.sort(key=lambda one: -one.width * one.stability)
    many.sort(key=lambda one: -one.stability)
    taken = [best]
    for level in (*wide, *many):
        ratios = [level.n_clusters / other.n_clusters for other in taken]
        if all(max(ratio, 1 / ratio) >= _APART for ratio in ratios):
            taken.append(level)
    return sorted(taken, key=lambda one: one.n_clusters)


def _agreement(
    left: Positions, right: Positions, sizes: npt.NDArray[np.float64], *, leaves_count: bool = False
) -> float:
    """Return the geometric mean of the adjusted Rand indices over all pairs of rows and over those of unlike leaves.

    Rows of one leaf are together in any case: if they alone counted, every number of communities would be stable that
    is next to the number of leaves. With ``leaves_count``, all pairs of rows are looked at, and nothing else.
    """
    within = float((sizes**2).sum())
    rows = float(sizes.sum())

    def pairs(labels: Positions) -> float:
        return float((np.bincount(labels, sizes) ** 2).sum())

    both, one, other = pairs(left * (int(right.max()) + 1) + right), pairs(left), pairs(right)

    def index(certain: float) -> float:
        expected = (one - certain) * (other - certain) / max(rows**2 - certain, 1e-300)
        most = (one + other) / 2 - certain
        return max(0.0, (both - certain - expected) / (most - expected)) if most > expected else 0.0

    return index(rows) if leaves_count else float(np.sqrt(index(rows) * index(within)))
