"""Any column of vectors, whoever made it, as a VectorArray."""

from __future__ import annotations

from typing import Any

import pandas as pd

from mmembed.errors import VectorError
from mmembed.vectors.array import VectorArray
from mmembed.vectors.dtype import VectorDtype


def as_vector_array(values: Any, *, space: str | None = None) -> VectorArray:
    """Return vectors, in whatever way people keep them, as a VectorArray; a VectorArray comes back without a copy.

    Parameters
    ----------
    values : Series, Index, VectorArray, ndarray, Arrow array or sequence
        A vector column, or a column of lists, of ndarrays or of Arrow lists, or a matrix ``(n, d)``.
    space : str, optional
        The space of vectors that do not know theirs.

    Raises
    ------
    VectorError
        If a row is no vector, as in a column of texts, or no row tells the dimension.
    DimensionMismatchError
        If two rows have two lengths.

    Examples
    --------
    >>> as_vector_array(pd.Series([[1.0, 0.0], None])).isna()
    array([False,  True])
    """
    found = values.array if isinstance(values, pd.Series | pd.Index) else values
    try:
        made = found if isinstance(found, VectorArray) else VectorArray(found)
    except TypeError as error:
        raise VectorError(
            f"The column holds no vectors: {error} Make them with df.mmembed.embed(column, modality)."
        ) from error
    if space is None or made.space is not None:
        return made
    named: VectorArray = made.astype(VectorDtype(made.dimension, space, made.dtype.storage), copy=False)
    return named
