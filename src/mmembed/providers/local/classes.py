"""The class table: what each of the thousand ImageNet classes means, as a vector in the space of the texts.

``scripts/build_class_table.py`` makes it; README.md beside it tells its origin and licences.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.resources import files

import numpy as np

from mmembed.arrays import FloatMatrix

__all__ = ["ClassTable", "load_class_table"]


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
