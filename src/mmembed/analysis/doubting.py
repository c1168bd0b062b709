"""Labels that the other rows contradict: confident learning on held-out probabilities, with the neighbours' votes.

Confident learning is that of Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset
Labels", 2021: a row is in doubt where another class is at least as probable as it is for rows that bear that class's
name, so that classes the model is less sure of are not all called wrong.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosine import FloatMatrix
from mmembed.analysis.distinct import distinct_rows
from mmembed.analysis.graph_store import shared_graph
from mmembed.analysis.holding_out import HeldOut

_NEIGHBORS = 10


def doubt_labels(held: HeldOut, rows: FloatMatrix) -> pd.DataFrame:
    """Rank rows whose label is contradicted.

    Parameters
    ----------
    held : HeldOut
        With probabilities.
    rows : numpy.ndarray, shape (m, d), float32
        The unit rows that were learned from.

    Returns
    -------
    pandas.DataFrame
        The rows that confident learning doubts, most doubtful first: ``row`` (position among the m), ``label`` and
        ``suggested`` (codes), ``doubt`` from 0 to 1, ``label_probability``, ``suggested_probability``, ``label_votes``
        and ``suggested_votes`` (shares of the ten nearest other rows).
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
    best = confident.argmax(axis=1)
    suggested_probability = confident[np.arange(len(y)), best]
    # The row's own label holds where it is as likely as usual, unless another is likelier still.
    doubted = np.flatnonzero(suggested_probability > own)
    label_votes, suggested_votes = _votes(held, rows, measured[doubted], best[doubted])
    probable = (suggested_probability[doubted] - own[doubted] + 1) / 2
    voted = (suggested_votes - label_votes + 1) / 2
    frame = pd.DataFrame(
        {
            "row": measured[doubted],
            "label": y[doubted],
            "suggested": best[doubted],
            "doubt": (probable + voted) / 2,
            "label_probability": own[doubted],
            "suggested_probability": suggested_probability[doubted],
            "label_votes": label_votes,
            "suggested_votes": suggested_votes,
        }
    )
    return frame.sort_values(["doubt", "row"], ascending=[False, True], kind="stable").reset_index(drop=True)


def _votes(
    held: HeldOut, rows: FloatMatrix, asked: npt.NDArray[np.intp], suggested: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the shares of each asked row's neighbours and equals that bear its label and the suggested one."""
    if not len(asked):
        return np.empty(0), np.empty(0)
    distinct = distinct_rows(rows)
    n_classes = int(held.y.max()) + 1
    labels = np.zeros((len(distinct), n_classes))
    np.add.at(labels, (distinct.groups, held.y), 1.0)
    places = distinct.groups[asked]
    votes = labels[places]
    votes[np.arange(len(asked)), held.y[asked]] -= 1  # nobody votes for himself
    if len(distinct) > 1:
        graph = shared_graph(distinct.rows, min(_NEIGHBORS, len(distinct) - 1))
        shares = labels / labels.sum(axis=1, keepdims=True)
        for neighbor in graph.indices[places].T:
            votes += shares[neighbor]
    votes /= np.maximum(votes.sum(axis=1, keepdims=True), 1)
    at = np.arange(len(asked))
    return votes[at, held.y[asked]], votes[at, suggested]
