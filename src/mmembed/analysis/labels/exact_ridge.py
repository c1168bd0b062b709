"""Kernel ridge regression on all rows as they are: for tables that are small enough for the kernel of all with all.

No features are made and no moments are summed. One root of the penalised kernel gives the regression at a penalty. The
root's inverse gives what each row, or a group of rows, would have scored without itself: a residual is divided by one
minus its leverage, which is the diagonal of the kernel's inverse times the penalty of the row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.labels.folds import Codes
from mmembed.analysis.labels.kernel_ridge import (
    LEAST_PENALTY,
    LEAST_REST,
    Matrix,
    Sample,
)
from mmembed.analysis.labels.landmarks import SMALLEST, Kernel, gaussian, total_variance
from mmembed.arrays import FloatMatrix

# Above this penalty single precision does. On landmarks it takes more: there the kernel is squared.
_SINGLE = 1e-5


@dataclass(frozen=True, eq=False)
class ExactRidge:
    """The regression before a penalty is chosen.

    Attributes
    ----------
    landmarks : Kernel
        All rows.
    products : numpy.ndarray, shape (n, n), float32
        The kernel of all rows with each other.
    shares : numpy.ndarray, shape (n, c)
        1 for a row's class and 0 for others.
    weights : numpy.ndarray, shape (n,)
        How much each row counts; together as much as there are rows.
    """

    landmarks: Kernel
    products: FloatMatrix = field(repr=False)
    shares: Matrix = field(repr=False)
    weights: Matrix = field(repr=False)

    @classmethod
    def of(cls, rows: FloatMatrix, codes: Codes, weights: Matrix, *, n_classes: int, width: float) -> ExactRidge:
        """Return the regression of rows ``(n, d)`` on classes from 0; the width is a multiple of the rows' variance."""
        origin = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        kernel = Kernel(width * total_variance(rows, origin), origin, rows - origin)
        products = gaussian(kernel.rows, kernel.rows, kernel.width)
        # More than the rounding of products: with less the root of a kernel of nearly equal rows may not exist.
        products[np.diag_indices_from(products)] += SMALLEST * len(rows)
        return cls(kernel, products, np.eye(n_classes)[codes], weights)

    @property
    def size(self) -> int:
        """How many landmarks there are."""
        return len(self.products)

    @property
    def priors(self) -> Matrix:
        """Share of each class."""
        return np.asarray(self.weights @ self.shares / self.weights.sum())

    @property
    def variance(self) -> float:
        """Total variance of the features that the kernel stands for."""
        weights = self.weights / self.weights.sum()
        mean = float(weights @ (self.products @ weights.astype(np.float32)))
        return max(float(weights @ self.products.diagonal()) - mean, 1e-12)

    def solve(self, penalty: float) -> ExactSolution:
        """Return the regression at a penalty, a share of the variance."""
        from scipy.linalg import cho_solve
        from scipy.linalg.lapack import dpotrf, spotrf

        alone = max(penalty, LEAST_PENALTY) * self.variance * self.weights.sum() / self.weights
        is_single = penalty > _SINGLE
        penalised: npt.NDArray[Any] = self.products.astype(np.float32 if is_single else np.float64)
        penalised[np.diag_indices_from(penalised)] += alone
        # A symmetric matrix is its own transpose, which BLAS takes as it is.
        root, failed = (spotrf if is_single else dpotrf)(penalised.T, lower=0, clean=1, overwrite_a=1)
        if failed:
            raise np.linalg.LinAlgError(f"The penalised kernel has no root at penalty {penalty:g}.")
        both = np.column_stack([self.shares, np.ones(self.size)])
        solved = cho_solve((root, False), both, check_finite=False).astype(np.float64)
        ones = solved[:, -1]
        offsets = solved[:, :-1].sum(axis=0) / ones.sum()
        return ExactSolution(solved[:, :-1] - np.outer(ones, offsets), root, ones, alone)

    def coefficients(self, slopes: Matrix) -> tuple[Matrix, Matrix]:
        """Return ``(n, c)`` and ``(c,)``: kernels with the rows times the one plus the other are the scores."""
        mean = self.weights / self.weights.sum() @ self.products.astype(np.float64)
        return slopes, np.asarray(-(mean @ slopes))

    def leaving(self, sample: Sample) -> LeavingEach:
        """Return what leaves all rows out, each with its group; the sample is all rows."""
        return LeavingEach(self, sample.together())


@dataclass(frozen=True, eq=False)
class ExactSolution:
    """The regression at one penalty.

    Attributes
    ----------
    slopes : numpy.ndarray, shape (n, c)
        Of the kernels.
    root : numpy.ndarray, shape (n, n)
        Upper triangular: the penalised kernel is ``root.T @ root``.
    ones : numpy.ndarray, shape (n,)
        What the penalised kernel makes ones of.
    alone : numpy.ndarray, shape (n,)
        The penalty of each row.
    """

    slopes: Matrix = field(repr=False)
    root: FloatMatrix = field(repr=False)
    ones: Matrix = field(repr=False)
    alone: Matrix = field(repr=False)


class LeavingEach:
    """All rows, each left out with its group."""

    def __init__(self, ridge: ExactRidge, together: list[Codes]) -> None:
        self._ridge, self._together = ridge, together

    def scores(self, penalty: float) -> tuple[FloatMatrix, Matrix]:
        """Return the centred scores, shape (n, c), of each row without its group, and the slopes by all rows."""
        from scipy.linalg.lapack import strtri

        solution = self._ridge.solve(penalty)
        alone, ones = solution.alone, solution.ones
        inverse, _ = strtri(np.asfortranarray(solution.root, dtype=np.float32), overwrite_c=1)
        diagonal = np.einsum("ij,ij->i", inverse, inverse, dtype=np.float64) - ones**2 / ones.sum()
        residuals = alone[:, np.newaxis] * solution.slopes
        left = residuals / np.maximum(alone * diagonal, LEAST_REST)[:, np.newaxis]
        for members in self._together:
            mine = inverse[members].astype(np.float64)
            rest = mine @ mine.T - np.outer(ones[members], ones[members]) / ones.sum()
            rest *= alone[members][:, np.newaxis]
            rest[np.diag_indices_from(rest)] += LEAST_REST
            left[members] = np.linalg.solve(rest, residuals[members])
        return np.asarray(self._ridge.shares - self._ridge.priors - left, dtype=np.float32), solution.slopes
