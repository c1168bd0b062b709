"""Maps over partitions: fitted on a sample, and every other row placed on it lazily."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import dask.dataframe as dd
import numpy as np
import pandas as pd

from mmembed.analysis.maps import fit as local
from mmembed.analysis.maps.curve import MIN_DIST, SPREAD
from mmembed.analysis.maps.earlier import check_earlier
from mmembed.analysis.maps.projection import Projection
from mmembed.analysis.maps.umap import N_NEIGHBORS, MapSettings
from mmembed.distributed.columns import check_partitions, side_by_side, vector_dtype, vectors_of
from mmembed.distributed.partitions import shared
from mmembed.distributed.samples import SAMPLE_ROWS, check_sample_rows, draw, measure_extent
from mmembed.errors import listed
from mmembed.frames import Written, with_columns
from mmembed.vectors import VectorArray, check_comparable

if TYPE_CHECKING:
    from mmembed.analysis.preparation import Preparation

_AXES = ("x", "y", "z")


@dataclass(frozen=True, eq=False)
class DistributedProjection:
    """A map that was fitted on a sample, on which all rows of a Dask DataFrame have a place.

    Attributes
    ----------
    fitted : Projection
        Of the sample; its ``quality()`` is that of the sample's places.
    sample_rows, rows : int
        How many rows the map was made of, and how many have a vector.
    """

    fitted: Projection = field(repr=False)
    sample_rows: int
    rows: int
    preparation: Preparation = field(repr=False)
    columns: Any = field(repr=False)

    def __repr__(self) -> str:
        return (
            f"DistributedProjection({self.fitted.method}, dimensions={self.fitted.dimensions}, fitted on "
            f"{self.sample_rows:,} of {self.rows:,} rows); see .add_to(ddf) and .fitted.quality()"
        )

    def add_to(self, ddf: Any, *, name: str = "map") -> Any:
        """Return the frame with ``map_x``, ``map_y`` and, on a map of three dimensions, ``map_z``, lazily.

        Rows of the sample lie where the fit put them, others where its ``transform`` places them.

        Raises
        ------
        ValueError
            If the frame has other partitions than the vectors that the map was made of.
        """
        check_partitions(ddf, self.columns, what="the map was made of")
        names = [f"{name}_{axis}" for axis in _AXES[: self.fitted.dimensions]]
        Written.by("project", name).check(ddf._meta, names)  # noqa: SLF001
        meta = ddf._meta.assign(**{one: np.empty(0, dtype=np.float32) for one in names})  # noqa: SLF001
        return dd.map_partitions(_place_part, ddf, self.columns, model=shared(_Slim.of(self)), names=names, meta=meta)

    def transform(self, vectors: Any, *, kinds: Any = None) -> Any:
        """Return where the vectors of a Dask column lie on the map, as a lazy frame of coordinates.

        Parameters
        ----------
        vectors : vector column of a Dask DataFrame
        kinds : column of the same frame, optional
            Needed exactly if the fit was given kinds.
        """
        check_comparable(vector_dtype(vectors), self.fitted.vectors)
        columns = side_by_side(vectors, kinds=kinds)
        names = list(_AXES[: self.fitted.dimensions])
        meta = pd.DataFrame({one: np.empty(0, dtype=np.float32) for one in names})
        return dd.map_partitions(_coordinates, columns, model=shared(_Slim.of(self)), names=names, meta=meta)


@dataclass(frozen=True, eq=False)
class _Slim:
    """What places rows, without the table."""

    fitted: Projection
    preparation: Preparation

    @classmethod
    def of(cls, projection: DistributedProjection) -> _Slim:
        return cls(projection.fitted, projection.preparation)

    def place(self, array: VectorArray, kinds: Any) -> Any:
        """Return the coordinates of rows, NaN where there is no vector."""
        found = np.full((len(array), self.fitted.dimensions), np.nan, dtype=np.float32)
        present = ~np.asarray(array.isna())
        if present.any():
            source = self.preparation.source(array, kinds)
            found[present] = self.fitted.transform(VectorArray.from_matrix(source, space=array.dtype.space))
        return found


def fit_projection(
    vectors: Any,
    method: Any = "umap",
    *,
    dimensions: Literal[2, 3] = 2,
    n_neighbors: int = N_NEIGHBORS,
    min_dist: float = MIN_DIST,
    spread: float = SPREAD,
    target: Any = None,
    densmap: bool = False,
    like: Any = None,
    random_state: int | None = None,
    kinds: Any = None,
    sample_rows: int = SAMPLE_ROWS,
) -> DistributedProjection:
    """Make a map of a sample, on which all rows have a place; the twin of :func:`mmembed.fit_projection`.

    It computes: one pass counts the rows, one draws the sample. Coordinates are lazy.

    Parameters
    ----------
    vectors, kinds, target : columns of one Dask DataFrame
        The means of kinds are those of all rows.
    method, dimensions, n_neighbors, min_dist, spread, densmap, random_state
        As on pandas. An estimator needs ``transform``, unless the sample is the whole table.
    like : DistributedProjection, Projection or sequence of columns of the same frame, optional
        As on pandas; columns hold the coordinates that rows had, one column an axis. Rows of the sample that the
        earlier map does not know start where it would place them. Rows that are not in the sample are placed on the new
        map, wherever they lay before.
    sample_rows : int
        Rows that the map is made of; a table of no more has the map of pandas.

    Returns
    -------
    DistributedProjection

    Raises
    ------
    TypeError
        If the estimator cannot place the rows that are not in the sample.
    """
    check_sample_rows(sample_rows)
    seed = 0 if random_state is None else random_state
    local.check_method(method, dimensions)
    settings = MapSettings(dimensions, n_neighbors, min_dist, spread, seed)
    local.check_options(method, settings, target=target, densmap=densmap, like=like)
    before = _before(like, dimensions)
    columns = side_by_side(vectors, kinds=kinds, target=target, **before)
    extent = measure_extent(columns)
    if not isinstance(method, str) and not hasattr(method, "transform") and extent.with_vector > sample_rows:
        raise TypeError(
            f"{type(method).__name__} has no transform and cannot place the rows that are not in the sample. "
            f"Give one of {listed(local.METHODS)}, or sample_rows={extent.with_vector:,}."
        )
    sample = draw(columns, extent, sample_rows, seed=seed)
    array: VectorArray = sample.frame["vector"].array
    source = extent.preparation.source(array, sample.frame.get("kinds"))
    if before:
        like = sample.frame[list(before)].to_numpy(dtype=np.float32, na_value=np.nan)
    elif like is not None:
        like = _places_on(like, array, sample.frame.get("kinds"), dimensions, is_whole=sample.is_whole)
    fitted = local.fit_projection(
        VectorArray.from_matrix(source, space=array.dtype.space),
        method,
        dimensions=dimensions,
        n_neighbors=n_neighbors,
        min_dist=min_dist,
        spread=spread,
        target=sample.frame.get("target"),
        densmap=densmap,
        like=like,
        random_state=random_state,
    )
    return DistributedProjection(fitted, len(sample), sample.of, extent.preparation, columns)


def _before(like: Any, dimensions: int) -> dict[str, Any]:
    """Return the columns of earlier coordinates, by the names that they have beside the vectors."""
    if like is None or isinstance(like, DistributedProjection | Projection):
        return {}
    if isinstance(like, str) or not isinstance(like, Sequence) or len(like) != dimensions:
        raise TypeError(
            "like is no earlier map. Give a DistributedProjection, a Projection, "
            f"or {dimensions} columns of coordinates."
        )
    return {f"before_{axis}": column for axis, column in zip(_AXES, like, strict=False)}


def _places_on(like: Any, array: VectorArray, kinds: Any, dimensions: int, *, is_whole: bool) -> Any:
    """Return what the fit on a sample goes on from: the map itself, or the places that it gives to the sample.

    Two samples of a large table have few rows in common, and the map of the one has a place for all of the other.
    """
    projection = like.fitted if isinstance(like, DistributedProjection) else like
    if is_whole and kinds is None:
        return projection
    check_earlier(projection, array, dimensions)
    if isinstance(like, DistributedProjection):
        return _Slim.of(like).place(array, kinds)
    return projection.transform(array, kinds=kinds)


def _coordinates(part: pd.DataFrame, *, model: _Slim, names: list[str]) -> pd.DataFrame:
    return pd.DataFrame(model.place(vectors_of(part), part.get("kinds")), index=part.index, columns=names)


def _place_part(df: pd.DataFrame, part: pd.DataFrame, *, model: _Slim, names: list[str]) -> pd.DataFrame:
    places = model.place(vectors_of(part), part.get("kinds"))
    return with_columns(df, dict(zip(names, places.T, strict=True)), len(part), owner=None)
