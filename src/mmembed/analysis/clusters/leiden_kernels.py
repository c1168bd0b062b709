"""The Leiden method (Traag, Waltman and van Eck 2019); its loops are compiled by numba and kept on disk.

Nothing is drawn: nodes are asked in a given order, and a node goes where modularity gains most. Where two graphs differ
in a few ties, communities differ near these alone. Draws from one stream would be others from the first difference on.

Compiled functions make no array: what they need is handed to them, which takes a third of the compiler's time.
Imported only where used.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from mmembed.analysis.compilation import kept_on_disk, made_once

_LONG, _INT, _DOUBLE, _FLAG = numba.int64[::1], numba.int32[::1], numba.float64[::1], numba.boolean[::1]
# The sparse matrix, and the strengths of its nodes.
_GRAPH = (_LONG, _INT, _DOUBLE, _DOUBLE)
_MOVE = numba.void(*_GRAPH, _LONG, numba.float64, _LONG, _FLAG, _DOUBLE, _DOUBLE)
_REFINE = numba.void(*_GRAPH, _LONG, numba.float64, *[_LONG] * 3, *[_DOUBLE] * 4)
_MERGE = numba.int64(*_GRAPH, _LONG, *[_LONG] * 3, _INT, *[_DOUBLE] * 3, _FLAG)
# Each level has fewer nodes than the one before; some ten are usual.
_MOST_LEVELS = 60
# Gains that differ by less are equal: sums in another order differ by as much.
_ROUNDING = 1e-12
_NODES_AT_ONCE = 1 << 15

Positions = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


@made_once
def compiled() -> tuple[Any, Any, Any]:
    """Return :func:`move`, :func:`refine` and :func:`merge` as compiled code."""
    return kept_on_disk(move, _MOVE), kept_on_disk(refine, _REFINE), kept_on_disk(merge, _MERGE)


def communities(
    starts: Positions, others: npt.NDArray[np.int32], ties: Numbers, rank: Positions, resolution: float
) -> Positions:
    """Return the community of each node, shape (n,): whole numbers below n, with gaps.

    Parameters
    ----------
    starts : numpy.ndarray of int64, shape (n + 1,)
    others : numpy.ndarray of int32
    ties : numpy.ndarray of float64
        A symmetric sparse matrix without a diagonal.
    rank : numpy.ndarray of int64, shape (n,)
        In which order nodes are asked.
    resolution : float
        Twice as much asks for twice as many ties as chance has.
    """
    move_nodes, refine_parts, _ = compiled()
    strength = _strengths(starts, ties)
    labels = np.arange(len(rank))
    total = np.add.accumulate(strength)[-1]
    if total == 0:
        return labels
    scale = resolution / total
    node_of, key = np.arange(len(rank)), rank
    for _ in range(_MOST_LEVELS):
        n_nodes = len(labels)
        order = np.argsort(key)
        graph = (starts, others, ties, strength)
        waits, pull = np.ones(n_nodes, dtype=np.bool_), np.zeros(n_nodes)
        move_nodes(*graph, labels, scale, order.copy(), waits, np.bincount(labels, strength, n_nodes), pull)
        parts = np.arange(n_nodes)
        refine_parts(
            *(*graph, labels, scale, order, parts, np.ones(n_nodes, dtype=np.int64)),
            *(np.bincount(labels, strength, n_nodes), strength.copy(), np.zeros(n_nodes), pull),
        )
        name, n_parts = _numbered(parts)
        if n_parts == n_nodes:
            break
        members = np.argsort(name, kind="stable")
        bounds = np.searchsorted(name[members], np.arange(n_parts + 1))
        starts, others, ties, strength = _merged(graph, name, members, bounds)
        # A part begins in the community that it is of, which is called by its first part.
        first = np.empty(n_nodes, dtype=np.int64)
        first[labels[::-1]] = name[::-1]
        above = np.empty(n_parts, dtype=np.int64)
        above[name] = first[labels]
        key = np.minimum.reduceat(key[members], bounds[:-1])
        node_of, labels = name[node_of], above
    return labels[node_of]


def _strengths(starts: Positions, ties: Numbers) -> Numbers:
    """Return the sum of the ties of each node."""
    strength = np.empty(len(starts) - 1)
    for first in range(0, len(strength), _NODES_AT_ONCE):
        ends = starts[first : first + _NODES_AT_ONCE + 1]
        node = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
        strength[first : first + _NODES_AT_ONCE] = np.bincount(node, ties[ends[0] : ends[-1]], len(ends) - 1)
    return strength


def _numbered(parts: Positions) -> tuple[Positions, int]:
    """Return the parts numbered without gaps, by their first nodes, and how many there are."""
    nodes = np.arange(len(parts))
    first = np.empty(len(parts), dtype=np.int64)
    first[parts[::-1]] = nodes[::-1]
    number = np.cumsum(first[parts] == nodes) - 1
    return number[first[parts]], int(number[-1]) + 1


def _merged(graph: tuple[Any, ...], name: Positions, members: Positions, bounds: Positions) -> tuple[Any, ...]:
    """Return the graph whose nodes are the parts: its sparse matrix and its strengths, ties within parts included."""
    n_ties, n_parts = len(graph[1]), len(bounds) - 1
    starts, masses = np.zeros(n_parts + 1, dtype=np.int64), np.zeros(n_parts)
    others, ties = np.empty(n_ties, dtype=np.int32), np.empty(n_ties)
    seen, pull = np.zeros(n_parts, dtype=np.bool_), np.zeros(n_parts)
    filled = compiled()[2](*graph, name, members, bounds, starts, others, ties, masses, pull, seen)
    return starts, others[:filled].copy(), ties[:filled].copy(), masses


def move(  # noqa: PLR0917 - compiled functions take positions
    starts: Any,
    others: Any,
    ties: Any,
    strength: Any,
    labels: Any,
    scale: float,
    queue: Any,
    waits: Any,
    total: Any,
    pull: Any,
) -> None:
    """Let each node go to the community where modularity gains most, until none moves; ``labels`` are changed.

    ``queue`` has the nodes in the order in which they are asked, and ``waits`` is true; ``total`` has the strengths of
    communities, and ``pull`` zeros, as afterwards.
    """
    n_nodes = len(labels)
    head, left = 0, n_nodes
    while left:
        node = queue[head]
        head = head + 1 if head + 1 < n_nodes else 0
        left -= 1
        waits[node] = False
        own = labels[node]
        for tie in range(starts[node], starts[node + 1]):
            pull[labels[others[tie]]] += ties[tie]
        total[own] -= strength[node]
        goal, most = own, pull[own] - scale * strength[node] * total[own]
        for tie in range(starts[node], starts[node + 1]):
            label = labels[others[tie]]
            gain = pull[label] - scale * strength[node] * total[label]
            if gain > most + _ROUNDING:
                goal, most = label, gain
        for tie in range(starts[node], starts[node + 1]):
            pull[labels[others[tie]]] = 0.0
        total[goal] += strength[node]
        if goal == own:
            continue
        labels[node] = goal
        for tie in range(starts[node], starts[node + 1]):
            other = others[tie]
            if not waits[other] and labels[other] != goal:
                queue[(head + left) % n_nodes] = other
                left += 1
                waits[other] = True


def refine(  # noqa: PLR0917 - compiled functions take positions
    starts: Any,
    others: Any,
    ties: Any,
    strength: Any,
    labels: Any,
    scale: float,
    order: Any,
    fine: Any,
    size: Any,
    total: Any,
    mass: Any,
    outside: Any,
    pull: Any,
) -> None:
    """Write into ``fine`` the part of its community that each node is in: parts grow from nodes that are tied well.

    ``fine`` has the nodes themselves, ``size`` ones, ``total`` the strengths of communities, ``mass`` those of nodes,
    ``outside`` and ``pull`` zeros.
    """
    for node in range(len(labels)):
        for tie in range(starts[node], starts[node + 1]):
            if labels[others[tie]] == labels[node]:
                outside[node] += ties[tie]
    for place in range(len(order)):
        node = order[place]
        weight, whole = strength[node], total[labels[node]]
        if size[node] != 1 or fine[node] != node or outside[node] < scale * weight * (whole - weight):
            continue
        for tie in range(starts[node], starts[node + 1]):
            if labels[others[tie]] == labels[node]:
                pull[fine[others[tie]]] += ties[tie]
        goal, most = node, 0.0
        for tie in range(starts[node], starts[node + 1]):
            part = fine[others[tie]]
            if labels[others[tie]] != labels[node] or outside[part] < scale * mass[part] * (whole - mass[part]):
                continue
            gain = pull[part] - scale * weight * mass[part]
            if gain > most + _ROUNDING:
                goal, most = part, gain
        if goal != node:
            outside[goal] += outside[node] - 2 * pull[goal]
            mass[goal] += weight
            size[goal] += 1
            size[node] = 0
            fine[node] = goal
        for tie in range(starts[node], starts[node + 1]):
            pull[fine[others[tie]]] = 0.0
        pull[goal] = 0.0


def merge(  # noqa: PLR0917 - compiled functions take positions
    starts: Any,
    others: Any,
    ties: Any,
    strength: Any,
    name: Any,
    members: Any,
    bounds: Any,
    begins: Any,
    ends: Any,
    sums: Any,
    masses: Any,
    pull: Any,
    seen: Any,
) -> int:
    """Write the sparse matrix and the strengths of the parts, and return how many ties there are.

    ``members`` has the nodes by their parts, which begin at ``bounds``; ``pull`` has zeros and ``seen`` is false.
    """
    filled = 0
    for part in range(len(masses)):
        begin = filled
        for member in range(bounds[part], bounds[part + 1]):
            node = members[member]
            masses[part] += strength[node]
            for tie in range(starts[node], starts[node + 1]):
                other = name[others[tie]]
                if other == part:
                    continue
                if not seen[other]:
                    seen[other] = True
                    ends[filled] = other
                    filled += 1
                pull[other] += ties[tie]
        for at in range(begin, filled):
            sums[at] = pull[ends[at]]
            pull[ends[at]] = 0.0
            seen[ends[at]] = False
        begins[part + 1] = filled
    return filled
