"""An earlier map as the start of a new one: which rows had a place on it, and the turn that lays the new over it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.maps.projection import Projection
from mmembed.analysis.maps.start import blocks
from mmembed.vectors import VectorArray, check_comparable
from mmembed.vectors.rows import row_priorities

if TYPE_CHECKING:
    from mmembed.analysis.cosines import DistinctRows
    from mmembed.arrays import FloatMatrix, Positions

# Maps whose distances are those that UMAP's curve speaks of.
_OF_UMAP = ("umap", "umap-learn", "UMAP")
_COMPARED_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class EarlierPlaces:
    """Where the different rows of a table lay on an earlier map.

    Attributes
    ----------
    places : numpy.ndarray, shape (u, dimensions), float32
        NaN for a new row.
    """

    places: FloatMatrix = field(repr=False)

    @property
    def is_old(self) -> npt.NDArray[np.bool_]:
        """Whether each row had a place, which it is to keep, shape (u,)."""
        return np.asarray(~np.isnan(self.places[:, 0]))

    def turned_back(self, places: FloatMatrix) -> FloatMatrix:
        """Return new places, turned, mirrored and moved to be nearest to the earlier ones by squares.

        The scale stays, because distances on a map of UMAP mean something. Schönemann (1966), "A generalized solution
        of the orthogonal Procrustes problem".
        """
        known = self.is_old
        before, after = self.places[known].astype(np.float64), places[known].astype(np.float64)
        there, here = before.mean(axis=0), after.mean(axis=0)
        left, _, right = np.linalg.svd((after - here).T @ (before - there))
        return np.ascontiguousarray((places - here) @ (left @ right) + there, dtype=np.float32)


def earlier_places(like: Any, array: VectorArray, distinct: DistinctRows, dimensions: int) -> EarlierPlaces:
    """Return where the different rows of a column lay before.

    Parameters
    ----------
    like : Projection or array, shape (n, dimensions)
        An earlier map, in which rows are found again by their vectors (lengths do not matter), or the coordinates that
        the n rows of the column had, NaN for those that had none.
    array : VectorArray, n rows
    distinct : DistinctRows
        Of the rows of ``array`` that have a vector.
    dimensions : int
        Of the new map.

    Raises
    ------
    ValueError
        If the earlier map has other dimensions, is not one of UMAP, or has a place for none of the rows.
    """
    present = np.flatnonzero(~array.isna())[distinct.first]
    if isinstance(like, Projection):
        return _of_projection(like, array, present, dimensions)
    if isinstance(like, str):
        raise TypeError(
            f"like={like!r} names columns of a frame, which only df.mmembed.project knows. "
            "Give a Projection or an array of coordinates."
        )
    given = np.asarray(like, dtype=np.float32)
    if given.shape != (len(array), dimensions):
        raise ValueError(
            f"like has shape {given.shape}; expected {(len(array), dimensions)}: "
            "one place for each row, NaN for new rows."
        )
    # Any copy of a vector may be the one that had a place.
    of_rows = given[~array.isna()]
    places = np.full((len(distinct), dimensions), np.nan, dtype=np.float32)
    known = np.flatnonzero(np.isfinite(of_rows).all(axis=1))[::-1]
    places[distinct.groups[known]] = of_rows[known]
    if not len(known):
        raise ValueError(
            "like has a place for none of the rows with a vector. Leave like out, or give the earlier map."
        )
    return EarlierPlaces(places)


def check_earlier(like: Projection, array: VectorArray, dimensions: int) -> None:
    """Refuse an earlier map that a map of these vectors cannot go on from.

    Raises
    ------
    SpaceMismatchError
        If it is of another space.
    ValueError
        If it has other dimensions, no place at all, or is no map of UMAP.
    """
    check_comparable(array, like.vectors)
    if like.dimensions != dimensions:
        raise ValueError(f"like has {like.dimensions} dimensions and the new map {dimensions}. Give dimensions= alike.")
    if like.method not in _OF_UMAP:
        raise ValueError(
            f"like is a map by {like.method}, whose distances are not those of UMAP. "
            "Give a map by UMAP, or leave like out."
        )
    if np.isnan(like.coordinates).all():
        raise ValueError("like has a place for no row at all. Leave like out.")


def _of_projection(like: Projection, array: VectorArray, present: Positions, dimensions: int) -> EarlierPlaces:
    check_earlier(like, array, dimensions)
    before = np.flatnonzero(np.isfinite(like.coordinates).all(axis=1))
    of_new, of_old = _same_directions(array.matrix, present, like.vectors.matrix, before)
    places = np.full((len(present), dimensions), np.nan, dtype=np.float32)
    places[of_new] = like.coordinates[of_old]
    if not len(of_new):  # the map of other rows of the same space still says where each belongs
        if like.preparation.means is not None:
            raise ValueError("like was made of other rows and with kinds. Leave like out, or give rows that it knows.")
        places = like.transform(array[present])
    return EarlierPlaces(places)


def _same_directions(
    new: FloatMatrix, new_rows: Positions, old: FloatMatrix, old_rows: Positions
) -> tuple[Positions, Positions]:
    """Return pairs of a position in ``new_rows`` and a row of ``old`` that have the same unit row."""
    wanted, known = _marks(new, new_rows), _marks(old, old_rows)
    known, first = np.unique(known, return_index=True)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    candidates = np.flatnonzero(known[at] == wanted)
    partners = old_rows[first[at[candidates]]]
    equal = np.ones(len(candidates), dtype=bool)
    for some in blocks(len(candidates), _COMPARED_AT_ONCE):
        here, there = unit_rows(new[new_rows[candidates[some]]]), unit_rows(old[partners[some]])
        equal[some] = (here == there).all(axis=1)
    return candidates[equal], partners[equal]


def _marks(matrix: FloatMatrix, rows: Positions) -> npt.NDArray[np.uint64]:
    """Return a number for each unit row, equal for equal ones."""
    marks = np.empty(len(rows), dtype=np.uint64)
    for some in blocks(len(rows), _COMPARED_AT_ONCE):
        marks[some] = row_priorities(unit_rows(matrix[rows[some]]))
    return marks
