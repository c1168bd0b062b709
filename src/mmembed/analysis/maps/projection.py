"""A fitted map: its coordinates, where new rows go, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.preparation import Preparation
from mmembed.errors import at_least_one
from mmembed.frames import Written, beside, index_of, with_columns
from mmembed.vectors import VectorArray, as_vector_array, check_comparable
from mmembed.vectors.rows import equal_row_groups, row_digest

if TYPE_CHECKING:
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
        What made the map: ``"umap"``, ``"umap-learn"`` (also where a target or ``densmap`` needed it), ``"pca"`` (also
        where too few different vectors left no other way), or the class name of a given estimator.
    estimator : object
        The fitted estimator; it works on unit rows. Of ``"umap"`` it is our own, with the rows, their places and their
        graph, and of ``"umap-learn"`` the same with the fitted ``umap.UMAP`` as ``umap``. None where there was nothing
        to fit.
    """

    coordinates: FloatMatrix = field(repr=False)
    method: str
    estimator: Any = field(repr=False)
    # What transform and trustworthiness need of the fit.
    vectors: VectorArray = field(repr=False)
    kinds: Any = field(repr=False)
    preparation: Preparation = field(repr=False)
    # Labels of the rows, where the vectors were a Series; version 0.1 kept none.
    index: pd.Index | None = field(default=None, repr=False)

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
        starts amid its nearest rows of the fit, weighted by closeness, and is pulled and pushed from there while the
        map stands still. Where it goes does not depend on what else is placed in the same call. Rows of a group that
        the map does not know have no place of their own: ``fit_projection(vectors, like=projection)`` makes them one.

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
        rows = self.preparation.rows(array, beside(kinds, index_of(vectors), argument="kinds"))
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
        columns = {f"{name}_{axis}": values for axis, values in zip(_AXES, self.coordinates.T, strict=False)}
        return with_columns(df, columns, len(self), owner=Written.by("project", name), index=self.index)

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


# Ranks of this many rows among all rows tell maps apart to three digits.
_SAMPLE_ROWS = 1000

_NUMBERS_AT_ONCE = 1 << 22


@dataclass(frozen=True, slots=True)
class MapQuality:
    """Three numbers from 0 to 1 on a map; each is 1 on a perfect map.

    Attributes
    ----------
    trustworthiness : float
        1 less the intruders among the k neighbours on the map, by how far away they are in truth (Venna and Kaski
        2001); some 0.5 is chance.
    continuity : float
        The same for true neighbours that the map tore away.
    neighbors_kept : float
        Share of the k true neighbours that are among the k neighbours on the map.
    k : int
        Neighbours that were looked at.
    n_rows : int
        Different vectors whose neighbours were looked at; a sample where there are many.
    """

    trustworthiness: float
    continuity: float
    neighbors_kept: float
    k: int
    n_rows: int


def measure_map(rows: FloatMatrix, places: FloatMatrix, k: int = 15) -> MapQuality:
    """Compare neighbours by cosine with neighbours on the map.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d), float32
        Different unit rows.
    places : numpy.ndarray, shape (n, dimensions), float32
    k : int
        Neighbours to look at; fewer where there are fewer than ``2 * k`` rows.

    Returns
    -------
    MapQuality
        NaN with fewer than 4 rows, where it is not defined. Of a fixed sample of 1,000 rows among all where there are
        more.
    """
    k = at_least_one("k", k, "looks at no neighbour")
    n_rows = len(rows)
    if n_rows < 4:
        return MapQuality(float("nan"), float("nan"), float("nan"), k, n_rows)
    k = min(k, (n_rows - 1) // 2)
    sample = np.arange(n_rows)
    if n_rows > _SAMPLE_ROWS:
        sample = np.sort(np.random.default_rng(0).choice(n_rows, _SAMPLE_ROWS, replace=False))
    intruders = torn = kept = 0
    step = max(1, _NUMBERS_AT_ONCE // n_rows)
    for first in range(0, len(sample), step):
        some = sample[first : first + step]
        # Cosine distances of unit rows order as these do.
        in_truth = 1 - rows[some] @ rows.T
        on_map = np.zeros_like(in_truth)
        for axis in places.T:
            on_map += (axis[some, np.newaxis] - axis) ** 2
        for distances in (in_truth, on_map):
            distances[np.arange(len(some)), some] = np.inf
        true_ranks = _ranks(in_truth, _nearest(on_map, k))
        map_ranks = _ranks(on_map, _nearest(in_truth, k))
        intruders += int(np.maximum(true_ranks - k, 0).sum())
        torn += int(np.maximum(map_ranks - k, 0).sum())
        kept += int((true_ranks <= k).sum())
    worst = len(sample) * k * (2 * n_rows - 3 * k - 1) / 2
    return MapQuality(1 - intruders / worst, 1 - torn / worst, kept / (len(sample) * k), k, len(sample))


def _nearest(distances: FloatMatrix, k: int) -> npt.NDArray[np.intp]:
    return np.argpartition(distances, k - 1, axis=1)[:, :k]


def _ranks(distances: FloatMatrix, of: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """Return the rank, from 1, of some columns of each row by distance; equal distances share the best rank."""
    limits = np.take_along_axis(distances, of, axis=1)
    ranks = np.empty(of.shape, dtype=np.int64)
    for place in range(of.shape[1]):
        ranks[:, place] = (distances < limits[:, place, np.newaxis]).sum(axis=1) + 1
    return ranks
