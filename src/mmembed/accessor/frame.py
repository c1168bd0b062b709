"""``df.mmembed``: all verbs on a frame, and ``accessor``, the same object with types for editors and checkers."""

from __future__ import annotations

from typing import overload

import pandas as pd

from mmembed.accessor.embed_verbs import EmbeddingVerbs
from mmembed.accessor.find_verbs import DuplicateVerbs, SearchingVerbs
from mmembed.accessor.group_verbs import AnalysisVerbs, ClassificationVerbs, ComparisonVerbs
from mmembed.accessor.series import SeriesAccessor
from mmembed.accessor.show_verbs import DrawingVerbs, ReportingVerbs
from mmembed.errors import listed
from mmembed.vectors import VectorDtype


@pd.api.extensions.register_dataframe_accessor("mmembed")
class FrameAccessor(
    EmbeddingVerbs,
    AnalysisVerbs,
    ClassificationVerbs,
    ComparisonVerbs,
    SearchingVerbs,
    DuplicateVerbs,
    DrawingVerbs,
    ReportingVerbs,
):
    """Embed, search, cluster, name, map and report on a frame; every verb returns a new frame.

    Examples
    --------
    >>> import mmembed
    >>> df = pd.DataFrame({"title": ["a dog", "一只狗", "a train"]})
    >>> df = df.mmembed.embed("title", "text", model="local")
    >>> df.mmembed.search("puppy", "title_vector", k=1)["title"].tolist()
    ['a dog']
    """

    def __init__(self, df: pd.DataFrame) -> None:
        self._df = df

    def __repr__(self) -> str:
        vectors = [name for name, dtype in self._df.dtypes.items() if isinstance(dtype, VectorDtype)]
        return f"<mmembed accessor of {len(self._df)} rows; vector columns: {listed(vectors)}>"


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
