# ruff: noqa: SLF001  the constructor fills the private parts of a new array
"""What a vector array is made of: one matrix, a mask of missing rows, a dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from pandas.api.extensions import ExtensionArray

from mmembed.arrays import BoolVector, FloatMatrix

if TYPE_CHECKING:
    from mmembed.vectors.dtype import VectorDtype


class StoredRows(ExtensionArray):
    """Rows in one contiguous ``(n, d)`` matrix; a missing row is under the mask and NaN in the matrix."""

    _matrix: npt.NDArray[Any]
    _mask: BoolVector
    _dtype: VectorDtype
    _readonly: bool = False  # pandas 3 sets it on the arrays that it hands out

    if TYPE_CHECKING:
        # Written in VectorArray; declared here for the halves that call it.
        @classmethod
        def _from_sequence(cls, scalars: Any, *, dtype: Any = None, copy: bool = False) -> Self: ...

    @classmethod
    def _simple_new(cls, matrix: npt.NDArray[Any], mask: BoolVector, dtype: VectorDtype) -> Self:
        array = cls.__new__(cls)
        array._matrix, array._mask, array._dtype = matrix, mask, dtype
        return array

    @property
    def dtype(self) -> VectorDtype:
        """Dimension, space and storage."""
        return self._dtype

    @property
    def dimension(self) -> int:
        """Length d of the vectors."""
        return self._dtype.dimension

    @property
    def space(self) -> str | None:
        """Name of the model that made the vectors, or None if unknown."""
        return self._dtype.space

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return int(self._matrix.nbytes + self._mask.nbytes)

    @property
    def matrix(self) -> FloatMatrix:
        """The vectors as a read-only float32 matrix ``(n, d)``, NaN where missing; no copy (but from float16)."""
        view = self._matrix.astype(np.float32, copy=False).view()
        view.flags.writeable = False
        return view

    def isna(self) -> BoolVector:
        """Return True where a row is missing, shape ``(n,)``."""
        return self._mask.copy()

    @property
    def _hasna(self) -> bool:
        return bool(self._mask.any())

    def __len__(self) -> int:
        return len(self._mask)

    def copy(self) -> Self:
        """Return an array with memory of its own."""
        return self._simple_new(self._matrix.copy(), self._mask.copy(), self._dtype)
