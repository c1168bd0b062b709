"""A few coordinates in which the communities of a graph are dense clouds, for the methods that look for density."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix

_COORDINATES = 20
# After so many steps a walk still tells communities apart, but hardly places within one.
_STEPS = 4


def spectral_coordinates(weights: Any) -> FloatMatrix:
    """Return where a random walk on the graph leads from each node (diffusion map, Coifman and Lafon 2006).

    Parameters
    ----------
    weights : scipy.sparse.csr_matrix, shape (u, u)
        Symmetric, with at least one tie.

    Returns
    -------
    numpy.ndarray, shape (u, at most 21), float64
        The same at each call.
    """
    from scipy import sparse
    from scipy.sparse.linalg import eigsh

    n_rows = weights.shape[0]
    strength = np.asarray(weights.sum(axis=1)).ravel() + 1e-12
    scale = sparse.diags(strength**-0.5)
    walk = scale @ weights @ scale
    wanted = min(_COORDINATES + 1, n_rows - 1)
    if n_rows <= 4 * wanted:
        values, vectors = np.linalg.eigh(walk.toarray())
    else:
        # A start of our own, so that the iteration does not draw one; not constant, or it could miss a direction.
        start = np.random.default_rng(0).normal(size=n_rows)
        values, vectors = eigsh(walk, k=wanted, which="LA", v0=start, tol=1e-5)
    order = np.argsort(-values)[:wanted]
    coordinates = vectors[:, order] * np.clip(values[order], 0, 1) ** _STEPS
    return np.asarray(coordinates * np.sqrt(strength.sum() / strength)[:, np.newaxis])
