"""``df.mmembed``: all verbs on a frame; and ``accessor``, which also opens the tables of other libraries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, overload

import pandas as pd

from mmembed.accessor.embed_verbs import EmbeddingVerbs
from mmembed.accessor.find_verbs import DuplicateVerbs, SearchingVerbs
from mmembed.accessor.group_verbs import AnalysisVerbs, ClassificationVerbs, ComparisonVerbs
from mmembed.accessor.series import SeriesAccessor
from mmembed.accessor.show_verbs import DrawingVerbs, ReportingVerbs
from mmembed.accessor.table import Table, TableAccessor, opened_table
from mmembed.errors import listed
from mmembed.vectors import VectorDtype

if TYPE_CHECKING:
    import pyarrow as pa


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

    def to_arrow(self, *, index: bool | None = None) -> pa.Table:
        """Return the frame as a plain Arrow table, for DuckDB, Polars, LanceDB and all who do not know mmembed.

        Vector columns become fixed-size lists of float32 (of float16 where they keep that), without a copy; the space
        stands in their field's metadata, from where :func:`mmembed.accessor` reads it back.

        Parameters
        ----------
        index : bool, optional
            Whether the index becomes columns. By default it does unless it is 0, 1, 2, …, as in
            ``DataFrame.to_parquet``.

        Raises
        ------
        VectorError
            If a column holds what Arrow cannot, such as pictures of Pillow; names it.

        Examples
        --------
        >>> import mmembed
        >>> df = pd.DataFrame({"v": mmembed.VectorArray.from_matrix([[3, 4]], space="toy")})
        >>> df.mmembed.to_arrow().schema.field("v").type
        FixedSizeListType(fixed_size_list<item: float>[2])
        """
        from mmembed.vectors.arrow_table import table_from_frame

        return table_from_frame(self._df, index=index)


@overload
def accessor(data: pd.DataFrame) -> FrameAccessor: ...


@overload
def accessor(data: pd.Series) -> SeriesAccessor: ...


@overload
def accessor(data: Table, *, space: str | Mapping[str, str | None] | None = None) -> TableAccessor: ...


def accessor(data: Any, *, space: str | Mapping[str, str | None] | None = None) -> Any:
    """Return ``data.mmembed`` with its type; on a table of another library, the same verbs on that table.

    Parameters
    ----------
    data : DataFrame or Series of pandas, DataFrame of Polars, pyarrow.Table or datasets.Dataset
        Of the last three the verbs are called on a pandas frame over the same memory, and what they return as a frame
        comes back as a table of the same library. Vectors are ``Array(Float32, d)`` in Polars.
    space : str or dict of str to str, optional
        The model that made the vectors of each column named, or of all columns of fixed-size lists of floats. Needed
        where words are searched or named in vectors from Polars, which has no place to keep the model's name. Arrow
        tables and data sets keep it.

    Returns
    -------
    FrameAccessor, SeriesAccessor or TableAccessor

    Raises
    ------
    TypeError
        If it is none of these, or a space is given for data of pandas.
    VectorError, ColumnNotFoundError
        If ``space`` names a column that is not there or holds no vectors.

    Examples
    --------
    >>> import mmembed
    >>> mmembed.accessor(pd.Series([[3.0, 4.0]])).dimension
    2
    """
    if isinstance(data, pd.DataFrame | pd.Series):
        if space is not None:
            raise TypeError(
                "space= is for tables of Polars and Arrow. A pandas column takes it by itself: "
                "df[column] = df[column].mmembed.as_vectors(space=…)."
            )
        return FrameAccessor(data) if isinstance(data, pd.DataFrame) else SeriesAccessor(data)
    if (opened := opened_table(data, space)) is not None:
        frame, kind = opened
        return TableAccessor(FrameAccessor(frame), kind)
    raise TypeError(
        f"accessor() takes a pandas DataFrame or Series, a DataFrame of Polars, a pyarrow.Table or a datasets.Dataset; "
        f"got {type(data).__name__}. Make one first: pd.Series(values)."
    )
