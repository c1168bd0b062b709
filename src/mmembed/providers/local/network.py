"""EfficientNet-Lite0 (Tan and Le 2019, the variant for small devices) as a forward pass in NumPy.

This module owns the arithmetic of the network and nothing around it: pictures come in as numbers, class scores go out.
The layout is (picture, row, column, channel) throughout, so that a 1x1 convolution is one matrix product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["RESOLUTION", "EfficientNetLite"]


def to_views(image: Image) -> npt.NDArray[np.float32]:
    """Return how the network sees a picture: whole on white, and its centre square.

    Returns
    -------
    numpy.ndarray, shape (v, 224, 224, 3), float32
        v is 2, or 1 for a square picture, whose two views are the same.
    """
    from PIL import Image as Pillow

    width, height = image.size
    if width == height:
        return _to_numbers([image.resize((RESOLUTION, RESOLUTION), Pillow.Resampling.BICUBIC)])
    scale = RESOLUTION / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    whole = Pillow.new("RGB", (RESOLUTION, RESOLUTION), "white")
    corner = ((RESOLUTION - size[0]) // 2, (RESOLUTION - size[1]) // 2)
    whole.paste(image.resize(size, Pillow.Resampling.BICUBIC), corner)
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return _to_numbers([whole, image.resize((RESOLUTION, RESOLUTION), Pillow.Resampling.BICUBIC, box=box)])


def _to_numbers(views: list[Image]) -> npt.NDArray[np.float32]:
    stacked = np.stack([np.asarray(view) for view in views]).astype(np.float32)
    stacked -= 127
    stacked /= 128
    return stacked


FloatArray = npt.NDArray[np.float32]

RESOLUTION = 224

_BATCH_NORM_EPSILON = 1e-3

# Pictures that go through the network together: more of them only push the maps out of the processor's cache.
_GROUP = 2

# (blocks, kernel, stride of the first block, expansion, channels out), from the paper's table for B0 = Lite0.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@dataclass(frozen=True, slots=True)
class _Pointwise:
    """A 1x1 convolution with its batch normalisation folded in: ``x @ weight + bias``."""

    weight: FloatArray
    bias: FloatArray


@dataclass(frozen=True, slots=True)
class _Block:
    """One inverted bottleneck: expand the channels, filter each one by itself, project back.

    ``filters`` has shape (kernel, kernel, c), or (kernel, kernel, columns * c) where the stride is 1.
    """

    kernel: int
    stride: int
    expand: _Pointwise | None
    filters: FloatArray
    filter_bias: FloatArray
    project: _Pointwise
    is_residual: bool


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int, int]:
    """Return the size after a convolution and the zeros before and after, as TensorFlow's "same" padding has it."""
    size_after = -(-size // stride)
    padding = max((size_after - 1) * stride + kernel - size, 0)
    return size_after, padding // 2, padding - padding // 2


def _clip_to_six(x: FloatArray) -> FloatArray:
    """Apply ReLU6 in place."""
    return np.clip(x, 0, 6, out=x)


class EfficientNetLite:
    """The network with its weights ready to multiply; safe to share between threads, since it never changes.

    Parameters
    ----------
    tensors : mapping of str to numpy.ndarray
        The checkpoint, as ``read_checkpoint`` gives it.
    """

    def __init__(self, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
        self._stem = self._fold_batch_norm(tensors, "_conv_stem", "_bn0", (2, 3, 1, 0), rows=27)
        blocks: list[_Block] = []
        channels, size = 32, RESOLUTION // 2
        for repeats, kernel, first_stride, expansion, channels_out in _STAGES:
            for repeat in range(repeats):
                stride = first_stride if repeat == 0 else 1
                size = -(-size // stride)
                blocks.append(
                    self._build_block(
                        tensors,
                        f"_blocks.{len(blocks)}.",
                        kernel,
                        stride,
                        size,
                        is_expanded=expansion > 1,
                        is_residual=stride == 1 and channels == channels_out,
                    )
                )
                channels = channels_out
        self._blocks = tuple(blocks)
        self._head = self._fold_batch_norm(tensors, "_conv_head", "_bn1", (2, 3, 1, 0), rows=channels)
        classifier = np.ascontiguousarray(tensors["_fc.weight"].T, np.float32)
        self._classifier = _Pointwise(classifier, np.ascontiguousarray(tensors["_fc.bias"], np.float32))

    @staticmethod
    def _fold_batch_norm(
        tensors: Mapping[str, npt.NDArray[Any]], convolution: str, norm: str, order: tuple[int, ...], rows: int
    ) -> _Pointwise:
        gain = tensors[norm + ".weight"] / np.sqrt(tensors[norm + ".running_var"] + _BATCH_NORM_EPSILON)
        weight = (tensors[convolution + ".weight"] * gain[:, None, None, None]).transpose(order)
        bias = tensors[norm + ".bias"] - tensors[norm + ".running_mean"] * gain
        return _Pointwise(
            np.ascontiguousarray(weight.reshape(rows, -1), np.float32), np.ascontiguousarray(bias, np.float32)
        )

    @classmethod
    def _build_block(
        cls,
        tensors: Mapping[str, npt.NDArray[Any]],
        prefix: str,
        kernel: int,
        stride: int,
        size: int,
        *,
        is_expanded: bool,
        is_residual: bool,
    ) -> _Block:
        project = tensors[prefix + "_project_conv.weight"]
        middle = project.shape[1]
        expand = None
        if is_expanded:
            channels = tensors[prefix + "_expand_conv.weight"].shape[1]
            expand = cls._fold_batch_norm(
                tensors, prefix + "_expand_conv", prefix + "_bn0", (2, 3, 1, 0), rows=channels
            )
        depthwise = cls._fold_batch_norm(
            tensors, prefix + "_depthwise_conv", prefix + "_bn1", (2, 3, 1, 0), rows=kernel * kernel
        )
        filters = depthwise.weight.reshape(kernel, kernel, middle)
        return _Block(
            kernel=kernel,
            stride=stride,
            expand=expand,
            filters=np.tile(filters, size) if stride == 1 else filters,
            filter_bias=depthwise.bias,
            project=cls._fold_batch_norm(tensors, prefix + "_project_conv", prefix + "_bn2", (2, 3, 1, 0), rows=middle),
            is_residual=is_residual,
        )

    def scores(self, pixels: FloatArray) -> FloatArray:
        """Return the class scores (logits) of pictures.

        Parameters
        ----------
        pixels : numpy.ndarray, shape (n, 224, 224, 3), float32
            Red, green and blue as ``(value - 127) / 128``.

        Returns
        -------
        numpy.ndarray, shape (n, 1000), float32
        """
        return self.classify(self.features(pixels))

    def features(self, pixels: FloatArray) -> FloatArray:
        """Return what the last layer sees of pictures, shape (n, 1280); ``pixels`` as for ``scores``."""
        groups = [pixels[start : start + _GROUP] for start in range(0, len(pixels), _GROUP)]
        return np.concatenate([self._pool_features(group) for group in groups])

    def classify(self, features: FloatArray) -> FloatArray:
        """Return the class scores (logits) of features, shape (n, 1000)."""
        return np.asarray(features @ self._classifier.weight + self._classifier.bias, np.float32)

    def _pool_features(self, pixels: FloatArray) -> FloatArray:
        x = self._run_stem(pixels)
        for block in self._blocks:
            x = _run_block(block, x)
        n, _, _, channels = x.shape
        x = x.reshape(-1, channels) @ self._head.weight
        x += self._head.bias
        pooled: FloatArray = _clip_to_six(x).reshape(n, -1, x.shape[1]).mean(axis=1)
        return pooled

    def _run_stem(self, pixels: FloatArray) -> FloatArray:
        n, height, width, _ = pixels.shape
        rows, top, bottom = _same_padding(height, 3, 2)
        columns, left, right = _same_padding(width, 3, 2)
        padded = np.pad(pixels, ((0, 0), (top, bottom), (left, right), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::2, ::2]
        patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 27)
        x = patches @ self._stem.weight
        x += self._stem.bias
        return _clip_to_six(x).reshape(n, rows, columns, -1)


def _run_block(block: _Block, x: FloatArray) -> FloatArray:
    """Return the output of one block, shape (n, rows, columns, channels out), for an input of shape (n, h, w, c)."""
    n, height, width, channels = x.shape
    rows, top, bottom = _same_padding(height, block.kernel, block.stride)
    columns, left, right = _same_padding(width, block.kernel, block.stride)
    padded = np.zeros((n, top + height + bottom, left + width + right, block.filter_bias.size), np.float32)
    body = padded[:, top : top + height, left : left + width]
    if block.expand is None:
        body[...] = x
    else:
        wide = x.reshape(-1, channels) @ block.expand.weight
        wide += block.expand.bias
        np.clip(wide.reshape(body.shape), 0, 6, out=body)
    filtered = _filter_channels(padded, block, rows, columns)
    filtered += block.filter_bias
    out = _clip_to_six(filtered).reshape(-1, block.filter_bias.size) @ block.project.weight
    out += block.project.bias
    out = out.reshape(n, rows, columns, -1)
    if block.is_residual:
        out += x
    return out


def _filter_channels(padded: FloatArray, block: _Block, rows: int, columns: int) -> FloatArray:
    """Return the depthwise convolution of padded maps, shape (n, rows, columns, c).

    One ``einsum`` over a view of all kernel positions: its inner loop multiplies and adds in one pass over memory,
    where separate ``multiply`` and ``add`` need two and a temporary.
    """
    n, _, _, channels = padded.shape
    of_picture, of_row, of_column, of_channel = padded.strides
    kernel, stride = block.kernel, block.stride
    as_strided = np.lib.stride_tricks.as_strided
    out: FloatArray = np.empty((n, rows, columns, channels), np.float32)
    if stride == 1:
        # Columns and channels are one long axis, with the filters repeated along it: long inner loops.
        shape = (kernel, kernel, n, rows, columns * channels)
        windows = as_strided(padded, shape, (of_row, of_column, of_picture, of_row, of_channel), writeable=False)
        np.einsum("ijnrx,ijx->nrx", windows, block.filters, out=out.reshape(n, rows, -1))
    else:
        strides = (of_row, of_column, of_picture, of_row * stride, of_column * stride, of_channel)
        windows = as_strided(padded, (kernel, kernel, n, rows, columns, channels), strides, writeable=False)
        np.einsum("ijnrcx,ijx->nrcx", windows, block.filters, out=out)
    return out
