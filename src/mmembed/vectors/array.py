"""The array behind a vector column: one matrix and a mask of missing rows, as a pandas ExtensionArray."""

# ruff: noqa: SLF001  an array reads the private parts of other arrays of its own class

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.extensions import ExtensionDtype

from mmembed.errors import DimensionMismatchError
from mmembed.frames import is_missing
from mmembed.vectors.arrow import arrow_from_matrix, arrow_in, matrix_from_arrow
from mmembed.vectors.averaging import AveragedRows
from mmembed.vectors.comparing import ComparableRows
from mmembed.vectors.construction import matrix_from_cells, matrix_from_numbers, numbers_in_text, stored
from mmembed.vectors.dtype import Storage, VectorDtype
from mmembed.vectors.indexing import IndexedRows
from mmembed.vectors.scalar import Vector, short
from mmembed.vectors.space import check_comparable

if TYPE_CHECKING:
    import pyarrow as pa

lib_no_default = pd.api.extensions.no_default


class VectorArray(IndexedRows, ComparableRows, AveragedRows):
    """The cells of a vector column.

    Rows lie in one contiguous ``(n, d)`` matrix; a missing row is under the mask and NaN in the matrix. Slices are
    views; take, filter and concatenation are one numpy copy. Make one with :meth:`from_matrix`.

    Parameters
    ----------
    values : VectorArray or sequence of vectors
        A matrix ``(n, d)``, an Arrow array of lists, or cells: Vector, array, list or missing.
    dtype : VectorDtype or str, optional
        Taken from the values if not given.
    copy : bool, default False
        Copy a VectorArray or a matrix instead of sharing its memory.

    Raises
    ------
    VectorError
        If a cell is no vector, or holds NaN or infinity in part.
    """

    def __init__(self, values: Any, dtype: VectorDtype | str | None = None, *, copy: bool = False) -> None:
        made = self._from_sequence(values, dtype=dtype, copy=copy)
        self._matrix, self._mask, self._dtype = made._matrix, made._mask, made._dtype

    # -- making one -----------------------------------------------------------------------------------------------

    @classmethod
    def from_matrix(
        cls, matrix: npt.ArrayLike, space: str | None = None, mask: npt.ArrayLike | None = None
    ) -> VectorArray:
        """Make a vector array of a matrix ``(n, d)``, without a copy where it is contiguous float32.

        Parameters
        ----------
        matrix : array-like, shape (n, d)
            One vector a row. A row that is all NaN is missing. Do not change it afterwards: the memory is shared.
        space : str, optional
            Name of the model that made the vectors.
        mask : array-like of bool, shape (n,), optional
            True where a row is missing, whatever the matrix holds there.

        Raises
        ------
        VectorError
            If the shape is not two-dimensional, or a row is NaN or infinite in part.

        Examples
        --------
        >>> VectorArray.from_matrix([[1, 0], [0, 1]], space="toy").dtype
        vector[2, toy]
        """
        numbers, missing = matrix_from_numbers(matrix, mask)
        return cls._simple_new(numbers, missing, VectorDtype(numbers.shape[1], space))

    @classmethod
    def _from_sequence(cls, scalars: Any, *, dtype: Any = None, copy: bool = False) -> Self:
        wanted = pd.api.types.pandas_dtype(dtype) if dtype is not None else None
        if wanted is not None and not isinstance(wanted, VectorDtype):
            raise TypeError(f"A VectorArray has a VectorDtype; got dtype={dtype!r}.")
        if isinstance(scalars, pd.Series | pd.Index):
            scalars = scalars.array
        if isinstance(scalars, VectorArray):
            return cast("Self", scalars.astype(wanted or scalars.dtype, copy=copy))
        arrow = arrow_in(scalars)
        if arrow is not None:
            matrix, mask = matrix_from_arrow(arrow, wanted.dimension if wanted else None)
            found = VectorDtype(matrix.shape[1])
        elif isinstance(scalars, np.ndarray) and scalars.ndim == 2 and scalars.dtype != object:
            matrix, mask = matrix_from_numbers(scalars.copy() if copy else scalars)
            found = VectorDtype(matrix.shape[1])
        else:
            matrix, mask, found = matrix_from_cells(list(scalars), wanted)
        final = wanted or found
        if matrix.shape[1] != final.dimension:
            raise DimensionMismatchError(
                f"The rows have dimension {matrix.shape[1]}; expected {final.dimension}, as in the dtype {final}."
            )
        return cls._simple_new(stored(matrix, final), mask, final)

    @classmethod
    def _from_scalars(cls, scalars: Any, *, dtype: Any) -> Self:
        if not all(isinstance(scalar, Vector) or is_missing(scalar) for scalar in scalars):
            raise ValueError("The values are not vectors.")
        return cls._from_sequence(scalars, dtype=dtype)

    @classmethod
    def _from_sequence_of_strings(cls, strings: Any, *, dtype: Any = None, copy: bool = False) -> Self:
        cells = [None if is_missing(text) else numbers_in_text(text) for text in strings]
        return cls._from_sequence(cells, dtype=dtype, copy=copy)

    @classmethod
    def _from_factorized(cls, values: Any, original: VectorArray) -> Self:
        return cls._from_sequence(values, dtype=original.dtype)

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[Self]) -> Self:
        return cls._simple_new(
            np.concatenate([array._matrix for array in to_concat]),
            np.concatenate([array._mask for array in to_concat]),
            to_concat[0]._dtype,
        )

    # -- other types ----------------------------------------------------------------------------------------------

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:  # noqa: FBT001  numpy's signature
        """Return a 1-D object array of scalars: numpy and pandas must not see a second axis."""
        if dtype is not None and np.dtype(dtype) != np.dtype(object):
            raise TypeError(
                f"A vector column is one-dimensional and cannot become an array of {np.dtype(dtype)}. "
                "For the matrix (n, d) use series.mmembed.to_matrix()."
            )
        if copy is False:
            raise ValueError("A vector column cannot become an object array without a copy.")
        return self._objects(self)

    def to_numpy(self, dtype: Any = None, copy: bool = False, na_value: Any = lib_no_default) -> npt.NDArray[Any]:  # noqa: ARG002, FBT001, FBT002  pandas' signature
        """Return a 1-D object array of scalars, always new; for the matrix use ``series.mmembed.to_matrix()``."""
        cells = self.__array__(dtype)
        if na_value is not lib_no_default:
            cells[self._mask] = na_value
        return cells

    def __arrow_array__(self, type: pa.DataType | None = None) -> pa.Array:  # noqa: A002  Arrow's signature
        if type is None:
            return arrow_from_matrix(self.matrix, self._mask)
        lists = arrow_from_matrix(self.matrix, self._mask, fixed_size_may_miss=True)
        return lists if type == lists.type else lists.cast(type)

    def astype(self, dtype: Any, copy: bool = True) -> Any:  # noqa: FBT001, FBT002  pandas' signature
        """Return the column as another dtype; ``"float16"`` and ``"float32"`` change the storage only.

        Raises
        ------
        SpaceMismatchError
            If the wanted dtype names another space: vectors cannot be moved between models by a cast.
        VectorError
            If a number is too large for float16.
        """
        wanted = pd.api.types.pandas_dtype(dtype)
        if isinstance(wanted, np.dtype) and wanted.name in {"float16", "float32"}:
            wanted = VectorDtype(self.dimension, self.space, cast("Storage", wanted.name))
        if isinstance(wanted, VectorDtype):
            check_comparable(self._dtype, wanted)
            if wanted == self._dtype and not copy:
                return self
            mask = self._mask.copy() if copy else self._mask
            return self._simple_new(stored(self._matrix, wanted, copy=copy), mask, wanted)
        if isinstance(wanted, ExtensionDtype):
            target = cast("Any", wanted.construct_array_type())  # its constructors are not in the stubs
            if isinstance(wanted, pd.ArrowDtype):
                return target._from_sequence(self.__arrow_array__(wanted.pyarrow_dtype), dtype=wanted)
            return target._from_sequence(self._objects(map(_text, self)), dtype=wanted)
        return super().astype(wanted, copy=copy)

    def _values_for_json(self) -> npt.NDArray[Any]:
        return self._objects(None if cell is pd.NA else cell.tolist() for cell in self)

    def _objects(self, cells: Any) -> npt.NDArray[Any]:
        """Return one object a row, shape ``(n,)``, whatever the objects are: numpy alone would make a matrix."""
        out = np.empty(len(self), dtype=object)
        for position, cell in enumerate(cells):
            out[position] = cell
        return out

    def _formatter(self, boxed: bool = False) -> Callable[[Any], str]:  # noqa: ARG002, FBT001, FBT002  pandas' signature
        return lambda cell: str(cell) if is_missing(cell) else short(np.asarray(cell))


def _text(cell: Any) -> str | None:
    return None if cell is pd.NA else str(cell)
