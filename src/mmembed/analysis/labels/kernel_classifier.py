"""The default classifier: ridge regression on a Gaussian kernel, its scores made probabilities by rows left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from mmembed.analysis.labels.exact_ridge import ExactRidge
from mmembed.analysis.labels.kernel_ridge import (
    MOST_LEFT_OUT,
    LeftLogits,
    Matrix,
    Ridge,
    Sums,
    fit_ridge,
    leave_out,
    read_rows,
)
from mmembed.analysis.labels.landmarks import Kernel, choose_landmarks
from mmembed.analysis.labels.probabilities import fit_softmax, softmax
from mmembed.arrays import FloatMatrix

# The many small products of a small fit lose more by waiting for each other's threads than they win, on a busy machine
# by a factor of ten.
_ONE_THREAD_ROWS = 20_000
_PREDICTED_AT_ONCE = 2048
# More are not better in a way that could be measured, and take longer by their square.
_LANDMARKS = 2048
# With so few landmarks, and of so many rows, it is seen quickly about where the penalty has to be. With more landmarks
# the best one was half a decade lower on nearly all sets.
_FEW_LANDMARKS, _FEW_ROWS, _LOWER = 256, 4096, 10**-0.5
# With fewer the few are no saving.
_MANY_LANDMARKS = 768
# How much the scores' own say counts against what rows left out teach about them, as a number of rows: about what one
# class tells of another, and about a class's own scores, which are too small as a rule where the class is rare.
_DRAWN_BACK, _OWN_DRAWN_BACK = 32, 4
# From so many classes on there is too much to learn about them in pairs; then the scores are only tempered.
_MOST_PAIRED_CLASSES = 256


class KernelClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Kernel ridge regression on the classes, with penalty and probabilities from rows that are left out.

    Embeddings of one topic are often not to be parted by planes: then a Gaussian kernel is several points better than
    any linear model, and where planes do, it is no worse. The kernel is Nyström's with ``n_features`` landmarks, so
    that time grows with the number of rows. What each row would have scored without it follows from the one fit, and
    from these scores the penalty, a temperature and a small logistic regression between the classes are learned: that
    makes the scores calibrated probabilities. Nothing is fitted twice, and no row scores itself.

    Parameters
    ----------
    penalty : float or "auto"
        As a share of the features' variance; ``"auto"`` compares some, from ``1 / n`` on as the log loss falls.
    width : float
        Of the kernel, as a multiple of the rows' variance.
    n_features : int or "auto"
        Landmarks: more are slower, and better where there are many rows of many kinds. ``"auto"`` takes all rows, of
        more than 3,000 rows 2,048 means of them.
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
        self.fit_and_leave_out(X, y, groups)
        return self

    def fit_and_leave_out(self, X: Any, y: Any, groups: Any = None) -> LeftLogits:  # noqa: N803
        """Fit as :meth:`fit` does, and return the logits of rows that were left out."""
        rows, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self._check_parameters()
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier can't train when only one class is present: {self.classes_[0]!r}.")
        seed = self._seed()
        weights = self._weights(y, codes)
        groups = None if groups is None else np.asarray(groups)
        with _threads(len(rows)):
            ridge = self._fit(rows, codes, weights, seed)
            return self._learn(ridge, rows, codes=codes, weights=weights, groups=groups, seed=seed)

    def fit_without(
        self, rows: FloatMatrix, y: npt.NDArray[np.intp], groups: npt.NDArray[np.intp], parts: npt.NDArray[np.intp]
    ) -> Iterator[Self]:
        """Fit clones on all rows but each part's, then one on all rows, from a single reading of the rows.

        Landmarks are those of all rows, which tell nothing of their classes; with ``class_weight``, so are the weights.
        All else is learned from the rows outside the part alone.

        Parameters
        ----------
        rows : numpy.ndarray, shape (n, d), float32
        y, groups : numpy.ndarray of int, shape (n,)
        parts : numpy.ndarray of int, shape (n,)
            From 0; rows of the part -1 are in every fit.

        Yields
        ------
        KernelClassifier
            Part by part, the one on all rows last. Where fewer than two classes are left there is an unfitted one.
        """
        self._check_parameters()
        present, codes = np.unique(y, return_inverse=True)
        seed, n_parts = self._seed(), int(parts.max()) + 1
        weights = self._weights(y, codes)
        with _threads(len(rows)):
            most = self._landmark_count(len(rows))
            landmarks = choose_landmarks(rows, width=self.width, most=most, random_state=seed)
            numbers = np.where(parts < 0, n_parts, parts)
            sums, _ = read_rows(landmarks, rows, codes, weights, n_classes=len(present), parts=numbers)
            whole = Sums.added(sums)
            for part in (*range(n_parts), None):
                inside = np.arange(len(rows)) if part is None else np.flatnonzero(parts != part)
                known, mine = np.unique(codes[inside], return_inverse=True)
                fresh = clone(self)
                if len(known) > 1:
                    fresh.classes_, fresh.n_features_in_ = present[known], rows.shape[1]
                    ridge = Ridge.of(landmarks, whole if part is None else whole.without(sums[part]), known)
                    options = {"codes": mine, "weights": weights[inside], "groups": groups[inside]}
                    fresh._learn(ridge, rows, **options, seed=seed, inside=inside)  # noqa: SLF001 - a clone of its own
                yield fresh

    def _fit(self, rows: FloatMatrix, codes: npt.NDArray[np.intp], weights: Matrix, seed: int) -> Ridge | ExactRidge:
        """Return the regression on all rows where they are few, and on landmarks of many."""
        options: dict[str, Any] = {"n_classes": len(self.classes_), "width": self.width}
        is_exact = self.n_features == "auto" or len(rows) <= self.n_features
        if is_exact and len(rows) <= MOST_LEFT_OUT:
            return ExactRidge.of(rows, codes, weights, **options)
        return fit_ridge(rows, codes, weights, most=self._landmark_count(len(rows)), random_state=seed, **options)

    def _learn(
        self,
        ridge: Ridge | ExactRidge,
        rows: FloatMatrix,
        *,
        codes: npt.NDArray[np.intp],
        weights: Matrix,
        groups: npt.NDArray[Any] | None,
        seed: int,
        inside: npt.NDArray[np.intp] | None = None,
    ) -> LeftLogits:
        """Choose the penalty, and make the scores of rows left out probabilities.

        ``rows`` are all rows, of which those ``inside`` were learned from; everything else is about the latter.
        """
        places = np.arange(len(rows)) if inside is None else inside
        penalty = None if self.penalty == "auto" else float(self.penalty)
        about = None
        if penalty is None:
            about = self._look_ahead(ridge, rows, places=places, codes=codes, weights=weights, groups=groups, seed=seed)
            # One solution on all rows takes as long as the whole look ahead, and its neighbours were no better.
            penalty = about if isinstance(ridge, ExactRidge) else None
        left = leave_out(
            ridge, rows, codes, weights, groups, places=places, penalty=penalty, about=about, random_state=seed
        )
        self.penalty_, self.temperature_, self.trials_ = left.penalty, left.temperature, left.trials
        logits = left.scores / np.float32(left.temperature)
        mixing = self._mix(logits, codes[left.rows], left.counted)
        self._landmarks = Kernel(ridge.landmarks.width, ridge.landmarks.origin, ridge.landmarks.rows)
        slopes, offsets = ridge.coefficients(left.slopes)
        self._slopes = slopes / left.temperature @ mixing[:-1]
        self._offsets = offsets / left.temperature @ mixing[:-1] + mixing[-1]
        return LeftLogits(left.rows, left.counted, logits, logits @ mixing[:-1] + mixing[-1])

    def _look_ahead(
        self,
        ridge: Ridge | ExactRidge,
        rows: FloatMatrix,
        *,
        places: npt.NDArray[np.intp],
        codes: npt.NDArray[np.intp],
        weights: Matrix,
        groups: npt.NDArray[Any] | None,
        seed: int,
    ) -> float | None:
        """Return a penalty that is about right, by few landmarks and some rows; None where that saves nothing."""
        if ridge.size <= _MANY_LANDMARKS:
            return None
        some = np.sort(np.random.default_rng(seed).permutation(len(places))[:_FEW_ROWS])
        known, mine = np.unique(codes[some], return_inverse=True)
        few, counted = rows[places[some]], weights[some] * (len(some) / weights[some].sum())
        small = fit_ridge(
            few, mine, counted, n_classes=len(known), width=self.width, most=_FEW_LANDMARKS, random_state=seed
        )
        left = leave_out(
            small, few, mine, counted, None if groups is None else groups[some], penalty=None, random_state=seed
        )
        return _LOWER * left.penalty * len(some) / len(places)

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
            penalties = (_DRAWN_BACK / len(codes), _OWN_DRAWN_BACK / len(codes))
            found = fit_softmax(logits[:, seen], places, weights, penalties=penalties)
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
        return min(n_rows, _LANDMARKS if self.n_features == "auto" else self.n_features)

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _weights(self, y: npt.NDArray[Any], codes: npt.NDArray[np.intp]) -> Matrix:
        """Return how much each row counts; all together as much as there are rows."""
        weights = compute_class_weight(self.class_weight, classes=np.unique(y), y=y)[codes]
        return np.asarray(weights * (len(weights) / weights.sum()), dtype=np.float64)

    def _check_parameters(self) -> None:
        if self.penalty != "auto" and not float(self.penalty) > 0:
            raise ValueError(f"penalty={self.penalty!r} is not a positive number. Give one, or 'auto'.")
        if not self.width > 0:
            raise ValueError(f"width={self.width!r} is not a positive number. Give one, such as 2.0.")
        if self.n_features != "auto" and self.n_features < 1:
            raise ValueError(
                f"n_features={self.n_features!r} leaves nothing to learn from. Give at least 1, or 'auto'."
            )


def _threads(n_rows: int) -> threadpool_limits:
    return threadpool_limits(1 if n_rows <= _ONE_THREAD_ROWS else None, user_api="blas")
