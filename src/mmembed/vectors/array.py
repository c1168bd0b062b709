# ruff: noqa: SLF001  an array reads the private parts of other arrays of its own class
"""The array behind a vector column: one matrix and a mask of missing rows, as a pandas ExtensionArray.

It holds all that pandas asks of a column: making one, reading and writing rows by position, equality and order, means,
and what it becomes as another type. The numbers themselves are checked in ``conversion`` and ``arrow``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype
from pandas.api.indexers import check_array_indexer

from mmembed.arrays import BoolVector, FloatMatrix
from mmembed.errors import DimensionMismatchError, VectorError
from mmembed.frames import is_missing
from mmembed.vectors.arrow import arrow_from_matrix, arrow_in, matrix_from_arrow
from mmembed.vectors.conversion import matrix_from_cells, matrix_from_numbers, numbers_in_text, stored
from mmembed.vectors.dtype import Storage, VectorDtype
from mmembed.vectors.rows import forget_lengths, row_codes, row_hashes, row_ranks
from mmembed.vectors.scalar import Vector, check_comparable, short

if TYPE_CHECKING:
    import pyarrow as pa


lib_no_default = pd.api.extensions.no_default


class VectorArray(ExtensionArray):
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

    _matrix: npt.NDArray[Any]
    _mask: BoolVector
    _dtype: VectorDtype
    _readonly: bool = False  # pandas 3 sets it on the arrays that it hands out
    __hash__: ClassVar[None]  # type: ignore[assignment]  # arrays that have == are not hashable

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
            matrix, mask, kind = matrix_from_cells(list(scalars), wanted)
            found = VectorDtype(kind.dimension, kind.space)
        final = wanted or found
        if matrix.shape[1] != final.dimension:
            raise DimensionMismatchError(
                f"The rows have dimension {matrix.shape[1]}; expected {final.dimension}, as in the dtype {final}."
            )
        return cls._simple_new(stored(matrix, final.numpy_storage), mask, final)

    @classmethod
    def _from_arrow(cls, array: pa.Array | pa.ChunkedArray, dtype: VectorDtype) -> Self:
        matrix, mask = matrix_from_arrow(array, dtype.dimension)
        return cls._simple_new(stored(matrix, dtype.numpy_storage), mask, dtype)

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

    # -- what it is ------------------------------------------------------------------------------------------------

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

    # -- rows by position ------------------------------------------------------------------------------------------

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
        if self._readonly and isinstance(item, slice):
            part._readonly = True
        return part

    def __setitem__(self, key: Any, value: Any) -> None:
        if self._readonly:
            raise ValueError("Cannot modify read-only array")
        key = check_array_indexer(cast("Any", self), key)
        if is_missing(value):
            numbers, missing = np.float32(np.nan), np.True_
        else:
            numbers, missing = self._rows_to_write(value, one=isinstance(key, int | np.integer))
        self._own_memory()
        # The mask is the smaller check: it raises before anything is written if the lengths differ.
        self._mask[key] = missing
        self._matrix[key] = numbers
        forget_lengths(self._matrix)

    def _rows_to_write(self, value: Any, *, one: bool) -> tuple[Any, Any]:
        """Return a value as numbers and mask in this array's storage; ``one`` row, or as many as the key names."""
        if isinstance(value, pd.Series | pd.Index):
            value = value.array
        if isinstance(value, Vector):
            value, one = [value], True
        elif not isinstance(value, Sequence | np.ndarray | ExtensionArray) or isinstance(value, str | bytes):
            raise TypeError(f"A vector column holds vectors or missing values; got {type(value).__name__}.")
        elif one and _is_row(value):
            value = [value]
        rows = self._from_sequence(value, dtype=self._dtype)
        if not one:
            return rows._matrix, rows._mask
        if len(rows) != 1:
            raise ValueError(f"One row takes one vector; got {len(rows)}.")
        return rows._matrix[0], rows._mask[0]

    def _own_memory(self) -> None:
        """Copy memory that may not be written, such as that of an Arrow buffer, before the first write."""
        if not self._matrix.flags.writeable:
            self._matrix = self._matrix.copy()
        if not self._mask.flags.writeable:
            self._mask = self._mask.copy()

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> Self:
        """Return the rows at positions; with ``allow_fill``, −1 gives a missing row (or ``fill_value``)."""
        positions = np.asarray(indices, dtype=np.intp)
        if not len(self) and positions.size and not (allow_fill and positions.max() < 0):
            raise IndexError("cannot do a non-empty take from an empty axes.")
        if not allow_fill:
            return self._simple_new(self._matrix.take(positions, axis=0), self._mask.take(positions), self._dtype)
        if positions.size and positions.min() < -1:
            raise ValueError("With allow_fill=True, positions are −1 (fill) or a row number.")
        if positions.size and positions.max() >= len(self):
            raise IndexError(f"Position {positions.max()} is out of bounds for {len(self)} rows.")
        filled = positions == -1
        numbers, missing = np.float32(np.nan), np.True_
        if filled.any() and not is_missing(fill_value):
            numbers, missing = self._rows_to_write(fill_value, one=True)
        return self._take_and_fill(positions, filled, numbers, missing)

    def _take_and_fill(self, positions: npt.NDArray[np.intp], filled: BoolVector, numbers: Any, missing: Any) -> Self:
        if len(self):
            # −1 reads the last row, overwritten below: cheaper than a second pass over the rows that stay.
            matrix, mask = self._matrix.take(positions, axis=0), self._mask.take(positions)
        else:
            matrix = np.empty((len(positions), self.dimension), dtype=self._matrix.dtype)
            mask = np.empty(len(positions), dtype=bool)
        matrix[filled], mask[filled] = numbers, missing
        return self._simple_new(matrix, mask, self._dtype)

    def shift(self, periods: int = 1, fill_value: object = None) -> Self:
        """Return the rows moved by some places; the places left free are missing, or hold ``fill_value``."""
        positions = np.arange(len(self)) - periods
        positions[(positions < 0) | (positions >= len(self))] = -1
        return self.take(positions, allow_fill=True, fill_value=fill_value)

    def view(self, dtype: Any = None) -> Self:
        """Return an array on the same memory."""
        if dtype is not None:
            raise NotImplementedError(f"A vector column has no view as {dtype!r}; use .astype().")
        return cast("Self", self[:])

    # -- equality and order: equality is exact, order is lexicographic ---------------------------------------------

    def _compare(self, other: Any, compare: Comparison) -> Any:
        if isinstance(other, pd.Series | pd.Index | pd.DataFrame):
            return NotImplemented
        if isinstance(other, VectorArray | Vector):
            check_comparable(self, other)
        if isinstance(other, VectorArray):
            if len(self) != len(other):
                raise ValueError(f"Lengths differ: {len(self)} and {len(other)}.")
            result, missing = _compare_rows(self._matrix, other._matrix, compare), self._mask | other._mask
        elif isinstance(other, Vector):
            # Not rounded to float16: a row equals a vector exactly if its scalar does.
            result, missing = _compare_rows(self._matrix, np.asarray(other)[np.newaxis], compare), self._mask
        elif isinstance(other, list | tuple | np.ndarray | ExtensionArray) and len(other) == len(self):
            pairs = zip(cast("Any", self), cast("Sequence[Any]", other), strict=True)
            result = np.array([left is not pd.NA and compare(left, right) is True for left, right in pairs], dtype=bool)
            missing = self._mask
        elif compare in (operator.eq, operator.ne):
            result, missing = np.full(len(self), compare is operator.ne), self._mask
        else:
            return NotImplemented
        # A missing row equals nothing and comes before or after nothing.
        result[missing] = compare is operator.ne
        return result

    def __eq__(self, other: object) -> Any:
        """Compare row by row; a missing row equals nothing."""
        return self._compare(other, operator.eq)

    def __ne__(self, other: object) -> Any:
        """Compare row by row; a missing row differs from everything."""
        return self._compare(other, operator.ne)

    def __lt__(self, other: object) -> Any:
        return self._compare(other, operator.lt)

    def __le__(self, other: object) -> Any:
        return self._compare(other, operator.le)

    def __gt__(self, other: object) -> Any:
        return self._compare(other, operator.gt)

    def __ge__(self, other: object) -> Any:
        return self._compare(other, operator.ge)

    def equals(self, other: object) -> bool:
        """Return whether the other array has the same dtype, the same rows and the same missing rows."""
        if not isinstance(other, VectorArray) or self._dtype != other._dtype or len(self) != len(other):
            return False
        return np.array_equal(self._mask, other._mask) and np.array_equal(self._matrix, other._matrix, equal_nan=True)

    def factorize(self, use_na_sentinel: bool = True) -> tuple[npt.NDArray[np.intp], Self]:  # noqa: FBT001, FBT002  pandas' signature
        """Return codes and the distinct rows in order of appearance."""
        codes, first = row_codes(self._matrix, self._mask)
        if not use_na_sentinel and self._mask.any():
            at = int(np.flatnonzero(self._mask)[0])
            code = int((first < at).sum())
            codes[codes >= code] += 1
            codes[self._mask] = code
            first = np.insert(first, code, at)
        return codes.astype(np.intp), self.take(first)

    def unique(self) -> Self:
        """Return the distinct rows in order of appearance."""
        return self.factorize(use_na_sentinel=False)[1]

    def duplicated(self, keep: Any = "first") -> BoolVector:
        """Return True where the same row stands elsewhere; missing rows equal each other here, as in pandas."""
        codes, _ = row_codes(self._matrix, self._mask)
        return pd.Series(codes).duplicated(keep=keep).to_numpy()

    def value_counts(self, dropna: bool = True) -> pd.Series[int]:  # noqa: FBT001, FBT002  pandas' signature
        """Return how often each row stands in the array."""
        codes, rows = self.factorize(use_na_sentinel=dropna)
        counts = np.bincount(codes[codes >= 0], minlength=len(rows))
        return pd.Series(counts, index=pd.Index(rows), name="count", dtype="Int64")

    def searchsorted(self, value: Any, side: Any = "left", sorter: Any = None) -> Any:
        """Return where rows belong in this sorted array."""
        wanted = self._from_sequence([value] if isinstance(value, Vector) else value, dtype=self._dtype)
        ranks = row_ranks(np.concatenate([self._matrix, wanted._matrix]))
        found = ranks[: len(self)].searchsorted(ranks[len(self) :], side=side, sorter=sorter)
        return found[0] if isinstance(value, Vector) else found

    def _hash_pandas_object(self, *, encoding: str, hash_key: str, categorize: bool) -> npt.NDArray[np.uint64]:  # noqa: ARG002  pandas' signature
        return row_hashes(self._matrix, self._mask, hash_key.encode(encoding))

    def _values_for_argsort(self) -> npt.NDArray[np.int64]:
        return row_ranks(self._matrix)

    # -- means: a mean is a vector of the same space, not of length 1 ----------------------------------------------

    def mean(self, *, skipna: bool = True) -> Any:
        """Return the mean vector, measured in float64; missing for no rows, or for a missing one without ``skipna``."""
        return self._reduce("mean", skipna=skipna)

    def _reduce(self, name: str, *, skipna: bool = True, keepdims: bool = False, **kwargs: Any) -> Any:
        if name != "mean":
            return super()._reduce(name, skipna=skipna, keepdims=keepdims, **kwargs)
        mean = self._means(np.zeros(len(self), dtype=np.intp), 1, skipna=skipna)
        return mean if keepdims else mean[0]

    def _groupby_op(self, *, how: str, ngroups: int, ids: npt.NDArray[np.intp], **kwargs: Any) -> Any:
        if how != "mean":
            return super()._groupby_op(how=how, ngroups=ngroups, ids=ids, **kwargs)  # type: ignore[misc]  # not in the stubs
        return self._means(ids, ngroups, skipna=kwargs.get("skipna", True))

    def _means(self, groups: npt.NDArray[np.intp], n_groups: int, *, skipna: bool) -> Self:
        """Return the mean of each group, shape ``(n_groups,)``; rows of a negative group belong to none."""
        matrix = np.full((n_groups, self.dimension), np.nan, dtype=self._matrix.dtype)
        kept = np.where(self._mask, -1, groups)
        order = np.argsort(kept, kind="stable")
        bounds = np.searchsorted(kept[order], np.arange(n_groups + 1))
        for group in np.flatnonzero(np.diff(bounds)):
            rows = order[bounds[group] : bounds[group + 1]]
            matrix[group] = self._matrix[rows].mean(axis=0, dtype=np.float64)
        if not skipna:
            matrix[groups[self._mask & (groups >= 0)]] = np.nan
        return self._simple_new(matrix, np.isnan(matrix[:, 0]), self._dtype)

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

    def to_arrow(self) -> pa.Array:
        """Return the rows as Arrow lists of float32, or of float16 where the column keeps that; without a copy.

        Lists have a fixed size. With pyarrow before 26 they have a variable one where rows are missing, since that
        could not write the others to a file.
        """
        return arrow_from_matrix(self._matrix, self._mask)

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
            return self._simple_new(stored(self._matrix, wanted.numpy_storage, copy=copy), mask, wanted)
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


def _only_axis(item: tuple[Any, ...]) -> Any:
    """Take the one real index out of a tuple such as ``(..., slice)``, which pandas uses."""
    rest = [one for one in item if one is not Ellipsis]
    if len(rest) > 1:
        raise IndexError("too many indices for array")
    return rest[0] if rest else slice(None)


def _is_row(value: Any) -> bool:
    """Return whether a list-like is one vector written as numbers, rather than a list of vectors."""
    return len(value) > 0 and not isinstance(value, VectorArray) and np.ndim(value[0]) == 0 and not is_missing(value[0])


Comparison = Callable[[Any, Any], Any]


def _compare_rows(left: npt.NDArray[Any], right: npt.NDArray[Any], compare: Comparison) -> BoolVector:
    """Compare ``(n, d)`` with ``(n, d)`` or ``(1, d)`` row by row."""
    if compare is operator.eq:
        return np.asarray((left == right).all(axis=1))
    if compare is operator.ne:
        return np.asarray((left != right).any(axis=1))
    ranks = row_ranks(np.concatenate([left, right]))
    return np.asarray(compare(ranks[: len(left)], ranks[len(left) :]))


def as_vector_array(values: Any, *, space: str | None = None) -> VectorArray:
    """Return vectors, in whatever way people keep them, as a VectorArray; a VectorArray comes back without a copy.

    Parameters
    ----------
    values : Series, Index, VectorArray, ndarray, Arrow array or sequence
        A vector column, or a column of lists, of ndarrays or of Arrow lists, or a matrix ``(n, d)``.
    space : str, optional
        The space of vectors that do not know theirs.

    Raises
    ------
    VectorError
        If a row is no vector, as in a column of texts, or no row tells the dimension.
    DimensionMismatchError
        If two rows have two lengths.

    Examples
    --------
    >>> as_vector_array(pd.Series([[1.0, 0.0], None])).isna()
    array([False,  True])
    """
    found = values.array if isinstance(values, pd.Series | pd.Index) else values
    try:
        made = found if isinstance(found, VectorArray) else VectorArray(found)
    except TypeError as error:
        raise VectorError(
            f"The column holds no vectors: {error} Make them with df.mmembed.embed(column, modality)."
        ) from error
    if space is None or made.space is not None:
        return made
    named: VectorArray = made.astype(VectorDtype(made.dimension, space, made.dtype.storage), copy=False)
    return named
