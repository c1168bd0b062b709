"""The curve of UMAP's layout: how much two points belong together, by how far apart they lie on the map."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

MIN_DIST = 0.1
SPREAD = 1.0


@dataclass(frozen=True, slots=True)
class Curve:
    """``1 / (1 + a * distance ** (2 * b))``, and the forces that follow from it.

    Attributes
    ----------
    a, b : float
    """

    a: float
    b: float

    def pull(self, squares: Doubles) -> Doubles:
        """Return the factor of the difference vector by squared distance, for points that belong together."""
        return np.asarray(-2 * self.a * self.b * squares ** (self.b - 1) / (self.a * squares**self.b + 1))

    def push(self, squares: Doubles) -> Doubles:
        """Return the same for points that do not."""
        return np.asarray(2 * self.b / ((0.001 + squares) * (self.a * squares**self.b + 1)))


# What the fit below gives for the defaults: most maps then need no solver.
_USUAL = Curve(1.5769434603113077, 0.8950608779109733)


@lru_cache(maxsize=64)
def fit_curve(min_dist: float = MIN_DIST, spread: float = SPREAD) -> Curve:
    """Return the curve nearest to 1 up to ``min_dist`` and an exponential fall of scale ``spread`` from there.

    The fit is umap-learn's: least squares on 300 distances up to three times the spread.

    Examples
    --------
    >>> round(fit_curve().a, 3), round(fit_curve().b, 3)
    (1.577, 0.895)
    """
    if (min_dist, spread) == (MIN_DIST, SPREAD):
        return _USUAL
    return _fit_curve(min_dist, spread)


def _fit_curve(min_dist: float, spread: float) -> Curve:
    from scipy.optimize import curve_fit

    # In units of the spread: from a start of 1 the solver does not find the curves of wide spreads.
    distances = np.linspace(0, 3, 300)
    plateau = min_dist / spread
    wanted = np.where(distances < plateau, 1, np.exp(-(distances - plateau)))
    (a, b), _ = curve_fit(lambda x, a, b: 1 / (1 + a * x ** (2 * b)), distances, wanted)
    return Curve(float(a / spread ** (2 * b)), float(b))
