"""Kernel, strength and temperature of the default classifier, from as few trial fits on held-out rows as tell them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mmembed.analysis.labels.folding import make_folds
from mmembed.analysis.labels.kernel_features import KernelFeatures, fit_features, total_variance
from mmembed.analysis.labels.softmax import Softmax, fit_softmax

if TYPE_CHECKING:
    from mmembed.analysis.labels.folding import Codes
    from mmembed.analysis.rows.cosine import FloatMatrix

# The strengths that are compared, weakest regularisation last; each starts from the solution of the one before. Finer
# steps gain nothing, since the temperature makes up for what lies between.
STRENGTHS = (3.0, 30.0, 300.0)
# In a table this small all fits are cheap, and single rows decide: every row is held out, and steps are finer.
_FEW_ROWS = 300
_FINE_STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
# Rows that features are made from, and on which kernels and strengths are compared. More did not change what was
# chosen; it is then fitted on all.
_TRIAL_ROWS = 2000
_TRIAL_FEATURES = 256
_TRIAL_TOLERANCE = 3e-3
# Held-out rows from which on a further fold changes neither choice nor temperature.
_ENOUGH_HELD_OUT = 600
# The Gaussian kernel costs more, now and with each prediction: it has to lower the log loss by this share.
_WORTH = 0.01
# A log loss below which there is nothing to gain: every held-out row is right and sure.
_PERFECT = 0.005
# The Gaussian kernel's width as a multiple of the rows' variance: of .5, 1, 2 and 4, 2 was best or near it everywhere.
_WIDTH = 2.0


@dataclass(frozen=True, eq=False)
class Choice:
    """What held-out rows prefer.

    Attributes
    ----------
    kernel : str
    strength : float
    temperature : float
    trials : list of tuple (kernel, strength, log loss)
    features : KernelFeatures
        Of the chosen kernel.
    start : Softmax or None
        A fit of their first ones.
    """

    kernel: str
    strength: float
    temperature: float
    trials: list[tuple[str, float, float]] = field(repr=False)
    features: KernelFeatures = field(repr=False)
    start: Softmax | None = field(repr=False)


def choose(
    rows: FloatMatrix,
    codes: Codes,
    weights: npt.NDArray[np.float64],
    *,
    groups: Codes | None,
    kernels: tuple[str, ...],
    strength: float | None,
    n_classes: int,
    n_features: int,
    seed: int,
) -> Choice:
    """Compare kernels and strengths on held-out rows of a sample.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, d), float32
    codes : numpy.ndarray of int, shape (n,)
        Classes from 0.
    weights : numpy.ndarray, shape (n,)
        How much each row counts.
    groups : numpy.ndarray of int, shape (n,), or None
        Rows of one group are held out together.
    kernels : tuple of str
    strength : float or None
        None compares several.
    n_classes, n_features, seed : int
    """
    chosen = _sample(codes, max(_TRIAL_ROWS, n_features), seed)
    sampled, y, counted = rows[chosen], codes[chosen], weights[chosen]
    is_small = len(chosen) <= _FEW_ROWS
    strengths = (_FINE_STRENGTHS if is_small else STRENGTHS) if strength is None else (strength,)
    splits = _splits(y, None if groups is None else groups[chosen], seed)
    truth = np.concatenate([held for _, held in splits]) if splits else np.empty(0, dtype=np.intp)
    trials: list[tuple[str, float, float]] = []
    kernel, at, temperature, least = kernels[0], min(1, len(strengths) - 1), 1.0, np.inf
    features, start = None, None
    for tried in kernels if splits else ():
        # The features know no class, so that one set of them serves all folds, and where planes win the last fit, too.
        made = make_features(sampled, tried, n_features if tried == "linear" else _TRIAL_FEATURES, seed)
        turned = np.ascontiguousarray(made.transform(sampled)[:, :_TRIAL_FEATURES])
        before: list[Softmax | None] = [None] * len(splits)
        # A further kernel begins where the first was best; its features have the same variance.
        lowest, lowest_at, needed = np.inf, at, least * (1 - _WORTH) if trials else np.inf
        for step in range(len(strengths)) if is_small else _walk(at if trials else 0, len(strengths)):
            if not is_small and (abs(step - lowest_at) > 1 or least < _PERFECT):
                continue
            if not is_small and needed < lowest < np.inf:
                break
            fits = [
                fit_softmax(
                    turned[learned],
                    y[learned],
                    counted[learned],
                    n_classes=n_classes,
                    penalty=1 / (strengths[step] * len(learned)),
                    start=warm,
                    tolerance=_TRIAL_TOLERANCE,
                )
                for warm, (learned, _) in zip(before, splits, strict=True)
            ]
            before = list(fits)
            logits = np.concatenate([fit.logits(turned[held]) for fit, (_, held) in zip(fits, splits, strict=True)])
            found, loss = best_temperature(logits, y[truth], counted[truth])
            trials.append((tried, strengths[step], loss))
            if loss < lowest:
                lowest, lowest_at = loss, step
            if loss < min(least, needed):
                kernel, at, temperature, least = tried, step, found, loss
                features, start = (made, fits[0]) if tried == "linear" else (None, None)
        if least < _PERFECT:
            break
    if features is None:
        features = make_features(sampled, kernel, n_features, seed)
    return Choice(kernel, strengths[at], temperature, trials, features, start)


def _splits(y: Codes, groups: Codes | None, seed: int) -> list[tuple[Codes, Codes]]:
    """Return as many pairs of rows to learn from and to hold out as are needed."""
    is_small = len(y) <= _FEW_ROWS
    folds = make_folds(y, groups, count=5 if is_small else 3, random_state=seed)
    pairs: list[tuple[Codes, Codes]] = []
    for fold in range(folds.count):
        learned, held = folds.split(fold)
        if len(held) and len(np.unique(y[learned])) > 1:
            pairs.append((learned, held))
        if not is_small and sum(len(held) for _, held in pairs) >= _ENOUGH_HELD_OUT:
            break
    return pairs


def _walk(begin: int, count: int) -> list[int]:
    """Return positions from ``begin`` up, and then from below it down."""
    return [*range(begin, count), *range(begin - 1, -1, -1)]


def make_features(rows: FloatMatrix, kernel: str, n_features: int, seed: int) -> KernelFeatures:
    """Return the features of a kernel by name, ``"linear"`` or ``"gaussian"``."""
    width = None if kernel == "linear" else _WIDTH * total_variance(rows)
    return fit_features(rows, width=width, most=n_features, random_state=seed)


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


def _sample(codes: Codes, most: int, seed: int) -> Codes:
    """Return up to ``most`` positions, with each class in its share and at least two rows of it where it has them."""
    if len(codes) <= most:
        return np.arange(len(codes))
    random = np.random.default_rng(seed)
    order = random.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    kinds, starts, counts = np.unique(codes[order], return_index=True, return_counts=True)
    wanted = np.clip(np.round(counts * most / len(codes)), np.minimum(2, counts), counts).astype(np.intp)
    rank = np.arange(len(codes)) - np.repeat(starts, counts)
    return np.sort(order[rank < np.repeat(wanted, counts)]) if len(kinds) else order
