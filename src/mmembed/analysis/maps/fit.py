"""fit_projection: a map of a vector column by UMAP, principal components or any estimator."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from mmembed._progress import progress_bar
from mmembed.analysis.cosines import distinct_directions
from mmembed.analysis.maps.curve import MIN_DIST, SPREAD
from mmembed.analysis.maps.earlier import earlier_places
from mmembed.analysis.maps.umap import N_NEIGHBORS, MapSettings, NeighborMap
from mmembed.analysis.maps.umap_learn import Target, fit_umap_learn
from mmembed.analysis.preparation import Preparation
from mmembed.errors import listed, one_of
from mmembed.frames import beside, index_of
from mmembed.vectors import as_vector_array

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix
from mmembed.analysis.maps.projection import Projection, padded

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
    progress: bool | None = None,
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
    progress : bool, optional
        Show that the map is in work; by default in notebooks and terminals only.

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
    array, index = as_vector_array(vectors), index_of(vectors)
    kinds, target = beside(kinds, index, argument="kinds"), beside(target, index, argument="target")
    estimator: Any
    with progress_bar(0, show=progress, unit="step", description="map") as bar:
        bar.set_description_str("map: different rows")
        preparation = Preparation.learn(array, kinds)
        distinct = distinct_directions(preparation.source(array, kinds))
        wanted = None
        if target is not None:
            wanted = Target.of(target, np.flatnonzero(~array.isna()), distinct.groups, len(array))
        used = _choose_method(method, len(distinct), needs_umap_learn=densmap or target is not None, like=like)
        bar.set_description_str("map: neighbours and layout")
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
            estimator, placed = _fit_pca(distinct.rows, dimensions)
        else:
            estimator, placed = _fit_estimator(distinct.rows, dimensions, used)
    coordinates = np.full((len(array), dimensions), np.nan, dtype=np.float32)
    coordinates[~array.isna()] = placed[distinct.groups]
    return Projection(
        coordinates=coordinates,
        method=used if isinstance(used, str) else type(used).__name__,
        estimator=estimator,
        vectors=array,
        kinds=kinds,
        preparation=preparation,
        index=index,
    )


def check_method(method: Any, dimensions: int) -> None:
    """Refuse what is no method or no map."""
    if dimensions not in {2, 3}:
        raise ValueError(f"dimensions={dimensions} is no map. Give 2 or 3.")
    if isinstance(method, str):
        one_of("method", method, METHODS)
    if not isinstance(method, str) and not hasattr(method, "fit_transform"):
        raise TypeError(
            f"method={method!r} is no method. Give one of {listed(METHODS)} or an estimator with fit_transform."
        )


def check_options(method: Any, settings: MapSettings, *, target: Any, densmap: bool, like: Any) -> None:
    """Refuse options that cannot be meant, or that the method would not use."""
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


def _choose_method(method: Any, n_distinct: int, *, needs_umap_learn: bool, like: Any) -> Any:
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


@np.errstate(under="ignore")
def _fit_pca(rows: FloatMatrix, dimensions: int) -> tuple[Any, FloatMatrix]:
    """Return a fitted PCA and its coordinates; axes that the rows do not have are 0."""
    from sklearn.decomposition import PCA

    # The full solver is exact and the covariance solver cheap where rows are many; neither is random.
    solver = "covariance_eigh" if len(rows) > rows.shape[1] else "full"
    estimator = PCA(n_components=min(dimensions, *rows.shape), svd_solver=solver)
    # The shares of a variance of nothing (one row, or equal rows) are 0 / 0; the coordinates are 0 all the same.
    with np.errstate(divide="ignore", invalid="ignore"):
        placed = estimator.fit_transform(rows)
    return estimator, padded(placed, dimensions)


@np.errstate(under="ignore")
def _fit_estimator(rows: FloatMatrix, dimensions: int, given: Any) -> tuple[Any, FloatMatrix]:
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
