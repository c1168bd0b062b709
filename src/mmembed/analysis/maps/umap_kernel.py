"""The inner loop of the layout, compiled by numba. Imported only where a map is made.

The compiled code is kept where numba keeps it (beside this file, else in the user's cache folder, or in
NUMBA_CACHE_DIR), so that only the first map on a machine waits for the compiler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from mmembed.analysis.compilation import kept_on_disk, made_once

# Forces are read from a table over the leading bits of the squared distance as a float32: 2^7 steps to each doubling,
# from 2^-24 to 2^16, joined by lines. That is exact to 1e-5 and takes a third of the time of a power function.
_STEP_BITS = 7
_LOWEST_EXPONENT = -24
_DOUBLINGS = 40
_FIRST_BITS = (127 + _LOWEST_EXPONENT) << 23
_REST_BITS = 23 - _STEP_BITS
_REST_MASK = (1 << _REST_BITS) - 1
_REST_SHARE = 1.0 / (1 << _REST_BITS)
_FARTHEST = 4.0  # no single force moves a point by more

_SIGNATURE = (
    "void(f4[:,::1], f4[:,::1], i4[::1], i4[::1], f4[::1], f4[::1], f4[::1], "
    "i8, i8, i8, f4, u8[::1], f4[::1], f4[::1], f4[::1], b1, f4[::1], i4[::1])"
)


def force_table(force: Callable[[Any], Any]) -> Any:
    """Return a force as a table for the kernel.

    Parameters
    ----------
    force : callable
        Takes squared distances and gives the factor of the difference vector.

    Returns
    -------
    numpy.ndarray, float32
    """
    places = np.arange((_DOUBLINGS << _STEP_BITS) + 2, dtype=np.uint32) + np.uint32(_FIRST_BITS >> _REST_BITS)
    squares = (places << np.uint32(_REST_BITS)).view(np.float32).astype(np.float64)
    return np.asarray(force(squares), dtype=np.float32)


@numba.njit(inline="always")
def _look_up(table: Any, bits: Any) -> Any:
    past = max(bits - _FIRST_BITS, 0)
    place = min(past >> _REST_BITS, len(table) - 2)
    share = np.float32(past & _REST_MASK) * np.float32(_REST_SHARE)
    return table[place] + share * (table[place + 1] - table[place])


@made_once
def layout_kernel(dimensions: int) -> Any:
    """Return the compiled loop for maps of so many dimensions.

    Its last two arrays are one number, read as a float32 and as an int32: a view that is made inside would take longer
    to compile. The loop closes over the number of dimensions alone: numba keeps compiled code by what a function closes
    over, and a function that is made anew in each process is never found again.
    """

    def lay_out(  # noqa: PLR0917, PLR0912 - compiled functions take positions, and calls inside cost
        places: Any,
        others: Any,
        starts: Any,
        tails: Any,
        every: Any,
        next_pull: Any,
        next_push: Any,
        first_epoch: int,
        last_epoch: int,
        n_epochs: int,
        rate: Any,
        states: Any,
        pull: Any,
        push: Any,
        freedom: Any,
        others_move: bool,  # noqa: FBT001
        box: Any,
        bits: Any,
    ) -> None:
        n_others = np.uint64(len(others))
        here = np.empty(dimensions, np.float32)
        gap = np.empty(dimensions, np.float32)
        most = np.float32(_FARTHEST)
        for epoch in range(first_epoch, last_epoch):
            all_step = np.float32(rate * (1.0 - epoch / n_epochs))
            for head in range(len(places)):
                state = states[head]
                step = all_step * freedom[head]
                for axis in range(dimensions):
                    here[axis] = places[head, axis]
                for pair in range(starts[head], starts[head + 1]):
                    if next_pull[pair] > epoch:
                        continue
                    next_pull[pair] += every[pair]
                    other = np.int64(tails[pair])
                    square = np.float32(0)
                    for axis in range(dimensions):
                        gap[axis] = here[axis] - others[other, axis]
                        square += gap[axis] * gap[axis]
                    box[0] = square
                    force = _look_up(pull, bits[0])
                    for axis in range(dimensions):
                        move = min(max(force * gap[axis], -most), most)
                        here[axis] += move * step
                        if others_move:
                            others[other, axis] -= move * all_step * freedom[other]
                    # Five pushes for each pull, counted as umap-learn counts them.
                    between = every[pair] * np.float32(0.2)
                    pushes = int((epoch - next_push[pair]) / between)
                    next_push[pair] += pushes * between
                    for _ in range(pushes):
                        state ^= state << np.uint64(13)  # Marsaglia's xorshift, 2003
                        state ^= state >> np.uint64(7)
                        state ^= state << np.uint64(17)
                        other = np.int64(((state >> np.uint64(32)) * n_others) >> np.uint64(32))
                        if others_move and other == head:
                            continue
                        square = np.float32(0)
                        for axis in range(dimensions):
                            gap[axis] = here[axis] - others[other, axis]
                            square += gap[axis] * gap[axis]
                        box[0] = square
                        force = _look_up(push, bits[0])
                        for axis in range(dimensions):
                            here[axis] += min(max(force * gap[axis], -most), most) * step
                for axis in range(dimensions):
                    places[head, axis] = here[axis]
                states[head] = state

    # One thread: the same seed must give the same map.
    return kept_on_disk(lay_out, _SIGNATURE, fastmath=True)
