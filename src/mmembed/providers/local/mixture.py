"""From class scores to a vector: the convex combination of class vectors.

ConSE, "Zero-Shot Learning by Convex Combination of Semantic Embeddings" (Norouzi et al. 2013): a photograph that looks
eight parts tabby and two parts fox lies at that point between the texts "tabby" and "fox".
"""

from __future__ import annotations

import numpy as np

from mmembed.arrays import FloatMatrix

__all__ = ["CLASSES_IN_MIXTURE", "mix_classes", "normalised"]

# The paper's T; beyond the ten best, the probabilities are noise.
CLASSES_IN_MIXTURE = 10


def normalised(vectors: FloatMatrix) -> FloatMatrix:
    """Return the vectors with length 1, over the last axis."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def mix_classes(scores: FloatMatrix, class_vectors: FloatMatrix) -> FloatMatrix:
    """Return the vectors of pictures, of length 1.

    Parameters
    ----------
    scores : numpy.ndarray, shape (n, c)
        Class scores (logits); their softmax, cut to the ten best classes, weighs the class vectors.
    class_vectors : numpy.ndarray, shape (c, d)

    Returns
    -------
    numpy.ndarray, shape (n, d), float32

    Examples
    --------
    >>> mix_classes(np.array([[9.0, -999.0]], np.float32), np.eye(2, dtype=np.float32))
    array([[1., 0.]], dtype=float32)
    """
    best = np.argsort(-scores, axis=1, kind="stable")[:, :CLASSES_IN_MIXTURE]
    best_scores = np.take_along_axis(scores, best, axis=1)
    weights = np.exp(best_scores - best_scores[:, :1])
    weights /= weights.sum(axis=1, keepdims=True)
    return normalised(np.einsum("nk,nkd->nd", weights, class_vectors[best]))
