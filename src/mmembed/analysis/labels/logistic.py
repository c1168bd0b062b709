"""The default classifier: logistic regression on a linear or a Gaussian kernel, whichever held-out rows prefer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from mmembed.analysis.labels.folding import make_folds
from mmembed.analysis.labels.kernel_features import KernelFeatures, fit_features, total_variance
from mmembed.analysis.labels.softmax import Softmax, fit_softmax, softmax

if TYPE_CHECKING:
    from mmembed.analysis.labels.folding import Codes
    from mmembed.analysis.rows.cosine import FloatMatrix

# The strengths that are compared, weakest regularisation last; each starts from the solution of the one before. Finer
# steps gain nothing, since the temperature makes up for what lies between.
STRENGTHS = (3.0, 30.0, 300.0)
# The Gaussian kernel's width as a multiple of the rows' variance: of .5, 1, 2 and 4, 2 was best or near it everywhere.
_WIDTH = 2.0
# Rows on which kernels and strengths are compared. More did not change what was chosen; it is then fitted on all.
_TRIAL_ROWS = 2000
_TRIAL_FEATURES = 256
_TRIAL_TOLERANCE = 3e-3
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
        ``"auto"`` compares both.
    strength : float or "auto"
        C of the logistic regression, on features of total variance 1; ``"auto"`` compares 3, 30 and 300.
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
        strengths = STRENGTHS if self.strength == "auto" else (float(self.strength),)
        groups = None if groups is None else np.asarray(groups)
        with threadpool_limits(1 if len(rows) <= _ONE_THREAD_ROWS else None, user_api="blas"):
            self._choose(rows, codes, weights, groups=groups, kernels=kernels, strengths=strengths, seed=seed)
            self._features = _features(rows, self.kernel_, self.n_features, seed)
            turned = self._features.transform(rows)
            self._softmax = _path(
                turned,
                codes,
                weights,
                strengths=(self.strength_,),
                n_classes=len(self.classes_),
                tolerance=_TOLERANCE,
            )[0]
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

    def _choose(
        self,
        rows: FloatMatrix,
        codes: Codes,
        weights: npt.NDArray[np.float64],
        *,
        groups: Codes | None,
        kernels: tuple[str, ...],
        strengths: tuple[float, ...],
        seed: int,
    ) -> None:
        """Set what held-out rows of a sample prefer."""
        chosen = _sample(codes, seed)
        rows, codes, weights = rows[chosen], codes[chosen], weights[chosen]
        groups = None if groups is None else groups[chosen]
        folds = make_folds(codes, groups, count=5 if len(rows) <= 1000 else 3, random_state=seed)
        self.kernel_, self.strength_, self.temperature_ = kernels[0], strengths[min(1, len(strengths) - 1)], 1.0
        self.trials_: list[tuple[str, float, float]] = []
        n_classes = len(self.classes_)
        best = np.inf
        held = np.flatnonzero(folds.measured)
        for kernel in kernels if folds.count else ():
            # The features know no class, so that one set of them serves all folds.
            turned = _features(rows, kernel, _TRIAL_FEATURES, seed).transform(rows)
            logits = np.zeros((len(strengths), len(codes), n_classes))
            for fold in range(folds.count):
                learned, tested = folds.split(fold)
                if len(tested) == 0 or len(np.unique(codes[learned])) < 2:
                    held = np.setdiff1d(held, tested)
                    continue
                fitted = _path(
                    turned[learned],
                    codes[learned],
                    weights[learned],
                    strengths=strengths,
                    n_classes=n_classes,
                    tolerance=_TRIAL_TOLERANCE,
                )
                for at, model in enumerate(fitted):
                    logits[at][tested] = model.logits(turned[tested])
            for at, strength in enumerate(strengths):
                temperature, loss = best_temperature(logits[at][held], codes[held], weights[held])
                self.trials_.append((kernel, strength, loss))
                if loss < best:
                    best = loss
                    self.kernel_, self.strength_, self.temperature_ = kernel, strength, temperature

    def _check_parameters(self) -> None:
        if self.kernel not in {"auto", "linear", "gaussian"}:
            raise ValueError(f"kernel={self.kernel!r} is not known. Give 'auto', 'linear' or 'gaussian'.")
        if self.strength != "auto" and not float(self.strength) > 0:
            raise ValueError(f"strength={self.strength!r} is not a positive number. Give one, or 'auto'.")
        if self.n_features < 1:
            raise ValueError(f"n_features={self.n_features!r} leaves nothing to learn from. Give at least 1.")


def best_temperature(
    logits: npt.NDArray[np.float64], codes: Codes, weights: npt.NDArray[np.float64] | None = None
) -> tuple[float, float]:
    """Return the temperature under which the true classes are most likely, and the mean log loss at it."""
    from scipy.optimize import minimize_scalar

    if not len(codes):
        return 1.0, np.inf
    shifted = logits - logits.max(axis=1, keepdims=True)
    own = shifted[np.arange(len(codes)), codes]

    def loss(log_temperature: float) -> float:
        scale = np.exp(-log_temperature)
        each = np.log(np.exp(shifted * scale).sum(axis=1)) - own * scale
        return float(np.average(each, weights=weights))

    found = minimize_scalar(loss, bounds=(np.log(0.2), np.log(5.0)), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x)), float(found.fun)


def _features(rows: FloatMatrix, kernel: str, n_features: int, seed: int) -> KernelFeatures:
    width = None if kernel == "linear" else _WIDTH * total_variance(rows)
    return fit_features(rows, width=width, most=n_features, random_state=seed)


def _path(
    features: FloatMatrix,
    codes: Codes,
    weights: npt.NDArray[np.float64],
    *,
    strengths: tuple[float, ...],
    n_classes: int,
    tolerance: float,
) -> list[Softmax]:
    """Return the fit of each strength, each beginning where the one before ended."""
    fits: list[Softmax] = []
    for strength in strengths:
        start = fits[-1] if fits else None
        penalty = 1 / (strength * len(features))
        fits.append(
            fit_softmax(
                features, codes, weights, n_classes=n_classes, penalty=penalty, start=start, tolerance=tolerance
            )
        )
    return fits


def _sample(codes: Codes, seed: int) -> Codes:
    """Return up to 2,000 positions, with each class in its share and at least two rows of it where it has them."""
    if len(codes) <= _TRIAL_ROWS:
        return np.arange(len(codes))
    random = np.random.default_rng(seed)
    order = random.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    kinds, starts, counts = np.unique(codes[order], return_index=True, return_counts=True)
    wanted = np.clip(np.round(counts * _TRIAL_ROWS / len(codes)), np.minimum(2, counts), counts).astype(np.intp)
    rank = np.arange(len(codes)) - np.repeat(starts, counts)
    return np.sort(order[rank < np.repeat(wanted, counts)]) if len(kinds) else order
