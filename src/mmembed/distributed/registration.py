"""What Dask has to be told of vector columns: rows to try a function on, a scalar, and their weight in memory.

Everything else that Dask does with a column (shuffling, Parquet, pickling without copies, hashing) goes by pandas'
extension interface and works without a word here.
"""

from __future__ import annotations

import numpy as np
from dask.dataframe.extensions import make_array_nonempty, make_scalar
from dask.sizeof import sizeof

from mmembed.vectors import Vector, VectorArray, VectorDtype

__all__: list[str] = []


@make_array_nonempty.register(VectorDtype)
def _example_rows(dtype: VectorDtype) -> VectorArray:
    """Return two unlike vectors, on which Dask tries what a function gives."""
    matrix = np.ones((2, dtype.dimension), dtype=np.float32)
    matrix[1, ::2] = -1.0
    return VectorArray.from_matrix(matrix, space=dtype.space).astype(dtype)  # type: ignore[no-any-return]


@make_scalar.register(VectorDtype)
def _example_vector(dtype: VectorDtype) -> Vector:
    return _example_rows(dtype)[0]  # type: ignore[no-any-return]


@sizeof.register(VectorArray)
def _bytes_in_memory(array: VectorArray) -> int:
    """Return the bytes of the rows: Dask spills by it."""
    return int(array.nbytes)
