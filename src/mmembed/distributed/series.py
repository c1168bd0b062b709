"""``ddf["v"].mmembed``: look into a vector column of a Dask frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd
from dask.dataframe.extensions import register_series_accessor

from mmembed.accessor.arguments import query_modality
from mmembed.accessor.series import SeriesAccessor
from mmembed.contents.content import Modality
from mmembed.distributed.columns import no_vectors, vector_dtype, vectors_in
from mmembed.distributed.frame import ABSENT_OF_SERIES
from mmembed.distributed.twins import as_on_pandas
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.queries import embed_queries
from mmembed.embedding.run import Errors
from mmembed.errors import did_you_mean, listed
from mmembed.vectors import VectorDtype

if TYPE_CHECKING:
    import dask.dataframe as dd


@register_series_accessor("mmembed")
class DaskSeriesAccessor:
    """The verbs of ``series.mmembed`` on a column of a Dask frame.

    Examples
    --------
    >>> import pandas as pd, dask.dataframe as dd
    >>> import mmembed.distributed
    >>> vectors = pd.Series([[3.0, 4.0], None]).mmembed.as_vectors(space="toy")
    >>> dd.from_pandas(vectors, npartitions=2).mmembed.normalize().compute().mmembed.to_matrix()
    array([[0.6, 0.8],
           [nan, nan]], dtype=float32)
    """

    def __init__(self, series: dd.Series) -> None:
        self._series = series

    def __repr__(self) -> str:
        return f"<mmembed accessor of a column of {self._series.dtype} in {self._series.npartitions} partitions>"

    def __getattr__(self, name: str) -> NoReturn:
        if name in ABSENT_OF_SERIES:
            raise AttributeError(f"{name!r} does not work on a Dask Series: {ABSENT_OF_SERIES[name]}.")
        verbs = [verb for verb in dir(type(self)) if not verb.startswith("_")]
        raise AttributeError(
            f"The mmembed accessor of a column has no {name!r}. There are: {listed(verbs)}.{did_you_mean(name, verbs)}"
        )

    @property
    def dimension(self) -> int:
        """Length d of the vectors. A column of lists does not say it: its first vector is computed."""
        return vector_dtype(self._series).dimension

    @property
    def space(self) -> str | None:
        """Name of the model that made the vectors, or None if unknown."""
        return vector_dtype(self._series).space

    @as_on_pandas(SeriesAccessor.embed)
    def embed(
        self,
        modality: Modality = "auto",
        *,
        model: Any = None,
        dimension: int | None = None,
        instruct: str | None = None,
        fps: float | None = None,
        errors: Errors = "raise",
        max_cost: float | None = None,
        embedder: Embedder | None = None,
        progress: bool | None = None,
        root: Path | str | None = None,
    ) -> dd.Series:
        """Return the vectors of the cells, when it is computed; parameters as in ``ddf.mmembed.embed``."""
        name = "column" if self._series.name is None else str(self._series.name)
        embedded: dd.DataFrame = self._series.to_frame(name=name).mmembed.embed(
            name,
            modality,
            model=model,
            dimension=dimension,
            instruct=instruct,
            fps=fps,
            errors=errors,
            max_cost=max_cost,
            embedder=embedder,
            progress=progress,
            root=root,
        )
        vectors: dd.Series = embedded[f"{name}_vector"]
        return vectors

    @as_on_pandas(SeriesAccessor.as_vectors)
    def as_vectors(self, space: str | None = None) -> dd.Series:
        """Return a column of lists, arrays or Arrow lists as a vector column.

        Lists do not say how long they are: the first one is computed.
        """
        dtype = vector_dtype(self._series)
        if space is not None and dtype.space is None:
            dtype = VectorDtype(dtype.dimension, space, dtype.storage)
        return self._map_partitions(_as_vectors, dtype, dtype)

    @as_on_pandas(SeriesAccessor.similarity)
    def similarity(self, query: Any, *, modality: Modality = "auto", embedder: Embedder | None = None) -> dd.Series:
        """Return the cosine similarity of each row with one query; NaN where there is no vector.

        Parameters
        ----------
        query : Vector, ndarray, text, path or picture
            Contents are embedded at once, with the column's own model.
        """
        dtype = vector_dtype(self._series)
        empty = no_vectors(dtype)
        found = embed_queries(query, empty, modality=query_modality(query, modality), embedder=embedder)
        return self._map_partitions(_similarity, "float32", dtype, found[0], name="similarity")

    @as_on_pandas(SeriesAccessor.normalize)
    def normalize(self) -> dd.Series:
        """Return the vectors with length 1; a zero vector stays zero."""
        dtype = vector_dtype(self._series)
        return self._map_partitions(_normalize, VectorDtype(dtype.dimension, dtype.space), dtype)

    @as_on_pandas(SeriesAccessor.truncate)
    def truncate(self, dimension: int) -> dd.Series:
        """Keep the first dimensions and normalise: for models trained so that a prefix is a vector too (Matryoshka)."""
        dtype = vector_dtype(self._series)
        pd.Series(no_vectors(dtype)).mmembed.truncate(dimension)  # raises what any part would
        return self._map_partitions(_truncate, VectorDtype(dimension, dtype.space), dtype, dimension)

    def _map_partitions(
        self, function: Callable[..., pd.Series], made: VectorDtype | str, *arguments: Any, name: str | None = None
    ) -> dd.Series:
        meta = pd.Series([], dtype=made, name=name or self._series.name, index=self._series._meta.index)  # noqa: SLF001
        made_of_each: dd.Series = self._series.map_partitions(function, *arguments, meta=meta)
        return made_of_each


def _as_vectors(part: pd.Series, dtype: VectorDtype) -> pd.Series:
    return pd.Series(vectors_in(part, dtype).astype(dtype, copy=False), index=part.index, name=part.name)


def _similarity(part: pd.Series, dtype: VectorDtype, query: Any) -> pd.Series:
    return _as_vectors(part, dtype).mmembed.similarity(query)  # type: ignore[no-any-return]


def _normalize(part: pd.Series, dtype: VectorDtype) -> pd.Series:
    return _as_vectors(part, dtype).mmembed.normalize()  # type: ignore[no-any-return]


def _truncate(part: pd.Series, dtype: VectorDtype, dimension: int) -> pd.Series:
    return _as_vectors(part, dtype).mmembed.truncate(dimension)  # type: ignore[no-any-return]
