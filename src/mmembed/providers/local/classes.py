"""The table of classes, and the mixture of class vectors that a picture's scores give."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.resources import files

import numpy as np

from mmembed.arrays import FloatMatrix


@dataclass(frozen=True, slots=True, eq=False)
class ClassTable:
    """Names and vectors of the classes, in the order of the classifier's scores.

    Attributes
    ----------
    names : tuple of str
        English names.
    vectors : numpy.ndarray, shape (1000, 512), float32
        Of length 1.
    """

    names: tuple[str, ...]
    vectors: FloatMatrix = field(repr=False)


def load_class_table() -> ClassTable:
    """Read the table that comes with mmembed."""
    folder = files("mmembed.providers.local")
    names = json.loads((folder / "classes.json").read_text(encoding="utf-8"))
    with (folder / "classes.npy").open("rb") as file:
        vectors = np.load(file, allow_pickle=False).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return ClassTable(tuple(names), vectors)


# Beyond the twenty best, the probabilities are noise.
CLASSES_IN_MIXTURE = 20


def normalised(vectors: FloatMatrix) -> FloatMatrix:
    """Return the vectors with length 1, over the last axis."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def softmax(scores: FloatMatrix) -> FloatMatrix:
    """Return probabilities for scores, over the last axis."""
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True), np.float32)


def mix_classes(scores: FloatMatrix, class_vectors: FloatMatrix) -> FloatMatrix:
    """Return mixtures of class vectors; the less the classes agree, the shorter.

    Parameters
    ----------
    scores : numpy.ndarray, shape (n, c)
        Class scores (logits); their softmax, cut to the twenty best classes, weighs the class vectors.
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
    weights = softmax(np.take_along_axis(scores, best, axis=1))
    return np.asarray(np.einsum("nk,nkd->nd", weights, class_vectors[best]), np.float32)
