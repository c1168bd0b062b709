"""Any column of vectors, whoever made it, as a VectorArray."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mmembed.errors import VectorError
from mmembed.vectors.array import VectorArray
from mmembed.vectors.arrow import matrix_from_arrow
from mmembed.vectors.dtype import VectorDtype


def as_vector_array(values: Any, *, space: str | None = None) -> VectorArray:
    """Return vectors of any shape people keep them in as a VectorArray; a VectorArray comes back as it is.

    Parameters
    ----------
    values : Series, Index, VectorArray, ndarray, Arrow array or sequence
        A vector column, or a column of lists, of ndarrays or of Arrow lists, or a matrix ``(n, d)``.
    space : str, optional
        The space of vectors that do not know theirs.

    Raises
    ------
    VectorError
        If a row is no vector.
    TypeError
        If the column holds something else altogether, such as texts.

    Examples
    --------
    >>> as_vector_array(pd.Series([[1.0, 0.0], None])).isna()
    array([False,  True])
    """
    found = values.array if isinstance(values, pd.Series | pd.Index) else values
    if isinstance(found, VectorArray):
        return found
    if isinstance(found, np.ndarray) and found.ndim == 2:
        return VectorArray.from_matrix(found, space=space)
    arrow = _arrow_of(found)
    if arrow is not None:
        matrix, mask = matrix_from_arrow(arrow)
        return VectorArray.from_matrix(matrix, space=space, mask=mask)
    made = _from_cells(found)
    if space is None or made.space is not None:
        return made
    return made.astype(VectorDtype(made.dimension, space), copy=False)  # type: ignore[no-any-return]


def _arrow_of(values: Any) -> Any:
    """Return the Arrow array in or behind the values, or None."""
    import pyarrow as pa

    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(getattr(values, "dtype", None), pd.ArrowDtype):
        return pa.chunked_array(values.__arrow_array__())
    return None


def _from_cells(values: Any) -> VectorArray:
    cells = list(values)
    try:
        return VectorArray._from_sequence(cells)  # noqa: SLF001
    except TypeError as error:
        raise VectorError(
            f"The column holds no vectors: {error} Make them with df.mmembed.embed(column, modality)."
        ) from error
