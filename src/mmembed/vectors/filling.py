"""Rows without a vector where a matrix of numbers is asked for: an error, NaN or zeros, as the caller says."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from mmembed.errors import VectorError, did_you_mean, listed

Missing = Literal["error", "nan", "zero"]
MISSING: tuple[Missing, ...] = ("error", "nan", "zero")


def check_missing_choice(missing: str) -> None:
    """Refuse a word for ``missing=`` that is none.

    Raises
    ------
    ValueError
        If it is not one of ``MISSING``.
    """
    if missing not in MISSING:
        hint = did_you_mean(missing, MISSING)
        raise ValueError(f"missing={missing!r} does not exist. Expected one of {listed(MISSING)}.{hint}")


def fill_missing(
    matrix: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_], missing: Missing
) -> npt.NDArray[np.float32]:
    """Return a matrix ``(n, d)`` of one's own in which rows without a vector are what the caller asked for.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, d)
    mask : numpy.ndarray, shape (n,)
        True where there is no vector.
    missing : {"error", "nan", "zero"}

    Raises
    ------
    VectorError
        If rows are missing and ``missing="error"``; names the first positions.

    Examples
    --------
    >>> import numpy as np
    >>> fill_missing(np.ones((2, 2), np.float32), np.array([False, True]), "zero")
    array([[1., 1.],
           [0., 0.]], dtype=float32)
    """
    check_missing_choice(missing)
    if missing == "error" and mask.any():
        raise VectorError(
            f"{int(mask.sum())} of {len(mask)} rows have no vector (NaN), the first at positions "
            f"{listed(np.flatnonzero(mask)[:3].tolist())}. Drop them first, or give missing='zero' or missing='nan'."
        )
    filled = matrix.astype(np.float32, copy=True)
    filled[mask] = 0.0 if missing == "zero" else np.nan
    return filled
