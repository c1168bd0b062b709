"""Zero-shot labels: each row gets the label whose own vector is nearest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.frames import with_columns
from mmembed.analysis.preparing import Preparation
from mmembed.errors import listed
from mmembed.vectors import as_vector_array, check_comparable

if TYPE_CHECKING:
    from mmembed.analysis.cosine import FloatMatrix

# Cosines of unlike contents differ by hundredths, so that a softmax of bare cosines would give all labels alike.
_TEMPERATURE = 0.05


@dataclass(frozen=True, eq=False)
class ZeroShot:
    """The best of the given labels for each row.

    Attributes
    ----------
    labels : pandas.api.extensions.ExtensionArray, shape (n,)
        Missing for rows without a vector; of labels that tie, the first given.
    scores : numpy.ndarray, shape (n,), float32
        Share of the label in a softmax of the row's cosines divided by 0.05, from ``1 / l`` to 1. It says how clearly
        the label beats the other given labels; it is no calibrated probability, and it is high for the least wrong of
        labels that are all wrong. NaN for rows without a vector.
    similarities : numpy.ndarray, shape (n, l), float32
        Cosine of each row with each label; NaN for rows without a vector.
    """

    labels: pd.api.extensions.ExtensionArray = field(repr=False)
    scores: npt.NDArray[np.float32] = field(repr=False)
    similarities: FloatMatrix = field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"ZeroShot(rows={len(self)}, labels={self.similarities.shape[1]}); see .labels and .add_to(df)"

    def add_to(self, df: pd.DataFrame, *, name: str = "label") -> pd.DataFrame:
        """Return the frame with ``label`` and ``label_score``; ``name`` renames both."""
        return with_columns(df, {name: self.labels, f"{name}_score": self.scores}, len(self))


def zero_shot(vectors: Any, label_vectors: Any, labels: Sequence[Any], *, kinds: Any = None) -> ZeroShot:
    """Give each row the label whose vector is nearest by cosine similarity, without learning from examples.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    label_vectors : vector column, shape (l, d)
        A vector of each label, such as that of its description, in the same space.
    labels : sequence, length l
        What the labels are called; each once.
    kinds : sequence, length n, optional
        Kind of content of each row. The mean of each kind, and that of the labels, is removed first: a label of words
        is otherwise about equally far from all pictures (the modality gap), and a label that is near to everything wins
        too often. It compares rows with the other rows of their kind, so give it for a table of many rows and labels
        that all occur, and leave it out for a few rows.

    Returns
    -------
    ZeroShot

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.array([[1, 0.2], [0, 1]], dtype="float32")
    >>> zero_shot(vectors, np.eye(2, dtype="float32"), ["east", "north"]).labels.tolist()
    ['east', 'north']
    """
    array, label_array = as_vector_array(vectors), as_vector_array(label_vectors)
    check_comparable(array, label_array)
    names = pd.Series(list(labels)).array
    _check_labels(list(labels), label_array.isna())
    label_kinds = None if kinds is None else ["label"] * len(names)
    label_rows = Preparation.learn(label_array, label_kinds).rows(label_array, label_kinds)
    rows = Preparation.learn(array, kinds).rows(array, kinds)
    cosines = rows @ label_rows.T
    best = cosines.argmax(axis=1)
    sharpened = np.exp((cosines - cosines.max(axis=1, keepdims=True)) / _TEMPERATURE)
    present = ~array.isna()
    scores = np.full(len(array), np.nan, dtype=np.float32)
    scores[present] = sharpened.max(axis=1) / sharpened.sum(axis=1)
    similarities = np.full((len(array), len(names)), np.nan, dtype=np.float32)
    similarities[present] = cosines
    chosen = np.full(len(array), -1)
    chosen[present] = best
    return ZeroShot(names.take(chosen, allow_fill=True), scores, similarities)


def _check_labels(labels: list[Any], missing: npt.NDArray[np.bool_]) -> None:
    if not labels:
        raise ValueError("There is no label to choose from. Give at least one.")
    if len(labels) != len(missing):
        raise ValueError(
            f"{len(labels)} labels were given with {len(missing)} vectors. Give one vector for each label."
        )
    if repeated := [label for at, label in enumerate(labels) if label in labels[:at]]:
        raise ValueError(f"Labels occur twice: {listed(repeated)}. Give each label once.")
    if missing.any():
        without = [label for label, is_missing in zip(labels, missing, strict=True) if is_missing]
        raise ValueError(f"Labels without a vector: {listed(without)}. Embed their descriptions first.")
