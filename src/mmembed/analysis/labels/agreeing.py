"""How far several descriptions of the same labels agree: what bounds the trust in labels that nobody checked.

Two descriptions of each label are two judges. Judges that err independently, each right for a share ``a`` of the rows,
agree on ``a² + (1 - a)² / (c - 1)`` of them; where they err alike they agree more. So their agreement tells, without
one true label, what their accuracy is not above (the idea of Platanios, Blum and Mitchell, "Estimating Accuracy from
Unlabeled Data", 2014).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def halves(own: npt.NDArray[np.intp], n_labels: int) -> list[npt.NDArray[np.bool_]] | None:
    """Part the descriptions into each label's first and its others; None where a label has one only.

    Parameters
    ----------
    own : numpy.ndarray of int, shape (p,)
        Label of each description.
    """
    if n_labels < 2 or np.bincount(own, minlength=n_labels).min() < 2:
        return None
    first = np.zeros(len(own), dtype=bool)
    first[np.unique(own, return_index=True)[1]] = True
    return [first, ~first]


def highest_accuracy(agreement: float, n_labels: int) -> float:
    """Return the share right of judges that agree on that share of rows and err independently.

    It is at least that of guessing.

    Examples
    --------
    >>> highest_accuracy(0.82, 2)
    0.9
    """
    rest = n_labels - 1
    # a² + (1 - a)² / rest = agreement, solved for the greater a.
    inside = 1 - (1 + rest) * (1 - agreement * rest)
    return round(float((1 + np.sqrt(max(inside, 0.0))) / (1 + rest)), 6)
