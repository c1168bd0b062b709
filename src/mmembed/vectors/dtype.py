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
# The same for processes without mmembed, where numpy must be able to read it: numbers and the bytes of the space.
_AS_NUMPY = re.compile(r"\((?P<dimension>[1-9][0-9]*),\)f(?P<bytes>[24]),109i1,109i1(?P<space>(?:,[0-9]+u1)*)")
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
    def text_for_numpy(self) -> str:
        """The dtype as a text that ``numpy.dtype`` reads, too, and that parses back here.

        It stands in the metadata of pandas in files for others: a process without mmembed, which could not read
        :attr:`name`, takes it for some dtype of numpy, and reads lists. Two fields of 109 bytes (``mm``) are the mark
        of a vector; then follows a field for each byte of the space, as long as the byte is large.
        """
        space = "".join(f",{byte}u1" for byte in (self.space or "").encode())
        return f"({self.dimension},)f{self.numpy_storage.itemsize},109i1,109i1{space}"

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
        """Parse the text that ``str(dtype)`` gives, or that is in files for others.

        Raises
        ------
        TypeError
            If the text is not of that form, as pandas expects.
        """
        if not isinstance(string, str):
            raise TypeError(f"'construct_from_string' expects a string, got {type(string)}")
        if found := _AS_NUMPY.fullmatch(string):
            return cls._of_text_for_numpy(found)
        match = _PATTERN.fullmatch(string)
        if match is None:
            raise TypeError(f"Cannot construct a 'VectorDtype' from '{string}'")
        try:
            return cls(int(match["dimension"]), match["space"], cast("Storage", match["storage"] or "float32"))
        except ValueError as error:
            raise TypeError(f"Cannot construct a 'VectorDtype' from '{string}': {error}") from error

    @classmethod
    def _of_text_for_numpy(cls, found: re.Match[str]) -> Self:
        storage: Storage = "float16" if found["bytes"] == "2" else "float32"
        try:
            space = bytes(int(one.removesuffix("u1")) for one in found["space"].split(",")[1:]).decode()
            return cls(int(found["dimension"]), space or None, storage)
        except ValueError as error:
            raise TypeError(f"Cannot construct a 'VectorDtype' from {found[0]!r}: {error}") from error

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
