"""``series.mmembed``: embed a column of contents, or look into a column of vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmembed.accessor.arguments import query_modality
from mmembed.contents.content import Modality
from mmembed.embedding.embedder import Embedder, embedder_of
from mmembed.embedding.queries import embed_queries
from mmembed.embedding.run import Errors
from mmembed.vectors import VectorArray, as_vector_array

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa


@pd.api.extensions.register_series_accessor("mmembed")
class SeriesAccessor:
    """Embed a column of contents, or look into a column of vectors.

    Examples
    --------
    >>> import mmembed
    >>> vectors = pd.Series([[3.0, 4.0], None]).mmembed.as_vectors(space="toy")
    >>> vectors.mmembed.normalize().mmembed.to_matrix()
    array([[0.6, 0.8],
           [nan, nan]], dtype=float32)
    """

    def __init__(self, series: pd.Series) -> None:
        self._series = series

    def __repr__(self) -> str:
        return f"<mmembed accessor of a column of {self._series.dtype}>"

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
    ) -> pd.Series:
        """Return the vectors of the cells as a vector column; parameters as in ``df.mmembed.embed``."""
        used = embedder_of(embedder, model=model, dimension=dimension, instruct=instruct, fps=fps, root=root)
        return used.embed(self._series, modality, max_cost=max_cost, progress=progress).checked(errors).vectors

    @property
    def vectors(self) -> VectorArray:
        """The column as a VectorArray."""
        return as_vector_array(self._series)

    @property
    def dimension(self) -> int:
        """Length d of the vectors."""
        return self.vectors.dimension

    @property
    def space(self) -> str | None:
        """Name of the model that made the vectors, or None if unknown."""
        return self.vectors.space

    def as_vectors(self, space: str | None = None) -> pd.Series:
        """Return a column of lists, arrays or Arrow lists as a vector column.

        Parameters
        ----------
        space : str, optional
            Name of the model that made the vectors, where the column does not know it.
        """
        return self._wrap(as_vector_array(self._series, space=space))

    def to_matrix(self) -> npt.NDArray[np.float32]:
        """Return the vectors as a read-only ``(n, d)`` float32 matrix without a copy; missing rows are NaN."""
        return self.vectors.matrix

    def to_arrow(self) -> pa.Array:
        """Return the vectors as an Arrow array of fixed-size float32 lists, for readers without mmembed."""
        return self.vectors.__arrow_array__()

    def similarity(self, query: Any, *, modality: Modality = "auto", embedder: Embedder | None = None) -> pd.Series:
        """Return the cosine similarity of each row with one query; NaN where there is no vector.

        Parameters
        ----------
        query : Vector, ndarray, text, path or picture
            Contents are embedded with the column's own model.
        modality : str
            How a query that is no vector is read. A string is a text unless this says otherwise.
        embedder : Embedder, optional
            Settings for embedding the query; the column's model if not given.
        """
        from mmembed.analysis.finding.search import similarity

        vectors = self.vectors
        found = embed_queries(query, vectors, modality=query_modality(query, modality), embedder=embedder)
        return pd.Series(similarity(vectors, found[0]), index=self._series.index, name="similarity")

    def normalize(self) -> pd.Series:
        """Return the vectors with length 1; a zero vector stays zero."""
        from mmembed.analysis.cosines import unit_rows

        return self._made_of(unit_rows(self.vectors.matrix))

    def truncate(self, dimension: int) -> pd.Series:
        """Keep the first dimensions and normalise: for models trained so that a prefix is a vector too (Matryoshka).

        Parameters
        ----------
        dimension : int
            How many to keep, 1 to the column's own.

        Raises
        ------
        ValueError
            If the column has fewer dimensions.
        """
        if not 1 <= dimension <= self.dimension:
            raise ValueError(f"dimension={dimension!r} is not between 1 and the column's {self.dimension}.")
        return self._made_of(self.vectors.matrix[:, :dimension]).mmembed.normalize()  # type: ignore[no-any-return]

    def _made_of(self, matrix: npt.NDArray[np.float32]) -> pd.Series:
        return self._wrap(VectorArray.from_matrix(matrix, space=self.space, mask=self.vectors.isna()))

    def _wrap(self, vectors: VectorArray) -> pd.Series:
        return pd.Series(vectors, index=self._series.index, name=self._series.name, copy=False)
