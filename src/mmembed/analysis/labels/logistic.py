"""The default classifier: logistic regression on a linear or a Gaussian kernel, whichever held-out rows prefer."""

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

from mmembed.analysis.labels.choosing import choose
from mmembed.analysis.labels.softmax import fit_softmax, softmax

_TOLERANCE = 1e-3
# The many small products of a small fit lose more by waiting for each other's threads than they win, on a busy machine
# by a factor of ten.
_ONE_THREAD_ROWS = 20_000
_PREDICTED_AT_ONCE = 8192


class KernelLogistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Multinomial logistic regression on kernel features, with kernel, strength and temperature from held-out rows.

    Embeddings of one topic are often not to be parted by planes, and then a Gaussian kernel is several points better
    than any linear model; where planes do, it is no worse than even. The kernel is Nyström's with ``n_features``
    landmarks, so that time grows with the number of rows.

    Parameters
    ----------
    kernel : {"auto", "linear", "gaussian"}
        ``"auto"`` compares both, and takes the Gaussian where it lowers the log loss by 1 % or more.
    strength : float or "auto"
        C of the logistic regression, on features of total variance 1; ``"auto"`` compares 3, 30 and 300 as far as
        the log loss falls, and in tables of up to 300 rows 1, 3, 10, 30, 100 and 300.
    n_features : int
        Most kernel features: more are slower, and better where there are many rows of many kinds.
    class_weight : None, "balanced" or dict
        None learns the classes' shares as they are, and its probabilities are those of such rows. ``"balanced"`` counts
        each class alike: rare classes are found more often, and probabilities are those of a table with even shares.
    random_state : int, RandomState or None
        For landmarks and folds.

    Attributes
    ----------
    classes_ : numpy.ndarray, shape (c,)
    kernel_, strength_ : str, float
        What was chosen.
    temperature_ : float
        Divides the logits; the one under which held-out rows are most likely (Guo et al., "On Calibration of Modern
        Neural Networks", 2017).
    trials_ : list of tuple (kernel, strength, log loss)
        What was compared; empty where nothing was, or nothing could be held out.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]])
    >>> KernelLogistic(random_state=0).fit(rows, ["east", "east", "north", "north"]).predict([[1, 0.2]])
    array(['east'], dtype='<U5')
    """

    def __init__(
        self,
        *,
        kernel: Literal["auto", "linear", "gaussian"] = "auto",
        strength: float | Literal["auto"] = "auto",
        n_features: int = 512,
        class_weight: Any = None,
        random_state: Any = None,
    ) -> None:
        self.kernel = kernel
        self.strength = strength
        self.n_features = n_features
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Choose kernel, strength and temperature, and fit on all rows.

        Parameters
        ----------
        X : array, shape (n, d)
        y : array, shape (n,)
        groups : array of int, shape (n,), optional
            Rows of one group are held out together while kernels are compared.
        """
        rows, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self._check_parameters()
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier can't train when only one class is present: {self.classes_[0]!r}.")
        random = check_random_state(self.random_state)
        seed = int(random.randint(2**31 - 1))
        weights = compute_class_weight(self.class_weight, classes=self.classes_, y=y)[codes]
        kernels = ("linear", "gaussian") if self.kernel == "auto" else (self.kernel,)
        strength = None if self.strength == "auto" else float(self.strength)
        groups = None if groups is None else np.asarray(groups)
        n_classes = len(self.classes_)
        with threadpool_limits(1 if len(rows) <= _ONE_THREAD_ROWS else None, user_api="blas"):
            choice = choose(
                rows,
                codes,
                weights,
                groups=groups,
                kernels=kernels,
                strength=strength,
                n_classes=n_classes,
                n_features=self.n_features,
                seed=seed,
            )
            self.kernel_, self.strength_, self.temperature_ = choice.kernel, choice.strength, choice.temperature
            self.trials_ = choice.trials
            self._features = choice.features
            turned = self._features.transform(rows)
            self._softmax = fit_softmax(
                turned,
                codes,
                weights,
                n_classes=n_classes,
                penalty=1 / (self.strength_ * len(turned)),
                start=None if choice.start is None else choice.start.with_features(turned.shape[1]),
                tolerance=_TOLERANCE,
            )
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

    def _logits(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float32, reset=False)
        logits = np.empty((len(rows), len(self.classes_)))
        for begin in range(0, len(rows), _PREDICTED_AT_ONCE):
            # In float64 a row's probabilities do not depend, in any digit that is shown, on the rows beside it.
            block = rows[begin : begin + _PREDICTED_AT_ONCE].astype(np.float64)
            logits[begin : begin + len(block)] = self._softmax.logits(self._features.transform(block))
        return np.asarray(logits / self.temperature_)

    def _check_parameters(self) -> None:
        if self.kernel not in {"auto", "linear", "gaussian"}:
            raise ValueError(f"kernel={self.kernel!r} is not known. Give 'auto', 'linear' or 'gaussian'.")
        if self.strength != "auto" and not float(self.strength) > 0:
            raise ValueError(f"strength={self.strength!r} is not a positive number. Give one, or 'auto'.")
        if self.n_features < 1:
            raise ValueError(f"n_features={self.n_features!r} leaves nothing to learn from. Give at least 1.")
