"""The Leiden method (Traag, Waltman and van Eck 2019), compiled by numba and kept on disk. Imported only where used.

Nothing is drawn: nodes are asked in a given order, and a node goes where modularity gains most. Where two graphs differ
in a few ties, communities differ near these alone. Draws from one stream would be others from the first difference on.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numba
import numpy as np

from mmembed.analysis.compilation import kept_on_disk

_LONG, _INT, _DOUBLE = numba.int64[::1], numba.int32[::1], numba.float64[::1]
_COMMUNITIES = _LONG(_LONG, _INT, _DOUBLE, _LONG, numba.float64)
# Each level has fewer nodes than the one before; some ten are usual.
_MOST_LEVELS = 60
# Gains that differ by less are equal: sums in another order differ by as much.
_ROUNDING = 1e-12


@cache
def compiled() -> Any:
    """Return :func:`communities` as compiled code."""
    return kept_on_disk(communities, _COMMUNITIES)


def communities(starts: Any, others: Any, ties: Any, rank: Any, resolution: float) -> Any:
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
    n_rows = len(rank)
    strength = np.zeros(n_rows)
    for node in range(n_rows):
        for tie in range(starts[node], starts[node + 1]):
            strength[node] += ties[tie]
    labels = np.arange(n_rows)
    total = strength.sum()
    if total == 0:
        return labels
    scale = resolution / total
    node_of: Any = np.arange(n_rows)
    key = rank.copy()
    for _ in range(_MOST_LEVELS):
        n_nodes = len(labels)
        order = _ordered(key, n_rows)
        _move(starts, others, ties, strength, order, labels, scale)
        fine = _refine(starts, others, ties, strength, order, labels, scale)
        name, n_fine = _named(fine)
        if n_fine == n_nodes:
            break
        starts, others, ties, strength = _merged(starts, others, ties, strength, name, n_fine)
        # A part begins in the community that it is of, which is called by its first part.
        first = np.full(n_nodes, -1, np.int64)
        above = np.empty(n_fine, np.int64)
        keys = np.full(n_fine, n_rows, np.int64)
        for node in range(n_nodes):
            part, label = name[node], labels[node]
            if first[label] < 0:
                first[label] = part
            above[part] = first[label]
            keys[part] = min(keys[part], key[node])
        for row in range(n_rows):
            node_of[row] = name[node_of[row]]
        labels, key = above, keys
    for row in range(n_rows):
        node_of[row] = labels[node_of[row]]
    return node_of


@numba.njit(nogil=True)
def _ordered(key: Any, most: int) -> Any:
    """Return the nodes by their keys, which are unlike whole numbers below ``most``."""
    place = np.full(most, -1, np.int64)
    for node in range(len(key)):
        place[key[node]] = node
    order, filled = np.empty(len(key), np.int64), 0
    for found in place:
        if found >= 0:
            order[filled] = found
            filled += 1
    return order


@numba.njit(nogil=True)
def _move(  # noqa: PLR0917 - compiled functions take positions
    starts: Any, others: Any, ties: Any, strength: Any, order: Any, labels: Any, scale: float
) -> None:
    """Let each node go to the community where modularity gains most, until none moves; ``labels`` are changed."""
    n_nodes = len(labels)
    total, pull = np.zeros(n_nodes), np.zeros(n_nodes)
    for node in range(n_nodes):
        total[labels[node]] += strength[node]
    queue, waits = order.copy(), np.ones(n_nodes, np.bool_)
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


@numba.njit(nogil=True)
def _refine(  # noqa: PLR0917 - compiled functions take positions
    starts: Any, others: Any, ties: Any, strength: Any, order: Any, labels: Any, scale: float
) -> Any:
    """Return the part of its community that each node is in: parts grow from single nodes that are well tied to it."""
    n_nodes = len(labels)
    total, pull, outside = np.zeros(n_nodes), np.zeros(n_nodes), np.zeros(n_nodes)
    for node in range(n_nodes):
        total[labels[node]] += strength[node]
        for tie in range(starts[node], starts[node + 1]):
            if labels[others[tie]] == labels[node]:
                outside[node] += ties[tie]
    fine, size, mass = np.arange(n_nodes), np.ones(n_nodes, np.int64), strength.copy()
    for node in order:
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
    return fine


@numba.njit(nogil=True)
def _named(fine: Any) -> Any:
    """Return the parts numbered without gaps, by their first nodes, and how many there are."""
    code = np.full(len(fine), -1, np.int64)
    name = np.empty(len(fine), np.int64)
    number = 0
    for node in range(len(fine)):
        if code[fine[node]] < 0:
            code[fine[node]] = number
            number += 1
        name[node] = code[fine[node]]
    return name, number


@numba.njit(nogil=True)
def _merged(  # noqa: PLR0917 - compiled functions take positions
    starts: Any, others: Any, ties: Any, strength: Any, name: Any, number: int
) -> Any:
    """Return the graph whose nodes are the parts: its sparse matrix and its strengths, ties within parts included."""
    bounds = np.zeros(number + 1, np.int64)
    for part in name:
        bounds[part + 1] += 1
    for part in range(number):
        bounds[part + 1] += bounds[part]
    members, place = np.empty(len(name), np.int64), bounds[:-1].copy()
    for node in range(len(name)):
        members[place[name[node]]] = node
        place[name[node]] += 1
    masses, begins = np.zeros(number), np.zeros(number + 1, np.int64)
    ends, sums = np.empty(len(others), np.int32), np.empty(len(others))
    pull, is_seen = np.zeros(number), np.zeros(number, np.bool_)
    filled = 0
    for part in range(number):
        begin = filled
        for node in members[bounds[part] : bounds[part + 1]]:
            masses[part] += strength[node]
            for tie in range(starts[node], starts[node + 1]):
                other = name[others[tie]]
                if other == part:
                    continue
                if not is_seen[other]:
                    is_seen[other] = True
                    ends[filled] = other
                    filled += 1
                pull[other] += ties[tie]
        for at in range(begin, filled):
            sums[at] = pull[ends[at]]
            pull[ends[at]] = 0.0
            is_seen[ends[at]] = False
        begins[part + 1] = filled
    return begins, ends[:filled].copy(), sums[:filled].copy(), masses
