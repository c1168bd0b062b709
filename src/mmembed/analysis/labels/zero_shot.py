"""Zero-shot labels: each row gets the label whose own vector is nearest; and how far several descriptions agree.

Two descriptions of each label are two raters. Raters that err independently, each right for a share ``a`` of the rows,
agree on ``a² + (1 - a)² / (c - 1)`` of them; where they err alike they agree more. So their agreement is an upper bound
of their accuracy, found without one true label (the idea of Platanios, Blum and Mitchell, "Estimating Accuracy from
Unlabeled Data", 2014).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.preparation import Preparation
from mmembed.errors import listed
from mmembed.frames import Written, beside, index_of, with_columns
from mmembed.vectors import as_vector_array, check_comparable

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix
    from mmembed.vectors import VectorArray


# Cosines of unlike contents differ by hundredths, more in one model than in another: a softmax is sharpened by what is
# usual in the column. Of .5, .7 and 1, .7 came nearest to true probabilities on the labelled sets of benchmarks/.
_TEMPERATURE = 0.7

_FEWEST_ROWS = 20

_USUAL_SPREAD = 0.07

# What is left of a label that equals the mean of all is rounding.
_ROUNDING = 1e-5


@dataclass(frozen=True, eq=False)
class ZeroShot:
    """The best of the given labels for each row.

    Attributes
    ----------
    labels : pandas.api.extensions.ExtensionArray, shape (n,)
        Missing for rows without a vector and for those whose score is under the threshold; of labels that tie, the
        first given.
    scores : numpy.ndarray, shape (n,), float32
        A softmax of the row's cosines divided by 0.7 of what cosines of this column with labels differ by; NaN for rows
        without a vector. Trust their order where the model reads the rows: there the surest are right most often. Do
        not trust their size: on the labelled sets of ``benchmarks/`` it is off by .03 to .21 where the model reads the
        rows at all, to either side, and by up to .4 where labels say nothing about them. How well labels fit cannot be
        told from the rows. Some 50 labelled rows bring scores close to the truth (``target=`` and ``labels=``
        together): off by .02 to .075.
    similarities : numpy.ndarray, shape (n, l), float32
        Cosine of each row with each label; NaN for rows without a vector.
    agreement : float or None
        Where each label has several descriptions: for which share of the rows the first ones alone choose the same
        label as the others alone. Where it is low, labels say little about these rows, and a warning says so where
        scores promise more than such raters can keep. None for single descriptions and for fewer than 20 rows.
    """

    labels: pd.api.extensions.ExtensionArray = field(repr=False)
    scores: npt.NDArray[np.float32] = field(repr=False)
    similarities: FloatMatrix = field(repr=False)
    # What was asked for, in order: counts in the notebook's table need the labels that nobody got, too.
    names: pd.api.extensions.ExtensionArray = field(repr=False)
    agreement: float | None = None
    # Labels of the rows, where the vectors were a Series; version 0.1 kept none.
    index: pd.Index | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        unlabelled = int(pd.isna(self.labels).sum())
        agreement = "" if self.agreement is None else f", agreement={self.agreement:.2f}"
        return (
            f"ZeroShot(rows={len(self)}, labels={len(self.names)}, unlabelled={unlabelled}{agreement}); "
            "see .labels, .summary() and .add_to(df)"
        )

    def summary(self) -> pd.DataFrame:
        """Return one row a label, in the order given: ``label``, ``rows``, ``share``, ``mean_score``."""
        given = pd.Series(self.labels)
        inside = [(given == name).fillna(value=False).to_numpy(dtype=bool) for name in self.names]
        rows = [int(one.sum()) for one in inside]
        total = max(1, sum(rows))
        means = [float(self.scores[one].mean(dtype=np.float64)) if one.any() else np.nan for one in inside]
        return pd.DataFrame(
            {"label": self.names, "rows": rows, "share": [one / total for one in rows], "mean_score": means}
        )

    def _repr_html_(self) -> str:
        return f"<div>{self.summary().to_html(index=False, float_format='{:.2f}'.format, na_rep='', border=0)}</div>"

    def add_to(self, df: pd.DataFrame, *, name: str = "label") -> pd.DataFrame:
        """Return the frame with ``label`` and ``label_score``; ``name`` renames both."""
        columns = {name: self.labels, f"{name}_score": self.scores}
        owner = Written.by("classify by words", name)
        return with_columns(df, columns, len(self), owner=owner, index=self.index)


def zero_shot(
    vectors: Any, label_vectors: Any, labels: Sequence[Any], *, kinds: Any = None, threshold: float | None = None
) -> ZeroShot:
    """Give each row the label whose vector is nearest by cosine similarity, without learning from examples.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    label_vectors : vector column, shape (p, d)
        A vector of each label, such as that of its description, in the same space.
    labels : sequence, length p
        What the label of each vector is called. A label that occurs several times has several descriptions, and the
        mean of their directions stands for it.
    kinds : sequence, length n, optional
        Kind of content of each row. The mean of each kind, and that of the labels, is removed first: a label of words
        is otherwise about equally far from all pictures (the modality gap), and a label that is near to everything wins
        too often. Give it for a table in which all labels occur: on balanced sets it is 0 to 11 points better. Leave it
        out for a few rows, or where most rows have one label: there the mean is that label, and without it most of its
        rows are lost (.84 falls to .28 on news of one section).
    threshold : float, optional
        Rows whose score is lower get no label. Scores are not probabilities: to leave a share of the rows open, compare
        their ranks (``scores.rank(pct=True)``) instead.

    Returns
    -------
    ZeroShot

    Raises
    ------
    ValueError
        If there is no label, one has no vector, or the numbers of labels and vectors differ.

    Warns
    -----
    UserWarning
        If several descriptions of the labels agree so seldom that the scores must be too high.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.array([[1, 0.2], [0, 1]], dtype="float32")
    >>> zero_shot(vectors, np.eye(2, dtype="float32"), ["east", "north"]).labels.tolist()
    ['east', 'north']
    """
    array, index = as_vector_array(vectors), index_of(vectors)
    kinds = beside(kinds, index, argument="kinds")
    model = ZeroShotModel.of(array, label_vectors, labels, is_centered=kinds is not None, threshold=threshold)
    model = replace(model, preparation=Preparation.learn(array, kinds))
    found = replace(model.spread_to(model.deviations(array, kinds)).label(array, kinds), index=index)
    if model.raters is None:
        return found
    verdicts = model.verdicts(array, found.scores, kinds)
    agreement = model.agreement(verdicts)
    warn_of_judges(agreement, verdicts, len(model.names), stacklevel=2)
    return replace(found, agreement=agreement)


@dataclass(frozen=True, eq=False)
class ZeroShotModel:
    """What labels rows part by part, once it is known what cosines of the whole column with labels differ by.

    Attributes
    ----------
    names : pandas.api.extensions.ExtensionArray, l labels
    rows : numpy.ndarray, shape (l, d)
        Mean direction of each.
    threshold : float or None
    raters : two numpy.ndarray, shape (l, d), or None
        Mean direction of each label's first description, and of its others; None where a label has one only.
    preparation : Preparation
    spread : float
    """

    names: pd.api.extensions.ExtensionArray
    rows: FloatMatrix = field(repr=False)
    threshold: float | None
    raters: tuple[FloatMatrix, FloatMatrix] | None = field(default=None, repr=False)
    preparation: Preparation = field(default_factory=Preparation, repr=False)
    spread: float = _USUAL_SPREAD

    @classmethod
    def of(
        cls, like: Any, label_vectors: Any, labels: Sequence[Any], *, is_centered: bool, threshold: float | None
    ) -> ZeroShotModel:
        """Check labels and threshold, and take the mean of what describes each label; see :func:`zero_shot`."""
        label_array = as_vector_array(label_vectors)
        check_comparable(like, label_array)
        _check_labels(list(labels), label_array.isna())
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"threshold={threshold!r} is no probability. Give one from 0 to 1, such as 0.5.")
        own, different = pd.factorize(pd.Series(list(labels)))
        names = pd.Series(different).array

        def directions(part: Any) -> FloatMatrix:
            return _mean_directions(label_array[part], own[part], len(names), is_centered=is_centered)

        parts = halves(own, len(names))
        raters = None if parts is None else (directions(parts[0]), directions(parts[1]))
        return cls(names, directions(np.ones(len(own), dtype=bool)), threshold, raters)

    def deviations(self, array: VectorArray, kinds: Any = None) -> npt.NDArray[np.float64]:
        """Return number, sum and sum of squares of how far each row's cosines are from their mean; parts add up."""
        cosines = self.preparation.rows(array, kinds) @ self.rows.T
        apart = (cosines - cosines.mean(axis=1, keepdims=True)).astype(np.float64)
        return np.array([len(cosines), apart.sum(), (apart * apart).sum()])

    def spread_to(self, deviations: npt.NDArray[np.float64]) -> ZeroShotModel:
        """Return the model with the standard deviation of cosines; the usual one where rows or labels are few."""
        n_rows, total, squares = deviations.tolist()
        if n_rows < _FEWEST_ROWS or len(self.rows) < 2:
            return self
        n_cosines = n_rows * len(self.rows)
        variance = max(squares / n_cosines - (total / n_cosines) ** 2, 0.0)
        return replace(self, spread=max(variance**0.5, 1e-3))

    def verdicts(
        self, array: VectorArray, scores: npt.NDArray[np.float32], kinds: Any = None
    ) -> npt.NDArray[np.float64]:
        """Return the number of rows, for how many both raters choose alike, and the sum of scores; parts add up."""
        rows = self.preparation.rows(array, kinds)
        one, other = ((rows @ rater.T).argmax(axis=1) for rater in self.raters or (self.rows, self.rows))
        return np.array([len(rows), (one == other).sum(), np.nansum(scores, dtype=np.float64)])

    def agreement(self, verdicts: npt.NDArray[np.float64]) -> float | None:
        """Return for which share of all rows the raters choose alike; None where rows are too few to tell."""
        n_rows, alike, _ = verdicts.tolist()
        return None if self.raters is None or n_rows < _FEWEST_ROWS else alike / n_rows

    @np.errstate(under="ignore")
    def label(self, array: VectorArray, kinds: Any = None) -> ZeroShot:
        """Give each row the nearest label."""
        cosines = self.preparation.rows(array, kinds) @ self.rows.T
        best = cosines.argmax(axis=1)
        sharpened = np.exp((cosines - cosines.max(axis=1, keepdims=True)) / (_TEMPERATURE * self.spread))
        present = ~array.isna()
        scores = np.full(len(array), np.nan, dtype=np.float32)
        scores[present] = sharpened.max(axis=1, initial=0) / sharpened.sum(axis=1)
        similarities = np.full((len(array), len(self.names)), np.nan, dtype=np.float32)
        similarities[present] = cosines
        chosen = np.full(len(array), -1)
        chosen[present] = best
        if self.threshold is not None:
            chosen[~(scores >= self.threshold)] = -1
        return ZeroShot(self.names.take(chosen, allow_fill=True), scores, similarities, self.names)


def warn_of_judges(
    agreement: float | None, verdicts: npt.NDArray[np.float64], n_labels: int, *, stacklevel: int
) -> None:
    """Say so if scores promise more than descriptions can keep that agree so seldom.

    Parameters
    ----------
    agreement, verdicts
        Of :class:`ZeroShotModel`.
    n_labels, stacklevel : int
    """
    if agreement is None:
        return
    mean_score = float(verdicts[2] / verdicts[0])
    if mean_score > (bound := highest_accuracy(agreement, n_labels)):
        warnings.warn(
            f"The descriptions of the labels choose alike for {agreement:.0%} of the rows, as raters do that are right "
            f"for {bound:.0%} at most: the mean score of {mean_score:.2f} is too high. Describe the labels otherwise, "
            "or label some rows (target= and labels= together).",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


def _mean_directions(array: VectorArray, own: npt.NDArray[np.intp], n_labels: int, *, is_centered: bool) -> FloatMatrix:
    units = unit_rows(array.matrix)
    means = unit_rows(np.stack([units[own == label].mean(axis=0) for label in range(n_labels)]))
    if not is_centered or n_labels == 1:
        return means
    rest = means - means.mean(axis=0)
    rest[np.linalg.norm(rest, axis=1) < _ROUNDING] = 0
    return unit_rows(rest)


def _check_labels(labels: list[Any], missing: npt.NDArray[np.bool_]) -> None:
    if not labels:
        raise ValueError("There is no label to choose from. Give at least one.")
    if len(labels) != len(missing):
        raise ValueError(
            f"{len(labels)} labels were given with {len(missing)} vectors. Give one vector for each label."
        )
    if missing.any():
        without = [label for label, is_missing in zip(labels, missing, strict=True) if is_missing]
        raise ValueError(f"Labels without a vector: {listed(without)}. Embed their descriptions first.")


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
    """Return the share right of raters that agree on that share of rows and err independently.

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
