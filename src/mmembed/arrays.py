"""Type names of arrays, and the size of the blocks of rows that are worked on at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

BoolVector = npt.NDArray[np.bool_]

FloatMatrix = npt.NDArray[np.float32]

FloatVector = npt.NDArray[np.float32]

Positions = npt.NDArray[np.int64]

# Numbers held at once by a float64 working copy: half a megabyte, which stays near the processor.
_CHUNK_NUMBERS = 1 << 16


# Places for answers that are kept where more rows are asked for than there are; beyond, they would only fill memory.
_MOST_EMPTY_PLACES = 1_000


def places_for(k: int, n_rows: int) -> int:
    """Return how many places an answer of k rows needs; no more than there are rows where k is huge."""
    return min(k, max(n_rows, _MOST_EMPTY_PLACES))


def row_chunks(n_rows: int, dimension: int) -> Iterator[slice]:
    """Yield slices that cover ``n_rows`` rows, each small enough for a float64 working copy."""
    step = max(1, _CHUNK_NUMBERS // max(1, dimension))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))
