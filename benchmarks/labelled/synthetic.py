"""Synthetic sets whose truth is known: heavy tails behind a random network, blobs, ovals, and nothing at all."""

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
