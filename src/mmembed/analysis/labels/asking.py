"""Which rows to label next: those that the classifier is least sure of, far from each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mmembed.arrays import FloatMatrix

# Rows among which the diverse ones are picked, for each row asked for.
_POOL = 20


def uncertain_and_diverse(rows: FloatMatrix, probabilities: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.intp]:
    """Pick rows one by one, each the one with the greatest product of uncertainty and distance to those picked.

    Uncertainty is one minus the margin between the two likeliest classes; the distance is one minus the cosine to the
    nearest row picked before. Equal rows are picked once.

    Parameters
    ----------
    rows : numpy.ndarray, shape (m, d), float32
        Unit rows.
    probabilities : numpy.ndarray, shape (m, c)

    Returns
    -------
    numpy.ndarray of int
        At most n positions, in the order of picking.
    """
    top = np.partition(probabilities, -2, axis=1)[:, -2:]
    uncertainty = 1 - (top[:, 1] - top[:, 0])
    pool = np.argsort(-uncertainty, kind="stable")[: max(n * _POOL, 200)]
    rows, uncertainty = rows[pool], uncertainty[pool]
    distance = np.ones(len(pool))
    picked: list[int] = []
    while len(picked) < min(n, len(pool)):
        worth = uncertainty * distance
        worth[picked] = -1
        best = int(worth.argmax())
        if picked and distance[best] <= 1e-6:
            break
        picked.append(best)
        distance = np.minimum(distance, 1 - rows @ rows[best])
    return np.asarray(pool[picked], dtype=np.intp)
