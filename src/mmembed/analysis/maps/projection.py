"""Maps of a vector column: one function that prepares the different rows and has them placed.

The result of projecting: coordinates on the map, how far they can be trusted, and where new vectors lie.

How far a map can be trusted: whether near on the map is near in truth, and the other way round.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import distinct_directions
from mmembed.analysis.maps.curve import MIN_DIST, SPREAD
from mmembed.analysis.maps.earlier import earlier_places
from mmembed.analysis.maps.umap import N_NEIGHBORS, MapSettings, NeighborMap
from mmembed.analysis.maps.umap_learn import Target, fit_umap_learn
from mmembed.analysis.preparation import Preparation
from mmembed.errors import did_you_mean, listed
from mmembed.frames import with_columns
from mmembed.vectors import VectorArray, as_vector_array, check_comparable
from mmembed.vectors.rows import equal_row_groups, row_digest

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix


METHODS = ("umap", "umap-learn", "pca")

# Fewer different vectors have no neighbourhoods that UMAP could arrange.
_FEWEST_FOR_UMAP = 4


def fit_projection(
    vectors: Any,
    method: Any = "umap",
    *,
    dimensions: int = 2,
    n_neighbors: int = N_NEIGHBORS,
    min_dist: float = MIN_DIST,
    spread: float = SPREAD,
    target: Any = None,
    densmap: bool = False,
    like: Any = None,
    random_state: int | None = None,
    kinds: Any = None,
) -> Projection:
    """Make a map on which similar vectors lie together.

    Equal vectors count once and share one place, so that copies form no islands of their own.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
        Rows without a vector get no coordinates. Lengths do not matter: rows are normalised first.
    method : {"umap", "umap-learn", "pca"} or scikit-learn style estimator
        ``"umap"`` (McInnes et al. 2018) keeps neighbours together. It is our own implementation of that method with
        umap-learn's defaults; it starts from principal components and takes the exact cosine neighbours that clusters
        and duplicates use, too. Its inner loop is compiled once on a machine, which takes some seconds.
        ``"umap-learn"`` is the original, of the same neighbours, and slower. ``"pca"`` keeps large distances, and is
        linear and fast. An estimator with ``fit_transform``, such as ``umap.UMAP(metric="manhattan")``, is cloned and
        gets the different unit rows.
    dimensions : {2, 3}
        Axes of the map.
    n_neighbors : int
        Neighbours of each row that UMAP arranges, the row itself included: few show small groups, many the whole.
    min_dist, spread : float
        How near rows come on a map of UMAP, and at which distance they stop belonging together: a small ``min_dist``
        packs groups.
    target : sequence, length n, optional
        Labels, or fractional numbers, that a supervised map parts rows by; missing labels are allowed. umap-learn makes
        such a map, and ``method`` of the result says so.
    densmap : bool
        Whether dense groups are to be small on the map (Narayan et al. 2021); made by umap-learn, too.
    like : Projection or array, shape (n, dimensions), optional
        An earlier map, or the coordinates that rows had on it (NaN for new rows), to go on from: rows that are found
        again start where they lay and move little, new ones start beside their neighbours, and the whole is turned to
        lie as before. Takes less than half the time.
    random_state : int, optional
        Seed of UMAP; None is 0, so that the same call gives the same map.
    kinds : sequence, length n, optional
        Kind of content of each row. The mean of each kind is removed first, so that the map does not part texts from
        pictures.

    Returns
    -------
    Projection

    Raises
    ------
    ValueError
        If an option cannot be meant, such as ``like`` with ``"pca"``.

    Warns
    -----
    UserWarning
        If there are fewer than 4 different vectors, which UMAP cannot arrange: the map is made by PCA, and says so.

    Examples
    --------
    >>> import numpy as np
    >>> fit_projection(np.eye(5, dtype="float32"), "pca").coordinates.shape
    (5, 2)
    """
    check_method(method, dimensions)
    seed = 0 if random_state is None else random_state
    settings = MapSettings(dimensions, n_neighbors, min_dist, spread, seed)
    check_options(method, settings, target=target, densmap=densmap, like=like)
    array = as_vector_array(vectors)
    preparation = Preparation.learn(array, kinds)
    distinct = distinct_directions(preparation.source(array, kinds))
    wanted = None
    if target is not None:
        wanted = Target.of(target, np.flatnonzero(~array.isna()), distinct.groups, len(array))
    used = _used_method(method, len(distinct), needs_umap_learn=densmap or target is not None, like=like)
    estimator: Any
    if not len(distinct):
        estimator, placed = None, np.empty((0, dimensions), dtype=np.float32)
    elif used in ("umap", "umap-learn"):
        earlier = None if like is None else earlier_places(like, array, distinct, dimensions)
        if used == "umap":
            estimator = NeighborMap.fit(distinct.rows, distinct.source, settings, earlier=earlier)
        else:
            estimator = fit_umap_learn(
                distinct.rows, distinct.source, settings, target=wanted, densmap=densmap, earlier=earlier
            )
        placed = estimator.places
    elif used == "pca":
        estimator, placed = _by_pca(distinct.rows, dimensions)
    else:
        estimator, placed = _by_estimator(distinct.rows, dimensions, used)
    coordinates = np.full((len(array), dimensions), np.nan, dtype=np.float32)
    coordinates[~array.isna()] = placed[distinct.groups]
    return Projection(
        coordinates=coordinates,
        method=used if isinstance(used, str) else type(used).__name__,
        estimator=estimator,
        vectors=array,
        kinds=kinds,
        preparation=preparation,
    )


def check_method(method: Any, dimensions: int) -> None:
    """Refuse what is no method or no map."""
    if dimensions not in {2, 3}:
        raise ValueError(f"dimensions={dimensions} is no map. Give 2 or 3.")
    if isinstance(method, str) and method not in METHODS:
        raise ValueError(f"Method {method!r} does not exist. Known: {listed(METHODS)}.{did_you_mean(method, METHODS)}")
    if not isinstance(method, str) and not hasattr(method, "fit_transform"):
        raise TypeError(
            f"method={method!r} is no method. Give one of {listed(METHODS)} or an estimator with fit_transform."
        )


def check_options(method: Any, settings: MapSettings, *, target: Any, densmap: bool, like: Any) -> None:
    """Refuse options that cannot be meant, or that the method would not heed."""
    if settings.n_neighbors < 2:
        raise ValueError(f"n_neighbors={settings.n_neighbors} counts the row itself. Give at least 2; 15 is usual.")
    if not 0 <= settings.min_dist <= settings.spread or settings.spread <= 0:
        raise ValueError(
            f"min_dist={settings.min_dist} and spread={settings.spread} make no map. "
            "Give a spread above 0 and a min_dist from 0 to spread; 0.1 and 1 are usual."
        )
    if densmap and like is not None:
        raise ValueError("densmap=True cannot go on from an earlier map. Leave like or densmap out.")
    if method in ("umap", "umap-learn"):
        return
    usual = MapSettings()
    given = [name for name in ("n_neighbors", "min_dist", "spread") if getattr(settings, name) != getattr(usual, name)]
    given += [name for name, value in (("target", target), ("like", like)) if value is not None]
    given += ["densmap"] if densmap else []
    if given:
        name = repr(method) if isinstance(method, str) else type(method).__name__
        raise ValueError(
            f"{listed(given)} would change nothing with method {name}. Leave {'it' if len(given) == 1 else 'them'} "
            "out, or take method='umap'."
        )


def _used_method(method: Any, n_distinct: int, *, needs_umap_learn: bool, like: Any) -> Any:
    """Return what makes the map: umap-learn where only it can, PCA where there is too little for UMAP."""
    if method not in ("umap", "umap-learn"):
        return method
    if 0 < n_distinct < _FEWEST_FOR_UMAP:
        if like is not None:
            raise ValueError(
                f"UMAP needs at least {_FEWEST_FOR_UMAP} different vectors to go on from an earlier map, and there are "
                f"{n_distinct}. Leave like out: the map is then made by PCA."
            )
        warnings.warn(
            f"UMAP needs at least {_FEWEST_FOR_UMAP} different vectors and there are {n_distinct}: "
            "the map is made by PCA instead. Pass method='pca' to say so yourself.",
            UserWarning,
            stacklevel=3,
        )
        return "pca"
    return "umap-learn" if needs_umap_learn else method


def _by_pca(rows: FloatMatrix, dimensions: int) -> tuple[Any, FloatMatrix]:
    """Return a fitted PCA and its coordinates; axes that the rows do not have are 0."""
    from sklearn.decomposition import PCA

    # The full solver is exact and the covariance solver cheap where rows are many; neither is random.
    solver = "covariance_eigh" if len(rows) > rows.shape[1] else "full"
    estimator = PCA(n_components=min(dimensions, *rows.shape), svd_solver=solver)
    # The shares of a variance of nothing (one row, or equal rows) are 0 / 0; the coordinates are 0 all the same.
    with np.errstate(divide="ignore", invalid="ignore"):
        placed = estimator.fit_transform(rows)
    return estimator, padded(placed, dimensions)


def _by_estimator(rows: FloatMatrix, dimensions: int, given: Any) -> tuple[Any, FloatMatrix]:
    """Return a fitted clone of the given estimator and its coordinates."""
    from sklearn.base import clone

    estimator = clone(given)
    placed = np.asarray(estimator.fit_transform(rows), dtype=np.float32)
    if placed.shape != (len(rows), dimensions):
        raise ValueError(
            f"{type(estimator).__name__} gave coordinates of shape {placed.shape}; expected {(len(rows), dimensions)}. "
            "Give an estimator with as many components as the map has dimensions."
        )
    return estimator, placed


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
    if k < 1:
        raise ValueError(f"k={k} looks at no neighbour. Give a k of at least 1.")
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
