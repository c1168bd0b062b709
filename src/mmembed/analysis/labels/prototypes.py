"""Few labels: a prototype for each class, the mean of its rows shrunk towards the class's description.

Prototypes are those of Snell, Swersky and Zemel, "Prototypical Networks for Few-shot Learning", 2017, on vectors as
they are. A description counts as two rows: of 1, 2 and 4 that was best, or within a point of it, on nearly every set
with 1 to 20 rows a class; choosing the number by leaving rows out was worse. From some ten rows a class on another
classifier overtakes any prototype: which share each has in the answer is then chosen by rows that were left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.labels.probabilities import best_temperature, softmax
from mmembed.arrays import FloatMatrix

if TYPE_CHECKING:
    from mmembed.analysis.labels.kernel_ridge import LeftLogits

_USUAL_TEMPERATURE = 0.1
_SHARES = np.linspace(1, 0, 11)
_TINY = 1e-12


class ShrunkenPrototypes(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Nearest prototype by cosine, each prototype shrunk towards the description of its class.

    Parameters
    ----------
    descriptions : array, shape (c, d), optional
        A unit vector that describes each class 0 … c - 1; then classes without a row are known, too. Without it,
        prototypes are means of rows.
    center : array, shape (d,), optional
        Mean of all unit rows, labelled or not, which is taken off; the mean of the rows of the fit if not given. The
        mean of the descriptions is taken off them: it says what kind of content they are, not which class.
    worth : float
        How many rows a description counts for.

    Attributes
    ----------
    classes_ : numpy.ndarray, shape (c,)
    temperature_ : float
        Divides the cosines; the one under which rows left out one at a time are likeliest.
    prototypes_ : numpy.ndarray, shape (c, d)
        Of length 1.

    Examples
    --------
    >>> import numpy as np
    >>> described = ShrunkenPrototypes(descriptions=np.array([[1.0, 0], [0, 1]])).fit([[0.9, 0.3], [0.2, 0.8]], [0, 1])
    >>> described.predict([[0.6, 0.5]])
    array([0])
    """

    def __init__(self, *, descriptions: Any = None, center: Any = None, worth: float = 2.0) -> None:
        self.descriptions = descriptions
        self.center = center
        self.worth = worth

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 - scikit-learn's name
        """Make the prototypes of rows ``(n, d)`` with classes ``y``; with descriptions these are 0 … c - 1."""
        self._learn(X, y, None)
        return self

    def _learn(self, X: Any, y: Any, groups: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:  # noqa: N803
        """Make the prototypes; return rows' cosines with them, the own class's without the row's group, and classes."""
        rows, y = validate_data(self, X, y, dtype=np.float32)
        # scikit-learn's own check would take one row a class, which is what this is for, for a regression.
        if y.dtype.kind == "f" and (y % 1).any():
            raise ValueError("Unknown label type: continuous. Prototypes are of classes; give whole numbers or names.")
        known, codes = np.unique(y, return_inverse=True)
        described = None
        if self.descriptions is not None:
            described = _center_rows(np.asarray(self.descriptions, dtype=np.float32))
            if described.shape[1] != rows.shape[1] or not np.isin(known, np.arange(len(described))).all():
                raise ValueError(
                    f"{len(described)} descriptions of {described.shape[1]} numbers do not fit rows of {rows.shape[1]} "
                    f"numbers with the classes {known.tolist()}. Give one for each of the classes 0, 1, 2, …"
                )
            codes, known = known[codes].astype(np.intp), np.arange(len(described))
        elif len(known) < 2:
            raise ValueError(f"Classifier can't train when only one class is present: {known[0]!r}.")
        self.classes_ = known
        self._mean = rows.mean(axis=0) if self.center is None else np.asarray(self.center, dtype=np.float32)
        rows = unit_rows(rows - self._mean)
        sums = np.zeros((len(known), rows.shape[1]))
        np.add.at(sums, codes, rows)
        self.prototypes_ = _make_prototypes(sums, described, self.worth)
        left_out = self._leave_rows_out(rows, codes, sums, described, groups)
        self.temperature_ = self._temper(left_out, codes, described)
        return left_out, codes

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Return the probability of each class, shape (n, c)."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float32, reset=False)
        cosines = unit_rows(rows - self._mean).astype(np.float64) @ self.prototypes_.T
        return softmax(cosines / self.temperature_)

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """Return the class of the nearest prototype."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def _leave_rows_out(
        self,
        rows: FloatMatrix,
        codes: npt.NDArray[np.intp],
        sums: npt.NDArray[np.float64],
        described: Any,
        groups: npt.NDArray[Any] | None,
    ) -> npt.NDArray[Any]:
        cosines = rows @ self.prototypes_.T
        own: npt.NDArray[Any] = rows
        if groups is not None:
            _, mine = np.unique(np.unique(groups, return_inverse=True)[1] * len(sums) + codes, return_inverse=True)
            together = np.zeros((int(mine.max()) + 1, rows.shape[1]))
            np.add.at(together, mine, rows)
            own = together[mine]
        without = sums[codes] - own
        if described is not None:
            without = without + self.worth * described[codes]
        cosines[np.arange(len(rows)), codes] = np.einsum("ij,ij->i", rows, unit_rows(without.astype(np.float32)))
        return np.asarray(cosines)

    @staticmethod
    def _temper(cosines: npt.NDArray[Any], codes: npt.NDArray[np.intp], described: Any) -> float:
        """Return the temperature under which rows are likeliest that are left out of their own prototype."""
        # Without a description a lone row leaves nothing that it could be told by.
        measured = np.bincount(codes)[codes] > 1 if described is None else np.ones(len(codes), dtype=bool)
        if not measured.any():
            return _USUAL_TEMPERATURE
        temperature, _ = best_temperature(cosines[measured] / _USUAL_TEMPERATURE, codes[measured])
        # As if four more rows had been seen at the usual temperature.
        return _USUAL_TEMPERATURE * float(temperature ** (measured.sum() / (measured.sum() + 4)))


class DescribedClassifier(ShrunkenPrototypes):
    """Prototypes that descriptions help to make, and the default classifier on rows alone, as much of each as helps.

    Logarithms of both probabilities are mixed. The share of the prototypes, and with them of the descriptions, is the
    one under which rows are likeliest that were left out. With up to some five rows a class it is next to one, with
    fifty next to nothing.

    Parameters
    ----------
    descriptions, center, worth
        As of :class:`ShrunkenPrototypes`.
    class_weight, random_state
        As of :class:`mmembed.analysis.KernelClassifier`.

    Attributes
    ----------
    share_ : float
        Of the prototypes, from 0 to 1; 1 where a class has no row, or nothing could be left out.
    """

    def __init__(
        self,
        *,
        descriptions: Any = None,
        center: Any = None,
        worth: float = 2.0,
        class_weight: Any = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(descriptions=descriptions, center=center, worth=worth)
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:  # noqa: N803
        """Fit both, and choose their shares.

        Parameters
        ----------
        X : array, shape (n, d)
        y : array, shape (n,)
        groups : array of int, shape (n,), optional
            Rows of one group are left out together.
        """
        from mmembed.analysis.labels.kernel_classifier import KernelClassifier

        cosines, codes = self._learn(X, y, groups)
        self.share_, self._kernel = 1.0, None
        if len(np.unique(codes)) < len(self.classes_) or len(codes) < 2 * len(self.classes_):
            return self
        kernel = KernelClassifier(class_weight=self.class_weight, random_state=self.random_state)
        left = kernel.fit_and_leave_out(X, codes, groups)
        if len(left.rows):
            ours = _log_softmax(cosines[left.rows] / self.temperature_)
            losses = [_pooled_loss(share, ours, left, codes[left.rows]) for share in _SHARES]
            self.share_ = float(_SHARES[int(np.argmin(losses))])
        if self.share_ < 1:
            self._kernel = kernel
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Return the probability of each class, shape (n, c)."""
        likely = super().predict_proba(X)
        if self._kernel is None:
            return likely
        theirs = self._kernel.predict_proba(X)
        logits = self.share_ * np.log(likely + _TINY) + (1 - self.share_) * np.log(theirs + _TINY)
        return softmax(logits)


def _pooled_loss(share: float, ours: npt.NDArray[Any], left: LeftLogits, codes: npt.NDArray[np.intp]) -> float:
    """Return the log loss of rows left out when prototypes have that share.

    It is the mean of two: with the default classifier's logits as they were tempered, and as what was learned from the
    same rows has mended them. The first is too high a loss, the second too low, with few rows by much.
    """
    at, total = np.arange(len(codes)), 0.0
    for theirs in (left.tempered, left.mended):
        pooled = _log_softmax(share * ours + (1 - share) * _log_softmax(theirs))
        total -= float(np.average(pooled[at, codes], weights=left.counted)) / 2
    return total


def _log_softmax(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.log(softmax(logits.astype(np.float64)) + _TINY)


def _make_prototypes(sums: npt.NDArray[np.float64], described: Any, worth: float) -> npt.NDArray[np.float64]:
    mixed = sums if described is None else sums + worth * described
    return unit_rows(mixed.astype(np.float32)).astype(np.float64)


def _center_rows(descriptions: FloatMatrix) -> FloatMatrix:
    return unit_rows(descriptions - descriptions.mean(axis=0)) if len(descriptions) > 1 else unit_rows(descriptions)
