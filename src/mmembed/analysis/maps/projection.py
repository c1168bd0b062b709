"""The result of projecting: coordinates on the map, how far they can be trusted, and where new vectors lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.maps.map_quality import MapQuality, measure_map
from mmembed.frames import with_columns
from mmembed.vectors import VectorArray, as_vector_array, check_comparable
from mmembed.vectors.rows import equal_row_groups, row_digest

if TYPE_CHECKING:
    from mmembed.analysis.rows.preparing import Preparation
    from mmembed.arrays import FloatMatrix

_AXES = ("x", "y", "z")


@dataclass(frozen=True, eq=False)
class Projection:
    """A map of a vector column.

    Attributes
    ----------
    coordinates : numpy.ndarray, shape (n, dimensions), float32
        NaN for rows without a vector.
    method : str
        What made the map: ``"umap"``, ``"pca"`` (also where too few different vectors left no other way), or the class
        name of a given estimator.
    estimator : object
        The fitted estimator; it works on unit rows. Of ``"umap"`` it is our own, with the rows, their places and their
        graph. None where there was nothing to fit.
    """

    coordinates: FloatMatrix = field(repr=False)
    method: str
    estimator: Any = field(repr=False)
    # What transform and trustworthiness need of the fit.
    vectors: VectorArray = field(repr=False)
    kinds: Any = field(repr=False)
    preparation: Preparation = field(repr=False)

    @property
    def dimensions(self) -> int:
        """How many axes the map has."""
        return int(self.coordinates.shape[1])

    def __len__(self) -> int:
        return len(self.coordinates)

    def __repr__(self) -> str:
        return (
            f"Projection({self.method}, rows={len(self)}, dimensions={self.dimensions}); "
            "see .add_to(df), .trustworthiness() and .quality()"
        )

    def transform(self, vectors: Any, *, kinds: Any = None) -> FloatMatrix:
        """Return where vectors lie on the map, which itself stays as it is.

        A vector of the fit lies where it lay. A new one goes through the ``transform`` of the estimator; with UMAP, it
        starts at the mean of its 15 nearest rows of the fit, weighted by closeness, and is pulled and pushed from there
        while the map stands still. Where it goes does not depend on what else is placed in the same call.

        Parameters
        ----------
        vectors : vector column, shape (m, d)
        kinds : sequence of length m, optional
            Needed exactly if the fit was given kinds.

        Returns
        -------
        numpy.ndarray, shape (m, dimensions), float32
            NaN for rows without a vector.

        Raises
        ------
        TypeError
            If the given estimator has no ``transform``.
        ValueError
            If no row of the fit had a vector.
        """
        array = as_vector_array(vectors)
        check_comparable(array, self.vectors)
        rows = self.preparation.rows(array, kinds)
        placed = np.full((len(rows), self.dimensions), np.nan, dtype=np.float32)
        new = []
        for at, row in enumerate(rows):
            known = self._first_places.get(row_digest(row))
            if known is None:
                new.append(at)
            else:
                placed[at] = self._placed[known]
        if new:
            placed[new] = self._place(rows[new])
        coordinates = np.full((len(array), self.dimensions), np.nan, dtype=np.float32)
        coordinates[~array.isna()] = placed
        return coordinates

    def trustworthiness(self, k: int = 15) -> float:
        """Return how far neighbours on the map are neighbours in truth: 1 is perfect, some 0.5 is chance.

        Venna and Kaski (2001), with cosine distances of the different rows that the map was made from. NaN with fewer
        than 4, where it is not defined.

        Parameters
        ----------
        k : int
            Neighbours that are looked at; fewer where the map has fewer than ``2 * k`` places.
        """
        return self.quality(k).trustworthiness

    def quality(self, k: int = 15) -> MapQuality:
        """Return trustworthiness, continuity and the share of neighbours kept; see :class:`MapQuality`.

        Ranks among all rows; of 1,000 of them where there are more.
        """
        _, first = np.unique(equal_row_groups(self._rows), return_index=True)
        return measure_map(self._rows[first], self._placed[first], k)

    def add_to(self, df: pd.DataFrame, *, name: str = "map") -> pd.DataFrame:
        """Return the frame with ``map_x``, ``map_y`` and, on a map of three dimensions, ``map_z``."""
        axes = zip(_AXES, self.coordinates.T, strict=False)
        return with_columns(df, {f"{name}_{axis}": values for axis, values in axes}, len(self))

    @cached_property
    def _rows(self) -> FloatMatrix:
        return self.preparation.rows(self.vectors, self.kinds)

    @cached_property
    def _placed(self) -> FloatMatrix:
        """Coordinates of the rows that have a vector."""
        return self.coordinates[~self.vectors.isna()]

    @cached_property
    def _first_places(self) -> dict[bytes, int]:
        places: dict[bytes, int] = {}
        for at, row in enumerate(self._rows):
            places.setdefault(row_digest(row), at)
        return places

    def _place(self, rows: FloatMatrix) -> FloatMatrix:
        if not len(self._rows):
            raise ValueError("The map has no point, because no row of the fit had a vector. Fit it with vectors first.")
        if not hasattr(self.estimator, "transform"):
            raise TypeError(
                f"{self.method} has no transform and cannot place new vectors. Fit a map that includes them."
            )
        return padded(self.estimator.transform(rows), self.dimensions)


def padded(coordinates: npt.NDArray[Any], dimensions: int) -> FloatMatrix:
    """Return float32 coordinates with axes of zeros where there are fewer than ``dimensions``."""
    missing_axes = dimensions - coordinates.shape[1]
    return np.pad(np.asarray(coordinates, dtype=np.float32), ((0, 0), (0, missing_axes)))
