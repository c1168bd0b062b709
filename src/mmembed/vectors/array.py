"""The array behind a vector column: one matrix and a mask of missing rows, as a pandas ExtensionArray."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype
from pandas.api.indexers import check_array_indexer

from mmembed.errors import VectorError
from mmembed.vectors.arrow import arrow_from_matrix
from mmembed.vectors.comparing import ComparableRows
from mmembed.vectors.construction import is_missing, matrix_from_cells, matrix_from_numbers
from mmembed.vectors.dtype import VectorDtype
from mmembed.vectors.scalar import Vector, short
from mmembed.vectors.space import check_comparable

if TYPE_CHECKING:
    import pyarrow as pa

FloatMatrix = npt.NDArray[np.float32]
lib_no_default = pd.api.extensions.no_default
BoolVector = npt.NDArray[np.bool_]


class VectorArray(ComparableRows):
    """The cells of a vector column.

    Rows lie in one contiguous ``(n, d)`` matrix; a missing row is under the mask and NaN in the matrix. Slices are
    views; take, filter and concatenation are one numpy copy. Make one with :meth:`from_matrix`.

    Parameters
    ----------
    values : VectorArray or sequence of vectors
        A matrix ``(n, d)``, or cells: Vector, array, list or missing.
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
        made = type(self)._from_sequence(values, dtype=dtype, copy=copy)
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
    def _simple_new(cls, matrix: npt.NDArray[Any], mask: BoolVector, dtype: VectorDtype) -> Self:
        array = cls.__new__(cls)
        array._matrix, array._mask, array._dtype = matrix, mask, dtype
        return array

    @classmethod
    def _from_sequence(cls, scalars: Any, *, dtype: Any = None, copy: bool = False) -> Self:
        wanted = pd.api.types.pandas_dtype(dtype) if dtype is not None else None
        if wanted is not None and not isinstance(wanted, VectorDtype):
            raise TypeError(f"A VectorArray has a VectorDtype; got dtype={dtype!r}.")
        if isinstance(scalars, pd.Series | pd.Index):
            scalars = scalars.array
        if isinstance(scalars, VectorArray):
            made = scalars.astype(wanted or scalars.dtype, copy=copy)
            return cast("Self", made)
        if isinstance(scalars, np.ndarray) and scalars.ndim == 2 and scalars.dtype != object:
            matrix, mask = matrix_from_numbers(scalars.copy() if copy else scalars, None)
            found = VectorDtype(matrix.shape[1])
        else:
            matrix, mask, found = matrix_from_cells(list(scalars), wanted)
        final = wanted or found
        if matrix.shape[1] != final.dimension:
            check_comparable(VectorDtype(matrix.shape[1]), VectorDtype(final.dimension))
        return cls._simple_new(matrix.astype(final.numpy_storage, copy=False), mask, final)

    @classmethod
    def _from_scalars(cls, scalars: Any, *, dtype: Any) -> Self:
        if not all(isinstance(scalar, Vector) or is_missing(scalar) for scalar in scalars):
            raise ValueError("The values are not vectors.")
        return cls._from_sequence(scalars, dtype=dtype)

    @classmethod
    def _from_sequence_of_strings(cls, strings: Any, *, dtype: Any = None, copy: bool = False) -> Self:  # noqa: ARG003
        cells = [None if is_missing(text) else _numbers_in(text) for text in strings]
        return cls._from_sequence(cells, dtype=dtype)

    @classmethod
    def _from_factorized(cls, values: Any, original: VectorArray) -> VectorArray:
        return cls._from_sequence(values, dtype=original.dtype)

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[VectorArray]) -> VectorArray:  # type: ignore[override]
        if len(to_concat) == 1:
            return to_concat[0].copy()
        return cls._simple_new(
            np.concatenate([array._matrix for array in to_concat]),
            np.concatenate([array._mask for array in to_concat]),
            to_concat[0]._dtype,
        )

    # -- what it is -----------------------------------------------------------------------------------------------

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

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:  # noqa: FBT001
        """Return a 1-D object array of scalars: numpy and pandas must not see a second axis."""
        if dtype is not None and np.dtype(dtype) != np.dtype(object):
            raise TypeError(
                f"A vector column is one-dimensional and cannot become an array of {np.dtype(dtype)}. "
                "For the matrix (n, d) use series.mmembed.to_matrix()."
            )
        if copy is False:
            raise ValueError("A vector column cannot become an object array without a copy.")
        out = np.empty(len(self), dtype=object)
        for position, cell in enumerate(self):
            out[position] = cell
        return out

    def to_numpy(self, dtype: Any = None, copy: bool = False, na_value: Any = lib_no_default) -> npt.NDArray[Any]:  # noqa: ARG002, FBT001, FBT002
        """Return a 1-D object array of scalars, always new; for the matrix use ``series.mmembed.to_matrix()``."""
        cells = self.__array__(dtype)
        if na_value is not lib_no_default:
            cells[self._mask] = na_value
        return cells

    def __arrow_array__(self, type: pa.DataType | None = None) -> pa.Array:  # noqa: A002
        lists = arrow_from_matrix(self.matrix, self._mask)
        return lists if type is None or type == lists.type else lists.cast(type)

    # -- rows -----------------------------------------------------------------------------------------------------

    def _cell(self, position: int) -> Any:
        if self._mask[position]:
            return self._dtype.na_value
        return Vector._of_row(self._matrix[position], self._dtype.space)

    def __iter__(self) -> Iterator[Any]:
        for position in range(len(self)):
            yield self._cell(position)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, tuple):
            item = _only_axis(item)
        item = check_array_indexer(cast("Any", self), item)
        if isinstance(item, int | np.integer):
            return self._cell(int(item))
        part = self._simple_new(self._matrix[item], self._mask[item], self._dtype)
        if getattr(self, "_readonly", False) and isinstance(item, slice):
            part._readonly = True
        return part

    def __setitem__(self, key: Any, value: Any) -> None:
        if getattr(self, "_readonly", False):
            raise ValueError("Cannot modify read-only array")
        key = check_array_indexer(cast("Any", self), key)
        if is_missing(value):
            self._matrix[key], self._mask[key] = np.nan, True
            return
        rows = self._rows_of(value)
        if isinstance(value, Vector):
            self._matrix[key], self._mask[key] = rows._matrix[0], False
        else:
            self._mask[key] = rows._mask  # raises before anything is written if the lengths differ
            self._matrix[key] = rows._matrix

    def _rows_of(self, value: Any) -> VectorArray:
        """Return a value to be written as rows of this dtype."""
        if isinstance(value, Vector):
            check_comparable(self._dtype, value)
            return type(self)._from_sequence([value], dtype=self._dtype)
        if not isinstance(value, VectorArray | Sequence | np.ndarray | pd.Series | pd.Index | ExtensionArray):
            raise TypeError(f"A vector column holds vectors or missing values; got {type(value).__name__}.")
        if isinstance(value, str | bytes):
            raise TypeError(f"A vector column holds vectors or missing values; got {type(value).__name__}.")
        return type(self)._from_sequence(value, dtype=self._dtype)

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> VectorArray:
        """Return the rows at positions; with ``allow_fill``, −1 gives a missing row (or ``fill_value``)."""
        positions = np.asarray(indices, dtype=np.intp)
        if not allow_fill:
            if not len(self) and positions.size:
                raise IndexError("cannot do a non-empty take from an empty axes.")
            return self._simple_new(self._matrix.take(positions, axis=0), self._mask.take(positions), self._dtype)
        if positions.size and positions.min() < -1:
            raise ValueError("With allow_fill=True, positions are −1 (fill) or a row number.")
        if positions.size and positions.max() >= len(self):
            raise IndexError("cannot do a non-empty take from an empty axes." if not len(self) else "out of bounds")
        filled = positions == -1
        if not len(self):
            matrix = np.full((len(positions), self.dimension), np.nan, dtype=self._matrix.dtype)
            mask = np.ones(len(positions), dtype=bool)
        else:
            matrix = self._matrix.take(positions, axis=0)  # −1 reads the last row, overwritten below
            mask = self._mask.take(positions)
            matrix[filled], mask[filled] = np.nan, True
        if filled.any() and not is_missing(fill_value):
            row = self._rows_of(fill_value)
            matrix[filled], mask[filled] = row._matrix[0], False
        return self._simple_new(matrix, mask, self._dtype)

    def shift(self, periods: int = 1, fill_value: object = None) -> VectorArray:
        """Return the rows moved by some places; the places left free are missing, or hold ``fill_value``."""
        positions = np.arange(len(self)) - periods
        positions[(positions < 0) | (positions >= len(self))] = -1
        return self.take(positions, allow_fill=True, fill_value=fill_value)

    def copy(self) -> VectorArray:
        """Return an array with memory of its own."""
        return self._simple_new(self._matrix.copy(), self._mask.copy(), self._dtype)

    def view(self, dtype: Any = None) -> Any:
        """Return an array on the same memory."""
        if dtype is not None:
            raise NotImplementedError(f"A vector column has no view as {dtype!r}; use .astype().")
        return self._simple_new(self._matrix[:], self._mask[:], self._dtype)

    # -- other types ----------------------------------------------------------------------------------------------

    def astype(self, dtype: Any, copy: bool = True) -> Any:  # noqa: FBT001, FBT002
        """Return the column as another dtype; ``"float16"`` and ``"float32"`` change the storage only.

        Raises
        ------
        SpaceMismatchError
            If the wanted dtype names another space: vectors cannot be moved between models by a cast.
        """
        if isinstance(dtype, str) and dtype in ("float16", "float32"):
            dtype = VectorDtype(self.dimension, self.space, cast("Any", dtype))
        wanted = pd.api.types.pandas_dtype(dtype)
        if isinstance(wanted, VectorDtype):
            check_comparable(self._dtype, wanted)
            if wanted == self._dtype and not copy:
                return self
            matrix = self._matrix.astype(wanted.numpy_storage, copy=copy)
            return self._simple_new(matrix, self._mask.copy() if copy else self._mask, wanted)
        if isinstance(wanted, ExtensionDtype):
            if isinstance(wanted, pd.ArrowDtype):
                return wanted.construct_array_type()._from_sequence(self.__arrow_array__(wanted.pyarrow_dtype))
            cells = [None if is_missing(cell) else str(cell) for cell in self]
            return wanted.construct_array_type()._from_sequence(cells, dtype=wanted, copy=False)
        return super().astype(wanted, copy=copy)

    def _values_for_json(self) -> npt.NDArray[Any]:
        out = np.empty(len(self), dtype=object)
        for position, cell in enumerate(self):
            out[position] = None if cell is pd.NA else cell.tolist()
        return out

    def _formatter(self, boxed: bool = False) -> Callable[[Any], str]:  # noqa: ARG002, FBT001, FBT002
        return lambda cell: str(cell) if is_missing(cell) else short(np.asarray(cell))


def _numbers_in(text: str) -> list[float]:
    """Read what ``str(vector)`` wrote, e.g. from a CSV file."""
    try:
        return [float(number) for number in text.strip().removeprefix("[").removesuffix("]").split(",")]
    except ValueError as error:
        raise VectorError(f"{text[:40]!r} is not a vector; expected numbers in brackets, as in '[0.1, 0.2]'.") from error


def _only_axis(item: tuple[Any, ...]) -> Any:
    """Take the one real index out of a tuple such as ``(..., slice)``, which pandas uses."""
    rest = [one for one in item if one is not Ellipsis]
    if len(rest) > 1:
        raise IndexError("too many indices for array")
    return rest[0] if rest else slice(None)
