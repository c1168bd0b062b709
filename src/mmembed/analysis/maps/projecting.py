"""Maps of a vector column: one function that prepares the different rows and has them placed."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from mmembed.analysis.maps.neighbor_map import NeighborMap
from mmembed.analysis.maps.projection import Projection, padded
from mmembed.analysis.rows.distinct import distinct_directions
from mmembed.analysis.rows.preparing import Preparation
from mmembed.errors import did_you_mean, listed
from mmembed.vectors import as_vector_array

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix

METHODS = ("umap", "pca")
# Fewer different vectors have no neighbourhoods that UMAP could arrange.
_FEWEST_FOR_UMAP = 4


def fit_projection(
    vectors: Any,
    method: Any = "umap",
    *,
    dimensions: int = 2,
    random_state: int | None = None,
    kinds: Any = None,
) -> Projection:
    """Make a map on which similar vectors lie together.

    Equal vectors count once and share one place, so that copies form no islands of their own.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
        Rows without a vector get no coordinates. Lengths do not matter: rows are normalised first.
    method : {"umap", "pca"} or scikit-learn style estimator
        ``"umap"`` (McInnes et al. 2018) keeps neighbours together. It is our own implementation of that method with
        umap-learn's defaults; it starts from principal components and takes the exact cosine neighbours that clusters
        and duplicates use, too. Its inner loop is compiled once on a machine, which takes some seconds. ``"pca"`` keeps
        large distances, and is linear and fast. An estimator with ``fit_transform``, such as ``umap.UMAP(...)``, is
        cloned and gets the different unit rows.
    dimensions : {2, 3}
        Axes of the map.
    random_state : int, optional
        Seed of UMAP; None is 0, so that the same call gives the same map.
    kinds : sequence, length n, optional
        Kind of content of each row. The mean of each kind is removed first, so that the map does not part texts from
        pictures.

    Returns
    -------
    Projection

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
    if dimensions not in {2, 3}:
        raise ValueError(f"dimensions={dimensions} is no map. Give 2 or 3.")
    if isinstance(method, str) and method not in METHODS:
        raise ValueError(f"Method {method!r} does not exist. Known: {listed(METHODS)}.{did_you_mean(method, METHODS)}")
    if not isinstance(method, str) and not hasattr(method, "fit_transform"):
        raise TypeError(
            f"method={method!r} is no method. Give one of {listed(METHODS)} or an estimator with fit_transform."
        )
    array = as_vector_array(vectors)
    preparation = Preparation.learn(array, kinds)
    distinct = distinct_directions(preparation.source(array, kinds))
    rows = distinct.rows
    used = method
    if method == "umap" and 0 < len(rows) < _FEWEST_FOR_UMAP:
        warnings.warn(
            f"UMAP needs at least {_FEWEST_FOR_UMAP} different vectors and there are {len(rows)}: "
            "the map is made by PCA instead. Pass method='pca' to say so yourself.",
            UserWarning,
            stacklevel=2,
        )
        used = "pca"
    estimator: Any
    if not len(rows):
        estimator, placed = None, np.empty((0, dimensions), dtype=np.float32)
    elif used == "umap":
        seed = 0 if random_state is None else random_state
        estimator = NeighborMap.fit(rows, distinct.source, dimensions=dimensions, seed=seed)
        placed = estimator.places
    elif used == "pca":
        estimator, placed = _by_pca(rows, dimensions)
    else:
        estimator, placed = _by_estimator(rows, dimensions, used)
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
