"""The typed door: the same accessors as ``df.mmembed`` and ``series.mmembed``, for editors and type checkers."""

from __future__ import annotations

from typing import overload

import pandas as pd

from mmembed.accessor.frame import FrameAccessor
from mmembed.accessor.series import SeriesAccessor


@overload
def accessor(data: pd.DataFrame) -> FrameAccessor: ...
@overload
def accessor(data: pd.Series) -> SeriesAccessor: ...
def accessor(data: pd.DataFrame | pd.Series) -> FrameAccessor | SeriesAccessor:
    """Return ``data.mmembed`` with its type, which no checker can know of an attribute that is registered.

    Parameters
    ----------
    data : DataFrame or Series

    Raises
    ------
    TypeError
        If it is neither.

    Examples
    --------
    >>> import mmembed
    >>> mmembed.accessor(pd.Series([[3.0, 4.0]])).dimension
    2
    """
    if isinstance(data, pd.DataFrame):
        return FrameAccessor(data)
    if isinstance(data, pd.Series):
        return SeriesAccessor(data)
    raise TypeError(
        f"accessor() takes a pandas DataFrame or Series; got {type(data).__name__}. Make one first: pd.Series(values)."
    )
