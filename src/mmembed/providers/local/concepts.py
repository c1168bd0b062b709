"""What drawings add to the classifier: things that ImageNet has no class for, as they look on a plain ground.

A tomato, a planet or a coat cut out on white has no class of its own among the thousand; the classifier answers with
a croquet ball, a gong or a cloak. The table knows where some 2,900 drawings of 1,100 things lie among the features of
the last layer, and which texts name them. A picture moves towards the texts of the drawings it looks like.
``scripts/build_concept_table.py`` makes the table; README.md beside it tells its origin and licences.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from mmembed.arrays import FloatMatrix
from mmembed.providers.local.classes import normalised

__all__ = ["ConceptTable", "load_concept_table", "mix_concepts"]

DRAWINGS_IN_MIXTURE = 10
_TEMPERATURE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class ConceptTable:
    """Places of drawings among the features of pictures, and the texts of what they show.

    Attributes
    ----------
    names : tuple of str
        English names of the concepts.
    mean, scale : numpy.ndarray, shape (1280,)
        Of the features of the drawings.
    projection : numpy.ndarray, shape (1280, p)
    places : numpy.ndarray, shape (d, p)
        Where the drawings lie, of length 1.
    concepts : numpy.ndarray, shape (d,)
        Row of ``texts`` for each drawing.
    texts : numpy.ndarray, shape (c, 512)
        Of length 1.
    bias : numpy.ndarray, shape (1000,)
        What being a drawing on a plain ground adds to each class score.
    colours : numpy.ndarray, shape (11, 512)
        Direction of each colour word, from the mean of all.
    """

    names: tuple[str, ...] = field(repr=False)
    mean: FloatMatrix = field(repr=False)
    scale: FloatMatrix = field(repr=False)
    projection: FloatMatrix = field(repr=False)
    places: FloatMatrix = field(repr=False)
    concepts: npt.NDArray[np.int16] = field(repr=False)
    texts: FloatMatrix = field(repr=False)
    bias: FloatMatrix = field(repr=False)
    colours: FloatMatrix = field(repr=False)


def load_concept_table() -> ConceptTable:
    """Read the table that comes with mmembed."""
    folder = files("mmembed.providers.local")
    names = json.loads((folder / "concepts.json").read_text(encoding="utf-8"))
    with (folder / "concepts.npz").open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return ConceptTable(
            tuple(names),
            stored["mean"],
            stored["scale"],
            stored["projection"].astype(np.float32),
            normalised(stored["places"].astype(np.float32)),
            stored["concepts"],
            normalised(stored["texts"].astype(np.float32)),
            stored["bias"],
            stored["colours"].astype(np.float32),
        )


def mix_concepts(features: FloatMatrix, table: ConceptTable) -> FloatMatrix:
    """Return mixtures of the texts of the nearest drawings; the less these agree, the shorter.

    Parameters
    ----------
    features : numpy.ndarray, shape (n, 1280)
        Of the last layer.
    table : ConceptTable

    Returns
    -------
    numpy.ndarray, shape (n, 512), float32
    """
    spread = normalised((features - table.mean) * table.scale)
    cosines = normalised(spread @ table.projection) @ table.places.T
    best = np.argsort(-cosines, axis=1, kind="stable")[:, :DRAWINGS_IN_MIXTURE]
    weights = np.take_along_axis(cosines, best, axis=1)
    weights = np.exp((weights - weights[:, :1]) / _TEMPERATURE)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("nk,nkd->nd", weights, table.texts[table.concepts[best]]), np.float32)
