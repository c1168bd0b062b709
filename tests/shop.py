"""Tables of a shop whose clusters are known by their directions, whatever they are called."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmembed.vectors import VectorArray

SIZES = {"red dress": 60, "boots": 60, "earphones": 60, "lamp": 60}


def shop(sizes, *, names=None, start=0):
    """Return a frame whose clusters point along one axis each, whatever they are called."""
    rng = np.random.default_rng(start)
    kinds = [kind for kind, size in sizes.items() for _ in range(size)]
    axes = [list(SIZES | sizes).index(kind) for kind in kinds]
    length = max(6, len(SIZES | sizes))
    vectors = np.eye(length)[axes] + rng.normal(size=(len(kinds), length)) * 0.05
    return pd.DataFrame(
        {
            "vector": VectorArray.from_matrix(vectors.astype("float32"), space="toy"),
            "title": [f"{kind} {start + row}" for row, kind in enumerate(kinds)],
            "cluster": pd.factorize(pd.Series(kinds))[0],
            "cluster_name": [(names or {}).get(kind, kind) for kind in kinds],
            "map_x": vectors[:, 0],
            "map_y": vectors[:, 1],
        }
    )
