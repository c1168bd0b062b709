"""Synthetic sets whose truth is known: heavy tails, vectors as an API gives them, blobs, ovals, and nothing at all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmembed.vectors import VectorArray


def heavy_tails(
    n_rows: int, *, seed: int, n_clusters: int = 40, latent: int = 20, dimension: int = 1024
) -> pd.DataFrame:
    """Return clusters of unequal size and spread with heavy tails, pushed through a random network of two layers.

    In the latent space each cluster is a Student t with 3 degrees of freedom around its centre; sizes are log-normal.
    """
    random = np.random.default_rng(seed)
    sizes = random.lognormal(sigma=0.8, size=n_clusters)
    label = random.choice(n_clusters, size=n_rows, p=sizes / sizes.sum())
    centers = random.normal(size=(n_clusters, latent))
    spread = random.uniform(0.15, 0.4, size=n_clusters)
    tails = np.sqrt(random.chisquare(3, size=n_rows) / 3)
    points = centers[label] + random.normal(size=(n_rows, latent)) * (spread[label] / tails)[:, None]
    hidden = np.tanh(points @ random.normal(scale=latent**-0.5, size=(latent, 256)) * 2)
    matrix = hidden @ random.normal(scale=256**-0.5, size=(256, dimension))
    matrix += random.normal(scale=0.05, size=matrix.shape)
    return _frame(matrix, label)


def api_like(
    n_rows: int,
    *,
    seed: int,
    n_coarse: int = 25,
    n_fine: int = 150,
    dimension: int = 1024,
    kept: int | None = None,
    background: float = 0.18,
    cone: float = 0.5,
) -> pd.DataFrame:
    """Return unit vectors as the encoder of an API gives them, with communities on two levels and rows of none.

    All rows lie in a cone around one direction; variance falls along the axes; sizes of fine communities follow a
    power law; no two communities are equally tight. Background rows lie anywhere in the cone, half of them between
    two communities. Scales were set by the labels of nearest neighbours alone, before any method was run.

    Parameters
    ----------
    n_rows : int
        How many rows, background included.
    seed : int
        Another one, another set.
    n_coarse, n_fine : int, optional
        How many communities on the two levels, ``label`` and ``fine``; at least one fine one each.
    dimension : int, optional
        How many numbers.
    kept : int, optional
        Only so many numbers are kept, the first ones, as of a Matryoshka model.
    background : float, optional
        The share of rows that belong to no community; both their labels are ``"background"``.
    cone : float, optional
        The mean cosine of two rows of different communities.
    """
    random = np.random.default_rng(seed)
    axes = np.arange(1, dimension + 1)
    spectrum = np.sqrt(axes**-0.7 / (axes**-0.7).sum())
    parent = np.concatenate([np.arange(n_coarse), random.choice(n_coarse, n_fine - n_coarse, p=_zipf(n_coarse, 0.6))])
    fine = random.choice(n_fine, size=n_rows, p=random.permutation(_zipf(n_fine, 0.8)))
    coarse_centers = random.normal(size=(n_coarse, dimension)) * spectrum
    centers = coarse_centers[parent] + 0.55 * random.normal(size=(n_fine, dimension)) * spectrum
    tightness = random.uniform(0.8, 1.3, size=n_fine)
    rows = centers[fine]
    loose = tightness[fine] * np.sqrt(8 / random.chisquare(8, size=n_rows))
    is_background = random.random(n_rows) < background
    n_background = int(is_background.sum())
    between = (centers[random.choice(n_fine, n_background)] + centers[random.choice(n_fine, n_background)]) / 2
    anywhere = 1.25 * random.normal(size=(n_background, dimension)) * spectrum
    rows[is_background] = np.where(random.random(n_background)[:, None] < 0.5, between, anywhere)
    rows = rows + loose[:, None] * random.normal(size=rows.shape) * spectrum
    axis = random.normal(size=dimension) * spectrum
    length = np.linalg.norm(rows, axis=1).mean() * np.sqrt(cone / (1 - cone))
    matrix = (rows + length * axis / np.linalg.norm(axis))[:, :kept]
    frame = _frame(matrix / np.linalg.norm(matrix, axis=1, keepdims=True), parent[fine])
    frame["fine"] = fine.astype(str)
    frame.loc[is_background, ["label", "fine"]] = "background"
    return frame


def api_like_matrix(n_rows: int, *, seed: int, dimension: int = 1024, copies: float = 0.03) -> np.ndarray:
    """Return the vectors of :func:`api_like` block by block, for tables that do not fit into memory twice.

    The communities are the same for every number of rows. Of the rows a share are near copies of another one, at
    cosines of .95 to .9999, and a third as many are equal to another one.

    Returns
    -------
    numpy.ndarray, shape (n, d), float32
        Unit rows.
    """
    random = np.random.default_rng(seed)
    axes = np.arange(1, dimension + 1)
    spectrum = np.sqrt(axes**-0.7 / (axes**-0.7).sum()).astype(np.float32)
    parent = np.concatenate([np.arange(25), random.choice(25, 125, p=_zipf(25, 0.6))])
    shares = random.permutation(_zipf(150, 0.8))
    coarse = random.normal(size=(25, dimension))
    centers = ((coarse[parent] + 0.55 * random.normal(size=(150, dimension))) * spectrum).astype(np.float32)
    tightness = random.uniform(0.8, 1.3, size=150)
    axis = random.normal(size=dimension) * spectrum
    axis = (1.9 * axis / np.linalg.norm(axis)).astype(np.float32)
    matrix = np.empty((n_rows, dimension), dtype=np.float32)
    for start in range(0, n_rows, 8192):
        block = matrix[start : start + 8192]
        fine = random.choice(150, size=len(block), p=shares)
        block[:] = centers[fine]
        apart = np.flatnonzero(random.random(len(block)) < 0.18)
        some = random.choice(150, (2, len(apart)))
        anywhere = 1.25 * random.standard_normal((len(apart), dimension), dtype=np.float32) * spectrum
        between = (centers[some[0]] + centers[some[1]]) / 2
        block[apart] = np.where(random.random(len(apart))[:, None] < 0.5, between, anywhere)
        loose = (tightness[fine] * np.sqrt(8 / random.chisquare(8, size=len(block)))).astype(np.float32)
        block += loose[:, None] * random.standard_normal(block.shape, dtype=np.float32) * spectrum
        block += axis
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    near = random.choice(n_rows, (2, int(copies * n_rows)), replace=False)
    cosines = 1 - 10 ** random.uniform(-4, -1.3, near.shape[1])
    noise = random.standard_normal((near.shape[1], dimension), dtype=np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    matrix[near[1]] = matrix[near[0]] + (np.sqrt(1 - cosines**2) / cosines).astype(np.float32)[:, None] * noise
    matrix[near[1]] /= np.linalg.norm(matrix[near[1]], axis=1, keepdims=True)
    equal = random.choice(n_rows, (2, int(copies * n_rows / 3)), replace=False)
    matrix[equal[1]] = matrix[equal[0]]
    return matrix


def _zipf(n: int, power: float) -> np.ndarray:
    """Return shares that fall with the rank by a power law."""
    shares = np.arange(1, n + 1) ** -power
    return shares / shares.sum()


def blobs(n_rows: int = 3000, n_clusters: int = 12, dimension: int = 128, seed: int = 7) -> pd.DataFrame:
    """Return round clusters of unequal sizes that overlap a little in few dimensions, hidden among many."""
    random = np.random.default_rng(seed)
    sizes = random.dirichlet(np.full(n_clusters, 3))
    label = random.choice(n_clusters, size=n_rows, p=sizes)
    centers = random.normal(size=(n_clusters, dimension))
    return _frame(centers[label] + random.normal(scale=2.0, size=(n_rows, dimension)), label)


def few_columns(n_rows: int = 400, n_clusters: int = 4, dimension: int = 6, seed: int = 9) -> pd.DataFrame:
    """Return oval clusters of unequal size, shape and direction in a table of few columns, each standardised."""
    random = np.random.default_rng(seed)
    label = random.choice(n_clusters, size=n_rows, p=random.dirichlet(np.full(n_clusters, 5)))
    centers = random.normal(scale=2.0, size=(n_clusters, dimension))
    shapes = random.normal(scale=dimension**-0.5, size=(n_clusters, dimension, dimension))
    points = centers[label] + np.einsum("nij,nj->ni", shapes[label], random.normal(size=(n_rows, dimension)))
    return _frame((points - points.mean(axis=0)) / points.std(axis=0), label)


def structureless(n_rows: int = 2000, dimension: int = 128, seed: int = 8) -> pd.DataFrame:
    """Return random directions under one label."""
    matrix = np.random.default_rng(seed).normal(size=(n_rows, dimension))
    return _frame(matrix, np.zeros(n_rows, dtype=int))


def _frame(matrix: np.ndarray, label: np.ndarray) -> pd.DataFrame:
    vectors = VectorArray.from_matrix(np.ascontiguousarray(matrix, dtype=np.float32))
    return pd.DataFrame({"vector": pd.Series(vectors), "label": label.astype(str)})
