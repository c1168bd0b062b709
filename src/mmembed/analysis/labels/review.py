"""Labels to check and rows to label next, by held-out probabilities and the neighbours' votes.

A label is in doubt where another class was likelier while the row was held out. People mistake one class for its
neighbour, so rows are ranked by the log-odds of the rival against the label, by held-out probabilities, plus the same
odds by the votes of the ten nearest rows. On planted errors towards the most similar class this finds more than the
label's own probability with its own votes, and on random errors as many (``benchmarks/planting.py``). A label is called
wrong with confidence by the rule of Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset
Labels", 2021: the other class is also at least as probable as it is for rows that bear its name. The number of such
labels is the estimate of how many are wrong.

Rows to label next are those of which the classifier is least sure, far from each other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import distinct_directions
from mmembed.analysis.graphs.graph import shared_graph
from mmembed.analysis.labels.experiment import HeldOut
from mmembed.arrays import FloatMatrix

_NEIGHBORS = 10

# Below these, differences of probabilities and of votes are chance.
_LEAST_PROBABILITY = 1e-3

_LEAST_VOTES = 0.05

# Odds of 150 to 1 by both together. Of the rows above it on development sets (digits, laws, names of emoji, sayings),
# .95 to .99 had a planted error where the classifier was right for .92 or more, and a half where for .75 to .82. Where
# it was right for .53 (glosses of verbs) it was a fifth, too few to accuse anybody; and a quarter of terms of computing
# (.73), whose own labels are doubtful.
CERTAIN = 0.925

WEAK = 0.7


def find_label_issues(held: HeldOut, rows: FloatMatrix) -> pd.DataFrame:
    """Rank rows whose label is contradicted.

    Parameters
    ----------
    held : HeldOut
        With probabilities.
    rows : numpy.ndarray, shape (m, d), float32
        The vectors that were learned from; their lengths do not matter.

    Returns
    -------
    pandas.DataFrame
        The rows in doubt, most doubtful first: ``row`` (position among the m), ``label`` and ``suggested`` (codes),
        ``doubt`` (the geometric mean of both odds, as a share from 0 to 1), ``label_probability``,
        ``suggested_probability``, ``label_votes`` and ``suggested_votes`` (shares of the ten nearest other rows),
        ``is_confident``.
    """
    if held.probabilities is None:
        raise ValueError(
            "The estimator gives no probabilities, and label issues are found by them. Leave estimator= out, or wrap "
            "it: sklearn.calibration.CalibratedClassifierCV(estimator)."
        )
    measured = np.flatnonzero(held.measured)
    y, probabilities = held.y[measured], held.probabilities[measured].astype(np.float64)
    n_classes = probabilities.shape[1]
    own = probabilities[np.arange(len(y)), y]
    counts = np.bincount(y, minlength=n_classes)
    usual = np.bincount(y, weights=own, minlength=n_classes) / np.maximum(counts, 1)
    usual[counts == 0] = np.inf
    confident = np.where(probabilities >= usual, probabilities, -1.0)
    confident[np.arange(len(y)), y] = -1.0
    others = probabilities.copy()
    others[np.arange(len(y)), y] = -1.0
    is_confident = confident.max(axis=1) > own
    best = others.argmax(axis=1)
    suggested_probability = probabilities[np.arange(len(y)), best]
    doubted = np.flatnonzero(suggested_probability > own)
    label_votes, suggested_votes = _votes(held, rows, measured[doubted], best[doubted])
    odds = (suggested_probability[doubted] + _LEAST_PROBABILITY) / (own[doubted] + _LEAST_PROBABILITY)
    odds *= (suggested_votes + _LEAST_VOTES) / (label_votes + _LEAST_VOTES)
    frame = pd.DataFrame(
        {
            "row": measured[doubted],
            "label": y[doubted],
            "suggested": best[doubted],
            "doubt": 1 - 1 / (1 + np.sqrt(odds)),
            "label_probability": own[doubted],
            "suggested_probability": suggested_probability[doubted],
            "label_votes": label_votes,
            "suggested_votes": suggested_votes,
            "is_confident": is_confident[doubted],
        }
    )
    return frame.sort_values(["doubt", "row"], ascending=[False, True], kind="stable").reset_index(drop=True)


def certain(doubted: pd.DataFrame) -> int:
    """Return how many of the first rows of :func:`find_label_issues` to show: the surest, no more than are wrong."""
    return min(int((doubted["doubt"] >= CERTAIN).sum()), int(doubted["is_confident"].sum()))


def _votes(
    held: HeldOut, rows: FloatMatrix, asked: npt.NDArray[np.intp], suggested: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the shares of each asked row's neighbours and equals that bear its label and the suggested one."""
    if not len(asked):
        return np.empty(0), np.empty(0)
    distinct = distinct_directions(rows)
    n_classes = int(held.y.max()) + 1
    labels = np.zeros((len(distinct), n_classes))
    np.add.at(labels, (distinct.groups, held.y), 1.0)
    places = distinct.groups[asked]
    votes = labels[places]
    votes[np.arange(len(asked)), held.y[asked]] -= 1  # nobody votes for himself
    if len(distinct) > 1:
        graph = shared_graph(distinct.source, min(_NEIGHBORS, len(distinct) - 1))
        shares = labels / labels.sum(axis=1, keepdims=True)
        for neighbor in graph.indices[places].T:
            votes += shares[neighbor]
    votes /= np.maximum(votes.sum(axis=1, keepdims=True), 1)
    at = np.arange(len(asked))
    return votes[at, held.y[asked]], votes[at, suggested]


# Rows among which the diverse ones are picked, for each row asked for.
_POOL = 20


def rows_to_label_next(rows: FloatMatrix, probabilities: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.intp]:
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
