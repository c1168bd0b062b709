"""One vector: the scalar of a vector column, and the rule on which vectors may be compared.

Vectors may be compared that have one dimension and one space, or a space that nobody named.
"""

from __future__ import annotations

import functools
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mmembed.arrays import FloatVector
from mmembed.errors import DimensionMismatchError, SpaceMismatchError, VectorError


@functools.total_ordering
class Vector:
    """One immutable, hashable vector that knows its space.

    It is deliberately not iterable: pandas would take it for a list of rows. ``numpy.asarray(vector)`` gives the
    numbers; ``==`` gives one bool.

    Parameters
    ----------
    values : array-like, shape (d,)
        The coordinates; copied, kept as float32.
    space : str, optional
        Name of the model that made it.

    Raises
    ------
    VectorError
        If the values are not one row of finite numbers.

    Examples
    --------
    >>> Vector([3, 4], space="toy")
    Vector([3, 4] |5| d=2, space='toy')
    >>> Vector([3, 4]) == Vector([3, 4])
    True
    """

    # Not `_values`: pandas takes whatever has that name for a column of its own.
    __slots__ = ("_numbers", "_space")
    # Makes `ndarray == vector` ask Vector.__eq__, which gives one bool, instead of broadcasting.
    __array_ufunc__ = None

    _numbers: FloatVector
    _space: str | None

    def __init__(self, values: npt.ArrayLike, space: str | None = None) -> None:
        try:
            array = as_float32(values).copy()
        except (TypeError, ValueError) as error:
            raise VectorError(f"{type(values).__name__} is not a row of numbers: {error}.") from error
        if array.ndim != 1 or not array.size:
            raise VectorError(f"A vector has shape (d,) with d ≥ 1; got shape {array.shape}.")
        if not np.isfinite(array).all():
            raise VectorError("A vector holds finite numbers; got NaN or infinity. A missing vector is None.")
        array.flags.writeable = False
        object.__setattr__(self, "_numbers", array)
        object.__setattr__(self, "_space", space)

    @classmethod
    def _of_row(cls, row: FloatVector, space: str | None) -> Vector:
        """Make a vector of a row that is already known to be finite float32; copies it."""
        vector = cls.__new__(cls)
        copied = np.array(row, dtype=np.float32)
        copied.flags.writeable = False
        object.__setattr__(vector, "_numbers", copied)
        object.__setattr__(vector, "_space", space)
        return vector

    @property
    def space(self) -> str | None:
        """Name of the model that made the vector, or None if unknown."""
        return self._space

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return len(self._numbers)

    def tolist(self) -> list[float]:
        """Return the coordinates as Python floats."""
        return [float(value) for value in self._numbers]

    def toDict(self) -> dict[str, Any]:  # noqa: N802  the name that pandas' JSON encoder looks for
        """Return space and coordinates, for ``to_json`` of a column of objects; a vector column writes plain lists."""
        return {"space": self._space, "vector": self.tolist()}

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:  # noqa: FBT001  numpy's signature
        if dtype is None or np.dtype(dtype) == self._numbers.dtype:
            return self._numbers.copy() if copy else self._numbers
        if copy is False:
            raise ValueError(f"A float32 vector cannot be seen as {np.dtype(dtype)} without a copy.")
        return self._numbers.astype(dtype)

    def __len__(self) -> int:
        return len(self._numbers)

    def __float__(self) -> float:
        """Refuse: only having this method makes pandas take a vector for a scalar, so that ``pd.isna`` gives a bool."""
        raise TypeError(f"A vector of {len(self)} numbers is no number. numpy.asarray(vector) gives all of them.")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vector):
            return NotImplemented
        return self._space == other._space and np.array_equal(self._numbers, other._numbers)

    def __lt__(self, other: object) -> bool:
        """Order by the coordinates, first to last: a meaningless but stable order for sorting and grouping."""
        if not isinstance(other, Vector):
            return NotImplemented
        differing = np.flatnonzero(self._numbers != other._numbers) if len(self) == len(other) else np.empty(0)
        if differing.size:
            return bool(self._numbers[differing[0]] < other._numbers[differing[0]])
        return len(self) < len(other)

    def __hash__(self) -> int:
        # Adding zero makes -0.0 and 0.0, which are equal, hash alike.
        return hash((self._space, (self._numbers + 0.0).tobytes()))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A Vector is immutable; {name!r} cannot be set.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"A Vector is immutable; {name!r} cannot be deleted.")

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self._numbers, self._space))

    def __str__(self) -> str:
        """Return every coordinate, so that a CSV file loses nothing."""
        return f"[{', '.join(str(value) for value in self._numbers)}]"

    def __repr__(self) -> str:
        where = f", space={self._space!r}" if self._space is not None else ""
        return f"Vector({short(self._numbers)} |{np.linalg.norm(self._numbers):.3g}| d={len(self)}{where})"


def as_float32(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return values as float32, without a copy if they are; numbers written as text are no numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiubO":
        raise TypeError(f"{array.dtype} is not a type of real numbers")
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, and is refused with its row
        return array.astype(np.float32, copy=False)


def short(values: FloatVector, most: int = 3) -> str:
    """Return the first coordinates for a display.

    Examples
    --------
    >>> short(np.array([0.25, -1, 2, 3], dtype=np.float32))
    '[0.25, -1, 2, …]'
    """
    shown = ", ".join(f"{value:.3g}" for value in values[:most])
    return f"[{shown}{', …' if len(values) > most else ''}]"


class InSpace(Protocol):
    """Anything that has a dimension and a space: a dtype, an array, a single vector."""

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        ...

    @property
    def space(self) -> str | None:
        """Name of the model, or None if unknown."""
        ...


def check_comparable(left: InSpace, right: InSpace) -> None:
    """Refuse to compare vectors that do not mean the same.

    A space of None is unknown (vectors that did not come from ``embed``) and is taken at the caller's word.

    Raises
    ------
    SpaceMismatchError
        If both spaces are known and differ; the message names both.
    DimensionMismatchError
        If the dimensions differ.
    """
    if left.space is not None and right.space is not None and left.space != right.space:
        raise SpaceMismatchError(
            f"Vectors of {left.space!r} cannot be compared with vectors of {right.space!r}: "
            "each model has a space of its own. Embed both with one model."
        )
    if left.dimension != right.dimension:
        raise DimensionMismatchError(
            f"Vectors of dimension {left.dimension} cannot be compared with vectors of dimension {right.dimension}. "
            "Embed both with one dimension, or shorten the longer with series.mmembed.truncate(dimension)."
        )
