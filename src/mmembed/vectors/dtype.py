"""The dtype of a vector column: dimension, space, storage."""

from __future__ import annotations

import builtins
import re
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype, register_extension_dtype

from mmembed.errors import one_of
from mmembed.vectors.scalar import Vector

if TYPE_CHECKING:
    import pyarrow as pa

    from mmembed.vectors.array import VectorArray

Storage = Literal["float32", "float16"]
_PATTERN = re.compile(
    r"vector\[(?P<dimension>[1-9][0-9]*)(?:, (?P<space>(?!float16\])[^\[\],]+))?(?:, (?P<storage>float16))?\]"
)
_FORBIDDEN_IN_SPACE = re.compile(r"[\[\],\x00-\x1f]|^\s|\s$|^float16$|^$")


@register_extension_dtype
class VectorDtype(ExtensionDtype):
    """The type of a column whose cells are vectors of one length and one space.

    Parameters
    ----------
    dimension : int
        Length d of the vectors, at least 1.
    space : str, optional
        Name of the model that made them; None if unknown. Brackets and commas are not allowed in it.
    storage : {"float32", "float16"}, default "float32"
        How the numbers are kept in memory. ``"float16"`` halves the memory for about three digits of precision;
        matrices, files and scalars stay float32.

    Raises
    ------
    ValueError
        If the dimension is not a whole number of at least 1, or the space or the storage is not allowed.

    Examples
    --------
    >>> str(VectorDtype(1024, "qwen3-vl-embedding"))
    'vector[1024, qwen3-vl-embedding]'
    >>> VectorDtype.construct_from_string("vector[64]").dimension
    64
    """

    _metadata = ("dimension", "space", "storage")
    type = Vector
    kind = "O"

    def __init__(self, dimension: int, space: str | None = None, storage: Storage = "float32") -> None:
        if isinstance(dimension, bool) or not isinstance(dimension, int | np.integer) or dimension < 1:
            raise ValueError(f"dimension={dimension!r} is not a whole number of at least 1.")
        if space is not None and (not isinstance(space, str) or _FORBIDDEN_IN_SPACE.search(space)):
            raise ValueError(
                f"space={space!r} cannot name a space: expected a model name without brackets and commas, or None."
            )
        one_of("storage", storage, ("float32", "float16"))
        self.dimension = int(dimension)
        self.space = space
        self.storage: Storage = storage

    @property
    def name(self) -> str:  # type: ignore[override]  # pandas documents a property, its stubs an attribute
        """The dtype as text, e.g. ``vector[1024, qwen3-vl-embedding]``; parses back."""
        parts = [str(self.dimension)]
        if self.space is not None:
            parts.append(self.space)
        if self.storage != "float32":
            parts.append(self.storage)
        return f"vector[{', '.join(parts)}]"

    @property
    def na_value(self) -> Any:
        """The missing vector, ``pandas.NA``."""
        return pd.NA

    @property
    def numpy_storage(self) -> np.dtype[Any]:
        """The numpy dtype of the matrix in memory."""
        return np.dtype(self.storage)

    def __repr__(self) -> str:
        return self.name

    @classmethod
    def construct_array_type(cls) -> builtins.type[VectorArray]:
        """Return the array class of this dtype."""
        from mmembed.vectors.array import VectorArray

        return VectorArray

    @classmethod
    def construct_from_string(cls, string: str) -> Self:
        """Parse the text that ``str(dtype)`` gives.

        Raises
        ------
        TypeError
            If the text is not of that form, as pandas expects.
        """
        if not isinstance(string, str):
            raise TypeError(f"'construct_from_string' expects a string, got {type(string)}")
        match = _PATTERN.fullmatch(string)
        if match is None:
            raise TypeError(f"Cannot construct a 'VectorDtype' from '{string}'")
        try:
            return cls(int(match["dimension"]), match["space"], cast("Storage", match["storage"] or "float32"))
        except ValueError as error:
            raise TypeError(f"Cannot construct a 'VectorDtype' from '{string}': {error}") from error

    def __from_arrow__(self, array: pa.Array | pa.ChunkedArray) -> VectorArray:
        return self.construct_array_type()._from_arrow(array, self)  # noqa: SLF001  the array's own constructor

    def _get_common_dtype(self, dtypes: list[Any]) -> Any:
        """Return the dtype that a concatenation gives: None (object) for two spaces or two dimensions."""
        if not all(isinstance(dtype, VectorDtype) for dtype in dtypes):
            return None
        if len({(dtype.dimension, dtype.space) for dtype in dtypes}) != 1:
            return None
        storage: Storage = "float16" if all(dtype.storage == "float16" for dtype in dtypes) else "float32"
        return type(self)(self.dimension, self.space, storage)
