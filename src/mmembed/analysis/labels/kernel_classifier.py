"""The default classifier: ridge regression on a Gaussian kernel, its scores made probabilities by rows left out."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from mmembed.analysis.labels.kernel_ridge import fit_ridge, leave_out
from mmembed.analysis.labels.probabilities import fit_softmax, softmax

# The many small products of a small fit lose more by waiting for each other's threads than they win, on a busy machine
# by a factor of ten.
_ONE_THREAD_ROWS = 20_000
_PREDICTED_AT_ONCE = 8192
# Rows for each landmark. Two classes are told apart nearly as well with fewer (within .3 points).
_ROWS_A_LANDMARK, _ROWS_A_LANDMARK_OF_TWO = 8, 12
_LANDMARKS = 384, 1024
# How much the scores' own say counts against what rows left out teach about them, as a number of rows.
_DRAWN_BACK = 32
# From so many classes on there is too much to learn about them in pairs; then the scores are only tempered.
_MOST_PAIRED_CLASSES = 256


class KernelClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Kernel ridge regression on the classes, with penalty and probabilities from rows that are left out.

    Embeddings of one topic are often not to be parted by planes: then a Gaussian kernel is several points better than
    any linear model, and where planes do, it is no worse. The kernel is Nyström's with ``n_features`` landmarks, so
    that time grows with the number of rows. What each row would have scored without it follows from the one fit, and
    from these scores the penalty, a temperature and a small logistic regression between the classes are learned: that
    makes the scores calibrated probabilities. Nothing is fitted twice, and no row judges itself.

    Parameters
    ----------
    penalty : float or "auto"
        As a share of the features' variance; ``"auto"`` compares some, from ``1 / n`` on as the log loss falls.
    width : float
        Of the kernel, as a multiple of the rows' variance.
    n_features : int or "auto"
        Landmarks: more are slower, and better where there are many rows of many kinds. ``"auto"`` takes an eighth
        of the rows, of two classes a twelfth, but 384 to 1,024.
    class_weight : None, "balanced" or dict
        None learns the classes' shares as they are, and its probabilities are those of such rows. ``"balanced"`` counts
        each class alike: rare classes are found more often, and probabilities are those of a table with even shares.
    random_state : int, RandomState or None
        For landmarks, and for which rows of a large table are left out.

    Attributes
    ----------
    classes_ : numpy.ndarray, shape (c,)
    penalty_, temperature_ : float
        What was chosen; the temperature divides scores, which are about shares, to make them logits.
    trials_ : list of tuple (penalty, log loss)
        What was compared; empty where nothing could be left out.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]])
    >>> KernelClassifier(random_state=0).fit(rows, ["east", "east", "north", "north"]).predict([[1, 0.2]])
    array(['east'], dtype='<U5')
    """

    def __init__(
        self,
        *,
        penalty: float | Literal["auto"] = "auto",
        width: float = 2.0,
        n_features: int | Literal["auto"] = "auto",
        class_weight: Any = None,
        random_state: Any = None,
    ) -> None:
        self.penalty = penalty
        self.width = width
        self.n_features = n_features
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Fit on all rows, and learn from those left out how far to trust the fit.

        Parameters
        ----------
        X : array, shape (n, d)
        y : array, shape (n,)
        groups : array of int, shape (n,), optional
            Rows of one group are left out together.
        """
        rows, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self._check_parameters()
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier can't train when only one class is present: {self.classes_[0]!r}.")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        weights = compute_class_weight(self.class_weight, classes=self.classes_, y=y)[codes]
        weights = weights * (len(weights) / weights.sum())
        groups = None if groups is None else np.asarray(groups)
        with threadpool_limits(1 if len(rows) <= _ONE_THREAD_ROWS else None, user_api="blas"):
            ridge = fit_ridge(
                rows,
                codes,
                weights,
                n_classes=len(self.classes_),
                width=self.width,
                most=self._landmark_count(len(rows)),
                random_state=seed,
            )
            penalty = None if self.penalty == "auto" else float(self.penalty)
            left = leave_out(ridge, rows, codes, weights, groups, penalty=penalty, random_state=seed)
            self.penalty_, self.temperature_, self.trials_ = left.penalty, left.temperature, left.trials
            mixing = self._mix(left.scores / np.float32(left.temperature), codes[left.rows], weights[left.rows])
        self._landmarks = ridge.landmarks
        slopes, offsets = ridge.coefficients(left.penalty)
        self._slopes = slopes / left.temperature @ mixing[:-1]
        self._offsets = offsets / left.temperature @ mixing[:-1] + mixing[-1]
        return self

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Return the logits, shape (n, c); of two classes their difference, shape (n,)."""
        logits = self._logits(X)
        return np.asarray(logits[:, 1] - logits[:, 0]) if logits.shape[1] == 2 else logits

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Return the probability of each class, shape (n, c)."""
        return softmax(self._logits(X))

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """Return the likeliest class of each row."""
        logits = self._logits(X)
        return np.asarray(self.classes_[logits.argmax(axis=1)])

    def _mix(
        self, logits: npt.NDArray[np.float32], codes: npt.NDArray[np.intp], weights: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Return ``(c + 1, c)``: what logits are multiplied by, and what is added, to make better ones of them."""
        n_classes = len(self.classes_)
        mixing = np.eye(n_classes + 1, n_classes)
        # A class of which no row could be left out is none that anything was learned about.
        seen = np.unique(codes)
        if 2 <= len(seen) <= _MOST_PAIRED_CLASSES:
            places = np.searchsorted(seen, codes)
            found = fit_softmax(logits[:, seen], places, weights, penalty=_DRAWN_BACK / len(codes))
            mixing[np.ix_(np.append(seen, n_classes), seen)] = found
        return mixing

    def _logits(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float32, reset=False)
        logits = np.empty((len(rows), len(self.classes_)))
        for begin in range(0, len(rows), _PREDICTED_AT_ONCE):
            # In float64 a row's probabilities do not depend, in any digit that is shown, on the rows beside it.
            block = rows[begin : begin + _PREDICTED_AT_ONCE].astype(np.float64)
            logits[begin : begin + len(block)] = self._landmarks.kernel(block) @ self._slopes + self._offsets
        return logits

    def _landmark_count(self, n_rows: int) -> int:
        if self.n_features != "auto":
            return self.n_features
        share = _ROWS_A_LANDMARK_OF_TWO if len(self.classes_) == 2 else _ROWS_A_LANDMARK
        return int(np.clip(n_rows // share, *_LANDMARKS))

    def _check_parameters(self) -> None:
        if self.penalty != "auto" and not float(self.penalty) > 0:
            raise ValueError(f"penalty={self.penalty!r} is not a positive number. Give one, or 'auto'.")
        if not self.width > 0:
            raise ValueError(f"width={self.width!r} is not a positive number. Give one, such as 2.0.")
        if self.n_features != "auto" and self.n_features < 1:
            raise ValueError(
                f"n_features={self.n_features!r} leaves nothing to learn from. Give at least 1, or 'auto'."
            )
